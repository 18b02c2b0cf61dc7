"""A file's bytes as a table of cells: CSV, TSV, JSON lines and Parquet, packed or not. Read as data only: no code, no pickle.

Nothing is guessed about values ("NA", "null" and "001" are words) and nothing is lost in silence: a row that has more fields than
the header, or a cell in quotes that would be torn apart, is an error that names the line.
"""

import gzip
import io
import json
import re
import warnings
import zipfile
import zlib
from pathlib import Path

import pandas as pd

from ..errors import DataError
from ..files import size, up_to

FORMATS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".parquet": "parquet"}
PACKED = (".gz", ".zip")  # around any of FORMATS: my.csv.gz, my.zip with one such file in it
LIMIT = 2**31  # bytes of a file, and of what is unpacked from it
#: What to do with a file of another kind, by its ending.
HINTS = {
    **dict.fromkeys((".json", ".ndjson"), 'an object a line is read: frame.to_json("my.jsonl", orient="records", lines=True)'),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "save the sheet as CSV"),
    **dict.fromkeys((".pkl", ".pickle"), "a pickle can hold code, so none is read; save it as CSV or Parquet"),
    **dict.fromkeys((".bz2", ".xz", ".zst", ".7z", ".rar", ".tar", ".tgz"), f"unpack it first ({' and '.join(PACKED)} are read as they are)"),
    **dict.fromkeys((".feather", ".arrow", ".h5", ".dta", ".sav", ".rds"), 'save it as Parquet: frame.to_parquet("my.parquet")'),
    ".txt": "if its columns are parted by tabs or commas, name it .tsv or .csv",
}  # fmt: skip
SIGNS = {"csv": ",", "tsv": "\t"}
# dtype=str, no guessing; index_col=False: a row with more fields than the header is an error, not a shifted table
_PLAIN = {"dtype": str, "keep_default_na": False, "na_values": [""], "index_col": False}
_QUOTES_ARE_PLAIN = 3  # pandas' quoting
_ROWS = 1000  # of Parquet, unpacked at a time


def stem(path: Path) -> str:
    """The file's name without its endings: "my" of my.csv, my.csv.gz and my.zip."""
    return Path(path.stem).stem if path.suffix.lower() in PACKED and Path(path.stem).suffix.lower() in FORMATS else path.stem


def known(path: Path) -> bool:
    """Whether a file goes, by its name, for a table."""
    inner = Path(path.stem).suffix if path.suffix.lower() == ".gz" else path.suffix
    return path.suffix.lower() == ".zip" or inner.lower() in FORMATS


def table(content: bytes, path: Path) -> tuple[pd.DataFrame, list[str]]:
    """A file of one's own as a frame, and what is to be noted. Raises DataError."""
    file, notes = path.name, []
    if path.suffix.lower() in PACKED:
        content, path = _unpacked(content, path)
    form = FORMATS[path.suffix.lower()]
    if form not in SIGNS:
        return frame(content, form, file), notes
    text, quoted = _text(content, file), True
    if form == "tsv":
        quoted = _in_quotes(text)
        if not quoted:
            _check_quotes(text, file)
        elif '"' in text:
            notes.append("tab-separated with cells in quotes, which are read as in CSV")
    # a file whose header ends with "\n" may have "\r" inside its cells: pandas writes one without quotes
    end = re.search(r"\r\n|\n|\r", text)
    ends = {"lineterminator": "\n"} if end and end[0] == "\n" and "\r" in text else {}
    return _delimited(text, SIGNS[form], quoted, file, form, **ends), notes


def frame(content: bytes, form: str, file: str, columns: list[str] | None = None) -> pd.DataFrame:
    """The bytes of a registered file as a frame: quotes in TSV are plain characters. columns: names for a file without a header."""
    if form in SIGNS:
        return _delimited(_text(content, file), SIGNS[form], form == "csv", file, form, columns)
    if not content.strip():
        raise DataError(f"{file} is empty")
    try:
        found = _json_lines(_text(content, file)) if form == "jsonl" else _parquet(content)
    except Exception as error:  # each parser has its own errors; all of them mean: not such a file
        raise DataError(f"{file} cannot be read as {form}: {error}") from error
    return found.rename(columns=lambda c: str(c).strip())


def _text(content: bytes, file: str) -> str:
    if not content.strip():
        raise DataError(f"{file} is empty")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        what = "is UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "is not UTF-8"
        raise DataError(f"{file} {what} (byte 0x{content[error.start]:02x} in line {line}); save it as UTF-8") from None


def _delimited(text: str, sign: str, quoted: bool, file: str, form: str, columns: list[str] | None = None, **more) -> pd.DataFrame:
    content, options = text.encode(), _PLAIN | more | {"sep": sign} | ({} if quoted else {"quoting": _QUOTES_ARE_PLAIN})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            found = pd.read_csv(io.BytesIO(content), header=None if columns else 0, names=columns, **options)
            head = columns or pd.read_csv(io.BytesIO(content), header=None, nrows=1, **options).iloc[0]  # as they are: pandas renames twins
    except Exception as error:
        line = _longer_row(text, sign, quoted) or ("EOF inside string" in str(error) and _unclosed(text, sign))
        raise DataError(f"{file} cannot be read as {form}: {line or error}") from error
    found.columns = [str(given if pd.isna(name) else name).strip() for name, given in zip(head, found.columns)]
    return found


# === Cells in quotes ===


def _cells_in_quotes(sign: str) -> re.Pattern:
    """Whole cells in quotes, as CSV has them: quotes inside are doubled, and the cell ends with its second quote."""
    return re.compile(rf'(?:(?<=[{sign}\n\r])|\A)"[^"]*(?:""[^"]*)*"(?=[{sign}\r\n]|\Z)')


def _rows(text: str, sign: str, quoted: bool) -> list[tuple[int, int]]:
    """(line in which it begins, fields) of each row that is not blank, the header first."""
    if quoted:
        text = _cells_in_quotes(sign).sub(lambda cell: "_" + "\0" * cell[0].count("\n"), text.replace("\0", " "))
    rows, line = [], 1
    for row in text.split("\n"):
        if row.strip("\r\n"):
            rows.append((line, row.count(sign) + 1))
        line += 1 + (row.count("\0") if quoted else 0)
    return rows


def _longer_row(text: str, sign: str, quoted: bool) -> str:
    """Which row has more fields than the header, in words; empty if none has."""
    (_, fields), *rows = _rows(text, sign, quoted)
    found = next(((line, count) for line, count in rows if count > fields), None)
    return found and f"line {found[0]} has {found[1]} fields, the header {fields}"


def _unclosed(text: str, sign: str) -> str:
    """Which line begins a cell in quotes that has no end, in words; empty if none does."""
    text = _cells_in_quotes(sign).sub(lambda cell: "_" + "\n" * cell[0].count("\n"), text)
    found = re.search(rf'(?:(?<=[{sign}\n\r])|\A)"', text)
    return found and f"line {text[: found.start()].count(chr(10)) + 1} begins a cell in quotes that never ends"


def _in_quotes(text: str) -> bool:
    """Whether a TSV's quotes wrap cells, as pandas writes them, or are plain characters, as in many a raw file of posts.

    They wrap cells if each of them does so rightly and something cannot be meant otherwise: a header in quotes, a doubled quote inside
    a cell, or rows that have the header's number of fields only so.
    """
    if '"' not in text:
        return True
    cells = _cells_in_quotes("\t")
    if '"' in cells.sub("", text):
        return False
    found = [cell[0] for cell in cells.finditer(text)]
    if text.lstrip("\n\r").startswith('"') or any('""' in cell[1:-1] and not re.search(r"[\t\n]", cell) for cell in found):
        return True

    def wrong(quoted: bool) -> int:
        (_, fields), *rows = _rows(text, "\t", quoted)
        return sum(count != fields for _, count in rows)

    return wrong(True) < wrong(False)


def _check_quotes(text: str, file: str) -> None:
    """Raise DataError where quotes are plain characters, and yet a short row ends within a cell that begins with one."""
    lines = text.split("\n")
    (_, fields), *rows = _rows(text, "\t", False)
    for line, count in rows:
        last = lines[line - 1].rpartition("\t")[2].strip()
        if count < fields and last.startswith('"') and (last.count('"') % 2):
            raise DataError(
                f"{file}: line {line} begins a cell in quotes and has {count} of {fields} fields, but elsewhere quotes stand alone, so that "
                "they cannot be read as in CSV; save the file as CSV"
            )


# === Other formats ===


def _json_lines(text: str) -> pd.DataFrame:
    """An object a line, values as JSON has them (pandas would guess types, and stumbles over half a surrogate pair)."""
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                rows.append(json.loads(line, object_pairs_hook=_once))
            except (ValueError, RecursionError) as error:
                raise ValueError(f"line {number}: {error}") from None
            if not isinstance(rows[-1], dict):
                raise ValueError(f"line {number} is no object: {str(rows[-1])[:60]}")
    return pd.DataFrame(rows, dtype=object)


def _once(pairs: list[tuple[str, object]]) -> dict:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def _parquet(content: bytes) -> pd.DataFrame:
    """Integers stay integers beside gaps: as floats, those above 2^53 would fall together."""
    import pyarrow
    from pyarrow import parquet

    file, batches, unpacked = parquet.ParquetFile(io.BytesIO(content)), [], 0
    groups = [file.metadata.row_group(number).total_byte_size for number in range(file.metadata.num_row_groups)]
    _check_size(sum(groups))
    for batch in file.iter_batches(_ROWS):
        batches.append(batch)
        unpacked += batch.nbytes
        _check_size(unpacked)
    return pyarrow.Table.from_batches(batches, file.schema_arrow).to_pandas(integer_object_nulls=True)


def _unpacked(content: bytes, path: Path) -> tuple[bytes, Path]:
    """What a .gz or a .zip holds: bytes, and the name that they go by."""
    try:
        if path.suffix.lower() == ".gz":
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
                return _limited(file), Path(path.stem)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if Path(name).suffix.lower() in FORMATS and not name.startswith("__MACOSX/")]
            if len(names) != 1:
                what = (
                    f"{len(names)} files of a table, {', '.join(map(repr, names[:4]))}"
                    if names
                    else f"no file that ends in {', '.join(FORMATS)}"
                )
                raise DataError(f"{path.name} holds {what}; one is read, so unpack it and name the file")
            with archive.open(names[0]) as file:
                return _limited(file), Path(names[0])
    except DataError:
        raise
    except (OSError, EOFError, RuntimeError, ValueError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"{path.name} cannot be unpacked: {error}") from error


def _limited(file) -> bytes:
    content = up_to(file, LIMIT)
    _check_size(len(content))
    return content


def _check_size(count: int) -> None:
    if count > LIMIT:
        raise ValueError(f"unpacked it would be more than {size(LIMIT)}, the most that is read")
