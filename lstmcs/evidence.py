"""Our folds, asked in the ways that claims need. Every answer is True, False or None: yes, no, cannot tell.

"A scores higher than B" on one set: True if the posterior of stats.py gives P(difference > 0) >= 0.95, False if
P(difference < 0) >= 0.95, else None; where the best of m is picked, 0.95 becomes 1 - 0.05 / m (Bonferroni). "On average over
the sets" asks the Bayesian signed-rank test in the same way, of the improvement in percent of the baseline (what the paper's
averages are), on at least MIN_SETS sets with across.MIN_FOLDS folds each. Times are compared fold by fold, and on a set only where the yardstick, which trains the same
program, took as long as the unaltered cell: elsewhere other work on the machine decides. Answers are combined by Kleene's
logic: "every" is False as soon as one is False, and None if nothing is False but something is unknown. What was asked for and is
not on record, or stays below 95 %, is noted in `gaps` (gaps.py).
"""

import numpy as np
import pandas as pd

from . import across, records, stats
from .gaps import NOT_PUBLIC, Gaps
from .metrics import METRICS

MIN_SETS = 5
SETS = ("mlma", "hasoc", "ag", "crowd", "hate", "semeval")  # the paper's averages, Tables 10 and 11, leave out ROBO
COMPARED = ("mlma", "hasoc", "ag", "crowd", "hate")  # Tables 12 and 15, without ROBO, which is not public
STEADY = 0.05  # by how much the yardstick's median time may differ from the unaltered cell's
BERT_BASE = 10**8  # parameters; a smaller BERT stands in for the paper's and answers for nothing
NOTHING = "nothing on record"
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


def in_words(improvements: np.ndarray) -> str:
    """The mean of `Evidence.improvements` and how many sets it is over; NOTHING for none."""
    count = len(improvements)
    if not count:
        return NOTHING
    percent, points = improvements.mean(axis=0)
    few = f" (of at least {MIN_SETS} needed)" if count < MIN_SETS else ""
    return f"{percent:+.2f} % ({points:+.2f} points) over {count} set{'s' if count > 1 else ''}{few}"


class Evidence:
    """Our results (a frame of records.results with any data sets and models), asked in the ways the claims need.

    bert_base: any other BERT is left out, and said to be where nothing is on record.
    """

    def __init__(self, results: pd.DataFrame, bert_base: bool = False):
        stand_in = bert_base & (results["model"] == "bert") & ~(results["parameters"] >= BERT_BASE)
        self.nothing = {"bert": "only a stand-in checkpoint is on record"} if stand_in.any() else {}
        results = results[~stand_in]
        self.gaps = Gaps(results, stand_in=stand_in.any())
        groups = results.groupby(["dataset", "model"])
        done = pd.concat([stats.done(group) for _, group in groups]) if len(groups) else results  # one record a fold
        by_cell = {key: group.set_index(["run", "fold"]) for key, group in done.groupby(["dataset", "model", "alteration"])}
        self._scores = {key: group[[*METRICS]] for key, group in by_cell.items()}
        self._seconds = {key: group["train_seconds"] for key, group in by_cell.items()}
        self._none = done.iloc[:0].set_index(["run", "fold"])[[*METRICS]]
        self._joined = {}

    def differences(self, dataset, cell, metric, base: str = "none", model: str = "lstm", base_model: str = "lstm") -> np.ndarray:
        """Paired differences in points on one set, `cell` of `model` minus `base` of `base_model`; empty if not on record."""
        pairs = self._pairs(dataset, cell, metric, base, model, base_model)
        return (pairs["cell"] - pairs["base"]).to_numpy()

    def _pairs(self, dataset, cell, metric, base="none", model="lstm", base_model="lstm") -> pd.DataFrame:
        """Scores in percent on the runs and folds that both have: columns cell, base."""
        self.gaps.needs(dataset, model, cell)
        self.gaps.needs(dataset, base_model, base)
        key = (dataset, model, cell), (dataset, base_model, base)
        if key not in self._joined:  # claims ask for the same folds again and again, metric by metric
            a, b = (self._scores.get(part, self._none) for part in key)
            self._joined[key] = a.join(b, how="inner", lsuffix=" cell", rsuffix=" base")
        return 100 * self._joined[key][[f"{metric} cell", f"{metric} base"]].set_axis(["cell", "base"], axis=1).dropna()

    def higher(self, *comparison, of: int = 1, **models) -> bool | None:
        """Whether a cell scores higher than another on one set; arguments as `differences`. of: it is the best of so many."""
        worse, _, better = stats.posterior(self.differences(*comparison, **models), rope=0)
        if np.isnan(better):
            return None
        return self.gaps.answered(True if better >= 1 - (1 - stats.LEVEL) / of else False if worse >= stats.LEVEL else None)

    def same(self, *comparison) -> bool | None:
        """Whether a cell is practically the same as the unaltered one on one set: False if it is better or worse."""
        found = stats.posterior(self.differences(*comparison))
        if np.isnan(found).any():
            return None
        return self.gaps.answered({"same": True, "undecided": None}.get(stats.verdict(*found), False))

    def not_public(self) -> None:
        """The answer to every question about ROBO."""
        self.gaps.remark(NOT_PUBLIC)

    def improvements(self, cells, metrics, minus=(), sets=SETS, **models) -> np.ndarray:
        """Mean improvement of `cells` and `metrics` together (less that of the cells `minus`) on each of the sets that have
        across.MIN_FOLDS paired folds of every cell: (sets, 2), in percent and in points."""
        means = [self.mean(name, cells, metrics, across.MIN_FOLDS, **models) for name in sets]
        if minus:
            means = [mean - self.mean(name, minus, metrics, across.MIN_FOLDS, **models) for name, mean in zip(sets, means)]
        return np.array([mean for mean in means if not np.isnan(mean).any()]).reshape(-1, 2)

    def average(self, cells, metrics, minus=(), sets=SETS, **models) -> Answer:
        """Whether the improvement over the sets is above 0 on average, with its probability (Bayesian signed-rank test)."""
        d = self.improvements(cells, metrics, minus, sets, **models)
        if not len(d):
            return None, self.nothing.get(models.get("model"), NOTHING)
        if len(d) < MIN_SETS:
            return None, in_words(d)
        worse, _, better = across.signed_rank(d[:, 0], rope=0)
        answer = self.gaps.answered(True if better >= stats.LEVEL else False if worse >= stats.LEVEL else None)
        return answer, f"{in_words(d)}, P(above 0) {100 * better:.0f} %"

    def mean(self, dataset, cells, metrics, least: int = 1, **models) -> np.ndarray:
        """Mean improvement on a set: in percent of the baseline's mean, and in points. NaN if a cell has fewer than `least` paired folds."""
        found = []
        for pairs in (self._pairs(dataset, cell, metric, **models) for cell in cells for metric in metrics):
            cell, base = pairs.mean() if len(pairs) >= least else (np.nan, np.nan)
            found.append((100 * (cell / base - 1) if base else np.nan, cell - base))
        return np.mean(found, axis=0)

    def steady(self, dataset: str) -> bool:
        """Whether times on this set can be compared: the yardstick took as long as the unaltered cell."""
        apart = abs(self.times_as_long(dataset, cell=f"{records.NULL}1") - 1)
        if apart > STEADY:
            self.gaps.remark(
                f"times on {dataset} cannot be compared: the unaltered cell with other seeds took {100 * apart:.0f} % more or less"
            )
        return apart <= STEADY

    def times_as_long(self, dataset: str, model: str = "lstm", cell: str = "none", base: str = "none") -> float:
        """How many times as long as `base` of LSTM-CS a fold of `cell` takes to train (stats.times_as_long)."""
        self.gaps.needs(dataset, model, cell)
        self.gaps.needs(dataset, "lstm", base)
        return stats.times_as_long(self._seconds.get((dataset, model, cell)), self._seconds.get((dataset, "lstm", base)))

    def slower(self, cells) -> list[float]:
        """Median over the steady sets of each cell's training time, in percent of the unaltered cell's."""
        sets = [name for name in SETS if self.steady(name)]
        ratios = [[100 * self.times_as_long(d, cell=c) for d in sets] for c in cells]
        return [float(np.nanmedian(row)) if not np.isnan(row).all() else np.nan for row in ratios]
