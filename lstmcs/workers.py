"""What trains a fold: this process, or the workers of a dask cluster, one fold at a time each.

A fold is sent to one worker by name. If that worker goes (killed, out of memory, machine lost), the fold goes back into the
queue, at the front; a fold that has taken its workers with it several times is recorded as failed and the rest goes on.
"""

import asyncio
import gc
import json
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError

import psutil

from . import environment, records
from .order import Queue
from .preprocess import Prepared

Trained = tuple[dict, dict]  # a record and its predictions
ATTEMPTS = 3  # workers a fold may lose before it is recorded as failed
ATTEMPTS_MEMORY = 2  # of these, by memory
SHARE = 0.6  # of a worker's memory that compiled models may fill before the oldest is dropped for the next
LOG = 8000  # characters of a failed fold's log
PATIENCE = 300.0  # seconds that a local cluster may be without any worker
REMIND = 60.0  # seconds between two lines that say that another's cluster has no worker yet

_DATA: dict[str, Prepared] = {}  # in a worker: the prepared sets it was sent
_ONE_AT_A_TIME = threading.Lock()  # a compiled model is used by one fold at a time, whatever threads a worker has
_limit: float | None = None  # in a worker: its memory limit, bytes


class ClusterLost(RuntimeError):
    """The scheduler, or every worker of a local cluster, is gone: the sweep cannot go on."""


class _NoData(LookupError):
    """The worker does not hold the prepared set (any more)."""


def train_one(prepared: Prepared, config: dict) -> Trained:
    """Train a fold in this process; an error becomes a record with state "failed", the error's text and its log."""
    environment.prepare(training=True)
    from . import training  # TensorFlow is imported only where folds are trained

    lines: list[str] = []
    handler = _Lines(lines)
    logging.getLogger().addHandler(handler)
    try:
        try:
            return training.train_fold(prepared, config, _room)
        except Exception as error:
            if type(error).__name__ not in ("MemoryError", "ResourceExhaustedError"):
                raise
            lines.append(f"{type(error).__name__}: once more, with all other compiled models dropped")
        training.TRAINERS.clear()
        gc.collect()
        return training.train_fold(prepared, config, _room)
    except Exception as error:
        return failure(config, type(error).__name__, f"{type(error).__name__}: {error}", "\n".join([*lines, traceback.format_exc()]))
    finally:
        logging.getLogger().removeHandler(handler)


def failure(config: dict, kind: str, message: str, log: str = "") -> Trained:
    """The record of a fold that ended without a result."""
    error = {"type": kind, "message": message[:2000], "log": log[-LOG:]}
    return {"config": config, "state": "failed", "error": error, "env": environment.describe()}, {}


def in_process(data: dict[str, Prepared], queue: Queue) -> Iterator[Trained]:
    """Folds one after another in this process."""
    while (config := queue.take("here")) is not None:
        yield train_one(data[config["dataset"]], config)


def on_cluster(data: dict[str, Prepared], queue: Queue, client, local: bool, say: Callable[[str], None] = print) -> Iterator[Trained]:
    """Folds on the workers of `client`'s cluster, those that join later too. Raises ClusterLost.

    local: the cluster is this process's own; another's workers are asked first whether they would give the same results.
    """
    return _Dispatch(data, queue, client, local, say).run()


class _Dispatch:
    """One fold at a time to each worker; what happens to folds and workers is noticed within a second."""

    def __init__(self, data, queue, client, local, say):
        self.data, self.queue, self.client, self.local, self.say = data, queue, client, local, say
        self.running: dict = {}  # future -> (worker, configuration)
        self.fit: dict[str, bool] = {}  # worker -> whether it may train
        self.sent: set[tuple[str, str]] = set()  # (worker, data set) pairs
        self.losses: dict[str, list[str]] = {}  # key of a fold -> why its workers went
        self.seen = time.monotonic()  # when there was a worker last

    def run(self) -> Iterator[Trained]:
        while self.running or len(self.queue):
            alive = self._alive()
            for future, (worker, config) in list(self.running.items()):
                if future.status in ("cancelled", "lost"):  # a scheduler that was started anew knows nothing of it
                    self._give_back(future, worker, config)
                elif worker not in alive and future.status != "finished":
                    yield from self._lost(future, worker, config)
            self._meet(alive)
            busy = {worker for worker, _ in self.running.values()}
            for worker in alive:
                if not self.fit.get(worker) or worker in busy:
                    continue
                if _runs(alive[worker]):
                    self._submit(worker)
                else:
                    self.queue.left(worker, None)  # paused by its memory: others may have its cells
            for future in self._ended():
                yield from self._collect(future)

    def _alive(self) -> dict[str, dict]:
        try:
            # asked here: what client.scheduler_info() returns, its own refresh in the background may have emptied of workers
            found = self.client.sync(self.client.scheduler.identity, n_workers=-1)["workers"]
        except Exception as problem:  # whatever a broken connection raises
            raise ClusterLost(f"the scheduler does not answer any more ({type(problem).__name__}: {problem})") from problem
        if self.client.status != "running":
            raise ClusterLost("the connection to the scheduler is lost")
        for worker in set(self.fit) - set(found):
            if not any(w == worker for w, _ in self.running.values()):
                self.queue.left(worker, None)
                del self.fit[worker]
        if any(self.fit.get(worker, True) and _runs(about) for worker, about in found.items()):
            self.seen = time.monotonic()
        elif self.local and time.monotonic() - self.seen > PATIENCE:
            raise ClusterLost(f"no worker process has stayed alive for {PATIENCE:.0f} s")
        elif not self.local and time.monotonic() - self.seen > REMIND:
            self.say("waiting for a worker to join the cluster, or for a paused one to go on ...")
            self.seen = time.monotonic()
        return found

    def _meet(self, alive: dict[str, dict]) -> None:
        """Let new workers in: a worker of another version would train other results under the same name."""
        new = [worker for worker in alive if worker not in self.fit]
        if self.local or not new:
            self.fit |= dict.fromkeys(new, True)
            return
        mine = versions()
        for worker, theirs in self.client.run(versions, workers=new, on_error="return").items():
            if isinstance(theirs, dict):
                differs = [f"{k} {theirs.get(k) or 'missing'} instead of {mine[k]}" for k in mine if theirs.get(k) != mine[k]]
            else:  # an error: lstmcs is not installed there, most likely
                differs = [f"{type(theirs).__name__}: {theirs}"]
            self.fit[worker] = not differs
            if differs:
                self.say(f"worker {worker} is left out: {', '.join(differs)}")

    def _submit(self, worker: str) -> None:
        config = self.queue.take(worker)
        if config is None:
            return
        name = config["dataset"]
        known = (worker, name) in self.sent
        future = self.client.submit(
            _task, config, None if known else self.data[name], workers=[worker], pure=False, allow_other_workers=False
        )
        self.sent.add((worker, name))
        self.running[future] = (worker, config)

    def _ended(self) -> list:
        from distributed import wait

        try:
            if self.running:
                wait(list(self.running), timeout=1, return_when="FIRST_COMPLETED")
            else:
                time.sleep(0.2)
        except Exception:  # a time-out, or futures cancelled because the scheduler is gone: the next look says which
            pass
        return [future for future in self.running if future.status in ("finished", "error")]

    def _collect(self, future) -> Iterator[Trained]:
        worker, config = self.running[future]
        try:
            record, predictions, kept = future.result(timeout=30)
        except asyncio.TimeoutError:  # no TimeoutError before Python 3.11
            # its worker went before it could hand over; the next look says so
            if worker in self._alive():
                return
            yield from self._lost(future, worker, config)
            return
        except _NoData:
            self.sent.discard((worker, config["dataset"]))
            self._give_back(future, worker, config)
            return
        except (CancelledError, OSError):  # the connection broke, not the fold (its own errors are in its record): the next look says which
            self._give_back(future, worker, config)
            return
        except Exception as error:
            record, predictions = failure(config, type(error).__name__, f"worker {worker}: {type(error).__name__}: {error}")
            kept = 0
        del self.running[future]
        future.release()
        self.queue.kept(worker, kept)
        yield record, predictions

    def _give_back(self, future, worker: str, config: dict) -> None:
        del self.running[future]
        self.queue.left(worker, config)

    def _lost(self, future, worker: str, config: dict) -> Iterator[Trained]:
        del self.running[future]
        future.cancel()
        by_memory = self._out_of_memory(worker)
        name = f"{config['dataset']} {records.label(records.cell_of(config))} run {config['run']} fold {config['fold']}"
        losses = self.losses.setdefault(records.key(config), [])
        losses.append(
            f"{time.strftime('%Y-%m-%d %H:%M:%S')} worker {worker}: {by_memory or 'it is gone (killed, crashed, or its machine lost or too busy to answer)'}"
        )
        memory = sum("memory" in loss for loss in losses)
        if len(losses) < ATTEMPTS and memory < ATTEMPTS_MEMORY:
            self.say(f"{name}: {losses[-1].split(' ', 2)[2]}; the fold goes back into the queue")
            self.queue.left(worker, config)
        else:
            self.queue.left(worker, None)
            why = "out of memory" if memory else "killed, crashed, or their machines gone"
            message = f"{len(losses)} workers ended while they trained this fold ({why}); the last: {losses[-1].split(': ', 1)[1]}"
            yield failure(config, "OutOfMemory" if memory else "WorkerLost", message, "\n".join(losses))
        self.fit.pop(worker, None)

    def _out_of_memory(self, worker: str) -> str:
        """What the worker's keeper says of its end, if memory was the reason."""
        try:
            for _, event in self.client.get_events("worker-restart-memory"):
                if event["worker"] == worker:
                    return f"out of memory: {event['rss'] / 2**30:.1f} GiB, more than its limit allows"
        except Exception:  # no such event, or a scheduler that is gone
            pass
        return ""


def _runs(about: dict) -> bool:
    """Whether the scheduler says of a worker that it takes tasks; one that uses too much memory is paused."""
    return about.get("status", "running") == "running"


def versions() -> dict[str, str]:
    """What must be the same in all processes of a study."""
    about = environment.describe()
    tensorflow = about.get("tensorflow-cpu") or about.get("tensorflow", "")
    return {
        "lstmcs": about["lstmcs"],
        "records' protocol": str(records.PROTOCOL),
        "tensorflow": tensorflow,
        "keras": about.get("keras", ""),
    }


def _task(config: dict, prepared: Prepared | None) -> tuple[dict, dict, int]:
    """Run by a worker: a fold's record and predictions, and how many compiled models the worker keeps."""
    global _limit
    from distributed import get_worker

    with _ONE_AT_A_TIME:
        name = json.dumps([config["dataset"], config["data_sha256"], config["preparation"]])
        if prepared is not None:
            while len(_DATA) >= 8:
                del _DATA[next(iter(_DATA))]
            _DATA[name] = prepared
        if name not in _DATA:
            raise _NoData(config["dataset"])
        _limit = get_worker().memory_manager.memory_limit
        record, predictions = train_one(_DATA[name], config)
        training = sys.modules.get("lstmcs.training")
        return record, predictions, len(training.TRAINERS) if training else 0


def _room() -> bool:
    return psutil.Process().memory_info().rss < SHARE * (_limit or psutil.virtual_memory().total / 2)


class _Lines(logging.Handler):
    """Warnings of whatever library, for the log of a fold that fails."""

    def __init__(self, lines: list[str]):
        super().__init__(logging.WARNING)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.name}: {record.getMessage()}"[:1000])
