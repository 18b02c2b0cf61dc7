"""Where the file of a registered set comes from: beside the package, LSTMCS_DATA, the download cache, or its address.

Every file but a user's own is known by its hash; a file that differs is refused. A download is written under a temporary
name and moved into the cache when its hash is right, so what is in the cache is whole.
"""

import hashlib
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from .. import environment, files
from ..errors import DataError, nearest

RETRIES = 2
TIMEOUT = 30  # seconds without a byte from the server
LIMIT = 2**31  # bytes of a download
FORMATS = ("csv", "tsv", "jsonl", "parquet")
#: What an entry of data/datasets.toml may hold, and of which types; the first line must be there. Meanings: see the head of that file.
_COLUMNS = (str, list)  # one column, or several
REQUIRED = {"title": (str,), "file": (str,), "hash": (str,), "format": (str,), "text": _COLUMNS, "label": _COLUMNS, "kind": (str,), "licence": (str,),
            "citation": (str,), "counts": (dict,)}  # fmt: skip
ALLOWED = REQUIRED | {"url": (str,), "bundled": (bool,), "folder": (str,), "member": (str,), "columns": (list,), "without": (dict,), "classes": (dict,),
                      "epochs": (int,), "preparation": (dict,), "remark": (str,), "difference": (str,), "stand_in": (str,), "baseline": (dict,)}  # fmt: skip
_WORDS = {str: "a text", list: "a list", dict: "a table", bool: "true or false", int: "a whole number"}


def entries() -> dict[str, dict]:
    """data/datasets.toml as a dictionary name -> entry. Raises DataError for an entry with a wrong or missing key or value."""
    try:
        found = files.toml(environment.shared("data", "datasets.toml"))
    except ValueError as error:
        raise DataError(f"datasets.toml cannot be read: {error}") from error
    for name, entry in found.items():
        _check(name, entry)
    return found


def _check(name: str, entry: dict) -> None:
    def wrong(what: str) -> DataError:
        return DataError(f"datasets.toml, [{name}]: {what}")

    if not isinstance(entry, dict):
        raise wrong("it is no table of keys and values")
    if unknown := sorted(set(entry) - set(ALLOWED)):
        raise wrong(f"unknown key {unknown[0]!r}{nearest(unknown[0], ALLOWED)}. Keys: {', '.join(ALLOWED)}")
    if missing := [key for key in REQUIRED if key not in entry]:
        raise wrong(f"key {missing[0]!r} is missing")
    for key, value in entry.items():
        if type(value) not in ALLOWED[key]:
            raise wrong(f"{key} must be {' or '.join(_WORDS[kind] for kind in ALLOWED[key])}, not {value!r}")
        if isinstance(value, list) and not (value and all(isinstance(item, str) for item in value)):
            raise wrong(f"{key} must be a list of texts, not {value!r}")
    if any(not isinstance(value, str) for key in ("classes", "without") for value in entry.get(key, {}).values()):
        raise wrong("classes and without have texts as values")
    if any(type(value) not in (int, float) for key in ("counts", "baseline") for value in entry.get(key, {}).values()):
        raise wrong("counts and baseline have numbers as values")
    if not re.fullmatch(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", entry["hash"]):
        raise wrong(f"hash must be 'sha256:<64 hex digits>' or 'md5:<32>', not {entry['hash']!r}")
    for key, value in (("the set's name", name), ("file", entry["file"]), ("folder", entry.get("folder", "x"))):
        if not re.fullmatch(r"\w[\w. -]*", value):  # each becomes a part of a path
            raise wrong(f"{key} must be a plain name of letters, digits, '.', '-' and '_', not {value!r}")
    for key, choices in (("format", FORMATS), ("kind", ("single-label", "multi-label"))):
        if entry[key] not in choices:
            raise wrong(f"{key} must be {' or '.join(map(repr, choices))}, not {entry[key]!r}{nearest(entry[key], choices)}")
    if "url" in entry and not re.match("https?://[^/]", entry["url"]):
        raise wrong(f"url must be an address, http:// or https://, not {entry['url']!r}")
    if "epochs" in entry and entry["epochs"] < 1:
        raise wrong(f"epochs must be at least 1, not {entry['epochs']}")


def stand_ins() -> dict[str, str]:
    """Name -> the set of the paper that it stands in for: what it says is not of the paper's set."""
    return {name: entry["stand_in"] for name, entry in entries().items() if "stand_in" in entry}


def at_hand(name: str, entry: dict) -> Path | None:
    """The set's file if it needs no download, else None. Its content is not looked at."""
    cached = environment.downloads_dir() / name / entry["file"]
    return _given(name, entry) or (cached if cached.is_file() else None)


def _given(name: str, entry: dict) -> Path | None:
    """The set's file beside the package or in LSTMCS_DATA."""
    if entry.get("bundled"):
        return environment.shared("data", entry["file"])
    local = environment.local_datasets()
    path = local / entry.get("folder", name) / entry["file"] if local else None
    return path if path and path.is_file() else None


def locate(name: str, entry: dict) -> Path:
    """The set's file: given, in the cache, or downloaded now (hash checked, retried, with progress). Raises DataError."""
    if path := _given(name, entry):
        return path
    put = f"Put the file at <folder>/{entry.get('folder', name)}/{entry['file']} and set LSTMCS_DATA=<folder>"
    if "url" not in entry:
        raise DataError(f"{name}: {entry['file']} is not at hand and is published nowhere. {put}")
    import pooch  # here: most runs never download

    try:
        cache = pooch.create(
            environment.downloads_dir() / name, base_url="", registry={entry["file"]: entry["hash"]},
            urls={entry["file"]: entry["url"]}, retry_if_failed=RETRIES,
        )  # fmt: skip
        downloader = pooch.HTTPDownloader(progressbar=Progress(name), chunk_size=2**16, timeout=TIMEOUT)
        return Path(cache.fetch(entry["file"], downloader=downloader))  # a file in the cache that differs is fetched again
    except Exception as error:  # pooch passes on whatever requests, the file system or its hash check raise
        raise DataError(f"{name}: could not fetch {entry['url']} ({type(error).__name__}: {error}). {put}") from error


def read(name: str, entry: dict) -> bytes:
    """The set's file as bytes, hash checked. Raises DataError."""
    return verified(name, entry, locate(name, entry))


def verified(name: str, entry: dict, path: Path) -> bytes:
    """The bytes of `path`, if they are those of the set's file. Raises DataError."""
    try:
        content = files.read(path, LIMIT)
    except OSError as error:
        raise DataError(f"{name}: {path} cannot be read: {error.strerror}") from error
    kind, expected = entry["hash"].split(":")
    digest = hashlib.new(kind, content, usedforsecurity=False).hexdigest()
    if digest != expected:
        raise DataError(f"{name}: {path} is not the expected file ({kind} {digest[:12]}…, expected {expected[:12]}…); delete or replace it")
    return content


class TooLarge(Exception):
    """A download beyond LIMIT. No ValueError, after which pooch would try again."""


class Progress:
    """Download progress on stderr, and the end of one that is too large: one line that moves on a terminal, a line every five seconds elsewhere.

    pooch sets `total` (bytes, 0 if the server does not say) at each attempt and calls update, reset and close.
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic):
        self.name, self.total = name, 0
        self.clock, self.shown = clock, clock()
        self.live = sys.stderr.isatty()

    @property
    def total(self) -> int:
        return self._total

    @total.setter
    def total(self, size: int) -> None:
        self._total, self.done = size, 0
        self._limit(size)

    def update(self, count: int) -> None:
        self.done += count
        self._limit(self.done)
        if self.clock() - self.shown >= (0.1 if self.live else 5):
            self.shown = self.clock()
            self._print(end="" if self.live else "\n")

    def reset(self) -> None:
        """pooch, at the end: what was counted is replaced by the total, if that is known."""
        self.done = 0 if self.total else self.done

    def close(self) -> None:
        self._print(end="\n")

    def _limit(self, size: int) -> None:
        if size > LIMIT:
            raise TooLarge(f"the file has more than {files.size(LIMIT)}, the most that is fetched")

    def _print(self, end: str) -> None:
        done = min(self.done, self.total) if self.total else self.done
        text = f"{self.name}: {done / 1e6:.1f}" + (f" of {self.total / 1e6:.1f} MB, {100 * done // self.total} %" if self.total else " MB")
        print(f"\r{text:<40}" if self.live else text, end=end, file=sys.stderr, flush=True)
