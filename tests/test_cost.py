"""Models beside each other: what they score and cost, fold by fold, against figures worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from made_up import MODEL_SCORES, models
from scipy import stats as scipy_stats

from lstmcs.models.kinds import KINDS
from lstmcs.stats import cost


def test_costs_are_the_hand_worked_ones():
    table = cost.rows(models()).set_index(["model", "alteration"])
    assert list(table.index) == [*MODEL_SCORES] and (table["folds"] == 10).all()
    bert = table.loc[("bert", "none")]
    assert bert["macro_f1"] == pytest.approx(70) and bert["times"] == 20
    assert bert["per_point"] == pytest.approx(400 / 70) and bert["per_gain"] == pytest.approx(380 / 10)
    assert np.isnan(table.loc[("simple", "none"), "per_gain"]) and np.isnan(table.loc[("lstm", "none"), "per_gain"])  # nothing gained
    assert table.loc[("lstm", "C-1"), "per_gain"] == 0  # a point for nothing


def test_a_gain_is_that_on_the_folds_that_both_have():
    """LSTM-CS with a second run that scored 20 points less: its mean falls, what a model gained on the first run does not."""
    second = models().query("model == 'lstm'").assign(run=2, macro_f1=0.4)
    table = cost.rows(pd.concat([models(), second])).set_index(["model", "alteration"])
    assert table.loc[("lstm", "none"), ["folds", "macro_f1"]].tolist() == pytest.approx([20, 50])
    assert table.loc[("bert", "none"), "per_gain"] == pytest.approx(380 / 10)
    apart = models().query("model != 'bert' or fold > 5").query("model != 'lstm' or fold <= 5")
    assert np.isnan(cost.rows(apart).set_index(["model", "alteration"]).loc[("bert", "none"), "per_gain"])


def test_verdicts_compare_with_the_unaltered_lstm_on_the_same_folds():
    table = cost.verdicts(models()).set_index(["model", "alteration"])
    assert set(table[["base_model", "base"]].itertuples(index=False, name=None)) == {("lstm", "none")}
    assert table["verdict"].to_dict() == {
        ("lstm", "C-1"): "better", ("simple", "none"): "worse", ("bert", "none"): "better", ("tfidf", "none"): "undecided"}  # fmt: skip
    d = 10 + np.tile([1.0, -1.0], 5)
    half = scipy_stats.t.ppf(0.975, 9) * np.sqrt((1 / 10 + 1 / 8) * d.var(ddof=1))
    assert table.loc[("bert", "none"), ["mean", "low", "high"]].tolist() == pytest.approx([10, 10 - half, 10 + half])


def test_an_altered_cell_is_compared_with_its_own_models_unaltered_one():
    """SIMPLE's C-1 half way between SIMPLE and LSTM-CS: better than the one it belongs to."""
    altered = models().query("model == 'simple'").assign(alteration="C-1")
    altered[["accuracy", "macro_f1", "micro_f1", "weighted_f1"]] += 0.01
    table = cost.verdicts(pd.concat([models(), altered])).set_index(["model", "alteration"])
    row = table.loc[("simple", "C-1")]
    assert (row["base_model"], row["base"], row["verdict"]) == ("simple", "none", "better") and row["mean"] == pytest.approx(1)


def test_models_stand_in_the_order_of_their_table_and_cells_in_that_of_table_1():
    names = [*reversed(KINDS), "own"]
    table = cost.in_order(pd.DataFrame([("hate", model, cell) for model in names for cell in ("c = c * 0.5", "H-2", "C-10", "C-2", "none")],
                                       columns=["dataset", "model", "alteration"]))  # fmt: skip
    assert list(table["model"].unique()) == [*KINDS, "own"]
    assert table["alteration"][:5].tolist() == ["none", "C-2", "C-10", "H-2", "c = c * 0.5"]


def by_hand(times: dict, scores: dict, slower: float = 1.0) -> pd.DataFrame:
    """times, scores: model -> {run: a list a fold}. Seconds of the second run are `slower` times as many."""
    rows = [
        {"dataset": "hate", "model": model, "alteration": "none", "run": run, "fold": fold, "state": "done",
         "train_seconds": seconds * (slower if run == 2 else 1), "seconds_per_epoch": 1.0, "compile_seconds": 1.0, "parameters": 1, "error": None,
         **dict.fromkeys(("accuracy", "macro_f1", "micro_f1", "weighted_f1"), score)}
        for model, runs in times.items() for run, folds in runs.items() for fold, (seconds, score) in enumerate(zip(folds, scores[model][run]), 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_run_on_a_slower_day_that_one_model_alone_has_moves_no_ratio():
    """Run 1, both models: LSTM-CS 10, 10, 20 s, BERT 30, 40, 50 s: ratios 3, 4, 2.5 and differences 20, 30, 30 s. Run 2, LSTM-CS alone,
    on a day ten times as slow: 100, 100, 100 s. BERT gains 10, 20, 15 points: 15 on average, so 30 / 15 = 2 s a point."""
    times = {"lstm": {1: [10, 10, 20], 2: [10, 10, 10]}, "bert": {1: [30, 40, 50]}}
    scores = {"lstm": {1: [0.5, 0.5, 0.5], 2: [0.5, 0.5, 0.5]}, "bert": {1: [0.6, 0.7, 0.65]}}
    table = cost.rows(by_hand(times, scores, slower=10)).set_index("model")
    assert table.loc["lstm", ["seconds", "times"]].tolist() == [60, 1]  # the median of 10, 10, 20, 100, 100, 100; and of its own ratios
    assert table.loc["bert", ["seconds", "times"]].tolist() == [40, 3]  # over all folds' medians it would be 40 / 60, a third less time
    assert table.loc["bert", "per_gain"] == pytest.approx(30 / 15)  # (40 - 60) / 15, which is below nothing, it is not
    assert np.isnan(table.loc["lstm", "per_gain"])


def test_a_slower_day_that_both_have_moves_no_ratio_either():
    times = {"lstm": {1: [10, 10, 20], 2: [10, 10, 20]}, "bert": {1: [30, 40, 50], 2: [30, 40, 50]}}
    scores = {"lstm": {1: [0.5] * 3, 2: [0.5] * 3}, "bert": {1: [0.6, 0.7, 0.65], 2: [0.6, 0.7, 0.65]}}
    table = cost.rows(by_hand(times, scores, slower=10)).set_index("model")
    assert table.loc["bert", "times"] == 3 and table.loc["bert", "per_gain"] == pytest.approx(
        (30 + 200) / 2 / 15
    )  # of 20 30 30 200 300 300


def test_what_two_devices_took_is_no_ratio():
    times, scores = {"lstm": {1: [10, 10]}, "bert": {1: [30, 40]}}, {"lstm": {1: [0.5, 0.5]}, "bert": {1: [0.6, 0.7]}}
    data = by_hand(times, scores)
    data["device"] = data["model"].map({"lstm": "a card", "bert": None})
    table = cost.rows(data).set_index("model")
    assert (
        table.loc["bert", ["times", "per_gain"]].isna().all() and table["seconds"].tolist() == [10, 35] and table.loc["lstm", "times"] == 1
    )


def test_without_a_common_fold_there_is_no_ratio():
    times = {"lstm": {2: [10, 10]}, "bert": {1: [30, 40]}}
    table = cost.rows(by_hand(times, {"lstm": {2: [0.5, 0.5]}, "bert": {1: [0.6, 0.7]}})).set_index("model")
    assert table.loc["bert", ["times", "per_gain"]].isna().all() and table.loc["bert", "seconds"] == 35
    assert cost.verdicts(by_hand(times, {"lstm": {2: [0.5, 0.5]}, "bert": {1: [0.6, 0.7]}})).empty
