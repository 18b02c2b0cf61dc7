"""The best of many null rows, against a study in which nothing is there and against the multivariate t distribution."""

import numpy as np
import pytest
from made_up import study
from scipy import stats as scipy_stats

from lstmcs.stats.single import seeds, single


@pytest.mark.parametrize(("count", "freedom"), [(1, 9), (3, 20), (17, 29)])
def test_largest_is_the_multivariate_t(count, freedom):
    """P(largest <= x) from SciPy's multivariate t with correlation 1/2 (Dunnett's)."""
    shape = np.full((count, count), 0.5) + 0.5 * np.eye(count)
    law = scipy_stats.multivariate_t(shape=shape, df=freedom, seed=0)
    draws = seeds.largest(count, freedom)
    for level in (0.5, 0.95):
        assert law.cdf(np.full(count, np.quantile(draws, level))) == pytest.approx(level, abs=0.01)


def test_dunnetts_table():
    """Dunnett (1955), one-sided 5 %, three and nine comparisons with a control, 20 degrees of freedom: 2.19 and 2.60."""
    for count, printed in ((3, 2.19), (9, 2.60)):
        assert np.quantile(seeds.largest(count, 20), 0.95) == pytest.approx(printed, abs=0.04)


def test_the_bound_is_what_seventeen_unaltered_cells_give():
    """Eighteen cells that differ in nothing but noise: the best of 17 passes the known-spread bound once in twenty times."""
    rng, folds, sd = np.random.default_rng(0), 30, 2.0
    cells = rng.normal(0, sd / np.sqrt(2), (4000, 18, folds))  # a difference of two of them has spread sd
    best = (cells[:, 1:] - cells[:, :1]).mean(axis=2).max(axis=1)
    found = sd / np.sqrt(folds) * np.quantile(seeds.largest(17, 10**6), (0.5, 0.95))
    np.testing.assert_allclose(found, np.quantile(best, (0.5, 0.95)), rtol=0.05)
    one = np.quantile(cells[:, 1].mean(axis=1) - cells[:, 0].mean(axis=1), 0.95)
    assert found[1] > 1.4 * one  # the best of many is no single row


def test_best_of_null_reads_the_null_rows():
    data = study({"C-1": 0, "reseed-1": 0, "reseed-2": 0}, runs=3, sd=0.01)
    table = seeds.best_of_null(data)
    spread = [single.differences_table(data).loc[name, "sd"] for name in ("reseed-1", "reseed-2")]
    assert table["sd"].tolist() == pytest.approx([np.sqrt(np.mean(np.square(spread)))] * 2)
    assert table["folds"].tolist() == [30, 30] and table["null_rows"].tolist() == [2, 2]
    ratio = table.loc["other seeds and texts", "bound"] / table.loc["other seeds", "bound"]
    assert ratio == pytest.approx(np.sqrt((1 / 30 + 1 / 8) * 30))
    assert (table["bound"] > table["median"]).all() and seeds.best_of_null(data, count=1).loc["other seeds", "median"] == pytest.approx(
        0, abs=0.02
    )
    assert seeds.best_of_null(data[~data["alteration"].str.startswith("null")]).empty and seeds.best_of_null(data.iloc[:0]).empty


def test_designs_by_hand():
    """The factors of the corrected standard error: 0.474 at 1 x 10, 0.398 at 3 x 10, 0.367 at 10 x 10."""
    table = seeds.designs(2.0)
    for runs, factor, t in ((1, 0.474, 2.262), (3, 0.398, 2.045), (10, 0.367, 1.984)):
        assert table.loc[runs, "significant"] == pytest.approx(2 * factor * t, rel=2e-3) and table.loc[runs, "folds"] == 10 * runs
    assert (table["significant"] < table["detectable"]).all() and (table["detectable"] < table["after_holm"]).all()


def test_sentence_tells_a_gain_from_what_seeds_give():
    quiet = {"C-1": 0.0, "H-2": 0.0, "reseed-1": 0.0}
    text = seeds.sentence(study(quiet, sd=0.01), "t")
    assert "best of 2 such rows" in text and "no more than seeds alone explain" in text and "10 folds" in text
    assert "C-1, is at +" in (loud := seeds.sentence(study(quiet | {"C-1": 5.5}, sd=0.01), "t")) and ": more than seeds" in loud
    assert "no yardstick yet" in seeds.sentence(study({"C-1": 0}), "t")
    assert list(wording.labelled(single.differences_table(study(quiet))).index) == ["C-1", "H-2", "same cell, other seeds"]
