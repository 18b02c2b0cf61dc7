"""Folds trained in this process: an error is a record, compiled models are kept, each kind has its class."""

import logging
from typing import ClassVar

import numpy as np
import pytest

from lstmcs.fold import Fold
from lstmcs.study import worker
from lstmcs.study.schedule import Queue
from lstmcs.study.worker import Kept
from lstmcs.training.trainer import Trained, Trainer


def fold(number=1, alteration="none", model="lstm", **more):
    return Fold("t", "00", {}, model, {}, {}, alteration, 1, number, **more)


class Prepared:
    id = "prepared"


class Pretended(Trainer):
    """A trainer that notes what it is asked for, and raises what it is told to."""

    built: ClassVar[list] = []
    raises: ClassVar[list] = []

    def __init__(self, prepared, first):
        self.built.append(first)

    def fold(self, fold):
        if self.raises:
            raise self.raises.pop(0)
        return Trained(fold, {"state": "done"}, {})


@pytest.fixture
def pretended(monkeypatch):
    monkeypatch.setattr(Pretended, "built", [])
    monkeypatch.setattr(Pretended, "raises", [])
    monkeypatch.setattr(worker, "trainer_class", lambda model: Pretended)
    return Pretended


def test_an_error_in_a_fold_is_a_record(pretended):
    pretended.raises += [MemoryError("no room"), MemoryError("no room")]
    kept = Kept()
    [(trained, record, predictions)] = worker.train(Prepared(), [fold()], kept)
    assert (
        trained == fold()
        and record["state"] == "failed"
        and (record["error"]["type"], record["error"]["message"]) == ("MemoryError", "MemoryError: no room")
        and predictions == {}
        and "host" in record["env"]
    )
    log = record["error"]["log"]
    assert "once more, with all other compiled models dropped" in log and "Traceback" in log and "in fold" in log
    assert len(pretended.built) == 2  # the model of the first try was dropped


def test_out_of_memory_is_tried_once_more_and_nothing_else_is(pretended):
    pretended.raises += [MemoryError("no room")]
    [(_, record, _)] = worker.train(Prepared(), [fold()], Kept())
    assert record["state"] == "done" and len(pretended.built) == 2
    pretended.raises += [ValueError("wrong")]
    [(_, record, _)] = worker.train(Prepared(), [fold()], Kept())
    assert record["error"]["message"] == "ValueError: wrong" and "once more" not in record["error"]["log"] and not pretended.raises


def test_an_error_is_a_record_of_every_fold_of_the_batch(pretended):
    pretended.raises += [ValueError("wrong")]
    found = worker.train(Prepared(), [fold(1), fold(2)], Kept())
    assert [one.fold for one in found] == [fold(1), fold(2)] and {one.record["state"] for one in found} == {"failed"}
    assert [one.fold for one in worker.train(Prepared(), [fold(1), fold(2)], Kept())] == [fold(1), fold(2)]


def test_warnings_are_in_the_log_of_a_fold_that_fails(pretended, monkeypatch):
    def fails(self, fold):
        logging.getLogger("some.library").warning("this is %s", "odd")
        raise RuntimeError("after all")

    monkeypatch.setattr(Pretended, "fold", fails)
    before = list(logging.getLogger().handlers)
    [(_, record, _)] = worker.train(Prepared(), [fold()], Kept())
    assert record["error"]["log"].startswith("WARNING some.library: this is odd\nTraceback")
    assert logging.getLogger().handlers == before


def test_compiled_models_are_kept_a_build_and_the_one_used_longest_ago_goes_first(pretended, monkeypatch):
    monkeypatch.setattr(worker, "KEEP", 2)
    kept = Kept(limit=2**50)
    first = kept.trainer(Prepared(), fold(alteration="C-1"))
    assert kept.trainer(Prepared(), fold(2, alteration="C-1", seed=3)) is first and len(pretended.built) == 1  # another fold of the build
    second = kept.trainer(Prepared(), fold(alteration="C-2"))
    assert kept.trainer(Prepared(), fold(3, alteration="C-1")) is first and len(kept) == 2
    kept.trainer(Prepared(), fold(alteration="C-3"))  # in place of C-2
    assert len(kept) == 2 and kept.trainer(Prepared(), fold(alteration="C-1")) is first
    assert kept.trainer(Prepared(), fold(alteration="C-2")) is not second
    tight = Kept(limit=1)  # no room for two
    for name in ("C-1", "C-2", "C-3"):
        tight.trainer(Prepared(), fold(alteration=name))
        assert len(tight) == 1
    tight.clear()
    assert len(tight) == 0


def test_a_cell_that_has_to_be_compiled_is_announced_before_and_one_that_is_kept_is_not(pretended, monkeypatch):
    monkeypatch.setattr(worker, "KEPT", Kept(limit=2**50))
    monkeypatch.setattr(worker, "train", lambda prepared, folds, train=worker.train: train(prepared, folds, worker.KEPT))
    folds, said = [fold(number, cell) for number in (1, 2) for cell in ("none", "c = c * o")], []
    found = worker.in_process(lambda fold: Prepared(), Queue(folds), lambda one: said.append((one, len(pretended.built))))
    assert [one.fold for one in found] == folds
    assert said == [(folds[0], 0), (folds[1], 1)]  # nothing of it was built yet


def test_each_kind_of_model_has_its_class():
    assert [worker.trainer_class(model).__name__ for model in ("lstm", "simple", "bert", "bert-prepared", "tfidf", "constant")] == [
        "LSTMTrainer", "LSTMTrainer", "FineTuner", "FineTuner", "TfIdf", "Constant"
    ]  # fmt: skip


def test_every_trainer_starts_anew_at_once(monkeypatch):
    """A fold is reset before its first epoch is asked for, whatever the class: nothing waits for an iterator to begin."""
    seen = []

    class Noted(Trainer):
        compile_seconds = 0.0

        def __init__(self):
            self.prepared = type("P", (), {"labels": np.eye(2, dtype=np.uint8)[np.arange(40) % 2], "rows": np.arange(40)})()

        def reset(self, fold):
            seen.append("reset")

        def snapshot(self):
            seen.append("snapshot")

        def epochs(self, rows, fold):
            seen.append("epochs")
            yield 1, 0.5

        def predict(self, rows):
            return np.full((len(rows), 2), 0.5, np.float32)

        def parameters(self):
            return 1

    Noted().fold(fold())
    assert seen[:3] == ["reset", "snapshot", "epochs"] and seen.count("reset") == 1
