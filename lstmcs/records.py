"""The results store: one small file a fold, whole or absent, that survives a move and never needs pickle.

A record's name is the hash of its whole configuration, so a changed option, data file or formula is another record.
Line 1 of the file is JSON (configuration, scores, curve, health, cost, environment), line 2 the test predictions.
The first line carries a checksum of the rest and of itself: an edited or truncated file is recognised.
"""

import base64
import hashlib
import json
import os
import re
import sys
import time
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from . import edition, index, metrics, paths
from .alterations import alteration

#: Goes into every key. Raise it when a change of the code changes results, so that old and new never mix.
PROTOCOL = 1


#: Id of a row of the yardstick: the unaltered cell again, on the same splits, with other seeds.
NULL = "null-"


class RecordError(ValueError):
    """A record file that is truncated, edited, foreign or not a record at all."""


def key(config: dict) -> str:
    """Hash of a fold's whole configuration, 20 hex digits."""
    text = json.dumps({"protocol": PROTOCOL, **config}, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def cell_of(config: dict) -> str:
    """Which cell a configuration trains: the alteration's id, or "null-1", "null-2", ... for the yardstick's rows."""
    return f"{NULL}{config['repeat']}" if config.get("repeat") else alteration(config["alteration"]).id


def label(cell: str) -> str:
    """A cell's id as readers see it: "null-1" is "none, other seed"."""
    number = cell.removeprefix(NULL)
    return cell if number == cell else "none, other seed" + (f" {number}" if number != "1" else "")


def build_of(config: dict) -> str:
    """What is compiled for a configuration: all of it that does not differ from fold to fold."""
    return json.dumps({k: v for k, v in config.items() if k not in ("run", "fold", "seed", "repeat")}, sort_keys=True)


def path_of(config: dict, folder: Path | None = None) -> Path:
    """Where the record of `config` is kept: <records>/<data set>/<key>.json."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "_", config["dataset"])[:60].strip(".") or "data"
    return Path(folder or paths.records_dir(), slug, f"{key(config)}.json")


def write(record: dict, predictions: dict[str, np.ndarray], folder: Path | None = None) -> Path:
    """Write a record whole: temporary name of its own, fsync, rename. `record["config"]` decides its name."""
    body = json.dumps({name: _pack(array) for name, array in predictions.items()})
    head = {**record, "protocol": PROTOCOL, "key": key(record["config"])}
    head["checksum"] = _checksum(head, body.encode())
    target = path_of(record["config"], folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    with paths.whole(target) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head) + "\n" + body + "\n")
        file.flush()
        os.fsync(file.fileno())
    return target


def read(path: Path) -> dict:
    """A record's first line, checked. Raises RecordError that says what is wrong with the file."""
    return _load(path)[0]


def predictions(path: Path) -> dict[str, np.ndarray]:
    """A record's test predictions: rows (int64), labels (uint8), probabilities (float32)."""
    return {name: _unpack(packed) for name, packed in json.loads(_load(path)[1]).items()}


def _load(path: Path) -> tuple[dict, bytes]:
    try:
        head_line, body = path.read_bytes().split(b"\n")[:2]
        head = json.loads(head_line)
        checksum = head.pop("checksum")
        expected = key(head["config"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise RecordError(f"{path.name}: not a whole record (truncated, empty or foreign)") from None
    if checksum != _checksum(head, body):
        raise RecordError(f"{path.name}: checksum differs (edited or damaged)")
    if head["protocol"] != PROTOCOL or expected != head["key"]:
        raise RecordError(f"{path.name}: written under protocol {head['protocol']}, this is protocol {PROTOCOL}")
    if path.stem != expected:
        raise RecordError(f"{path.name}: the record of another fold, {expected}, under this name")
    return head, body


def set_aside(path: Path) -> Path:
    """Rename a bad record so that its fold is trained again and the file can still be looked at."""
    names = (path.with_suffix(f".{number}bad" if number else ".bad") for number in range(10**6))
    return path.replace(next(name for name in names if not name.exists()))


def states(paths: Iterable[Path]) -> dict[str, str]:
    """Path -> "done", "failed" or "missing"; a file that is no whole record is set aside and said so."""
    found = {}
    for path, what in _look(paths).items():
        found[str(path)] = what["state"] if isinstance(what, dict) else "missing"
        if isinstance(what, RecordError):
            try:
                print(f"{what}; set aside as {set_aside(path).name}, its fold will be trained again", file=sys.stderr)
            except FileNotFoundError:  # another study has set it aside meanwhile
                pass
        elif isinstance(what, OSError):
            print(f"{path.name}: cannot be read ({what.strerror or what}); its fold counts as missing", file=sys.stderr)
    return found


def _look(paths: Iterable[Path]) -> dict[Path, "dict | Exception | None"]:
    """path -> its row of the results, None where there is none, or what is wrong with the file."""
    paths = list(paths)
    if paths and edition.is_one(folder := paths[0].parent.parent):
        rows = {head["key"]: _row(head) for head in edition.heads(folder)}
        return {path: rows.get(path.stem) for path in paths}
    return index.look(paths, summary, COLUMNS)


def export(folder: Path, file: Path) -> int:
    """Every whole record below `folder` as an edition (see edition.py); returns how many. Raises ValueError if there is none."""
    heads = []
    for path in sorted(Path(folder).glob("*/*.json")):
        try:
            heads.append(read(path))
        except RecordError as problem:
            print(f"{problem}; left out", file=sys.stderr)
    if not heads:
        raise ValueError(f"no record in {folder}: there is nothing to export")
    edition.write(pd.DataFrame([_row(head) for head in heads]), heads, file)
    return len(heads)


def restore(file: Path, folder: Path) -> int:
    """The records of an edition into `folder`, without predictions; what is on record there as done stays. How many were new.

    Raises EditionError where they were written under another protocol: they would pass for results of this one.
    """
    if other := {head.get("protocol") for head in edition.heads(file)} - {PROTOCOL}:
        raise edition.EditionError(f"{file} holds records of protocol {', '.join(map(str, other))}; this is protocol {PROTOCOL}")
    new = [head for head in edition.heads(file) if not finished(head["config"], folder)]
    for head in new:
        write({k: v for k, v in head.items() if k not in ("key", "protocol")}, {}, folder)
    return len(new)


def finished(config: dict, folder: Path | None = None) -> bool:
    """Whether `config` is on record as done at this moment; costs one look at the folder if it is not."""
    path = path_of(config, folder)
    try:
        return path.is_file() and read(path)["state"] == "done"
    except (RecordError, OSError):
        return False


def clear_leftovers(folder: Path, older_than: float = 3600) -> int:
    """Remove the temporary files that writers killed in the middle left behind (a write lasts no hour); how many."""
    old = []
    for path in [*Path(folder).glob(paths.LEFTOVER), *Path(folder).glob(f"*/{paths.LEFTOVER}")]:
        try:
            if time.time() - path.stat().st_mtime > older_than:
                path.unlink()
                old.append(path)
        except OSError:  # gone meanwhile
            continue
    return len(old)


def results(source: "Path | str | Iterable[Path] | None" = None, reading: str = "paper", macro: str = "mean") -> pd.DataFrame:
    """All records as one tidy frame, a row a fold.

    source: a folder of records (default: the study's), an edition (see edition.py), or the record files themselves. Files that are no whole
    record are left out. reading, macro: as in `metrics.scores`; any but the default is computed from the stored test
    predictions, without training (validation scores are then NaN, and so are the scores of a set the reading has no
    meaning for). Columns: dataset, model, alteration ("null-1": the unaltered cell with other seeds), formula, run, fold,
    state, scores on test and validation (fractions), seconds, parameters, largest |c|, error, key, versions; empty frame
    with these columns if none.
    """
    metrics.check_reading(reading, macro)
    if edition.is_one(source if isinstance(source, str | Path) else None):
        source = [path_of(head["config"], source) for head in edition.heads(source)]
    elif source is None or isinstance(source, str | Path):
        source = sorted(Path(source or paths.records_dir()).glob("*/*.json"))
    source = list(source)
    if (reading, macro) == ("paper", "mean"):
        rows = [what for what in _look(source).values() if isinstance(what, dict)]
    elif source and edition.is_one(source[0].parent.parent):
        raise ValueError(f"{source[0].parent.parent.name} holds no predictions: reading {reading!r}, macro {macro!r} needs the records")
    else:
        rows = []
        for path in source:
            try:
                head, body = _load(path)
                rows.append(_row(head) | _read_again(head, body, reading, macro))
            except (RecordError, OSError):
                continue
    frame = pd.DataFrame(rows, columns=None if rows else COLUMNS)
    return frame.sort_values(["dataset", "model", "run", "fold"], kind="stable", ignore_index=True)


SCORES = ("accuracy", "macro_f1", "micro_f1", "weighted_f1", "loss")
COLUMNS = ["dataset", "model", "alteration", "formula", "run", "fold", "seed", "state", *SCORES, *(f"val_{s}" for s in SCORES),
           "epochs", "train_rows", "test_rows", "train_seconds", "seconds_per_epoch", "compile_seconds", "parameters",
           "largest_c", "loop", "error", "key", "commit"]  # fmt: skip


def summary(path: Path) -> dict:
    """A record's row of the results, the whole file checked. Raises RecordError, OSError."""
    return _row(read(path))


def _row(record: dict) -> dict:
    config, cost, health = record["config"], record.get("cost", {}), record.get("health", {})
    scores = record.get("scores", {})
    values = {
        **{k: config[k] for k in ("dataset", "model", "run", "fold", "seed")},
        "alteration": cell_of(config), "formula": config["alteration"],
        "state": record["state"], "error": record.get("error", {}).get("message"), "key": record["key"],
        **scores.get("test", {}), **{f"val_{k}": v for k, v in scores.get("validation", {}).items()},
        **cost, **health, "loop": record["env"].get("loop"), "commit": record["env"].get("commit"),
    }  # fmt: skip
    return {column: values.get(column, np.nan) for column in COLUMNS}


def _read_again(head: dict, body: bytes, reading: str, macro: str) -> dict:
    """The scores of a record by another reading of its predictions; the loss stays what it is."""
    again = dict.fromkeys((*metrics.METRICS, *(f"val_{name}" for name in SCORES)), np.nan)
    if head["state"] == "done" and body != b"{}":  # one that came from an edition has no predictions
        arrays = {name: _unpack(packed) for name, packed in json.loads(body).items()}
        if metrics.has_meaning(reading, arrays["labels"]):
            again |= metrics.scores(arrays["labels"], arrays["probabilities"], reading, macro)
    return again


def _checksum(head: dict, body: bytes) -> str:
    digest = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    digest.update(body)
    return digest.hexdigest()[:16]


def _pack(array: np.ndarray) -> dict:
    data = base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes())).decode()
    return {"dtype": array.dtype.str, "shape": array.shape, "data": data}


def _unpack(packed: dict) -> np.ndarray:
    data = zlib.decompress(base64.b64decode(packed["data"]))
    return np.frombuffer(data, np.dtype(packed["dtype"])).reshape(packed["shape"])
