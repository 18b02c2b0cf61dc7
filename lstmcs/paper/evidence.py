"""Our folds, asked in the ways that claims need. Every answer is a Chance: how probable are yes and no.

"A scores higher than B" on one set: the posterior of stats/single.py of a difference above and below 0. "On average over the sets"
asks the hierarchical correlated model (stats/hierarchical.py) in the same way, of the improvement in percent of the baseline (what
the paper's averages are), on at least multiple.MIN_SETS sets with multiple.MIN_FOLDS folds each. A set on which nothing is learned
(multiple.unlearned) tells nothing of an alteration, and averages are without it. HASOC is the organisers' test file where that is
on record, as all evidence has it of the paper's, else the training file that Table 2 names. Times are compared fold by fold, and on
a set only where the unaltered cell with other seeds, which is the same program, took as long as the unaltered cell: elsewhere other
work on the machine decides.

A claim of several questions, "at least u of n", is a partial conjunction (Benjamini & Heller 2008, with Bonferroni's bound): yes pays
for the n - u + 1 ways in which it can come about by chance, and no for the u ways in which that can,

    P(yes) = 1 - (n - u + 1) (1 - the u-th largest of the n P(yes)),    P(no) = 1 - u (1 - the (n - u + 1)-th largest P(no)).

"Any of n" is u = 1 and "every" u = n. A question without folds has 0 for both. The answer is yes or no from 95 % on.

Why a claim cannot be told is noted on the way, in Gaps: what a check asked of the records and did not get, and how many of its
answers stay below 95 % either way; and so is the smallest effect that each question could have seen.
"""

from collections.abc import Iterable
from copy import copy
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm

from ..alterations import TABLE_1
from ..fold import RESEED
from ..metrics import METRICS
from ..models.kinds import KINDS
from ..stats import hierarchical, multiple, single
from ..stats.multiple import MIN_SETS

POWER = 0.8  # of "could have seen"
SETS = ("mlma", "hasoc", "ag", "crowd", "hate", "semeval")  # the paper's averages, Tables 10 and 11, leave out ROBO
COMPARED = ("mlma", "hasoc", "ag", "crowd", "hate")  # Tables 12 and 15, without ROBO, which is not public
STEADY = 0.05  # by how much the reseed's median time may differ from the unaltered cell's
BERT_BASE = 10**8  # parameters; a smaller BERT stands in for the paper's and answers for nothing
NOTHING = "nothing on record"
NAMED = 5  # so many alterations without a record are named one by one
HASOC_TEST = "hasoc-test"


class Chance(NamedTuple):
    """How probable yes and no are; they need not add up to 1."""

    yes: float
    no: float

    @property
    def answer(self) -> bool | None:
        """True or False from 95 % on, else None."""
        return True if self.yes >= single.LEVEL else False if self.no >= single.LEVEL else None


UNKNOWN = Chance(0.0, 0.0)


def sure(answer: bool | None) -> Chance:
    """A question that has no doubt in it, or nothing on record."""
    return UNKNOWN if answer is None else Chance(float(answer), float(not answer))


def opposite(chance: Chance) -> Chance:
    return Chance(chance.no, chance.yes)


def at_least(count: int, chances: Iterable[Chance]) -> Chance:
    """Whether `count` or more of the answers are yes: the formula above."""
    chances = list(chances)
    ways = len(chances) - count + 1
    if count < 1 or ways < 1:
        return sure(count < 1)
    yes, no = (sorted((getattr(c, side) for c in chances), reverse=True) for side in ("yes", "no"))
    return Chance(max(0.0, 1 - ways * (1 - yes[count - 1])), max(0.0, 1 - count * (1 - no[ways - 1])))


def every(chances: Iterable[Chance]) -> Chance:
    chances = list(chances)
    return at_least(len(chances), chances) if chances else UNKNOWN


def any_of(chances: Iterable[Chance]) -> Chance:
    return at_least(1, chances)


def in_words(improvements: np.ndarray) -> str:
    """The mean of `Evidence.improvements` and how many sets it is over; NOTHING for none."""
    count = len(improvements)
    if not count:
        return NOTHING
    percent, points = improvements.mean(axis=0)
    few = f" (of at least {MIN_SETS} needed)" if count < MIN_SETS else ""
    return f"{percent:+.2f} % ({points:+.2f} points) over {count} set{'s' if count > 1 else ''}{few}"


Answer = tuple[Chance, str]  # and the figure behind it


class Evidence:
    """Our results (a frame of records with any data sets and models), asked in the ways the claims need.

    bert_base: any other BERT is left out, and said to be where nothing is on record.
    """

    def __init__(self, results: pd.DataFrame, bert_base: bool = False):
        stand_in = bert_base & (results["model"] == "bert") & ~(results["parameters"] >= BERT_BASE)
        self.nothing = {"bert": "only a stand-in checkpoint is on record"} if stand_in.any() else {}
        results = results[~stand_in]
        self.idle = multiple.unlearned(results)
        self.gaps, self._urn = Gaps(results, stand_in=stand_in.any()), None
        groups = results.groupby(["dataset", "model"])
        scored = pd.concat([single.scored(group) for _, group in groups]) if len(groups) else results  # one record a fold
        by_cell = dict(list(scored.groupby(["dataset", "model", "alteration"])))
        self._scores = {key: group.set_index(["run", "fold"])[[*METRICS]].astype(float) for key, group in by_cell.items()}
        self._seconds = {key: single.times(group[group["state"] == "done"]) for key, group in by_cell.items()}
        self._none = scored.iloc[:0].set_index(["run", "fold"])[[*METRICS]].astype(float)
        self._known = {}

    def completed(self, urn) -> "Evidence":
        """The same, asked as if there were more folds. urn: completion.Urn, which says which ones a comparison has then."""
        found = copy(self)
        found._urn, found.gaps = urn, copy(self.gaps)
        found.gaps.clear()
        return found

    def place(self, dataset: str) -> str:
        """The set on record that stands for one of the paper's."""
        return HASOC_TEST if dataset == "hasoc" and (HASOC_TEST, "lstm", "none") in self._scores else dataset

    def differences(self, dataset, cell, metric, base: str = "none", model: str = "lstm", base_model: str = "lstm") -> np.ndarray:
        """Paired differences in points on one set, `cell` of `model` minus `base` of `base_model`; empty if not on record."""
        pairs = self._pairs(dataset, cell, metric, base, model, base_model)
        return pairs[:, 0] - pairs[:, 1]

    def _pairs(self, dataset, cell, metric, base="none", model="lstm", base_model="lstm") -> np.ndarray:
        """Scores in percent on the runs and folds that both have: (folds, 2), the cell's and the base's."""
        return self._completed(self._folds(dataset, cell, metric, base, model, base_model).to_numpy(), dataset)

    def _folds(self, dataset, cell, metric, base="none", model="lstm", base_model="lstm") -> pd.DataFrame:
        self.gaps.needs(dataset, model, cell)
        self.gaps.needs(dataset, base_model, base)
        rows = (dataset, model, cell), (dataset, base_model, base)
        if (rows, metric) not in self._known:  # claims ask for the same folds again and again
            a, b = (self._scores.get(row, self._none)[metric] for row in rows)
            self._known[rows, metric] = 100 * pd.concat([a, b], axis=1, join="inner", keys=["cell", "base"]).dropna()
        return self._known[rows, metric]

    def _completed(self, folds: np.ndarray, dataset: str) -> np.ndarray:
        return folds if self._urn is None or len(folds) < 2 else folds[self._urn.folds(dataset, len(folds))]

    def higher(self, dataset, cell, metric, **models) -> Chance:
        """Whether a cell scores higher than another on one set; arguments as `differences`."""
        d = self.differences(dataset, cell, metric, **models)
        worse, _, better = single.posterior(d, rope=0)
        return self._asked(dataset, d, Chance(better, worse), alteration=not models)

    def same(self, dataset, cell, metric) -> Chance:
        """Whether a cell is practically the same as the unaltered one on one set."""
        d = self.differences(dataset, cell, metric)
        same = single.posterior(d)[1]
        return self._asked(dataset, d, Chance(same, 1 - same))

    def _asked(self, dataset, d: np.ndarray, chance: Chance, alteration: bool = True) -> Chance:
        if len(d) < 2 or (alteration and self.silent(dataset)):
            return UNKNOWN
        self.gaps.could_see(single.detectable(d.std(ddof=1), len(d), POWER), "points")
        return self.gaps.answered(chance)

    def silent(self, dataset: str) -> bool:
        """Whether nothing is learned on a set; then that is a reason."""
        if dataset in self.idle:
            self.gaps.remark(f"nothing is learned on {dataset}: the unaltered cell is not above the best constant answer")
        return dataset in self.idle

    def percent(self, dataset, cells, metrics, minus=(), **models) -> np.ndarray:
        """Improvements fold by fold, in percent of the baseline's mean: the mean of `cells` and `metrics` (less that of the cells
        `minus`) on the folds that all of them have; empty below multiple.MIN_FOLDS of them."""
        asked = dataset, tuple(cells), tuple(metrics), tuple(minus), tuple(models.items())
        if asked not in self._known:
            self._known[asked] = self._percent(dataset, cells, metrics, minus, models)
        return self._completed(self._known[asked], dataset)

    def _percent(self, dataset, cells, metrics, minus, models) -> np.ndarray:
        parts = {}
        for sign, cell, metric in [*product((1,), cells, metrics), *product((-1,), minus, metrics)]:
            pairs = self._folds(dataset, cell, metric, **models)
            base = pairs["base"].mean()
            if len(pairs) < multiple.MIN_FOLDS or not base:
                return np.array([])
            parts[sign, cell, metric] = 100 * (pairs["cell"] - pairs["base"]) / base
        table = pd.concat(parts, axis=1, join="inner")
        found = table[1].mean(axis=1) - (table[-1].mean(axis=1) if minus else 0)
        return found.to_numpy() if len(found) >= multiple.MIN_FOLDS else np.array([])

    def improvements(self, cells, metrics, minus=(), sets=SETS, idle: bool = False, **models) -> np.ndarray:
        """Mean improvement of `cells` and `metrics` together (less that of the cells `minus`) on each of the sets that have
        multiple.MIN_FOLDS paired folds of every cell: (sets, 2), in percent and in points. idle: those on which nothing is learned too."""
        places = self._speaking(sets, models) if not idle else [self.place(name) for name in sets]
        means = [self.mean(place, cells, metrics, multiple.MIN_FOLDS, **models) for place in places]
        if minus:
            means = [mean - self.mean(place, minus, metrics, multiple.MIN_FOLDS, **models) for place, mean in zip(places, means)]
        return np.array([mean for mean in means if not np.isnan(mean).any()]).reshape(-1, 2)

    def _speaking(self, sets, models) -> list[str]:
        """The sets on record for the paper's, without those on which nothing is learned, unless two models are compared."""
        return [place for place in map(self.place, sets) if models or place not in self.idle]

    def average(self, cells, metrics, minus=(), sets=SETS, **models) -> Answer:
        """Whether the improvement over the sets is above 0 on average, with its probability (hierarchical correlated model).

        Sets on which nothing is learned are left out, unless two models are compared; the figure has the mean with them too.
        """
        d = self.improvements(cells, metrics, minus, sets, **models)
        figure = in_words(d) if len(d) else self.nothing.get(models.get("model"), NOTHING)
        if len(also := self.improvements(cells, metrics, minus, sets, idle=True, **models)) > len(d):
            figure += f" (with {', '.join(self.idle)}, where nothing is learned, {also[:, 0].mean():+.2f} %)"
        folds = [self.percent(place, cells, metrics, minus, **models) for place in self._speaking(sets, models)]
        folds = [part for part in folds if len(part)]
        if len(folds) < MIN_SETS:
            return UNKNOWN, figure
        worse, _, better = hierarchical.posterior(folds)
        _, low, high = hierarchical.interval(folds)
        self.gaps.could_see((high - low) / 2 * _SEEN, "%")
        return self.gaps.answered(Chance(better, worse)), f"{figure}, P(above 0) {100 * better:.0f} %"

    def mean(self, dataset, cells, metrics, least: int = 1, **models) -> np.ndarray:
        """Mean improvement on a set: in percent of the baseline's mean, and in points. NaN if a cell has fewer than `least` paired folds."""
        found = []
        for pairs in (self._pairs(dataset, cell, metric, **models) for cell in cells for metric in metrics):
            cell, base = pairs.mean(axis=0) if len(pairs) >= max(1, least) else (np.nan, np.nan)
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
        sets = [name for name in map(self.place, SETS) if self.steady(name)]
        ratios = [[100 * self.times_as_long(d, cell=c) for d in sets] for c in cells]
        return [float(np.nanmedian(row)) if not np.isnan(row).all() else np.nan for row in ratios]

    def log_times(self, dataset: str, cells, others) -> np.ndarray:
        """Fold by fold, the logarithm of the mean training time of `cells` over that of `others`; empty where a cell is missing."""
        means = []
        for names in (cells, others):
            for name in names:
                self.gaps.needs(dataset, "lstm", name)
            parts = [self._seconds.get((dataset, "lstm", name)) for name in names]
            if any(part is None for part in parts):
                return np.array([])
            means.append(pd.concat(parts, axis=1, join="inner").mean(axis=1))
        return np.log(means[0] / means[1]).dropna().to_numpy()


#: Half of a 95 % interval to the smallest effect found with POWER at P >= 0.95, both of a normal posterior.
_SEEN = (norm.ppf(single.LEVEL) + norm.ppf(POWER)) / norm.ppf((1 + single.LEVEL) / 2)


class Gaps:
    """Notes of one check at a time: call `clear`, run the check on Evidence, read `words`.

    results: a frame of records. stand_in: a BERT other than BERT-base is on record, and left out of results.
    """

    def __init__(self, results: pd.DataFrame, stand_in: bool = False):
        state = results["state"].where(~single.diverged(results), "done")  # what diverged has scores
        counts = results.assign(state=state).groupby(["dataset", "model", "alteration", "state"]).size().unstack(fill_value=0)
        self._done, self._failed = (counts[state].to_dict() if state in counts else {} for state in ("done", "failed"))
        self._models = set(zip(results["dataset"], results["model"]))
        self._sets = set(results["dataset"])
        self._stand_in = stand_in
        self.clear()

    def clear(self) -> None:
        self._missing, self._remarks, self._asked, self._open, self._seen = {}, {}, 0, 0, {}

    def needs(self, dataset: str, model: str, cell: str) -> None:
        """A check asks for the folds of a cell; fewer than multiple.MIN_FOLDS are a gap."""
        if self._done.get((dataset, model, cell), 0) < multiple.MIN_FOLDS:
            self._missing[dataset, model, cell] = True

    def answered(self, chance: Chance) -> Chance:
        """A question that had folds behind it; one without an answer is below 95 % either way."""
        self._asked, self._open = self._asked + 1, self._open + (chance.answer is None)
        return chance

    def could_see(self, size: float, unit: str) -> None:
        """The smallest effect that a question would find four times in five."""
        if np.isfinite(size):
            self._seen.setdefault(unit, []).append(float(size))

    def seen(self) -> str:
        """The median over the questions, in words."""
        return ", ".join(f"{np.median(sizes):.1f} {unit}" for unit, sizes in self._seen.items())

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
        return [f"{before}{self._listed(found[rank, before, after])}{after}" for rank, before, after in sorted(found)]

    def _listed(self, names: list[str]) -> str:
        """The names, none twice; of many alterations only how many."""
        names = list(dict.fromkeys(names))
        many = [name for name in names if name in TABLE_1]
        return ", ".join(names if len(many) <= NAMED else [*(n for n in names if n not in many), f"{len(many)} alterations"])

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
