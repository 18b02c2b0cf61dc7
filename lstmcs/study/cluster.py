"""All of Dask: where the workers are, and how folds get to them and back.

The workers are processes of this machine, or those of any dask cluster that is running already. A fold is sent to one worker
by name. If that worker goes (killed, out of memory, machine lost), the fold goes back into the queue, at the front; a fold
that has taken its workers with it several times is recorded as failed and the rest goes on.

Everything between client, scheduler and workers is pickled by dask: who can reach a scheduler's port can run code on all
of them. The local cluster listens on this machine's loopback address alone, and asks for keys (TLS) that are made for it and kept in
memory: other users of the machine reach the port and get no further.
"""

import asyncio
import logging
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from .. import environment
from ..datasets.preprocess import Prepared
from ..errors import SchedulerError
from ..fold import Fold
from ..models import checkpoints
from ..training.trainer import Trained
from . import worker as workers
from .schedule import Queue

ADDRESS = re.compile(r"(tcp|tls|ws|wss|ucx)://(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):(\d{1,5})")
TIMEOUT = 30  # seconds to reach a scheduler; a busy machine needs more than ten
QUESTIONS, PAUSE = 3, 1.0  # how often a scheduler that does not answer is asked, and the seconds in between
ATTEMPTS = 3  # workers a fold may lose before it is recorded as failed
ATTEMPTS_MEMORY = 2  # of these, by memory
PATIENCE = 300.0  # seconds that a local cluster may be without any worker
REMIND = 60.0  # seconds between two lines that say that another's cluster has no worker yet
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


def check_address(address: str) -> str:
    """The address, if it is one; SchedulerError otherwise."""
    found = ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if not found or not 0 < int(found[3]) < 65536:
        raise SchedulerError(f"scheduler must be an address such as tcp://127.0.0.1:8786, not {address!r}")
    return address


def memory_limit(count: int) -> int:
    """Bytes for each of `count` workers: nine tenths of what this machine (or this container) has."""
    from distributed.system import MEMORY_LIMIT

    return int(0.9 * min(MEMORY_LIMIT, psutil.virtual_memory().total) / max(count, 1))


def keys(say: Callable[[str], None] = print):
    """Keys for the processes of one local cluster; None where the package cryptography is missing, which is said if others have
    accounts here."""
    from distributed.security import Security

    try:
        return Security.temporary()
    except ImportError:
        if shared_machine():
            say(
                "others who have an account here can reach the workers' ports and run code as you: pip install cryptography, or --workers 0"
            )
        return None


def shared_machine() -> bool:
    """Whether somebody else can log in here, as far as the list of accounts tells."""
    try:
        import pwd
    except ImportError:  # Windows
        return False
    people = [one for one in pwd.getpwall() if 1000 <= one.pw_uid < 60000 and not one.pw_shell.endswith(("nologin", "false"))]
    return any(one.pw_uid != os.getuid() for one in people)


@contextmanager
def local(count: int, say: Callable[[str], None] = print) -> Iterator:
    """A client of `count` new processes on this machine, one thread each; they end with it, however this process ends."""
    import dask
    from distributed import Client, LocalCluster

    env = environment.prepare(training=True) | checkpoints.environment()  # before the processes start: they inherit it
    safety = {"security": found, "protocol": "tls://"} if (found := keys(say)) else {}
    preload = {"distributed.worker.preload": [*dask.config.get("distributed.worker.preload"), __name__]}
    with dask.config.set(CONFIG | preload), LocalCluster(
        n_workers=count, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0",
        memory_limit=memory_limit(count), env=env, silence_logs=logging.CRITICAL, **safety,
    ) as cluster, Client(cluster) as client:  # fmt: skip
        yield client


def dask_setup(worker) -> None:
    """Called in each local worker as it starts: Ctrl-C is for the process that started it, which ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def running(address: str) -> Iterator:
    """A client of the cluster whose scheduler listens at `address`. Raises SchedulerError."""
    import dask
    from distributed import Client

    check_address(address)
    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # what matters of it is said in our own words
    try:
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GB"}):
            check_keys(address)
            try:
                client = Client(address, timeout=TIMEOUT)
            except Exception as problem:  # whatever dask raises for a transport that is not there
                reason = str(problem).splitlines()[0][:200] if str(problem) else type(problem).__name__
                raise SchedulerError(f"no scheduler answers at {address}: {reason}") from None
            try:
                yield client
            finally:
                client.close(timeout=5)
    finally:
        logger.setLevel(level)


def check_keys(address: str) -> None:
    """Whether dask knows the keys that a tls:// address asks for. Raises SchedulerError that names what to set."""
    import dask
    from distributed.security import Security

    if not address.startswith("tls://"):
        return
    names = {f"distributed.comm.tls.{name}": f"DASK_DISTRIBUTED__COMM__TLS__{name.upper().replace('-', '_').replace('.', '__')}"
             for name in ("ca-file", "client.key", "client.cert")}  # fmt: skip
    if missing := [variable for name, variable in names.items() if not dask.config.get(name, None)]:
        raise SchedulerError(f"{address} asks for keys: name their files in {', '.join(missing)}; see docs/cluster.md")
    try:
        Security().get_connection_args("client")
    except (OSError, ValueError) as problem:  # ssl.SSLError is an OSError
        raise SchedulerError(f"the keys for {address} cannot be used: {problem.strerror or problem}" if isinstance(problem, OSError)
                             else f"the keys for {address} cannot be used: {problem}") from None  # fmt: skip


def dashboard(client) -> str:
    """The address of the cluster's dashboard; "" when it has none (the scheduler's machine then lacks the package bokeh)."""
    try:
        has_one = client.run_on_scheduler(lambda: __import__("importlib.util").util.find_spec("bokeh") is not None)
        return client.dashboard_link if has_one else ""
    except Exception:  # no dashboard wanted there
        return ""


_DATA: dict[str, Prepared] = {}  # in a worker: the prepared sets it was sent
_ONE_AT_A_TIME = threading.Lock()  # a compiled model is used by one fold at a time, whatever threads a worker has


class ClusterLost(RuntimeError):
    """The scheduler, or every worker of a local cluster, is gone: the sweep cannot go on."""


class _NoData(LookupError):
    """The worker does not hold the prepared set (any more)."""


@dataclass(frozen=True)
class _Loss:
    """A worker that went while it trained a fold. by_memory: bytes it had used, where that was the reason."""

    when: str
    worker: str
    by_memory: float | None

    @property
    def why(self) -> str:
        if self.by_memory is None:
            return "it is gone (killed, crashed, or its machine lost or too busy to answer)"
        return f"out of memory: {self.by_memory / 2**30:.1f} GiB, more than its limit allows"

    def __str__(self):
        return f"{self.when} worker {self.worker}: {self.why}"


def _task(folds: list[Fold], prepared: Prepared | None) -> tuple[list[Trained], int]:
    """Run by a worker: folds of one build trained, and how many compiled models the worker keeps."""
    from distributed import get_worker

    with _ONE_AT_A_TIME:
        name = folds[0].reads
        if prepared is not None:
            while len(_DATA) >= 8:
                del _DATA[next(iter(_DATA))]
            _DATA[name] = prepared
        if name not in _DATA:
            raise _NoData(folds[0].dataset)
        workers.KEPT.limit = get_worker().memory_manager.memory_limit
        return workers.train(_DATA[name], folds), len(workers.KEPT)


def on_cluster(
    data: Callable[[Fold], Prepared], queue: Queue, client, local: bool, say: Callable[[str], None] = print,
    compiling: Callable[[Fold], None] = lambda fold: None,
) -> Iterator[Trained]:  # fmt: skip
    """Folds on the workers of `client`'s cluster, those that join later too. Raises ClusterLost.

    data: the prepared set of a fold. local: the cluster is this process's own; another's workers are asked first whether they would give the same results.
    compiling: told of a fold whose cell its worker has to compile first.
    """
    return _Dispatch(data, queue, client, local, say, compiling).run()


class _Dispatch:
    """A batch of folds of one build to each worker at a time; what happens to folds and workers is noticed within a second."""

    def __init__(self, data, queue, client, local, say, compiling=lambda fold: None):
        self.data, self.queue, self.client, self.local, self.say, self.compiling = data, queue, client, local, say, compiling
        self.running: dict = {}  # future -> (worker, its folds)
        self.fit: dict[str, bool] = {}  # worker -> whether it may train
        self.sent: set[tuple[str, str]] = set()  # (worker, prepared set) pairs
        self.losses: dict[Fold, list[_Loss]] = {}  # why a fold's workers went
        self.seen = time.monotonic()  # when there was a worker last

    def run(self) -> Iterator[Trained]:
        while self.running or len(self.queue):
            alive = self._alive()
            for future, (worker, folds) in list(self.running.items()):
                if future.status in ("cancelled", "lost"):  # a scheduler that was started anew knows nothing of it
                    self._give_back(future, worker, folds)
                elif worker not in alive and future.status != "finished":
                    yield from self._lost(future, worker, folds)
            self._meet(alive)
            busy = {worker for worker, _ in self.running.values()}
            for worker in alive:
                if not self.fit.get(worker) or worker in busy:
                    continue
                if _runs(alive[worker]):
                    self._submit(worker)
                else:
                    self.queue.left(worker)  # paused by its memory: others may have its cells
            for future in self._ended():
                yield from self._collect(future)

    def _alive(self) -> dict[str, dict]:
        for left in reversed(range(QUESTIONS)):
            try:
                # asked here: what client.scheduler_info() returns, its own refresh in the background may have emptied of workers
                found = self.client.sync(self.client.scheduler.identity, n_workers=-1)["workers"]
                break
            except Exception as problem:  # whatever a broken connection raises
                if not left or self.client.status != "running":
                    raise ClusterLost(f"the scheduler does not answer any more ({type(problem).__name__}: {problem})") from problem
                time.sleep(PAUSE)
        if self.client.status != "running":
            raise ClusterLost("the connection to the scheduler is lost")
        for worker in set(self.fit) - set(found):
            if not any(w == worker for w, _ in self.running.values()):
                self.queue.left(worker)
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
        mine = workers.versions()
        for worker, theirs in self.client.run(workers.versions, workers=new, on_error="return").items():
            if isinstance(theirs, dict):
                differs = [f"{k} {theirs.get(k) or 'missing'} instead of {mine[k]}" for k in mine if theirs.get(k) != mine[k]]
            else:  # an error: lstmcs is not installed there, most likely
                differs = [f"{type(theirs).__name__}: {theirs}"]
            self.fit[worker] = not differs
            if differs:
                self.say(f"worker {worker} is left out: {', '.join(differs)}")

    def _submit(self, worker: str) -> None:
        held, folds = self.queue.holds(worker), self.queue.take(worker)
        if not folds:
            return
        name = folds[0].reads
        known = (worker, name) in self.sent
        if folds[0].build not in held:
            self.compiling(folds[0])
        future = self.client.submit(
            _task, folds, None if known else self.data(folds[0]), workers=[worker], pure=False, allow_other_workers=False
        )
        self.sent.add((worker, name))
        self.running[future] = (worker, folds)

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
        worker, folds = self.running[future]
        try:
            trained, kept = future.result(timeout=30)
        except asyncio.TimeoutError:  # no TimeoutError before Python 3.11
            # its worker went before it could hand over; the next look says so
            if worker in self._alive():
                return
            yield from self._lost(future, worker, folds)
            return
        except _NoData:
            self.sent.discard((worker, folds[0].reads))
            self._give_back(future, worker, folds)
            return
        except (CancelledError, OSError):  # the connection broke, not the fold (its own errors are in its record): the next look says which
            self._give_back(future, worker, folds)
            return
        except Exception as error:
            message = f"worker {worker}: {type(error).__name__}: {error}"
            trained, kept = [workers.failure(fold, type(error).__name__, message) for fold in folds], 0
        del self.running[future]
        future.release()
        self.queue.kept(worker, kept)
        yield from trained

    def _give_back(self, future, worker: str, folds: list[Fold]) -> None:
        del self.running[future]
        self.queue.left(worker, folds)

    def _lost(self, future, worker: str, folds: list[Fold]) -> Iterator[Trained]:
        del self.running[future]
        future.cancel()
        loss = _Loss(time.strftime("%Y-%m-%d %H:%M:%S"), worker, self._memory_at_the_end(worker))
        again = []
        for fold in folds:
            losses = self.losses.setdefault(fold, [])
            losses.append(loss)
            memory = sum(one.by_memory is not None for one in losses)
            if len(losses) < ATTEMPTS and memory < ATTEMPTS_MEMORY:
                self.say(f"{fold.label}: {loss.why}; the fold goes back into the queue")
                again.append(fold)
                continue
            why = "out of memory" if memory else "killed, crashed, or their machines gone"
            message = f"{len(losses)} workers ended while they trained this fold ({why}); the last: {loss.why}"
            yield workers.failure(fold, "OutOfMemory" if memory else "WorkerLost", message, "\n".join(map(str, losses)))
        self.queue.left(worker, again)
        self.fit.pop(worker, None)

    def _memory_at_the_end(self, worker: str) -> float | None:
        """Bytes that the worker used when its keeper ended it for its memory; None where that was not the reason."""
        try:
            events = self.client.get_events("worker-restart-memory")
        except Exception:  # a scheduler that is gone
            return None
        return next((float(event["rss"]) for _, event in events if event["worker"] == worker), None)


def _runs(about: dict) -> bool:
    """Whether the scheduler says of a worker that it takes tasks; one that uses too much memory is paused."""
    return about.get("status", "running") == "running"
