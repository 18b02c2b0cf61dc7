"""What several data sets say together. The sets are the sample here: never feed folds to these tests.

With six or seven sets little can be decided: the smallest two-sided p of Wilcoxon's test is 2 / 2^6 = 0.031 or 2 / 2^7 = 0.016,
which Holm's method over 17 alterations lifts above 0.25; no result of 17 comparisons on seven sets is significant after it. The
Bayesian signed-rank test (Benavoli et al. 2014; prior strength 0.5 in the ROPE; the same draws as baycomp's SignedRankTest) says
what may be believed instead; its P is the probability that "better" (or "same", or "worse") is the largest of the three shares
among further sets of this kind. Scores of one set count as exact in all of these tests.

Average ranks with Nemenyi's critical difference (Demsar 2006): for k cells on N sets

    CD = q(0.95; k, inf) / sqrt(2) * sqrt(k (k + 1) / (6 N)),   q the studentized range.

Caveat: for k = 18, N = 7 it is 10 ranks of 17 possible, and it grows with every cell that is compared. Ranks say nothing of how
large a difference is, and a cell's rank changes with the company it keeps (Benavoli et al. 2016). Read them as a description.
"""

from functools import lru_cache

import numpy as np
import pandas as pd
from scipy import stats as scipy_stats

from ..alterations import ALTERATIONS
from ..fold import is_reseed
from ..metrics import METRICS
from . import single

MIN_FOLDS = 5  # half a run: a set with fewer folds of a cell has no part in averages, tests and ranks, where its mean would count as exact
PRIOR = 0.5  # strength of the prior, which lies in the ROPE
SAMPLES = 10_000  # of the posterior: its probabilities have a standard error of at most half a percent


def cells(results: pd.DataFrame, metric: str = "macro_f1") -> pd.DataFrame:
    """single.verdicts of every data set, tidy: columns dataset, alteration and those of verdicts.

    Every data set has every alteration that any of them has: what is not on record has folds 0 and verdict "no data".
    `failed` counts folds on record as failed, which no other column knows of.
    """
    parts = {name: single.verdicts(rows, metric) for name, rows in results.groupby("dataset", sort=False)}
    names = in_order(name for table in parts.values() for name in table.index)
    if not names:
        return pd.DataFrame(columns=["dataset", "alteration", *single.verdicts(results.iloc[:0], metric), "failed"])
    failed = results[results["state"] == "failed"].groupby(["dataset", "alteration"]).size()
    rows = pd.concat({name: table.reindex(names) for name, table in parts.items()}, names=["dataset", "alteration"])
    rows["failed"] = failed.reindex(rows.index, fill_value=0)
    counts = ["folds", "better", "worse"]
    return rows.fillna(dict.fromkeys(counts, 0) | {"verdict": "no data"}).astype(dict.fromkeys(counts, int)).reset_index()


def compared(cells: pd.DataFrame) -> pd.DataFrame:
    """The rows of `cells` that compare an alteration with the unaltered cell: no reseed, none without a paired fold."""
    return cells[~is_reseed(cells["alteration"]) & (cells["verdict"] != "no data")]


def in_order(names) -> list[str]:
    """Each name once: Table 1's order, then own formulas, then the reseeds."""
    known = list(dict.fromkeys(names))
    return sorted(
        known, key=lambda name: list(ALTERATIONS).index(name) if name in ALTERATIONS else len(ALTERATIONS) + int(is_reseed([name])[0])
    )


def means(results: pd.DataFrame, metric: str = "macro_f1", relative: bool = False, without=()) -> pd.DataFrame:
    """Mean differences, data sets x cells: points, or (relative) percent of the baseline's value. NaN below MIN_FOLDS paired folds."""
    rows = {}
    for name, group in results.groupby("dataset", sort=False):
        if name not in without:
            table = single.differences_table(group, metric)
            column = single.improvements(group)[metric].reindex(table.index) if relative else table["mean"]
            rows[name] = column.astype(float).where(table["folds"] >= MIN_FOLDS)
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table[in_order(table)]


def averages(results: pd.DataFrame, relative: bool = True, without=()) -> pd.DataFrame:
    """Tables 10, 11 and 16: mean over data sets of each metric's improvement, a row a cell. `sets` says over how many."""
    by_metric = {metric: means(results, metric, relative, without) for metric in METRICS}
    sets = by_metric["macro_f1"].notna().sum().astype(int).rename("sets")
    return pd.concat([sets, *(table.mean().rename(metric) for metric, table in by_metric.items())], axis=1)


def tests(results: pd.DataFrame, metric: str = "macro_f1", rope: float = single.ROPE, without=()) -> pd.DataFrame:
    """Each cell against the unaltered one over data sets, by mean differences in points.

    Columns: sets, higher (sets with a mean above 0), mean (points), relative (percent), p (Wilcoxon, two-sided), p_holm
    (over the alterations), p_worse, p_same, p_better (Bayesian signed-rank with `rope`), verdict (the rule of single.py).
    NaN and "undecided" below two sets.
    """
    points, percent = means(results, metric, without=without), means(results, metric, True, without)
    rows = {}
    for name in points:
        d = points[name].dropna().to_numpy()
        probabilities = signed_rank(d, rope)
        rows[name] = {
            "sets": len(d), "higher": int((d > 0).sum()), "mean": d.mean() if len(d) else np.nan, "relative": percent[name].mean(), "p": wilcoxon(d),
            "p_holm": np.nan, **dict(zip(("p_worse", "p_same", "p_better"), probabilities)), "verdict": single.verdict(*probabilities),
        }  # fmt: skip
    columns = ["sets", "higher", "mean", "relative", "p", "p_holm", "p_worse", "p_same", "p_better", "verdict"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    table["p_holm"] = single.holm(table["p"].where(~is_reseed(table.index)))
    return table


def wilcoxon(differences: np.ndarray) -> float:
    """Two-sided p of Wilcoxon's signed-rank test over data sets; NaN below two sets, 1 if all differences are 0."""
    d = np.asarray(differences, float)
    if len(d) < 2:
        return np.nan
    return float(scipy_stats.wilcoxon(d).pvalue) if d.any() else 1.0


def signed_rank(differences: np.ndarray, rope: float = single.ROPE) -> tuple[float, float, float]:
    """P(worse), P(same), P(better) of the Bayesian signed-rank test over data sets; NaN below two. Always the same draws."""
    return _signed_rank(tuple(map(float, differences)), float(rope))


@lru_cache(maxsize=1024)
def _signed_rank(differences: tuple[float, ...], rope: float) -> tuple[float, float, float]:
    d = np.array([0.0, *differences])  # the prior is an observation of 0
    if len(d) < 3:
        return np.nan, np.nan, np.nan
    pairs = d[:, None] + d
    above, below = (np.heaviside(side, 0.5) for side in (pairs - 2 * rope, -2 * rope - pairs))
    weights = np.random.RandomState(0).dirichlet([PRIOR, *np.ones(len(differences))], SAMPLES)
    better, worse = (np.einsum("si,ij,sj->s", weights, side, weights) for side in (above, below))
    if rope == 0:
        found = float(np.mean(better > 0.5)), float(np.mean(better < 0.5))
        return found[1], 0.0, found[0]
    shares = np.stack([worse, 1 - worse - better, better], axis=1)
    return tuple(map(float, np.bincount(shares.argmax(axis=1), minlength=3) / SAMPLES))


def scores(results: pd.DataFrame, metric: str = "macro_f1", reseeds: bool = False) -> pd.DataFrame:
    """Mean scores in percent, data sets x cells, over the folds that all cells of a set have (at least MIN_FOLDS); only sets with every cell."""
    finished = results[results["state"] == "done"]
    if not reseeds:
        finished = finished[~is_reseed(finished["alteration"])]
    rows, names = {}, set(finished["alteration"])
    for name, group in finished.groupby("dataset", sort=False):
        group = single.done(group)
        table = group.pivot(index=["run", "fold"], columns="alteration", values=metric).dropna()
        if set(table) == names and len(table) >= MIN_FOLDS:
            rows[name] = 100 * table.mean()[group["alteration"].unique()]
    return pd.DataFrame.from_dict(rows, orient="index")


def ranks(results: pd.DataFrame, metric: str = "macro_f1", reseeds: bool = False) -> pd.DataFrame:
    """Average rank of every cell, "none" among them, best (rank 1) first; equal scores share a rank. Columns: rank, first, sets."""
    table = scores(results, metric, reseeds)
    by_set = table.rank(axis=1, ascending=False)
    found = pd.DataFrame({"rank": by_set.mean(), "first": (by_set == 1).sum(), "sets": len(table)})
    return found.sort_values("rank", kind="stable")


def friedman(results: pd.DataFrame, metric: str = "macro_f1", reseeds: bool = False) -> dict:
    """Friedman's test of "all cells are alike": chi2, p, sets, cells, critical_difference. NaN below two sets or three cells."""
    table = scores(results, metric, reseeds)
    sets, cells = table.shape
    found = {"chi2": np.nan, "p": np.nan, "sets": sets, "cells": cells, "critical_difference": critical_difference(cells, sets)}
    if sets >= 2 and cells >= 3 and (table.nunique(axis=1) > 1).any():
        chi2, p = scipy_stats.friedmanchisquare(*(table[name] for name in table))
        found |= {"chi2": float(chi2), "p": float(p)}
    return found


def critical_difference(cells: int, sets: int, level: float = single.LEVEL) -> float:
    """Nemenyi's CD (formula above): average ranks that differ by less cannot be told apart. See the caveat."""
    if cells < 2 or sets < 1:
        return np.nan
    return float(scipy_stats.studentized_range.ppf(level, cells, np.inf) / np.sqrt(2) * np.sqrt(cells * (cells + 1) / (6 * sets)))
