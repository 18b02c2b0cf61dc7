"""A store of records: one small file a fold, whole or absent, that survives a move and never needs pickle.

A record's name is its fold's key, so a changed option, data file or formula is another record. Line 1 of the file is JSON
(configuration, curve, health, cost, environment), line 2 the test predictions. The first line carries a checksum of the rest and
of itself: an edited or truncated file is recognised. The curve has, for every epoch, the training loss and all scores of the
validation and the test rows; the predictions are those at the epochs that a rule picks (rules.py). So which epoch a result
is of is decided when it is read.

Beside the files lies an index with a row of each, so that thousands are known without reading them all. A row counts as long
as its file has the size and the times that it had when it was read and checked; a lost, broken or foreign index costs time
and nothing else: it is checked, never trusted for what is missing, and written whole.
"""

import base64
import hashlib
import json
import os
import re
import sys
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from .. import environment, metrics, rules
from ..errors import Diverged, RecordError
from ..fold import PROTOCOL, Fold
from ..models.kinds import KINDS

INDEX = ".index"
CHECKSUM = b', "checksum": "'  # the last entry of a record's first line
SCORES = (*metrics.METRICS, "loss")
_FOLD = ["dataset", "model", "alteration", "formula", "run", "fold", "seed"]
_READ = ["epoch", *SCORES, *(f"val_{name}" for name in SCORES)]  # what a rule decides
_ABOUT = ["epochs", "train_rows", "test_rows", "train_seconds", "seconds_per_epoch", "compile_seconds", "parameters",
          "largest_c", "loop", "failure", "error", "key", "commit", "protocol"]  # fmt: skip
#: A row of the results; see `frame`.
COLUMNS = [*_FOLD, "state", *_READ, *_ABOUT]
_COMMON = [*_FOLD, "state", *_ABOUT]
#: A row of the curves: a fold and epoch.
CURVE = [*_FOLD, "state", "epoch", "loss", *(f"{part}_{name}" for part in ("val", "test") for name in SCORES)]

#: Scores of a training that diverged where its record has none (protocol 1 kept no accuracy of the all-zero answer).
NOTHING_SAID = {name: 0.0 for name in metrics.METRICS if name != "accuracy"}


class Folder:
    """Records as files: <folder>/<data set>/<key>.json.

    path: the folder; it need not be there before something is written.
    """

    trains = True  # what is trained can be written here

    def __init__(self, path: "str | Path"):
        self.path = Path(path)

    def __str__(self):
        return str(self.path)

    def file(self, fold: Fold, ending: str = ".json") -> Path:
        """Where the record of `fold` is kept."""
        slug = re.sub(r"[^A-Za-z0-9._-]+", "_", fold.dataset)[:60].strip(".") or "data"
        return self.path / slug / f"{fold.key}{ending}"

    def write(self, fold: Fold, record: dict, predictions: dict[str, np.ndarray]) -> Path:
        """Write a record whole: temporary name of its own, fsync, rename. record: state, curve, ... without configuration."""
        body = json.dumps({name: _pack(array) for name, array in predictions.items()})
        head = {**record, "config": fold.config, "protocol": fold.protocol, "key": fold.key}
        target = self.file(fold)
        target.parent.mkdir(parents=True, exist_ok=True)
        with environment.whole(target) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.write(text_of(head, body))
            file.flush()
            os.fsync(file.fileno())
        return target

    def read(self, fold: Fold) -> dict:
        """A fold's record without its predictions, checked. Raises RecordError, OSError."""
        return load(self.file(fold))[0]

    def predictions(self, fold: Fold, rule: str = rules.DEFAULT) -> dict[str, np.ndarray]:
        """A fold's test predictions at the epoch that a rule picks: rows (int64), labels (uint8), probabilities (float32).

        Raises RecordError where none are kept of that epoch.
        """
        head, body = load(self.file(fold))
        return at_epoch(unpack(body), read_epoch(head, rule))

    def finished(self, fold: Fold) -> bool:
        """Whether `fold` is on record as done at this moment; costs one look at the folder if it is not."""
        try:
            return self.file(fold).is_file() and self.read(fold)["state"] == "done"
        except (RecordError, OSError):
            return False

    def states(self, folds: Iterable[Fold]) -> dict[Fold, str]:
        """Fold -> "done", "failed" or "missing"; a file that is no whole record is set aside and said so."""
        files = {self.file(fold): fold for fold in folds}
        found = {}
        for path, what in self._look(files).items():
            found[files[path]] = what[rules.DEFAULT]["state"] if isinstance(what, dict) else "missing"
            if isinstance(what, RecordError):
                try:
                    print(f"{what}; set aside as {_set_aside(path).name}, its fold will be trained again", file=sys.stderr)
                except FileNotFoundError:  # another study has set it aside meanwhile
                    pass
            elif isinstance(what, OSError):
                print(f"{path.name}: cannot be read ({what.strerror or what}); its fold counts as missing", file=sys.stderr)
        return found

    def rows(
        self, folds: Iterable[Fold] | None = None, reading: str = "paper", macro: str = "mean", rule: "str | Mapping[str, int]" = rules.DEFAULT
    ) -> pd.DataFrame:  # fmt: skip
        """The results as one tidy frame, a row a fold that is on record; see `frame` for the columns.

        folds: those wanted; None for every record of the folder. Files that are no whole record are left out. rule: which epoch of
        a training is read, one of rules.RULES, "epoch=k", or data set -> epoch. reading, macro: as in metrics.scores; any but the
        default is computed from the stored test predictions, without training (validation scores are then NaN, and so are the
        scores of a set that the reading has no meaning for).
        """
        metrics.check_reading(reading, macro)
        files = sorted(self.path.glob("*/*.json")) if folds is None else [self.file(fold) for fold in folds]
        if (reading, macro) == ("paper", "mean") and isinstance(rule, str) and rule in rules.RULES:
            return frame(what[rule] for what in self._look(files).values() if isinstance(what, dict))
        rows = []
        for head, body in _whole(files):
            rows.append(row(head, rule))
            if (reading, macro) != ("paper", "mean"):
                rows[-1] |= _read_again(head, body, reading, macro, rule)
        return frame(rows)

    def curves(self, folds: Iterable[Fold] | None = None) -> pd.DataFrame:
        """The learning curves as one tidy frame, a row a fold and epoch; see CURVE for the columns."""
        files = sorted(self.path.glob("*/*.json")) if folds is None else [self.file(fold) for fold in folds]
        return curve_frame(head for head, _ in _whole(files))

    def heads(self) -> Iterator[dict]:
        """Every whole record without its predictions; files that are none are named on stderr and left out."""
        for path in sorted(self.path.glob("*/*.json")):
            try:
                yield load(path)[0]
            except RecordError as problem:
                print(f"{problem}; left out", file=sys.stderr)

    def clear_leftovers(self, older_than: float = 3600) -> int:
        """Remove the temporary files that writers killed in the middle left behind (a write lasts no hour); how many."""
        removed = 0
        for path in [*self.path.glob(environment.LEFTOVER), *self.path.glob(f"*/{environment.LEFTOVER}")]:
            try:
                if time.time() - path.stat().st_mtime > older_than:
                    path.unlink()
                    removed += 1
            except OSError:  # gone meanwhile
                continue
        return removed

    def cost(self, fold: Fold) -> dict | None:
        """What BERT-base would cost on a fold, as `write_cost` noted it; None where it was never measured."""
        try:
            return json.loads(self.file(fold, ".cost").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def write_cost(self, fold: Fold, cost: dict) -> None:
        """Note what BERT-base would cost on a fold (training/bert.py measures it)."""
        target = self.file(fold, ".cost")
        target.parent.mkdir(parents=True, exist_ok=True)
        with environment.whole(target) as temporary:
            temporary.write_text(json.dumps(cost), encoding="utf-8")

    def _look(self, files: Iterable[Path]) -> dict[Path, "dict | Exception | None"]:
        """file -> rule -> its row; None where there is no such file, the error where it cannot be read."""
        known, found, fresh = self._indexed(), {}, 0
        for path in files:
            name = "/".join(os.fspath(path).rsplit(os.sep, 2)[-2:])  # many times as fast as Path.parts
            found[path] = None
            try:
                status = os.stat(path)
                stamp = [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
                entry = known.get(name)
                if entry is None or entry[0] != stamp:
                    head = load(path)[0]
                    entry = [stamp, list(_common(head).values()), [list(_read(head, rule).values()) for rule in rules.RULES]]
                    known[name] = entry
                    fresh += 1
                common = dict(zip(_COMMON, entry[1]))
                found[path] = {rule: common | dict(zip(_READ, values)) for rule, values in zip(rules.RULES, entry[2])}
            except FileNotFoundError:
                fresh += known.pop(name, None) is not None
            except (OSError, RecordError) as problem:
                found[path] = problem
        if fresh:
            self._write_index(known)
        return found

    def _indexed(self) -> dict[str, list]:
        try:
            checksum, body = (self.path / INDEX).read_bytes().split(b"\n", 1)
            return json.loads(body) if checksum == _index_checksum(body) else {}
        except (OSError, ValueError):
            return {}

    def _write_index(self, known: dict[str, list]) -> None:
        body = json.dumps(known, separators=(",", ":")).encode()
        try:
            with environment.whole(self.path / INDEX) as temporary:
                temporary.write_bytes(_index_checksum(body) + b"\n" + body)
        except OSError:  # a full disk, or a folder that can only be read
            return


def load(path: Path) -> tuple[dict, bytes]:
    """A record file's first line, checked, and its second. Raises RecordError that says what is wrong with the file."""
    try:
        head_line, body = path.read_bytes().split(b"\n")[:2]
        head = json.loads(head_line)
        del head["checksum"]
        other = type(head.get("protocol")) is int and head["protocol"] != PROTOCOL
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise RecordError(f"{path.name}: not a whole record (truncated, empty or foreign)") from None
    if other:
        raise RecordError(f"{path.name}: written under protocol {head['protocol']}, this is protocol {PROTOCOL}")
    said, _, checksum = head_line.rpartition(CHECKSUM)
    if checksum != _checksum(said, body) + b'"}':
        raise RecordError(f"{path.name}: checksum differs (edited or damaged)")
    try:
        fold = check(head)
    except RecordError as problem:
        raise RecordError(f"{path.name}: {problem}") from None
    if fold.key != head["key"]:
        raise RecordError(f"{path.name}: its key does not match its configuration")
    if path.stem != fold.key:
        raise RecordError(f"{path.name}: the record of another fold, {fold.key}, under this name")
    return head, body


#: What a record must hold, and of which type; all else may be missing.
_SHAPE = {"config": dict, "state": str, "key": str, "protocol": int, "env": dict}
_OPTIONAL = {"scores": dict, "curve": list, "health": dict, "cost": dict, "error": dict}


def check(head: object) -> Fold:
    """The fold of a record, whose shape is checked here and nowhere else. Raises RecordError that names what is wrong."""
    if not isinstance(head, dict):
        raise RecordError("a record is an object")
    for name, kind in (_SHAPE | _OPTIONAL).items():
        if name in _SHAPE and name not in head:
            raise RecordError(f"the record has no {name!r}")
        if name in head and (not isinstance(head[name], kind) or isinstance(head[name], bool)):
            raise RecordError(f"the record's {name!r} is no {kind.__name__}")
    if head["state"] not in ("done", "failed"):
        raise RecordError(f"the record's state is {head['state']!r}, neither done nor failed")
    for part in head.get("scores", {}).values():
        if not isinstance(part, dict) or not all(isinstance(value, int | float) for value in part.values()):
            raise RecordError("the record's 'scores' are no numbers")
    for at in head.get("curve", []):
        if not isinstance(at, dict) or type(at.get("epoch")) is not int or not set(map(type, at.values())) <= {int, float}:
            raise RecordError("the record's 'curve' is no list of epochs with numbers")
    return Fold.of(head["config"], head["protocol"])


def read_epoch(head: dict, rule: "str | Mapping[str, int]" = rules.DEFAULT) -> int | None:
    """The number of the epoch that a rule reads of a record; None where it is not on record.

    The first edition (protocol 1) has test scores of the last epoch alone: that is what every rule reads of it. What is no network
    has one, which every rule reads.
    """
    curve = head.get("curve", [])
    kind = KINDS.get(head["config"]["model"])
    if head["protocol"] == 1 or (kind is not None and not kind.network):
        return rules.choose(curve, "last")
    if isinstance(rule, str):
        return rules.choose(curve, rule)
    return rules.choose(curve, f"epoch={number}") if (number := rule.get(head["config"]["dataset"])) else None


def row(head: dict, rule: "str | Mapping[str, int]" = rules.DEFAULT) -> dict:
    """A record's row of the results, COLUMNS -> value; what the record does not say is NaN, and so is any score of a failed fold. One
    that diverged failed by its cell, not by the machine: it has the scores of an answer that says nothing."""
    values = _common(head) | _read(head, rule)
    return {column: values[column] for column in COLUMNS}


def _common(head: dict) -> dict:
    """What no rule changes of a record's row, in the order of _COMMON."""
    env = head["env"]
    values = _of_fold(head) | {
        "failure": head.get("error", {}).get("type"), "error": head.get("error", {}).get("message"), "key": head["key"], "protocol": head["protocol"],
        **head.get("cost", {}), **head.get("health", {}), "loop": env.get("loop"), "commit": env.get("commit"),
    }  # fmt: skip
    return {column: values.get(column, np.nan) for column in _COMMON}


def _read(head: dict, rule: "str | Mapping[str, int]") -> dict:
    """What a rule reads of a record, in the order of _READ."""
    epoch, values = read_epoch(head, rule), {}
    if head.get("error", {}).get("type") == Diverged.__name__:
        values |= NOTHING_SAID | head.get("scores", {}).get("test", {})
    elif head["state"] == "done" and epoch is not None:
        scored = next(at for at in head["curve"] if at["epoch"] == epoch)
        if head["protocol"] == 1:
            values |= head.get("scores", {}).get("test", {})
        values |= {name.removeprefix("test_"): value for name, value in scored.items() if name.startswith(("val_", "test_"))}
    return (
        dict.fromkeys(_READ, np.nan)
        | {name: values[name] for name in _READ if name in values}
        | ({} if epoch is None else {"epoch": epoch})
    )


def _of_fold(head: dict) -> dict:
    fold = Fold.of(head["config"], head["protocol"])
    named = {name: getattr(fold, name) for name in ("dataset", "model", "run", "fold", "seed")}
    return named | {"alteration": fold.cell, "formula": fold.alteration, "state": head["state"]}


def frame(rows: Iterable[dict]) -> pd.DataFrame:
    """Rows as the tidy frame that every statistic takes; an empty one has the same columns.

    dataset, model, alteration ("reseed-1": the unaltered cell with other seeds), formula, run, fold, seed, state, epoch (which is
    read), the scores on test and validation at that epoch (fractions), epochs (trained), rows, seconds, parameters, largest |c|,
    loop, failure (the kind of error; "Diverged" by the cell), error, key, commit, protocol.
    """
    found = pd.DataFrame(list(rows), columns=COLUMNS)
    return found.sort_values(["dataset", "model", "run", "fold"], kind="stable", ignore_index=True)


def curve_frame(heads: Iterable[dict]) -> pd.DataFrame:
    """The curves of records, a row a fold and epoch: columns CURVE, scores as fractions."""
    rows = [
        {**about, **at}
        for head in heads for about in [_of_fold(head)] for at in head.get("curve", [])
    ]  # fmt: skip
    found = pd.DataFrame(rows, columns=CURVE)
    return found.sort_values(["dataset", "model", "run", "fold"], kind="stable", ignore_index=True)


def at_epoch(arrays: dict[str, np.ndarray], epoch: int | None) -> dict[str, np.ndarray]:
    """Stored predictions at one epoch: rows, labels, probabilities. Raises RecordError where none are kept of it."""
    kept = list(arrays.get("epochs", ()))
    if epoch not in kept:
        known = f"; they are of epoch {', '.join(map(str, kept))}" if kept else ""
        raise RecordError(f"no predictions of epoch {epoch} are on record{known}")
    return {"rows": arrays["rows"], "labels": arrays["labels"], "probabilities": arrays["probabilities"][kept.index(epoch)]}


def _whole(files: Iterable[Path]) -> Iterator[tuple[dict, bytes]]:
    """First and second line of the files that are whole records."""
    for path in files:
        try:
            yield load(path)
        except (RecordError, OSError):
            continue


def _read_again(head: dict, body: bytes, reading: str, macro: str, rule: "str | Mapping[str, int]") -> dict:
    """The scores of a record by another reading of its predictions; the loss stays what it is."""
    again = dict.fromkeys((*metrics.METRICS, *(f"val_{name}" for name in SCORES)), np.nan)
    if head["state"] == "done":
        try:
            arrays = at_epoch(unpack(body), read_epoch(head, rule))
        except RecordError:  # one that came from an edition has no predictions
            return again
        if metrics.has_meaning(reading, arrays["labels"]):
            again |= metrics.scores(arrays["labels"], arrays["probabilities"], reading, macro)
    return again


def _set_aside(path: Path) -> Path:
    """Rename a bad record so that its fold is trained again and the file can still be looked at."""
    names = (path.with_suffix(f".{number}bad" if number else ".bad") for number in range(10**6))
    return path.replace(next(name for name in names if not name.exists()))


def text_of(head: dict, body: str) -> str:
    """A record file's two lines. The checksum is that of the bytes before it and of the second line, so that checking parses nothing."""
    said = json.dumps(head)[:-1]
    return said + (CHECKSUM + _checksum(said.encode(), body.encode())).decode() + f'"}}\n{body}\n'


def _checksum(said: bytes, body: bytes) -> bytes:
    digest = hashlib.sha256(said + b"\n")
    digest.update(body)
    return digest.hexdigest()[:16].encode()


def _index_checksum(body: bytes) -> bytes:
    return hashlib.sha256(",".join([*COLUMNS, *rules.RULES]).encode() + b"\n" + body).hexdigest().encode()


def _pack(array: np.ndarray) -> dict:
    data = base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes())).decode()
    return {"dtype": array.dtype.str, "shape": array.shape, "data": data}


def unpack(body: bytes) -> dict[str, np.ndarray]:
    """The second line of a record file as arrays."""
    packed = {name: (zlib.decompress(base64.b64decode(array["data"])), array) for name, array in json.loads(body).items()}
    return {name: np.frombuffer(data, np.dtype(array["dtype"])).reshape(array["shape"]) for name, (data, array) in packed.items()}
