"""The index of records: read once, seen again when anything about a file changes; without it only time is lost."""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pretend import fake_fold

from lstmcs.errors import RecordError
from lstmcs.fold import Fold
from lstmcs.record import READ
from lstmcs.rules import RULES
from lstmcs.study import records
from lstmcs.study.records import INDEX, Folder


def fold(number):
    return Fold("t", "00", {}, "lstm", {}, {}, "none", 1, number)


def write(folder, count=6, first=1):
    return [folder.write(*fake_fold(None, fold(number))) for number in range(first, first + count)]


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.fixture
def reads(monkeypatch):
    """The files that are read as a whole."""
    seen = []
    monkeypatch.setattr(records, "load", lambda path, real=records.load: seen.append(path) or real(path))
    return seen


def test_a_file_is_read_once(folder, reads):
    paths = write(folder)
    first = folder.rows()
    assert reads == sorted(paths)
    again = folder.rows()
    assert len(reads) == 6 and again.equals(first) and (again.dtypes == first.dtypes).all()
    folds = [fold(number) for number in range(1, 7)]
    assert folder.states(folds) == dict.fromkeys(folds, "done") and len(reads) == 6
    assert Folder(folder.path).rows(folds).equals(first) and len(reads) == 6
    write(folder, 1, first=7)
    assert len(folder.rows()) == 7 and len(reads) == 7


def test_a_changed_file_is_read_again_whatever_its_times_say(folder, reads):
    path = write(folder, 1)[0]
    folder.rows()
    before = path.stat()
    text = path.read_text()
    path.write_text(text.replace('"fast"', '"slow"'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as if nothing had happened
    assert path.stat().st_size == before.st_size and path.read_text() != text and folder.rows().empty
    path.unlink()
    assert folder.states([fold(1)]) == {fold(1): "missing"}


@pytest.mark.parametrize("damage", [b"", b"x", b"\x00" * 100, b"{}\n{}", "half", "flip", "gone", "folder"])
def test_a_broken_index_costs_time_and_nothing_else(damage, folder, reads):
    write(folder)
    whole = folder.rows()
    file = folder.path / INDEX
    content = file.read_bytes()
    if damage in ("gone", "folder"):
        file.unlink()
        _ = damage == "folder" and file.mkdir()
    else:
        flipped = content.replace(b"0.5", b"0.6").replace(b"none", b"nine")
        assert flipped != content
        file.write_bytes({"half": content[: len(content) // 2], "flip": flipped}.get(damage, damage))
    assert folder.rows().equals(whole) and len(reads) == 12
    assert folder.rows().equals(whole) and len(reads) == (18 if damage == "folder" else 12)


def test_the_index_of_another_folder_is_not_believed(tmp_path, reads):
    """Copied with its files: all are read again, because nothing says that they are the same."""
    write(Folder(tmp_path / "a"))
    whole = Folder(tmp_path / "a").rows()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert Folder(tmp_path / "b").rows().equals(whole) and len(reads) == 12


def test_a_record_under_the_name_of_another_is_none(folder):
    one, two = write(folder, 2)
    one.write_bytes(two.read_bytes())
    with pytest.raises(RecordError, match="the record of another fold"):
        folder.read(fold(1))
    assert folder.states([fold(1), fold(2)], set_aside=True) == {fold(1): "missing", fold(2): "done"} and not one.exists()


def test_setting_aside_never_overwrites(folder):
    path = write(folder, 1)[0]
    for text in ("first", "second", "third"):
        path.write_text(text)
        assert folder.states([fold(1)], set_aside=True) == {fold(1): "missing"}
    assert sorted(p.read_text() for p in path.parent.glob("*bad")) == ["first", "second", "third"] and not path.exists()


def test_leftovers_of_killed_writers_go_when_they_are_old(folder):
    path = write(folder, 1)[0]
    new, old, foreign = (path.with_name(name) for name in (".lstmcs-1.tmp", ".lstmcs-2.tmp", ".editor.tmp"))
    deep = path.parent / "more" / old.name
    deep.parent.mkdir()
    for file in (new, old, foreign, deep):
        file.write_text("half a record")
    for file in (old, foreign, deep):
        os.utime(file, (0, 0))
    assert folder.clear_leftovers() == 1 and not old.exists() and all(p.exists() for p in (new, path, foreign, deep))


def test_a_record_that_cannot_be_read_is_said_so(folder, monkeypatch, capsys):
    path = write(folder, 1)[0]

    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(records, "load", refuse)
    assert folder.states([fold(1)]) == {fold(1): "missing"}
    assert f"{path.name}: cannot be read (Permission denied); its fold counts as missing" in capsys.readouterr().err and path.exists()


def test_many_records_the_quick_variant(tmp_path, reads, monkeypatch):
    """See stress/many_records.py for 12,600 and their memory: here, that a second look reads no file, and no look the predictions."""
    sys.path.insert(0, str(Path(__file__).parent / "stress"))
    from many_records import made_up

    work = made_up(tmp_path, datasets=1, runs=2, kilobytes=40)
    assert len(work.folds) == 360
    monkeypatch.setattr(records, "unpack", lambda body: 1 / 0)
    assert set(work.states().values()) == {"done"} and len(reads) == 360
    frame = work.results()
    assert len(frame) == 360 and len(reads) == 360 and frame["key"].is_unique
    assert frame.set_index("key")["macro_f1"].to_dict() == {fold.key: int(fold.key, 16) % 1000 / 1000 for fold in work.folds}
    assert len(json.loads((tmp_path / "records" / INDEX).read_bytes().split(b"\n", 1)[1])) == 360


INDEXES = {
    "a list": lambda index: [],
    "null": lambda index: None,
    "an entry of none": lambda index: index | {next(iter(index)): {}},
    "an entry too short": lambda index: {name: entry[:3] for name, entry in index.items()},
    "a row too short": lambda index: {name: [entry[0], entry[1][:-1], *entry[2:]] for name, entry in index.items()},
    "a state of none": lambda index: {
        name: [entry[0], ["half" if v == "done" else v for v in entry[1]], *entry[2:]] for name, entry in index.items()
    },
    "numbers as words": lambda index: {name: [*entry[:2], [["high"] * len(READ)], entry[3]] for name, entry in index.items()},
    "no reading there": lambda index: {name: [*entry[:3], [7] * len(RULES)] for name, entry in index.items()},
    "rules missing": lambda index: {name: [*entry[:3], entry[3][:-1]] for name, entry in index.items()},
    "a number too large": lambda index: {name: [*entry[:2], [[10**400] * len(READ)], entry[3]] for name, entry in index.items()},
    "a stamp of words": lambda index: {name: ["new", *entry[1:]] for name, entry in index.items()},
}


@pytest.mark.parametrize("kind", INDEXES)
def test_an_index_that_is_odd_in_any_way_is_none(kind, folder, reads):
    """Its checksum is right: it is its shape that tells."""
    write(folder)
    whole = folder.rows()
    file = folder.path / INDEX
    body = json.dumps(INDEXES[kind](json.loads(file.read_bytes().split(b"\n", 1)[1]))).encode()
    file.write_bytes(records._index_checksum(body) + b"\n" + body)
    assert folder.rows().equals(whole) and len(reads) == 12
    assert set(folder.states([fold(number) for number in range(1, 7)]).values()) == {"done"} and len(reads) == 12


def test_an_index_that_never_ends_is_none(folder, reads):
    write(folder)
    whole = folder.rows()
    (folder.path / INDEX).unlink()
    os.mkfifo(folder.path / INDEX)
    assert folder.rows().equals(whole) and len(reads) == 12
    deep = b"[" * 10**5
    (folder.path / INDEX).unlink()
    (folder.path / INDEX).write_bytes(records._index_checksum(deep) + b"\n" + deep)
    assert folder.rows().equals(whole) and len(reads) == 18


@settings(max_examples=int(os.environ.get("LSTMCS_EXAMPLES", 100)), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    entry=st.integers(0, 2), part=st.integers(0, 3), place=st.integers(0, 30),
    value=st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3), lambda v: st.lists(v, max_size=4), max_leaves=4),
)  # fmt: skip
def test_a_changed_index_is_an_index_or_is_none(entry, part, place, value):
    """What it says then may be another thing, but each value is of its kind."""
    with tempfile.TemporaryDirectory() as where:
        folder = Folder(where)
        write(folder, 3)
        whole = folder.rows()
        file = folder.path / INDEX
        index = json.loads(file.read_bytes().split(b"\n", 1)[1])
        inside = list(index.values())[entry][part]
        inside[place % len(inside)] = value
        body = json.dumps(index).encode()
        file.write_bytes(records._index_checksum(body) + b"\n" + body)
        found = folder.rows()
        assert len(found) == 3 and list(found.columns) == list(whole.columns) and set(found["state"]) <= {"done", "failed"}
        assert found[["macro_f1", "val_loss", "train_seconds"]].dtypes.eq("float64").all() and found["run"].dtype == whole["run"].dtype
        found.to_csv().encode("utf-8", "surrogatepass")
