"""What trains folds in one process, and keeps its compiled models from one fold to the next.

This is the only place that knows which class trains which kind of model; TensorFlow is imported where a model needs it.
"""

import gc
import logging
import traceback
from collections.abc import Callable, Iterator, Mapping

import psutil

from .. import environment
from ..datasets.preprocess import Prepared
from ..fold import PROTOCOL, Fold
from ..models.kinds import KINDS
from ..training.trainer import Trained, Trainer
from .schedule import Queue

SHARE = 0.6  # of a process's memory that compiled models may fill before the oldest is dropped for the next
LOG = 8000  # characters of a failed fold's log
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
        log = "\n".join([*lines, traceback.format_exc()])
        return [failure(fold, type(error).__name__, f"{type(error).__name__}: {error}", log) for fold in folds]
    finally:
        logging.getLogger().removeHandler(handler)


def failure(fold: Fold, kind: str, message: str, log: str = "") -> Trained:
    """The record of a fold that ended without a result."""
    error = {"type": kind, "message": message[:2000], "log": log[-LOG:]}
    return Trained(fold, {"state": "failed", "error": error, "env": environment.describe()}, {})


def in_process(data: Mapping[str, Prepared], queue: Queue, compiling: Callable[[Fold], None] = lambda fold: None) -> Iterator[Trained]:
    """Folds one after another in this process. compiling: told of a fold whose cell has to be compiled first."""
    while folds := queue.take("here"):
        if not KEPT.has(prepared := data[folds[0].dataset], folds[0]):
            compiling(folds[0])
        yield from train(prepared, folds)


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
