"""The processes that train: this one, or a local dask cluster of one-thread workers."""

import logging
from collections.abc import Iterator

from . import environment
from .plan import Plan
from .preprocess import Prepared


def train_one(prepared: Prepared, config: dict) -> tuple[dict, dict]:
    """Train a fold in this process; an error becomes a record with state "failed" and the error's text."""
    environment.prepare(training=True)
    from .training import train_fold  # TensorFlow is imported only where folds are trained

    try:
        return train_fold(prepared, config)
    except Exception as error:
        message = f"{type(error).__name__}: {error}"[:2000]
        record = {
            "config": config,
            "state": "failed",
            "error": {"type": type(error).__name__, "message": message},
            "env": environment.describe(),
        }
        return record, {}


def in_process(work: Plan, pending: list[dict]) -> Iterator[tuple[dict, dict]]:
    for config in pending:
        yield train_one(work.data[config["dataset"]], config)


def in_workers(work: Plan, pending: list[dict]) -> Iterator[tuple[dict, dict]]:
    """Folds on a local cluster. Each worker keeps to one alteration as long as it can: compiling costs seconds."""
    from distributed import Client, LocalCluster, as_completed

    count = min(work.settings.workers, len(pending))
    cluster = LocalCluster(
        n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None, env=environment.prepare(training=True),
        silence_logs=logging.ERROR,
    )  # fmt: skip
    with cluster, Client(cluster) as client:
        data = {name: client.scatter(prepared, broadcast=True) for name, prepared in work.data.items()}
        queues = share(pending, count)
        workers = list(client.scheduler_info(n_workers=-1)["workers"])

        def submit(worker: str):
            queue = queues[worker_number[worker]] or max(queues, key=len)
            if not queue:
                return None
            # from another worker's queue the last one is taken: it is the farthest from what that worker does now
            config = queue.pop(0) if queue is queues[worker_number[worker]] else queue.pop()
            future = client.submit(train_one, data[config["dataset"]], config, workers=[worker], pure=False)
            home[future.key] = worker
            return future

        worker_number = {worker: number for number, worker in enumerate(workers)}
        home = {}
        running = as_completed([future for worker in workers if (future := submit(worker))])
        for future in running:
            yield future.result()
            if following := submit(home.pop(future.key)):
                running.add(following)


def share(pending: list[dict], count: int) -> list[list[dict]]:
    """Cut the folds into one queue a worker, whole alterations together, longest groups first come first served."""
    groups: dict[tuple, list[dict]] = {}
    for config in pending:
        groups.setdefault((config["dataset"], config["run"], config["alteration"]), []).append(config)
    queues = [[] for _ in range(count)]
    for group in groups.values():
        min(queues, key=len).extend(group)
    return queues
