"""Progress, estimates and the question before a long study."""

import io
import sys
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from pretend import fake_train

from lstmcs.errors import SettingsError
from lstmcs.fold import Fold
from lstmcs.models import checkpoints
from lstmcs.study import progress, schedule, sweep, worker
from lstmcs.study.plan import Settings, plan
from lstmcs.study.progress import Progress, place_of
from lstmcs.study.schedule import Estimate, duration, reference
from lstmcs.study.sweep import run_study

DONE = {"state": "done", "scores": {"test": {"macro_f1": 0.5}}}


def fold(number=1, dataset="robo", alteration="c = c * o", model="lstm", training=None, **more):
    return Fold(dataset, "00", {}, model, {}, training or {}, alteration, 1, number, **more)


def folds(count=3, dataset="robo"):
    return [fold(number, dataset) for number in range(1, count + 1)]


def ticks(*times):
    return iter(times).__next__


def test_plain_lines_say_what_is_done_of_the_data_set_and_the_cell_and_the_time_left(capsys):
    shown = Progress(folds(), Counter({("robo", "C-1"): 10, ("robo", "none"): 10}), Counter({("robo", "C-1"): 7, ("robo", "none"): 2}),
                     clock=ticks(0, 10, 12, 30, 30), place="plain")  # fmt: skip
    for one in folds():
        shown.show(one, DONE)
    shown.end()
    assert capsys.readouterr().out.splitlines() == [
        "[1/3] robo C-1 run 1 fold 1: macro F1 50.0 % | robo 10/20, C-1 8/10 | 0:10 so far, about 0:20 left",
        "[3/3] robo C-1 run 1 fold 3: macro F1 50.0 % | robo 12/20, C-1 10/10 | 0:30 so far, about 0:00 left",  # the second came too soon
        "3 folds trained in 0:30",
    ]


def test_time_left_is_reckoned_from_what_the_folds_cost_not_from_their_number(capsys):
    """One cheap fold (1 s expected, 2 s taken), then one that is a hundred times as long: 200 s left, not 2."""
    pending = folds(1) + folds(1, "hate")
    shown = Progress(pending, cost=lambda fold: 100.0 if fold.dataset == "hate" else 1.0, clock=ticks(0, 2), place="plain")
    progress.EVERY, every = 0, progress.EVERY
    try:
        shown.show(pending[0], DONE)
    finally:
        progress.EVERY = every
    assert "about 3:20 left" in capsys.readouterr().out


def test_failures_and_folds_of_another_study_are_counted_for_themselves(capsys):
    pending = folds(4)
    shown = Progress(pending, clock=ticks(*range(10)), place="plain")
    shown.show(pending[0], {"state": "failed", "error": {"message": "loss is nan in epoch 1"}})
    shown.skip(pending[1])
    shown.show(pending[2], DONE)
    shown.end()
    out = capsys.readouterr().out
    assert "failed: robo C-1 run 1 fold 1: loss is nan in epoch 1" in out
    assert out.splitlines()[-1] == "1 folds trained in 0:04, 1 failed, 1 done by another study, 1 left"


@pytest.mark.parametrize("place", ["terminal", "notebook"])
def test_bars(place, monkeypatch):
    """A bar a data set in a terminal, one for all in a notebook."""
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stdout", screen)
    pending = folds(2) + folds(2, "hate")
    shown = Progress(pending, clock=ticks(*range(0, 100, 5)), place=place)
    shown.show(pending[0], DONE)
    shown.note("a line that stays")  # draws the bars anew
    for one in pending[1:]:
        shown.show(one, DONE)
    shown.end()
    text = screen.getvalue()
    assert "a line that stays\n" in text and "C-1 1/2 macro F1 50.0 %, 0:05 so far, about 0:15 left" in text and "after 0:20" in text
    bars = [part for part in text.replace("\n", "\r").split("\r") if "%|" in part]
    names = {bar.strip("\x1b[A ").split(":")[0] for bar in bars}
    assert names == ({"robo", "hate"} if place == "terminal" else {"folds"})
    assert any("2/2" in bar or "4/4" in bar for bar in bars)


def test_rows_are_counted_for_themselves():
    """The unaltered cell with other seeds is a row of its own, and so is a cell of another model."""
    others = [
        fold(alteration="none"),
        fold(alteration="none", reseed=1),
        fold(alteration="none", model="tfidf"),
        fold(alteration="none", model="simple"),
    ]
    assert [place_of(one) for one in others] == [("robo", row) for row in ("none", "reseed-1", "tfidf none", "simple none")]


def test_where_progress_is_shown(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert progress.where() == "plain"


def test_the_reference_agrees_with_the_measured_steps_of_the_readme():
    """Milliseconds a step of the README's table: within a fifth."""
    for T, V, measured in ((11, 1460, 17.1), (23, 12019, 40.5), (42, 6079, 65.2), (342, 3236, 544)):
        prepared = SimpleNamespace(max_len=T, vocab_size=V, ids=range(400))  # 400 documents: 10 steps an epoch
        one = fold(padding="fixed", training={"epochs": 1, "batch_size": 32})
        assert reference(prepared, one) / 10 / schedule.EVALUATION == pytest.approx(measured / 1000, rel=0.2)


def test_other_models_are_estimated_by_the_work_they_are(monkeypatch, tmp_path):
    """By hand: 125 documents of 5 words, 100 of them to train on, 3 epochs of 15 word pieces, 2 layers of 8 (4 * 8 + 2 * 16) weights."""
    prepared = SimpleNamespace(ids=np.pad(np.ones((125, 5), int), ((0, 0), (3, 0))))
    about = {"num_hidden_layers": 2, "hidden_size": 8, "intermediate_size": 16}
    monkeypatch.setattr(checkpoints, "locate", lambda identity: tmp_path)
    monkeypatch.setattr(checkpoints, "read_config", lambda folder: about)
    training = {"epochs": 3, "max_tokens": 128}
    by_hand = 3 * 100 * 15 * (2 * 8 * 64) * 6 / schedule.OPERATIONS * schedule.EVALUATION
    assert reference(prepared, fold(model="bert", training=training, checkpoint={"name": "x"})) == pytest.approx(by_hand)
    training["max_tokens"] = 10
    assert reference(prepared, fold(model="bert", training=training, checkpoint={"name": "x"})) == pytest.approx(by_hand * 10 / 15)
    assert reference(prepared, fold(model="tfidf", training={"C": 10.0})) == 1.0


def test_an_estimate_learns_from_folds_on_record(home, monkeypatch):
    monkeypatch.setattr(worker, "train", fake_train)  # each says: 1 s of training, 2 s of compiling
    work = plan(Settings(alterations=("H-2",), reseeds=0))
    before = Estimate(work)
    assert not before.measured and before.fold(work.folds[0]) == reference(work.data["robo"], work.folds[0])
    run_study(alterations=["H-2"], folds=2, reseeds=0, workers=0)
    after = Estimate(work)
    assert after.measured == {("robo", "lstm"): 1.0} and after.seconds(list(work.folds), 2) == (20 * 1.0 + 2 * 2.0) / 2
    assert after.factor == pytest.approx(1 / reference(work.data["robo"], work.folds[0]))
    assert [after.share(one) for one in work.folds[:2]] == [3.0, 1.0]


def test_durations_in_words():
    assert [duration(s) for s in (0, 40, 1500, 11520)] == ["1 seconds", "40 seconds", "25 minutes", "3.2 hours"]


@pytest.fixture
def long_study(home, monkeypatch):
    """A study of more than an hour, whose folds take no time."""
    monkeypatch.setattr(worker, "train", fake_train)
    monkeypatch.setattr(sweep, "ASK_ABOVE", 0.0)
    return {"alterations": ["none"], "folds": 1, "reseeds": 0, "workers": 0}


def test_a_long_study_asks_whoever_is_there(long_study, monkeypatch):
    monkeypatch.setattr(sweep, "where", lambda: "notebook")
    asked = []
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or "n")
    with pytest.raises(SettingsError, match="not started"):
        run_study(**long_study)
    assert "Go on?" in asked[0] and "about" in asked[0]
    monkeypatch.setattr("builtins.input", lambda text: "y")
    assert len(run_study(**long_study)) == 1


def test_a_long_study_without_anybody_there(long_study, monkeypatch, capsys):
    from lstmcs.__main__ import main

    words = ["study", "--alterations", "none", "--folds", "1", "--reseeds", "0", "--workers", "0"]
    assert main(words) == 2 and "--yes starts it" in capsys.readouterr().err
    monkeypatch.setattr("lstmcs.__main__._build", lambda settings: 0)
    assert main([*words, "--yes"]) == 0
    assert main(words) == 0  # nothing left to train, nothing to ask
    assert len(run_study(**long_study | {"folds": 2})) == 2  # from Python, with nobody there: as it was said
    with pytest.raises(SettingsError, match="nobody is there"):
        run_study(**long_study | {"folds": 3}, yes=False)
