"""Our folds, asked in the ways that claims need. Every answer is True, False or None: yes, no, cannot tell.

"A scores higher than B" on one set: True if the posterior of stats.py gives P(difference > 0) >= 0.95, False if
P(difference < 0) >= 0.95, else None; where the best of m is picked, 0.95 becomes 1 - 0.05 / m (Bonferroni). "On average over
the sets" asks the Bayesian signed-rank test in the same way, of at least MIN_SETS of SETS. Answers are combined by
Kleene's logic: "every" is False as soon as one is False, and None if nothing is False but something is unknown.
"""

import numpy as np
import pandas as pd

from . import across, stats
from .metrics import METRICS

MIN_SETS = 5
SETS = ("mlma", "hasoc", "ag", "crowd", "hate", "semeval")  # the paper's averages, Tables 10 and 11, leave out ROBO
Answer = tuple[bool | None, str]  # and the figure behind it


def every(answers) -> bool | None:
    answers = list(answers)
    return False if False in answers else None if None in answers or not answers else True


def opposite(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def at_least(count: int, answers) -> bool | None:
    """Whether `count` or more of the answers are True."""
    answers = list(answers)
    if answers.count(True) >= count:
        return True
    return False if answers.count(True) + answers.count(None) < count else None


class Evidence:
    """Our results (a frame of records.results with any data sets and models), asked in the ways the claims need."""

    def __init__(self, results: pd.DataFrame):
        self.results = results
        self.sets = [name for name in SETS if name in set(results["dataset"])]
        groups = results.groupby(["dataset", "model"])
        self._scores = {key: stats.done(group).set_index(["alteration", "run", "fold"])[[*METRICS]] for key, group in groups}

    def differences(self, dataset, cell, metric, base: str = "none", model: str = "lstm", base_model: str = "lstm") -> np.ndarray:
        """Paired differences in points on one set, `cell` of `model` minus `base` of `base_model`; empty if not on record."""
        a, b = self._scores.get((dataset, model)), self._scores.get((dataset, base_model))
        if a is None or b is None or cell not in a.index or base not in b.index:
            return np.array([])
        return 100 * (a.loc[cell][metric] - b.loc[base][metric]).dropna().to_numpy()

    def higher(self, *comparison, of: int = 1, **models) -> bool | None:
        """Whether a cell scores higher than another on one set; arguments as `differences`. of: it is the best of so many."""
        worse, _, better = stats.posterior(self.differences(*comparison, **models), rope=0)
        return True if better >= 1 - (1 - stats.LEVEL) / of else False if worse >= stats.LEVEL else None

    def same(self, *comparison) -> bool | None:
        """Whether a cell is practically the same as the unaltered one on one set: False if it is better or worse."""
        word = stats.verdict(*stats.posterior(self.differences(*comparison)))
        return {"same": True, "undecided": None}.get(word, False)

    def average(self, cells, metrics, of: int = 1, minus=(), **models) -> Answer:
        """Whether the mean over the sets, of `cells` and `metrics` together, is above 0 (or above that of the cells `minus`)."""
        per_set = [self._mean(name, cells, metrics, **models) - (self._mean(name, minus, metrics, **models) if minus else 0)
                   for name in self.sets]  # fmt: skip
        d = np.array([x for x in per_set if not np.isnan(x)])
        figure = f"{d.mean():+.2f} points over {len(d)} set{'s' if len(d) > 1 else ''}" if len(d) else "nothing on record"
        if len(d) < MIN_SETS:
            return None, figure + f" (of at least {MIN_SETS} needed)" * bool(len(d))
        worse, _, better = across.signed_rank(d, rope=0)
        return (True if better >= 1 - (1 - stats.LEVEL) / of else False if worse >= stats.LEVEL else None), figure

    def _mean(self, dataset, cells, metrics, **models) -> float:
        found = [self.differences(dataset, cell, metric, **models) for cell in cells for metric in metrics]
        return float(np.mean([d.mean() for d in found])) if all(len(d) for d in found) else np.nan

    def seconds(self, dataset: str, model: str = "lstm", cell: str = "none") -> float:
        """Median training seconds of a fold, NaN if not on record."""
        r = self.results
        found = r[(r["dataset"] == dataset) & (r["model"] == model) & (r["alteration"] == cell) & (r["state"] == "done")]
        return found["train_seconds"].median()

    def slower(self, cells) -> list[float]:
        """Median over the sets of each cell's training time, in percent of the unaltered cell's."""
        ratios = [[100 * self.seconds(d, cell=c) / self.seconds(d) for d in self.results["dataset"].unique()] for c in cells]
        return [float(np.nanmedian(row)) if not np.isnan(row).all() else np.nan for row in ratios]
