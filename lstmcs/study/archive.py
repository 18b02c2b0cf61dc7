"""A store of records as one Parquet file, small enough to be committed and cited: an edition.

A row a fold: the columns of record.frame, and the whole record as JSON, without its test predictions. Given as
`records_dir`, the file is read where a folder of records would be: the same pages are made of it without records, data or
training. Other readings of the predictions need the records themselves.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path

import pandas as pd

from .. import environment, files, metrics, rules
from ..alterations import ALTERATIONS, alteration
from ..errors import EditionError, RecordError, nearest, visible
from ..fold import PROTOCOL, SPLITS, Fold
from ..models.kinds import KINDS, START
from ..record import check, curve_frame, frame, line
from .records import Folder, cost_in, row, worth

ENDING = ".parquet"
_OF_A_FOLD = ("alteration", "reseed", "run", "fold", "seed")  # what differs within one study of a data set and model
_VARIED = ("training", "sizes", "padding", "preparation")  # what a grid of protocols varies


def store(place: "str | Path | None" = None, several: bool = False) -> "Folder | Archive":
    """The store that `place` names: an edition (a .parquet file), or a folder of records (None: the study's own). several: as for Archive.

    An edition is looked for from the working folder, then among what travels with the package: "reports/second-edition/results.parquet"
    is the committed one wherever a notebook is opened.
    """
    place = Path(place or environment.records_dir())
    if place.suffix != ENDING:
        return Folder(place)
    return Archive(shared if not place.exists() and (shared := environment.shared(str(place))).exists() else place, several)


class Archive:
    """An edition; read only.

    path: the file. several: it may be of a grid of protocols, and hold one study under each. Raises EditionError, here and from every method,
    for a file that is no edition.
    """

    trains = False  # nothing can be written here

    def __init__(self, path: "str | Path", several: bool = False):
        self.path, self.several = Path(path), several
        self._rows  # noqa: B018 - a wrong file ends here

    def __str__(self):
        return str(self.path)

    @cached_property
    def _rows(self) -> dict[Fold, dict]:
        """Fold -> its record, without predictions."""
        try:
            found = _read(str(self.path), self.path.stat().st_mtime_ns)
            _one_study(list(found), self.several)
            return found
        except FileNotFoundError:
            known = [f"reports/{file.parent.name}/{file.name}" for file in sorted(environment.shared("reports").glob(f"*/*{ENDING}"))]
            raise EditionError(
                f"no such file: {visible(self.path)}{nearest(self.path, known)}; the editions of this project are {', '.join(known)}"
            ) from None
        except EditionError as problem:
            raise EditionError(f"{visible(self.path)}: {problem}") from None
        except RecordError as problem:
            raise EditionError(f"{visible(self.path)} is no edition of this study ({problem})") from None
        except Exception as error:  # whatever a Parquet reader makes of a file that is none
            what = " ".join(visible(error).split())[:120] or type(error).__name__
            raise EditionError(f"{visible(self.path)} is no edition of this study ({what})") from None

    def heads(self) -> list[dict]:
        """Every record, without predictions."""
        return list(self._rows.values())

    def states(self, folds: Iterable[Fold], set_aside: bool = False) -> dict[Fold, str]:
        """Fold -> "done", "failed" or "missing"; there is nothing to set aside."""
        return {fold: self._rows[fold]["state"] if fold in self._rows else "missing" for fold in folds}

    def finished(self, fold: Fold) -> bool:
        """Whether `fold` is on record as done."""
        return fold in self._rows and self._rows[fold]["state"] == "done"

    def rows(
        self, folds: Iterable[Fold] | None = None, reading: str = "paper", macro: str = "mean", rule: "str | Mapping[str, int]" = rules.DEFAULT
    ) -> pd.DataFrame:  # fmt: skip
        """The results as one tidy frame, a row a fold; see records.Folder.rows. Raises EditionError for another reading."""
        metrics.check_reading(reading, macro)
        if (reading, macro) != ("paper", "mean"):
            raise EditionError(f"{self.path.name} holds no predictions: reading {reading!r}, macro {macro!r} needs the records")
        return frame(row(head, rule) for head in self._wanted(folds))

    def curves(self, folds: Iterable[Fold] | None = None) -> pd.DataFrame:
        """The learning curves as one tidy frame, a row a fold and epoch; see record.CURVE."""
        return curve_frame(self._wanted(folds))

    def _wanted(self, folds: Iterable[Fold] | None) -> list[dict]:
        return [self._rows[fold] for fold in (self._rows if folds is None else folds) if fold in self._rows]

    def cost(self, fold: Fold) -> dict | None:
        """What BERT-base would cost on a fold, from the folder `cost` beside the file; None where it was never measured."""
        return cost_in(self.path.parent / "cost" / f"{fold.key}.json")

    def models(self, dataset: str) -> dict[str, tuple[Fold, int]]:
        """Model -> (a fold of it on this data set, how many runs the edition holds of it); more runs may have gone where they
        buy most. Raises EditionError for a data set that the edition does not hold."""
        found = {}
        for fold in self._rows:
            if fold.dataset == dataset:
                first, runs = found.get(fold.model, (fold, 0))
                found[fold.model] = first, max(runs, fold.run)
        if not found:
            known = list(dict.fromkeys(fold.dataset for fold in self._rows))
            raise EditionError(f"{self.path.name} holds no data set {dataset!r}{nearest(dataset, known)}. It holds {', '.join(known)}")
        return found

    def extent(self) -> dict:
        """The study that it is of, as Settings takes it: data sets, models, runs and seed; the preset of all cells where it holds
        more than those of a first study; own formulas, and rows with other seeds where it has more than any study."""
        folds = list(self._rows)
        held, order = {f.model for f in folds}, list(KINDS)
        named = {
            "datasets": list(dict.fromkeys(f.dataset for f in folds)),
            "models": sorted(held, key=lambda model: (order.index(model) if model in order else len(order), model)),
        }
        cells = list(dict.fromkeys(alteration(f.alteration).id for f in folds))
        if set(cells) - set(ALTERATIONS):
            named["alterations"] = cells
        elif set(cells) - set(START):
            named["preset"] = "quick"
        elif set(cells) < set(START):
            named["alterations"] = cells
        if (most := max(f.fold for f in folds)) < SPLITS:
            named["folds"] = most
        reseeds = max(f.reseed for f in folds)
        return named | {"runs": max(f.run for f in folds), "seed": folds[0].seed} | ({"reseeds": reseeds} if reseeds != 1 else {})

    def restore(self, folder: Folder) -> int:
        """Its records into a folder, without predictions; what is there already and says as much or more stays, also where it was
        written meanwhile. How many were new.

        Raises EditionError where they were written under another protocol: they would pass for results of this one.
        """
        if other := {fold.protocol for fold in self._rows} - {PROTOCOL}:
            raise EditionError(f"{self.path} holds records of protocol {', '.join(map(str, other))}; this is protocol {PROTOCOL}")
        new = 0
        for fold, head in self._rows.items():
            if folder.worth(fold) < worth(head, False):
                folder.write(fold, {k: v for k, v in head.items() if k not in ("config", "key", "protocol")}, {})
                new += 1
        return new


def export(folder: Folder, file: "str | Path", several: bool = False) -> int:
    """Every whole record of a folder as an edition, whole or not at all; returns how many. several: as for Archive. Raises EditionError."""
    heads = list(folder.heads())
    if not heads:
        raise EditionError(f"no record in {folder}: there is nothing to export")
    _one_study([check(head) for head in heads], several)
    rows = pd.DataFrame([row(head) for head in heads]).assign(record=[line(head, sort=True) for head in heads]).convert_dtypes()
    rows = rows.sort_values(["dataset", "model", "run", "fold", "alteration"], kind="stable", ignore_index=True)
    files.folder(Path(file).parent)
    with environment.whole(Path(file)) as temporary:
        rows.to_parquet(temporary, compression="zstd", index=False)
    return len(heads)


@lru_cache(maxsize=2)
def _read(file: str, _changed: int) -> dict[Fold, dict]:
    """Fold -> its record. Raises EditionError, RecordError, and what a Parquet reader raises."""
    files.check(file)
    texts = list(pd.read_parquet(file, columns=["record"])["record"])
    if not texts:
        raise EditionError("it holds no record")
    found = {}
    for number, text in enumerate(texts, 1):
        try:
            if not isinstance(text, str):
                raise RecordError("a record is a text")
            head = json.loads(text)
            if (fold := check(head)) in found:
                raise RecordError(f"{fold.label} is there twice")
        except (ValueError, RecursionError) as problem:
            raise RecordError(f"row {number}: {visible(problem)[:300]}") from None
        found[fold] = head
    return found


def _one_study(folds: list[Fold], several: bool = False) -> None:
    """Raises EditionError for records of several studies (two protocols, presets, paddings, checkpoints or seeds): one would hide the other.
    several: they may differ in what a grid of protocols varies, because its names tell them apart."""
    first, seeds = {}, sorted({fold.seed for fold in folds})
    if len(protocols := sorted({fold.protocol for fold in folds})) > 1:
        raise EditionError(f"records of protocols {' and '.join(map(str, protocols))} lie together; an edition is of one")
    if len(seeds) > 1:
        raise EditionError(f"records of seeds {' and '.join(map(str, seeds))} lie together; an edition is of one")
    for fold in folds:
        common = {name: value for name, value in fold.config.items() if name not in (*_OF_A_FOLD, "repeat", *(_VARIED if several else ()))}
        before = first.setdefault((fold.dataset, fold.model), common)
        if differ := sorted(name for name in before | common if before.get(name) != common.get(name)):
            raise EditionError(f"records of two studies of {fold.dataset} with {fold.model} lie together (they differ in "
                               f"{', '.join(differ)}); an edition is of one: keep each study's records in a folder of its own, "
                               "or name the grid of protocols that they are of")  # fmt: skip
