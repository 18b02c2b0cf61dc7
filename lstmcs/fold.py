"""Fold: one training that is to be done, from the data it reads to the seeds it draws from (paper, section 4).

A run cuts a data set into ten parts; each of its folds tests on one part, validates on the next and trains on the other
eight. Split, batch order, initial weights and dropout masks depend on (seed, data set, run, fold) and never on the
alteration, so all alterations are compared on equal terms.
"""

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .alterations import alteration
from .errors import DataError, RecordError, visible

#: Goes into every key. Raise it when a change of the code changes results, so that old and new records never mix.
#: 1: the first edition: a few epochs, scores of the last one. 2: curves, initial weights drawn by NumPy, texts in NFC.
PROTOCOL = 2
SPLITS = 10  # 80-10-10: eight tenths to train on, one to validate, one to test
#: Id of a row that trains the unaltered cell on the same splits with other seeds: "reseed-1", "reseed-2", ...
RESEED = "reseed-"
_TYPES = {**dict.fromkeys(("dataset", "data_sha256", "model", "alteration"), str), **dict.fromkeys(("run", "fold", "seed", "reseed"), int),
          **dict.fromkeys(("preparation", "sizes", "training"), dict)}  # fmt: skip
_ALWAYS = ("dataset", "data_sha256", "preparation", "model", "sizes", "training", "alteration", "run", "fold", "seed")
_SORTED = json.JSONEncoder(sort_keys=True, ensure_ascii=True, allow_nan=False).encode
_NOT_BUILT = ("run", "fold", "seed", "reseed", "repeat")  # what differs between folds that one compiled program trains


@dataclass(frozen=True, eq=False)
class Fold:
    """One training. Two folds are equal when their keys are, that is, when everything below is.

    dataset, data_sha256, preparation: the documents, and the options that turned them into ids.
    model, sizes, training: a kind of models.kinds, its sizes and how it is trained. padding: "fixed" or "mask" for a model
    that reads ids. checkpoint: what a pre-trained model starts from.
    alteration: the formula, or "none". run, fold: numbers from 1. seed: the study's.
    reseed: 0, or the number of a row that trains the unaltered cell once more with other seeds.
    """

    dataset: str
    data_sha256: str
    preparation: Mapping
    model: str
    sizes: Mapping
    training: Mapping
    alteration: str
    run: int
    fold: int
    seed: int = 0
    padding: str | None = None
    checkpoint: Mapping | None = None
    reseed: int = 0
    protocol: int = PROTOCOL

    @classmethod
    def of(cls, config: Mapping, protocol: int = PROTOCOL) -> "Fold":
        """The fold that a record's configuration describes. Raises RecordError for anything else."""
        try:
            values = {("reseed" if (name, protocol) == ("repeat", 1) else name): value for name, value in config.items()}
            if "protocol" in values:
                raise TypeError("the protocol is none of its entries")
            found = cls(**values, protocol=protocol)
            if wrong := next((name for name, kind in _TYPES.items() if type(getattr(found, name)) is not kind), None) or found._wrong():
                raise TypeError(f"{wrong} is {str(getattr(found, wrong))[:80]!r}")
            found.dataset.encode()  # half of a pair of surrogates is no text
            alteration(found.alteration)
            found.key  # noqa: B018 - what is no strict JSON (NaN, infinity) has none
        except (TypeError, AttributeError, ValueError, RecursionError) as error:  # FormulaError and UnicodeEncodeError are ValueErrors
            raise RecordError(f"no fold's configuration: {error}") from None
        return found

    def _wrong(self) -> str | None:
        """A field whose type is right and whose value is none that a study gives; None where all are right."""
        right = {
            "fold": 1 <= self.fold <= SPLITS, "run": 1 <= self.run < 2**31, "seed": 0 <= self.seed < 2**31,
            "reseed": 0 <= self.reseed < 2**31,
            "sizes": set(map(type, self.sizes.values())) <= {int, float}, "training": set(map(type, self.training.values())) <= {int, float},
            "padding": self.padding is None or type(self.padding) is str,
            "checkpoint": self.checkpoint is None or (type(self.checkpoint) is dict and type(self.checkpoint.get("name")) is str),
        }  # fmt: skip
        return next((name for name, is_right in right.items() if not is_right), None)

    def __eq__(self, other):
        return isinstance(other, Fold) and self.key == other.key

    def __hash__(self):
        return hash(self.key)

    @cached_property
    def config(self) -> dict:
        """All of it as plain values: what a record keeps, and what its key is made of."""
        values = {name: getattr(self, name) for name in _ALWAYS}
        values |= {name: value for name in ("padding", "checkpoint") if (value := getattr(self, name)) is not None}
        return values | ({"repeat" if self.protocol == 1 else "reseed": self.reseed} if self.reseed else {})

    @cached_property
    def key(self) -> str:
        """Hash of the whole configuration and the protocol, 20 hex digits: the name of its record."""
        text = _SORTED({"protocol": self.protocol, **self.config})
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    @cached_property
    def build(self) -> str:
        """What is compiled: all that does not differ from fold to fold, as text."""
        return self._without(*_NOT_BUILT)

    @cached_property
    def setting(self) -> str:
        """What the cells that are compared share: all that is compiled but the alteration, as text."""
        return self._without(*_NOT_BUILT, "alteration")

    @cached_property
    def reads(self) -> str:
        """Which documents it reads, prepared how, as text: the same for folds of one prepared set."""
        return json.dumps([self.dataset, self.data_sha256, self.preparation], sort_keys=True)

    def _without(self, *names: str) -> str:
        return json.dumps({name: value for name, value in self.config.items() if name not in names}, sort_keys=True)

    @cached_property
    def cell(self) -> str:
        """Which cell it trains: the alteration's id, or "reseed-1" for the unaltered cell with other seeds."""
        return cell_of(self.alteration, self.reseed)

    @property
    def row(self) -> str:
        """The cell as a row of tables: with its model in front, unless that is the stacked Bi-LSTM."""
        return self.cell if self.model == "lstm" else f"{self.model} {self.cell}"

    @property
    def comparison(self) -> tuple[str, int, int]:
        """The folds that are compared with each other share this: data set, run, number."""
        return self.dataset, self.run, self.fold

    @property
    def label(self) -> str:
        """For a reader: "hasoc C-1 run 1 fold 2"."""
        return f"{visible(self.dataset)} {label(self.row)} run {self.run} fold {self.fold}"

    def seed_for(self, what: str) -> int:
        """A 31-bit seed for one purpose: "split", which a run's folds share, "weights", "order" or "dropout"."""
        parts = [what, self.seed, self.dataset, self.run, None if what == "split" else self.fold]
        if self.reseed and what != "split":
            parts.append(self.reseed)
        return int.from_bytes(hashlib.sha256(json.dumps(parts).encode()).digest()[:4], "big") >> 1

    def split(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row numbers to train on, to validate on and to test on. labels: 0/1 (documents, classes).

        The run's seed cuts the set into ten parts (by class where each document has one); fold k tests on part k and
        validates on part k + 1. Raises DataError for fewer documents than parts.
        """
        from sklearn.model_selection import KFold, StratifiedKFold  # here: a plan or a status splits nothing

        if len(labels) < SPLITS:
            raise DataError(f"{self.dataset}: {len(labels)} documents are too few for {SPLITS} folds")
        seed, parts = self.seed_for("split"), None
        if (labels.sum(axis=1) == 1).all():
            with warnings.catch_warnings():  # a class with fewer members than folds is no error here
                warnings.filterwarnings("ignore", message="The least populated class")
                cut = StratifiedKFold(SPLITS, shuffle=True, random_state=seed)
                try:
                    parts = [test for _, test in cut.split(labels, labels.argmax(axis=1))]
                except ValueError:  # every class has fewer members than folds
                    parts = None
        parts = parts or [test for _, test in KFold(SPLITS, shuffle=True, random_state=seed).split(labels)]
        k = self.fold - 1
        test, validation = parts[k], parts[(k + 1) % SPLITS]
        train = np.concatenate([part for j, part in enumerate(parts) if j not in (k, (k + 1) % SPLITS)])
        return np.sort(train), validation, test


def cell_of(formula: str, reseed: int = 0) -> str:
    """Which cell it is: the alteration's id, or "reseed-1" for the unaltered one with other seeds."""
    return f"{RESEED}{reseed}" if reseed else alteration(formula).id


def label(row: str) -> str:
    """A row's name as readers see it: "reseed-1" is "same cell, other seeds"."""
    before, found, number = row.partition(RESEED)
    return f"{before}same cell, other seeds{'' if number == '1' else f' {number}'}" if found else row


def is_reseed(cells) -> np.ndarray:
    """Which of these cells are the unaltered one with other seeds: a boolean array."""
    return np.array([str(cell).startswith(RESEED) for cell in cells], bool)
