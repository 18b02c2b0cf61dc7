"""Models beside each other: figures against hand-worked ones, the paper's tables, and names that don't flatter a checkpoint."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from lstmcs.datasets.loading import Dataset
from lstmcs.datasets.preprocess import prepare
from lstmcs.models.bilstm import checkpoints
from lstmcs.paper.tables import tables
from lstmcs.report.run import plots
from lstmcs.stats.single import cost
from lstmcs.study.plan import Settings, plan
from lstmcs.training.lstm import bert

SCORES = {("lstm", "none"): 60.0, ("lstm", "C-1"): 61.0, ("simple", "none"): 58.0, ("bert", "none"): 70.0, ("tfidf", "none"): 60.0}
SECONDS = {"lstm": 20.0, "simple": 40.0, "bert": 400.0, "tfidf": 0.5}


def made_up(datasets=("hate",), folds=10) -> pd.DataFrame:
    """Scores as above with a wobble that is 0 on average, and no wobble in the seconds."""
    wobble = np.tile([1.0, -1.0], folds // 2) / 100
    rows = [
        {"dataset": d, "model": m, "alteration": a, "run": 1, "fold": k + 1, "state": "done", "train_seconds": SECONDS[m], "seconds_per_epoch": SECONDS[m] / 4,
         "compile_seconds": 1.0, "parameters": 1000, "error": None,
         **dict.fromkeys(("accuracy", "macro_f1", "micro_f1", "weighted_f1"), score / 100 + (wobble[k] if m != "lstm" else 0))}
        for d in datasets for (m, a), score in SCORES.items() for k in range(folds)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def texts_of(count: int):
    """A prepared set of two classes, half and half."""
    labels = np.eye(2, dtype=np.uint8)[np.arange(count) % 2]
    return prepare(Dataset("made-up", tuple(f"robot arm wheel lamp {k % 2}" for k in range(count)), labels, ("a", "b")))


def test_costs_are_the_hand_worked_ones():
    table = cost.rows(made_up()).set_index(["model", "alteration"])
    assert list(table.index) == [*SCORES] and (table["folds"] == 10).all()
    bert = table.loc[("bert", "none")]
    assert bert["macro_f1"] == pytest.approx(70) and bert["times"] == 20
    assert bert["per_point"] == pytest.approx(400 / 70) and bert["per_gain"] == pytest.approx(380 / 10)
    assert np.isnan(table.loc[("simple", "none"), "per_gain"]) and np.isnan(table.loc[("lstm", "none"), "per_gain"])  # nothing gained
    assert table.loc[("lstm", "C-1"), "per_gain"] == 0  # a point for nothing


def test_a_gain_is_that_on_the_folds_that_both_have():
    """LSTM-CS with a second run that scored 20 points less: its mean falls, what a model gained on the first run does not."""
    second = made_up().query("model == 'lstm'").assign(run=2, macro_f1=0.4)
    table = cost.rows(pd.concat([made_up(), second])).set_index(["model", "alteration"])
    assert table.loc[("lstm", "none"), ["folds", "macro_f1"]].tolist() == pytest.approx([20, 50])
    assert table.loc[("bert", "none"), "per_gain"] == pytest.approx(380 / 10)
    apart = made_up().query("model != 'bert' or fold > 5").query("model != 'lstm' or fold <= 5")
    assert np.isnan(cost.rows(apart).set_index(["model", "alteration"]).loc[("bert", "none"), "per_gain"])


def test_verdicts_compare_with_the_unaltered_lstm_on_the_same_folds():
    table = cost.verdicts(made_up()).set_index("row")
    assert table["against"].to_dict() == {
        "LSTM-CS, C-1": "LSTM-CS",
        "SIMPLE": "LSTM-CS",
        "BERT": "LSTM-CS",
        "TF-IDF + logistic regression": "LSTM-CS",
    }
    assert table["verdict"].to_dict() == {
        "LSTM-CS, C-1": "better",
        "SIMPLE": "worse",
        "BERT": "better",
        "TF-IDF + logistic regression": "undecided",
    }
    d = 10 + np.tile([1.0, -1.0], 5)
    half = scipy_stats.t.ppf(0.975, 9) * np.sqrt((1 / 10 + 1 / 8) * d.var(ddof=1))
    assert table.loc["BERT", ["mean", "low", "high"]].tolist() == pytest.approx([10, 10 - half, 10 + half])


@pytest.mark.parametrize(("metric", "table"), [("accuracy", tables.table_12), ("macro_f1", tables.table_15)])
def test_tables_12_and_15_stand_beside_ours(metric, table):
    found = cost.beside_paper(made_up(), metric).set_index(["model", "alteration"])
    printed = table().query("dataset == 'hate'").set_index(["model", "modification"])[metric]
    assert found.loc[("bert", "none"), "hate paper"] == printed["bert", "not applicable"]
    assert found.loc[("simple", "H-2"), "hate paper"] == printed["simple", "top hidden"] and np.isnan(
        found.loc[("simple", "H-2"), "hate ours"]
    )
    assert found.loc[("lstm", "C-1"), "hate ours"] == pytest.approx(61) and np.isnan(found.loc[("tfidf", "none"), "hate paper"])


def test_tables_13_and_14():
    table = cost.times(made_up(("hate", "robo"))).set_index(["dataset", "model"])
    assert table.loc[("hate", "bert"), "paper, seconds"] == "181" and table.loc[("robo", "lstm"), "paper, seconds"] == "<1"
    assert table.loc[("hate", "tfidf"), "paper, seconds"] == "–" and table.loc[("hate", "simple"), "seconds"] == 40
    parameters = cost.table_14(made_up(("crowd",))).set_index("model")
    assert parameters.loc["BERT", "ours, parameters"] == 109_881_611 and (parameters["difference, %"].abs() < 0.5).all()
    assert parameters["ours, seconds"].to_dict() == {"LSTM-CS": 20, "SIMPLE": 40, "BERT": 400}


def test_a_checkpoint_is_called_by_its_name(monkeypatch):
    names = cost.names(plan(Settings(models=["lstm", "bert"], checkpoint="all-MiniLM-L6-v2", folds=1)))
    assert names["bert"] == "BERT (all-MiniLM-L6-v2)" and names["lstm"] == "LSTM-CS"
    line, *others = cost.lines(made_up(), names)
    assert line.startswith(
        "hate: LSTM-CS 60.0 % macro F1 in 20 s a fold (10 folds); SIMPLE 58.0 % in 40 s (worse on 10 folds); "
        "BERT (all-MiniLM-L6-v2) 70.0 % in 400 s (better on 10 folds)"
    )
    assert others == [] == cost.lines(made_up().query("model == 'lstm'"), names)
    two = pd.concat([made_up(), made_up().assign(dataset="mlma").query("model != 'bert'")])
    assert cost.sentence(two, names).startswith(
        "Against LSTM-CS with the unaltered cell, in macro F1: SIMPLE worse on 2 of 2 sets; BERT (all-MiniLM-L6-v2) better on 1 of 1 set"
    )
    assert "Only one kind" in cost.sentence(made_up().query("model == 'lstm'"), names)


def test_the_training_of_every_kind_is_stated():
    work = plan(Settings(models=["lstm", "simple", "bert", "tfidf"], checkpoint="all-MiniLM-L6-v2?epochs=3", folds=1))
    lines = cost.protocol(work)
    assert lines[0] == "LSTM-CS: batch size 32, learning rate 0.001; epochs: robo 12" and lines[3] == "TF-IDF + logistic regression: C 10"
    assert lines[2].startswith("BERT (all-MiniLM-L6-v2): batch size 16, learning rate 0.0003") and lines[2].endswith("epochs: robo 3")


def test_bert_base_is_measured_once_and_only_where_it_is_not_trained(home, monkeypatch):
    calls, made = (
        [],
        {"parameters": 7, "steps": 12, "seconds_per_epoch": 2.0, "seconds": 8.0, "processor_seconds": 6.0, "host": "a machine"},
    )
    monkeypatch.setattr(price, "_measure", lambda prepared, config: calls.append(1) or made)
    work = plan(Settings(models=["lstm", "bert"], checkpoint="all-MiniLM-L6-v2", folds=2))
    for _ in range(2):
        assert cost.base_cost(work).to_dict("records") == [{"dataset": "robo", **made}]
    assert len(calls) == 1
    for other in (
        {"models": ["lstm"]},
        {"models": ["bert"]},
        {"models": ["bert"], "checkpoint": "all-MiniLM-L6-v2", "seed": 1, "train": False},
    ):
        assert cost.base_cost(plan(Settings(folds=1, **other))).empty
    assert len(calls) == 1 and checkpoints.BASE["num_hidden_layers"] == 12


def test_cost_is_the_steps_of_an_epoch_times_their_seconds(monkeypatch, tmp_path):
    """With made-up steps of a second for each 16 tokens, and no model."""
    data = texts_of(40)

    class Steps(bert.FineTuner):
        def __init__(self, prepared, config, jit=False):
            self.row_lengths, self.lengths, self.batch_size = np.repeat([5, 20], 20), [16, 32], config["training"]["batch_size"]

        def step_seconds(self, length, steps):
            return length / 16, length / 32

        def parameters(self):
            return 7

    monkeypatch.setattr(finetuning, "FineTuner", Steps)
    config = {"dataset": "made-up", "run": 1, "fold": 1, "seed": 0, "training": {"epochs": 3, "batch_size": 4}}
    found = cost._measure(data, config)
    # 32 training rows are 8 batches of four, of which at most one mixes lengths: 16 long rows are four or five long batches
    assert found["steps"] == 3 * 8 and found["seconds_per_epoch"] in (12, 13)
    assert found["seconds"] == 3 * found["seconds_per_epoch"] == 2 * found["processor_seconds"] and found["step"] == {"16": 1.0, "32": 2.0}


@pytest.mark.parametrize("results", [made_up(), made_up(("hate", "hasoc", "mlma")), made_up().head(1), made_up().head(0)])
def test_pages_and_pictures_of_any_records(results):
    names = cost.names(plan(Settings(folds=1)))
    fig = plots.score_against_time(cost.rows(results), names)
    assert sum(ax.axison for ax in fig.axes) == results["dataset"].nunique() and all(
        ax.get_xscale() == "log" for ax in fig.axes if ax.axison
    )
    (
        cost.verdicts(results),
        cost.beside_paper(results, "accuracy"),
        cost.times(results),
        cost.sentence(results, names),
        cost.lines(results, names),
    )
