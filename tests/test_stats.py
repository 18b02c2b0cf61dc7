"""Statistics against hand-worked numbers and an independent package's formulas."""

import numpy as np
import pandas as pd
import pytest

from lstmcs import stats


def frame(scores):
    """scores: alteration -> list a run of lists a fold, fractions."""
    rows = [
        {"dataset": "t", "alteration": name, "run": run, "fold": fold, "state": "done", "accuracy": value, "macro_f1": value,
         "micro_f1": value, "weighted_f1": value, "train_seconds": 2.0, "compile_seconds": 1.0}
        for name, runs in scores.items() for run, folds in enumerate(runs, 1) for fold, value in enumerate(folds, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_corrected_interval_by_hand():
    # differences 1, 2, 3: mean 2, variance 1; standard error sqrt((1/3 + 1/8) * 1) = 0.677003; t(0.975, 2) = 4.302653
    mean, low, high = stats.corrected_interval([1, 2, 3])
    assert (mean, low, high) == (2, pytest.approx(2 - 4.302653 * 0.677003, abs=1e-5), pytest.approx(2 + 4.302653 * 0.677003, abs=1e-5))
    assert np.isnan(stats.corrected_interval([1.0])[1])


def test_a_true_null_is_covered_and_the_naive_interval_is_not():
    """Paired differences of overlapping folds correlate; with the correlation the correction assumes, coverage is 95 %."""
    rng = np.random.default_rng(0)
    n, rho = 30, 1 / 9  # n_test / (n_test + n_train) with 1/8
    shared = rng.normal(size=(4000, 1)) * np.sqrt(rho)
    draws = shared + rng.normal(size=(4000, n)) * np.sqrt(1 - rho)
    corrected = np.mean([stats.corrected_interval(d)[1] > 0 or stats.corrected_interval(d)[2] < 0 for d in draws])
    naive = np.mean([stats.corrected_interval(d, ratio=0)[1] > 0 or stats.corrected_interval(d, ratio=0)[2] < 0 for d in draws])
    assert 0.035 < corrected < 0.065 < 0.2 < naive


def test_improvements_are_relative_and_averaged_over_runs():
    table = stats.improvements(frame({"none": [[0.5, 0.5], [0.4, 0.4]], "C-1": [[0.55, 0.55], [0.4, 0.4]], "H-2": [[0.45, 0.45], []]}))
    assert table.loc["Baseline", "macro_f1"] == pytest.approx(45)
    assert table.loc["C-1", "macro_f1"] == pytest.approx((10 + 0) / 2)
    assert table.loc["H-2", "macro_f1"] == pytest.approx(-10) and table.loc["H-2", "folds"] == 2  # only what both have


def test_the_papers_arithmetic():
    """MLMA, Tables 5 and 15: 2.123 improved by 1.396 % is 2.153."""
    table = stats.improvements(frame({"none": [[0.02123]], "C-1": [[0.02123 * 1.01396]]}))
    assert table.loc["C-1", "macro_f1"] == pytest.approx(1.396) and round(2.123 * 1.01396, 3) == 2.153


def test_a_baseline_of_zero_has_no_relative_improvement():
    assert np.isnan(stats.improvements(frame({"none": [[0.0]], "C-1": [[0.3]]})).loc["C-1", "macro_f1"])


def test_differences_pair_run_and_fold_and_leave_out_what_is_missing():
    data = frame({"none": [[0.5, 0.6, 0.7]], "C-1": [[0.6, 0.6, 0.6]]})
    data.loc[(data["alteration"] == "C-1") & (data["fold"] == 3), "state"] = "failed"
    table = stats.differences_table(data)
    assert table.loc["C-1", ["folds", "better", "worse"]].tolist() == [2, 1, 0] and table.loc["C-1", "mean"] == pytest.approx(5)
    for part in (data.iloc[:0], data[data["alteration"] == "C-1"], data[data["alteration"] == "none"]):
        assert stats.differences_table(part).empty and "no fold" in stats.sentence(part, "t")


def test_sentence_names_what_it_found():
    rng = np.random.default_rng(1)
    base = rng.normal(0.5, 0.01, 10)
    data = frame({"none": [base], "C-1": [base + 0.05 + rng.normal(0, 0.001, 10)], "H-2": [base + rng.normal(0, 0.001, 10)]})
    text = stats.sentence(data, "t")
    assert "1 score higher" in text and "(C-1)" in text and "0 lower" in text and "10 paired folds" in text
