"""What pages say: sentences from made-up folds whose outcome is known."""

import re

import numpy as np
import pandas as pd
import pytest
from made_up import frame, models, study

from lstmcs.paper import claims, comparison
from lstmcs.report import depends, plots, wording
from lstmcs.stats import cost, multiple, seeds, single
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


def test_a_row_a_set_tells_a_gain_from_what_seeds_give():
    quiet = {"C-1": 0.0, "H-2": 0.0, "reseed-1": 0.0}
    [still], [loud] = (wording.by_set(study(cells, ("hate",), sd=0.01)).to_dict("records") for cells in (quiet, quiet | {"C-1": 5.5}))
    assert (still["dataset"], still["folds"], still["higher"], still["lower"]) == ("hate", 10, "none", "none")
    assert abs(still["other seeds"]) < 0.1 and still["gain"] < still["chance"] < still["detectable"] * 3
    assert (loud["best"], loud["higher"], loud["lower"]) == ("C-1", "C-1", "none") and loud["gain"] > loud["chance"]
    assert loud["gain"] > 4
    [alone] = wording.by_set(study({"C-1": 0}, ("hate",))).to_dict("records")
    assert alone["chance"] is None and alone["other seeds"] is None
    assert wording.by_set(study({}, ("hate",))).empty


def test_the_short_answer_counts_what_the_verdicts_say():
    def told(effects, sets=("hate", "mlma")):
        return wording.in_short(multiple.cells(study(effects, sets)))

    text, counts = told({"C-1": 4.0, "H-2": -4.0, "reseed-1": 0.0})
    assert text.endswith("in 2 of 4 comparisons it sorted better than before, in 2 worse.") and list(counts.values()) == [2, 2, 0]
    text, counts = told({"C-1": 0.0})
    assert text.endswith("in none of 2 comparisons could we see that it sorted better or worse than before.")
    assert list(counts.values()) == [0, 0, 2]
    assert "in none of 2 comparisons did it sort better than before, in 2 worse" in told({"C-1": -4.0})[0]
    assert "in one comparison could we not see" in told({"C-1": 0.0}, ("hate",))[0]
    assert told({}) == ("Nothing can be said yet: no fold of an alteration and of the unaltered cell is on record.", {})


def test_a_reseed_is_named_for_readers():
    quiet = {"C-1": 0.0, "H-2": 0.0, "reseed-1": 0.0}
    assert list(wording.labelled(single.differences_table(study(quiet))).index) == ["C-1", "H-2", "same cell, other seeds"]


def test_all_sets_says_what_was_put_in():
    data = study({"C-1": 2, "C-2": 0, "H-1": -2, "reseed-1": 0}, SETS)
    text = wording.all_sets(data)
    assert "C-1 better" in text and "H-1 worse" in text and "6 better" in text and "18 comparisons" in text
    assert "9 comparisons" in wording.all_sets(data, without=SETS[3:]) and "crowd" not in wording.all_sets(data, without=SETS[3:])
    few, enough = (study({"C-1": 0.0}, SETS[:n], sd=0.0001) for n in (2, 5))  # two sets alike are no sample of sets
    assert "Fewer than 3 sets say nothing together" in wording.all_sets(few) and "C-1 same" in wording.all_sets(enough)
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
    work = plan(Settings(models=["lstm", "simple", "bert", "tfidf", "constant"], checkpoint="all-MiniLM-L6-v2?epochs=3", folds=1))
    lines = wording.training(work)
    assert lines[0] == "LSTM-CS: batch size 32, learning rate 0.001; epochs: robo 40" and lines[3] == "TF-IDF + logistic regression: C 10"
    assert lines[4] == "Best constant answer: nothing to set"
    assert lines[2].startswith("BERT (all-MiniLM-L6-v2): batch size 16, learning rate 0.0003") and lines[2].endswith("epochs: robo 3")


def test_verdicts_of_models_name_rows_as_readers_know_them():
    own = models().query("model == 'lstm' and alteration == 'C-1'").assign(model="simple")
    table = wording.verdicts_of_models(pd.concat([models(), own])).set_index("model")
    assert list(table.reset_index().columns[:4]) == ["model", "dataset", "against", "folds"]
    assert table["against"].to_dict() == {
        "LSTM-CS, C-1": "LSTM-CS", "SIMPLE": "LSTM-CS", "SIMPLE, C-1": "SIMPLE", "BERT": "LSTM-CS", "TF-IDF + logistic regression": "LSTM-CS"}  # fmt: skip
    assert table["verdict"].to_dict() == {
        "LSTM-CS, C-1": "better", "SIMPLE": "worse", "SIMPLE, C-1": "better", "BERT": "better", "TF-IDF + logistic regression": "undecided"}  # fmt: skip


@pytest.mark.parametrize("results", [models(), models(("hate", "hasoc", "mlma")), models().head(1), models().head(0)])
def test_pages_and_pictures_of_any_records(results):
    names = plan(Settings(folds=1)).names()
    drawn = [ax for ax in plots.score_against_time(cost.rows(results), names).axes if ax.axison]
    assert len(drawn) == results["dataset"].nunique() and all(ax.get_xscale() == "log" for ax in drawn)
    assert wording.models(results, names) and len(wording.models_by_set(results, names)) <= results["dataset"].nunique()
    for table in (wording.verdicts_of_models(results), comparison.beside_paper(results, "accuracy"), comparison.table_13(results)):
        assert isinstance(table, pd.DataFrame)


def test_what_has_no_time_is_on_no_axis_of_time():
    """HATE's processors were shared, and SIMPLE's on HASOC."""
    results = models(("hate", "hasoc"))
    results.loc[(results["dataset"] == "hate") | (results["model"] == "simple"), ["train_seconds", "seconds_per_epoch"]] = np.nan
    [ax] = [ax for ax in plots.score_against_time(cost.rows(results), plan(Settings(folds=1)).names()).axes if ax.axison]
    ax.figure.draw_without_rendering()
    assert ax.figure.get_suptitle().startswith("hasoc") and "SIMPLE" not in {text.get_text() for text in ax.texts}
    hasoc, hate = wording.models_by_set(results, plan(Settings(folds=1)).names())
    assert " s " not in hate and " s a fold (" in hasoc and re.search(r"SIMPLE [0-9.]+ % \(", hasoc) and "nan" not in hate + hasoc
    unknown = results.assign(train_seconds=np.nan)
    assert not [ax for ax in plots.score_against_time(cost.rows(unknown), {}).axes if ax.axison]


@pytest.mark.parametrize("beside", [True, False])
def test_the_best_constant_answer_is_a_line_and_takes_no_room_on_the_axis_of_time(beside):
    constant = models().query("model == 'tfidf'").assign(model="constant", train_seconds=1e-4, macro_f1=0.3)
    fig = plots.score_against_time(cost.rows(pd.concat([models(), constant]) if beside else constant), plan(Settings(folds=1)).names())
    [ax] = [ax for ax in fig.axes if ax.axison]
    [dashed] = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert list(dashed.get_ydata()) == pytest.approx([30, 30]) and "Best constant answer" in [text.get_text() for text in ax.texts]
    ax.figure.draw_without_rendering()
    assert not beside or ax.get_xlim()[0] > 0.01  # the fastest of the others took half a second


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


def curves(scores):
    """Validation macro F1 in percent, epoch by epoch: cell -> a list a fold."""
    rows = [
        {"dataset": "t", "model": "lstm", "alteration": cell, "run": 1, "fold": fold, "epoch": epoch, "val_macro_f1": score / 100}
        for cell, folds in scores.items() for fold, line in enumerate(folds, 1) for epoch, score in enumerate(line, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_who_learns_slowly_who_never_and_who_alike():
    """The unaltered cell is within a point of its best (50) from epoch 2 on; C-1 from 4, C-2 from 2, H-1 in one fold of two."""
    fast, slow, never = [10, 49.5, 50, 48], [0, 10, 20, 49], [0, 10, 20, 48]
    text = wording.learning(curves({"none": [fast] * 2, "C-1": [slow] * 2, "C-2": [fast] * 2, "H-1": [slow, never]}), "t")
    assert text == (
        "t: trained to epoch 4, the unaltered cell comes within a point of its best validation Macro F1 after 2 epochs (median). "
        "C-1 takes 2.0 times as many epochs to get there; at least half of the folds do not get there with H-1 (1 of 2 do); "
        "the other takes about as long."
    )
    assert wording.learning(curves({"none": [fast], "C-1": [fast], "H-1": [fast]}), "t").endswith("All 2 alterations take about as long.")
    first = wording.learning(curves({"none": [[50, 40]], "C-1": [[50, 40]], "reseed-1": [[0, 0]]}), "t")
    assert "after 1 epoch (median)" in first
    assert first.endswith("The one alteration takes about as long; the unaltered cell with other seeds gets there in 0 of 1 folds.")
    sooner = wording.learning(curves({"none": [[0, 10, 20, 50]], "C-1": [[50, 0, 0, 0]], "H-2": [[0, 50, 0, 0]]}), "t")
    assert sooner.endswith("C-1 takes 0.2 times as many epochs to get there, H-2 0.5 times.")
    for part in ({"none": [fast]}, {"C-1": [fast]}, {"none": [fast], "reseed-1": [fast]}):
        assert "no curve" in wording.learning(curves(part), "t")
    assert "no curve" in wording.learning(curves({"none": [fast]}).iloc[:0], "t")


def verdicts(*rows, rules=("best", "loss", "last")):
    """A hand-made stats.curves.under_rules: alteration, then a verdict a rule."""
    table = pd.DataFrame([("t", *row) for row in rows], columns=["dataset", "alteration", *rules])
    return table.assign(depends=[len(set(row[1:]) - {"no data"}) > 1 for row in rows])


def test_what_hangs_on_the_epoch():
    one = ("C-1", "same", "same", "same")
    seeds_alone = ("reseed-1", "better", "worse", "same")  # is no verdict on an alteration
    assert depends.depending(verdicts(one, seeds_alone), "best") == (
        "Of 1 verdict, read at the epoch that is best on validation (rule best), none hangs on that choice: "
        "the other rules (loss, last) give the same."
    )
    two = depends.depending(verdicts(one, ("H-1", "same", "worse", "same"), ("H-2", "undecided", "worse", "same")), "best")
    assert (
        "Of 3 verdicts" in two and "2 hang on that choice: another rule (loss, last) gives another; none turns from better to worse" in two
    )
    turned = depends.depending(verdicts(one, ("H-1", "better", "same", "worse"), ("H-2", "no data", "worse", "better")), "best")
    assert "Of 2 verdicts" in turned and "1 hangs" in turned and turned.endswith("; better by one rule and worse by another: H-1 on t.")
    assert "Of 2 verdicts, read at the last epoch (rule last)" in depends.depending(
        verdicts(one, ("H-1", "worse", "worse", "same")), "last"
    )
    fixed = depends.depending(verdicts(("C-1", "same", "same"), rules=("epoch=2", "best")), "epoch=2")
    assert "read at epoch 2 (rule epoch=2)" in fixed and "(best)" in fixed
    for nothing in (verdicts(), verdicts(("C-1", "no data", "same", "same")), verdicts(one)[["dataset", "alteration", "best", "depends"]]):
        assert depends.depending(nothing, "best") == "Only one way of reading is on record."


def test_rules_that_read_alike_are_said_and_not_tabled():
    def read(epoch, protocol=2):
        return study({"C-1": 1.0}).assign(epoch=epoch, protocol=protocol)

    assert depends.read_alike({"best": read(3), "last": read(4)}) == ""
    assert depends.read_alike({"best": read(3), "paper": read(np.nan)}) == ""
    assert depends.read_alike({"best": read(1), "last": read(1)}).startswith("Every rule reads the same epoch of each fold")
    assert depends.read_alike({"best": read(2, 1), "last": read(2, 1)}).startswith(
        "Every rule reads the last epoch: these records are of protocol 1"
    )


def test_the_table_of_the_rules_has_their_differences_and_verdicts():
    early, late = study({"C-1": -3.0, "reseed-1": 0.0}, runs=3), study({"C-1": 0.0, "reseed-1": 0.0}, runs=3)
    table = depends.by_rules({"best": late, "accuracy": early})
    assert list(table.columns) == ["by best", "by accuracy", "verdict by best", "verdict by accuracy", "depends"]
    assert list(table.index) == ["C-1", "same cell, other seeds"]
    assert table.loc["C-1", "by accuracy"] == pytest.approx(single.differences_table(early).loc["C-1", "mean"])
    assert table.loc["C-1"].tolist()[2:] == ["same", "worse", "yes"] and table["depends"].iloc[1] == "no"


def test_references_stand_beside_and_a_set_where_nothing_is_learned_says_so():
    base = study({"C-1": 1.0}, ["hate"], base=0.4)
    refs = pd.concat([study({}, ["hate"], model="constant", base=0.1), study({}, ["hate"], model="tfidf", base=0.44, seed=1)])
    text = wording.beside_references(pd.concat([base, refs]), "hate")
    assert (
        text.startswith("hate: against the unaltered cell, in Macro F1: best constant answer -30.")
        and "TF-IDF + logistic regression +4." in text
    )
    assert "learned" not in text and wording.beside_references(base, "hate") == ""
    idle = pd.concat([base, study({}, ["hate"], model="constant", base=0.45)])
    assert "Nothing is learned here: the unaltered cell scores 40.0 %, the best constant answer 45.0 %" in wording.beside_references(
        idle, "hate"
    )
    assert wording.headline(idle) == "Nothing can be said yet: nothing is learned on hate."
    both = pd.concat([idle, study({"C-1": 0.0}, ["hasoc"])])
    assert "Evidence: 1 comparison " in wording.headline(both) and "Nothing is learned on hate, which decides nothing." in wording.headline(
        both
    )


def test_loss_and_score_that_disagree_are_counted():
    data = study({"C-1": -1.0, "C-2": 1.0, "H-1": -1.0}, ["hate"]).assign(loss=0.5)
    for cell, loss in (("C-1", 0.4), ("C-2", 0.6), ("H-1", 0.7)):
        data.loc[data["alteration"] == cell, "loss"] = loss
    cells = multiple.cells(data)
    assert cells.set_index("alteration")["loss"].to_dict() == pytest.approx({"C-1": -0.1, "C-2": 0.1, "H-1": 0.2})
    text = wording.loss_and_score(cells)
    assert "disagree on hate (lower loss and lower macro F1 for 1 and higher loss and higher macro F1 for 1 of 3)" in text
    assert wording.loss_and_score(multiple.cells(data[data["alteration"].isin(["none", "H-1"])])) == ""
    assert wording.loss_and_score(multiple.cells(study({"C-1": -1.0}))) == ""  # no loss on record


def test_what_diverged_is_named_and_counted():
    data = study({"C-4": 0.0}, ["hate"]).assign(failure=None)
    gone = (data["alteration"] == "C-4") & (data["fold"] <= 3)
    data.loc[gone, ["state", "failure", "macro_f1"]] = ["failed", "Diverged", 0.0]
    assert wording.diverged(data) == ["C-4 on hate diverged in 3 of 10 folds, which count as an answer that says nothing (F1 0)"]
    assert wording.diverged(study({"C-4": 0.0})) == []


def test_what_can_never_be_seen_is_said():
    """The floor of the half-width is 1.96 * sqrt(1/8) = 0.693 standard deviations: 2 points of them hide 1 % of 50 points."""
    wobble = [[0.5 + 0.02 * (-1) ** k for k in range(10)]]  # SD 2.108 points
    data = pd.concat(
        [frame({"none": [FLAT], "C-1": wobble}, "hate"), frame({"none": [FLAT], "C-1": [[x / 10 + 0.45 for x in wobble[0]]]}, "ag")]
    )
    text = wording.cannot_be_seen(data)
    assert "on hate (1.5 points; 1 % of the score is 0.50):" in text and "ag" not in text.split(":")[0]
    assert wording.cannot_be_seen(data[data["dataset"] == "ag"]) == ""


def test_spreads_are_told_of_each_set():
    rows = study({"C-1": 0.0, "H-2": 0.0, "reseed-1": 0.0}, ["hate"], sd=0.01)
    assert " of 2 (SD " in wording.spreads(rows) and "hate" in wording.spreads(rows)
    assert "is not on record" in wording.spreads(study({"C-1": 0.0}))


def test_open_claims_that_folds_would_settle_are_counted():
    table = pd.DataFrame({"3 x 10, yes": [0.0, 10, 0], "10 x 10, no": [0.0, 0, 55]}, index=["a", "b", "c"])
    assert wording.settled(table) == (
        "Of 3 open claims 2 would be answered by some completion of the folds on record, 1 by half of the completions or more; 1 need more than folds."
    )
    assert wording.settled(table.iloc[:0]) == "No claim is open." and "none would be" in wording.settled(table.iloc[:1])


def test_verdicts_that_an_edition_changed_are_counted_by_hand():
    def cells(*verdicts, reseed="worse"):
        rows = [("hate", f"C-{k}", word) for k, word in enumerate(verdicts, 1)]
        return pd.DataFrame([*rows, ("hate", "reseed-1", reseed)], columns=["dataset", "alteration", "verdict"])

    before, now = (
        cells("worse", "worse", "undecided", "no data", "better"),
        cells("undecided", "undecided", "undecided", "same", "worse", reseed="same"),
    )
    assert depends.changed(before, now) == (
        "Of 4 comparisons in both editions, 3 have another verdict now: 2 from worse to undecided, 1 from better to worse."
    )
    assert depends.changed(before, before) == "Of 4 comparisons in both editions, none has another verdict now."
    assert (
        depends.changed(cells("worse"), cells("same"))
        == "Of 1 comparison in both editions, 1 has another verdict now: 1 from worse to same."
    )
    assert depends.changed(cells("no data"), cells("same")) == "No comparison is in both editions."


def test_who_ends_higher_is_told_of_sets_with_enough_cells():
    told = depends.on_memory(
        pd.Series({"hate": 0.9, "mlma": -0.25, "ag": 1.0, "crowd": float("nan")}), {"hate": 17, "mlma": 5, "ag": 4, "crowd": 6}
    )
    assert "Rank correlation: +0.90 on hate (17 cells), -0.25 on mlma (5 cells); seen afterwards" in told
    assert depends.on_memory(pd.Series({"ag": 1.0}), {"ag": 4}).startswith("Too few altered cells")
