"""What other seeds alone do: the best of 17 rows when nothing is there, and whether another run says the same.

A reseed ("reseed-1") trains the unaltered cell on the same splits with other initial weights, batch order and dropout masks. Its
paired differences to the unaltered cell have the spread that seeds alone give. An alteration shares all seeds with the unaltered
cell, yet its spread need not be smaller: `spread` says where it is larger.

The best of m such rows, on one data set: all are compared with the same unaltered cell, so two mean differences correlate with 1/2
(Dunnett 1955). With s and n of the rows on record, M_j = e (Z_0 + Z_j) / sqrt(2) / sqrt(chi^2 / (n - 1)), j = 1 ... m, with
e^2 = (1/n + q) s^2 as in single.py; drawn many times, the largest M_j gives median and 95 % bound.
q = 0 asks what other seeds give on these same splits; q = 1/8 what they give on other texts of the same kind too.

Another run has other splits too. Is a verdict that rests on one run of ten folds found again in it? Replicability as Bouckaert
and Frank have it (2004, "Evaluating the replicability of significance tests for comparing learning algorithms") is the share of
pairs of runs of one comparison that have the same outcome. Here the outcome is a verdict of single.py, made from each run alone.
The runs are of one set of documents, cut into other tenths, with other seeds: agreement says that a verdict does not hang on which
documents were tested and which seeds were drawn. It says nothing of other data, and nothing of the protocol, which is the same in all
runs: what comes of too few epochs, say, agrees with itself. That two runs are undecided counts as the same outcome; how often a
decided one is found again is counted by itself.
"""

from itertools import permutations

import numpy as np
import pandas as pd

from ..fold import is_reseed
from . import multiple, single

DRAWS = 50_000
ROWS = {"other seeds": 0.0, "other seeds and texts": single.TEST_TO_TRAIN}
DECIDED = ("better", "worse")


def best_of_null(results: pd.DataFrame, metric: str = "macro_f1", count: int = 17) -> pd.DataFrame:
    """The largest of `count` mean differences, in points, when nothing is there: a row for each of ROWS.

    Columns: reseeds (on record), folds, sd (of one row's differences), median, bound (passed once in twenty times).
    Empty if no reseed has two folds on record.
    """
    differences = single.paired_differences(results, metric)
    differences = differences[is_reseed(differences["alteration"])]
    groups = [group.to_numpy() for _, group in differences.groupby("alteration")["difference"] if len(group) > 1]
    rows = {}
    if groups:
        freedom = np.array([len(d) - 1 for d in groups])
        sd = float(np.sqrt(np.average([d.var(ddof=1) for d in groups], weights=freedom)))
        n = int(freedom.max()) + 1
        for name, ratio in ROWS.items():
            median, bound = np.quantile(sd * np.sqrt(1 / n + ratio) * largest(count, n - 1), (0.5, single.LEVEL))
            rows[name] = {"reseeds": len(groups), "folds": n, "sd": sd, "median": float(median), "bound": float(bound)}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["reseeds", "folds", "sd", "median", "bound"])


def largest(count: int, freedom: int, draws: int = DRAWS, seed: int = 0, own: bool = False) -> np.ndarray:
    """`draws` times the largest of `count` t values (`freedom` degrees, any two correlated with 1/2); always the same draws.

    own: each has a standard error of its own, else all share one.
    """
    rng = np.random.default_rng(seed)
    z = (rng.normal(size=(draws, 1)) + rng.normal(size=(draws, count))) / np.sqrt(2)
    if own:
        return (z / np.sqrt(rng.chisquare(freedom, (draws, count)) / freedom)).max(axis=1)
    return z.max(axis=1) / np.sqrt(rng.chisquare(freedom, draws) / freedom)


def bound_on_largest(differences: list[np.ndarray], ratio: float = single.TEST_TO_TRAIN) -> tuple[float, float]:
    """Bounds on the largest of many true differences to one unaltered cell, in their unit: it is above the first, and none of them is
    above the second, each with 95 %. differences: paired, an array a comparison, of at least two folds.

    Simultaneous over all of them: the critical value is that of the largest of so many t, any two correlated with 1/2, each with a
    standard error of its own.
    """
    critical = np.quantile(largest(len(differences), min(map(len, differences)) - 1, own=True), single.LEVEL)
    mean, error = np.array([[np.mean(d), single.standard_error(d, ratio)] for d in differences]).T
    return float((mean - critical * error).max()), float((mean + critical * error).max())


def spread(results: pd.DataFrame, metric: str = "macro_f1") -> pd.DataFrame:
    """How far an alteration's differences spread over the folds beside those of the unaltered cell with other seeds, a row a data set.

    Columns: dataset, reseed (standard deviation in points, pooled over the reseeds), altered (the median over the alterations), larger
    (how many alterations spread more), alterations. Sets without a reseed are left out. results: of one model.
    """
    rows = []
    for dataset, group in results.groupby("dataset", sort=False):
        sd = single.differences_table(group, metric)["sd"].dropna()
        null, altered = sd[is_reseed(sd.index)], sd[~is_reseed(sd.index)]
        if len(null) and len(altered):
            pooled = float(np.sqrt((null**2).mean()))
            rows.append({"dataset": dataset, "reseed": pooled, "altered": altered.median(), "larger": int((altered > pooled).sum()), "alterations": len(altered)})  # fmt: skip
    return pd.DataFrame(rows, columns=["dataset", "reseed", "altered", "larger", "alterations"])


def by_run(results: pd.DataFrame, metric: str = "macro_f1") -> pd.DataFrame:
    """Verdicts from each run alone and from all runs: columns dataset, alteration, "run 1", ..., "all runs".

    results: of one model. Rows are the comparisons of the data sets that have two runs or more. A run with fewer than
    multiple.MIN_FOLDS paired folds of a cell has no verdict of it (NaN). Reseeds are left out.
    """
    several = results.groupby("dataset")["run"].transform("nunique") > 1
    frame = results[several & ~is_reseed(results["alteration"])]
    parts = {f"run {run}": rows for run, rows in frame.groupby("run")} | {"all runs": frame}
    columns = {}
    for name, rows in parts.items():
        cells = multiple.cells(rows, metric).set_index(["dataset", "alteration"])
        columns[name] = cells["verdict"].where(cells["folds"] >= multiple.MIN_FOLDS)
    table = pd.DataFrame(columns, columns=[*parts], index=columns["all runs"].index)
    return table.dropna(how="all").reset_index()


def of_sets(table: pd.DataFrame) -> pd.DataFrame:
    """How far the runs of `by_run` agree, a row a data set.

    Columns: dataset, runs, pairs (of runs with a verdict of one comparison), same (of these), decided (verdicts better or
    worse of one run beside another run's), again (the other has the same), opposite (the other has the opposite).
    """
    runs, rows = [name for name in table if name.startswith("run ")], []
    for dataset, group in table.groupby("dataset", sort=False):
        beside = [
            (a, b)
            for row in group[runs].itertuples(index=False)
            for a, b in permutations(row, 2)
            if isinstance(a, str) and isinstance(b, str)
        ]
        decided = [(a, b) for a, b in beside if a in DECIDED]
        rows.append({
            "dataset": dataset, "runs": int(group[runs].notna().any().sum()), "pairs": len(beside) // 2, "same": sum(a == b for a, b in beside) // 2,
            "decided": len(decided), "again": sum(a == b for a, b in decided), "opposite": sum(b in DECIDED and a != b for a, b in decided),
        })  # fmt: skip
    return pd.DataFrame(rows, columns=["dataset", "runs", "pairs", "same", "decided", "again", "opposite"])


def differing(table: pd.DataFrame) -> pd.DataFrame:
    """The comparisons of `by_run` whose runs do not all have the same verdict."""
    runs = [name for name in table if name.startswith("run ")]
    return table[table[runs].nunique(axis=1) > 1].reset_index(drop=True)
