"""Learning curves: how fast a cell learns, and whether a verdict hangs on the epoch that is read.

curves: a frame of study/records.py, a row a fold and epoch; scores are fractions. Every rule (rules.py) reads each fold by its
training and validation scores alone. Speed of learning is an answer of its own: it is no part of how good a cell is in the end.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from . import multiple, single

WITHIN = 1.0  # points of the unaltered cell's best validation score at which it counts as reached


def speed(curves: pd.DataFrame, metric: str = "macro_f1", within: float = WITHIN) -> pd.DataFrame:
    """Epochs until a cell reaches the unaltered cell's best validation score of the same fold, to within `within` points.

    A row a data set and cell: folds (that both have), reached (how many of them reach it), epochs (the median; infinite where
    no more than half do: a fold that never reaches it is censored, not zero), later (median over the folds of how many times as many
    epochs as the unaltered cell; infinite likewise), last (the epoch to which training went). Raises ValueError for curves of several models.
    """
    column, rows = f"val_{metric}", []
    for dataset, group in curves.dropna(subset=[column]).groupby("dataset", sort=False):
        group = single.of_one(group)
        base = group[group["alteration"] == "none"]
        best = base.groupby(["run", "fold"])[column].max() - within / 100
        first = _first(group, best, column)
        if "none" not in first:
            continue
        ratio = first.div(first["none"], axis=0)
        for cell in multiple.in_order(group["alteration"]):
            epochs = first[cell].dropna()
            rows.append({"dataset": dataset, "alteration": cell, "folds": len(epochs), "reached": int(np.isfinite(epochs).sum()),
                         "epochs": epochs.median() if len(epochs) else np.nan, "later": ratio[cell].dropna().median() if len(epochs) else np.nan,
                         "last": int(group.loc[group["alteration"] == cell, "epoch"].max())})  # fmt: skip
    return pd.DataFrame(rows, columns=["dataset", "alteration", "folds", "reached", "epochs", "later", "last"])


def _first(group: pd.DataFrame, target: pd.Series, column: str) -> pd.DataFrame:
    """(run, fold) x cells: the first epoch at or above the fold's target, infinite if there is none, NaN without a record."""
    goal = pd.MultiIndex.from_frame(group[["run", "fold"]]).map(target).to_numpy(float)
    there = group.assign(at=np.where(group[column].to_numpy() >= goal, group["epoch"], np.inf))[~np.isnan(goal)]
    return there.pivot_table(index=["run", "fold"], columns="alteration", values="at", aggfunc="min", sort=False)


def band(curves: pd.DataFrame, column: str = "val_macro_f1") -> pd.DataFrame:
    """Mean of a column over the folds of a cell, epoch by epoch, and the range of its middle 80 % of folds.

    Columns: alteration, epoch, folds, mean, low, high. curves: of one data set and model. Folds that ended earlier (diverged, or
    out of patience) are left out of later epochs; `folds` says how many are in.
    """
    groups = curves.dropna(subset=[column]).groupby(["alteration", "epoch"], sort=False)[column]
    table = pd.DataFrame({"folds": groups.size(), "mean": groups.mean(), "low": groups.quantile(0.1), "high": groups.quantile(0.9)})
    return table.reset_index()


def under_rules(results: Mapping[str, pd.DataFrame], metric: str = "macro_f1") -> pd.DataFrame:
    """The verdict of every comparison under each rule: columns dataset, alteration, one a rule, and depends.

    results: rule -> frame of results read by it (of one model). depends: whether the rules that give a verdict differ in it; an
    undecided one differs from a decided one. Reseeds are among the rows: what selection alone does shows there.
    """
    parts = {}
    for rule, frame in results.items():
        cells = multiple.cells(frame, metric).set_index(["dataset", "alteration"])
        parts[rule] = cells["verdict"]
    table = pd.DataFrame(parts)
    known = table.where(table != "no data")
    table["depends"] = known.nunique(axis=1) > 1
    return table.reset_index()


def rules_differ(results: Mapping[str, pd.DataFrame]) -> bool:
    """Whether some fold is read at another epoch by another rule. results: rule -> frame of the same folds."""
    fold = ["dataset", "model", "alteration", "run", "fold"]
    read = pd.concat([frame.set_index(fold)["epoch"] for frame in results.values()], axis=1).dropna(how="all")
    return bool((read.nunique(axis=1, dropna=False) > 1).any())


def differences_under_rules(results: Mapping[str, pd.DataFrame], metric: str = "macro_f1") -> pd.DataFrame:
    """Mean differences with corrected 95 % intervals under each rule, tidy: rule, alteration, folds, mean, low, high (points).

    results: rule -> frame of one data set and model.
    """
    parts = [
        single.differences_table(frame, metric)[["folds", "mean", "low", "high"]].rename_axis("alteration").reset_index().assign(rule=rule)
        for rule, frame in results.items()
    ]
    return pd.concat(parts, ignore_index=True)[["rule", "alteration", "folds", "mean", "low", "high"]]


def last_epoch(curves: pd.DataFrame, metric: str = "macro_f1", least: int = 20, most: int = 40) -> int:
    """The last epoch that a data set is trained to, by a rule fixed beforehand: in its last third the unaltered cell has not
    improved on validation; at least 20, because altered cells learn more slowly, and at most 40.

    That is half as many again as the epoch at which the mean validation curve of the unaltered cell is highest. curves: of one data
    set, trained to `most` epochs; no other cell and no test score is looked at.
    """
    mean = curves[curves["alteration"] == "none"].groupby("epoch")[f"val_{metric}"].mean()
    return int(np.clip(np.ceil(1.5 * mean.idxmax()), least, most))
