"""Our folds, asked in the ways that claims need. Every answer is True, False or None: yes, no, cannot tell.

"A scores higher than B" on one set: True if the posterior of stats/single.py gives P(difference > 0) >= 0.95, False if
P(difference < 0) >= 0.95, else None; where the best of m is picked, 0.95 becomes 1 - 0.05 / m (Bonferroni). "On average over
the sets" asks the Bayesian signed-rank test in the same way, of the improvement in percent of the baseline (what the paper's
averages are), on at least MIN_SETS sets with multiple.MIN_FOLDS folds each. Times are compared fold by fold, and on a set only
where the unaltered cell with other seeds, which is the same program, took as long as the unaltered cell: elsewhere other work on
the machine decides. Answers are combined by Kleene's logic: "every" is False as soon as one is False, and None if nothing is
False but something is unknown.

Why a claim cannot be told is noted on the way, in Gaps: what a check asked of the records and did not get, and how many of its
answers stay below 95 % either way.
"""

import numpy as np
import pandas as pd

from ..fold import RESEED
from ..metrics import METRICS
from ..models.kinds import KINDS
from ..stats import multiple, single

MIN_SETS = 5
SETS = ("mlma", "hasoc", "ag", "crowd", "hate", "semeval")  # the paper's averages, Tables 10 and 11, leave out ROBO
COMPARED = ("mlma", "hasoc", "ag", "crowd", "hate")  # Tables 12 and 15, without ROBO, which is not public
STEADY = 0.05  # by how much the reseed's median time may differ from the unaltered cell's
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
    """Our results (a frame of records with any data sets and models), asked in the ways the claims need.

    bert_base: any other BERT is left out, and said to be where nothing is on record.
    """

    def __init__(self, results: pd.DataFrame, bert_base: bool = False):
        stand_in = bert_base & (results["model"] == "bert") & ~(results["parameters"] >= BERT_BASE)
        self.nothing = {"bert": "only a stand-in checkpoint is on record"} if stand_in.any() else {}
        results = results[~stand_in]
        self.gaps = Gaps(results, stand_in=stand_in.any())
        groups = results.groupby(["dataset", "model"])
        done = pd.concat([single.done(group) for _, group in groups]) if len(groups) else results  # one record a fold
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
        worse, _, better = single.posterior(self.differences(*comparison, **models), rope=0)
        if np.isnan(better):
            return None
        return self.gaps.answered(True if better >= 1 - (1 - single.LEVEL) / of else False if worse >= single.LEVEL else None)

    def same(self, *comparison) -> bool | None:
        """Whether a cell is practically the same as the unaltered one on one set: False if it is better or worse."""
        found = single.posterior(self.differences(*comparison))
        if np.isnan(found).any():
            return None
        return self.gaps.answered({"same": True, "undecided": None}.get(single.verdict(*found), False))

    def not_public(self) -> None:
        """The answer to every question about ROBO."""
        self.gaps.remark(NOT_PUBLIC)

    def improvements(self, cells, metrics, minus=(), sets=SETS, **models) -> np.ndarray:
        """Mean improvement of `cells` and `metrics` together (less that of the cells `minus`) on each of the sets that have
        multiple.MIN_FOLDS paired folds of every cell: (sets, 2), in percent and in points."""
        means = [self.mean(name, cells, metrics, multiple.MIN_FOLDS, **models) for name in sets]
        if minus:
            means = [mean - self.mean(name, minus, metrics, multiple.MIN_FOLDS, **models) for name, mean in zip(sets, means)]
        return np.array([mean for mean in means if not np.isnan(mean).any()]).reshape(-1, 2)

    def average(self, cells, metrics, minus=(), sets=SETS, **models) -> Answer:
        """Whether the improvement over the sets is above 0 on average, with its probability (Bayesian signed-rank test)."""
        d = self.improvements(cells, metrics, minus, sets, **models)
        if not len(d):
            return None, self.nothing.get(models.get("model"), NOTHING)
        if len(d) < MIN_SETS:
            return None, in_words(d)
        worse, _, better = multiple.signed_rank(d[:, 0], rope=0)
        answer = self.gaps.answered(True if better >= single.LEVEL else False if worse >= single.LEVEL else None)
        return answer, f"{in_words(d)}, P(above 0) {100 * better:.0f} %"

    def mean(self, dataset, cells, metrics, least: int = 1, **models) -> np.ndarray:
        """Mean improvement on a set: in percent of the baseline's mean, and in points. NaN if a cell has fewer than `least` paired folds."""
        found = []
        for pairs in (self._pairs(dataset, cell, metric, **models) for cell in cells for metric in metrics):
            cell, base = pairs.mean() if len(pairs) >= least else (np.nan, np.nan)
            found.append((100 * (cell / base - 1) if base else np.nan, cell - base))
        return np.mean(found, axis=0)

    def steady(self, dataset: str) -> bool:
        """Whether times on this set can be compared: the unaltered cell with other seeds took as long as the unaltered cell."""
        apart = abs(self.times_as_long(dataset, cell=f"{RESEED}1") - 1)
        if apart > STEADY:
            self.gaps.remark(
                f"times on {dataset} cannot be compared: the unaltered cell with other seeds took {100 * apart:.0f} % more or less"
            )
        return apart <= STEADY

    def times_as_long(self, dataset: str, model: str = "lstm", cell: str = "none", base: str = "none") -> float:
        """How many times as long as `base` of LSTM-CS a fold of `cell` takes to train (single.times_as_long)."""
        self.gaps.needs(dataset, model, cell)
        self.gaps.needs(dataset, "lstm", base)
        return single.times_as_long(self._seconds.get((dataset, model, cell)), self._seconds.get((dataset, "lstm", base)))

    def slower(self, cells) -> list[float]:
        """Median over the steady sets of each cell's training time, in percent of the unaltered cell's."""
        sets = [name for name in SETS if self.steady(name)]
        ratios = [[100 * self.times_as_long(d, cell=c) for d in sets] for c in cells]
        return [float(np.nanmedian(row)) if not np.isnan(row).all() else np.nan for row in ratios]


NOT_PUBLIC = "ROBO is not public, and ours is a stand-in"


class Gaps:
    """Notes of one check at a time: call `clear`, run the check on Evidence, read `words`.

    results: a frame of records. stand_in: a BERT other than BERT-base is on record, and left out of results.
    """

    def __init__(self, results: pd.DataFrame, stand_in: bool = False):
        counts = results.groupby(["dataset", "model", "alteration", "state"]).size().unstack(fill_value=0)
        self._done, self._failed = (counts[state].to_dict() if state in counts else {} for state in ("done", "failed"))
        self._models = set(zip(results["dataset"], results["model"]))
        self._sets = set(results["dataset"])
        self._stand_in = stand_in
        self.clear()

    def clear(self) -> None:
        self._missing, self._remarks, self._asked, self._open = {}, {}, 0, 0

    def needs(self, dataset: str, model: str, cell: str) -> None:
        """A check asks for the folds of a cell; fewer than multiple.MIN_FOLDS are a gap."""
        if self._done.get((dataset, model, cell), 0) < multiple.MIN_FOLDS:
            self._missing[dataset, model, cell] = True

    def answered(self, answer: bool | None) -> bool | None:
        """The answer to a question that had folds behind it; None is below 95 % either way."""
        self._asked, self._open = self._asked + 1, self._open + (answer is None)
        return answer

    def remark(self, words: str) -> None:
        """A reason in the check's own words."""
        self._remarks[words] = True

    def words(self) -> str:
        """All reasons in one line, none of them twice."""
        below = f"{self._open} of {self._asked} answers are below 95 % either way" if self._asked > 1 else "below 95 % either way"
        return "; ".join([*([below] if self._open else []), *self._remarks, *self._not_on_record()])

    def _not_on_record(self) -> list[str]:
        """Sets, then models, then single cells: what is missing as a whole is named as a whole, what is missing alike together."""
        found = {}
        for key in self._missing:
            rank, before, name, after = self._missing_part(*key)
            found.setdefault((rank, before, after), []).append(name)
        return [f"{before}{', '.join(dict.fromkeys(found[rank, before, after]))}{after}" for rank, before, after in sorted(found)]

    def _missing_part(self, dataset: str, model: str, cell: str) -> tuple[int, str, str, str]:
        """What is missing, as a rank, and words before and after a name."""
        if model == "bert" and self._stand_in:
            return 2, "the BERT on record is not ", "BERT-base", ""
        if dataset not in self._sets:
            subset = f"{dataset}-subset"
            return (0, f"of {dataset} only a part, ", subset, ", is on record") if subset in self._sets else (1, "nothing on ", dataset, "")
        if (dataset, model) not in self._models:
            return 3, f"no {KINDS[model].title} on ", dataset, ""
        done, failed = (part.get((dataset, model, cell), 0) for part in (self._done, self._failed))
        where = "" if model == "lstm" else f" with {KINDS[model].title}"
        after = f" on {dataset}{where}" + (f" ({failed} failed)" if failed else "")
        named = "the unaltered cell with other seeds" if cell.startswith(RESEED) else cell
        return 4, f"{done or 'no'} fold{'s' if done > 1 else ''} of ", named, after
