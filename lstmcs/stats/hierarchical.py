"""What several data sets say together, with the noise of the folds within each: the hierarchical correlated model.

Corani, Benavoli, Demsar, Mangili & Zaffalon (2017, "Statistical comparison of classifiers through Bayesian hierarchical
modelling"). The mean difference on set i is drawn from a distribution over sets of this kind, and the folds tell it up to their
noise:

    delta_i ~ t(delta_0, tau, nu)        m_i | delta_i ~ t(delta_i, e_i, n_i - 1),   e_i as in single.py

The second line is the correlated t-test's posterior, which the paper's Gaussian folds with correlation rho and unknown variance
come to. Asked is delta_0, the mean over sets of this kind. Its posterior is computed on a grid, not drawn: both t are mixtures of
normals whose widths are chi-square, so the likelihood of a set is an average of normal densities in delta_0.

Priors: delta_0 flat; tau half-Cauchy, its scale the root mean square of the e_i (Gelman 2006: with few sets a flat prior lets tau
grow without bound); nu 3, 10 or 30 with the weights that Corani's Gamma(2, 0.1) gives to below 5, 5 to 15 and above.
"""

from functools import lru_cache

import numpy as np
from scipy import stats as scipy_stats

from .single import LEVEL, TEST_TO_TRAIN

NU = {3: 0.09, 10: 0.35, 30: 0.56}
#: Where the chi-square distributions are cut that turn normals into a t: that of a set, and that over sets, whose tails matter more,
#: since one set may be far off.
OF_A_SET = np.array([0, 0.02, 0.1, 0.25, 0.5, 0.75, 1])
OVER_SETS = np.array([0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.4, 0.7, 1])
_EDGES = np.concatenate([[0.0], np.geomspace(3e-3, 30, 20), [np.inf]])
TAU, TAU_SHARE = (
    np.append(np.sqrt(_EDGES[1:-2] * _EDGES[2:-1]), 60.0),
    np.diff(2 / np.pi * np.arctan(_EDGES))[1:],
)  # of the half-Cauchy, in its scale
GRID = 161  # values of delta_0


def posterior(sets, rope: float = 0.0, ratio: float = TEST_TO_TRAIN) -> tuple[float, float, float]:
    """P(delta_0 < -rope), P(within), P(> rope). sets: for each data set its paired differences, in the unit of `rope`.

    NaN for fewer than two sets, or for a set of fewer than two differences. Differences that are all alike count as known.
    """
    grid, mass = _posterior(*_summaries(sets, ratio))
    if grid is None:
        return np.nan, np.nan, np.nan
    worse, better = float(mass[grid < -rope].sum()), float(mass[grid > rope].sum())
    if rope == 0:  # the grid may have a point on 0
        worse, better = worse + float(mass[grid == 0].sum()) / 2, better + float(mass[grid == 0].sum()) / 2
    return worse, max(0.0, 1 - worse - better), better


def interval(sets, level: float = LEVEL, ratio: float = TEST_TO_TRAIN) -> tuple[float, float, float]:
    """Mean of delta_0 and the bounds of its central interval. NaN as in `posterior`."""
    grid, mass = _posterior(*_summaries(sets, ratio))
    if grid is None:
        return np.nan, np.nan, np.nan
    below = np.cumsum(mass) - mass / 2
    low, high = np.interp([(1 - level) / 2, (1 + level) / 2], below, grid)
    return float(grid @ mass), float(low), float(high)


def _summaries(sets, ratio: float) -> tuple[tuple[float, ...], tuple[float, ...], tuple[int, ...]]:
    sets = [np.asarray(d, float) for d in sets]
    error = [np.sqrt((1 / len(d) + ratio) * d.var(ddof=1)) if len(d) > 1 else np.nan for d in sets]
    return tuple(float(d.mean()) if len(d) else np.nan for d in sets), tuple(map(float, error)), tuple(map(len, sets))


@lru_cache(maxsize=4096)
def _posterior(means: tuple[float, ...], errors: tuple[float, ...], counts: tuple[int, ...]):
    """The grid of delta_0 and the posterior's mass on it; (None, None) where nothing can be said."""
    if len(means) < 2 or not np.isfinite([*means, *errors]).all():
        return None, None
    m, e, n = (np.array(values, float) for values in (means, errors, counts))
    scale = 2 * np.sqrt(np.mean(e**2) + m.var(ddof=1))
    if scale == 0:
        scale = np.abs(m).max() / 100 or 1e-12  # every set is known: only their spread counts
    e = np.maximum(e, scale / 1000)
    grid = _around(m, e, scale)
    inner = [_mixture(count - 1) for count in n]
    total = np.zeros_like(grid)
    for nu, weight in NU.items():
        outer, outer_share = _mixture(nu, over=True)
        logs = np.zeros((GRID, len(TAU)))
        for m_i, e_i, (widths, share) in zip(m, e, inner):
            variance = ((TAU[:, None, None] * scale) ** 2 * outer[:, None] + e_i**2 * widths).reshape(len(TAU), -1)
            shares = (outer_share[:, None] * share).ravel()
            z = (grid[:, None, None] - m_i) ** 2 / variance
            density = (np.exp(-z / 2) / np.sqrt(variance)) @ shares
            with np.errstate(divide="ignore"):
                logs += np.log(density * scale)
        total += weight * np.exp(logs) @ TAU_SHARE
    mass = total * np.gradient(grid)
    return grid, mass / mass.sum()


def _around(m: np.ndarray, e: np.ndarray, scale: float) -> np.ndarray:
    """Values of delta_0: dense where a set is known best, wide enough for the sets' spread and the prior's tail."""
    fine, wide = e.min() / 4, 8 * (np.ptp(m) + scale)
    centre = m @ e**-2.0 / (e**-2.0).sum()
    reach = np.arcsinh(wide / fine)
    return centre + fine * np.sinh(np.linspace(-reach, reach, GRID))


@lru_cache(maxsize=256)
def _mixture(freedom: float, over: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Variances of the normals whose mixture is Student's t with `freedom` degrees, and their shares."""
    edges = OVER_SETS if over else OF_A_SET
    return freedom / scipy_stats.chi2.ppf((edges[1:] + edges[:-1]) / 2, freedom), np.diff(edges)
