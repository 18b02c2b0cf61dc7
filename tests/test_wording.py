"""What pages say: sentences from made-up folds whose outcome is known."""

import numpy as np
import pandas as pd
import pytest
from made_up import frame, models, study

from lstmcs.paper import claims, comparison
from lstmcs.report import plots, wording
from lstmcs.stats import cost, seeds, single
from lstmcs.study.plan import Settings, plan

FLAT, UP, DOWN = [0.50] * 10, [0.55] * 10, [0.45] * 10  # ten folds with the same difference: verdicts without doubt
OPEN = [0.30, 0.70] * 5
SETS = ["mlma", "hasoc", "ag", "crowd", "hate", "semeval"]


def test_one_set_names_what_it_found():
    rng = np.random.default_rng(1)
    base = rng.normal(0.5, 0.01, 10)
    data = frame({"none": [base], "C-1": [base + 0.05 + rng.normal(0, 0.001, 10)], "H-2": [base + rng.normal(0, 0.001, 10)]})
    text = wording.one_set(data, "t")
    assert "1 score higher" in text and "(C-1)" in text and "0 lower" in text and "10 paired folds" in text
    for part in (data.iloc[:0], data[data["alteration"] == "C-1"], data[data["alteration"] == "none"]):
        assert "no fold" in wording.one_set(part, "t")


def test_other_seeds_tells_a_gain_from_what_seeds_give():
    quiet = {"C-1": 0.0, "H-2": 0.0, "reseed-1": 0.0}
    text = wording.other_seeds(study(quiet, sd=0.01), "t")
    assert "best of 2 such rows" in text and "no more than seeds alone explain" in text and "10 folds" in text
    assert "C-1, is at +" in (loud := wording.other_seeds(study(quiet | {"C-1": 5.5}, sd=0.01), "t")) and ": more than seeds" in loud
    assert "with other seeds is not on record, so nothing can be said of chance yet" in wording.other_seeds(study({"C-1": 0}), "t")
    assert list(wording.labelled(single.differences_table(study(quiet))).index) == ["C-1", "H-2", "same cell, other seeds"]


def test_all_sets_says_what_was_put_in():
    data = study({"C-1": 2, "C-2": 0, "H-1": -2, "reseed-1": 0}, SETS)
    text = wording.all_sets(data)
    assert "C-1 better" in text and "H-1 worse" in text and "6 better" in text and "18 comparisons" in text
    assert "9 comparisons" in wording.all_sets(data, without=SETS[3:]) and "crowd" not in wording.all_sets(data, without=SETS[3:])
    assert "No fold" in wording.all_sets(data.iloc[:0]) and "No fold" in wording.all_sets(data, without=SETS)


def test_signs_that_agree_are_counted_and_nothing_is_not_nan():
    """Three pairs, of which one goes the other way; the bundled stand-in alone has no pair at all."""
    pairs = pd.DataFrame({"improvement": [0.5, -0.1, 0.2], "ours": [1.0, -3.0, -0.2]})
    assert wording.agreement(pairs) == "3 pairs of improvements; in 67 % of them the paper's and ours have the same sign."
    assert "has one of ours on record beside it" in wording.agreement(comparison.against_paper(study({"C-1": 1}, ["robo"])))


def test_pairs_of_runs_are_said_as_counted_by_hand():
    """Three runs of two cells: C-1 better, better, worse; H-2 undecided, same, undecided."""
    table = seeds.by_run(frame({"none": [FLAT] * 3, "C-1": [UP, UP, DOWN], "H-2": [OPEN, FLAT, OPEN], "reseed-1": [UP] * 3}))
    assert "in 2 of 6 pairs (t)" in (said := wording.runs_agree(table)) and "in 2 of 6 cases, and its opposite in 4." in said
    one = frame({"none": [FLAT], "C-1": [UP]}, "one")
    four = frame({"none": [FLAT, FLAT[:4]], "C-1": [UP, UP[:4]]}, "four")
    alone = frame({"none": [FLAT], "C-1": [UP, UP]}, "alone")
    for nothing in (pd.concat([one, four, alone]), one, one.iloc[:0]):
        assert wording.runs_agree(seeds.by_run(nothing)).startswith("No comparison has two runs on record")


def test_a_checkpoint_is_called_by_its_name():
    names = plan(Settings(models=["lstm", "bert"], checkpoint="all-MiniLM-L6-v2", folds=1)).names()
    assert names["bert"] == "BERT (all-MiniLM-L6-v2)" and names["lstm"] == "LSTM-CS"
    line, *others = wording.models_by_set(models(), names)
    assert line.startswith(
        "hate: LSTM-CS 60.0 % macro F1 in 20 s a fold (10 folds); SIMPLE 58.0 % in 40 s (worse on 10 folds); "
        "BERT (all-MiniLM-L6-v2) 70.0 % in 400 s (better on 10 folds)"
    )
    assert others == [] == wording.models_by_set(models().query("model == 'lstm'"), names)
    two = pd.concat([models(), models().assign(dataset="mlma").query("model != 'bert'")])
    assert wording.models(two, names).startswith(
        "Against LSTM-CS with the unaltered cell, in macro F1: SIMPLE worse on 2 of 2 sets; BERT (all-MiniLM-L6-v2) better on 1 of 1 set"
    )
    assert "Only one kind" in wording.models(models().query("model == 'lstm'"), names)


def test_the_training_of_every_kind_is_stated():
    work = plan(Settings(models=["lstm", "simple", "bert", "tfidf"], checkpoint="all-MiniLM-L6-v2?epochs=3", folds=1))
    lines = wording.training(work)
    assert lines[0] == "LSTM-CS: batch size 32, learning rate 0.001; epochs: robo 12" and lines[3] == "TF-IDF + logistic regression: C 10"
    assert lines[2].startswith("BERT (all-MiniLM-L6-v2): batch size 16, learning rate 0.0003") and lines[2].endswith("epochs: robo 3")


def test_verdicts_of_models_name_rows_as_readers_know_them():
    own = models().query("model == 'lstm' and alteration == 'C-1'").assign(model="simple")
    table = wording.verdicts_of_models(pd.concat([models(), own])).set_index("row")
    assert list(table.reset_index().columns[:4]) == ["row", "dataset", "against", "folds"]
    assert table["against"].to_dict() == {
        "LSTM-CS, C-1": "LSTM-CS", "SIMPLE": "LSTM-CS", "SIMPLE, C-1": "SIMPLE", "BERT": "LSTM-CS", "TF-IDF + logistic regression": "LSTM-CS"}  # fmt: skip
    assert table["verdict"].to_dict() == {
        "LSTM-CS, C-1": "better", "SIMPLE": "worse", "SIMPLE, C-1": "better", "BERT": "better", "TF-IDF + logistic regression": "undecided"}  # fmt: skip


@pytest.mark.parametrize("results", [models(), models(("hate", "hasoc", "mlma")), models().head(1), models().head(0)])
def test_pages_and_pictures_of_any_records(results):
    names = plan(Settings(folds=1)).names()
    fig = plots.score_against_time(cost.rows(results), names)
    assert sum(ax.axison for ax in fig.axes) == results["dataset"].nunique() and all(
        ax.get_xscale() == "log" for ax in fig.axes if ax.axison
    )
    assert wording.models(results, names) and len(wording.models_by_set(results, names)) <= results["dataset"].nunique()
    for table in (wording.verdicts_of_models(results), comparison.beside_paper(results, "accuracy"), comparison.table_13(results)):
        assert isinstance(table, pd.DataFrame)


def test_the_headline_follows_the_evidence():
    sets = ("hate", "hasoc", "mlma", "crowd", "semeval", "ag")
    better = wording.headline(study({"C-1": 4.0, "H-2": 4.0}, sets))
    assert "is confirmed. Evidence: 12 comparisons" in better and "12 better, 0 same, 0 worse, 0 undecided" in better
    mixed = wording.headline(study({"C-1": 4.0, "H-2": -4.0}, sets))
    assert "is confirmed for C-1 and is not confirmed for H-2 (it falls)." in mixed and "6 better, 0 same, 6 worse" in mixed
    assert "can neither be confirmed nor refuted" in wording.headline(study({"C-1": 4.0, "H-2": 4.0}, ("hate",)))
    for unaltered_alone in (("hate",), ("hate", "mlma")):
        assert wording.headline(study({}, unaltered_alone)).startswith("Nothing can be said yet")


def test_the_headline_counts_the_claims_as_their_table_does():
    """SIMPLE's folds answer claims too; they are no comparison of cells."""
    sets = ("hate", "hasoc", "mlma", "crowd", "ag")
    both = pd.concat([study({"C-1": 0.0}, sets), study({}, sets, model="simple", base=0.4)])
    count = claims.check_claims(both)["verdict"].value_counts()
    assert count["confirmed"] > 0 and f"{count['confirmed']} confirmed, {count.get('not confirmed', 0)} not confirmed" in wording.headline(
        both
    )
    assert "Evidence: 5 comparisons" in wording.headline(both)
