"""The index of records: read once, seen again when anything about a file changes; without it only time is lost."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from pretend import fake_fold

from lstmcs.study.sweep import index, records


def write(folder, count=6, first=1):
    folds = range(first, first + count)
    configs = [{"dataset": "t", "model": "lstm", "alteration": "none", "run": 1, "fold": f, "seed": 0} for f in folds]
    return [records.write(*fake_fold(None, config), folder) for config in configs]


@pytest.fixture
def reads(monkeypatch):
    """The files that are read as a whole."""
    seen = []
    monkeypatch.setattr(records, "read", lambda path, real=records.read: seen.append(path) or real(path))
    return seen


def test_a_file_is_read_once(tmp_path, reads):
    paths = write(tmp_path)
    first = records.results(tmp_path)
    assert reads == sorted(paths)
    again = records.results(tmp_path)
    assert len(reads) == 6 and again.equals(first) and (again.dtypes == first.dtypes).all()
    assert records.states(paths) == {str(path): "done" for path in paths} and len(reads) == 6
    write(tmp_path, 1, first=7)
    assert len(records.results(tmp_path)) == 7 and len(reads) == 7


def test_a_changed_file_is_read_again_whatever_its_times_say(tmp_path, reads):
    path = write(tmp_path, 1)[0]
    records.results(tmp_path)
    before = path.stat()
    text = path.read_text()
    path.write_text(text.replace("robo", "rob0") if "robo" in text else text.replace('"fast"', '"slow"'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as if nothing had happened
    assert path.stat().st_size == before.st_size and records.results(tmp_path).empty
    path.unlink()
    assert records.states([path]) == {str(path): "missing"}


@pytest.mark.parametrize("damage", [b"", b"x", b"\x00" * 100, b"{}\n{}", "half", "flip", "gone", "folder"])
def test_a_broken_index_costs_time_and_nothing_else(damage, tmp_path, reads):
    write(tmp_path)
    whole = records.results(tmp_path)
    file = tmp_path / index.NAME
    content = file.read_bytes()
    if damage in ("gone", "folder"):
        file.unlink()
        _ = damage == "folder" and file.mkdir()
    else:
        file.write_bytes(
            {"half": content[: len(content) // 2], "flip": content.replace(b"0.5", b"0.6").replace(b"none", b"nine")}.get(damage, damage)
        )
    assert records.results(tmp_path).equals(whole) and len(reads) == 12
    assert records.results(tmp_path).equals(whole) and len(reads) == (18 if damage == "folder" else 12)


def test_the_index_of_another_folder_is_not_believed(tmp_path, reads):
    """Copied with its files: all are read again, because nothing says that they are the same."""
    write(tmp_path / "a")
    whole = records.results(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert records.results(tmp_path / "b").equals(whole) and len(reads) == 12


def test_a_record_under_the_name_of_another_is_none(tmp_path):
    one, two = write(tmp_path, 2)
    one.write_bytes(two.read_bytes())
    with pytest.raises(records.RecordError, match="the record of another fold"):
        records.read(one)
    assert records.states([one, two]) == {str(one): "missing", str(two): "done"} and not one.exists()


def test_setting_aside_never_overwrites(tmp_path):
    path = write(tmp_path, 1)[0]
    for text in ("first", "second", "third"):
        path.write_text(text)
        records.set_aside(path)
    assert sorted(p.read_text() for p in path.parent.glob("*bad")) == ["first", "second", "third"]


def test_leftovers_of_killed_writers_go_when_they_are_old(tmp_path):
    path = write(tmp_path, 1)[0]
    new, old, foreign = (path.with_name(name) for name in (".lstmcs-1.tmp", ".lstmcs-2.tmp", ".editor.tmp"))
    deep = path.parent / "more" / old.name
    deep.parent.mkdir()
    for file in (new, old, foreign, deep):
        file.write_text("half a record")
    for file in (old, foreign, deep):
        os.utime(file, (0, 0))
    assert records.clear_leftovers(tmp_path) == 1 and not old.exists() and all(p.exists() for p in (new, path, foreign, deep))


def test_a_record_that_cannot_be_read_is_said_so(tmp_path, monkeypatch, capsys):
    path = write(tmp_path, 1)[0]

    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(records, "summary", refuse)
    assert records.states([path]) == {str(path): "missing"}
    assert f"{path.name}: cannot be read (Permission denied); its fold counts as missing" in capsys.readouterr().err and path.exists()


def test_many_records_the_quick_variant(tmp_path, reads, monkeypatch):
    """See stress/many_records.py for 12,600 and their memory: here, that a second look reads no file, and no look the predictions."""
    sys.path.insert(0, str(Path(__file__).parent / "stress"))
    from many_records import made_up

    work = made_up(tmp_path, datasets=1, runs=2, kilobytes=40)
    assert len(work.folds) == 360
    monkeypatch.setattr(records, "_unpack", lambda packed: 1 / 0)
    assert set(work.states().values()) == {"done"} and len(reads) == 360
    frame = work.results()
    assert len(frame) == 360 and len(reads) == 360 and frame["key"].is_unique
    assert frame.set_index("key")["macro_f1"].to_dict() == {records.key(c): int(records.key(c), 16) % 1000 / 1000 for c in work.folds}
    assert len(json.loads((tmp_path / "records" / index.NAME).read_bytes().split(b"\n", 1)[1])) == 360
