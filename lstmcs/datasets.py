"""Data in: the sets of data/datasets.toml and anyone's own file, as texts and a 0/1 label matrix.

Every repair (a row without text or label left out) is counted and kept in `Dataset.notes`; everything else that is
wrong with a file is a DataError that names the file and what to do. Files are read as data only: no code, no pickle.
"""

import difflib
import hashlib
import io
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pandas as pd

from . import paths

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FORMATS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".parquet": "parquet"}
READERS = {
    # dtype=str, no guessing: "NA", "null" and "001" in a text or label column are words, not numbers or gaps
    "csv": lambda f, names: pd.read_csv(f, dtype=str, keep_default_na=False, na_values=[""], header=None if names else 0, names=names),
    "tsv": lambda f, names: pd.read_csv(f, dtype=str, keep_default_na=False, na_values=[""], header=None if names else 0, names=names,
                                        sep="\t", quoting=3),
    "jsonl": lambda f, _: pd.read_json(f, lines=True, dtype=False, convert_dates=False),
    "parquet": lambda f, _: pd.read_parquet(f),
}  # fmt: skip


class DataError(ValueError):
    """A data set that cannot be found, fetched or read; the message says which, why and what to do."""


@dataclass(frozen=True)
class Dataset:
    """Documents and their classes.

    texts: tuple of str, raw. labels: uint8 array (documents, classes), 1 where a document has a class.
    notes: what was repaired or is worth knowing, one sentence each. sha256: of texts, labels and class names.
    """

    name: str
    texts: tuple[str, ...]
    labels: np.ndarray
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    title: str = ""
    epochs: int | None = None

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


def registry() -> dict[str, dict]:
    """data/datasets.toml as a dictionary name -> entry."""
    return tomllib.loads(paths.shared("data", "datasets.toml").read_text(encoding="utf-8"))


def load_dataset(name_or_path: str | Path, *, text: str | None = None, label: str | list[str] | None = None) -> Dataset:
    """A set of the registry by name, or a file of one's own (CSV, TSV, JSONL, Parquet) by path.

    text, label: column names of one's own file; several label columns mean 0/1 columns, one a class. As one string:
    "my.csv?text=body&label=tag" (repeat `label=` for several). Raises DataError.
    """
    entries = registry()
    source = str(name_or_path)
    if source in entries:
        if text or label:
            raise DataError(f"{source!r} is a registered data set; its columns are fixed, so text= and label= do not apply")
        return _registered(source, entries[source])
    path, _, query = source.partition("?")
    if Path(path).suffix.lower() not in FORMATS:
        near = difflib.get_close_matches(source, list(entries), n=1)
        hint = f"; nearest: {near[0]!r}" if near else ""
        raise DataError(
            f"unknown data set {source!r}{hint}. Known: {', '.join(sorted(entries))}; or a path that ends in {', '.join(FORMATS)}"
        )
    options = _query(query, source)
    return _own(Path(path).expanduser(), text or options.get("text", [None])[0], label or options.get("label"))


def _query(query: str, source: str) -> dict[str, list[str]]:
    options = parse_qs(query, keep_blank_values=True)
    if unknown := sorted(set(options) - {"text", "label"}):
        raise DataError(f"in {source!r}: unknown option {unknown[0]!r}; allowed: text, label (my.csv?text=body&label=tag)")
    return options


def _registered(name: str, entry: dict) -> Dataset:
    content = locate(name, entry).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if "sha256" in entry and digest != entry["sha256"]:
        raise DataError(f"{name}: {entry['file']} is not the expected file (sha256 {digest[:12]}…, expected {entry['sha256'][:12]}…)")
    if member := entry.get("member"):
        content = zipfile.ZipFile(io.BytesIO(content)).read(member)
    frame = _read(content, entry["format"], entry["file"], entry.get("columns"))
    return _dataset(name, frame, entry["text"], entry["label"], title=entry["title"], epochs=entry.get("epochs"))


def locate(name: str, entry: dict) -> Path:
    """The set's file: bundled, in LSTMCS_DATA/<name>/, downloaded before, or downloaded now (hash checked)."""
    if "url" not in entry:
        return paths.shared("data", entry["file"])
    local = paths.local_datasets()
    if local and (local / name / entry["file"]).is_file():
        return local / name / entry["file"]
    import pooch  # here: most runs never download

    try:
        cache = pooch.create(
            paths.downloads_dir() / name, base_url="", registry={entry["file"]: f"sha256:{entry['sha256']}"},
            urls={entry["file"]: entry["url"]}, retry_if_failed=2,
        )  # fmt: skip
        return Path(cache.fetch(entry["file"], progressbar=sys.stderr.isatty()))
    except Exception as error:  # pooch passes on whatever requests, the file system or its hash check raise
        raise DataError(
            f"{name}: could not fetch {entry['url']} ({type(error).__name__}: {error}). "
            f"Put the file at <folder>/{name}/{entry['file']} and set LSTMCS_DATA=<folder>"
        ) from error


def _own(path: Path, text: str | None, label: str | list[str] | None) -> Dataset:
    if not path.is_file():
        raise DataError(f"no such file: {path}")
    frame = _read(path.read_bytes(), FORMATS[path.suffix.lower()], path.name)
    label = label[0] if isinstance(label, list) and len(label) == 1 else label
    return _dataset(path.stem, frame, text or "text", label or "label", title=path.name)


def _read(content: bytes, format: str, file: str, columns: list[str] | None = None) -> pd.DataFrame:
    if not content.strip():
        raise DataError(f"{file} is empty")
    if format != "parquet":
        try:
            content = content.decode("utf-8-sig").encode()
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise DataError(f"{file} is not UTF-8 (byte 0x{content[error.start]:02x} in line {line}); save it as UTF-8") from None
    try:
        frame = READERS[format](io.BytesIO(content), columns)
    except Exception as error:  # each parser has its own errors; all of them mean: not such a file
        raise DataError(f"{file} cannot be read as {format}: {error}") from error
    return frame.rename(columns=lambda c: str(c).strip())


def _dataset(name: str, frame: pd.DataFrame, text, label, **extra) -> Dataset:
    text_columns = [text] if isinstance(text, str) else list(text)
    label_columns = [label] if isinstance(label, str) else list(label)
    for column in text_columns + label_columns:
        if column not in frame.columns:
            near = difflib.get_close_matches(column, list(frame.columns), n=1)
            hint = f"; nearest: {near[0]!r}" if near else ""
            raise DataError(f"{name}: no column {column!r}{hint}. Columns are {', '.join(map(repr, frame.columns))}")
    if frame.empty:
        raise DataError(f"{name}: no row has both a text and a label")
    notes = []
    texts = frame[text_columns].astype("string").fillna("").agg(" ".join, axis=1).str.strip()
    unlabelled = frame[label_columns].isna().any(axis=1)
    for rows, what in ((texts == "", "without text"), (unlabelled & (texts != ""), "without a label")):
        if rows.any():
            notes.append(f"{int(rows.sum())} row(s) {what} left out")
    keep = (texts != "") & ~unlabelled
    texts, frame = texts[keep], frame[keep]
    if texts.empty:
        raise DataError(f"{name}: no row has both a text and a label")
    if repeated := int(texts.duplicated().sum()):
        notes.append(f"{repeated} row(s) repeat an earlier text and are kept")
    if len(label_columns) == 1:
        values = frame[label_columns[0]].astype("string").str.strip()
        classes = sorted(values.unique())
        labels = (values.to_numpy()[:, None] == np.array(classes, object)[None, :]).astype(np.uint8)
    else:
        classes, labels = label_columns, _indicators(name, frame[label_columns])
    if len(classes) < 2:
        raise DataError(f"{name}: only one class, {classes[0]!r}; a classifier needs at least two")
    return Dataset(name, tuple(texts), labels, tuple(classes), tuple(notes), **extra)


def _indicators(name: str, frame: pd.DataFrame) -> np.ndarray:
    values = frame.apply(pd.to_numeric, errors="coerce")
    if wrong := [c for c in frame.columns if not values[c].isin([0, 1]).all()]:
        raise DataError(f"{name}: label column {wrong[0]!r} holds values other than 0 and 1")
    return values.to_numpy(np.uint8)
