"""An edition: what a study has on record as one Parquet file, small enough to be committed and cited.

A row a fold: the columns of records.results, and the whole record as JSON, without its test predictions. Given as
`records_dir`, the file is read where a folder of records would be: the same pages are made of it without records, data or
training. records.export writes such a file, records.restore makes records of it again, so that a study goes on where an
edition ended. Other readings of the predictions need the records themselves.
"""

import json
from functools import lru_cache
from pathlib import Path

import pandas as pd

from .sources import nearest

ENDING = ".parquet"
_OF_A_FOLD = ("alteration", "repeat", "run", "fold", "seed")


class EditionError(ValueError):
    """A file that is no edition, or does not hold what is asked of it."""


def is_one(place: "str | Path | None") -> bool:
    """Whether `place` names an edition, not a folder of records."""
    return place is not None and Path(place).suffix == ENDING


def write(rows: pd.DataFrame, heads: list[dict], file: Path) -> None:
    """`rows`, each with the record it comes from, to `file`; whole or not at all."""
    frame = rows.assign(record=[json.dumps(head, sort_keys=True) for head in heads]).convert_dtypes()
    frame = frame.sort_values(["dataset", "model", "run", "fold", "alteration"], kind="stable", ignore_index=True)
    temporary = Path(file).with_suffix(".tmp")
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    try:
        frame.to_parquet(temporary, compression="zstd", index=False)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def heads(file: "str | Path") -> list[dict]:
    """The records of an edition, without predictions. Raises EditionError."""
    try:
        return _heads(str(file), Path(file).stat().st_mtime_ns)
    except FileNotFoundError:
        raise EditionError(f"no such file: {file}") from None
    except (OSError, ValueError, KeyError) as error:
        raise EditionError(f"{file} is no edition of this study ({str(error)[:120]})") from None


@lru_cache(maxsize=2)
def _heads(file: str, _changed: int) -> list[dict]:
    found = [json.loads(text) for text in pd.read_parquet(file, columns=["record"])["record"]]
    if not all(isinstance(head, dict) and {"config", "key", "state"} <= set(head) for head in found):
        raise ValueError("a row holds no record")
    return found


def configurations(file: "str | Path", dataset: str) -> dict[str, dict]:
    """Model -> what all its folds on this data set have in common. Raises EditionError for a set that the edition does not hold."""
    known, found = {}, {}
    for head in heads(file):
        config = head["config"]
        known[config["dataset"]] = True
        if config["dataset"] == dataset:
            found.setdefault(config["model"], {k: v for k, v in config.items() if k not in _OF_A_FOLD})
    if not found:
        raise EditionError(f"{Path(file).name} holds no data set {dataset!r}{nearest(dataset, known)}. It holds {', '.join(known)}")
    return found


def extent(file: "str | Path") -> dict:
    """The study that an edition is of: its data sets, models and runs, as Settings takes them. Raises EditionError."""
    configs = [head["config"] for head in heads(file)]
    named = {plural: list(dict.fromkeys(c[name] for c in configs)) for plural, name in (("datasets", "dataset"), ("models", "model"))}
    return named | {"runs": max(c["run"] for c in configs)}
