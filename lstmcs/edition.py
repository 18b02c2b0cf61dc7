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

from .alterations import ALTERATIONS, alteration
from .paths import whole
from .sources import nearest

ENDING = ".parquet"
_OF_A_FOLD = ("alteration", "repeat", "run", "fold", "seed")


class EditionError(ValueError):
    """A file that is no edition, or does not hold what is asked of it."""


def is_one(place: "str | Path | None") -> bool:
    """Whether `place` names an edition, not a folder of records."""
    return place is not None and Path(place).suffix == ENDING


def write(rows: pd.DataFrame, heads: list[dict], file: Path) -> None:
    """`rows`, each with the record it comes from, to `file`; whole or not at all. Raises EditionError."""
    one_study(heads)
    frame = rows.assign(record=[json.dumps(head, sort_keys=True) for head in heads]).convert_dtypes()
    frame = frame.sort_values(["dataset", "model", "run", "fold", "alteration"], kind="stable", ignore_index=True)
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    with whole(Path(file)) as temporary:
        frame.to_parquet(temporary, compression="zstd", index=False)


def heads(file: "str | Path") -> list[dict]:
    """The records of an edition, without predictions. Raises EditionError."""
    try:
        return _heads(str(file), Path(file).stat().st_mtime_ns)
    except FileNotFoundError:
        raise EditionError(f"no such file: {file}") from None
    except EditionError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EditionError(f"{file} is no edition of this study ({str(error)[:120]})") from None


@lru_cache(maxsize=2)
def _heads(file: str, _changed: int) -> list[dict]:
    found = [json.loads(text) for text in pd.read_parquet(file, columns=["record"])["record"]]
    if not all(isinstance(head, dict) and {"config", "key", "state"} <= set(head) for head in found):
        raise ValueError("a row holds no record")
    one_study(found)
    return found


def one_study(heads: list[dict]) -> None:
    """Raises EditionError for records of several studies (two presets, paddings, checkpoints or seeds): one would hide the other."""
    first, seeds = {}, sorted({head["config"]["seed"] for head in heads})
    if len(seeds) > 1:
        raise EditionError(f"records of seeds {' and '.join(map(str, seeds))} lie together; an edition is of one")
    for head in heads:
        config = head["config"]
        common = {name: value for name, value in config.items() if name not in _OF_A_FOLD}
        before = first.setdefault((config["dataset"], config["model"]), common)
        if differ := sorted(name for name in before | common if before.get(name) != common.get(name)):
            raise EditionError(f"records of two studies of {config['dataset']} with {config['model']} lie together (they differ in "
                               f"{', '.join(differ)}); an edition is of one: keep each study's records in a folder of its own")  # fmt: skip


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


def runs(file: "str | Path", dataset: str) -> dict[str, int]:
    """Model -> runs that the edition holds of it on this data set; more runs may have gone where they buy most."""
    found = {}
    for config in (head["config"] for head in heads(file)):
        if config["dataset"] == dataset:
            found[config["model"]] = max(found.get(config["model"], 0), config["run"])
    return found


def extent(file: "str | Path") -> dict:
    """The study that an edition is of, as Settings takes it: data sets, models, runs and seed; own formulas and rows of the
    yardstick where it has more than any study. Raises EditionError."""
    configs = [head["config"] for head in heads(file)]
    named = {plural: list(dict.fromkeys(c[name] for c in configs)) for plural, name in (("datasets", "dataset"), ("models", "model"))}
    formulas = list(dict.fromkeys(c["alteration"] for c in configs))
    if any(alteration(formula).id not in ALTERATIONS for formula in formulas):
        named["alterations"] = formulas
    rows = max(c.get("repeat", 0) for c in configs)
    return named | {"runs": max(c["run"] for c in configs), "seed": configs[0]["seed"]} | ({"yardstick": rows} if rows > 1 else {})
