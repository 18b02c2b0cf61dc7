"""Other seeds: the best of many rows with nothing in them against the multivariate t distribution; runs against each other by hand."""

import numpy as np
import pandas as pd
import pytest
from made_up import frame, study
from scipy import stats as scipy_stats

from lstmcs.stats import seeds, single


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


def test_best_of_null_reads_the_reseeds():
    data = study({"C-1": 0, "reseed-1": 0, "reseed-2": 0}, runs=3, sd=0.01)
    table = seeds.best_of_null(data)
    spread = [single.differences_table(data).loc[name, "sd"] for name in ("reseed-1", "reseed-2")]
    assert table["sd"].tolist() == pytest.approx([np.sqrt(np.mean(np.square(spread)))] * 2)
    assert table["folds"].tolist() == [30, 30] and table["reseeds"].tolist() == [2, 2]
    ratio = table.loc["other seeds and texts", "bound"] / table.loc["other seeds", "bound"]
    assert ratio == pytest.approx(np.sqrt((1 / 30 + 1 / 8) * 30))
    assert (table["bound"] > table["median"]).all() and seeds.best_of_null(data, count=1).loc["other seeds", "median"] == pytest.approx(
        0, abs=0.02
    )
    assert seeds.best_of_null(data[~data["alteration"].str.startswith("reseed-")]).empty and seeds.best_of_null(data.iloc[:0]).empty


FLAT, UP, DOWN = [0.50] * 10, [0.55] * 10, [0.45] * 10  # ten folds with the same difference: verdicts without doubt
OPEN = [0.30, 0.70] * 5


def test_pairs_of_runs_are_counted_as_by_hand():
    """Three runs of two cells: C-1 better, better, worse; H-2 undecided, same, undecided."""
    results = frame({"none": [FLAT] * 3, "C-1": [UP, UP, DOWN], "H-2": [OPEN, FLAT, OPEN], "reseed-1": [UP] * 3})
    table = seeds.by_run(results)
    assert list(table.columns) == ["dataset", "alteration", "run 1", "run 2", "run 3", "all runs"]
    assert table.set_index("alteration").loc["C-1"].tolist()[1:4] == ["better", "better", "worse"]
    assert table.set_index("alteration").loc["H-2"].tolist()[1:4] == ["undecided", "same", "undecided"]
    count = seeds.of_sets(table).iloc[0].to_dict()
    # pairs of C-1: 1-2 alike, 1-3 and 2-3 not; of H-2: 1-3 alike. Decided are C-1's three, each beside two others.
    assert count == {"dataset": "t", "runs": 3, "pairs": 6, "same": 2, "decided": 6, "again": 2, "opposite": 4}
    assert seeds.differing(table)["alteration"].tolist() == ["C-1", "H-2"]


def test_one_run_and_half_a_run_say_nothing():
    """A set with one run has no row; a second run of four folds has no verdict; one without the unaltered cell neither."""
    one = frame({"none": [FLAT], "C-1": [UP]}, "one")
    four = frame({"none": [FLAT, FLAT[:4]], "C-1": [UP, UP[:4]]}, "four")
    alone = frame({"none": [FLAT], "C-1": [UP, UP]}, "alone")
    table = seeds.by_run(pd.concat([one, four, alone]))
    assert set(table["dataset"]) == {"four", "alone"} and table["run 2"].isna().all()
    for nothing in (table, seeds.by_run(one), seeds.by_run(one.iloc[:0])):
        assert seeds.of_sets(nothing)["pairs"].sum() == 0 and seeds.differing(nothing).empty


def test_a_true_effect_is_found_again_and_none_is_not_made_one():
    """Twenty cells that differ by 3 points, twenty that do not, noise of a point: the first replicate, the others are never decided twice."""
    names = [f"c = 0.{n:02d} * c" for n in range(1, 41)]
    results = study(dict.fromkeys(names[:20], 3.0) | dict.fromkeys(names[20:], 0.0), runs=2, sd=0.01)
    table = seeds.by_run(results).set_index("alteration")
    first, others = table.loc[names[:20], ["run 1", "run 2"]], table.loc[names[20:], ["run 1", "run 2"]]
    assert np.mean(first == "better") > 0.9 and not (others.isin(seeds.DECIDED)).all(axis=1).any()


def test_the_spread_of_alterations_beside_that_of_other_seeds():
    """By hand: differences of +-1 and +-3 points in turn have standard deviations of 1.054 and 3.162 over ten folds."""

    def wobble(points):
        return [[0.5 + points * (-1) ** k / 100 for k in range(10)]]

    data = frame({"none": [[0.5] * 10], "C-1": wobble(1), "C-2": wobble(3), "reseed-1": wobble(2)})
    row = seeds.spread(data).iloc[0]
    assert row["reseed"] == pytest.approx(2 * np.sqrt(10 / 9)) and row["altered"] == pytest.approx(2 * np.sqrt(10 / 9))
    assert (row["larger"], row["alterations"]) == (1, 2)
    assert seeds.spread(data[data["alteration"] != "reseed-1"]).empty


def test_the_bound_on_the_largest_holds_for_all_at_once():
    """With nothing there, the largest of 34 differences to one unaltered cell is above its bound in one case of twenty at most, although
    single intervals miss far more often. One comparison alone comes to the one-sided interval."""
    rng, missed, single_misses = np.random.default_rng(0), 0, 0
    for _ in range(200):
        unaltered = rng.normal(size=10)
        differences = [rng.normal(size=10) - unaltered for _ in range(34)]
        # the corrected error is meant for folds that share training rows: here each is drawn by itself, so q is 0
        low, high = seeds.bound_on_largest(differences, ratio=0.0)
        missed += low > 0
        assert high > low
        single_misses += any(single.corrected_ttest(d, 0.0)[1] < 0.05 for d in differences)
    assert missed <= 0.08 * 200 and single_misses > 0.3 * 200
    d = rng.normal(1, 1, 10)
    low, high = seeds.bound_on_largest([d])
    half = scipy_stats.t.ppf(0.95, 9) * single.standard_error(d)
    assert (low, high) == pytest.approx((d.mean() - half, d.mean() + half), abs=0.03)
