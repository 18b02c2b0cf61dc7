"""One fold: Fold in, record out (paper, section 4: runs, 80-10-10 splits, identical settings).

`Trainer` is the template that every kind of model shares: train epoch by epoch, score validation and test rows after each, keep
the answers at the epochs that a rule picks, say what happened. What differs between kinds are its hooks; the other files have them.
"""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from .. import rules
from ..datasets.preprocess import Prepared
from ..environment import describe
from ..errors import Diverged
from ..fold import Fold
from ..metrics import loss as cross_entropy
from ..metrics import scores


class Trained(NamedTuple):
    """A fold with what became of it: record (state, curve, ...) and test predictions (name -> array; see study/records.py)."""

    fold: Fold
    record: dict
    predictions: dict[str, np.ndarray]


class Course:
    """What happens to one fold from epoch to epoch: its curve, the answers that a rule picks, and the error that ends it.

    rows: validation and test are row numbers of `prepared`.
    """

    def __init__(self, prepared: Prepared, fold: Fold, validation: np.ndarray, test: np.ndarray):
        self.prepared, self.fold, self.validation, self.test = prepared, fold, validation, test
        self.curve: list[dict] = []
        self.error: str | None = None
        self._answers: dict[int, np.ndarray] = {}  # epoch -> test probabilities, of the epochs that a rule would pick now

    def ends(self, epoch: int, loss: float, answers: Callable[[str], np.ndarray]) -> bool:
        """Note an epoch; whether training ends with it. loss: mean over the training rows; answers: "val" or "test" -> probabilities."""
        self.curve.append({"epoch": epoch, "loss": loss})
        if not np.isfinite(loss):
            self.error = f"loss is {loss} in epoch {epoch}"
            return True
        for part, rows in (("val", self.validation), ("test", self.test)):
            probabilities = answers(part)
            if not np.isfinite(probabilities).all():
                self.error = f"predictions hold NaN after epoch {epoch}"
                return True
            labels = self.prepared.labels[rows]
            found = scores(labels, probabilities) | {"loss": cross_entropy(labels, probabilities)}
            self.curve[-1] |= {f"{part}_{name}": value for name, value in found.items()}
        self._answers[epoch] = probabilities
        picked = {rules.choose(self.curve, rule) for rule in rules.RULES}
        self._answers = {number: kept for number, kept in self._answers.items() if number in picked}
        patience = self.fold.training.get("patience")
        return patience is not None and epoch - rules.choose(self.curve) >= patience

    def trained(self, cost: dict, largest_c: float, env: dict) -> Trained:
        """The fold's record and test predictions. cost: train_rows, train_seconds, compile_seconds, parameters."""
        record = {
            "state": "failed" if self.error else "done",
            "curve": self.curve,
            "health": {"largest_c": largest_c, "nan": self.error is not None, "epochs": len(self.curve)},
            "cost": cost | {"test_rows": len(self.test), "seconds_per_epoch": cost["train_seconds"] / max(1, len(self.curve))},
            "env": env,
        }
        if self.error:
            message = f"{self.error}; the largest |c| an epoch earlier was {largest_c:.4g}"
            record["error"] = {"type": Diverged.__name__, "message": message}
            nothing = np.zeros_like(self.prepared.labels[self.test], np.float32)  # what answers nothing is scored as that
            record["scores"] = {"test": scores(self.prepared.labels[self.test], nothing)}
        epochs = sorted(self._answers)
        answers = np.stack([self._answers[epoch] for epoch in epochs]) if epochs else np.zeros((0, len(self.test), 0), np.float32)
        return Trained(self.fold, record, {"rows": self.prepared.rows[self.test], "labels": self.prepared.labels[self.test],
                                           "epochs": np.array(epochs, np.int32), "probabilities": answers})  # fmt: skip


class Trainer:
    """A compiled model for one prepared data set and one build, used for fold after fold.

    A kind of model sets `prepared`, `compile_seconds`, and has the hooks reset, epochs, predict, parameters; where it has a cell also
    snapshot, restore and largest_c.
    """

    prepared: Prepared
    compile_seconds: float
    loop: str | None = None  # "fast" or "readable" where there is a cell
    jit: bool = False
    engine: str | None = None  # "tensorflow" or "jax" where there is a network

    def train(self, folds: list[Fold]) -> list[Trained]:
        """All `folds`, which are of this trainer's build."""
        return [self.fold(fold) for fold in folds]

    def fold(self, fold: Fold) -> Trained:
        """Train and test one fold. A diverged model gives a record with state "failed".

        Its error names the epoch and the largest |c| after the epoch before (that of the initial weights for the first).
        """
        train, validation, test = fold.split(self.prepared.labels)  # the first of a process imports scikit-learn: no time of the model's
        started = time.perf_counter()
        course = Course(self.prepared, fold, validation, test)
        self.reset(fold)
        before = after = self.snapshot()
        for epoch, loss in self.epochs(train, fold):
            before, after = after, self.snapshot()
            if course.ends(epoch, loss, lambda part: self.predict(validation if part == "val" else test)):
                break
        seconds = time.perf_counter() - started
        if course.error and before is not None:
            self.restore(before)  # nothing can be seen in weights that are NaN: how large c was just before says what led there
        about = {
            "train_rows": len(train),
            "train_seconds": seconds,
            "compile_seconds": self.compile_seconds,
            "parameters": self.parameters(),
        }
        return course.trained(about, self.largest_c(test), describe() | self.environment())

    def reset(self, fold: Fold) -> None:
        """Start anew for a fold: nothing of the fold before is left."""
        raise NotImplementedError

    def epochs(self, rows: np.ndarray, fold: Fold) -> Iterator[tuple[int, float]]:
        """Each step trains an epoch on `rows`, as they are drawn for `fold`: (epoch, mean training loss)."""
        raise NotImplementedError

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Class probabilities of `rows`, float32 (rows, classes)."""
        raise NotImplementedError

    def parameters(self) -> int:
        """Number of trainable parameters."""
        raise NotImplementedError

    def environment(self) -> dict:
        """What a record says of how it was trained, beside the versions."""
        return {"engine": self.engine, "loop": self.loop, "jit": self.jit, "threads": 1}

    def snapshot(self) -> list[np.ndarray] | None:
        """The weights as they are, for a look at c before a model diverged; None for one that has no cell."""
        return None

    def restore(self, weights: list[np.ndarray]) -> None:
        """Set the weights to a snapshot."""

    def largest_c(self, rows: np.ndarray) -> float:
        """Largest |c| over `rows`; NaN for a model that has no cell."""
        return float("nan")
