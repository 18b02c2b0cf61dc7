"""What trains folds in one process, and keeps its compiled models from one fold to the next.

This is the only place that knows which class trains which kind of model, and by which engine; TensorFlow and JAX are imported
where a model needs them.
"""

import gc
import importlib.util
import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil

from .. import environment
from ..datasets.preprocess import Prepared
from ..errors import SettingsError, nearest
from ..fold import PROTOCOL, Fold
from ..models.kinds import KINDS
from ..training.trainer import Trained, Trainer
from .schedule import Queue

SHARE = 0.6  # of a process's memory that compiled models may fill before the oldest is dropped for the next
LOG = 8000  # characters of a failed fold's log
ALL = 100_000  # folds: as many as there are
ENGINES = ("auto", "tensorflow", "jax", "jax-tf32")
INSTALL = {"tensorflow": '"lstmcs[study]"', "jax": '"lstmcs[jax]" (CPU) or "lstmcs[gpu]"'}
KEEP = 24  # compiled models: all cells of one data set; each takes 100 to 150 MB at the study's sizes


class Kept:
    """Compiled models of this process, the one used longest ago first.

    limit: bytes that this process may use; None means half of the machine's.
    """

    def __init__(self, limit: float | None = None):
        self.limit = limit
        self._trainers: dict[tuple, Trainer] = {}

    def __len__(self):
        return len(self._trainers)

    def clear(self) -> None:
        self._trainers.clear()
        gc.collect()

    def has(self, prepared: Prepared, fold: Fold) -> bool:
        """Whether `fold`'s build is kept."""
        return (prepared.id, fold.build) in self._trainers

    def trainer(self, prepared: Prepared, fold: Fold) -> Trainer:
        """The trainer of `fold`'s build, compiled now if it is not kept."""
        key = prepared.id, fold.build
        if not self.has(prepared, fold):
            if self._trainers and not (len(self._trainers) < KEEP and self._room()):
                del self._trainers[next(iter(self._trainers))]
            self._trainers[key] = trainer_class(fold.model)(prepared, fold)
        self._trainers[key] = self._trainers.pop(key)  # the last one used is the last
        return self._trainers[key]

    def _room(self) -> bool:
        return psutil.Process().memory_info().rss < SHARE * (self.limit or psutil.virtual_memory().total / 2)


KEPT = Kept()


def trainer_class(model: str) -> type[Trainer]:
    """What trains a kind of model."""
    if KINDS[model].checkpoint:
        from ..training.bert import FineTuner as found
    elif KINDS[model].text == "ids":
        from ..training.lstm import LSTMTrainer as found
    elif KINDS[model].text == "none":
        from ..training.constant import Constant as found
    else:
        from ..training.tfidf import TfIdf as found
    return found


def train(prepared: Prepared, folds: list[Fold], kept: Kept = KEPT) -> list[Trained]:
    """Train folds of one build in this process; an error becomes a record with state "failed", the error's text and its log."""
    environment.prepare(training=True)
    lines: list[str] = []
    handler = _Lines(lines)
    logging.getLogger().addHandler(handler)
    try:
        try:
            return kept.trainer(prepared, folds[0]).train(folds)
        except Exception as error:
            if type(error).__name__ not in ("MemoryError", "ResourceExhaustedError"):
                raise
            lines.append(f"{type(error).__name__}: once more, with all other compiled models dropped")
        kept.clear()
        return kept.trainer(prepared, folds[0]).train(folds)
    except Exception as error:
        return _failed(folds, error, lines)
    finally:
        logging.getLogger().removeHandler(handler)


def failure(fold: Fold, kind: str, message: str, log: str = "") -> Trained:
    """The record of a fold that ended without a result."""
    error = {"type": kind, "message": message[:2000], "log": log[-LOG:]}
    return Trained(fold, {"state": "failed", "error": error, "env": environment.describe()}, {})


def in_process(data: Callable[[Fold], Prepared], queue: Queue, compiling: Callable[[Fold], None] = lambda fold: None) -> Iterator[Trained]:
    """Folds one after another in this process. data: the prepared set of a fold. compiling: told of a fold whose cell has to be compiled first."""
    while folds := queue.take("here"):
        if not KEPT.has(prepared := data(folds[0]), folds[0]):
            compiling(folds[0])
        yield from train(prepared, folds)


def side_by_side(
    data: Callable[[Fold], Prepared], queue: Queue, tf32: bool = False, compiling: Callable[[Fold], None] = lambda fold: None
) -> Iterator[Trained]:  # fmt: skip
    """All folds of a build at once in this process (JAX), build after build; the next one's programs compile meanwhile."""
    from ..training.many import ManyTrainer

    def begun(folds: list[Fold]) -> tuple[ManyTrainer, list[list[Fold]]]:
        trainer = ManyTrainer(data(folds[0]), folds[0], tf32)
        count = -(-len(folds) // trainer.at_once())
        groups = [folds[k::count] for k in range(count)]  # of like size: few shapes to compile
        with suppress(Exception):  # what is wrong is met again by the training, which halves what does not fit, and says the rest
            trainer.compile_for(groups[0])
        return trainer, groups

    def start(pool: ThreadPoolExecutor):
        if not (folds := queue.take("here", ALL)):
            return None
        data(folds[0])  # prepared here: what prepares on demand is asked by one thread
        return folds, pool.submit(begun, folds) if KINDS[folds[0].model].text == "ids" else None

    with ThreadPoolExecutor(1) as pool:
        current = start(pool)
        while current is not None:
            folds, begin = current
            if begin is None:  # a kind that is no program of many folds
                current = start(pool)
                yield from train(data(folds[0]), folds)
                continue
            if not begin.done():
                compiling(folds[0])
            try:
                trainer, groups = begin.result()
            except Exception as error:
                current = start(pool)
                yield from _failed(folds, error)
                continue
            current = start(pool)
            for group in groups:
                try:
                    yield from trainer.train(group)
                except Exception as error:
                    yield from _failed(group, error)


def _failed(folds: list[Fold], error: Exception, lines: Iterable[str] = ()) -> list[Trained]:
    log = "\n".join([*lines, "".join(traceback.format_exception(error))])
    return [failure(fold, type(error).__name__, f"{type(error).__name__}: {error}", log) for fold in folds]


def engine(asked: str, models: Iterable[str] = ()) -> str:
    """Which engine trains: "tensorflow", "jax" or "jax-tf32". "auto" is JAX where it sees an accelerator, or where there is no
    TensorFlow. Raises SettingsError for one that is not installed, or that cannot train one of the kinds of `models`.
    """
    if asked not in ENGINES:
        raise SettingsError(f"unknown engine {asked!r}{nearest(asked, ENGINES)}; engines are {', '.join(ENGINES)}")
    there = {name: importlib.util.find_spec(name) is not None for name in ("tensorflow", "jax")}
    if asked == "auto":
        asked = "jax" if there["jax"] and (not there["tensorflow"] or _accelerator()) else "tensorflow"
    name = asked.partition("-")[0]
    if not there[name]:
        raise SettingsError(f"engine {asked!r} needs {name}, which is not installed here: pip install {INSTALL[name]}")
    if name == "jax":
        if wrong := [model for model in models if KINDS[model].checkpoint]:
            raise SettingsError(f"{wrong[0]} is fine-tuned by TensorFlow alone; leave it out, or choose engine 'tensorflow'")
        if "keras" in sys.modules and sys.modules["keras"].backend.backend() != "jax":
            raise SettingsError("Keras runs on TensorFlow in this process; for engine 'jax' start Python with KERAS_BACKEND=jax")
    return asked


def _accelerator() -> bool:
    """Whether JAX sees one; asked only where a plugin for one is installed, since the answer starts the device."""
    plugins = importlib.util.find_spec("jax_plugins")
    if plugins is None or not any(True for place in plugins.submodule_search_locations for _ in Path(place).iterdir()):
        return False
    environment.prepare(training=True, engine="jax")
    import jax

    return jax.default_backend() != "cpu"


class _Lines(logging.Handler):
    """Warnings of whatever library, for the log of a fold that fails."""

    def __init__(self, lines: list[str]):
        super().__init__(logging.WARNING)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.name}: {record.getMessage()}"[:1000])


def versions() -> dict[str, str]:
    """What must be the same in all processes of a study."""
    about = environment.describe()
    tensorflow = about.get("tensorflow-cpu") or about.get("tensorflow", "")
    return {"lstmcs": about["lstmcs"], "records' protocol": str(PROTOCOL), "tensorflow": tensorflow, "keras": about.get("keras", "")}
