"""What survives when choices that nobody knows to be right are made otherwise: one comparison under many protocols.

A protocol is a row of `levels`: its name, and a column a dimension (learning rate, units, rule, ...) with the level it has. The first is
"default". Results have its name in their column `choices`. The yardstick is the unaltered cell with other seeds ("reseed-1"), an
alteration like any other here.

Protocols share their documents, folds and seeds, so their answers are not independent, and a count of them has no binomial error. A fold
is what counts: D[p, f] is the difference on fold f under protocol p, in points.

The mean over the protocols of each fold is one number a fold, to which single.py applies as it is: its interval, posterior and verdict
hold for the average over these protocols, at three folds too.

The flips ask the same of any figure of D. With nothing there a fold's column is as likely as its negative, whole, in all protocols at
once (Romano 1990), so the figure is made again with the signs of the folds flipped: all 2^(n-1) pairs of them up to 12 folds, drawn
beyond. Folds share training rows, which flipped folds no longer do: true means vary (1 + n q) times as much as those of independent
folds, q = 1/8 (single.py). So each t of the folds on record is the corrected one, t = m / (s sqrt(1/n + q)), and each flipped t the one
of independent folds, m / (s / sqrt(n)). Three figures: `mean`, the t of the mean over protocols; `largest`, the largest |t| of a
protocol, which sees an effect that one of them has; `above`, how many protocols have a mean above 0, which has no scale and needs no
correction, as the protocols' correlation is the same in what folds share and in what they do not. The last can hardly decide: where
protocols go together, all of them are on one side half of the time with nothing there. Two-sided p cannot fall below 2 / 2^n: 0.25 with
three folds, which then decide nothing by flips. Error rates: README.md in this folder.

Which dimension moves the answer: on each fold least squares give how far each level is from the default's, effects added up. A level thus
has one number a fold, and single.py's interval. Of one protocol and the default that is their plain difference. The variance of a
dimension is that over its levels, equally weighted, V = mean of (a_l - mean a)^2, less what the folds' noise adds to it,
(1/n + q) mean of s_l^2; `combinations` is what adding up leaves over, in designs that can tell. Shares are of their sum. Their uncertainty:
the means are drawn from their posterior (multivariate t: the folds' own deviations, weighted by normal numbers), and each draw pays
for the noise twice, for the estimate's and for its own. Where nothing is left after that, a share may be anything.

Where protocols prepare the texts in other ways, they may drop other documents, and their folds are then other ones of the same name: each
protocol's own answer stands, what joins several is rougher.
"""

from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd

from ..errors import SettingsError, nearest
from . import multiple, single

DEFAULT = "default"
COMBINATIONS = "combinations"
MISSING = "no data"  # the verdict of multiple.cells where nothing can be paired
ENUMERATED = 12  # folds up to which all flips are made
FLIPS = 4000  # beyond
DRAWS = 4000
JOINT = ("protocols", "folds", "mean", "low", "high", "p_worse", "p_same", "p_better", "verdict", "above", "chance_low", "chance_high",
         "p_mean", "p_largest", "p_above", "p_least", "largest")  # fmt: skip


def cells(results: pd.DataFrame, levels: pd.DataFrame, metric: str = "macro_f1", idle: Mapping[str, tuple] | None = None) -> pd.DataFrame:
    """The verdict of every comparison under every planned protocol: columns protocol and those of multiple.cells.

    Every protocol has every data set and alteration that any of them has. What has fewer than two paired folds says "no data".
    results: of one model. idle: protocol -> sets on which nothing is learned under it (`unlearned`); their verdict is "not learned".
    Raises SettingsError for results of a protocol that is not planned.
    """
    parts = {
        protocol: multiple.cells(rows, metric, (idle or {}).get(protocol, ())).set_index(["dataset", "alteration"])
        for protocol, rows in _by_protocol(results, levels)
    }
    if not any(map(len, parts.values())):
        return pd.DataFrame(columns=["protocol", *multiple.cells(results.iloc[:0], metric)])
    table = pd.concat(parts, names=["protocol"])
    sets, names = table.index.unique("dataset"), multiple.in_order(table.index.unique("alteration"))
    table = table.reindex(pd.MultiIndex.from_product([levels.index, sets, names], names=["protocol", "dataset", "alteration"]))
    counts = ["folds", "better", "worse", "failed", "diverged"]
    table = table.fillna(dict.fromkeys(counts, 0)).astype(dict.fromkeys(counts, int))
    table.loc[table["folds"] < 2, "verdict"] = MISSING
    return table.reset_index()


def shares(cells: pd.DataFrame) -> pd.DataFrame:
    """In how many protocols each comparison has which verdict: a row a data set and alteration.

    Columns: planned, missing, unlearned (protocols in which nothing is learned on the set), answered (the rest: the sum of the next four),
    better, same, worse, undecided; higher (of those answered, a mean above 0), above, below (a corrected 95 % interval). cells: `cells`.
    """
    rows = []
    for (dataset, cell), group in cells.groupby(["dataset", "alteration"], sort=False):
        words, told = group["verdict"].value_counts(), group[group["verdict"].isin(single.VERDICTS)]
        rows.append({
            "dataset": dataset, "alteration": cell, "planned": len(group), "missing": int(words.get(MISSING, 0)),
            "unlearned": int(words.get(multiple.NOT_LEARNED, 0)), "answered": len(told), **{word: int(words.get(word, 0)) for word in single.VERDICTS},
            "higher": int((told["mean"] > 0).sum()), "above": int((told["low"] > 0).sum()), "below": int((told["high"] < 0).sum()),
        })  # fmt: skip
    columns = ["dataset", "alteration", "planned", "missing", "unlearned", "answered", *single.VERDICTS, "higher", "above", "below"]
    return pd.DataFrame(rows, columns=columns)


def unlearned(results: pd.DataFrame, levels: pd.DataFrame, metric: str = "macro_f1") -> dict[str, tuple[str, ...]]:
    """Protocol -> sets on which nothing is learned under it, which would count as "same".

    Either the unaltered cell does not pass the best constant answer (multiple.unlearned; the protocol's own comes before the default's), or
    every cell, other seeds too, has one and the same score on each fold, below 100 %: they give one answer to everything. results: of all models.
    """
    constant, found = results[results["model"] == "constant"], {}
    for protocol, rows in _by_protocol(results[results["model"] == "lstm"], levels):
        own = constant[constant["choices"] == protocol]
        others = constant[(constant["choices"] == DEFAULT) & ~constant["dataset"].isin(own["dataset"])]
        idle = {*multiple.unlearned(pd.concat([rows, own, others]))}
        for dataset, group in rows[single.has_score(rows)].groupby("dataset", sort=False):
            scores = group.pivot_table(index=["run", "fold"], columns="alteration", values=metric)
            if scores.shape[1] > 2 and (scores.nunique(axis=1) == 1).all() and scores.max(axis=None) < 1:
                idle.add(dataset)
        found[protocol] = tuple(name for name in rows["dataset"].unique() if name in idle)
    return found


def differences(results: pd.DataFrame, levels: pd.DataFrame, metric: str = "macro_f1", idle: Mapping[str, tuple] | None = None):
    """(data set, alteration) -> frame of planned protocols x (run, fold): altered minus unaltered, points; NaN where that is missing.

    results, idle: as for `cells`; where nothing is learned there is no difference.
    """
    parts = [
        single.paired_differences(group, metric).assign(protocol=protocol, dataset=dataset)
        for protocol, rows in _by_protocol(results, levels)
        for dataset, group in rows.groupby("dataset", sort=False)
        if dataset not in (idle or {}).get(protocol, ())
    ]
    table = pd.concat(parts) if parts else pd.DataFrame(columns=["protocol", "dataset", "alteration", "run", "fold", "difference"])
    keys = [(d, a) for d in table["dataset"].unique() for a in multiple.in_order(table.loc[table["dataset"] == d, "alteration"])]
    groups = dict(list(table.groupby(["dataset", "alteration"], sort=False)))
    return {key: _matrix(groups[key], "difference", levels) for key in keys}


def unaltered(results: pd.DataFrame, levels: pd.DataFrame, metric: str = "macro_f1") -> dict[tuple[str, str], pd.DataFrame]:
    """(data set, "none") -> frame of planned protocols x (run, fold): the unaltered cell's own score in percent."""
    parts = [
        single.scored(group).query("alteration == 'none'").assign(protocol=protocol)
        for protocol, rows in _by_protocol(results, levels)
        for _, group in rows.groupby("dataset", sort=False)
    ]
    table = pd.concat(parts) if parts else results.assign(protocol=None).iloc[:0]
    return {(name, "none"): 100 * _matrix(group, metric, levels) for name, group in table.groupby("dataset", sort=False)}


def twins(results: pd.DataFrame, levels: pd.DataFrame, metric: str = "macro_f1") -> list[tuple[str, ...]]:
    """Protocols on record that have the same score in every fold of every cell, and so are one: two rules that read the same epoch, say."""
    known = pd.concat([rows[single.has_score(rows)] for _, rows in _by_protocol(results, levels)] or [results])
    table = known.pivot_table(index="choices", columns=["dataset", "alteration", "run", "fold"], values=metric, sort=False).fillna(-1)
    groups = {}
    for name, row in zip(table.index, table.to_numpy()):
        groups.setdefault(tuple(row), []).append(name)
    return [tuple(names) for names in groups.values() if len(names) > 1]


def _by_protocol(results: pd.DataFrame, levels: pd.DataFrame):
    """(protocol, its rows of the results), in the order of the plan."""
    if not levels.index.is_unique or DEFAULT not in levels.index:
        twice = ", ".join(map(str, levels.index[levels.index.duplicated()].unique()))
        raise SettingsError(
            f"protocols planned twice: {twice}" if twice else f"no protocol is called {DEFAULT!r}; there are {', '.join(levels.index)}"
        )
    if "choices" not in results:
        raise SettingsError("the results say of no row which protocol it is of: they have no column 'choices'")
    for name in results["choices"].unique():
        if name not in levels.index:
            raise SettingsError(f"results of a protocol that is not planned: {name!r}{nearest(str(name), levels.index)}")
    groups = dict(list(results.groupby("choices", sort=False)))
    return [(name, groups[name]) for name in levels.index if name in groups]


def _matrix(table: pd.DataFrame, values: str, levels: pd.DataFrame) -> pd.DataFrame:
    return table.pivot(index="protocol", columns=["run", "fold"], values=values).reindex(levels.index).sort_index(axis=1).astype(float)


def block(matrix: pd.DataFrame) -> pd.DataFrame:
    """The part of protocols x folds without a gap that holds most values: the folds of one protocol (at least two), and the protocols
    that have them all. Of equals the one of the earlier protocol. Empty where no protocol has two folds."""
    there, best = matrix.notna().to_numpy(), (np.zeros(len(matrix), bool), np.zeros(matrix.shape[1], bool))
    for folds in there:
        if folds.sum() > 1:
            protocols = there[:, folds].all(axis=1)
            best = max(best, (protocols, folds), key=lambda part: part[0].sum() * part[1].sum())
    return matrix.loc[best[0], best[1]]


# === All protocols together ===


def joint(matrix: pd.DataFrame, ratio: float = single.TEST_TO_TRAIN) -> dict:
    """What all protocols say together of one comparison. matrix: protocols x folds, points; its `block` is used.

    protocols, folds (of the block); mean, low, high, p_worse, p_same, p_better, verdict: of the mean over the protocols, by single.py;
    above: protocols with a mean above 0, and chance_low to chance_high, where that number lies in 95 % of the flips; p_mean, p_largest,
    p_above by flips (above), p_least the smallest that so many folds allow; largest: the protocol with the largest |t|.
    """
    known = block(matrix)
    count, n = known.shape
    if not count:
        return dict.fromkeys(JOINT, np.nan) | {"protocols": 0, "folds": 0, "verdict": MISSING, "above": 0, "largest": None}
    d = known.to_numpy()
    averaged = d.mean(axis=0)
    mean, low, high = single.corrected_interval(averaged, ratio=ratio)
    probabilities = single.posterior(averaged, ratio=ratio)
    flipped = _signs(n)
    means = flipped @ d.T / n
    t, together = _t(means, (d**2).mean(axis=1), n), _t(flipped @ averaged / n, (averaged**2).mean(), n)
    wider = np.sqrt(1 + n * ratio)  # by which a corrected t is smaller than that of independent folds
    above = (means > 0).sum(axis=1)
    either = np.sort([*above, *(means < 0).sum(axis=1)])  # the other half of the flips are the negatives of these
    outside = int((1 - single.LEVEL) / 2 * len(either))
    return {
        "protocols": count, "folds": n, "mean": mean, "low": low, "high": high,
        **dict(zip(("p_worse", "p_same", "p_better"), probabilities)), "verdict": single.verdict(*probabilities),
        "above": int(above[0]), "chance_low": int(either[outside]), "chance_high": int(either[-1 - outside]),
        "p_mean": _reached(np.abs(together), wider), "p_largest": _reached(np.abs(t).max(axis=1), wider),
        "p_above": _reached(np.abs(above - (means < 0).sum(axis=1)), 1.0), "p_least": max(2.0 ** (1 - n), 1 / len(flipped)),
        "largest": known.index[np.abs(t[0]).argmax()],
    }  # fmt: skip


def joint_tests(matrices: Mapping[tuple[str, str], pd.DataFrame], ratio: float = single.TEST_TO_TRAIN) -> pd.DataFrame:
    """`joint` of every comparison: columns dataset, alteration and those of JOINT. matrices: `differences`."""
    rows = [{"dataset": dataset, "alteration": cell, **joint(matrix, ratio)} for (dataset, cell), matrix in matrices.items()]
    return pd.DataFrame(rows, columns=["dataset", "alteration", *JOINT])


def _signs(n: int) -> np.ndarray:
    """Flips of n folds, the first of which changes nothing. The first fold keeps its sign: a flip and its negative say the same."""
    if n <= ENUMERATED:
        return np.array([(1, *rest) for rest in product((1, -1), repeat=n - 1)], float)
    drawn = np.random.default_rng(0).choice((-1.0, 1.0), (FLIPS, n))
    drawn[0] = 1
    return drawn


def _t(means: np.ndarray, squares: np.ndarray, n: int) -> np.ndarray:
    """t of independent folds from means and mean squares; 0 where all are 0, infinite where all are alike otherwise."""
    variance = (squares - means**2) * n / (n - 1)
    variance = np.where(variance > 1e-12 * squares, variance, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(means / np.sqrt(variance / n), nan=0.0, posinf=np.inf, neginf=-np.inf)


def _reached(flipped: np.ndarray, wider: float) -> float:
    """The share of flips that come to what is on record (the first), which is `wider` times smaller than it seems."""
    return float(np.mean(flipped * (1 + 1e-9) >= flipped[0] / wider))


# === Which dimension moves the answer ===


def varied(levels: pd.DataFrame) -> dict[str, list]:
    """Dimension -> its levels, the default's first; of the dimensions that the plan varies."""
    first = levels.loc[DEFAULT]
    return {name: list(dict.fromkeys([first[name], *column])) for name, column in levels.items() if column.nunique(dropna=False) > 1}


def _design(levels: pd.DataFrame) -> pd.DataFrame:
    """Protocols x (dimension, level): 1 where a protocol has a level that is not the default's; the first column is all ones."""
    columns = {("", ""): np.ones(len(levels))}
    for name, values in varied(levels).items():
        columns |= {(name, level): (levels[name] == level).to_numpy(float) for level in values[1:]}
    return pd.DataFrame(columns, index=levels.index)


def _solve(design: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Protocols' values to coefficients by least squares, which coefficients these protocols tell apart from all others, and the rank."""
    inverse = np.linalg.pinv(design)
    seen = inverse @ design
    return inverse, np.isclose(seen, np.eye(len(seen)), atol=1e-8).all(axis=1), round(np.trace(seen))


def by_level(matrix: pd.DataFrame, levels: pd.DataFrame) -> pd.DataFrame:
    """How far each level moves what is in `matrix` from where the default's level has it: a row a dimension and level.

    Columns: dimension, level, protocols (on record with it), folds, mean, low, high (points, corrected 95 % interval), p (corrected
    t-test), p_holm (over all rows). NaN where the protocols on record do not tell the level apart from others.
    """
    design = _design(levels)
    d, there = matrix.to_numpy(), matrix.notna().to_numpy()
    found = np.full((design.shape[1], d.shape[1]), np.nan)
    for pattern in np.unique(there.T, axis=0):
        if pattern.any():
            same = (there.T == pattern).all(axis=1)
            inverse, apart, _ = _solve(design.to_numpy()[pattern])
            found[:, same] = np.where(apart[:, None], inverse @ d[pattern][:, same], np.nan)
    rows, recorded = [], there.any(axis=1)
    for (name, level), values in zip(design.columns[1:], found[1:]):
        values = values[~np.isnan(values)]
        mean, low, high = single.corrected_interval(values)
        p = single.corrected_ttest(values)[1] if len(values) > 1 else np.nan
        rows.append({"dimension": name, "level": level, "protocols": int((recorded & (levels[name] == level)).sum()),
                     "folds": len(values), "mean": mean, "low": low, "high": high, "p": p})  # fmt: skip
    table = pd.DataFrame(rows, columns=["dimension", "level", "protocols", "folds", "mean", "low", "high", "p"])
    return table.assign(p_holm=single.holm(table["p"]))


def by_dimension(matrix: pd.DataFrame, levels: pd.DataFrame, ratio: float = single.TEST_TO_TRAIN, seed: int = 0) -> pd.DataFrame:
    """How far each dimension moves what is in `matrix`: a row a dimension that the plan varies, the most moving first.

    Columns: dimension, levels (told apart, the default's among them), folds, sd (points: over its levels, less noise), sd_low, sd_high
    (95 %), share (of the variance, percent), share_low, share_high, most (the probability that it moves it most), p (the smallest p_holm
    of its levels), level (which one that is), mean (how far it is from the default's). `combinations` comes last, where the design can tell. The matrix's `block` is used, for the
    last two all of it.
    """
    known, tested = block(matrix), by_level(matrix, levels).dropna(subset="p_holm")
    design, n = _design(levels).loc[known.index].to_numpy(), known.shape[1]
    names, parts = list(varied(levels)), {}
    if len(known):
        inverse, apart, rank = _solve(design)
        coefficients = inverse @ known.to_numpy()
        of = np.array([name for name, _ in _design(levels).columns], object)
        for name in names:
            told = np.vstack([np.zeros(n), coefficients[(of == name) & apart]])  # the default's level first
            if len(told) > 1:
                parts[name] = told - told.mean(axis=0), len(told)
        if len(known) > rank:
            parts[COMBINATIONS] = known.to_numpy() - design @ coefficients, len(known) - rank
    estimates, drawn = _variances(parts, n, ratio, seed)
    positive, kept = {name: max(v, 0.0) for name, v in estimates.items()}, np.maximum(drawn, 0)
    total, totals = sum(positive.values()), kept.sum(axis=0)
    edges, rows = ((1 - single.LEVEL) / 2, (1 + single.LEVEL) / 2), []
    for name in [*names, *(COMBINATIONS for _ in range(COMBINATIONS in parts))]:
        mine = tested[tested["dimension"] == name].sort_values("p", kind="stable")
        row = {
            "dimension": name,
            "levels": 1,
            "folds": n,
            "p": mine["p_holm"].min(),
            **(mine[["level", "mean"]].iloc[0] if len(mine) else {}),
        }
        if name in parts:
            at = list(parts).index(name)
            low, high = np.sqrt(np.quantile(kept[at], edges))
            part = np.divide(kept[at], totals, out=np.full_like(totals, np.nan), where=totals > 0)
            row |= {
                "levels": parts[name][1], "sd": np.sqrt(positive[name]), "sd_low": low, "sd_high": high,
                "share": 100 * positive[name] / total if total else np.nan,
                "share_low": 100 * np.quantile(np.nan_to_num(part, nan=0), edges[0]), "share_high": 100 * np.quantile(np.nan_to_num(part, nan=1), edges[1]),
                "most": float(((drawn.argmax(axis=0) == at) & (totals > 0)).mean()),
            }  # fmt: skip
        rows.append(row)
    columns = ["dimension", "levels", "folds", "sd", "sd_low", "sd_high", "share", "share_low", "share_high", "most", "p", "level", "mean"]
    table = pd.DataFrame(rows, columns=columns)
    last = table["dimension"] == COMBINATIONS
    return pd.concat([table[~last].sort_values("sd", ascending=False, kind="stable"), table[last]], ignore_index=True)


def moved(matrices: Mapping[tuple[str, str], pd.DataFrame], levels: pd.DataFrame) -> pd.DataFrame:
    """`by_dimension` of every comparison: columns dataset, alteration and its own. matrices: `differences`, or scores by the same keys."""
    parts = {key: by_dimension(matrix, levels) for key, matrix in matrices.items()}
    if not parts:
        return by_dimension(pd.DataFrame(index=levels.index), levels).iloc[:0].assign(dataset="", alteration="")
    return pd.concat(parts, names=["dataset", "alteration"]).reset_index(["dataset", "alteration"]).reset_index(drop=True)


def _variances(parts, n: int, ratio: float, seed: int) -> tuple[dict[str, float], np.ndarray]:
    """Of each part (deviations x folds, degrees of freedom) the variance less noise, points^2, and DRAWS of it: (parts, DRAWS)."""
    rng, estimates, drawn = np.random.default_rng(seed), {}, np.zeros((len(parts), DRAWS))
    if not parts:
        return estimates, drawn
    weights, spread = rng.normal(size=(n, DRAWS)), rng.chisquare(n - 1, DRAWS) / (n - 1)
    for at, (name, (values, freedom)) in enumerate(parts.items()):
        mean = values.mean(axis=1, keepdims=True)
        apart = values - mean
        noise = (1 / n + ratio) * (apart**2).sum() / (n - 1) / freedom
        estimates[name] = float((mean**2).sum() / freedom - noise)
        moved = mean + np.sqrt((1 / n + ratio) / (n - 1) / spread) * (apart @ weights)
        drawn[at] = (moved**2).sum(axis=0) / freedom - 2 * noise / spread
    return estimates, drawn
