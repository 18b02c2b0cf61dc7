"""Data in: the sets of data/datasets.toml and anyone's own file, as texts and a 0/1 label matrix.

Every repair (a row without text or label left out) is counted and kept in `Dataset.notes`; everything else that is
wrong with a file is a DataError that names the file and what to do. Files are read as data only: no code, no pickle.
"""

import hashlib
import re
import zipfile
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from .. import files
from ..errors import DataError, nearest
from ..source import Source, shown
from . import formats
from .preparation import Preparation
from .registry import entries as registered
from .registry import read

OPTIONS = ("text", "label", "separator")  # of a file of one's own, beside those of Preparation
EXAMPLE = "my.csv?text=body&label=tag"
NOT_TEXT = (list, dict, tuple, bytes, np.ndarray)
MAX_CLASSES = 1000  # more is a text or an id column taken for the label
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_LIST = re.compile(r"\s*[\[{(]\s*['\"].*[\]})]\s*", re.DOTALL)  # a list that was written as text


@dataclass(frozen=True)
class Dataset:
    """Documents and their classes.

    texts: tuple of str, raw. labels: uint8 array (documents, classes), 1 where a document has a class.
    notes: what was repaired or is worth knowing, one sentence each. sha256: of texts, labels and class names.
    epochs: of the registry's entry, where the protocol's number is not used. preparation: options other than the common ones.
    """

    name: str
    texts: tuple[str, ...]
    labels: np.ndarray
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    title: str = ""
    epochs: int | None = None
    preparation: dict = field(default_factory=dict)

    def __len__(self):
        return len(self.texts)

    @property
    def multi_label(self) -> bool:
        """Whether documents may have several classes or none."""
        return bool((self.labels.sum(axis=1) != 1).any())

    @property
    def sha256(self) -> str:
        digest = hashlib.sha256("\x1f".join(self.classes).encode())
        digest.update("\x1e".join(self.texts).encode("utf-8", "surrogatepass"))
        digest.update(np.ascontiguousarray(self.labels, np.uint8).tobytes())
        return digest.hexdigest()


def load_dataset(
    name_or_path: str | Path, *, text: str | None = None, label: str | list[str] | None = None, separator: str | None = None
) -> Dataset:
    """A set of the registry by name, or a file of one's own (CSV, TSV, JSONL, Parquet) by path.

    text, label: column names of one's own file (default: text, label). Multi-label: several label columns that hold 0
    and 1, or one column whose cells hold several classes, parted by `separator` (or as lists, in JSONL and Parquet).
    As one string: "my.csv?text=body&label=tag", "my.csv?label=joy&label=fear", "my.csv?label=tags&separator=|"
    (percent-encode what an address would: %26 for &, %23 for #, %20 for a space). An option of preparation.Preparation may
    stand there, too: "my.csv?min_tokens=1&stop_words=none". Raises DataError.
    """
    entries, name = registered(), str(name_or_path)
    if name in entries:
        if text or label or separator:
            raise DataError(f"{name!r} is a registered data set; its columns are fixed, so text=, label= and separator= do not apply")
        return _registered(name, entries[name])
    source = Source.read(name, (*OPTIONS, *Preparation.__dataclass_fields__), ("label",), DataError)
    if not formats.known(Path(source.name)) or _ADDRESS.match(name):
        raise DataError(_unknown(name, source, entries))
    label = label or source.values("label") or ["label"]
    text, separator = text or next(iter(source.values("text")), "text"), separator or next(iter(source.values("separator")), None)
    changes = {option: value for option, value in source.options if option not in OPTIONS}
    return _own(source.name, text, label, separator, changes, entries)


def _unknown(name: str, source: Source, entries: dict) -> str:
    if _ADDRESS.match(name):
        return f"{shown(name)} is an address; download the file and name it: addresses are not read"
    if source.name in entries:
        return f"{source.name!r} is a registered data set and takes no options; its columns and preparation are fixed"
    hint = formats.HINTS.get(Path(source.name).suffix.lower())
    return (f"unknown data set {shown(name)}{nearest(source.name, entries)}. " + (f"{Path(source.name).suffix}: {hint}. " if hint else "")
            + f"Known: {', '.join(sorted(entries))}; or a path that ends in {', '.join((*formats.FORMATS, *formats.PACKED))}")  # fmt: skip


def _registered(name: str, entry: dict) -> Dataset:
    content = read(name, entry)
    if member := entry.get("member"):
        try:
            content = zipfile.ZipFile(BytesIO(content)).read(member)
        except (zipfile.BadZipFile, KeyError) as error:
            raise DataError(f"{name}: {entry['file']} has no {member} to read ({error})") from error
    frame, notes = formats.frame(content, entry["format"], entry["file"], entry.get("columns")), []
    for column, value in entry.get("without", {}).items():
        notes.append(f"{int((frame[column] == value).sum())} row(s) with {column} {value!r} left out")
        frame = frame[frame[column] != value]
    return _dataset(name, frame, entry["text"], entry["label"], names=entry.get("classes"), notes=notes, title=entry["title"],
                    epochs=entry.get("epochs"), preparation=entry.get("preparation", {}))  # fmt: skip


def _own(file: str, text: str, label: str | list[str], separator: str | None, changes: dict, entries: dict) -> Dataset:
    try:
        path = Path(file).expanduser()
        content = files.read(path, formats.LIMIT)
    except FileNotFoundError:
        raise DataError(f"no such file: {path.absolute()}") from None
    except (OSError, RuntimeError) as error:  # RuntimeError: the home of a user who is none
        raise DataError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    name = path.name if (stem := formats.stem(path)) in entries else stem  # a registered name always means the registered set
    Preparation.of(changes, name)  # a wrong option is said now, before anything is prepared
    frame, notes = formats.table(content, path)
    return _dataset(name, frame, text, label, separator, notes=notes, title=path.name, preparation=changes)


def _dataset(name: str, frame: pd.DataFrame, text, label, separator=None, names=None, notes=(), **extra) -> Dataset:
    text_columns = [text] if isinstance(text, str) else list(text)
    label_columns = [label] if isinstance(label, str) else list(label)
    for column in text_columns + label_columns:
        if (text_columns + label_columns).count(column) > 1:
            raise DataError(f"{name}: column {column!r} is named twice; text and labels are columns of their own, each named once")
        if (count := list(frame.columns).count(column)) > 1:
            raise DataError(f"{extra.get('title') or name} has {count} columns {column!r}; rename all but one of them")
        if not count:
            raise DataError(f"{name}: no column {column!r}{nearest(column, frame.columns, 0.6)}. {_columns(frame)}")
    if separator and len(label_columns) > 1:
        raise DataError(f"{name}: separator= goes with one label column, not with {len(label_columns)}")
    cells = {column: [_cell(value, column, name) for value in frame[column]] for column in dict.fromkeys(text_columns)}
    texts = [" ".join(filter(None, row)).strip() for row in zip(*cells.values())]
    labels, classes, labelled = _labels(name, frame[label_columns], separator, names)
    keep = np.array([bool(text) for text in texts], bool) & labelled
    notes = list(notes)
    for count, what in ((sum(not t for t in texts), "without text"), (sum(bool(t) for t in texts) - int(keep.sum()), "without a label")):
        if count:
            notes.append(f"{count} row(s) {what} left out")
    texts, labels = [t for t, k in zip(texts, keep) if k], labels[keep]
    if not texts:
        raise DataError(f"{name}: no row has both a text and a label")
    if repeated := len(texts) - len(set(texts)):
        notes.append(f"{repeated} row(s) repeat an earlier text")
    if none := int((~labels.any(axis=1)).sum()):
        notes.append(f"{none} row(s) have no class")
    used = labels.any(axis=0)
    if not used.all():
        notes.append(f"no row has class {', '.join(repr(c) for c, has in zip(classes, used) if not has)}; left out")
        labels, classes = labels[:, used], [c for c, has in zip(classes, used) if has]
    if lists := [c for c in classes if _LIST.fullmatch(c)]:
        notes.append(f"{len(lists)} of {len(classes)} classes look like lists written as text, for example {lists[0][:60]!r}; each is one class. "
                     "Several classes a cell are read from lists in JSONL or Parquet, or with separator=")  # fmt: skip
    if len(classes) < 2:
        raise DataError(f"{name}: only one class, {', '.join(map(repr, classes)) or 'or none'}; a classifier needs at least two")
    return Dataset(name, tuple(texts), labels, tuple(classes), tuple(notes), **extra)


def _columns(frame: pd.DataFrame) -> str:
    only = frame.columns[0] if len(frame.columns) == 1 else ""
    sign = next((sign for sign in ";\t|," if sign in only), "")
    return f"Columns are {', '.join(map(repr, frame.columns))}" + (f" (one column: are they parted by {sign!r}?)" if sign else "")


def _cell(value, column: str, name: str) -> str | None:
    """A cell as stripped text; None for a gap. Whole floats lose their ".0": a gap turns a column of integers into floats."""
    if isinstance(value, NOT_TEXT):
        raise DataError(f"{name}: column {column!r} holds a {type(value).__name__}, not text: {str(value)[:60]}")
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return None
    if isinstance(value, float | np.floating) and value.is_integer():
        value = int(value)
    return str(value).encode("utf-8", "replace").decode().strip()  # half of a surrogate pair, as JSON can hold, becomes "?"


def _labels(name: str, frame: pd.DataFrame, separator: str | None, names: dict | None) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Labels (rows, classes), class names, and which rows have a label at all."""
    if len(frame.columns) > 1:
        labelled = frame.notna().all(axis=1).to_numpy()
        return _indicators(name, frame, labelled), list(frame.columns), labelled
    column = frame.columns[0]
    values = list(frame[column])
    several = separator or any(isinstance(value, list | np.ndarray) for value in values)
    if several:
        sets = [_classes(value, separator, column, name) for value in values]
        # an empty list or cell is a row with none of the classes; null in a column of lists is a row without a label
        labelled = np.array([bool(separator) or isinstance(value, list | np.ndarray) or bool(s) for value, s in zip(values, sets)], bool)
        if separator and not any(separator in str(value) for value in values):
            raise DataError(f"{name}: no cell of {column!r} holds the separator {separator!r}; one of them is {str(values[0])[:60]!r}"
                            if values else f"{name}: no row has both a text and a label")  # fmt: skip
    else:
        sets = [{cell} if (cell := _cell(value, column, name)) else set() for value in values]
        labelled = np.array([bool(s) for s in sets], bool)
    found = sorted(set().union(*sets))
    if names is not None:
        if unknown := [value for value in found if value not in names]:
            raise DataError(f"{name}: label {unknown[0]!r} has no name; known are {', '.join(names)}")
        sets, found = [{names[value] for value in s} for s in sets], list(names.values())
    if len(found) > MAX_CLASSES:
        raise DataError(f"{name}: column {column!r} holds {len(found)} different values; a label has at most {MAX_CLASSES}")
    number = {value: i for i, value in enumerate(found)}
    labels = np.zeros((len(sets), len(found)), np.uint8)
    for row, s in enumerate(sets):
        labels[row, [number[value] for value in s]] = 1
    return labels, found, labelled


def _classes(value, separator: str | None, column: str, name: str) -> set[str]:
    """The classes of one cell: a list, or text parted by the separator."""
    parts = list(value) if isinstance(value, list | np.ndarray) else [value]
    cells = [cell for part in parts if (cell := _cell(part, column, name))]
    return {part.strip() for cell in cells for part in (cell.split(separator) if separator else [cell]) if part.strip()}


def _indicators(name: str, frame: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    words = {"true": 1, "false": 0}  # what pandas writes of True and False
    values = frame.map(lambda cell: words.get(cell.strip().lower(), cell.strip()) if isinstance(cell, str) else cell)
    values = values.apply(pd.to_numeric, errors="coerce")
    for column in frame.columns:
        if not (right := values[column].isin([0, 1]) | ~rows).all():
            wrong = str(frame[column][~right].iloc[0])[:60]
            raise DataError(f"{name}: label column {column!r} holds values other than 0 and 1, for example {wrong!r}")
    return values.fillna(0).to_numpy().astype(np.uint8)
