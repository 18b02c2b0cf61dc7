"""What a study is asked to do, and the folds that follow from it. Imports no TensorFlow.

A plan is a list of fold configurations, run by run and alteration by alteration; each configuration is one record's key.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from . import checkpoints, edition, kinds, paths, records, sources
from .alterations import ALTERATIONS, alteration
from .datasets import Dataset, load_dataset
from .preparation import Preparation
from .preprocess import Prepared, data_config, prepare
from .sources import DataError

#: Sizes of a study. `standard` costs 30 % of `paper` and needs an effect only 11 % larger to see it.
PRESETS = {
    "smoke": {"runs": 1, "folds": 2, "epochs": 1, "sizes": "smoke", "alterations": ("none", "C-1", "H-2"), "yardstick": 0},
    "quick": {"runs": 1, "folds": 10, "yardstick": 1},
    "standard": {"runs": 3, "folds": 10, "yardstick": 1},
    "paper": {"runs": 10, "folds": 10, "yardstick": 1},
}  # fmt: skip
PADDINGS = ("fixed", "mask")
TRAINING = {"epochs": 5, "batch_size": 32, "learning_rate": 0.001}


class SettingsError(ValueError):
    """An unknown parameter, or a value it cannot take; the message names the allowed ones."""


@dataclass(frozen=True)
class Settings:
    """What a study is asked to do; the same names, in the same order, as every notebook's parameters.

    preset: smoke | quick | standard | paper. datasets, alterations: names; empty alterations mean the preset's, which
    is all 18 but for smoke. models: kinds of kinds.KINDS; "lstm" has every alteration and the yardstick, "simple" the
    alterations too, but of all 18 only none, C-1 and H-2; "bert", "bert-prepared" and "tfidf" have no cell to alter, so one
    row. checkpoint: where BERT starts, see checkpoints.py. runs, folds: None means the preset's; folds counts those done of ten. yardstick: how many
    rows to add that train the unaltered cell again, on the same splits, with other seeds (None means the preset's: 1, none
    for smoke). workers: processes; 0 trains in this process. padding: "fixed" as the paper, or "mask" (see batches.py). records_dir: folder of the
    records, or an edition (a .parquet file, see edition.py); None means the study's own. train: False only shows what is on
    record, as is always so for an edition.
    """

    preset: str = "quick"
    datasets: tuple[str, ...] = ("robo",)
    alterations: tuple[str, ...] = ()
    models: tuple[str, ...] = ("lstm",)
    checkpoint: str = "google-bert/bert-base-uncased"
    runs: int | None = None
    folds: int | None = None
    seed: int = 0
    yardstick: int | None = None
    workers: int | None = None
    padding: str = "fixed"
    records_dir: str | None = None
    train: bool = True

    def __post_init__(self):
        def put(name, value):
            object.__setattr__(self, name, value)

        for name, kind, what in (("preset", str, "a name"), ("padding", str, "a name"), ("train", bool, "True or False")):
            if not isinstance(getattr(self, name), kind):
                raise SettingsError(f"{name} must be {what}, not {getattr(self, name)!r}")
        if not (self.records_dir is None or isinstance(self.records_dir, str | Path)) or "\0" in str(self.records_dir):
            raise SettingsError(f"records_dir must be a folder's name, not {self.records_dir!r}")
        if edition.is_one(self.records_dir):
            edition.heads(self.records_dir)  # wrong files end here
            put("train", False)
        elif self.records_dir is not None and Path(self.records_dir).exists() and not Path(self.records_dir).is_dir():
            raise SettingsError(f"records_dir {str(self.records_dir)!r} is a file, not a folder")
        if self.preset not in PRESETS:
            raise SettingsError(f"unknown preset {self.preset!r}{_nearest(self.preset, PRESETS)}; presets are {', '.join(PRESETS)}")
        preset = PRESETS[self.preset]
        put("datasets", _names(self.datasets, "datasets"))
        names = _names(self.alterations, "alterations") or preset.get("alterations", tuple(ALTERATIONS))
        # the unaltered cell is always there: every comparison is with it
        put("alterations", tuple(dict.fromkeys(alteration(a).id for a in ("none", *names))))
        put("models", _names(self.models, "models"))
        if unknown := [name for name in self.models if name not in kinds.KINDS]:
            raise SettingsError(f"unknown model {unknown[0]!r}{_nearest(unknown[0], kinds.KINDS)}; models are {', '.join(kinds.KINDS)}")
        if not isinstance(self.checkpoint, str) or not self.checkpoint.strip():
            raise SettingsError(f"checkpoint must be a name or a folder, not {self.checkpoint!r}")
        for name, low, high in (("runs", 1, 1000), ("folds", 1, 10), ("seed", 0, 2**31 - 1), ("yardstick", 0, 17), ("workers", 0, 512)):
            value = getattr(self, name)
            if value is None and name != "seed":
                put(name, preset.get(name) if name in preset else min(2, os.cpu_count() or 1))
            elif isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise SettingsError(f"{name} must be a whole number from {low} to {high}, not {value!r}")
        if self.padding not in PADDINGS:
            raise SettingsError(f"padding must be {' or '.join(map(repr, PADDINGS))}, not {self.padding!r}")
        for name, example in (("datasets", "robo"), ("models", "lstm")):
            if not getattr(self, name):
                raise SettingsError(f"{name} is empty; name at least one, for example {example}")

    @classmethod
    def of(cls, **parameters) -> "Settings":
        """Settings from loose parameters; an unknown name is an error that gives the nearest known one."""
        known = list(cls.__dataclass_fields__)
        if unknown := sorted(set(parameters) - set(known)):
            raise SettingsError(f"unknown parameter {unknown[0]!r}{_nearest(unknown[0], known)}; parameters are {', '.join(known)}")
        return cls(**parameters)

    def parameters(self) -> dict:
        """As plain values, for papermill."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


class PreparedSets(Mapping):
    """Name -> prepared set, each prepared when it is first asked for: a status needs none of them.

    datasets: name -> data set; None for one of an edition, whose data are looked for only when they are asked for.
    """

    def __init__(self, datasets: dict[str, Dataset | None]):
        self._datasets, self._prepared = datasets, {}

    def __getitem__(self, name: str) -> Prepared:
        if name not in self._prepared:
            if not self.at_hand(name):
                raise DataError(f"{name}: only results are at hand, not the data")
            self._prepared[name] = prepare(self._datasets[name] or load_dataset(name))
        return self._prepared[name]

    def at_hand(self, name: str) -> bool:
        """Whether the data are here, so that asking for them downloads nothing."""
        return self._datasets[name] is not None or (name in (known := sources.registry()) and bool(sources.at_hand(name, known[name])))

    def __iter__(self) -> Iterator[str]:
        return iter(self._datasets)

    def __len__(self) -> int:
        return len(self._datasets)


@dataclass(frozen=True)
class Plan:
    """All folds of a study: `folds` are configurations, `data` the prepared sets they need."""

    settings: Settings
    data: Mapping[str, Prepared]
    folds: tuple[dict, ...]

    @property
    def folder(self) -> Path:
        return Path(self.settings.records_dir or paths.records_dir())

    def path(self, config: dict) -> Path:
        return self._paths.get(id(config)) or records.path_of(config, self.folder)

    @cached_property
    def _paths(self) -> dict[int, Path]:
        """By the identity of this plan's configurations: hashing thousands of them again and again takes seconds."""
        return {id(config): records.path_of(config, self.folder) for config in self.folds}

    @property
    def size(self) -> str:
        """Runs and folds, in words; an edition may have more runs of one data set or model than of another."""
        runs = {}
        for config in self.folds:
            name = config["dataset"], config["model"]
            runs[name] = max(runs.get(name, 0), config["run"])
        low, high = min(runs.values(), default=0), max(runs.values(), default=0)
        return f"{f'{low} to ' if low < high else ''}{high} run{'s' * (high > 1)} x {self.settings.folds} folds"

    def states(self) -> dict[str, str]:
        """Record path -> "done", "failed" or "missing"; a file that is no whole record is set aside and said so."""
        return records.states(map(self.path, self.folds))

    def results(self, reading: str = "paper", macro: str = "mean") -> pd.DataFrame:
        """The records at hand, a row a fold; see records.results."""
        return records.results(map(self.path, self.folds), reading, macro)


def plan(settings: Settings) -> Plan:
    """Load the data, and list every fold; data are prepared when they are first asked for. Raises DataError, FormulaError.

    Of an edition, no data are loaded; a model or a run that it does not hold for a data set is not planned.
    """
    data, folds = {}, []
    for source in settings.datasets:
        if edition.is_one(settings.records_dir):
            name, dataset, about, known = source, None, {}, edition.configurations(settings.records_dir, source)
            models, held = {kind: known[kind] for kind in settings.models if kind in known}, edition.runs(settings.records_dir, source)
        else:
            dataset = load_dataset(source)
            name, about = dataset.name, data_config(dataset, Preparation.of(dataset.preparation, dataset.name))
            models, held = {kind: _model(kind, dataset, settings) for kind in settings.models}, {}
        if name in data:
            raise SettingsError(f"two data sets are named {name!r}; rename one of the files")
        data[name] = dataset
        cells = [(kind, alteration(name).key, {"repeat": n} if n else {})
                 for kind in models for name, n in kinds.cells(kind, settings.alterations, settings.yardstick)]  # fmt: skip
        folds += [
            {**about, **models[kind], "alteration": key, "run": run, "fold": fold, "seed": settings.seed, **repeat}
            for run in range(1, settings.runs + 1)
            for kind, key, repeat in cells
            if run <= held.get(kind, run)
            for fold in range(1, settings.folds + 1)
        ]  # fmt: skip
    return Plan(settings, PreparedSets(data), tuple(folds))


def _model(name: str, dataset: Dataset, settings: Settings) -> dict:
    """What a fold's configuration says of its model; only what matters to this kind enters its records' keys."""
    kind, preset = kinds.KINDS[name], PRESETS[settings.preset]
    epochs = preset.get("epochs") or dataset.epochs or TRAINING["epochs"]
    config = {"model": name, "sizes": getattr(kind, preset.get("sizes", "sizes"))}
    if kind.text == "ids":
        return config | {"padding": settings.padding, "training": TRAINING | {"epochs": epochs}}
    config |= {"training": kind.training}
    if kind.checkpoint:
        config["checkpoint"] = checkpoints.identity(settings.checkpoint)
        config["training"] = kind.training | ({"epochs": epochs} if "epochs" in preset else {}) | checkpoints.training(settings.checkpoint)
    return config


def _names(value, parameter: str) -> tuple[str, ...]:
    """Names from a list, or from one string: parted by spaces or commas, or by | where a formula or a path needs those.

    The | of "my.csv?label=tags&separator=|" parts nothing.
    """
    if isinstance(value, str):
        value = re.split(r"(?<!separator=)\|", value) if any(sign in value for sign in "=|?") else value.replace(",", " ").split()
    if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
        raise SettingsError(f"{parameter} must be a list of names, not {value!r}")
    return tuple(dict.fromkeys(v.strip() for v in value if v.strip()))


def _nearest(name: str, known) -> str:
    match = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.4)
    return f" (did you mean {match[0]!r}?)" if match else ""
