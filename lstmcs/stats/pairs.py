"""Families of alterations: whether a pair is more than the sum of its parts, and whether the best of many is more than chance.

With s the scores on one fold, a pair such as C-1+H-2 differs from what its parts promise by

    i = d(C-1+H-2) - d(C-1) - d(H-2) = s(C-1+H-2) - s(C-1) - s(H-2) + s(none)        points,

on the folds that all four cells have. One number a fold: single.py applies to it as it is, with its corrected interval, its posterior and
its rule. Four scores have about twice the variance of two: an interaction must be larger than a difference to be seen.

The best of m alterations is looked at because it is the best. Beside it stands what the best of m rows of the unaltered cell with
other seeds comes to (seeds.best_of_null), m those that are on record, not those of the whole family.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from ..families import FAMILIES, PAIRS
from ..fold import is_reseed
from . import multiple, seeds, single

#: The verdicts of an interaction, in single.py's order.
WORDS = {"better": "more", "same": "as the sum", "worse": "less", "undecided": "undecided"}
INTERACTIONS = ("dataset", "alteration", "folds", "together", "sum", "mean", "low", "high", "p", "p_holm", "p_worse", "p_same", "p_better", "verdict", "detectable")  # fmt: skip
BEST = ("dataset", "family", "size", "count", "best", "folds", "mean", "low", "high", "median", "bound", "passes")


def of_family(results: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """The rows of the cells of these names, of the unaltered cell, and of this with other seeds: a family of comparisons of its own."""
    return results[results["alteration"].isin(["none", *names]) | is_reseed(results["alteration"])]


def interactions(results: pd.DataFrame, metric: str = "macro_f1") -> pd.DataFrame:
    """A row a data set and pair whose parts are on record too: columns INTERACTIONS.

    together: the pair's mean difference to the unaltered cell; sum: that of its parts, added up; mean, low, high: of i (above), points;
    p: of the corrected t-test, p_holm over the pairs of a set; verdict: of WORDS. results: of one model.
    """
    tables = [_of_set(rows, metric).assign(dataset=name) for name, rows in results.groupby("dataset", sort=False)]
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True)[[*INTERACTIONS]] if tables else pd.DataFrame(columns=[*INTERACTIONS])


def _of_set(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    differences = single.paired_differences(results, metric).set_index(["run", "fold", "alteration"])["difference"].unstack()
    rows = []
    for pair in PAIRS:
        parts = pair.split("+")
        if {pair, *parts} <= set(differences):
            common = differences[[pair, *parts]].dropna()
            d = (common[pair] - common[parts].sum(axis=1)).to_numpy(float)
            if len(d) < 2:
                continue
            mean, low, high = single.corrected_interval(d)
            p = single.corrected_ttest(d)[1]
            found = single.posterior(d)
            rows.append({
                "alteration": pair, "folds": len(d), "together": common[pair].mean(), "sum": common[parts].mean().sum(), "mean": mean,
                "low": low, "high": high, "p": p, **dict(zip(("p_worse", "p_same", "p_better"), found)),
                "verdict": WORDS[single.verdict(*found)], "detectable": single.detectable(d.std(ddof=1), len(d)),
            })  # fmt: skip
    table = pd.DataFrame(rows)
    return table.assign(p_holm=single.holm(table["p"])) if rows else table


def best(results: pd.DataFrame, families: Mapping[str, Mapping] | None = None, metric: str = "macro_f1") -> pd.DataFrame:
    """The best of each family beside the best of as many cells that differ from the unaltered one by their seeds alone: columns BEST.

    families: name -> ids; None means table-1, pairs and gates. size: of the family; count: of it on record with two paired folds
    or more; best, folds, mean, low, high: the one with the highest mean, its corrected interval, points. median, bound: of the best of
    `count` nulls, other texts of the same kind too; the bound is passed once in twenty times. passes: whether the mean does. These three are
    missing without a reseed. Families without a cell on record have no row. results: of one model.
    """
    families, rows = families or {name: FAMILIES[name] for name in ("table-1", "pairs", "gates")}, []
    for dataset, group in results.groupby("dataset", sort=False):
        for name, ids in families.items():
            table = single.differences_table(of_family(group, ids), metric).query("folds > 1")
            table = table[~is_reseed(table.index)]
            if table.empty:
                continue
            null, first = seeds.best_of_null(group, metric, len(table)), table["mean"].astype(float).idxmax()
            median, bound = null.loc["other seeds and texts", ["median", "bound"]] if len(null) else (np.nan, np.nan)
            row = table.loc[first, ["folds", "mean", "low", "high"]].to_dict()
            passes = bool(row["mean"] > bound) if len(null) else pd.NA
            rows.append({"dataset": dataset, "family": name, "size": len(ids), "count": len(table), "best": first, **row, "median": median,
                         "bound": bound, "passes": passes})  # fmt: skip
    return pd.DataFrame(rows, columns=[*BEST]).astype({"passes": "boolean", "folds": int})


def compared(results: pd.DataFrame, names: Iterable[str], metric: str = "macro_f1", idle=()) -> pd.DataFrame:
    """multiple.cells of one family: its p_holm is over this family alone."""
    return multiple.cells(of_family(results, names), metric, idle)
