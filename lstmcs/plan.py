"""What a study is asked to do, and the folds that follow from it. Imports no TensorFlow.

A plan is a list of fold configurations, run by run and alteration by alteration; each configuration is one record's key.
"""

import difflib
import os
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from . import checkpoints, kinds, paths, records
from .alterations import ALTERATIONS, alteration
from .datasets import load_dataset
from .preprocess import Prepared, prepare

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
    records; None means the study's own. train: False only shows what is on record.
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
            if value is None:
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


@dataclass(frozen=True)
class Plan:
    """All folds of a study: `folds` are configurations, `data` the prepared sets they need."""

    settings: Settings
    data: dict[str, Prepared]
    folds: tuple[dict, ...]

    @property
    def folder(self) -> Path:
        return Path(self.settings.records_dir or paths.records_dir())

    def path(self, config: dict) -> Path:
        return records.path_of(config, self.folder)

    def states(self) -> dict[str, str]:
        """Record path -> "done", "failed" or "missing"; a file that is no whole record is set aside and said so."""
        found = {}
        for config in self.folds:
            path = self.path(config)
            try:
                found[str(path)] = records.read(path)["state"] if path.is_file() else "missing"
            except records.RecordError as problem:
                found[str(path)] = "missing"
                print(f"{problem}; set aside as {records.set_aside(path).name}, its fold will be trained again", file=sys.stderr)
        return found

    def results(self, reading: str = "paper", macro: str = "mean") -> pd.DataFrame:
        """The records at hand, a row a fold; see records.results."""
        return records.results([path for config in self.folds if (path := self.path(config)).is_file()], reading, macro)


def plan(settings: Settings) -> Plan:
    """Load and prepare the data, and list every fold. Raises DataError, FormulaError."""
    data, folds = {}, []
    for source in settings.datasets:
        prepared = prepare(load_dataset(source))
        if prepared.dataset.name in data:
            raise SettingsError(f"two data sets are named {prepared.dataset.name!r}; rename one of the files")
        data[prepared.dataset.name] = prepared
        folds += [
            {**prepared.config(), **_model(kind, prepared, settings), "alteration": alteration(name).key, "run": run, "fold": fold,
             "seed": settings.seed, **({"repeat": repeat} if repeat else {})}
            for run in range(1, settings.runs + 1)
            for kind in settings.models
            for name, repeat in kinds.cells(kind, settings.alterations, settings.yardstick)
            for fold in range(1, settings.folds + 1)
        ]  # fmt: skip
    return Plan(settings, data, tuple(folds))


def _model(name: str, prepared: Prepared, settings: Settings) -> dict:
    """What a fold's configuration says of its model; only what matters to this kind enters its records' keys."""
    kind, preset = kinds.KINDS[name], PRESETS[settings.preset]
    epochs = preset.get("epochs") or prepared.dataset.epochs or TRAINING["epochs"]
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
