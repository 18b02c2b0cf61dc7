"""Records are whole or absent, keyed by everything that matters, and recognised when damaged."""

import json
import os

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from lstmcs.study.sweep import records

CONFIG = {"dataset": "t", "data_sha256": "00", "model": "lstm", "alteration": "c = c * o", "training": {"learning_rate": 0.001},
          "run": 1, "fold": 2, "seed": 0}  # fmt: skip


def record(**changes):
    return {"config": CONFIG | changes, "state": "done", "scores": {"test": {"macro_f1": 0.5}}, "env": {"loop": "fast"}}


def arrays():
    rng = np.random.default_rng(0)
    return {"rows": np.arange(7), "labels": rng.integers(0, 2, (7, 3)).astype(np.uint8), "probabilities": rng.random((7, 3), np.float32)}


def test_round_trip_keeps_every_bit(tmp_path):
    path = records.write(record(), arrays(), tmp_path)
    assert path == records.path_of(CONFIG, tmp_path)
    assert records.read(path)["config"] == CONFIG
    for name, array in records.predictions(path).items():
        assert array.dtype == arrays()[name].dtype
        np.testing.assert_array_equal(array, arrays()[name])


@pytest.mark.parametrize(
    "changes",
    [
        {"data_sha256": "01"},
        {"alteration": "none"},
        {"training": {"learning_rate": 0.002}},
        {"run": 2},
        {"fold": 3},
        {"seed": 1},
        {"dataset": "u"},
    ],
)
def test_any_change_of_the_configuration_is_another_record(changes):
    assert records.key(CONFIG | changes) != records.key(CONFIG) == records.key(dict(reversed(CONFIG.items())))


def test_a_new_protocol_is_another_record(tmp_path, monkeypatch):
    path = records.write(record(), arrays(), tmp_path)
    monkeypatch.setattr(records, "PROTOCOL", records.PROTOCOL + 1)
    assert records.path_of(CONFIG, tmp_path) != path
    with pytest.raises(records.RecordError, match="protocol"):
        records.read(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "", lambda text: text[: len(text) // 2], lambda text: text[:-30], lambda text: text.replace("0.5", "0.9", 1),
        lambda text: "{}\n{}\n", lambda text: "[1]\n\n", lambda text: "\x00\xff" * 50, lambda text: text.split("\n")[0] + "\n{}\n",
    ],
    ids=["empty", "half", "cut", "edited", "foreign", "list", "binary", "no predictions"],
)  # fmt: skip
def test_damage_is_recognised_and_set_aside(damage, tmp_path):
    path = records.write(record(), arrays(), tmp_path)
    path.write_text(damage(path.read_text()), encoding="latin-1")
    with pytest.raises(records.RecordError):
        records.read(path)
    assert records.results(tmp_path).empty
    aside = records.set_aside(path)
    assert aside.exists() and not path.exists()


def test_nothing_half_written_stays(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        records.write(record(), arrays(), tmp_path)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_results_are_a_tidy_frame(tmp_path):
    assert list(records.results(tmp_path).columns) == records.COLUMNS
    for fold in (3, 1):
        records.write(record(fold=fold), arrays(), tmp_path)
    records.write({"config": CONFIG, "state": "failed", "error": {"message": "boom"}, "env": {}}, {}, tmp_path)
    frame = records.results(tmp_path)
    assert frame["fold"].tolist() == [1, 2, 3] and frame["state"].tolist() == ["done", "failed", "done"]
    assert frame["alteration"].unique().tolist() == ["C-1"] and frame.loc[1, "error"] == "boom" and np.isnan(frame.loc[1, "macro_f1"])


def test_other_readings_come_from_the_stored_predictions(tmp_path):
    rng = np.random.default_rng(0)
    for fold in range(1, 4):
        truth = rng.integers(0, 3, 40)
        stored = {"rows": np.arange(40), "labels": np.eye(3, dtype=np.uint8)[truth], "probabilities": rng.random((40, 3), np.float32)}
        records.write(record(fold=fold, dataset="t"), stored, tmp_path)
    records.write(record(dataset="multi"), arrays(), tmp_path)
    records.write({"config": CONFIG | {"fold": 9}, "state": "failed", "error": {"message": "boom"}, "env": {}}, {}, tmp_path)
    frame = records.results(tmp_path, reading="argmax").set_index(["dataset", "fold"])
    for fold in range(1, 4):
        kept = records.predictions(records.path_of(CONFIG | {"fold": fold}, tmp_path))
        truth, chosen = kept["labels"].argmax(axis=1), kept["probabilities"].argmax(axis=1)
        assert frame.loc[("t", fold), "accuracy"] == pytest.approx(accuracy_score(truth, chosen))
        assert frame.loc[("t", fold), "macro_f1"] == pytest.approx(f1_score(truth, chosen, average="macro"))
    assert np.isnan(frame.loc[("multi", 2), "macro_f1"]) and np.isnan(frame.loc[("t", 9), "macro_f1"])  # no meaning; failed
    plain, again = records.results(tmp_path), records.results(tmp_path, macro="of_means")
    assert plain.loc[plain["dataset"] == "t", "macro_f1"].dropna().eq(0.5).all() and again["val_macro_f1"].isna().all()
    assert list(plain.columns) == list(again.columns)
    with pytest.raises(ValueError, match="did you mean 'argmax'"):
        records.results(tmp_path, reading="argmx")


def test_a_row_of_the_yardstick_has_a_name_of_its_own(tmp_path):
    for repeat in (1, 2):
        records.write(record(alteration="none", repeat=repeat), arrays(), tmp_path)
    records.write(record(alteration="none"), arrays(), tmp_path)
    frame = records.results(tmp_path)
    assert sorted(frame["alteration"]) == ["none", "reseed-1", "reseed-2"] and (frame["formula"] == "none").all() and frame["key"].is_unique
    assert [records.label(name) for name in ("none", "C-1", "reseed-1", "reseed-2")] == [
        "none",
        "C-1",
        "same cell, other seeds",
        "same cell, other seeds 2",
    ]


def test_a_hostile_name_stays_inside_the_folder(tmp_path):
    path = records.write(record(dataset="../../etc/<b>"), arrays(), tmp_path)
    assert tmp_path in path.resolve().parents
    assert json.loads(path.read_text().split("\n")[0])["config"]["dataset"] == "../../etc/<b>"
