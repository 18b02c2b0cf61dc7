"""What many record files say, without reading them all: one file beside them that holds a row of each.

A row counts as long as its file has the size and the times it had when it was read and checked as a whole; a new, copied
or edited file is read anew. A lost, broken or foreign index costs time and nothing else: it is checked, never trusted
for what is missing, and written whole (two studies may write it at once; what one of them lacks is read again).
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path

from .paths import whole

NAME = ".index"


def look(paths: Iterable[Path], read: Callable[[Path], dict], columns: list[str]) -> dict[Path, "dict | Exception | None"]:
    """path -> its row; None where there is no such file, the error where `read` raised ValueError or OSError.

    paths: <folder>/<data set>/<name>; the index of a folder is <folder>/.index. read: a file's row, with `columns`.
    """
    found = {}
    ordered = [Path(path) for path in paths]
    parted = [os.path.split(path) for path in ordered]  # many times as fast as Path.parent
    places = [(*os.path.split(parent), name, path) for (parent, name), path in zip(parted, ordered)]
    for folder, group in groupby(places, lambda place: place[0]):
        known, fresh = _load(folder, columns), 0
        for _, dataset, file, path in group:
            name, found[path] = f"{dataset}/{file}", None
            try:
                status = os.stat(path)
                stamp = [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
                entry = known.get(name)
                if entry is None or entry[0] != stamp:
                    row = read(path)
                    entry = known[name] = [stamp, [row[column] for column in columns]]
                    fresh += 1
                found[path] = dict(zip(columns, entry[1]))
            except FileNotFoundError:
                fresh += known.pop(name, None) is not None
            except (OSError, ValueError) as problem:
                found[path] = problem
        if fresh:
            _save(folder, known, columns)
    return found


def _load(folder: str, columns: list[str]) -> dict[str, list]:
    try:
        checksum, body = Path(folder, NAME).read_bytes().split(b"\n", 1)
        return json.loads(body) if checksum == _checksum(body, columns) else {}
    except (OSError, ValueError):
        return {}


def _save(folder: str, known: dict[str, list], columns: list[str]) -> None:
    body = json.dumps(known, separators=(",", ":")).encode()
    try:
        with whole(Path(folder, NAME)) as temporary:
            temporary.write_bytes(_checksum(body, columns) + b"\n" + body)
    except OSError:  # a full disk, or a folder that can only be read
        return


def _checksum(body: bytes, columns: list[str]) -> bytes:
    return hashlib.sha256(",".join(columns).encode() + b"\n" + body).hexdigest().encode()
