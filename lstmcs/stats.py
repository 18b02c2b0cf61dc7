"""What the folds say: relative improvements as the paper gives them, paired differences with honest intervals.

Folds of one run share most of their training rows, so they are not independent scores. Intervals follow the
corrected resampled t-test (Nadeau & Bengio 2003; for r runs of k folds Bouckaert & Frank 2004):

    t = m / sqrt((1 / (k r) + n_test / n_train) s^2),   k r - 1 degrees of freedom,

with m and s^2 mean and variance of the paired differences. With 80-10-10 splits n_test / n_train is 1/8: the
validation tenth is not trained on.
"""

import numpy as np
import pandas as pd
from scipy import stats as scipy_stats

from .alterations import ALTERATIONS
from .metrics import METRICS

TEST_TO_TRAIN = 1 / 8


def paired_differences(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Altered minus unaltered on the same run and fold, in points (percent): columns alteration, run, fold, difference."""
    scores = done(results).pivot_table(index=["run", "fold"], columns="alteration", values=metric, sort=False)
    if "none" not in scores:
        return pd.DataFrame(columns=["alteration", "run", "fold", "difference"])
    differences = 100 * scores.drop(columns="none").sub(scores["none"], axis=0)
    return differences.melt(ignore_index=False, value_name="difference").reset_index().dropna(subset="difference")


def corrected_interval(differences: np.ndarray, level: float = 0.95, ratio: float = TEST_TO_TRAIN) -> tuple[float, float, float]:
    """Mean, lower and upper bound of the mean difference (formula above). NaN bounds below two differences."""
    d = np.asarray(differences, float)
    if len(d) < 2:
        return (d.mean() if len(d) else np.nan), np.nan, np.nan
    error = np.sqrt((1 / len(d) + ratio) * d.var(ddof=1))
    half = scipy_stats.t.ppf((1 + level) / 2, len(d) - 1) * error
    return d.mean(), d.mean() - half, d.mean() + half


def improvements(results: pd.DataFrame) -> pd.DataFrame:
    """Tables 3-9: baseline scores in percent, then each alteration's improvement in percent of the baseline's value.

    As the paper: relative, computed a run (means over its folds) and averaged over runs. Only folds that both cells
    have finished count; `folds` says how many. A baseline of 0 gives NaN.
    """
    scores = done(results)
    metrics = list(METRICS)
    indexed = scores.set_index(["alteration", "run", "fold"])[metrics]
    if "none" not in scores["alteration"].values:
        return pd.DataFrame(columns=["folds", *metrics])
    baseline = indexed.loc["none"]
    rows = {"Baseline": {"folds": len(baseline), **(100 * baseline.groupby("run").mean().mean())}}
    for name in dict.fromkeys(scores["alteration"]):
        if name == "none":
            continue
        both = indexed.loc[name].join(baseline, lsuffix="_altered", how="inner")
        runs = both.groupby("run").mean()
        relative = {m: 100 * (runs[f"{m}_altered"] / runs[m].replace(0, np.nan) - 1).mean() for m in metrics}
        rows[name] = {"folds": len(both), **relative}
    return pd.DataFrame(rows).T.astype({"folds": int})


def differences_table(results: pd.DataFrame, metric: str = "macro_f1") -> pd.DataFrame:
    """Paired differences of one metric, in points: mean, 95 % interval, SD over folds, folds better and worse."""
    rows = {}
    for name, group in paired_differences(results, metric).groupby("alteration", sort=False):
        d = group["difference"].to_numpy()
        mean, low, high = corrected_interval(d)
        rows[name] = {
            "folds": len(d), "mean": mean, "low": low, "high": high, "sd": d.std(ddof=1) if len(d) > 1 else np.nan,
            "better": int((d > 0).sum()), "worse": int((d < 0).sum()),
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index", columns=["folds", "mean", "low", "high", "sd", "better", "worse"])


def costs(results: pd.DataFrame) -> pd.DataFrame:
    """Training time of each alteration: median seconds a fold, and in percent of the unaltered cell's; compile time."""
    groups = done(results).groupby("alteration", sort=False)
    table = groups[["train_seconds", "compile_seconds"]].median()
    table["relative"] = 100 * table["train_seconds"] / table["train_seconds"].get("none", np.nan)
    return table[["train_seconds", "relative", "compile_seconds"]]


def sentence(results: pd.DataFrame, name: str, metric: str = "macro_f1") -> str:
    """What the folds say of one data set, in one or two sentences for a reader in a hurry."""
    table = differences_table(results, metric)
    if table.empty:
        return f"{name}: no fold of an alteration and the unaltered cell is on record yet."
    better, worse = table.index[table["low"] > 0], table.index[table["high"] < 0]
    baseline = improvements(results).loc["Baseline", metric]
    count = f"{table['folds'].min()} to {table['folds'].max()}" if table["folds"].min() < table["folds"].max() else table["folds"].max()
    text = f"{name}: of {len(table)} alterations, {len(better)} score higher than the unaltered cell"
    text += f" ({', '.join(better)})" if len(better) else ""
    text += f" and {len(worse)} lower" + (f" ({', '.join(worse)})" if len(worse) else "")
    text += f" in {METRICS[metric]} by a corrected 95 % interval that excludes 0, on {count} paired folds; the unaltered cell scores {baseline:.1f} %."
    return text + " With this many comparisons about one in twenty such intervals excludes 0 by chance."


def done(results: pd.DataFrame) -> pd.DataFrame:
    """The finished folds, alterations in the order of the paper's Table 1, own formulas last."""
    order = {name: number for number, name in enumerate(ALTERATIONS)}
    finished = results[results["state"] == "done"]
    return finished.sort_values("alteration", key=lambda c: c.map(lambda a: order.get(a, len(order))), kind="stable")
