"""Statistics over data sets against Demsar's published example, hand-worked numbers, and an independent sampler."""

import numpy as np
import pandas as pd
import pytest
from baycomp import SignedRankTest
from made_up import frame, study
from scipy import stats as scipy_stats

from lstmcs.stats import multiple, single

SETS = ["mlma", "hasoc", "ag", "crowd", "hate", "semeval"]

#: Demsar 2006, Table 6: AUC of C4.5 with m and cf tuned or not, 14 data sets
#: (the two .975 of the 13th have ranks 2 and 3 there, so the first is .9751 here).
DEMSAR = """.763 .768 .771 .798  .599 .591 .590 .569  .954 .971 .968 .967  .628 .661 .654 .657  .882 .888 .886 .898
.936 .931 .916 .931  .661 .668 .609 .685  .583 .583 .563 .625  .775 .838 .866 .875  1 1 1 1  .940 .962 .965 .962
.619 .666 .614 .669  .972 .981 .9751 .975  .957 .978 .946 .970"""


def demsar():
    scores = np.array(DEMSAR.split(), float).reshape(14, 4)
    parts = [
        frame(dict(zip(("none", "C-1", "C-2", "C-3"), np.tile(row[:, None, None], multiple.MIN_FOLDS))), f"set {k}")
        for k, row in enumerate(scores)
    ]
    return pd.concat(parts, ignore_index=True)


def test_ranks_and_critical_difference_are_demsars():
    ranks = multiple.ranks(demsar())
    assert ranks["rank"].round(3).to_dict() == {"C-3": 1.964, "C-1": 2.0, "C-2": 2.893, "none": 3.143} and (ranks["sets"] == 14).all()
    found = multiple.friedman(demsar())
    assert round(found["critical_difference"], 2) == 1.25 and (found["sets"], found["cells"]) == (14, 4)
    # 12 N / (k (k + 1)) (sum R^2 - k (k + 1)^2 / 4) is Demsar's 9.28; SciPy corrects for one tie of four and three of two:
    plain = 12 * 14 / 20 * ((ranks["rank"] ** 2).sum() - 25)
    assert round(plain, 2) == 9.28 and found["chi2"] == pytest.approx(plain / (1 - (60 + 3 * 6) / (14 * 4 * 15)))
    assert found["p"] == pytest.approx(scipy_stats.chi2.sf(found["chi2"], 3))


def test_critical_values_are_nemenyis():
    """Demsar 2006, Table 5: q(0.05) for 2 to 10 classifiers."""
    for cells, q in ((2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)):
        assert multiple.critical_difference(cells, 1) / np.sqrt(cells * (cells + 1) / 6) == pytest.approx(q, abs=1e-3)
    assert 9.9 < multiple.critical_difference(18, 7) < 10  # the caveat's ten ranks
    assert np.isnan(multiple.critical_difference(1, 7)) and np.isnan(multiple.critical_difference(3, 0))


def test_wilcoxon_by_hand():
    # all of n differences above 0: p = 2 / 2^n; ranks 1 2 3 | 4 below: W- = 4 of 10, one of 2 (1+1+1+2+2) = 14 of 16 outcomes
    assert multiple.wilcoxon(np.arange(1, 8)) == pytest.approx(2 / 2**7) and multiple.wilcoxon(np.arange(1, 7)) == pytest.approx(2 / 2**6)
    assert multiple.wilcoxon(np.array([1, 2, 3, -4.0])) == pytest.approx(14 / 16)
    assert multiple.wilcoxon(np.zeros(5)) == 1 and np.isnan(multiple.wilcoxon(np.array([1.0])))


@pytest.mark.parametrize("d", [[0.2, 0.9, 1.5, -0.3, 0.7, 0.15], [-2, -1, -3, -0.7, -0.9, -1.4], [0.1, 0, -0.1, 0.2, 0.3, 0.0]])
def test_signed_rank_against_an_own_sampler(d):
    """Benavoli et al. 2014: Dirichlet weights on the differences and a prior 0 of weight 0.5; which region holds the most pairs."""
    d = np.asarray(d, float)
    z = np.concatenate([[0.0], d])
    pair = (z[:, None] + z[None, :]) / 2
    w = np.random.default_rng(1).dirichlet([0.5] + [1] * len(d), 20000)
    shares = [np.einsum("si,ij,sj->s", w, region.astype(float), w) for region in (pair < -0.5, np.abs(pair) <= 0.5, pair > 0.5)]
    expected = np.bincount(np.argmax(shares, axis=0), minlength=3) / len(w)
    np.testing.assert_allclose(multiple.signed_rank(d), expected, atol=0.02)
    assert multiple.signed_rank(d) == multiple.signed_rank(d)


@pytest.mark.parametrize("rope", [0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("sets", [2, 3, 6, 7])
def test_signed_rank_draws_what_baycomp_draws(sets, rope):
    """The very same draws: the figures of a page do not move by which of the two makes them."""
    rng = np.random.default_rng(sets)
    x, y = rng.normal(60, 1, sets), rng.normal(60.4, 1, sets)
    expected = SignedRankTest.probs(x, y, rope, nsamples=10_000, random_state=0)
    if rope == 0:  # baycomp then gives two
        expected = expected[0], 0, expected[1]
    assert multiple.signed_rank(y - x, rope) == pytest.approx(expected, abs=1e-12)


def test_signed_rank_of_values_on_the_ropes_edge_is_baycomps_too():
    d = np.array([0.5, -0.5, 0.25, 1.0, 0.0, 0.75])  # sums of two that are just 2 * 0.5 apart from 0
    expected = SignedRankTest.probs(np.zeros(6), d, 0.5, nsamples=10_000, random_state=0)
    assert multiple.signed_rank(d, 0.5) == pytest.approx(expected, abs=1e-12)


def test_signed_rank_of_one_set_or_none_is_unknown():
    assert np.isnan(multiple.signed_rank(np.array([1.0]))).all() and np.isnan(multiple.signed_rank(np.array([]))).all()


def test_means_and_averages_by_hand():
    def five(**scores):
        return {name.replace("_", "-"): [[score] * 5] for name, score in scores.items()}

    data = pd.concat(
        [frame(five(none=0.5, C_1=0.55), "hate"), frame(five(none=0.4, C_1=0.42, H_2=0.3), "ag"), frame(five(none=0.01, C_1=0.02), "robo")]
    )
    assert multiple.means(data, without=["robo"]).loc["hate", "C-1"] == pytest.approx(5)
    assert multiple.means(data, relative=True).loc["robo", "C-1"] == pytest.approx(100)
    table = multiple.averages(data, without=["robo"])
    assert table.loc["C-1", ["sets", "macro_f1"]].tolist() == pytest.approx([2, (10 + 5) / 2])
    assert table.loc["H-2", ["sets", "accuracy"]].tolist() == pytest.approx([1, -25])
    assert multiple.averages(data, relative=False).loc["C-1", "micro_f1"] == pytest.approx((5 + 2 + 1) / 3)


def test_tests_say_what_was_put_in():
    data = study({"C-1": 2, "C-2": 0, "H-1": -2, "reseed-1": 0}, SETS)
    table = multiple.tests(data)
    assert table["verdict"].to_dict() == {"C-1": "better", "C-2": "same", "H-1": "worse", "reseed-1": "same"}
    assert table.loc["C-1", ["sets", "higher"]].tolist() == [6, 6] and table.loc["C-1", "p"] == pytest.approx(2 / 2**6)
    assert table.loc["C-1", "p_holm"] == pytest.approx(3 * 2 / 2**6) and np.isnan(table.loc["reseed-1", "p_holm"])
    alone = multiple.tests(study({"C-1": 2}))
    assert alone["verdict"].tolist() == ["undecided"] and np.isnan(alone["p"]).all()


def test_a_set_with_a_few_folds_has_no_part_in_what_sets_say_together():
    data = study({"C-1": 2, "H-1": -2}, SETS, sd=0.01)
    few = (data["dataset"] == "hate") & (data["alteration"] == "C-1") & (data["fold"] >= multiple.MIN_FOLDS)
    table = multiple.tests(data[~few])
    assert table["sets"].to_dict() == {"C-1": 5, "H-1": 6} == multiple.averages(data[~few])["sets"].to_dict()
    assert "hate" not in multiple.scores(data[~few]).index and len(multiple.scores(data)) == 6
    enough = data[~(few & (data["fold"] > multiple.MIN_FOLDS))]
    assert multiple.tests(enough).loc["C-1", "sets"] == 6 and "hate" in multiple.scores(enough).index


def test_cells_mark_the_gaps_of_a_study_half_done():
    data = study({"C-1": 2, "H-1": -2}, ["ag", "hate"])
    failed = (data["dataset"] == "hate") & (data["alteration"] == "C-1") & (data["fold"] < 4)
    data.loc[failed, "state"] = "failed"
    data = data[~((data["dataset"] == "ag") & (data["alteration"] == "H-1"))]
    table = multiple.cells(data).set_index(["dataset", "alteration"])
    assert table["verdict"].to_dict() == {
        ("ag", "C-1"): "better",
        ("ag", "H-1"): "no data",
        ("hate", "C-1"): "better",
        ("hate", "H-1"): "worse",
    }
    assert table["folds"].tolist() == [10, 0, 7, 10] and table["failed"].tolist() == [0, 0, 3, 0]
    pd.testing.assert_series_equal(table.loc[("hate", "H-1")][["mean", "low"]], single.verdicts(data[data["dataset"] == "hate"]).loc["H-1", ["mean", "low"]],
                                   check_names=False, check_dtype=False)  # fmt: skip
    assert multiple.cells(data.iloc[:0]).empty
    assert list(multiple.scores(data).index) == ["hate"]  # ranks need every cell
    assert multiple.friedman(data)["sets"] == 1 and np.isnan(multiple.friedman(data)["p"])


def test_friedman_is_scipys_on_scores_over_common_folds():
    data = study({"C-1": 1, "C-2": -1, "reseed-1": 0}, SETS, sd=0.02)
    scores = multiple.scores(data)
    assert list(scores) == ["none", "C-1", "C-2"] and multiple.scores(data, reseeds=True).shape == (6, 4)
    assert scores.loc["ag", "C-1"] == pytest.approx(100 * data.query("dataset == 'ag' and alteration == 'C-1'")["macro_f1"].mean())
    assert multiple.friedman(data)["chi2"] == pytest.approx(scipy_stats.friedmanchisquare(*scores.to_numpy().T).statistic)
