"""What the folds of one data set say: improvements as the paper gives them, paired differences, verdicts.

Folds of one run share most of their training rows, so they are not independent scores. For n = k r paired differences
(k folds, r runs) with mean m and variance s^2, the corrected resampled t-test (Nadeau & Bengio 2003; Bouckaert & Frank
2004) takes

    t = m / e,   e^2 = (1/n + q) s^2,   n - 1 degrees of freedom,   q = n_test / n_train.

With 80-10-10 splits q is 1/8: the validation tenth is not trained on. It is exact when any two differences correlate
with rho = q / (1 + q) = n_test / (n_test + n_train) = 1/9. The Bayesian correlated t-test (Corani & Benavoli 2015) has
the same numbers as a posterior of the mean difference: Student's t with n - 1 degrees of freedom, centre m, scale e.
(baycomp's CorrelatedTTest fixes q at 1 / (k - 1); for these splits that would be 1/9, which is a little too sure.)

A verdict is one of four words, by a rule fixed beforehand. With the region of practical equivalence (ROPE) from -0.5 to
0.5 points of F1, and P the posterior's probabilities:

    better     P(difference > 0.5) >= 0.95          same   P(-0.5 <= difference <= 0.5) >= 0.95
    worse      P(difference < -0.5) >= 0.95         undecided   otherwise

Half a point is above most gains that the paper claims, so beside it stands the same rule with 1 % of the unaltered cell's score. A
training that diverged answers nothing, and is scored as the answer that does: F1 of 0.

It is made for each comparison by itself; beside it stand p-values by Holm's method over a data set's alterations, and
what the best of 17 rows looks like when nothing is there (seeds.py). Differences are in points (percentage points).
"""

from functools import lru_cache

import numpy as np
import pandas as pd
from scipy import stats as scipy_stats
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import stdtr

from ..alterations import KNOWN
from ..errors import nearest
from ..fold import RESEED, is_reseed
from ..metrics import METRICS

TEST_TO_TRAIN = 1 / 8
ROPE = 0.5  # points
ROPES = (0.25, 0.5, 1.0)  # shown beside each other; the verdict is ROPE's
RELATIVE_ROPE = 1.0  # percent of the unaltered cell's score
DIVERGED = "Diverged"  # the kind of failure that is a cell's own
LEVEL = 0.95
VERDICTS = ("better", "same", "worse", "undecided")


def standard_error(differences: np.ndarray, ratio: float = TEST_TO_TRAIN) -> float:
    """e of the formula above, in the differences' unit; NaN below two differences. ratio: q (0 is the naive error)."""
    d = np.asarray(differences, float)
    return float(np.sqrt((1 / len(d) + ratio) * d.var(ddof=1))) if len(d) > 1 else np.nan


def corrected_interval(differences: np.ndarray, level: float = LEVEL, ratio: float = TEST_TO_TRAIN) -> tuple[float, float, float]:
    """Mean, lower and upper bound of the mean difference. NaN bounds below two differences."""
    d = np.asarray(differences, float)
    if not len(d):
        return np.nan, np.nan, np.nan
    half = scipy_stats.t.ppf((1 + level) / 2, len(d) - 1) * standard_error(d, ratio)
    return d.mean(), d.mean() - half, d.mean() + half


def corrected_ttest(differences: np.ndarray, ratio: float = TEST_TO_TRAIN) -> tuple[float, float]:
    """t and the two-sided p of "the mean difference is 0". NaN below two differences; p is 1 if all of them are 0."""
    d = np.asarray(differences, float)
    error = standard_error(d, ratio)
    if error == 0:
        return (0.0, 1.0) if d.mean() == 0 else (np.copysign(np.inf, d.mean()), 0.0)
    t = d.mean() / error if len(d) > 1 else np.nan
    return float(t), float(2 * scipy_stats.t.sf(abs(t), len(d) - 1))


def posterior(differences: np.ndarray, rope: float = ROPE, ratio: float = TEST_TO_TRAIN) -> tuple[float, float, float]:
    """P(mean difference < -rope), P(within), P(> rope): the Bayesian correlated t-test. NaN below two differences."""
    d = np.asarray(differences, float)
    error = standard_error(d, ratio)
    if np.isnan(error):
        return np.nan, np.nan, np.nan
    if error == 0:  # all differences alike: the posterior is that one point
        worse, better = float(d.mean() < -rope), float(d.mean() > rope)
    else:
        worse, better = (float(stdtr(len(d) - 1, (side * d.mean() - rope) / error)) for side in (-1, 1))
    return worse, max(0.0, 1 - worse - better), better


def verdict(worse: float, same: float, better: float, level: float = LEVEL) -> str:
    """The word of the rule above for three probabilities; "undecided" for NaN."""
    words = {"worse": worse, "same": same, "better": better}
    return next((word for word, probability in words.items() if probability >= level), "undecided")


def holm(p: np.ndarray) -> np.ndarray:
    """p-values adjusted by Holm's method over all that are given; NaN stays NaN and is not counted."""
    p = np.array(p, float)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]  # NaN is sorted last
    steps = p[order] * np.arange(len(order), 0, -1)  # the smallest times all that are left, the next times one less, ...
    p[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return p


def detectable(sd: float, count: int, power: float = 0.8, alpha: float = 1 - LEVEL, ratio: float = TEST_TO_TRAIN) -> float:
    """The smallest mean difference that the corrected two-sided test finds with `power`, in the unit of `sd`.

    sd: standard deviation of `count` paired differences. Power is that of the noncentral t with noncentrality
    difference / e. At 10, 30 and 100 differences it is 1.49, 1.15 and 1.04 standard deviations.
    """
    if count < 2 or not np.isfinite(sd):
        return np.nan
    return float(_noncentrality(count, power, alpha) * np.sqrt(1 / count + ratio) * sd)


def least_half_width(sd: float, level: float = LEVEL, ratio: float = TEST_TO_TRAIN) -> float:
    """What the half-width of `corrected_interval` comes to with ever more folds of the same documents, in the unit of `sd`."""
    return float(scipy_stats.norm.ppf((1 + level) / 2) * np.sqrt(ratio) * sd)


@lru_cache
def _noncentrality(count: int, power: float, alpha: float) -> float:
    """The noncentrality at which a two-sided t-test with count - 1 degrees of freedom has this power.

    Its power is the normal one with the standard error known to be s times too large or small, averaged over the s that the
    degrees of freedom allow.
    """
    bound, spread = scipy_stats.t.isf(alpha / 2, count - 1), scipy_stats.chi(count - 1, scale=1 / np.sqrt(count - 1))

    def missing(noncentrality: float) -> float:
        def found(s):
            return spread.pdf(s) * (scipy_stats.norm.sf(bound * s - noncentrality) + scipy_stats.norm.sf(bound * s + noncentrality))

        return power - quad(found, 0, spread.isf(1e-12))[0]

    return brentq(missing, 0, 10 + 2 * bound)


def paired_differences(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Altered minus unaltered on the same run and fold, in points: columns alteration, run, fold, difference.

    results: of one data set and model. Rows of the unaltered cell with other seeds ("reseed-1", ...) are among them, last.
    """
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}{nearest(metric, METRICS)}; there are {', '.join(METRICS)}")
    scores = scored(results).pivot_table(index=["run", "fold"], columns="alteration", values=metric, sort=False)
    if "none" not in scores:
        return pd.DataFrame(columns=["alteration", "run", "fold", "difference"])
    differences = 100 * scores.drop(columns="none").sub(scores["none"], axis=0)
    return differences.melt(ignore_index=False, value_name="difference").reset_index().dropna(subset="difference")


def improvements(results: pd.DataFrame) -> pd.DataFrame:
    """Tables 3-9: baseline scores in percent, then each alteration's improvement in percent of the baseline's value.

    As the paper: relative, computed a run (means over its folds) and averaged over runs. Only folds that both cells
    have count; `folds` says how many. A baseline of 0 gives NaN. Where a fold of any cell has failed there is a
    column `failed` with their number: what diverged is among the folds, with scores of 0; a cell all of whose folds failed
    otherwise has a row of NaN.
    """
    scores = scored(results)
    metrics = list(METRICS)
    indexed = scores.set_index(["alteration", "run", "fold"])[metrics]
    failed = results.loc[results["state"] == "failed", "alteration"].value_counts()
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
    rows |= {name: {"folds": 0, **dict.fromkeys(metrics, np.nan)} for name in failed.index if name not in rows and name != "none"}
    table = pd.DataFrame(rows).T.astype({"folds": int})
    if len(failed):
        table.insert(1, "failed", failed.rename({"none": "Baseline"}).reindex(table.index, fill_value=0))
    return table


def differences_table(results: pd.DataFrame, metric: str = "macro_f1") -> pd.DataFrame:
    """Paired differences of one metric, in points: mean, 95 % interval, SD over folds, folds better and worse; and loss, the mean
    difference of the test loss (cross-entropy; below 0 is better), NaN where it is not on record."""
    rows = {}
    for name, group in paired_differences(results, metric).groupby("alteration", sort=False):
        d = group["difference"].to_numpy()
        mean, low, high = corrected_interval(d)
        rows[name] = {
            "folds": len(d), "mean": mean, "low": low, "high": high, "sd": d.std(ddof=1) if len(d) > 1 else np.nan,
            "better": int((d > 0).sum()), "worse": int((d < 0).sum()),
        }  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["folds", "mean", "low", "high", "sd", "better", "worse"])
    return table.assign(loss=_loss(results).reindex(table.index).astype(float))


def _loss(results: pd.DataFrame) -> pd.Series:
    """Mean difference of the test loss to the unaltered cell's on the same folds, a value an alteration."""
    finished = done(results)
    if "loss" not in finished or "none" not in set(finished["alteration"]):
        return pd.Series(dtype=float)
    loss = finished.assign(loss=finished["loss"].astype(float)).pivot(index=["run", "fold"], columns="alteration", values="loss")
    return loss.sub(loss["none"], axis=0).mean()


def verdicts(results: pd.DataFrame, metric: str = "macro_f1") -> pd.DataFrame:
    """differences_table with what the evidence supports, a row an alteration (the reseeds last).

    Further columns: relative (percent of the baseline's value, as the paper), p (corrected t-test), p_holm (over the
    alterations; the reseeds are no part of the family), p_worse, p_same, p_better (posterior with ROPE),
    verdict, "rope 0.25" and "rope 1" (the verdict with these), "rope 1 %" (with RELATIVE_ROPE), detectable (points, with 80 %
    power at these folds).
    """
    table = differences_table(results, metric)
    table.insert(2, "relative", improvements(results)[metric].reindex(table.index))
    groups = {name: group["difference"].to_numpy() for name, group in paired_differences(results, metric).groupby("alteration")}
    found = [groups[name] for name in table.index]
    table["p"] = [corrected_ttest(d)[1] for d in found]
    table["p_holm"] = holm(table["p"].where(~is_reseed(table.index)))
    table[["p_worse", "p_same", "p_better"]] = np.reshape([posterior(d) for d in found], (-1, 3))
    table["verdict"] = [verdict(*row) for row in table[["p_worse", "p_same", "p_better"]].to_numpy()]
    for rope in ROPES:
        if rope != ROPE:
            table[f"rope {rope:g}"] = [verdict(*posterior(d, rope)) for d in found]
    base = scored(results).query("alteration == 'none'")[metric].mean()
    table[f"rope {RELATIVE_ROPE:g} %"] = [verdict(*posterior(d, RELATIVE_ROPE * base)) for d in found]
    table["detectable"] = [detectable(sd, n) for sd, n in zip(table["sd"], table["folds"])]
    return table


def costs(results: pd.DataFrame) -> pd.DataFrame:
    """Training time of each alteration: median seconds a fold, in percent of the unaltered cell's (times_as_long), compile time."""
    scores = done(results)
    groups = scores.groupby("alteration", sort=False)
    table = groups[["train_seconds", "compile_seconds"]].median()
    seconds = {name: times(group) for name, group in groups}
    ratios = [100 * times_as_long(seconds[name], seconds.get("none")) for name in table.index]
    table.insert(1, "relative", ratios)
    return table


def times(folds: pd.DataFrame) -> pd.Series:
    """Training seconds of one cell's folds, by run, fold and device; a processor has no name, which is "".

    The device is part of what a time is of: what one card took says nothing beside what another took, or two cores. A fold
    that shared them with other work has none.
    """
    return folds.assign(device=device(folds)).set_index(["run", "fold", "device"])["train_seconds"].dropna()


def device(folds: pd.DataFrame) -> pd.Series:
    """What trained each fold, "" where that has no name: a processor, or what is no network."""
    return folds["device"].astype("object").fillna("") if "device" in folds else pd.Series("", folds.index)


def times_as_long(seconds: pd.Series | None, base: pd.Series | None) -> float:
    """How many times as long as `base` a fold takes: the median over the folds that both have from one device, NaN if there is none.

    Both are indexed as `times` has it. A study trains all cells of a fold one after the other, so a machine that is slower
    in one run than in another drops out of the ratio of a fold; out of a ratio of medians it does not.
    """
    if seconds is None or base is None:
        return np.nan
    return float((seconds / base).median())


def done(results: pd.DataFrame) -> pd.DataFrame:
    """The finished folds of one data set and model: alterations in the order of Table 1, pairs, gates, own formulas, the reseeds.

    What times are taken of; scores are those of `scored`. ValueError when the frame holds several data sets or models, or two records of one fold (other settings or seeds).
    """
    return _in_order(of_one(results)[results["state"] == "done"])


def scored(results: pd.DataFrame) -> pd.DataFrame:
    """As `done`, with the folds that diverged among them, which score 0 (record.NOTHING_SAID)."""
    return _in_order(of_one(results)[has_score(results)])


def has_score(results: pd.DataFrame) -> pd.Series:
    """Which folds have scores: those that are done, and those that diverged."""
    return (results["state"] == "done") | diverged(results)


def diverged(results: pd.DataFrame) -> pd.Series:
    """Which folds failed because their cell's values became NaN or infinite; a frame of done folds alone needs no column `failure`."""
    return results["failure"].eq(DIVERGED) if "failure" in results else pd.Series(False, results.index)


def of_one(results: pd.DataFrame) -> pd.DataFrame:
    """The same frame, of results or curves. Raises ValueError where it holds several data sets, models or protocols."""
    for column, other in (("dataset", "multiple.py"), ("model", "cost.py"), ("choices", "multiverse.py")):
        if column in results and len(names := results[column].unique()) > 1:
            one = f"results[results[{column!r}] == {str(names[0])!r}]"
            raise ValueError(f"results hold more than one {column} ({', '.join(map(str, names[:9]))}); choose one: {one}, or see {other}")
    return results


def _in_order(finished: pd.DataFrame) -> pd.DataFrame:
    order = {name: number for number, name in enumerate(KNOWN)}
    if (twice := finished.duplicated(["alteration", "run", "fold"])).any():
        first = finished[twice].iloc[0]
        raise ValueError(f"two records of {first['alteration']}, run {first['run']}, fold {first['fold']}: "
                         "the results mix seeds or settings; choose one, for example with plan(settings).results()")  # fmt: skip
    last = len(order) + 1
    return finished.sort_values(
        "alteration", key=lambda c: c.map(lambda a: order.get(a, last if a.startswith(RESEED) else last - 1)), kind="stable"
    )
