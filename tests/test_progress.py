"""Progress, estimates and the question before a long study."""

import io
import sys
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from pretend import fake_fold, fake_train, scores

from lstmcs.errors import SettingsError
from lstmcs.fold import Fold
from lstmcs.models import checkpoints, kinds
from lstmcs.study import progress, schedule, sweep, worker
from lstmcs.study.plan import Settings, plan
from lstmcs.study.progress import Progress, place_of
from lstmcs.study.records import Folder
from lstmcs.study.schedule import Estimate, duration, reference
from lstmcs.study.sweep import run_study


def done(seconds=10.0, compiling=0.0, macro_f1=0.5):
    """A record as `show` gets it; its fold took so many seconds."""
    curve = [{"epoch": 1, "loss": 1.0} | scores("val", 0.9) | scores("test", macro_f1)]
    return {"state": "done", "curve": curve, "env": {}, "cost": {"train_seconds": seconds, "compile_seconds": compiling}}


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
        shown.show(one, done())
    shown.end()
    assert capsys.readouterr().out.splitlines() == [
        "[1/3] robo C-1 run 1 fold 1: macro F1 50.0 % | robo 10/20, C-1 8/10 | 0:10 so far, about 0:20 left",
        "[3/3] robo C-1 run 1 fold 3: macro F1 50.0 % | robo 12/20, C-1 10/10 | 0:30 so far, about 0:00 left",  # the second came too soon
        "3 folds trained in 0:30",
    ]


@pytest.fixture
def every_line(monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0)


def lines(capsys):
    return capsys.readouterr().out.splitlines()


def test_time_left_is_silent_until_every_kind_of_fold_was_measured_once(capsys, every_line):
    """A kind: a data set and model. Then it is what is left at what its kind took, as much longer as the whole took so far."""
    pending = [*folds(1), *folds(2, "hate"), fold(model="tfidf", alteration="none")]
    shown = Progress(pending, clock=ticks(0, 6, 110, 222, 444, 444), place="plain")
    shown.show(pending[0], done(2, compiling=4))
    shown.show(pending[1], done(100, compiling=4))
    assert [line.rpartition(" | ")[2] for line in lines(capsys)] == ["0:06 so far", "1:50 so far"]
    shown.show(pending[3], done(1))
    # another fold of HATE, 100 s by 2: what took 111 s of its workers took 222 by the clock
    assert lines(capsys)[0].endswith("| 3:42 so far, about 3:20 left")
    shown.show(pending[2], done(100))
    assert lines(capsys)[0].endswith("| 7:24 so far, about 0:00 left")


def test_a_cell_that_is_still_to_be_compiled_is_in_the_time_left(capsys, every_line):
    pending = [*folds(2), fold(1, alteration="none"), fold(2, alteration="none", reseed=1)]
    shown = Progress(pending, clock=ticks(0, 32), place="plain")
    shown.show(pending[0], done(10, compiling=6))
    assert lines(capsys)[0].endswith("about 1:12 left")  # three folds and one more cell, which has two of them: 36 s at half speed


def test_a_fold_that_was_lost_measures_nothing(capsys, every_line):
    shown = Progress(folds(), clock=ticks(0, 5, 15), place="plain")
    shown.show(fold(1), {"state": "failed", "error": {"message": "3 workers ended"}, "env": {}})
    shown.show(fold(2), done())
    assert ["left" in line for line in lines(capsys)] == [False, False, True]


def test_what_is_compiled_is_announced_and_not_every_second(capsys):
    pending = [fold(1, alteration="none"), fold(1), fold(1, alteration="none", reseed=1), fold(1, model="simple")]
    shown = Progress(pending, clock=ticks(0, 1, 2, 3, 4, 20, 21), place="plain")
    shown.compiling(pending[0])  # the first at once: nothing else would be seen for a minute
    shown.show(pending[0], done(1, compiling=1))
    capsys.readouterr()
    shown.compiling(pending[1])  # 4: too soon
    shown.compiling(pending[3])  # 20
    assert lines(capsys) == ["[1/4] compiling simple C-1 for robo ..."]


def test_the_first_cell_is_announced_at_once(capsys):
    Progress(folds(), clock=ticks(0, 1, 1), place="plain").compiling(fold(1))
    assert lines(capsys) == ["[0/3] compiling C-1 for robo ..."]


@pytest.mark.parametrize("place", ["terminal", "notebook"])
def test_bars_say_what_is_compiled(place, monkeypatch):
    monkeypatch.setattr(sys, "stdout", screen := io.StringIO())
    shown = Progress(folds(), clock=ticks(*range(9)), place=place)
    shown.compiling(fold(1))
    shown.end()
    assert "0/3, compiling C-1 for robo ..." in screen.getvalue()


def test_failures_and_folds_of_another_study_are_counted_for_themselves(capsys):
    pending = folds(4)
    shown = Progress(pending, clock=ticks(*range(10)), place="plain")
    shown.show(pending[0], {"state": "failed", "error": {"message": "loss is nan in epoch 1"}, "env": {}})
    shown.skip(pending[1])
    shown.show(pending[2], done())
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
    shown.show(pending[0], done(5))
    shown.note("a line that stays")  # draws the bars anew
    for one in pending[1:3]:
        shown.show(one, done(5))
    shown.note("another line")
    shown.show(pending[3], done(5))
    shown.end()
    text = screen.getvalue()
    assert "a line that stays\n" in text and "C-1 1/2 macro F1 50.0 %, 0:05 so far" in text and "after 0:20" in text
    assert "0:05 so far, about" not in text and "C-1 1/2 macro F1 50.0 %, 0:15 so far, about 0:05 left" in text  # HATE is measured
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
    """Milliseconds a step of the table in tests/benchmarks/README.md: within a fifth."""
    for T, V, measured in ((11, 1460, 17.1), (23, 12019, 40.5), (42, 6079, 65.2), (342, 3236, 544)):
        prepared = SimpleNamespace(max_len=T, vocab_size=V, ids=range(400))  # 400 documents: 10 steps an epoch
        one = fold(padding="fixed", training={"epochs": 1, "batch_size": 32})
        assert reference(prepared, one) / 10 / schedule.EVALUATION == pytest.approx(measured / 1000, rel=0.2)


def test_a_long_document_counts_however_narrow_the_layers():
    """Seconds of two steps of the preset smoke and of the look at the largest |c|, measured on two cores beside other work."""
    for T, steps, largest in ((1000, 0.15, 1.59), (4000, 0.27, 1.83), (20_000, 3.39, 5.48)):
        prepared = SimpleNamespace(max_len=T, vocab_size=8, ids=range(80))
        one = replace(fold(padding="fixed", training={"epochs": 1, "batch_size": 32}), sizes=kinds.SMOKE)
        seconds = reference(prepared, one)
        assert (steps + largest) / 4 < seconds < 2 * (steps + largest)


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


def test_an_estimate_learns_from_folds_on_record(home, monkeypatch):
    monkeypatch.setattr(worker, "train", fake_train)  # each says: 1 s of training, 2 s of compiling
    work = plan(Settings(alterations=("H-2",), models="lstm", reseeds=0))
    before = Estimate(work)
    assert not before.measured and before.fold(work.folds[0]) == reference(work.data["robo"], work.folds[0])
    run_study(alterations=["H-2"], models=["lstm"], folds=2, reseeds=0, workers=0)
    after = Estimate(work)
    assert (
        after.measured == {work.folds[0].setting: 1.0}
        and after.knows(work.folds[-1])
        and after.seconds(list(work.folds), 2) == (20 * 1.0 + 2 * 2.0) / 2
    )
    assert after.factor == pytest.approx(1 / reference(work.data["robo"], work.folds[0]))


def test_only_the_engine_that_will_train_says_how_long_it_takes(home, monkeypatch):
    """Six folds by a card, a hundredth of a second each, then two by processors, a second each."""
    work = plan(Settings(alterations=("H-2",), models=("lstm", "constant"), reseeds=0))
    networks, plain = ([fold for fold in work.folds if fold.model == model] for model in ("lstm", "constant"))
    for number, fold in enumerate([*networks[:8], plain[0]]):
        record = fake_fold(None, fold).record
        if fold.model == "constant":
            record |= {"env": {}}
        elif number < 6:
            record |= {
                "env": {"engine": "jax", "device": "a card", "loop": "fast"},
                "cost": {"train_seconds": 0.01, "compile_seconds": 9.0},
            }
        work.store.write(fold, record, {})
    on_card, here = Estimate(work, "jax"), Estimate(work, "tensorflow")
    assert not on_card.guess and not here.guess and Estimate(work).engine == "jax"
    assert on_card.seconds(networks, 2) == pytest.approx(20 * 0.01 + 2 * 9.0)  # one process, however many workers
    assert here.seconds(networks, 2) == pytest.approx((20 * 1.0 + 2 * 2.0) / 2)
    alone = {model: Estimate(plan(Settings(models=(model,))), "tensorflow").guess for model in ("constant", "tfidf")}
    assert alone == {"constant": False, "tfidf": True}
    other = Estimate(work, "jax-tf32")
    assert other.guess and other.fold(networks[0]) == reference(work.data["robo"], networks[0])


def test_what_is_no_network_says_nothing_of_a_networks_time(home, monkeypatch):
    """Plain references are on record in no time: neither compiling nor another set's folds seem the shorter for it."""
    monkeypatch.setattr(worker, "train", fake_train)
    asked = {"alterations": ["H-2"], "reseeds": 0}
    run_study(**asked, models=["lstm"], folds=2, workers=0)
    alone = Estimate(plan(Settings(**asked, models=["lstm"])))
    for fold in plan(Settings(**asked, models=["constant", "tfidf"])).folds:
        record = fake_fold(None, fold).record
        Folder(home / "data" / "records").write(fold, record | {"cost": {"train_seconds": 0.001, "compile_seconds": 0.0}}, {})
    work = plan(Settings(**asked))
    with_them = Estimate(work)
    assert len(with_them.measured) == 3 and (with_them.compiling, with_them.factor) == (alone.compiling, alone.factor) == (
        2.0,
        alone.factor,
    )
    assert with_them.seconds(list(work.folds), 1) == pytest.approx(20 * 1.0 + 2 * 2.0 + 20 * 0.001)
    unmeasured = replace(work.folds[0], dataset="other", model="constant", training={})
    assert with_them.fold(unmeasured) == schedule.PLAIN  # and no data are prepared for it


def test_the_time_left_counts_networks_alone_as_compiled(capsys):
    """Measured by hand: one cell in 10 s of compiling and 2 s of training, one to come; the references take nothing."""
    now = iter(range(0, 1000, 10))
    pending = [fold(alteration="none"), fold(alteration="none", model="tfidf"), fold(alteration="none", model="constant"), fold()]
    shown = Progress(pending, clock=lambda: next(now), place="plain")
    shown.compiling(pending[1])
    assert capsys.readouterr().out == ""
    record = {"state": "done", "env": {}, "curve": []}
    shown.show(pending[0], record | {"cost": {"train_seconds": 2.0, "compile_seconds": 10.0}})
    for one in pending[1:3]:
        shown.show(one, record | {"cost": {"train_seconds": 0.0, "compile_seconds": 0.0}})
    assert shown._seconds_left(24.0) == pytest.approx(24.0)  # as much again: 12 s of work of 12 s


def test_durations_in_words():
    assert [duration(s) for s in (0, 40, 1500, 11520)] == ["1 seconds", "40 seconds", "25 minutes", "3.2 hours"]


@pytest.fixture
def long_study(home, monkeypatch):
    """A study of more than an hour, whose folds take no time."""
    monkeypatch.setattr(worker, "train", fake_train)
    monkeypatch.setattr(sweep, "ASK_ABOVE", 0.0)
    return {"alterations": ["none"], "models": ["lstm"], "folds": 1, "reseeds": 0, "workers": 0}


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

    words = ["study", "--alterations", "none", "--models", "lstm", "--folds", "1", "--reseeds", "0", "--workers", "0"]
    assert main(words) == 2 and "--yes starts it" in capsys.readouterr().err
    monkeypatch.setattr("lstmcs.__main__._build", lambda settings: 0)
    assert main([*words, "--yes"]) == 0
    assert main(words) == 0  # nothing left to train, nothing to ask
    assert len(run_study(**long_study | {"folds": 2})) == 2  # from Python, with nobody there: as it was said
    with pytest.raises(SettingsError, match="nobody is there"):
        run_study(**long_study | {"folds": 3}, yes=False)
