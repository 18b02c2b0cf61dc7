"""One fold: Fold in, record out (paper, section 4: runs, 80-10-10 splits, identical settings).

`Trainer` is the template that every kind of model shares: train epoch by epoch, score the validation rows after each, predict
the test rows, say what happened. What differs between kinds are its hooks; lstm.py, bert.py and tfidf.py have them.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..datasets.preprocess import Prepared
from ..environment import describe
from ..errors import Diverged
from ..fold import Fold
from ..metrics import scores


class Trained(NamedTuple):
    """A fold with what became of it: record (state, scores, curve, ...) and test predictions (name -> array)."""

    fold: Fold
    record: dict
    predictions: dict[str, np.ndarray]


class Trainer:
    """A compiled model for one prepared data set and one build, used for fold after fold.

    A kind of model sets `prepared`, `compile_seconds`, and has the hooks reset, epochs, predict, loss; where it has a cell also
    snapshot, restore and largest_c.
    """

    prepared: Prepared
    compile_seconds: float
    loop: str | None = None  # "fast" or "readable" where there is a cell
    jit: bool = False

    def train(self, folds: list[Fold]) -> list[Trained]:
        """All `folds`, which are of this trainer's build."""
        return [self.fold(fold) for fold in folds]

    def fold(self, fold: Fold) -> Trained:
        """Train and test one fold. A diverged model gives a record with state "failed".

        Its error names the epoch and the largest |c| after the epoch before (that of the initial weights for the first).
        """
        train, validation, test = fold.split(self.prepared.labels)
        curve, error, result = [], None, {}
        self.reset(fold)
        before = after = self.snapshot()
        started = time.perf_counter()
        for epoch, loss in self.epochs(train, fold):
            before, after = after, self.snapshot()
            curve.append({"epoch": epoch, "loss": loss})
            if not np.isfinite(loss):
                error = f"loss is {loss} in epoch {epoch}"
                break
            try:
                curve[-1] |= {f"val_{k}": v for k, v in self.evaluate(validation).items()}
            except Diverged as problem:
                error = f"{problem} after epoch {epoch}"
                break
        train_seconds = time.perf_counter() - started
        probabilities = self.predict(test)
        if error is None:
            try:
                result = {
                    "validation": {k.removeprefix("val_"): v for k, v in curve[-1].items() if k.startswith("val_")},
                    "test": self.score(test, probabilities),
                }
            except Diverged as problem:
                error = f"{problem} on the test rows"
        if error and before is not None:  # nothing can be seen in weights that are NaN: how large c was just before says what led there
            self.restore(before)
        largest = self.largest_c(test)
        record = {
            "state": "failed" if error else "done",
            "scores": result,
            "curve": curve,
            "health": {"largest_c": largest, "nan": error is not None, "epochs": len(curve)},
            "cost": {
                "train_rows": len(train), "test_rows": len(test), "train_seconds": train_seconds,
                "seconds_per_epoch": train_seconds / len(curve), "compile_seconds": self.compile_seconds,
                "parameters": self.parameters(),
            },
            "env": describe() | self.environment(),
        }  # fmt: skip
        if error:
            record["error"] = {"type": "Diverged", "message": f"{error}; the largest |c| an epoch earlier was {largest:.4g}"}
        return Trained(
            fold, record, {"rows": self.prepared.rows[test], "labels": self.prepared.labels[test], "probabilities": probabilities}
        )

    def evaluate(self, rows: np.ndarray) -> dict[str, float]:
        """Scores (fractions) and loss on `rows`. Raises Diverged."""
        return self.score(rows, self.predict(rows))

    def score(self, rows: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
        """Scores (fractions) and loss of these answers to `rows`. Raises Diverged."""
        if not np.isfinite(probabilities).all():
            raise Diverged("predictions hold NaN")
        labels = self.prepared.labels[rows]
        return scores(labels, probabilities) | {"loss": self.loss(labels, probabilities)}

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

    def loss(self, labels: np.ndarray, probabilities: np.ndarray) -> float:
        """Mean binary cross-entropy over rows and classes."""
        import keras

        return float(np.mean(keras.losses.binary_crossentropy(labels.astype(np.float32), probabilities)))

    def environment(self) -> dict:
        """What a record says of how it was trained, beside the versions."""
        return {"loop": self.loop, "jit": self.jit, "threads": 1}

    def snapshot(self) -> list[np.ndarray] | None:
        """The weights as they are, for a look at c before a model diverged; None for one that has no cell."""
        return None

    def restore(self, weights: list[np.ndarray]) -> None:
        """Set the weights to a snapshot."""

    def largest_c(self, rows: np.ndarray) -> float:
        """Largest |c| over `rows`; NaN for a model that has no cell."""
        return float("nan")
