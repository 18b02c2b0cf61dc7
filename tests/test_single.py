"""Statistics against hand-worked numbers, baycomp, and simulations whose answer is known."""

import numpy as np
import pandas as pd
import pytest
from baycomp import CorrelatedTTest
from made_up import frame, study
from scipy import stats as scipy_stats

from lstmcs.stats import single

RHO = 1 / 9  # n_test / (n_test + n_train): the correlation of two differences that n_test / n_train = 1/8 stands for


def correlated(repeats, count, mean=0.0, seed=0):
    """`repeats` rows of `count` normal differences of variance 1, any two of which correlate with RHO."""
    rng = np.random.default_rng(seed)
    return mean + rng.normal(size=(repeats, 1)) * np.sqrt(RHO) + rng.normal(size=(repeats, count)) * np.sqrt(1 - RHO)


def rejected(draws, **options):
    return np.mean([single.corrected_ttest(d, **options)[1] < 0.05 for d in draws])


def test_corrected_interval_by_hand():
    # differences 1, 2, 3: mean 2, variance 1; standard error sqrt((1/3 + 1/8) * 1) = 0.677003; t(0.975, 2) = 4.302653
    mean, low, high = single.corrected_interval([1, 2, 3])
    assert (mean, low, high) == (2, pytest.approx(2 - 4.302653 * 0.677003, abs=1e-5), pytest.approx(2 + 4.302653 * 0.677003, abs=1e-5))
    assert np.isnan(single.corrected_interval([1.0])[1])


def test_t_p_and_posterior_by_hand():
    # t with 2 degrees of freedom has F(x) = 1/2 + x / (2 sqrt(2 + x^2)); e = 0.677003 as above
    t, p = single.corrected_ttest([1, 2, 3])
    assert t == pytest.approx(2 / 0.677003, abs=1e-5) and p == pytest.approx(1 - t / np.sqrt(2 + t**2))
    below, above = (-0.5 - 2) / 0.6770032, (0.5 - 2) / 0.6770032
    worse, same, better = single.posterior([1, 2, 3])
    assert worse == pytest.approx(0.5 + below / 2 / np.sqrt(2 + below**2), abs=1e-6) == pytest.approx(0.03307, abs=1e-5)
    assert better == pytest.approx(0.5 - above / 2 / np.sqrt(2 + above**2), abs=1e-6) == pytest.approx(0.92146, abs=1e-5)
    assert worse + same + better == pytest.approx(1)


def test_one_fold_or_no_spread_is_told_apart():
    assert np.isnan(single.corrected_ttest([1.0])[1]) and np.isnan(single.posterior([1.0])).all() and np.isnan(single.posterior([])).all()
    assert single.corrected_ttest([0, 0, 0]) == (0, 1) and single.posterior([0, 0, 0]) == (0, 1, 0)
    assert single.corrected_ttest([2, 2, 2]) == (np.inf, 0) and single.posterior([2, 2, 2]) == (0, 0, 1)


@pytest.mark.parametrize("rope", [0.25, 0.5, 1.0])
@pytest.mark.parametrize(("folds", "runs", "options"), [(9, 3, {}), (10, 3, {"ratio": 1 / 9}), (10, 1, {"ratio": 1 / 9})])
def test_the_posterior_is_baycomps(rope, folds, runs, options):
    """baycomp takes 1 / (folds - 1) for n_test / n_train: 1/8 with nine folds; with ten, ours is set to its 1/9."""
    rng = np.random.default_rng(folds * runs)
    x, y = rng.normal(60, 2, folds * runs), rng.normal(60.5, 2, folds * runs)
    np.testing.assert_allclose(single.posterior(y - x, rope, **options), CorrelatedTTest.probs(x, y, rope, runs), atol=1e-9)


def test_half_of_p_is_the_smaller_side_of_the_posterior():
    d = np.random.default_rng(3).normal(0.4, 1, 30)
    worse, _, better = single.posterior(d, rope=0)
    assert single.corrected_ttest(d)[1] / 2 == pytest.approx(min(worse, better))


@pytest.mark.parametrize("count", [10, 30])
def test_a_true_null_is_rejected_once_in_twenty_and_by_the_naive_test_far_more_often(count):
    draws = correlated(4000, count)
    assert 0.04 < rejected(draws) < 0.06  # 0.05, standard error 0.0034
    assert rejected(draws, ratio=0) > {10: 0.15, 30: 0.3}[count]
    intervals = np.array([single.corrected_interval(d) for d in draws])
    assert 0.94 < np.mean((intervals[:, 1] < 0) & (intervals[:, 2] > 0)) < 0.96


@pytest.mark.parametrize("count", [10, 30, 100])
def test_a_true_effect_is_found_with_the_predicted_power(count):
    """The folds' spread is what is left within a study: sqrt(1 - RHO) of the differences' standard deviation."""
    effect = single.detectable(np.sqrt(1 - RHO), count)
    assert 0.775 < rejected(correlated(3000, count, effect, seed=count)) < 0.825  # 0.8, standard error 0.0073


def test_detectable_is_the_noncentral_t():
    for count in (10, 30, 100):
        noncentrality = single.detectable(2.0, count) / 2 / np.sqrt(1 / count + 1 / 8)
        critical = scipy_stats.t.isf(0.025, count - 1)
        assert scipy_stats.nct.sf(critical, count - 1, noncentrality) == pytest.approx(0.8, abs=1e-4)  # the other side is below 1e-6
    assert [round(single.detectable(1, n), 2) for n in (10, 30, 100)] == [1.49, 1.15, 1.04]  # the docstring's
    assert np.isnan(single.detectable(1, 1)) and np.isnan(single.detectable(np.nan, 10))


@pytest.mark.parametrize("count", [11, 31, 101])  # below, SciPy gives NaN now and then
@pytest.mark.parametrize("power", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 17])
def test_power_is_scipys_noncentral_t_on_both_sides(count, power, alpha):
    noncentrality = single.detectable(1.0, count, power, alpha) / np.sqrt(1 / count + 1 / 8)
    bound = scipy_stats.t.isf(alpha / 2, count - 1)
    found = scipy_stats.nct.sf(bound, count - 1, noncentrality) + scipy_stats.nct.cdf(-bound, count - 1, noncentrality)
    assert found == pytest.approx(power, abs=1e-5)


@pytest.mark.parametrize("count", [2, 3, 5, 10, 30])
def test_power_is_that_of_simulated_t_values(count):
    """Without a formula of ours: normal over the root of chi-square by its degrees of freedom, drawn many times."""
    rng, noncentrality = np.random.default_rng(count), single.detectable(1.0, count) / np.sqrt(1 / count + 1 / 8)
    t = (rng.normal(size=400_000) + noncentrality) / np.sqrt(rng.chisquare(count - 1, 400_000) / (count - 1))
    found = np.mean(np.abs(t) > scipy_stats.t.isf(0.025, count - 1))
    assert found == pytest.approx(0.8, abs=0.003)  # standard error 0.0006


def test_two_folds_have_a_power_where_scipys_noncentral_t_has_none():
    """One degree of freedom, by hand: |Z + d| > b |Y| for independent normal Z and Y, integrated over Y on a fine grid."""
    noncentrality, bound = single.detectable(1.0, 2) / np.sqrt(1 / 2 + 1 / 8), scipy_stats.t.isf(0.025, 1)
    y = np.linspace(0, 12, 2_000_001)
    missed = scipy_stats.norm.cdf(bound * y - noncentrality) - scipy_stats.norm.cdf(-bound * y - noncentrality)
    assert 1 - np.trapezoid(2 * scipy_stats.norm.pdf(y) * missed, y) == pytest.approx(0.8, abs=1e-6)
    assert np.isfinite(single.detectable(3.0, 2, alpha=0.05 / 17)) and single.detectable(3.0, 2) == pytest.approx(
        3 * single.detectable(1.0, 2)
    )


def test_what_more_runs_would_buy_by_hand():
    """The factors of the corrected standard error: 0.474 at 1 x 10, 0.398 at 3 x 10, 0.367 at 10 x 10."""
    for runs, factor, t in ((1, 0.474, 2.262), (3, 0.398, 2.045), (10, 0.367, 1.984)):
        count = 10 * runs
        d = np.arange(count) - (count - 1) / 2
        assert single.standard_error(d) / d.std(ddof=1) == pytest.approx(factor, abs=5e-4)
        significant = 2 * factor * t
        mean, low, _ = single.corrected_interval(2 * d / d.std(ddof=1) + significant)
        assert mean == pytest.approx(significant) and low == pytest.approx(0, abs=0.01)  # from here on p < 0.05
        assert significant < single.detectable(2.0, count) < single.detectable(2.0, count, alpha=0.05 / 17)


def test_holm_by_hand():
    # sorted 0.01 x 3, 0.03 x 2, 0.04 x 1, never falling; NaN is no member of the family
    np.testing.assert_allclose(single.holm([0.01, 0.04, np.nan, 0.03]), [0.03, 0.06, np.nan, 0.06])
    assert np.isnan(single.holm([np.nan])).all() and len(single.holm([])) == 0
    # sorted 0.01 x 4, 0.02 x 3, 0.02 x 2 is less, so 0.06 again, 0.9 x 1; never above 1
    np.testing.assert_allclose(single.holm([0.9, 0.02, 0.01, 0.02]), [0.9, 0.06, 0.04, 0.06])
    np.testing.assert_allclose(single.holm([0.4, 0.6]), [0.8, 0.8])
    np.testing.assert_allclose(single.holm([0.6, 0.7]), [1, 1])


def rejected_by_holm(p, level):
    """Holm 1979 as he puts it: from the smallest p on, reject as long as p_k <= level / (m - k), k = 0, 1, ..."""
    known, rejected = sorted((value, place) for place, value in enumerate(p) if value == value), set()
    for k, (value, place) in enumerate(known):
        if value > level / (len(known) - k):
            break
        rejected.add(place)
    return rejected


@pytest.mark.parametrize("seed", range(5))
def test_holm_rejects_what_its_definition_rejects_at_every_level(seed):
    rng = np.random.default_rng(seed)
    p = np.round(rng.beta(0.4, 1, rng.integers(1, 20)), 3)  # rounded: some are equal
    p[rng.random(len(p)) < 0.2] = np.nan
    before, adjusted = p.copy(), single.holm(p)
    np.testing.assert_array_equal(p, before)  # not altered in place
    np.testing.assert_array_equal(np.isnan(adjusted), np.isnan(p))
    for level in np.arange(0.00037, 1, 0.00101):  # off the grid on which the adjusted values lie
        assert {k for k, value in enumerate(adjusted) if value <= level} == rejected_by_holm(p, level), level


def test_the_four_words():
    assert single.verdict(0.95, 0.05, 0) == "worse" and single.verdict(0.04, 0.01, 0.95) == "better"
    assert (
        single.verdict(0.02, 0.96, 0.02) == "same"
        and single.verdict(0.3, 0.3, 0.4) == single.verdict(np.nan, np.nan, np.nan) == "undecided"
    )


def test_verdicts_say_what_was_put_in():
    """True effects of 3, 0.05 and -3 points with little noise, 0.6 with much; the wider ROPE turns 0.7 into the same."""
    quiet = study({"C-1": 3, "C-2": 0.05, "H-1": -3, "C-3": 0.7, "reseed-1": 0.0}, runs=3)
    table = single.verdicts(quiet)
    assert table["verdict"].to_dict() == {"C-1": "better", "C-2": "same", "C-3": "better", "H-1": "worse", "reseed-1": "same"}
    assert table.loc["C-3", ["rope 0.25", "rope 1"]].tolist() == ["better", "same"]
    assert table.loc["C-1", "relative"] == pytest.approx(6, abs=0.3) and table.loc["C-1", "mean"] == pytest.approx(3, abs=0.1)
    assert np.isnan(table.loc["reseed-1", "p_holm"]) and list(table.index)[-1] == "reseed-1"
    np.testing.assert_allclose(table["p_holm"].dropna(), single.holm(table["p"].drop("reseed-1")))
    np.testing.assert_allclose(table[["p_worse", "p_same", "p_better"]].sum(axis=1), 1)
    loud = single.verdicts(study({"C-1": 0.6}, sd=0.05))
    assert loud["verdict"].tolist() == ["undecided"] and loud["detectable"].item() > 3


def test_a_study_half_done_has_a_table_and_nothing_to_compare_is_empty():
    data = study({"C-1": 3, "C-2": 1, "H-1": 0})
    data = data[~((data["alteration"] == "C-2") & (data["fold"] > 1)) & (data["alteration"] != "H-1")]
    table = single.verdicts(data)
    assert table["folds"].tolist() == [10, 1] and table.loc["C-2", "verdict"] == "undecided" and np.isnan(table.loc["C-2", "detectable"])
    for part in (data.iloc[:0], data[data["alteration"] == "C-1"], data[data["alteration"] == "none"]):
        assert single.verdicts(part).empty


def test_frames_that_mix_things_are_refused():
    a, b = study({"C-1": 1}), study({"C-1": 1}, datasets=("u",))
    for rows, says in (
        (frame({"none": [[0.5]]}, "u"), "more than one dataset (t, u)"),
        (frame({"none": [[0.5]]}, model="bert"), "more than one model (lstm, bert); choose one: results[results['model'] == 'lstm']"),
        (a.iloc[:1], "two records of none, run 1, fold 1"),
    ):
        with pytest.raises(ValueError) as error:
            single.verdicts(pd.concat([a, rows]))
        assert says in str(error.value)
    assert len(single.verdicts(b)) == 1
    with pytest.raises(ValueError, match=r"more than one choices .default, units=64."):
        single.verdicts(pd.concat([a.assign(choices="default"), a.assign(choices="units=64")]))
    with pytest.raises(ValueError, match="did you mean 'macro_f1'"):
        single.verdicts(a, "makro_f1")


def test_improvements_are_relative_and_averaged_over_runs():
    table = single.improvements(frame({"none": [[0.5, 0.5], [0.4, 0.4]], "C-1": [[0.55, 0.55], [0.4, 0.4]], "H-2": [[0.45, 0.45], []]}))
    assert table.loc["Baseline", "macro_f1"] == pytest.approx(45)
    assert table.loc["C-1", "macro_f1"] == pytest.approx((10 + 0) / 2)
    assert table.loc["H-2", "macro_f1"] == pytest.approx(-10) and table.loc["H-2", "folds"] == 2  # only what both have


def test_the_papers_arithmetic():
    """MLMA, Tables 5 and 15: 2.123 improved by 1.396 % is 2.153."""
    table = single.improvements(frame({"none": [[0.02123]], "C-1": [[0.02123 * 1.01396]]}))
    assert table.loc["C-1", "macro_f1"] == pytest.approx(1.396) and round(2.123 * 1.01396, 3) == 2.153


def test_a_baseline_of_zero_has_no_relative_improvement():
    assert np.isnan(single.improvements(frame({"none": [[0.0]], "C-1": [[0.3]]})).loc["C-1", "macro_f1"])


def test_differences_pair_run_and_fold_and_leave_out_what_is_missing():
    data = frame({"none": [[0.5, 0.6, 0.7]], "C-1": [[0.6, 0.6, 0.6]]})
    data.loc[(data["alteration"] == "C-1") & (data["fold"] == 3), "state"] = "failed"
    table = single.differences_table(data)
    assert table.loc["C-1", ["folds", "better", "worse"]].tolist() == [2, 1, 0] and table.loc["C-1", "mean"] == pytest.approx(5)
    for part in (data.iloc[:0], data[data["alteration"] == "C-1"], data[data["alteration"] == "none"]):
        assert single.differences_table(part).empty


def test_times_are_compared_fold_by_fold():
    """By hand: the machine is three times as slow in the second run, and folds of one cell alone say nothing of a ratio."""
    data = frame({"none": [[0.5] * 3, [0.5] * 2], "C-1": [[0.5] * 2, [0.5] * 3]})
    slow = data["run"].map({1: 1.0, 2: 3.0})
    data["train_seconds"] = slow * data["alteration"].map({"none": 10.0, "C-1": 11.0})
    table = single.costs(data)
    assert table["relative"].tolist() == pytest.approx([100, 110]) and table["train_seconds"].tolist() == pytest.approx([10, 33])
    alone = single.costs(data[data["alteration"] == "C-1"])
    assert np.isnan(alone.loc["C-1", "relative"]) and np.isnan(single.times_as_long(None, None))


def test_times_of_different_devices_are_not_compared():
    """By hand: C-1 takes 11 s beside 10 s on one card, and 3 s in run 2, which another card trained; C-2 is of that other one alone."""
    data = frame({"none": [[0.5] * 2, [0.5] * 2], "C-1": [[0.5] * 2, [0.5] * 2], "C-2": [[0.5] * 2]})
    other = (data["alteration"] == "C-2") | ((data["alteration"] == "C-1") & (data["run"] == 2))
    data["device"] = other.map({True: "a quick card", False: None})
    data["train_seconds"] = data["alteration"].map({"none": 10.0, "C-1": 11.0, "C-2": 3.0}).where(~other, 3.0)
    table = single.costs(data)
    assert table["relative"].tolist() == pytest.approx([100, 110, np.nan], nan_ok=True)
    data.loc[(data["run"] == 1) & (data["fold"] == 1), "train_seconds"] = np.nan  # the card was shared
    assert {name: len(single.times(cell)) for name, cell in data.groupby("alteration")} == {"none": 3, "C-1": 3, "C-2": 1}
    assert single.costs(data)["relative"].tolist() == pytest.approx([100, 110, np.nan], nan_ok=True)


def test_the_relative_rope_is_a_percent_of_the_unaltered_cells_score():
    """A third of a point is within half a point, and beyond 1 % of 20 points."""
    table = single.verdicts(study({"C-1": 0.33}, base=0.2, sd=0.0001))
    assert table.loc["C-1", ["verdict", "rope 1 %"]].tolist() == ["same", "better"]
    assert single.verdicts(study({"C-1": 0.33}, base=0.8, sd=0.0001)).loc["C-1", "rope 1 %"] == "same"


def test_no_number_of_folds_narrows_an_interval_below_its_floor():
    for count in (100, 1000, 10_000):
        d = np.tile([1.0, -1.0], count // 2)
        _, low, high = single.corrected_interval(d)
        assert (high - low) / 2 > single.least_half_width(d.std(ddof=1))
    assert (high - low) / 2 == pytest.approx(single.least_half_width(1.0), rel=1e-3) == pytest.approx(1.959964 / np.sqrt(8), rel=1e-3)
