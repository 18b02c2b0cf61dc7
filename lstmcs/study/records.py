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

import errno
import hashlib
import json
import math
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from .. import environment, files, metrics, rules
from ..errors import RecordError, visible
from ..fold import PROTOCOL, Fold
from ..models.kinds import KINDS
from ..record import (
    COLUMNS,
    COMMON,
    NUMBERS,
    READ,
    SCORES,
    at_epoch,
    check,
    common,
    curve_frame,
    frame,
    line,
    numbers,
    pack,
    read,
    unpack,
)

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None

INDEX = ".index"
CLAIMS = ".claims"  # an empty file; a fold in hand is a lock on one of its bytes
CHECKSUM = b', "checksum": "'  # the last entry of a record's first line
LARGEST = 2**30  # bytes of a file that is read
#: What BERT-base would cost on a fold, and of which type.
COST = {**dict.fromkeys(("parameters", "steps", "seconds_per_epoch", "seconds", "processor_seconds"), (int, float)), "host": (str,)}


class Folder:
    """Records as files: <folder>/<data set>/<key>.json.

    path: the folder; it need not be there before something is written.
    """

    trains = True  # what is trained can be written here

    def __init__(self, path: "str | Path"):
        self.path = Path(path)
        self._claims: int | None = None

    def __str__(self):
        return str(self.path)

    def file(self, fold: Fold, ending: str = ".json") -> Path:
        """Where the record of `fold` is kept."""
        slug = re.sub(r"[^A-Za-z0-9._-]+", "_", fold.dataset)[:60].strip(".") or "data"
        return self.path / slug / f"{fold.key}{ending}"

    def write(self, fold: Fold, record: dict, predictions: dict[str, np.ndarray]) -> Path:
        """Write a record whole: temporary name of its own, fsync, rename. record: state, curve, ... without configuration.

        What is on record as done is replaced by no failure, and where its predictions are kept by none that has not its own.
        """
        head = {**record, "config": fold.config, "protocol": fold.protocol, "key": fold.key}
        target = self.file(fold)
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(_Richer), environment.whole(target) as temporary:
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text_of(head, pack(predictions)))
                file.flush()
                os.fsync(file.fileno())
            if (there := self.worth(fold)) >= DONE and there > worth(record, bool(predictions)):
                raise _Richer
        return target

    def worth(self, fold: Fold) -> int:
        """How much is on record of a fold at this moment; 0 for nothing, or for a file that is no whole record."""
        try:
            if not (path := self.file(fold)).is_file():
                return 0
            head, body = load(path)
            return worth(head, body.strip() != b"{}")
        except (RecordError, OSError):
            return 0

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
        return self.worth(fold) >= DONE

    def claim(self, fold: Fold) -> bool:
        """Whether no other process has `fold` in hand. It is this one's then, until `unclaim` or until this process ends, however it
        ends: the system lets go of its locks. Where the system has none, each fold is free."""
        if fcntl is None:
            return True
        try:
            if self._claims is None:
                self._claims = os.open(self.path / CLAIMS, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, 0o666)
            fcntl.lockf(self._claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, int(fold.key[:15], 16))
            return True
        except OSError as problem:
            return problem.errno not in (errno.EAGAIN, errno.EACCES)

    def unclaim(self) -> None:
        """Let go of every fold."""
        if self._claims is not None:
            os.close(self._claims)
            self._claims = None

    def states(self, folds: Iterable[Fold], set_aside: bool = False) -> dict[Fold, str]:
        """Fold -> "done", "failed" or "missing"; what lies in a record's place and is none is named and counts as missing.

        set_aside: rename it as well, so that its fold can be trained again; without it nothing is changed.
        """
        folds_of = {self.file(fold): fold for fold in folds}
        found = {}
        for path, what in self._look(folds_of).items():
            found[folds_of[path]] = what[1][_STATE] if isinstance(what, list) else "missing"
            if isinstance(what, Exception):
                problem = what if isinstance(what, RecordError) else f"{_name(path)}: cannot be read ({what.strerror or what})"
                with suppress(FileNotFoundError):  # another study has set it aside meanwhile
                    print(f"{problem}; {_aside(path) if set_aside else 'its fold counts as missing'}", file=sys.stderr)
        return found

    def rows(
        self, folds: Iterable[Fold] | None = None, reading: str = "paper", macro: str = "mean", rule: "str | Mapping[str, int]" = rules.DEFAULT
    ) -> pd.DataFrame:  # fmt: skip
        """The results as one tidy frame, a row a fold that is on record; see record.frame for the columns.

        folds: those wanted; None for every record of the folder. Files that are no whole record are left out. rule: which epoch of
        a training is read, one of rules.RULES, "epoch=k", or data set -> epoch. reading, macro: as in metrics.scores; any but the
        default is computed from the stored test predictions, without training (validation scores are then NaN, and so are the
        scores of a set that the reading has no meaning for).
        """
        metrics.check_reading(reading, macro)
        paths = sorted(self.path.glob("*/*.json")) if folds is None else [self.file(fold) for fold in folds]
        if (reading, macro) == ("paper", "mean") and isinstance(rule, str) and rule in rules.RULES:
            return frame(_row(what, rule) for what in self._look(paths).values() if isinstance(what, list))
        rows = []
        for path, head, body in _whole(paths):
            rows.append(row(head, rule))
            if (reading, macro) != ("paper", "mean"):
                rows[-1] |= _read_again(path, head, body, reading, macro, rule)
        return frame(rows)

    def curves(self, folds: Iterable[Fold] | None = None) -> pd.DataFrame:
        """The learning curves as one tidy frame, a row a fold and epoch; see record.CURVE for the columns."""
        paths = sorted(self.path.glob("*/*.json")) if folds is None else [self.file(fold) for fold in folds]
        return curve_frame(head for _, head, _ in _whole(paths))

    def heads(self) -> Iterator[dict]:
        """Every whole record without its predictions; files that are none are named on stderr and left out."""
        for path in sorted(self.path.glob("*/*.json")):
            try:
                yield load(path)[0]
            except RecordError as problem:
                print(f"{problem}; left out", file=sys.stderr)
            except OSError as problem:
                print(f"{_name(path)}: cannot be read ({problem.strerror or problem}); left out", file=sys.stderr)

    def clear_leftovers(self, older_than: float = 3600) -> int:
        """Remove the temporary files that writers killed in the middle left behind (a write lasts no hour); how many."""
        return environment.clear([*self.path.glob(environment.LEFTOVER), *self.path.glob(f"*/{environment.LEFTOVER}")], older_than)

    def cost(self, fold: Fold) -> dict | None:
        """What BERT-base would cost on a fold, as `write_cost` noted it; None where it was never measured."""
        return cost_in(self.file(fold, ".cost"))

    def write_cost(self, fold: Fold, cost: dict) -> None:
        """Note what BERT-base would cost on a fold (training/bert.py measures it)."""
        target = self.file(fold, ".cost")
        target.parent.mkdir(parents=True, exist_ok=True)
        with environment.whole(target) as temporary:
            temporary.write_text(json.dumps(cost), encoding="utf-8")

    def _look(self, paths: Iterable[Path]) -> dict[Path, "list | Exception | None"]:
        """file -> its entry of the index; None where there is no such file, the error where it cannot be read.

        An entry: size and times of the file, its values of COMMON, those of READ at each epoch that a rule reads, and which of these
        each rule reads.
        """
        known, found, fresh = self._indexed(), {}, 0
        for path in paths:
            name = "/".join(os.fspath(path).rsplit(os.sep, 2)[-2:])  # many times as fast as Path.parts
            found[path] = None
            try:
                status = os.stat(path)
                stamp = [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
                entry = known.get(name)
                if entry is None or entry[0] != stamp:
                    head = load(path)[0]
                    epochs = [read_epoch(head, rule) for rule in rules.RULES]
                    which = list(dict.fromkeys(epochs))
                    entry = [stamp, common(head), [read(head, epoch) for epoch in which], list(map(which.index, epochs))]
                    known[name] = entry
                    fresh += 1
                found[path] = entry
            except FileNotFoundError:
                fresh += known.pop(name, None) is not None
            except (OSError, RecordError) as problem:
                found[path] = problem
        if fresh:
            self._write_index(known)
        return found

    def _indexed(self) -> dict[str, list]:
        """The index; empty where there is none, or where anything about it is not as `_look` makes it."""
        try:
            checksum, body = _content(self.path / INDEX).split(b"\n", 1)
            known = json.loads(body) if checksum == _index_checksum(body) else {}
            return known if _is_index(known) else {}
        except (OSError, ValueError, RecursionError):
            return {}

    def _write_index(self, known: dict[str, list]) -> None:
        body = json.dumps(known, separators=(",", ":")).encode()
        try:
            with environment.whole(self.path / INDEX) as temporary:
                temporary.write_bytes(_index_checksum(body) + b"\n" + body)
        except OSError:  # a full disk, or a folder that can only be read
            return


#: How much a record is worth: a failure, one with predictions, a result, one with predictions.
DONE = 3


def worth(head: dict, predictions: bool) -> int:
    """How much there is in a record; at least DONE where its fold is done."""
    return (DONE if head["state"] == "done" else 1) + predictions


class _Richer(Exception):
    """What is on record already says more."""


def load(path: Path) -> tuple[dict, bytes]:
    """A record file's first line, checked, and its second. Raises RecordError that says what is wrong with the file, OSError."""
    try:
        head, body = _parsed(_content(path))
        if path.stem != (fold := check(head)).key:
            raise RecordError(f"the record of another fold, {fold.key}, under this name")
    except RecordError as problem:
        raise RecordError(f"{_name(path)}: {visible(problem)[:500]}") from None
    return head, bytes(body)


def _parsed(content: bytes) -> tuple[dict, memoryview]:
    """The two lines of a record file, whole and of today's protocol. Raises RecordError."""
    whole = memoryview(content)  # its parts are looked at, not copied
    try:
        end = content.index(b"\n")
        body = whole[end + 1 : content.index(b"\n", end + 1)]
        head = json.loads(str(whole[:end], "utf-8"))
        del head["checksum"]
        other = type(head.get("protocol")) is int and head["protocol"] != PROTOCOL
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise RecordError("not a whole record (truncated, empty or foreign)") from None
    if other:
        raise RecordError(f"written under protocol {str(head['protocol'])[:20]}, this is protocol {PROTOCOL}")
    said = content.rfind(CHECKSUM, 0, end)
    if said < 0 or whole[said + len(CHECKSUM) : end] != _checksum(whole[:said], body) + b'"}':
        raise RecordError("checksum differs (edited or damaged)")
    return head, body


def _content(path: Path) -> bytes:
    """What a plain file holds. Raises RecordError for anything else, which might never end, and for one that is too large."""
    try:
        return files.read(path, LARGEST)
    except files.NotPlain as problem:
        raise RecordError(str(problem)) from None


def cost_in(path: Path) -> dict | None:
    """What BERT-base would cost on a fold, from a file; None where it does not say so."""
    try:
        cost = json.loads(_content(path))
        return cost if all(type(value) in COST[name] for name, value in cost.items() if name in COST) else None
    except (OSError, ValueError, AttributeError, RecursionError):
        return None


def _name(path: Path) -> str:
    return visible(path.name)


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
    values = dict(zip(COMMON, common(head))) | dict(zip(READ, read(head, read_epoch(head, rule))))
    return {column: values[column] for column in COLUMNS}


def _whole(paths: Iterable[Path]) -> Iterator[tuple[Path, dict, bytes]]:
    """The files that are whole records, with their first and second line."""
    for path in paths:
        try:
            yield path, *load(path)
        except (RecordError, OSError):
            continue


def _read_again(path: Path, head: dict, body: bytes, reading: str, macro: str, rule: "str | Mapping[str, int]") -> dict:
    """The scores of a record by another reading of its predictions; the loss stays what it is."""
    again = dict.fromkeys((*metrics.METRICS, *(f"val_{name}" for name in SCORES)), math.nan)
    if head["state"] == "done":
        try:
            stored = unpack(body)
        except RecordError as problem:
            print(f"{_name(path)}: {problem}; its scores by this reading count as missing", file=sys.stderr)
            return again
        try:
            arrays = at_epoch(stored, read_epoch(head, rule))
        except RecordError:  # one that came from an edition has no predictions
            return again
        if metrics.has_meaning(reading, arrays["labels"]):
            again |= metrics.scores(arrays["labels"], arrays["probabilities"], reading, macro)
    return again


def _aside(path: Path) -> str:
    """Rename what is no record, so that its fold can be trained again and it can still be looked at; what became of it, in words."""
    names = (path.with_suffix(f".{number}bad" if number else ".bad") for number in range(10**6))
    try:
        place = path.replace(next(name for name in names if not os.path.lexists(name)))
    except FileNotFoundError:
        raise
    except OSError as problem:
        return f"it cannot be set aside ({problem.strerror or problem})"
    return f"set aside as {_name(place)}, its fold will be trained again"


def text_of(head: dict, body: str) -> str:
    """A record file's two lines. The checksum is that of the bytes before it and of the second line, so that checking parses nothing."""
    said = line(head)[:-1]
    return said + (CHECKSUM + _checksum(said.encode(), body.encode())).decode() + f'"}}\n{body}\n'


def _checksum(said: "bytes | memoryview", body: "bytes | memoryview") -> bytes:
    digest = hashlib.sha256(said)
    digest.update(b"\n")
    digest.update(body)
    return digest.hexdigest()[:16].encode()


def _index_checksum(body: bytes) -> bytes:
    return hashlib.sha256(",".join([*COLUMNS, *rules.RULES, "2"]).encode() + b"\n" + body).hexdigest().encode()


_STATE = COMMON.index("state")
_KINDS = {**dict.fromkeys(COMMON, (str,)), **dict.fromkeys(("run", "fold", "seed", "protocol"), (int,)), **dict.fromkeys(NUMBERS, (int, float)),
          **dict.fromkeys(("engine", "device", "loop", "failure", "error", "commit"), (str, float, type(None)))}  # fmt: skip


def _row(entry: list, rule: str) -> dict:
    """A row of the results from an entry of the index."""
    _, values, reads, which = entry
    return dict(zip(COMMON, values)) | dict(zip(READ, reads[which[_RULE[rule]]]))


_RULE = {rule: number for number, rule in enumerate(rules.RULES)}


def _is_index(known: object) -> bool:
    """Whether every entry is one that `_look` makes."""
    if known == {}:
        return True
    try:
        stamps, values, reads, which = zip(*known.values(), strict=True)
        columns = dict(zip(COMMON, zip(*values, strict=True), strict=True))
        read_values = list(chain.from_iterable(reads))
        return (
            all(set(map(type, column)) <= set(_KINDS[name]) for name, column in columns.items())
            and set(columns["state"]) <= {"done", "failed"}
            and all(numbers(columns[name]) for name in (*NUMBERS, "run", "fold", "seed", "protocol"))
            and {(type(stamp), len(stamp)) for stamp in stamps} <= {(list, 3)}
            and {(type(of), len(of)) for of in read_values} <= {(list, len(READ))}
            and numbers(chain.from_iterable(read_values))
            and {(type(of), len(of)) for of in which} <= {(list, len(rules.RULES))}
            and all(type(n) is int and 0 <= n < len(of) for of, numbered in zip(reads, which) for n in numbered)
        )
    except (TypeError, ValueError, AttributeError):
        return False
