"""Records are whole or absent, keyed by everything that matters, and recognised when damaged or foreign."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from pretend import arrays as kept
from pretend import scores
from sklearn.metrics import accuracy_score, average_precision_score, f1_score

from lstmcs.errors import RecordError, SettingsError
from lstmcs.fold import PROTOCOL, Fold
from lstmcs.record import COLUMNS, check, unpack
from lstmcs.record import CURVE as CURVE_COLUMNS
from lstmcs.rules import RULES
from lstmcs.study import records
from lstmcs.study.records import Folder, load, read_epoch, row

CONFIG = {"dataset": "t", "data_sha256": "00", "preparation": {}, "model": "lstm", "sizes": {}, "alteration": "c = c * o",
          "training": {"learning_rate": 0.001}, "run": 1, "fold": 2, "seed": 0}  # fmt: skip
FAILED = {"state": "failed", "error": {"message": "boom"}, "env": {}}


#: Three epochs: the best on validation is the second, the lowest loss the first, the best accuracy the third.
CURVE = [
    {"epoch": 1, "loss": 0.9} | scores("val", 0.3) | scores("test", 0.1) | {"val_loss": 0.2},
    {"epoch": 2, "loss": 0.8} | scores("val", 0.4) | scores("test", 0.5) | {"val_loss": 0.3},
    {"epoch": 3, "loss": 0.7} | scores("val", 0.35) | scores("test", 0.9) | {"val_loss": 0.4, "val_accuracy": 0.8},
]
PICKED = {"best": 2, "loss": 1, "accuracy": 3, "last": 3}


def fold(protocol=PROTOCOL, **changes):
    return Fold.of(CONFIG | changes, protocol)


def record():
    return {"state": "done", "curve": CURVE, "env": {"loop": "fast"}}


def arrays(epochs=(1, 2, 3)):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (7, 3)).astype(np.uint8)
    return kept(labels, rng.random((len(epochs), 7, 3), np.float32), epochs)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_round_trip_keeps_every_bit(folder):
    path = folder.write(fold(), record(), arrays())
    assert path == folder.file(fold()) and path.stem == fold().key
    assert folder.read(fold())["config"] == CONFIG and {k: v for k, v in folder.read(fold()).items() if k in record()} == record()
    found = folder.predictions(fold())
    assert set(found) == {"rows", "labels", "probabilities"}
    for name, array in found.items():
        expected = arrays()[name][1] if name == "probabilities" else arrays()[name]  # the second epoch is the best
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)
    stored = unpack(load(path)[1])
    assert set(stored) == set(arrays()) and all((stored[name] == array).all() for name, array in arrays().items())
    assert folder.finished(fold()) and not folder.finished(fold(run=2))


def test_any_change_of_the_configuration_is_another_record(folder):
    """See test_fold.py for every change."""
    paths = [folder.file(one) for one in (fold(), fold(training={"learning_rate": 0.002}), fold(reseed=1), fold(dataset="u"))]
    assert len(set(paths)) == 4 and folder.file(Fold.of(dict(reversed(CONFIG.items())))) == paths[0]


def test_a_new_protocol_is_another_record(folder, monkeypatch):
    path = folder.write(fold(), record(), arrays())
    other = folder.write(Fold.of(CONFIG, protocol=records.PROTOCOL + 1), record(), arrays())
    assert other != path
    with pytest.raises(RecordError, match=f"written under protocol {PROTOCOL + 1}, this is protocol {PROTOCOL}"):
        load(other)
    first = folder.write(fold(1, repeat=1, alteration="none"), record(), arrays())
    with pytest.raises(RecordError, match=f"written under protocol 1, this is protocol {PROTOCOL}"):
        load(first)  # those of the first edition are read from its file, never among today's
    monkeypatch.setattr(records, "PROTOCOL", PROTOCOL + 1)
    with pytest.raises(RecordError, match=f"written under protocol {PROTOCOL}, this is protocol {PROTOCOL + 1}"):
        load(path)


def test_a_rule_decides_which_epoch_is_read(folder):
    """One file: other scores, other predictions, the same record."""
    folder.write(fold(), record(), arrays())
    folder.write(fold(fold=3), FAILED | {"curve": CURVE[:1]}, {})
    for rule, epoch in (PICKED | {"epoch=1": 1, "epoch=3": 3}).items():
        about = folder.rows([fold()], rule=rule).loc[0]
        assert (about["epoch"], about["macro_f1"]) == (epoch, CURVE[epoch - 1]["test_macro_f1"]), rule
        assert about["val_loss"] == CURVE[epoch - 1]["val_loss"] and about["loss"] == CURVE[epoch - 1]["test_loss"]
        np.testing.assert_array_equal(folder.predictions(fold(), rule)["probabilities"], arrays()["probabilities"][epoch - 1])
    by_set = folder.rows(rule={"t": 3, "other": 1}).set_index("fold")
    assert by_set.loc[2, "macro_f1"] == 0.9 and np.isnan(by_set.loc[3, "macro_f1"])  # a failed fold has no score, whatever is read
    assert folder.rows([fold()], rule={"other": 1})["macro_f1"].isna().all()
    for rule in ("epoch=4", {"t": 4}):  # not trained so far: done, and without a score
        about = folder.rows([fold()], rule=rule).loc[0]
        assert about["state"] == "done" and np.isnan(about["macro_f1"]) and np.isnan(about["epoch"])
    for rule, says in (("bset", "did you mean 'best'"), ("paper", r"plan\(settings\)")):
        for read in (folder.predictions, lambda one, rule: folder.rows([one], rule=rule)):
            with pytest.raises(SettingsError, match=says):
                read(fold(), rule)


def test_predictions_of_an_epoch_that_is_not_kept_are_an_error_that_says_which_are(folder):
    folder.write(fold(), record(), arrays(epochs=(2, 3)))
    assert folder.predictions(fold(), "epoch=3")["probabilities"].shape == (7, 3)
    for rule in ("loss", "epoch=1"):
        with pytest.raises(RecordError, match="no predictions of epoch 1 are on record; they are of epoch 2, 3"):
            folder.predictions(fold(), rule)
    again = folder.rows(reading="subset", rule="epoch=1")
    assert again["accuracy"].isna().all() and (again["state"] == "done").all()
    folder.file(fold()).unlink()
    folder.write(fold(), record(), {})  # from an edition
    with pytest.raises(RecordError, match=r"no predictions of epoch 2 are on record$"):
        folder.predictions(fold())


def test_curves_are_a_row_a_fold_and_epoch(folder):
    assert list(folder.curves().columns) == CURVE_COLUMNS and folder.curves().empty
    folder.write(fold(fold=3), record(), arrays())
    folder.write(fold(), FAILED | {"curve": [CURVE[0], {"epoch": 2, "loss": float("nan")}]}, {})
    frame = folder.curves()
    assert list(frame.columns) == CURVE_COLUMNS and frame[["fold", "epoch"]].values.tolist() == [[2, 1], [2, 2], [3, 1], [3, 2], [3, 3]]
    assert frame["loss"].iloc[2:].tolist() == [0.9, 0.8, 0.7] and frame["test_macro_f1"].iloc[2:].tolist() == [0.1, 0.5, 0.9]
    assert frame["state"].tolist() == ["failed"] * 2 + ["done"] * 3 and frame["val_macro_f1"].isna().tolist() == [False, True] + [False] * 3
    assert folder.curves([fold(fold=3), fold(fold=9)])["epoch"].tolist() == [1, 2, 3]


OLD = {
    "state": "done", "scores": {"test": {"macro_f1": 0.5, "loss": 0.25}, "validation": {"macro_f1": 0.6}}, "env": {},
    "curve": [{"epoch": 1, "loss": 0.9, "val_macro_f1": 0.7, "val_loss": 0.1}, {"epoch": 2, "loss": 0.8, "val_macro_f1": 0.6, "val_loss": 0.2}],
}  # fmt: skip


@pytest.mark.parametrize("rule", [*RULES, "epoch=1", {"t": 1}])
def test_a_record_of_protocol_1_is_read_at_its_last_epoch_whatever_the_rule(rule):
    """It has the test scores of that epoch alone; its curve has the validation scores."""
    one = fold(1, alteration="none", repeat=1)
    head = OLD | {"config": one.config, "key": one.key, "protocol": 1}
    about = row(head, rule)
    assert check(head) == one and read_epoch(head, rule) == 2
    assert (about["epoch"], about["macro_f1"], about["loss"], about["val_macro_f1"], about["val_loss"]) == (2, 0.5, 0.25, 0.6, 0.2)
    assert (about["alteration"], about["protocol"]) == ("reseed-1", 1)
    assert np.isnan(row(head | {"state": "failed"}, rule)["macro_f1"])


def test_what_diverged_has_the_scores_of_an_answer_that_says_nothing(folder):
    """Its cell brought it down: F1 is 0, and accuracy that of the all-zero answer where the record has it. Other failures have no score."""
    error = {"type": "Diverged", "message": "loss is nan in epoch 2"}
    nothing = {"test": {"accuracy": 0.75, "macro_f1": 0.0, "micro_f1": 0.0, "weighted_f1": 0.0}}
    folder.write(fold(), FAILED | {"error": error, "scores": nothing, "curve": CURVE[:1]}, {})
    folder.write(fold(fold=3), FAILED | {"error": error}, {})  # as the first edition has it
    folder.write(fold(fold=4), FAILED | {"error": error | {"type": "WorkerLost"}}, {})
    for rule in ("best", "last", "epoch=1"):
        frame = folder.rows(rule=rule).sort_values("fold")
        assert frame["failure"].tolist() == ["Diverged", "Diverged", "WorkerLost"] and set(frame["state"]) == {"failed"}
        assert frame["macro_f1"].fillna(-1).tolist() == [0, 0, -1] and frame["accuracy"].fillna(-1).tolist() == [0.75, -1, -1]
    assert set(folder.states([fold(), fold(fold=4)]).values()) == {"failed"}


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
    assert folder.states([fold()], set_aside=True) == {fold(): "missing"} and not path.exists() and path.with_suffix(".bad").exists()
    assert f"{path.name}: " in (said := capsys.readouterr().err) and f"set aside as {path.stem}.bad" in said


def foreign(folder, change):
    """A record with a checksum that is right, whatever else is wrong with it."""
    path = folder.write(fold(), record(), arrays())
    head, body = load(path)
    change(head)
    path.write_text(records.text_of(head, body.decode()))
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
    "curve a dict": (lambda head: head.update(curve={}), "the record's 'curve' is no list"),
    "curve of words": (lambda head: head.update(curve=["good"]), "the record's 'curve' is no list of epochs with numbers"),
    "curve without epochs": (lambda head: head.update(curve=[{"loss": 1.0}]), "the record's 'curve' is no list of epochs with numbers"),
    "curve with words": (
        lambda head: head.update(curve=[{"epoch": 1, "val_macro_f1": "good"}]),
        "the record's 'curve' is no list of epochs with numbers",
    ),
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
    assert folder.states([fold(), fold(run=2)], set_aside=True) == {fold(): "missing", fold(run=2): "done"}
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
    folder.file(fold()).with_stem(other.key).write_text(records.text_of(head, body.decode()))
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
    assert list(folder.rows().columns) == list(Folder(folder.path / "nowhere").rows().columns) == COLUMNS
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
        stored = kept(np.eye(3, dtype=np.uint8)[truth], rng.random((2, 40, 3), np.float32), (2, 3))
        folder.write(fold(fold=number), record(), stored)
    folder.write(fold(dataset="multi"), record(), arrays())
    folder.write(fold(fold=9), FAILED, {})
    frame = folder.rows(reading="argmax").set_index(["dataset", "fold"])
    for number in range(1, 4):
        best = folder.predictions(fold(fold=number))
        truth, chosen = best["labels"].argmax(axis=1), best["probabilities"].argmax(axis=1)
        assert frame.loc[("t", number), "accuracy"] == pytest.approx(accuracy_score(truth, chosen))
        assert frame.loc[("t", number), "macro_f1"] == pytest.approx(f1_score(truth, chosen, average="macro"))
    assert np.isnan(frame.loc[("multi", 2), "macro_f1"]) and np.isnan(frame.loc[("t", 9), "macro_f1"])  # no meaning; failed
    ranked, best = folder.rows(reading="ranking").set_index(["dataset", "fold"]), folder.predictions(fold())
    by_scikit = average_precision_score(best["labels"], best["probabilities"])
    assert ranked.loc[("t", 2), "macro_f1"] == pytest.approx(by_scikit) and np.isnan(ranked.loc[("t", 9), "macro_f1"])
    kept_of_last = folder.predictions(fold(fold=1), "last")
    last = folder.rows(reading="argmax", rule="last").set_index(["dataset", "fold"])
    chosen = kept_of_last["probabilities"].argmax(axis=1)
    assert last.loc[("t", 1), "accuracy"] == pytest.approx(accuracy_score(kept_of_last["labels"].argmax(axis=1), chosen))
    assert last.loc[("t", 1), "epoch"] == 3 and frame.loc[("t", 1), "epoch"] == 2
    plain, again = folder.rows(), folder.rows(macro="of_means")
    assert plain.loc[plain["dataset"] == "t", "macro_f1"].dropna().eq(0.5).all() and again["val_macro_f1"].isna().all()
    assert list(plain.columns) == list(again.columns)
    with pytest.raises(ValueError, match="did you mean 'argmax'"):
        folder.rows(reading="argmx")


def test_a_reseed_has_a_name_of_its_own(folder):
    for number in (0, 1, 2):
        folder.write(fold(alteration="none", **({"reseed": number} if number else {})), record(), arrays())
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


def test_looking_changes_nothing(folder, capsys):
    """A damaged record, a folder, a pipe and a link to nowhere in a record's place: named, counted missing, left where they are."""
    folds = [fold(fold=number) for number in range(1, 6)]
    for one in folds:
        folder.write(one, record(), arrays())
    damaged, inside, pipe, link = (folder.file(one) for one in folds[1:])
    damaged.write_text("damaged")
    for path in (inside, pipe, link):
        path.unlink()
    inside.mkdir()
    os.mkfifo(pipe)
    link.symlink_to("/dev/zero")
    before = sorted(path.name for path in folder.path.glob("*/*"))
    for look in (lambda: folder.states(folds), lambda: folder.rows(), lambda: folder.curves(), lambda: list(folder.heads())):
        look()
    assert sorted(path.name for path in folder.path.glob("*/*")) == before
    capsys.readouterr()
    assert list(folder.states(folds).values()) == ["done", "missing", "missing", "missing", "missing"]
    assert folder.rows(reading="subset")["fold"].tolist() == [1] and not folder.finished(folds[3])
    said = capsys.readouterr().err.splitlines()
    assert [line.split("; ")[1] for line in said] == ["its fold counts as missing"] * 4
    for line, path, reason in zip(
        said,
        (damaged, inside, pipe, link),
        ("not a whole record", "it is a folder, not a plain file", "it is a named pipe", "it is a device"),
    ):
        assert line.startswith(f"{path.name}: {reason}")
    folder.states(folds, set_aside=True)
    assert sorted(path.suffix for path in folder.path.glob("*/*")) == [".bad"] * 4 + [".json"]
    assert capsys.readouterr().err.count("set aside as") == 4 and inside.with_suffix(".bad").is_dir()


def test_what_cannot_be_set_aside_is_said_so(folder, monkeypatch, capsys):
    folder.write(fold(), record(), arrays()).write_text("damaged")

    def refuse(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "replace", refuse)
    assert folder.states([fold()], set_aside=True) == {fold(): "missing"}
    assert "it cannot be set aside (Read-only file system)" in capsys.readouterr().err


def test_names_do_not_steer_the_terminal(folder, capsys):
    path = folder.write(fold(), record(), arrays())
    path.rename(path.with_name("\x1b[31mred\udcff.json"))
    assert list(folder.heads()) == [] and capsys.readouterr().err.startswith("\\x1b[31mred\\udcff.json: ")


def test_a_record_is_replaced_by_none_that_says_less(folder):
    """Whoever writes, and whenever: what was written meanwhile counts."""
    failure, result = FAILED, record()
    for first, then, stays in (
        ((failure, {}), (result, {}), "then"), ((failure, {}), (failure | {"error": {"message": "again"}}, {}), "then"),
        ((result, {}), (failure, {}), "first"), ((result, arrays()), (result, {}), "first"), ((result, arrays()), (failure, arrays()), "first"),
        ((result, {}), (result, arrays()), "then"), ((result, arrays()), (result | {"curve": CURVE[:2]}, arrays()), "then"),
    ):  # fmt: skip
        path = folder.write(fold(), *first)
        before = path.read_bytes()
        assert folder.write(fold(), *then) == path
        assert (path.read_bytes() == before) == (stays == "first"), (first[0]["state"], then[0]["state"])
        assert [file.name for file in path.parent.iterdir()] == [path.name]
        path.unlink()


@pytest.mark.parametrize("content", ["[]", "{", "5", "null", '{"seconds": "long"}', "[" * 10**5, '{"host": 5}'])
def test_a_cost_that_is_none_counts_as_not_measured(content, folder):
    folder.write_cost(fold(), {"parameters": 7, "seconds": 1.5, "host": "here"})
    assert folder.cost(fold()) == {"parameters": 7, "seconds": 1.5, "host": "here"}
    folder.file(fold(), ".cost").write_text(content)
    assert folder.cost(fold()) is None
