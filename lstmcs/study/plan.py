"""What a study is asked to do, and the folds that follow from it. Imports no TensorFlow.

A plan lists its folds run by run and cell by cell.
"""

import ast
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from .. import families, rules
from ..alterations import ALTERATIONS, alteration
from ..datasets import formats, registry
from ..datasets.loading import Dataset, load_dataset
from ..datasets.preparation import Preparation
from ..datasets.preprocess import Prepared, data_config, prepare
from ..errors import DataError, SettingsError, nearest
from ..fold import Fold
from ..metrics import METRICS
from ..models import checkpoints, kinds
from ..protocols import DEFAULT, RANGES, SIZES, Grid, Protocol, frame, in_range
from ..protocols import read as read_grid
from ..source import split
from .archive import Archive, store
from .records import Folder

#: Sizes of a study. `standard` costs 30 % of `paper` and needs an effect only 11 % larger to see it.
PRESETS = {
    "start": {"runs": 1, "folds": 10, "alterations": kinds.START, "reseeds": 1},
    "smoke": {"runs": 1, "folds": 2, "epochs": 1, "sizes": "smoke", "alterations": ("none", "C-1", "H-2"), "models": ("lstm",), "reseeds": 0},
    "quick": {"runs": 1, "folds": 10, "reseeds": 1},
    "standard": {"runs": 3, "folds": 10, "reseeds": 1},
    "paper": {"runs": 10, "folds": 10, "reseeds": 1},
}  # fmt: skip
#: The paper names none of these. Batch and learning rate are Keras' and Adam's defaults (Kingma & Ba 2015), which the search of
#: data/protocol found as near to the paper's Baseline rows as any; the last epoch is each data set's own (datasets.toml).
TRAINING = {"epochs": 40, "batch_size": 32, "learning_rate": 0.001}


ONE_PROTOCOL = "rule 'paper' reads one protocol; a grid of them needs another"


@dataclass(frozen=True)
class Settings:
    """What a study is asked to do; each notebook's parameters are among these names.

    preset: start (1 run x 10 folds of five alterations) | smoke (tests) | quick (1 x 10, all 17) | standard (3 x 10) | paper (10 x 10).
    datasets: registered names, or files: "my.csv?text=body&label=tag"; None means robo.
    alterations: ids, formulas, or families of ids (table-1, pairs, pairs-12, gates, gates-6: see families.py); empty means the preset's:
        all 18 of the paper, but for start and smoke.
    models: kinds of models.kinds.KINDS; None or empty means the preset's ("lstm" and the plain references "constant" and "tfidf", for smoke
        "lstm" alone), of an edition those that it holds. "lstm" has every alteration and the reseeds, "simple" the alterations too, but of
        all 18 only none, C-1 and H-2; "bert", "bert-prepared", "tfidf" and "constant" have no cell to alter, so one row.
    checkpoint: where BERT starts, see models/checkpoints.py.
    runs: each with a split of its own; None means the preset's.
    folds: how many of a run's ten are done; None means the preset's.
    seed: of all that is drawn; None means 0.
    reseeds: rows that train the unaltered cell again, on the same splits with other seeds; None means the preset's: 1, none
        for smoke.
    workers: processes; 0 trains in this process; None means 2, or the number of cores.
    padding: "fixed" as the paper, or "mask" (see training/batches.py).
    epochs: the last one that is trained; None means the data set's own (data/datasets.toml says how it was chosen). Scores of
        every epoch are kept; `rule` says which are read.
    learning_rate: of Adam; None means 0.001. batch_size: rows a step; None means 32.
    embedding, units: widths; None means 256 and 104, which come within half a percent of the parameters in Table 14. dropout:
        spatial, after the embedding; None means 0.2. These five hold for "lstm" and "simple"; a BERT's are options of `checkpoint`.
    patience: stop a training that has not improved its best validation macro F1 for so many epochs; None means go on to the last.
    rule: which epoch of each training is read: best | loss | accuracy | last | paper | epoch=k (see rules.py).
    protocols: a grid of protocols (a TOML file, see lstmcs/protocols.py): every cell is trained under each of them, which says whether the
        answer hangs on what the paper leaves open. design: one-at-a-time | full | balanced N; None means that of the file.
    records_dir: folder of the records, or an edition (a .parquet file); None means the study's own folder. Of an edition, what is
        left to the default (data sets, alterations, models, runs, reseeds, seed) is what it holds.
    train: False only shows what is on record, as is always so for an edition.

    Raises SettingsError, FormulaError, EditionError.
    """

    preset: str = "start"
    datasets: tuple[str, ...] | None = None
    alterations: tuple[str, ...] = ()
    models: tuple[str, ...] | None = ()
    checkpoint: str = "google-bert/bert-base-uncased"
    runs: int | None = None
    folds: int | None = None
    seed: int | None = None
    reseeds: int | None = None
    workers: int | None = None
    padding: str = "fixed"
    epochs: int | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    embedding: int | None = None
    units: int | None = None
    dropout: float | None = None
    patience: int | None = None
    rule: str = rules.DEFAULT
    protocols: str | None = None
    design: str | None = None
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
        for name in ("protocols", "design"):
            if not isinstance(value := getattr(self, name), str | None) or "\0" in (value or ""):
                raise SettingsError(f"{name} must be {'the name of a TOML file' if name == 'protocols' else 'a design'}, not {value!r}")
        if self.design and not self.protocols:
            raise SettingsError(f"design {self.design!r} is of a grid of protocols, and none is given")
        if not self.store.trains:
            put("train", False)
        elif self.store.path.exists() and not self.store.path.is_dir():
            raise SettingsError(f"records_dir {str(self.records_dir)!r} is a file, not a folder")
        if self.preset not in PRESETS:
            raise SettingsError(f"unknown preset {self.preset!r}{nearest(self.preset, PRESETS)}; presets are {', '.join(PRESETS)}")
        held = {} if self.store.trains else self.store.extent()  # an edition is shown as it is
        preset = PRESETS[self.preset] | held
        for name, usual in (("datasets", ("robo",)), ("models", ()), ("seed", 0)):
            if getattr(self, name) is None:
                put(name, held.get(name, usual))
        sets = {*registry.entries(), *held.get("datasets", ())}
        put(
            "datasets",
            _names(self.datasets, "datasets", lambda name: name in sets or (not set(name) & set(" ,") and formats.known(Path(name)))),
        )
        of_preset = PRESETS[held.get("preset", self.preset)].get("alterations", tuple(ALTERATIONS))
        names = _names(self.alterations, "alterations") or held.get("alterations", of_preset)
        # the unaltered cell is always there: every comparison is with it
        put("alterations", tuple(dict.fromkeys(alteration(a).id for name in ("none", *names) for a in families.members(name))))
        usual = tuple(preset.get("models", kinds.MODELS))  # the preset's, or those of the edition
        put("models", _names(self.models, "models") or (("lstm", "constant") if self.protocols else usual))
        if unknown := [name for name in self.models if name not in kinds.KINDS]:
            raise SettingsError(f"unknown model {unknown[0]!r}{nearest(unknown[0], kinds.KINDS)}; models are {', '.join(kinds.KINDS)}")
        if not isinstance(self.checkpoint, str) or not self.checkpoint.strip():
            raise SettingsError(f"checkpoint must be a name or a folder, not {self.checkpoint!r}")
        rules.check(self.rule)
        for name in RANGES:
            if (value := getattr(self, name)) is not None:
                put(name, in_range(name, value))
        if self.protocols:
            self._check_grid()
        for name, low, high in (("runs", 1, 1000), ("folds", 1, 10), ("seed", 0, 2**31 - 1), ("reseeds", 0, 17), ("workers", 0, 512)):
            value = getattr(self, name)
            if value is None:
                put(name, preset.get(name) if name in preset else min(2, os.cpu_count() or 1))
            elif isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise SettingsError(f"{name} must be a whole number from {low} to {high}, not {value!r}")
        if self.padding not in kinds.PADDINGS:
            raise SettingsError(f"padding must be {' or '.join(map(repr, kinds.PADDINGS))}, not {self.padding!r}")
        if not self.datasets:
            raise SettingsError("datasets is empty; name at least one, for example robo")

    @classmethod
    def of(cls, *beside: str, **parameters) -> "Settings":
        """Settings from loose parameters; an unknown name is an error that gives the nearest known one. beside: others that the caller takes."""
        known = [*cls.__dataclass_fields__, *beside]
        if unknown := sorted(set(parameters) - set(known)):
            raise SettingsError(f"unknown parameter {unknown[0]!r}{nearest(unknown[0], known)}; parameters are {', '.join(known)}")
        return cls(**parameters)

    def _check_grid(self) -> None:
        """Whether its models can be trained under its grid, and nothing is both a dimension and an option of the study."""
        if wrong := [name for name in self.models if kinds.KINDS[name].checkpoint]:
            can = ", ".join(name for name, kind in kinds.KINDS.items() if not kind.checkpoint)
            raise SettingsError(f"{wrong[0]} has none of the dimensions of {self.protocols}; models of a grid are {can}")
        usual = type(self).__dataclass_fields__
        if twice := [name for name in self.grid.levels if name in usual and getattr(self, name) != usual[name].default]:
            raise SettingsError(f"{twice[0]} is a dimension of {self.protocols}; its levels are given there")
        if self.rule == "paper":
            raise SettingsError(ONE_PROTOCOL)

    @cached_property
    def grid(self) -> Grid | None:
        """The grid of protocols, where there is one. Raises SettingsError."""
        return read_grid(self.protocols, self.design) if self.protocols else None

    @cached_property
    def store(self) -> Folder | Archive:
        """Where its records are. Raises EditionError for a file that is no edition."""
        return store(self.records_dir, several=self.protocols is not None)

    def given(self, *names: str) -> dict:
        """Those of the parameters that are not left to their defaults."""
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    @classmethod
    def named(cls, names: Mapping) -> "Settings":
        """Settings from those of `names` that are parameters: Settings.named(globals()) in a notebook.

        Whatever else its cell of parameters sets, or papermill's cell after it, is an unknown parameter.
        """
        known = {name: names[name] for name in cls.__dataclass_fields__ if name in names}
        unknown = [name for name in _set_in(names.get("In", ()), known) if name not in cls.__dataclass_fields__]
        return cls.of(**known, **dict.fromkeys(unknown))

    def parameters(self) -> dict:
        """As plain values, for papermill."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


class PreparedSets(Mapping):
    """Name -> prepared set, each prepared when it is first asked for: a status needs none of them.

    datasets: name -> data set; None for one of an edition, whose data are looked for only when they are asked for.
    """

    def __init__(self, datasets: dict[str, Dataset | None]):
        self._datasets, self._prepared, self._others = datasets, {}, {}

    def __getitem__(self, name: str) -> Prepared:
        if name not in self._prepared:
            if not self.at_hand(name):
                raise DataError(f"{name}: only results are at hand, not the data")
            self._prepared[name] = prepare(self._datasets[name] or load_dataset(name))
        return self._prepared[name]

    def of(self, fold: Fold) -> Prepared:
        """The prepared set that a fold reads, which a protocol may prepare in another way than the study."""
        if (found := self[fold.dataset]).options.config() == fold.preparation:
            return found
        if fold.reads not in self._others:
            self._others[fold.reads] = prepare(found.dataset, Preparation.of(fold.preparation, fold.dataset))
        return self._others[fold.reads]

    def at_hand(self, name: str) -> bool:
        """Whether the data are here, so that asking for them downloads nothing."""
        return self._datasets[name] is not None or (name in (known := registry.entries()) and bool(registry.at_hand(name, known[name])))

    def __iter__(self) -> Iterator[str]:
        return iter(self._datasets)

    def __len__(self) -> int:
        return len(self._datasets)


@dataclass(frozen=True)
class Plan:
    """All folds of a study, and the prepared sets that they need. protocols: each of the grid with its folds, none without a grid; protocols
    that differ in the epoch that is read alone have the same ones."""

    settings: Settings
    data: PreparedSets
    folds: tuple[Fold, ...]
    protocols: Mapping[Protocol, tuple[Fold, ...]] = field(default_factory=dict)

    @property
    def store(self) -> Folder | Archive:
        """Where the records are."""
        return self.settings.store

    @property
    def size(self) -> str:
        """Runs and folds, in words; an edition may have more runs of one data set or model than of another."""
        runs = {}
        for fold in self.folds:
            runs[fold.dataset, fold.model] = max(runs.get((fold.dataset, fold.model), 0), fold.run)
        low, high = min(runs.values(), default=0), max(runs.values(), default=0)
        return f"{f'{low} to ' if low < high else ''}{high} run{'s' * (high > 1)} x {self.settings.folds} folds"

    def states(self, set_aside: bool = False) -> dict[Fold, str]:
        """Fold -> "done", "failed" or "missing"; see records.Folder.states."""
        return self.store.states(self.folds, set_aside)

    def frame(self) -> pd.DataFrame:
        """The trainings that are planned, a row each: dataset, model, alteration, run, fold, epochs (the last one; NaN where there is
        none) and state, "done" or "failed" on record, or "missing"."""
        states = self.states()
        rows = [
            {"dataset": f.dataset, "model": f.model, "alteration": f.cell, "run": f.run, "fold": f.fold,
             "epochs": f.training.get("epochs"), "state": states[f]} for f in self.folds
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=["dataset", "model", "alteration", "run", "fold", "epochs", "state"])

    def results(self, reading: str = "paper", macro: str = "mean", rule: str | None = None) -> pd.DataFrame:
        """The records at hand, a row a fold; see records.Folder.rows. rule: None means that of the settings.

        Of a grid, a row a protocol and fold, with a column more: choices, the protocol's name. A protocol that says which epoch is read
        is read so.
        """
        rule = rules.check(rule or self.settings.rule)
        if not self.protocols:
            return self.store.rows(self.folds, reading, macro, self.epochs_of_paper() if rule == "paper" else rule)
        if rule == "paper":
            raise SettingsError(ONE_PROTOCOL)
        return self._by_protocol(lambda one, folds: self.store.rows(folds, reading, macro, one.rule or rule))

    def _by_protocol(self, read: Callable[[Protocol, tuple[Fold, ...]], pd.DataFrame]) -> pd.DataFrame:
        """The frames that `read` gives for each protocol and its folds, with its name in a column `choices`."""
        parts = [read(one, folds).assign(choices=one.name) for one, folds in self.protocols.items()]
        return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)

    def levels(self) -> pd.DataFrame:
        """The grid's protocols, the default first: a row each, by its name (choices), and a column a dimension."""
        return frame(self.protocols)

    @cached_property
    def names_of_protocols(self) -> dict[Fold, str]:
        """Fold -> the name of the first protocol that it is of, "" for the default and where there is no grid."""
        found = {}
        for one, folds in self.protocols.items():
            for fold in folds:
                found.setdefault(fold, one.name if one.name != DEFAULT else "")
        return found

    def results_by_rule(self) -> dict[str, pd.DataFrame]:
        """Rule -> the results as it reads them: that of the settings first, then all that pick an epoch by themselves, and "paper" where
        a set has a Baseline row to come near to."""
        names = (self.settings.rule, *rules.RULES, *(["paper"] if self.epochs_of_paper() else []))
        return {rule: self.results(rule=rule) for rule in dict.fromkeys(names)}

    def curves(self) -> pd.DataFrame:
        """The learning curves at hand, a row a fold and epoch; see record.CURVE. Of a grid with a column choices, as results."""
        if not self.protocols:
            return self.store.curves(self.folds)
        return self._by_protocol(lambda one, folds: self.store.curves(folds))

    def epochs_of_paper(self) -> dict[str, int]:
        """Data set -> the epoch at which the unaltered cell's mean validation scores are nearest to the paper's Baseline row (mean
        of the absolute differences of the four scores); only sets that have such a row and the cell on record, none of a grid."""
        folds = [fold for fold in self.folds if (fold.model, fold.cell) == ("lstm", "none") and not self.protocols]
        means = self.store.curves(folds).groupby(["dataset", "epoch"])[[f"val_{name}" for name in METRICS]].mean()
        found = {}
        for name, entry in registry.entries().items():
            if "baseline" in entry and name in means.index:
                theirs = [entry["baseline"][metric] for metric in METRICS]
                found[name] = int(abs(100 * means.loc[name] - theirs).mean(axis=1).idxmin())
        return found

    def names(self) -> dict[str, str]:
        """Kind of model -> how readers should call it; a BERT by its checkpoint, which is BERT-base only if that is its name."""
        found = {kind: about.title for kind, about in kinds.KINDS.items()}
        for fold in self.folds:
            if fold.checkpoint:
                found[fold.model] = f"{kinds.KINDS[fold.model].title} ({fold.checkpoint['name']})"
        return found

    def costs_of_base(self) -> pd.DataFrame:
        """What BERT-base would cost here, as it was measured beside the BERT that stands in for it (training.bert.cost_of_base); a
        row a data set, none where nothing was measured. Columns: dataset, parameters, steps, seconds_per_epoch, seconds,
        processor_seconds, host."""
        columns = ["dataset", "parameters", "steps", "seconds_per_epoch", "seconds", "processor_seconds", "host"]
        folds = {fold.dataset: fold for fold in reversed(self.folds) if checkpoints.stands_in(fold.model, fold.checkpoint)}
        found = [{"dataset": dataset, **cost} for dataset, fold in folds.items() if (cost := self.store.cost(fold))]
        return pd.DataFrame(found, columns=columns)


def plan(settings: Settings) -> Plan:
    """Load the data, and list every fold; data are prepared when they are first asked for. Raises DataError, FormulaError.

    Of an edition, no data are loaded; a model or a run that it does not hold for a data set is not planned.
    """
    data, folds, under = {}, {}, {one: () for one in (settings.grid.protocols if settings.grid else ())}
    for source in settings.datasets:
        if settings.store.trains:
            dataset = load_dataset(source)
            name, first = dataset.name, _first_folds(dataset, settings)
        else:
            name, dataset, first = source, None, settings.store.models(source)
        if name in data:
            raise SettingsError(f"two data sets are named {name!r}; rename one of the files")
        data[name] = dataset
        for one in under:
            under[one] += (found := _folds({kind: (one.of(fold), runs) for kind, (fold, runs) in first.items()}, settings))
            folds |= dict.fromkeys(found)  # those that differ in the epoch that is read alone are the same
        if not under:
            folds |= dict.fromkeys(_folds(first, settings))
    return Plan(settings, PreparedSets(data), tuple(folds), under)


def _folds(first: Mapping[str, tuple[Fold, int]], settings: Settings) -> tuple[Fold, ...]:
    """The folds of a data set, run by run and cell by cell. first: kind of model -> its first fold, how many runs there are to be."""
    cells = [
        (*first[kind], alteration(cell).key, number)
        for kind in settings.models if kind in first
        for cell, number in kinds.cells(kind, settings.alterations, settings.reseeds)
    ]  # fmt: skip
    return tuple(
        replace(one, alteration=key, reseed=number, run=run, fold=fold, seed=settings.seed)
        for run in range(1, settings.runs + 1)
        for one, runs, key, number in cells
        if run <= runs
        for fold in range(1, settings.folds + 1)
    )


def _first_folds(dataset: Dataset, settings: Settings) -> dict[str, tuple[Fold, int]]:
    """Kind of model -> (its first fold, how many runs there are to be). Only what matters to a kind enters its records' keys."""
    about, preset = data_config(dataset, Preparation.of(dataset.preparation, dataset.name)), PRESETS[settings.preset]
    found = {}
    for name in settings.models:
        kind, more = kinds.KINDS[name], {}
        if kind.text == "ids":
            training = (
                TRAINING | {"epochs": preset.get("epochs") or dataset.epochs or TRAINING["epochs"]} | settings.given(*TRAINING, "patience")
            )
            more["padding"] = settings.padding
        else:
            training = dict(kind.training)
        if kind.checkpoint:
            more["checkpoint"] = checkpoints.identity(settings.checkpoint)
            training |= ({"epochs": preset["epochs"]} if "epochs" in preset else {}) | checkpoints.training(settings.checkpoint)
        sizes = getattr(kind, preset.get("sizes", "sizes")) | (settings.given(*SIZES) if kind.text == "ids" else {})
        fold = Fold(**about, model=name, sizes=sizes, training=training, alteration="none", run=1, fold=1, seed=settings.seed, **more)
        found[name] = fold, settings.runs
    return found


def _set_in(cells: Iterable[str], known: Iterable[str]) -> list[str]:
    """Names that a notebook's cell of parameters sets (of those run so far the last), and then papermill's own cell.

    A cell of parameters holds nothing but names and plain values, one of them `known`; papermill's begins with "# Parameters".
    """
    found: list[str] = []
    for cell in cells:
        names = _set_by(cell)
        if cell.startswith("# Parameters"):
            found += names
        elif set(names) & set(known):
            found = names
    return found


def _set_by(cell: str) -> list[str]:
    """The names that a cell of plain assignments sets; none for any other cell."""
    try:
        targets = [(node.targets, ast.literal_eval(node.value)) for node in ast.parse(cell).body]
        return [target.id for one, _ in targets for target in one]
    except (AttributeError, SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return []


def _names(value, parameter: str, known: Callable[[str], bool] | None = None) -> tuple[str, ...]:
    """Names from a list, or from one string: see source.split."""
    if isinstance(value, str):
        value = split(value, known)
    if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
        raise SettingsError(f"{parameter} must be a list of names, not {value!r}")
    return tuple(dict.fromkeys(v.strip() for v in value if v.strip()))
