"""How long a study will take: from the folds on record where there are any, else from the work a fold is.

A step of the stacked Bi-LSTM on a batch costs matrix products (forward and backward, 6 operations a weight, token and
row), Adam over the embedding, and a little for itself; the constants are those of one core of the machine of the README's
table. A machine that has folds of any set on record is known to be so much faster or slower than that.
"""

import math
from functools import cached_property
from statistics import median

import pandas as pd

from . import checkpoints
from .kinds import KINDS
from .plan import Plan
from .records import build_of

OPERATIONS = 68e9  # a second, in matrix products
EMBEDDING = 1.5e-9  # seconds a weight of the embedding and step
STEP = 1e-3  # seconds a step
EVALUATION = 1.1  # scoring the validation rows after each epoch
COMPILING = 8.0  # seconds a cell and worker
SIMPLE = 1.2  # an encoder block more than the stacked Bi-LSTM


class Estimate:
    """Seconds of folds and of compiling them, on one worker."""

    def __init__(self, work: Plan):
        self.work, self._folds, self._seen = work, {}, set()
        results = work.results()
        done = results[results["state"] == "done"] if len(results) else results
        self.measured = done.groupby(["dataset", "model"])["train_seconds"].median().dropna().to_dict() if len(done) else {}
        compiling = done["compile_seconds"].median() if len(done) else math.nan
        self.compiling = COMPILING if pd.isna(compiling) else float(compiling)

    @cached_property
    def factor(self) -> float:
        """How much slower this machine is than the reference, from the sets that have folds on record."""
        first = {(c["dataset"], c["model"]): c for c in self.work.folds}
        ratios = [seconds / reference(self.work.data[name[0]], first[name]) for name, seconds in self.measured.items() if name in first]
        return median(ratios) if ratios else 1.0

    def fold(self, config: dict) -> float:
        """Seconds of training one fold."""
        name = (config["dataset"], config["model"])
        if name not in self._folds:
            known = self.measured.get(name)
            self._folds[name] = known if known is not None else self.factor * reference(self.work.data[name[0]], config)
        return self._folds[name]

    def share(self, config: dict) -> float:
        """Seconds of one fold, with those of compiling its cell when it is the first of it that is asked for."""
        build = build_of(config)
        new = build not in self._seen
        self._seen.add(build)
        return self.fold(config) + (self.compiling if new else 0)

    def seconds(self, folds: list[dict], workers: int) -> float:
        """Of all `folds` on so many workers."""
        cells = len({build_of(config) for config in folds})
        return (sum(map(self.fold, folds)) + self.compiling * cells) / max(1, min(workers or 1, len(folds)))


def reference(prepared, config: dict) -> float:
    """Seconds of a fold on one core of the machine of the README's table."""
    sizes, training, kind = config["sizes"], config["training"], KINDS[config["model"]]
    if not kind.checkpoint and "epochs" not in training:
        return 1.0  # TF-IDF and logistic regression
    if kind.checkpoint:  # word pieces are more than words; batches are cut to about the length of their texts
        tokens = min(training["max_tokens"], 3.0 * float((prepared.ids > 0).sum(axis=1).mean()))
        about = checkpoints.read_config(checkpoints.locate(config["checkpoint"]))
        weights = about["num_hidden_layers"] * about["hidden_size"] * (4 * about["hidden_size"] + 2 * about["intermediate_size"])
        return training["epochs"] * 0.8 * len(prepared.ids) * tokens * weights * 6 / OPERATIONS * EVALUATION
    e, u = sizes.get("embedding", 256), sizes.get("units", 104)
    weights = 2 * 4 * u * (e + u) + 2 * 4 * u * (2 * u + u)
    tokens = prepared.max_len
    if config["padding"] == "mask":  # batches of about equally long documents
        tokens = 1.3 * float((prepared.ids > 0).sum(axis=1).mean())
    step = training["batch_size"] * tokens * weights * 6 / OPERATIONS + prepared.vocab_size * e * EMBEDDING + STEP
    steps = training["epochs"] * math.ceil(0.8 * len(prepared.ids) / training["batch_size"])
    return steps * step * EVALUATION * (SIMPLE if config["model"] == "simple" else 1.0)


def duration(seconds: float) -> str:
    """In words for a reader who decides whether to wait: "40 seconds", "25 minutes", "3.2 hours"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
