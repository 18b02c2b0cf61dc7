"""Reading data: repairs are counted, everything else wrong is a clear error; downloads against a local server."""

import hashlib
import http.server
import threading

import numpy as np
import pandas as pd
import pytest

from lstmcs import DataError, load_dataset
from lstmcs import datasets as module

ROWS = "text,label\nhello there,a\ngood bye,b\n"


def write(path, content, encoding="utf-8"):
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def test_bundled_stand_in_has_the_shape_it_claims():
    robo = load_dataset("robo")
    tokens = [text.split() for text in robo.texts]
    assert len(robo) == 525 and len(robo.classes) == 5 and max(map(len, tokens)) == 29
    assert 460 <= len({t for ts in tokens for t in ts}) <= 480
    assert len({t.lower() for t in robo.texts}) == 525 and not robo.multi_label and not robo.notes
    sizes = robo.labels.sum(axis=0)
    assert sizes.max() > 2.5 * sizes.min() > 100
    assert "stand-in" in robo.title


@pytest.mark.parametrize(
    ("name", "documents", "classes", "max_len", "tokens"),
    [("mlma", 5647, 48, 35, 14969), ("semeval", 6838, 11, 33, None), ("hasoc", 5852, 4, 93, None), ("hate", 1011, 3, 611, None),
     ("crowd", 40000, 13, 34, 83297)],
)  # fmt: skip
@pytest.mark.real_data
def test_real_sets_hold_table_2(name, documents, classes, max_len, tokens):
    """Paper, Table 2, left half (white-space tokens). MLMA has 48 classes there in the right half; CROWD's file has 13, the paper 11."""
    dataset = load_dataset(name)
    split = [text.split() for text in dataset.texts]
    assert (len(dataset), len(dataset.classes), max(map(len, split))) == (documents, classes, max_len)
    assert tokens is None or len({t for ts in split for t in ts}) == tokens
    assert dataset.multi_label == (name == "semeval")


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_own_files_of_every_format_read_the_same(suffix, tmp_path):
    frame = pd.DataFrame({"body": ['one, "two"', "drei ü 🤖", "<script>alert(1)</script>"], "tag": ["x", "y", "x"], "other": [1, 2, 3]})
    path = tmp_path / f"own.{suffix}"
    {"csv": lambda: frame.to_csv(path, index=False), "tsv": lambda: frame.to_csv(path, sep="\t", index=False, quoting=3),
     "jsonl": lambda: frame.to_json(path, orient="records", lines=True), "parquet": lambda: frame.to_parquet(path)}[suffix]()  # fmt: skip
    for dataset in (load_dataset(path, text="body", label="tag"), load_dataset(f"{path}?text=body&label=tag")):
        assert dataset.name == "own" and dataset.texts == tuple(frame["body"]) and dataset.classes == ("x", "y")
        np.testing.assert_array_equal(dataset.labels, [[1, 0], [0, 1], [1, 0]])


def test_words_that_look_like_gaps_or_numbers_stay_words(tmp_path):
    dataset = load_dataset(write(tmp_path / "a.csv", "text,label\nNA,001\nnull,None\n12,001\n"))
    assert dataset.texts == ("NA", "null", "12") and dataset.classes == ("001", "None")


def test_multi_label_columns(tmp_path):
    path = write(tmp_path / "m.csv", "text,joy,fear\nhello,1,0\nbye,1,1\nhm,0,0\n")
    dataset = load_dataset(f"{path}?label=joy&label=fear")
    assert dataset.multi_label and dataset.classes == ("joy", "fear")
    np.testing.assert_array_equal(dataset.labels, [[1, 0], [1, 1], [0, 0]])
    with pytest.raises(DataError, match="'joy' holds values other than 0 and 1"):
        load_dataset(write(tmp_path / "n.csv", "text,joy,fear\nhello,7,0\n"), label=["joy", "fear"])


def test_repairs_are_counted(tmp_path):
    dataset = load_dataset(write(tmp_path / "a.csv", ROWS + ",a\n   ,b\nno label,\nhello there,b\n"))
    assert dataset.texts == ("hello there", "good bye", "hello there")
    assert dataset.notes == ("2 row(s) without text left out", "1 row(s) without a label left out", "1 row(s) repeat an earlier text and are kept")  # fmt: skip


def test_byte_order_mark_and_line_breaks_in_quotes(tmp_path):
    dataset = load_dataset(write(tmp_path / "a.csv", b'\xef\xbb\xbftext,label\r\n"two\nlines",a\r\nx,b\r\n'))
    assert dataset.texts == ("two\nlines", "x")


@pytest.mark.parametrize(
    ("file", "content", "options", "says"),
    [
        ("gone.csv", None, {}, "no such file"),
        ("a.csv", b"", {}, "a.csv is empty"),
        ("a.csv", b"  \n\n", {}, "a.csv is empty"),
        ("a.csv", b"text,label\n", {}, "no row has both a text and a label"),
        ("a.csv", b"text,label\n,a\n", {}, "no row has both a text and a label"),
        ("a.csv", ROWS.encode(), {"label": "lable"}, "no column 'lable'; nearest: 'label'. Columns are 'text', 'label'"),
        ("a.csv", b"body,tag\nx,y\n", {}, "no column 'text'. Columns are 'body', 'tag'"),
        ("a.csv", "text,label\ncafé,a\nx,b\n".encode("latin-1"), {}, "not UTF-8 (byte 0xe9 in line 2)"),
        ("a.csv", b"text,label\nx,a\ny,a\n", {}, "only one class, 'a'"),
        ("a.csv", b'text,label\n"never closed,a\n', {}, "cannot be read as csv"),
        ("a.jsonl", b'{"text": "x"', {}, "cannot be read as jsonl"),
        ("a.parquet", b"PAR1 no parquet", {}, "cannot be read as parquet"),
        ("a.xlsx", b"x", {}, "unknown data set"),
        ("a.pkl", b"cos\nsystem\n(S'touch hacked'\ntR.", {}, "unknown data set"),
    ],
)
def test_wrong_files_are_clear_errors(file, content, options, says, tmp_path):
    path = tmp_path / file
    if content is not None:
        write(path, content)
    with pytest.raises(DataError) as error:
        load_dataset(path, **options)
    assert says in str(error.value)


def test_wrong_names_and_options():
    with pytest.raises(DataError, match="unknown data set 'hatee'; nearest: 'hate'"):
        load_dataset("hatee")
    with pytest.raises(DataError, match="unknown option 'txt'"):
        load_dataset("my.csv?txt=a")
    with pytest.raises(DataError, match="columns are fixed"):
        load_dataset("robo", text="text")


@pytest.fixture
def server(tmp_path):
    """A web server on loopback; its `handler` decides what /file answers."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.requests += 1
            self.server.handler(self)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.requests = 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def answer(body: bytes, status=200, length=None):
    def handle(request):
        request.send_response(status)
        request.send_header("Content-Length", str(len(body) if length is None else length))
        request.end_headers()
        request.wfile.write(body)

    return handle


def entry(server, content=ROWS):
    return {
        "title": "T", "url": f"http://127.0.0.1:{server.server_port}/file", "file": "file.csv", "format": "csv", "text": "text",
        "label": "label", "sha256": hashlib.sha256(content.encode()).hexdigest(),
    }  # fmt: skip


def load(server, monkeypatch):
    monkeypatch.delenv("LSTMCS_DATA", raising=False)
    monkeypatch.setattr(module, "registry", lambda: {"web": entry(server)})
    return load_dataset("web")


def test_download_once_then_from_the_cache(server, home, monkeypatch):
    server.handler = answer(ROWS.encode())
    assert len(load(server, monkeypatch)) == len(load(server, monkeypatch)) == 2
    assert server.requests == 1
    assert [p.name for p in (home / "data" / "downloads" / "web").iterdir()] == ["file.csv"]


def test_local_folder_comes_before_the_network(server, home, monkeypatch, tmp_path):
    (tmp_path / "sets" / "web").mkdir(parents=True)
    write(tmp_path / "sets" / "web" / "file.csv", ROWS)
    monkeypatch.setattr(module, "registry", lambda: {"web": entry(server)})
    monkeypatch.setenv("LSTMCS_DATA", str(tmp_path / "sets"))
    assert len(load_dataset("web")) == 2 and server.requests == 0
    write(tmp_path / "sets" / "web" / "file.csv", ROWS + "more,a\n")
    with pytest.raises(DataError, match="not the expected file"):
        load_dataset("web")
    monkeypatch.setenv("LSTMCS_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="LSTMCS_DATA names no folder"):
        load_dataset("web")


@pytest.mark.parametrize(
    ("handler", "says"),
    [(answer(b"other"), "hash"), (answer(b"gone", 404), "404"), (answer(ROWS.encode()[:9], length=len(ROWS)), "could not fetch")],
    ids=["wrong hash", "not found", "cut off"],
)
def test_bad_downloads_leave_nothing_behind(handler, says, server, home, monkeypatch):
    server.handler = handler
    with pytest.raises(DataError) as error:
        load(server, monkeypatch)
    assert says in str(error.value) and "LSTMCS_DATA" in str(error.value)
    assert not [p for p in home.rglob("*") if p.is_file()]
