"""What the best of 17 rows looks like when nothing is there, and what a design can see. One data set at a time.

A row of the yardstick ("null-1") trains the unaltered cell on the same splits with other initial weights, batch order and
dropout masks. Its paired differences to the unaltered cell have the spread that seeds alone give. (An alteration shares
all seeds with the unaltered cell, so its spread is rather smaller: the yardstick does not flatter it.)

The best of m such rows: all are compared with the same unaltered cell, so two mean differences correlate with 1/2
(Dunnett 1955). With s and n of the rows on record, M_j = e (Z_0 + Z_j) / sqrt(2) / sqrt(chi^2 / (n - 1)), j = 1 ... m, with
e^2 = (1/n + q) s^2 as in stats.py; drawn many times, the largest M_j gives median and 95 % bound.
q = 0 asks what other seeds give on these same splits; q = 1/8 what they give on other texts of the same kind too.
"""

import numpy as np
import pandas as pd
from scipy import stats as scipy_stats

from . import records, stats
from .metrics import METRICS

DRAWS = 50_000
ROWS = {"other seeds": 0.0, "other seeds and texts": stats.TEST_TO_TRAIN}


def best_of_null(results: pd.DataFrame, metric: str = "macro_f1", count: int = 17) -> pd.DataFrame:
    """The largest of `count` mean differences, in points, when nothing is there: a row for each of ROWS.

    Columns: null_rows (on record), folds, sd (of one row's differences), median, bound (passed once in twenty times).
    Empty if no row of the yardstick has two folds on record.
    """
    differences = stats.paired_differences(results, metric)
    differences = differences[stats.is_null(differences["alteration"])]
    groups = [group.to_numpy() for _, group in differences.groupby("alteration")["difference"] if len(group) > 1]
    rows = {}
    if groups:
        freedom = np.array([len(d) - 1 for d in groups])
        sd = float(np.sqrt(np.average([d.var(ddof=1) for d in groups], weights=freedom)))
        n = int(freedom.max()) + 1
        for name, ratio in ROWS.items():
            median, bound = np.quantile(sd * np.sqrt(1 / n + ratio) * largest(count, n - 1), (0.5, stats.LEVEL))
            rows[name] = {"null_rows": len(groups), "folds": n, "sd": sd, "median": float(median), "bound": float(bound)}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["null_rows", "folds", "sd", "median", "bound"])


def largest(count: int, freedom: int, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """`draws` times the largest of `count` t values (`freedom` degrees, any two correlated with 1/2); always the same draws."""
    rng = np.random.default_rng(seed)
    z = (rng.normal(size=(draws, 1)) + rng.normal(size=(draws, count))) / np.sqrt(2)
    return z.max(axis=1) / np.sqrt(rng.chisquare(freedom, draws) / freedom)


def designs(sd: float, runs=(1, 2, 3, 5, 10), folds: int = 10, count: int = 17) -> pd.DataFrame:
    """What more runs would buy: smallest mean differences, in the unit of `sd`, a row a number of runs.

    sd: standard deviation of the paired differences of one fold. Columns: significant (p < 0.05 from here on), detectable
    (found with 80 % power), after_holm (the same where it must pass Holm's first step over `count` alterations).
    """
    rows = {}
    for r in runs:
        n, alpha = r * folds, 1 - stats.LEVEL
        rows[r] = {
            "folds": n,
            "significant": sd * np.sqrt(1 / n + stats.TEST_TO_TRAIN) * scipy_stats.t.isf(alpha / 2, n - 1),
            "detectable": stats.detectable(sd, n),
            "after_holm": stats.detectable(sd, n, alpha=alpha / count),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("runs")


def sentence(results: pd.DataFrame, name: str, metric: str = "macro_f1") -> str:
    """The yardstick of one data set in words: the null row, the best of as many as there are alterations, the best one."""
    table = stats.differences_table(results, metric)
    altered, null = table[~stats.is_null(table.index)], table[stats.is_null(table.index)]
    if altered.empty or null.empty or null["folds"].max() < 2:
        return f"{name}: the unaltered cell with other seeds is not on record, so there is no yardstick yet."
    row, best = null.iloc[0], altered["mean"].idxmax()
    bound = best_of_null(results, metric, len(altered)).loc["other seeds"]
    gain = altered.loc[best, "mean"]
    place = "more than" if gain > bound["bound"] else "no more than"
    many = f"the best of {len(altered)} such rows" if len(altered) > 1 else "such a row"
    return (f"{name}: with other seeds the unaltered cell differs from itself by {row['mean']:+.2f} points of {METRICS[metric]} "
            f"({row['low']:+.2f} to {row['high']:+.2f}); when nothing is there, {many} is at {bound['median']:+.2f}, and above "
            f"{bound['bound']:+.2f} once in twenty times. The best alteration on record, {best}, is at {gain:+.2f}: {place} seeds alone explain. "
            f"At {int(row['folds'])} folds a true difference must reach about {stats.detectable(altered['sd'].median(), int(row['folds'])):.1f} "
            "points to be found four times in five.")  # fmt: skip


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """A table with cells as its index, for readers: "null-1" becomes "none, other seed"."""
    return table.rename(index=records.label)
