"""The hierarchical model against a sampler of its own, symmetries, a limit that is known, and what it does when nothing is there."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from lstmcs.stats import hierarchical, single

RNG = np.random.default_rng


def drawn(sets, seed=1, draws=20_000, ratio=single.TEST_TO_TRAIN):
    """delta_0 by Gibbs' sampler (a Metropolis step for tau), from the model as the module's text has it: t as normals of gamma precision."""
    rng, gamma = RNG(seed), scipy_stats.gamma
    m, n = np.array([d.mean() for d in sets]), np.array([len(d) for d in sets])
    e2 = np.array([(1 / len(d) + ratio) * d.var(ddof=1) for d in sets])
    scale = 2 * np.sqrt(e2.mean() + m.var(ddof=1))
    centre, tau, nu, outer, inner, found = m.mean(), scale, 10, np.ones(len(m)), np.ones(len(m)), []
    for number in range(draws):
        precision = inner / e2 + outer / tau**2
        delta = (m * inner / e2 + centre * outer / tau**2) / precision + rng.normal(size=len(m)) / np.sqrt(precision)
        inner = rng.gamma(n / 2, 2 / (n - 1 + (m - delta) ** 2 / e2))
        outer = rng.gamma((nu + 1) / 2, 2 / (nu + (delta - centre) ** 2 / tau**2))
        centre = outer @ delta / outer.sum() + rng.normal() * tau / np.sqrt(outer.sum())
        if number % 5 == 0:
            logs = [np.log(w) + gamma.logpdf(outer, k / 2, scale=2 / k).sum() for k, w in hierarchical.NU.items()]
            weights = np.exp(logs - np.max(logs))
            nu = rng.choice(list(hierarchical.NU), p=weights / weights.sum())
        for _ in range(2):
            other = tau * np.exp(0.8 * rng.normal())
            worth = [
                -(len(m) - 1) * np.log(t) - outer @ (delta - centre) ** 2 / (2 * t * t) - np.log1p((t / scale) ** 2) for t in (tau, other)
            ]
            if np.log(rng.random()) < worth[1] - worth[0]:
                tau = other
        found.append(centre)
    return np.array(found[1000:])


@pytest.mark.parametrize(("seed", "sds"), [(0, (1, 1, 1)), (1, (0.5, 2, 5, 1, 1)), (2, (1, 3, 0.4, 6, 2, 1, 8))])
def test_the_grid_is_the_samplers(seed, sds):
    rng = RNG(seed)
    sets = [rng.normal(0.8, sd, 10 if k else 30) for k, sd in enumerate(sds)]
    expected = drawn(sets)
    assert hierarchical.posterior(sets)[2] == pytest.approx((expected > 0).mean(), abs=0.025)
    worse, same, better = hierarchical.posterior(sets, 0.5)
    assert (worse, better) == pytest.approx(
        ((expected < -0.5).mean(), (expected > 0.5).mean()), abs=0.025
    ) and worse + same + better == pytest.approx(1)
    mean, low, high = hierarchical.interval(sets)
    width = np.subtract(*np.quantile(expected, (0.975, 0.025)))
    assert mean == pytest.approx(expected.mean(), abs=0.04 * width) and high - low == pytest.approx(width, rel=0.08)


def test_sides_and_units_do_not_matter():
    sets = [RNG(k).normal(0.5, 1 + k, 10) for k in range(5)]
    worse, same, better = hierarchical.posterior(sets, 0.5)
    assert hierarchical.posterior([-d for d in sets], 0.5) == pytest.approx((better, same, worse), abs=1e-9)
    assert hierarchical.posterior([1000 * d for d in sets], 500) == pytest.approx((worse, same, better), abs=1e-6)
    assert hierarchical.posterior(sets[::-1], 0.5) == pytest.approx((worse, same, better), abs=1e-6)


def test_many_well_known_sets_come_to_students_t_over_their_means():
    means = RNG(0).normal(1.0, 2.0, 40)
    sets = [m + RNG(k).normal(0, 0.01, 10) for k, m in enumerate(means)]
    found, expected = hierarchical.interval(sets), scipy_stats.t.interval(0.95, 39, means.mean(), scipy_stats.sem(means))
    np.testing.assert_allclose(found[1:], expected, atol=0.12)  # a half-width of 0.55


def test_the_folds_noise_widens_what_sets_say():
    """Means of 1 on each of five sets: sure of it with little noise, unsure with much; a test on the means alone sees no difference."""
    shape = np.linspace(-1, 1, 10)
    quiet, loud = (hierarchical.posterior([1 + sd * shape * (1 + k / 10) for k in range(5)])[2] for sd in (0.1, 5))
    assert quiet > 0.99 and 0.6 < loud < 0.95


def test_a_set_that_is_far_off_does_not_drown_the_others():
    sets = [RNG(k).normal(1, 0.5, 10) for k in range(6)]
    assert hierarchical.posterior([*sets, RNG(9).normal(-50, 5, 10)])[2] > 0.75


def test_what_cannot_be_told():
    one = RNG(0).normal(size=10)
    for sets in ([], [one], [one, one[:1]], [one, np.array([])], [one, np.full(10, np.nan)]):
        assert np.isnan(hierarchical.posterior(sets)).all() and np.isnan(hierarchical.interval(sets)).all()
    known = hierarchical.posterior([np.full(10, 2.0)] * 4)  # no noise, no spread
    assert known[2] > 0.999 and hierarchical.posterior([np.zeros(5)] * 4) == pytest.approx((0.5, 0, 0.5))


def test_it_seldom_decides_when_nothing_is_there():
    """Five sets of the study's noise, nothing in any of them: two sides of 5 % each would be 10 %. A true point and a half is found."""
    rng, decided, found, trials = RNG(0), 0, 0, 200
    for _ in range(trials):
        sets = [sd * (np.sqrt(1 / 9) * rng.normal() + np.sqrt(8 / 9) * rng.normal(size=10)) for sd in (2.8, 2.6, 4.3, 0.7, 1.3)]
        decided += max(hierarchical.posterior(sets)) >= single.LEVEL
        found += hierarchical.posterior([d + 1.5 for d in sets])[2] >= single.LEVEL
    assert decided <= 0.1 * trials and found >= 0.7 * trials
