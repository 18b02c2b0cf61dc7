"""Statistics over data sets against Demsar's published example, SciPy, and hand-worked numbers."""

import numpy as np
import pandas as pd
import pytest
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
    assert table.loc["C-1", "p_least"] == 2 / 2**6 and table.loc["C-1", "low"] < 2 < table.loc["C-1", "high"]
    assert table.loc["C-1", "p_holm"] == pytest.approx(3 * 2 / 2**6) and np.isnan(table.loc["reseed-1", "p_holm"])
    alone = multiple.tests(study({"C-1": 2}))
    assert alone["verdict"].tolist() == ["undecided"] and alone[["p", "p_least", "p_better", "low"]].isna().all(axis=None)
    two = multiple.tests(study({"C-1": 2}, SETS[:2]))  # no spread to speak of
    assert two["verdict"].tolist() == ["undecided"] and two["p_least"].tolist() == [0.5] and two["p_better"].isna().all()
    assert multiple.tests(study({"C-1": 2}, SETS[: multiple.MIN_SETS]))["verdict"].tolist() == ["better"]


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


def test_what_diverged_scores_nothing_and_is_counted():
    """By hand: three of ten folds of C-1 at 0, the others 2 points above 50 %."""
    data = study({"C-1": 2, "H-1": -2}, ["ag", "hate"], sd=0).assign(failure=np.nan).astype({"failure": object})
    gone = (data["dataset"] == "hate") & (data["alteration"] == "C-1") & (data["fold"] < 4)
    data.loc[gone, ["state", "failure", "macro_f1", "train_seconds"]] = ["failed", "Diverged", 0.0, 0.1]
    table = multiple.cells(data).set_index(["dataset", "alteration"]).loc[("hate", "C-1")]
    assert (table["folds"], table["failed"], table["diverged"]) == (10, 3, 3) and table["mean"] == pytest.approx((7 * 2 - 3 * 50) / 10)
    without = multiple.cells(data[~single.diverged(data)]).set_index(["dataset", "alteration"]).loc[("hate", "C-1")]
    assert without["folds"] == 7 and without["mean"] == pytest.approx(2)
    assert multiple.averages(data).loc["C-1", "macro_f1"] == pytest.approx((4 + 100 * (-13.6 / 50)) / 2)
    assert multiple.scores(data).loc["hate", "C-1"] == pytest.approx(0.7 * 52)
    hate = data[data["dataset"] == "hate"]
    assert single.costs(hate).loc["C-1", "train_seconds"] == 2.0 and len(single.done(hate)) == 27 and len(single.scored(hate)) == 30
    other = data.assign(failure=data["failure"].replace("Diverged", "WorkerLost"))  # the machine's doing: no score
    assert multiple.cells(other).set_index(["dataset", "alteration"]).loc[("hate", "C-1"), ["folds", "failed", "diverged"]].tolist() == [
        7,
        3,
        0,
    ]


def test_a_set_on_which_nothing_is_learned_decides_nothing():
    data = pd.concat([study({"C-1": 2, "reseed-1": 0}, ["hate", "mlma"], base=0.4), study({}, ["hate"], model="constant", base=0.1),
                      study({}, ["mlma"], model="constant", base=0.41), study({"C-1": 0}, ["ag"])])  # fmt: skip
    table = multiple.beside_constant(data).set_index("dataset")
    assert table["learned"].tolist()[:2] == [True, False] and table.loc["hate", "mean"] == pytest.approx(30, abs=0.3)
    assert table["learned"].isna().tolist() == [False, False, True] and table.loc["mlma", "high"] < 0
    assert multiple.unlearned(data) == ("mlma",)
    cells = multiple.cells(data[data["model"] == "lstm"], idle=multiple.unlearned(data)).set_index(["dataset", "alteration"])
    assert cells.loc[("mlma", "C-1"), ["verdict", "rope 1 %"]].tolist() == ["not learned"] * 2
    assert cells.loc[("hate", "C-1"), "verdict"] == "better" and cells.loc[("ag", "reseed-1"), "verdict"] == "no data"
    assert multiple.compared(cells.reset_index())["dataset"].tolist() == ["hate", "ag"]
    assert multiple.unlearned(data.iloc[:0]) == ()


def test_averages_with_and_without_what_may_be_argued_about():
    """By hand, on 50 %: +2, +1 and -3 points are 4, 2 and -6 percent."""
    parts = [study({"C-1": points}, [name], sd=0) for name, points in (("hate", 2), ("ag", 1), ("mlma", -3))]
    data = pd.concat(parts, ignore_index=True)
    table = multiple.with_and_without(data, {"all": (), "learned": ("mlma",)})
    assert table.loc["C-1"].tolist() == pytest.approx([0, 3, 3, 2])
    data = data.assign(failure=None)
    gone = (data["dataset"] == "hate") & (data["alteration"] == "C-1") & (data["fold"] <= 5)
    data.loc[gone, ["state", "failure", "macro_f1"]] = ["failed", "Diverged", 0.0]
    table = multiple.with_and_without(data, {"all": ()})
    assert table.loc["C-1", "all"] == pytest.approx((-48 + 2 - 6) / 3) and table.loc["C-1", "all, without what diverged"] == pytest.approx(
        0
    )
