"""Records are whole or absent, keyed by everything that matters, and recognised when damaged or foreign."""

import json
import os

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from lstmcs.errors import RecordError
from lstmcs.fold import Fold
from lstmcs.study import records
from lstmcs.study.records import Folder, load

CONFIG = {"dataset": "t", "data_sha256": "00", "preparation": {}, "model": "lstm", "sizes": {}, "alteration": "c = c * o",
          "training": {"learning_rate": 0.001}, "run": 1, "fold": 2, "seed": 0}  # fmt: skip
FAILED = {"state": "failed", "error": {"message": "boom"}, "env": {}}


def fold(**changes):
    return Fold.of(CONFIG | changes)


def record():
    return {"state": "done", "scores": {"test": {"macro_f1": 0.5}}, "env": {"loop": "fast"}}


def arrays():
    rng = np.random.default_rng(0)
    return {"rows": np.arange(7), "labels": rng.integers(0, 2, (7, 3)).astype(np.uint8), "probabilities": rng.random((7, 3), np.float32)}


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_round_trip_keeps_every_bit(folder):
    path = folder.write(fold(), record(), arrays())
    assert path == folder.file(fold()) and path.stem == fold().key
    assert folder.read(fold())["config"] == CONFIG and {k: v for k, v in folder.read(fold()).items() if k in record()} == record()
    found = folder.predictions(fold())
    assert set(found) == set(arrays())
    for name, array in found.items():
        assert array.dtype == arrays()[name].dtype
        np.testing.assert_array_equal(array, arrays()[name])
    assert folder.finished(fold()) and not folder.finished(fold(run=2))


def test_any_change_of_the_configuration_is_another_record(folder):
    """See test_fold.py for every change."""
    paths = [folder.file(one) for one in (fold(), fold(training={"learning_rate": 0.002}), fold(repeat=1), fold(dataset="u"))]
    assert len(set(paths)) == 4 and folder.file(Fold.of(dict(reversed(CONFIG.items())))) == paths[0]


def test_a_new_protocol_is_another_record(folder, monkeypatch):
    path = folder.write(fold(), record(), arrays())
    other = folder.write(Fold.of(CONFIG, protocol=records.PROTOCOL + 1), record(), arrays())
    assert other != path
    with pytest.raises(RecordError, match="written under protocol 2, this is protocol 1"):
        load(other)
    monkeypatch.setattr(records, "PROTOCOL", records.PROTOCOL + 1)
    with pytest.raises(RecordError, match="written under protocol 1, this is protocol 2"):
        load(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "", lambda text: text[: len(text) // 2], lambda text: text[:-30], lambda text: text.replace("0.5", "0.9", 1),
        lambda text: "{}\n{}\n", lambda text: "[1]\n\n", lambda text: "\x00\xff" * 50, lambda text: text.split("\n")[0] + "\n{}\n",
    ],
    ids=["empty", "half", "cut", "edited", "foreign", "list", "binary", "no predictions"],
)  # fmt: skip
def test_damage_is_recognised_and_set_aside(damage, folder, capsys):
    path = folder.write(fold(), record(), arrays())
    path.write_text(damage(path.read_text()), encoding="latin-1")
    with pytest.raises(RecordError, match=path.name):
        folder.read(fold())
    assert folder.rows().empty and not folder.finished(fold())
    assert folder.states([fold()]) == {fold(): "missing"} and not path.exists() and path.with_suffix(".bad").exists()
    assert f"{path.name}: " in (said := capsys.readouterr().err) and f"set aside as {path.stem}.bad" in said


def foreign(folder, change):
    """A record with a checksum that is right, whatever else is wrong with it."""
    path = folder.write(fold(), record(), arrays())
    head, body = load(path)
    change(head)
    head["checksum"] = records._checksum(head, body)
    path.write_bytes(json.dumps(head).encode() + b"\n" + body + b"\n")
    return path


FOREIGN = {
    "no env": (lambda head: head.pop("env"), "the record has no 'env'"),
    "no state": (lambda head: head.pop("state"), "the record has no 'state'"),
    "no key": (lambda head: head.pop("key"), "the record has no 'key'"),
    "no protocol": (lambda head: head.pop("protocol"), "the record has no 'protocol'"),
    "no config": (lambda head: head.pop("config"), "the record has no 'config'"),
    "scores null": (lambda head: head.update(scores=None), "the record's 'scores' is no dict"),
    "test scores null": (lambda head: head.update(scores={"test": None}), "the record's 'scores' are no"),
    "scores of words": (lambda head: head.update(scores={"test": {"macro_f1": "good"}}), "the record's 'scores' are no"),
    "error a string": (lambda head: head.update(state="failed", error="boom"), "the record's 'error' is no dict"),
    "env a list": (lambda head: head.update(env=[]), "the record's 'env' is no dict"),
    "another state": (lambda head: head.update(state="half"), "the record's state is 'half', neither done nor failed"),
    "config of another": (lambda head: head.update(config={"colour": "red"}), "no fold's configuration"),
    "key of another": (lambda head: head.update(key="0" * 20), "its key does not match its configuration"),
    "protocol true": (lambda head: head.update(protocol=True), "the record's 'protocol' is no int"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_record_is_set_aside_by_name_and_counted_missing(kind, folder, capsys):
    """Its checksum is right: it is its shape that tells."""
    change, says = FOREIGN[kind]
    folder.write(fold(run=2), record(), arrays())
    path = foreign(folder, change)
    content = path.read_bytes()
    assert len(folder.rows()) == len(folder.rows(macro="of_means")) == 1 and not folder.finished(fold())
    assert len(list(folder.heads())) == 1 and f"{path.name}: " in (said := capsys.readouterr().err) and says in said
    assert folder.states([fold(), fold(run=2)]) == {fold(): "missing", fold(run=2): "done"}
    said = capsys.readouterr().err
    assert f"{path.name}: " in said and says in said and f"set aside as {path.stem}.bad" in said and said.count("\n") == 1
    assert not path.exists() and path.with_suffix(".bad").read_bytes() == content
    assert folder.states([fold()]) == {fold(): "missing"} and not capsys.readouterr().err


@pytest.mark.parametrize(
    "changes", [{"alteration": "c = nonsense("}, {"dataset": 5}, {"fold": "two"}, {"sizes": None}], ids=lambda changes: next(iter(changes))
)
def test_a_record_whose_configuration_is_no_folds_is_left_out(changes, folder, capsys):
    """Name, key and checksum are right."""
    folder.write(fold(), record(), arrays())
    other = Fold(**CONFIG | changes)
    head, body = load(folder.file(fold()))
    head |= {"config": other.config, "key": other.key}
    head["checksum"] = records._checksum(head, body)
    folder.file(fold()).with_stem(other.key).write_bytes(json.dumps(head).encode() + b"\n" + body + b"\n")
    assert folder.rows()["key"].tolist() == [fold().key] and [head["key"] for head in folder.heads()] == [fold().key]
    assert f"{other.key}.json: no fold's configuration" in capsys.readouterr().err


def test_nothing_half_written_stays(folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        folder.write(fold(), record(), arrays())
    assert not [p for p in folder.path.rglob("*") if p.is_file()]


def test_results_are_a_tidy_frame(folder):
    assert list(folder.rows().columns) == list(Folder(folder.path / "nowhere").rows().columns) == records.COLUMNS
    for number in (3, 1):
        folder.write(fold(fold=number), record(), arrays())
    folder.write(fold(), FAILED, {})
    frame = folder.rows()
    assert frame["fold"].tolist() == [1, 2, 3] and frame["state"].tolist() == ["done", "failed", "done"]
    assert frame["alteration"].unique().tolist() == ["C-1"] and frame.loc[1, "error"] == "boom" and np.isnan(frame.loc[1, "macro_f1"])
    assert folder.rows([fold(fold=3), fold(fold=4)])["fold"].tolist() == [3]  # those asked for that are on record
    assert folder.states([fold(fold=1), fold(), fold(fold=4)]) == {fold(fold=1): "done", fold(): "failed", fold(fold=4): "missing"}


def test_other_readings_come_from_the_stored_predictions(folder):
    rng = np.random.default_rng(0)
    for number in range(1, 4):
        truth = rng.integers(0, 3, 40)
        stored = {"rows": np.arange(40), "labels": np.eye(3, dtype=np.uint8)[truth], "probabilities": rng.random((40, 3), np.float32)}
        folder.write(fold(fold=number), record(), stored)
    folder.write(fold(dataset="multi"), record(), arrays())
    folder.write(fold(fold=9), FAILED, {})
    frame = folder.rows(reading="argmax").set_index(["dataset", "fold"])
    for number in range(1, 4):
        kept = folder.predictions(fold(fold=number))
        truth, chosen = kept["labels"].argmax(axis=1), kept["probabilities"].argmax(axis=1)
        assert frame.loc[("t", number), "accuracy"] == pytest.approx(accuracy_score(truth, chosen))
        assert frame.loc[("t", number), "macro_f1"] == pytest.approx(f1_score(truth, chosen, average="macro"))
    assert np.isnan(frame.loc[("multi", 2), "macro_f1"]) and np.isnan(frame.loc[("t", 9), "macro_f1"])  # no meaning; failed
    plain, again = folder.rows(), folder.rows(macro="of_means")
    assert plain.loc[plain["dataset"] == "t", "macro_f1"].dropna().eq(0.5).all() and again["val_macro_f1"].isna().all()
    assert list(plain.columns) == list(again.columns)
    with pytest.raises(ValueError, match="did you mean 'argmax'"):
        folder.rows(reading="argmx")


def test_a_reseed_has_a_name_of_its_own(folder):
    for number in (0, 1, 2):
        folder.write(fold(alteration="none", **({"repeat": number} if number else {})), record(), arrays())
    frame = folder.rows()
    assert sorted(frame["alteration"]) == ["none", "reseed-1", "reseed-2"] and (frame["formula"] == "none").all() and frame["key"].is_unique


def test_a_cost_lies_beside_its_record_and_is_none(folder):
    assert folder.cost(fold()) is None
    folder.write(fold(), record(), arrays())
    folder.write_cost(fold(), {"parameters": 7, "seconds": 1.5})
    assert folder.cost(fold()) == {"parameters": 7, "seconds": 1.5} and folder.cost(fold(run=2)) is None
    assert len(folder.rows()) == len(list(folder.heads())) == 1
    folder.file(fold(), ".cost").write_text("{")
    assert folder.cost(fold()) is None


def test_a_hostile_name_stays_inside_the_folder(folder):
    path = folder.write(fold(dataset="../../etc/<b>"), record(), arrays())
    assert folder.path in path.resolve().parents
    assert json.loads(path.read_text().split("\n")[0])["config"]["dataset"] == "../../etc/<b>"
