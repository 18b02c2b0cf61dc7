"""What models score and cost beside each other, fold by fold.

results: a frame of records (study/records.py) with any data sets and models. Scores are in percent, differences in points, times
in seconds a fold (training, with the scores of the validation rows after each epoch). Verdicts, ratios of times and the price of a
gain are taken on the folds that both models have: what a fold costs differs between machines and days, and a ratio of two medians
over different folds would carry that along. Times are compared where one device took both. Scores, seconds and seconds an epoch sum
up a row's own folds, all of them.
"""

import numpy as np
import pandas as pd

from ..alterations import KNOWN
from ..fold import is_reseed
from ..metrics import METRICS
from . import single

SCORE = "macro_f1"
_FOLD = ["dataset", "run", "fold"]


def rows(results: pd.DataFrame) -> pd.DataFrame:
    """A row for each data set, model and cell on record: folds, the four scores, seconds a fold and an epoch, parameters.

    Scores are means, seconds medians over the folds of that row. times: how many times as long as LSTM-CS with the unaltered
    cell, the median over the folds that both have. per_point: seconds for one point of macro F1. per_gain: additional seconds for
    each additional point over LSTM-CS, both on the folds that both have; NaN where nothing is gained. Reseeds are left out. What
    diverged scores 0 and has no time.
    """
    finished = results[single.has_score(results) & ~is_reseed(results["alteration"])]
    finished = finished.assign(device=single.device(finished))
    finished.loc[finished["state"] != "done", ["train_seconds", "seconds_per_epoch"]] = np.nan  # what diverged ended early
    groups = finished.groupby(["dataset", "model", "alteration"], sort=False)
    table = 100 * groups[list(METRICS)].mean()
    table.insert(0, "folds", groups.size())
    medians = {"seconds": "train_seconds", "per_epoch": "seconds_per_epoch", "compile": "compile_seconds", "parameters": "parameters"}
    for name, column in medians.items():
        table[name] = groups[column].median().astype(float)
    paired = _beside_unaltered(finished)
    table["times"] = paired["times"].median().reindex(table.index)
    table["per_point"] = table["seconds"] / table[SCORE].replace(0, np.nan)
    gain = paired["gain"].mean().reindex(table.index)
    table["per_gain"] = (paired["longer"].median().reindex(table.index) / gain).where(gain > 0)
    return in_order(table.reset_index())


def _beside_unaltered(finished: pd.DataFrame):
    """The folds that LSTM-CS with the unaltered cell has too, a group a row: columns times, longer (seconds), gain (points)."""
    unaltered = finished[(finished["model"] == "lstm") & (finished["alteration"] == "none")]
    pairs = finished.merge(unaltered[[*_FOLD, SCORE, "train_seconds", "device"]], on=_FOLD, suffixes=("", "_before"))
    before = pairs["train_seconds_before"].where(pairs["device"] == pairs["device_before"])
    pairs["times"] = pairs["train_seconds"] / before
    pairs["longer"] = pairs["train_seconds"] - before
    pairs["gain"] = 100 * (pairs[SCORE] - pairs[f"{SCORE}_before"])
    return pairs.groupby(["dataset", "model", "alteration"])


def verdicts(results: pd.DataFrame, metric: str = SCORE) -> pd.DataFrame:
    """Every other model's unaltered row against LSTM-CS with the unaltered cell, and each model's own alterations against its unaltered row.

    Columns: dataset, model, alteration, base_model, base, folds, mean, low, high (points), p_worse, p_same, p_better, verdict; the
    rules of single.py. Only rows with a fold in common with their base.
    """
    found, table = [], rows(results)
    for dataset, model, cell in table[["dataset", "model", "alteration"]].itertuples(index=False):
        if (model, cell) == ("lstm", "none"):
            continue
        base = (model, "none") if cell != "none" else ("lstm", "none")
        d = paired(results[results["dataset"] == dataset], (model, cell), base, metric)
        if len(d):
            probabilities = single.posterior(d)
            mean, low, high = single.corrected_interval(d)
            found.append({"dataset": dataset, "model": model, "alteration": cell, "base_model": base[0], "base": base[1], "folds": len(d),
                          "mean": mean, "low": low, "high": high, **dict(zip(("p_worse", "p_same", "p_better"), probabilities)),
                          "verdict": single.verdict(*probabilities)})  # fmt: skip
    names = "dataset model alteration base_model base folds mean low high p_worse p_same p_better verdict"
    return pd.DataFrame(found, columns=names.split())


def paired(results: pd.DataFrame, row: tuple[str, str], base: tuple[str, str], metric: str = SCORE) -> np.ndarray:
    """Differences in points on the folds that both (model, cell) pairs have. results: of one data set."""
    parts = [results[(results["model"] == m) & (results["alteration"] == c)] for m, c in (row, base)]
    a, b = (single.scored(part).set_index(["run", "fold"])[metric] for part in parts)
    return (100 * (a - b)).dropna().to_numpy()


def in_order(
    table: pd.DataFrame, models: tuple[str, ...] = ("lstm", "simple", "bert", "bert-prepared", "tfidf", "constant")
) -> pd.DataFrame:
    """Rows by data set, model, and cell in the order of Table 1, pairs and gates, with own formulas last."""
    order = {"model": list(models), "alteration": list(KNOWN)}

    def rank(column: pd.Series) -> pd.Series:
        known = order.get(column.name)
        return column if known is None else column.map(lambda name: known.index(name) if name in known else len(known))

    by = [name for name in ("dataset", "model", "alteration") if name in table]
    return table.sort_values(by, key=rank, kind="stable", ignore_index=True)
