"""What several data sets say together. The sets are the sample here: never feed folds to Wilcoxon's, Friedman's or Nemenyi's tests.

With six or seven sets little can be decided: the smallest two-sided p of Wilcoxon's test is 2 / 2^6 = 0.031 or 2 / 2^7 = 0.016
(column p_least says it for the sets of a row), which Holm's method over 17 alterations lifts above 0.25; no result of 17 comparisons
on seven sets is significant after it. What may be believed instead is said by the hierarchical correlated model (hierarchical.py),
which carries the noise of the folds within each set. README.md in this folder has the error rate of every rule when nothing is there.

Average ranks with Nemenyi's critical difference (Demsar 2006): for k cells on N sets

    CD = q(0.95; k, inf) / sqrt(2) * sqrt(k (k + 1) / (6 N)),   q the studentized range.

Caveat: for k = 18, N = 7 it is 10 ranks of 17 possible, and it grows with every cell that is compared. Ranks say nothing of how
large a difference is, and a cell's rank changes with the company it keeps (Benavoli et al. 2016). Read them as a description.
"""

import numpy as np
import pandas as pd
from scipy import stats as scipy_stats

from ..alterations import KNOWN
from ..fold import is_reseed
from ..metrics import METRICS
from . import hierarchical, single

MIN_FOLDS = 5  # half a run: a set with fewer folds of a cell has no part in averages, tests and ranks, where its mean would count as exact
NOT_LEARNED = "not learned"  # in place of a verdict
MIN_SETS = 3  # fewer say nothing together: two means have no spread to speak of


def cells(results: pd.DataFrame, metric: str = "macro_f1", idle=()) -> pd.DataFrame:
    """single.verdicts of every data set, tidy: columns dataset, alteration and those of verdicts.

    Every data set has every alteration that any of them has: what is not on record has folds 0 and verdict "no data". `failed`
    counts folds on record as failed, `diverged` those among them that the cell itself brought down: they are among the folds, with
    scores of 0; of the others no other column knows. idle: sets on which nothing is learned (`unlearned`): their verdict is "not learned".
    """
    parts = {name: single.verdicts(rows, metric) for name, rows in results.groupby("dataset", sort=False)}
    names = in_order(name for table in parts.values() for name in table.index)
    if not names:
        return pd.DataFrame(columns=["dataset", "alteration", *single.verdicts(results.iloc[:0], metric), "failed", "diverged"])
    rows = pd.concat({name: table.reindex(names) for name, table in parts.items()}, names=["dataset", "alteration"])
    for column, which in (("failed", results["state"] == "failed"), ("diverged", single.diverged(results))):
        rows[column] = results[which].groupby(["dataset", "alteration"]).size().reindex(rows.index, fill_value=0)
    counts = ["folds", "better", "worse"]
    rows = rows.fillna(dict.fromkeys(counts, 0) | {"verdict": "no data"}).astype(dict.fromkeys(counts, int)).reset_index()
    nothing = rows["dataset"].isin(idle) & (rows["verdict"] != "no data")
    words = ["verdict", *(name for name in rows if name.startswith("rope "))]
    rows.loc[nothing, words] = NOT_LEARNED
    return rows


def compared(cells: pd.DataFrame) -> pd.DataFrame:
    """The rows of `cells` that compare an alteration with the unaltered cell: no reseed, none without a paired fold, no set on which
    nothing is learned."""
    return cells[~is_reseed(cells["alteration"]) & ~cells["verdict"].isin(("no data", NOT_LEARNED))]


def with_references(results: pd.DataFrame, named: dict[str, str]) -> pd.DataFrame:
    """The rows of LSTM-CS, and those of other models as if they were alterations of it, under the names given: {"tfidf": "TF-IDF"}.

    For tables alone: references are no part of a family of comparisons. results: of all models.
    """
    others = [
        results[(results["model"] == model) & (results["alteration"] == "none")].assign(model="lstm", alteration=name)
        for model, name in named.items()
    ]
    return pd.concat([results[results["model"] == "lstm"], *others], ignore_index=True)


def references(results: pd.DataFrame, named: dict[str, str], metric: str = "macro_f1") -> pd.DataFrame:
    """`cells` of the references alone, against the unaltered cell; p_holm is NaN. results, named: as `with_references`."""
    beside = with_references(results, named)
    table = cells(beside[beside["alteration"].isin(["none", *named.values()])], metric)
    return table.assign(p_holm=np.nan)


def disagreement(cells: pd.DataFrame) -> pd.DataFrame:
    """How often a lower test loss and a lower score come at once: columns dataset, alterations, both (lower loss and lower score),
    more_loss (the other way round: higher loss and higher score). cells: `cells` of one metric."""
    rows = []
    for dataset, group in compared(cells).dropna(subset=["loss"]).groupby("dataset", sort=False):
        down, less = group["mean"] < 0, group["loss"] < 0
        rows.append(
            {"dataset": dataset, "alterations": len(group), "both": int((down & less).sum()), "more_loss": int((~down & ~less).sum())}
        )
    return pd.DataFrame(rows, columns=["dataset", "alterations", "both", "more_loss"])


def beside_constant(results: pd.DataFrame, metric: str = "macro_f1") -> pd.DataFrame:
    """The unaltered cell beside the best constant answer, a row a data set: columns dataset, folds (that both have), unaltered,
    constant (percent), mean, low, high (points, corrected 95 % interval), learned.

    learned: whether the unaltered cell's mean is above the constant answer's; missing where one of them is not on record. A set
    where it is not tells nothing of an alteration: both cells may answer one class to everything, or nothing. results: of all models.
    """
    rows = []
    for dataset, group in results[single.has_score(results)].groupby("dataset", sort=False):
        ours, constant = (
            100 * group[(group["model"] == model) & (group["alteration"] == "none")].set_index(["run", "fold"])[metric].astype(float)
            for model in ("lstm", "constant")
        )
        both = pd.concat([ours, constant], axis=1, join="inner").dropna().set_axis(["unaltered", "constant"], axis=1)
        mean, low, high = single.corrected_interval((both["unaltered"] - both["constant"]).to_numpy())
        rows.append({"dataset": dataset, "folds": len(both), **both.mean(), "mean": mean, "low": low, "high": high,
                     "learned": bool(mean > 0) if len(both) else pd.NA})  # fmt: skip
    return pd.DataFrame(rows, columns=["dataset", "folds", "unaltered", "constant", "mean", "low", "high", "learned"]).astype(
        {"learned": "boolean"}
    )


def unlearned(results: pd.DataFrame) -> tuple[str, ...]:
    """The sets on which nothing is learned by `beside_constant`: they decide nothing. results: of all models."""
    table = beside_constant(results)
    return tuple(table.loc[table["learned"].eq(False).fillna(False), "dataset"])


def in_order(names) -> list[str]:
    """Each name once: Table 1's order, then pairs, gates, own formulas, and the reseeds."""
    order = {name: number for number, name in enumerate(KNOWN)}
    return sorted(dict.fromkeys(names), key=lambda name: order.get(name, len(order) + int(is_reseed([name])[0])))


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


def with_and_without(results: pd.DataFrame, parts: dict[str, tuple[str, ...]], metric: str = "macro_f1") -> pd.DataFrame:
    """The average improvement of one metric, percent, with and without what may be argued about: a row a cell, a column for each of
    `parts` (title -> data sets that are left out), and one without the folds that diverged, where there are any. Another column
    each says over how many sets."""
    frames = {title: results[~results["dataset"].isin(out)] for title, out in parts.items()}
    if single.diverged(results).any():
        first = next(iter(frames))
        frames[f"{first}, without what diverged"] = frames[first][~single.diverged(frames[first])]
    columns = {}
    for title, frame in frames.items():
        table = averages(frame)
        columns |= {title: table[metric], f"sets ({title})": table["sets"]}
    return pd.DataFrame(columns, index=in_order(name for column in columns.values() for name in column.index))


def tests(results: pd.DataFrame, metric: str = "macro_f1", rope: float = single.ROPE, without=()) -> pd.DataFrame:
    """Each cell against the unaltered one over data sets, by paired differences in points.

    Columns: sets, higher (sets with a mean above 0), mean (of the sets' means, points), relative (percent), low, high (95 % interval
    of the mean over sets of this kind), p (Wilcoxon, two-sided), p_least (the smallest p that so many sets allow), p_holm (over the
    alterations), p_worse, p_same, p_better (hierarchical correlated model with `rope`), verdict (the rule of single.py). A set
    counts from MIN_FOLDS paired folds on. NaN and "undecided" below MIN_SETS sets.
    """
    points, percent = means(results, metric, without=without), means(results, metric, True, without)
    folds = by_set(results, metric, without)
    rows = {}
    for name in points:
        d, found = points[name].dropna().to_numpy(), list(folds.get(name, {}).values())
        many = len(found) >= MIN_SETS
        probabilities = hierarchical.posterior(found, rope) if many else (np.nan,) * 3
        _, low, high = hierarchical.interval(found) if many else (np.nan,) * 3
        rows[name] = {
            "sets": len(d), "higher": int((d > 0).sum()), "mean": d.mean() if len(d) else np.nan, "relative": percent[name].mean(), "low": low, "high": high,
            "p": wilcoxon(d), "p_least": 2.0 ** (1 - len(d)) if len(d) > 1 else np.nan, "p_holm": np.nan,
            **dict(zip(("p_worse", "p_same", "p_better"), probabilities)), "verdict": single.verdict(*probabilities),
        }  # fmt: skip
    columns = ["sets", "higher", "mean", "relative", "low", "high", "p", "p_least", "p_holm", "p_worse", "p_same", "p_better", "verdict"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    table["p_holm"] = single.holm(table["p"].where(~is_reseed(table.index)))
    return table


def by_set(results: pd.DataFrame, metric: str = "macro_f1", without=()) -> dict[str, dict[str, np.ndarray]]:
    """Cell -> data set -> its paired differences in points, where there are at least MIN_FOLDS of them."""
    found = {}
    for dataset, group in results.groupby("dataset", sort=False):
        if dataset in without:
            continue
        for cell, folds in single.paired_differences(group, metric).groupby("alteration", sort=False)["difference"]:
            if len(folds) >= MIN_FOLDS:
                found.setdefault(cell, {})[dataset] = folds.to_numpy()
    return found


def wilcoxon(differences: np.ndarray) -> float:
    """Two-sided p of Wilcoxon's signed-rank test over data sets; NaN below two sets, 1 if all differences are 0."""
    d = np.asarray(differences, float)
    if len(d) < 2:
        return np.nan
    return float(scipy_stats.wilcoxon(d).pvalue) if d.any() else 1.0


def scores(results: pd.DataFrame, metric: str = "macro_f1", reseeds: bool = False) -> pd.DataFrame:
    """Mean scores in percent, data sets x cells, over the folds that all cells of a set have (at least MIN_FOLDS); only sets with every cell."""
    finished = results[single.has_score(results)]
    if not reseeds:
        finished = finished[~is_reseed(finished["alteration"])]
    rows, names = {}, set(finished["alteration"])
    for name, group in finished.groupby("dataset", sort=False):
        group = single.scored(group)
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
