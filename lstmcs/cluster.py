"""Where the workers are: a cluster of processes on this machine, or any dask cluster that is running already.

Everything between client, scheduler and workers is pickled by dask: who can reach a scheduler's port can run code on all
of them. The local cluster listens on this machine's loopback address alone.
"""

import logging
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from . import environment

ADDRESS = re.compile(r"(tcp|tls|ws|wss|ucx)://(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):(\d{1,5})")
TIMEOUT = 10  # seconds to reach a scheduler
#: A worker keeps compiled models, which dask cannot write to disk: pausing it would never free any memory. The end of a
#: process on this machine is seen at once; one that is merely silent for five minutes would be taken for dead and its fold lost.
CONFIG = {
    "distributed.scheduler.worker-ttl": None,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    "distributed.admin.large-graph-warning-threshold": "1 GB",
}


class NoScheduler(ValueError):
    """An address at which no scheduler can be, or none answers."""


def check_address(address: str) -> str:
    """The address, if it is one; NoScheduler otherwise."""
    found = ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if not found or not 0 < int(found[3]) < 65536:
        raise NoScheduler(f"scheduler must be an address such as tcp://127.0.0.1:8786, not {address!r}")
    return address


def memory_limit(count: int) -> int:
    """Bytes for each of `count` workers: nine tenths of what this machine (or this container) has."""
    from distributed.system import MEMORY_LIMIT

    return int(0.9 * min(MEMORY_LIMIT, psutil.virtual_memory().total) / max(count, 1))


@contextmanager
def local(count: int) -> Iterator:
    """A client of `count` new processes on this machine, one thread each; they end with it, however this process ends."""
    import dask
    from distributed import Client, LocalCluster

    env = environment.prepare(training=True)  # before the processes start: they inherit it
    preload = {"distributed.worker.preload": [*dask.config.get("distributed.worker.preload"), __name__]}
    with dask.config.set(CONFIG | preload), LocalCluster(
        n_workers=count, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0",
        memory_limit=memory_limit(count), env=env, silence_logs=logging.CRITICAL,
    ) as cluster, Client(cluster) as client:  # fmt: skip
        yield client


def dask_setup(worker) -> None:
    """Called in each local worker as it starts: Ctrl-C is for the process that started it, which ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def running(address: str) -> Iterator:
    """A client of the cluster whose scheduler listens at `address`. Raises NoScheduler."""
    import dask
    from distributed import Client

    check_address(address)
    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # what matters of it is said in our own words
    try:
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GB"}):
            try:
                client = Client(address, timeout=TIMEOUT)
            except (OSError, TimeoutError, ValueError) as problem:
                reason = str(problem).splitlines()[0][:200] if str(problem) else type(problem).__name__
                raise NoScheduler(f"no scheduler answers at {address}: {reason}") from None
            try:
                yield client
            finally:
                client.close(timeout=5)
    finally:
        logger.setLevel(level)


def dashboard(client) -> str:
    """The address of the cluster's dashboard; "" when it has none (the scheduler's machine then lacks the package bokeh)."""
    try:
        has_one = client.run_on_scheduler(lambda: __import__("importlib.util").util.find_spec("bokeh") is not None)
        return client.dashboard_link if has_one else ""
    except Exception:  # no dashboard wanted there
        return ""
