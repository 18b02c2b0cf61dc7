"""Where files come from: the registry's entries, local folders, and downloads against a local server that misbehaves."""

import hashlib
import http.server
import re
import threading
import time

import pytest

from lstmcs import DataError, load_dataset
from lstmcs.__main__ import main
from lstmcs.datasets import registry

ROWS = "text,label\nhello there,a\ngood bye,b\n"


def test_every_entry_says_what_it_must():
    entries = registry.entries()
    assert {"mlma", "semeval", "hasoc", "hate", "crowd", "ag", "ag-test", "ag-subset", "robo"} <= set(entries)
    for name, entry in entries.items():
        assert entry["kind"] in ("single-label", "multi-label"), name
        assert {"documents", "classes"} <= set(entry["counts"]) <= {"documents", "classes", "max_len", "tokens"}, name
        assert all(entry[key].strip() for key in ("title", "licence", "citation")), name
        # a branch can move; a commit cannot
        assert "url" not in entry or re.search(r"^https://raw\.githubusercontent\.com/[^/]+/[^/]+/[0-9a-f]{40}/", entry["url"])


def test_a_stand_in_names_the_set_that_it_stands_in_for(monkeypatch):
    assert set(registry.stand_ins()) == {"robo"} and all(registry.stand_ins().values())
    monkeypatch.setattr(registry, "entries", lambda: {"a": {"stand_in": "HATE"}, "b": {}})
    assert registry.stand_ins() == {"a": "HATE"}


@pytest.mark.parametrize(
    ("line", "says"),
    [("titel = 'x'", "unknown key 'titel' (did you mean 'title'?)"), ("hash = 'sha1:00'", "hash must be 'sha256:<64 hex digits>'"),
     ("", "key 'title' is missing"), ("hash = 5", "hash must be a text, not 5"), ("label = 3", "label must be a text or a list, not 3"),
     ("label = [1]", "label must be a list of texts, not [1]"), ("file = true", "file must be a text, not True"), ("counts = 4", "counts must be a table, not 4"),
     ("counts = {documents = '2'}", "counts and baseline have numbers as values"), ("classes = {1 = 2}", "classes and without have texts as values"),
     ("epochs = true", "epochs must be a whole number, not True"), ("epochs = 0", "epochs must be at least 1"), ("bundled = 1", "bundled must be true or false"),
     ("file = '../../x.csv'", "file must be a plain name"), ("file = '/etc/x.csv'", "file must be a plain name"), ("file = '..'", "file must be a plain name"),
     ("file = 'C:x.csv'", "file must be a plain name"), ("folder = '../other'", "folder must be a plain name"), ("folder = 'a\\b'", "folder must be a plain name"),
     ("url = 'file:///etc/passwd'", "url must be an address"), ("format = 'pickle'", "format must be 'csv' or 'tsv'"), ("kind = 'multi'", "kind must be 'single-label'")],
)  # fmt: skip
def test_a_wrong_entry_is_named(line, says, tmp_path, monkeypatch):
    keys = dict.fromkeys(registry.REQUIRED, "'x'") | {
        "hash": f"'md5:{32 * '0'}'",
        "counts": "{}",
        "kind": "'multi-label'",
        "format": "'csv'",
    }
    if not line:
        del keys["title"]
    keys |= dict([line.split(" = ", 1)] if line else [])
    (tmp_path / "datasets.toml").write_text("[new]\n" + "\n".join(f"{k} = {v}" for k, v in keys.items()))
    monkeypatch.setattr(registry.environment, "shared", lambda *parts: tmp_path / parts[-1])
    with pytest.raises(DataError) as error:
        registry.entries()
    assert says in str(error.value) and "[new]" in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [("new = 3", "[new]: it is no table"), ("['../new']\n", "[../new]: key 'title' is missing"), ("[new\n", "datasets.toml cannot be read: "),
     ("a = " + "[" * 5000, "datasets.toml cannot be read: ")],
)  # fmt: skip
def test_a_registry_that_is_none_is_a_clear_error(text, says, tmp_path, monkeypatch):
    (tmp_path / "datasets.toml").write_text(text)
    monkeypatch.setattr(registry.environment, "shared", lambda *parts: tmp_path / parts[-1])
    with pytest.raises(DataError) as error:
        registry.entries()
    assert says in str(error.value)


def test_the_name_of_a_set_is_no_way_out_of_the_downloads(tmp_path, monkeypatch):
    keys = dict.fromkeys(registry.REQUIRED, "'x'") | {
        "hash": f"'md5:{32 * '0'}'",
        "counts": "{}",
        "kind": "'multi-label'",
        "format": "'csv'",
    }
    (tmp_path / "datasets.toml").write_text("['../../new']\n" + "\n".join(f"{k} = {v}" for k, v in keys.items()))
    monkeypatch.setattr(registry.environment, "shared", lambda *parts: tmp_path / parts[-1])
    with pytest.raises(DataError, match="the set's name must be a plain name"):
        registry.entries()


@pytest.fixture
def server(home, monkeypatch):
    """A web server on loopback; its `handlers` answer one request each, the last one all others."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.requests += 1
            handlers = self.server.handlers
            (handlers.pop(0) if len(handlers) > 1 else handlers[0])(self)

        def log_message(self, *_):
            pass

    monkeypatch.delenv("LSTMCS_DATA", raising=False)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # pooch waits between attempts
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.requests, server.handlers = 0, []
        monkeypatch.setattr(registry, "entries", lambda: {"web": entry(server)})
        monkeypatch.setattr("lstmcs.datasets.loading.registered", lambda: {"web": entry(server)})
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


def answer(body: bytes, status=200, length=None, pause=0.0, parts=1):
    """Send `body` in so many parts with a pause before each; `length` is what the header claims."""

    def handle(request):
        request.send_response(status)
        if length != "none":
            request.send_header("Content-Length", str(len(body) if length is None else length))
        request.end_headers()
        size = -(-len(body) // parts)
        for start in range(0, len(body), size):
            threading.Event().wait(pause)
            request.wfile.write(body[start : start + size])
            request.wfile.flush()

    return handle


def entry(server, content=ROWS, kind="sha256"):
    return {
        "title": "T", "url": f"http://127.0.0.1:{server.server_port}/file", "file": "file.csv", "format": "csv", "text": "text",
        "label": "label", "hash": f"{kind}:{hashlib.new(kind, content.encode()).hexdigest()}", "kind": "single-label", "licence": "L",
        "citation": "C", "counts": {"documents": 2},
    }  # fmt: skip


def files(home):
    return [p for p in home.rglob("*") if p.is_file()]


def test_download_once_then_from_the_cache(server, home):
    server.handlers = [answer(ROWS.encode())]
    assert len(load_dataset("web")) == len(load_dataset("web")) == 2
    assert server.requests == 1
    assert [str(p.relative_to(home)) for p in files(home)] == ["data/downloads/web/file.csv"]


def test_a_damaged_file_in_the_cache_is_fetched_again(server, home):
    server.handlers = [answer(ROWS.encode())]
    path = home / "data" / "downloads" / "web" / "file.csv"
    path.parent.mkdir(parents=True)
    path.write_text(ROWS[:9])
    assert len(load_dataset("web")) == 2 and path.read_text() == ROWS and files(home) == [path]


@pytest.mark.parametrize(
    "handlers",
    [[answer(ROWS.encode(), pause=0.05, parts=10)], [answer(ROWS.encode()[:20], length=len(ROWS)), answer(ROWS.encode())],
     [answer(b"busy", 503), answer(b"other"), answer(ROWS.encode())], [answer(ROWS.encode(), length="none")]],
    ids=["slow", "cut off half way, then whole", "busy, then another file, then whole", "no length given"],
)  # fmt: skip
def test_troubled_downloads_that_end_in_a_whole_file(handlers, server, home):
    server.handlers = list(handlers)
    assert len(load_dataset("web")) == 2
    assert [p.read_text() for p in files(home)] == [ROWS]


@pytest.mark.parametrize(
    ("handler", "says"),
    [(answer(b"other"), "hash"), (answer(b"gone", 404), "404"), (answer(ROWS.encode()[:20], length=len(ROWS)), "could not fetch"),
     (answer(ROWS.encode()[:20], length="none"), "hash"), (answer(ROWS.encode(), pause=1.0), "timed out")],
    ids=["wrong hash", "not found", "cut off half way", "cut off, no length given", "silent"],
)  # fmt: skip
def test_bad_downloads_are_clear_errors_and_leave_nothing_behind(handler, says, server, home, monkeypatch, capsys):
    monkeypatch.setattr(registry, "TIMEOUT", 0.2)
    server.handlers = [handler]
    with pytest.raises(DataError) as error:
        load_dataset("web")
    assert says in str(error.value) and "web: could not fetch http://127" in str(error.value) and "LSTMCS_DATA=<folder>" in str(error.value)
    assert server.requests == 1 + registry.RETRIES
    assert not files(home)
    assert main(["data", "fetch", "web"]) == 1 and "failed: web: could not fetch" in capsys.readouterr().err


@pytest.mark.parametrize("length", [None, "none"])
def test_a_download_beyond_the_limit_is_given_up(length, server, home, monkeypatch):
    """Whether the server says its length or not; once, not once a retry, and nothing stays."""
    monkeypatch.setattr(registry, "LIMIT", 100)
    server.handlers = [answer(b"x" * 5000, length=length)]
    with pytest.raises(DataError, match=r"could not fetch http.*the file has more than 100 bytes, the most that is fetched"):
        load_dataset("web")
    assert server.requests == 1 and not files(home)


def test_nobody_answers(home, monkeypatch):
    monkeypatch.delenv("LSTMCS_DATA", raising=False)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    wrong = {"url": "http://127.0.0.1:9/file", "file": "f.csv", "hash": "md5:" + 32 * "0"}
    with pytest.raises(DataError, match=r"could not fetch http://127\.0\.0\.1:9/file \(ConnectionError"):
        registry.locate("web", wrong)


def test_an_interrupted_download_leaves_nothing_behind(server, home, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    server.handlers = [answer(ROWS.encode())]
    monkeypatch.setattr(registry.Progress, "update", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_dataset("web")
    assert not files(home)


def test_md5_where_no_sha256_is_known(server, home):
    server.handlers = [answer(ROWS.encode())]
    assert registry.read("web", entry(server, kind="md5")) == ROWS.encode()
    with pytest.raises(DataError, match="could not fetch"):
        registry.read("web", entry(server, "other", kind="md5"))


def test_local_folder_comes_before_the_network(server, home, monkeypatch, tmp_path):
    (tmp_path / "sets" / "web").mkdir(parents=True)
    (tmp_path / "sets" / "web" / "file.csv").write_text(ROWS)
    monkeypatch.setenv("LSTMCS_DATA", str(tmp_path / "sets"))
    assert len(load_dataset("web")) == 2 and server.requests == 0
    (tmp_path / "sets" / "web" / "file.csv").write_text(ROWS + "more,a\n")
    with pytest.raises(DataError, match=r"is not the expected file \(sha256"):
        load_dataset("web")
    monkeypatch.setenv("LSTMCS_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="LSTMCS_DATA names no folder"):
        load_dataset("web")


def test_a_set_that_is_published_nowhere_says_where_to_put_it(home, monkeypatch):
    monkeypatch.delenv("LSTMCS_DATA", raising=False)
    with pytest.raises(
        DataError, match=r"ag-subset: train_subset_40986.tsv is not at hand and is published nowhere. Put the file at <folder>/ag/"
    ):
        load_dataset("ag-subset")


@pytest.mark.parametrize(("live", "lines"), [(True, 1), (False, 3)])
def test_progress(live, lines, capsys, monkeypatch):
    """One moving line on a terminal; elsewhere a line every five seconds and one at the end. A new attempt starts at 0."""
    monkeypatch.setattr(registry.sys.stderr, "isatty", lambda: live, raising=False)
    now = iter(range(0, 1000, 3))
    progress = registry.Progress("web", clock=lambda: next(now) / (2 if not live else 1))
    progress.total = 4_000_000
    progress.update(3_000_000)
    progress.total = 4_000_000
    for _ in range(4):
        progress.update(1_000_000)
    progress.reset()
    progress.update(4_000_000)
    progress.close()
    out = capsys.readouterr().err
    assert out.endswith("web: 4.0 of 4.0 MB, 100 %" + (" " * 15 if live else "") + "\n")
    assert ("\r" in out) == live and out.count("\n") == (1 if live else out.count("web:"))
