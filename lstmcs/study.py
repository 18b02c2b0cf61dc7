"""The sweep: settings -> plan -> workers -> records. What is on record is not trained again.

A plan is a list of fold configurations, run by run and alteration by alteration. Records are asked before TensorFlow
is imported; the folds that are missing go to `workers` processes of one thread each (dask.distributed).
"""

import difflib
import logging
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from . import environment, paths, records
from .alterations import ALTERATIONS, alteration
from .datasets import load_dataset
from .preprocess import Prepared, prepare

#: Sizes of a study. `standard` costs 30 % of `paper` and needs an effect only 11 % larger to see it.
PRESETS = {
    "smoke": {"runs": 1, "folds": 2, "epochs": 1, "sizes": {"embedding": 8, "units": 4, "dropout": 0.2},
              "alterations": ("none", "C-1", "H-2"), "yardstick": 0},
    "quick": {"runs": 1, "folds": 10, "yardstick": 1},
    "standard": {"runs": 3, "folds": 10, "yardstick": 1},
    "paper": {"runs": 10, "folds": 10, "yardstick": 1},
}  # fmt: skip
SIZES = {"embedding": 256, "units": 104, "dropout": 0.2}
PADDINGS = ("fixed", "mask")
TRAINING = {"epochs": 5, "batch_size": 32, "learning_rate": 0.001}


class SettingsError(ValueError):
    """An unknown parameter, or a value it cannot take; the message names the allowed ones."""


@dataclass(frozen=True)
class Settings:
    """What a study is asked to do; the same names, in the same order, as every notebook's parameters.

    preset: smoke | quick | standard | paper. datasets, alterations: names; empty alterations mean the preset's, which
    is all 18 but for smoke. runs, folds: None means the preset's; folds counts those done of ten. yardstick: how many
    rows to add that train the unaltered cell again, on the same splits, with other seeds (None means the preset's: 1, none
    for smoke). workers: processes; 0 trains in this process. padding: "fixed" as the paper, or "mask" (see batches.py). records_dir: folder of the
    records; None means the study's own. train: False only shows what is on record.
    """

    preset: str = "quick"
    datasets: tuple[str, ...] = ("robo",)
    alterations: tuple[str, ...] = ()
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
        for name, low, high in (("runs", 1, 1000), ("folds", 1, 10), ("seed", 0, 2**31 - 1), ("yardstick", 0, 17), ("workers", 0, 512)):
            value = getattr(self, name)
            if value is None:
                put(name, preset.get(name) if name in preset else min(2, os.cpu_count() or 1))
            elif isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise SettingsError(f"{name} must be a whole number from {low} to {high}, not {value!r}")
        if self.padding not in PADDINGS:
            raise SettingsError(f"padding must be {' or '.join(map(repr, PADDINGS))}, not {self.padding!r}")
        if not self.datasets:
            raise SettingsError("datasets is empty; name at least one, for example robo")

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
    preset = PRESETS[settings.preset]
    cells = [(alteration(name).key, {}) for name in settings.alterations]
    cells += [("none", {"repeat": number}) for number in range(1, settings.yardstick + 1)]
    data, folds = {}, []
    for source in settings.datasets:
        prepared = prepare(load_dataset(source))
        if prepared.dataset.name in data:
            raise SettingsError(f"two data sets are named {prepared.dataset.name!r}; rename one of the files")
        data[prepared.dataset.name] = prepared
        epochs = preset.get("epochs") or prepared.dataset.epochs or TRAINING["epochs"]
        folds += [
            {**prepared.config(), "model": "lstm", "sizes": preset.get("sizes", SIZES), "alteration": key,
             "padding": settings.padding, "training": TRAINING | {"epochs": epochs}, "run": run, "fold": fold, "seed": settings.seed, **repeat}
            for run in range(1, settings.runs + 1)
            for key, repeat in cells
            for fold in range(1, settings.folds + 1)
        ]  # fmt: skip
    return Plan(settings, data, tuple(folds))


def run_study(*, retry_failed: bool = False, **parameters) -> pd.DataFrame:
    """Train every fold of the plan that is not on record yet; returns all its results, a row a fold.

    parameters: see Settings. Failed folds are kept as such and left alone unless retry_failed. Ctrl-C loses only the
    folds under way.
    """
    work = plan(Settings.of(**parameters))
    states = work.states()
    again = ("missing", "failed") if retry_failed else ("missing",)
    pending = [config for config in work.folds if work.settings.train and states[str(work.path(config))] in again]
    count = Counter(states.values())
    print(f"{len(work.folds)} folds planned: {count['done']} on record, {len(pending)} to train", end="", flush=True)
    print(f", {count['failed']} failed earlier" if count["failed"] else "")
    if pending:
        progress = Progress(len(pending))
        execute = _in_process if work.settings.workers == 0 else _in_workers
        for record, predictions in execute(work, pending):
            records.write(record, predictions, work.folder)
            progress.show(record)
        progress.end()
    return work.results()


def train_one(prepared: Prepared, config: dict) -> tuple[dict, dict]:
    """Train a fold in this process; an error becomes a record with state "failed" and the error's text."""
    environment.prepare(training=True)
    from .training import train_fold  # TensorFlow is imported only where folds are trained

    try:
        return train_fold(prepared, config)
    except Exception as error:
        message = f"{type(error).__name__}: {error}"[:2000]
        record = {
            "config": config,
            "state": "failed",
            "error": {"type": type(error).__name__, "message": message},
            "env": environment.describe(),
        }
        return record, {}


def _in_process(work: Plan, pending: list[dict]) -> Iterator[tuple[dict, dict]]:
    for config in pending:
        yield train_one(work.data[config["dataset"]], config)


def _in_workers(work: Plan, pending: list[dict]) -> Iterator[tuple[dict, dict]]:
    """Folds on a local cluster. Each worker keeps to one alteration as long as it can: compiling costs seconds."""
    from distributed import Client, LocalCluster, as_completed

    count = min(work.settings.workers, len(pending))
    cluster = LocalCluster(
        n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None, env=environment.prepare(training=True),
        silence_logs=logging.ERROR,
    )  # fmt: skip
    with cluster, Client(cluster) as client:
        data = {name: client.scatter(prepared, broadcast=True) for name, prepared in work.data.items()}
        queues = _share(pending, count)
        workers = list(client.scheduler_info(n_workers=-1)["workers"])

        def submit(worker: str):
            queue = queues[worker_number[worker]] or max(queues, key=len)
            if not queue:
                return None
            # from another worker's queue the last one is taken: it is the farthest from what that worker does now
            config = queue.pop(0) if queue is queues[worker_number[worker]] else queue.pop()
            future = client.submit(train_one, data[config["dataset"]], config, workers=[worker], pure=False)
            home[future.key] = worker
            return future

        worker_number = {worker: number for number, worker in enumerate(workers)}
        home = {}
        running = as_completed([future for worker in workers if (future := submit(worker))])
        for future in running:
            yield future.result()
            if following := submit(home.pop(future.key)):
                running.add(following)


def _share(pending: list[dict], count: int) -> list[list[dict]]:
    """Cut the folds into one queue a worker, whole alterations together, longest groups first come first served."""
    groups: dict[tuple, list[dict]] = {}
    for config in pending:
        groups.setdefault((config["dataset"], config["run"], config["alteration"]), []).append(config)
    queues = [[] for _ in range(count)]
    for group in groups.values():
        min(queues, key=len).extend(group)
    return queues


class Progress:
    """One line a finished fold on a terminal, at most one every five seconds elsewhere, with the time left."""

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic):
        self.total, self.done, self.failed = total, 0, 0
        self.clock, self.started, self.shown = clock, clock(), clock()
        self.live = sys.stdout.isatty()

    def show(self, record: dict) -> None:
        self.done += 1
        config = record["config"]
        name = f"{config['dataset']} {records.label(records.cell_of(config))} run {config['run']} fold {config['fold']}"
        if record["state"] == "failed":
            self.failed += 1
            print(("\r" if self.live else "") + f"failed: {name}: {record['error']['message']}", flush=True)
        now = self.clock()
        if not self.live and now - self.shown < 5 and self.done < self.total:
            return
        self.shown, spent = now, now - self.started
        left = spent / self.done * (self.total - self.done)
        score = record.get("scores", {}).get("test", {}).get("macro_f1")
        text = f"[{self.done}/{self.total}] {name}" + (f": macro F1 {100 * score:.1f} %" if score is not None else "")
        text += f" | {_clock(spent)} so far, about {_clock(left)} left"
        print(f"\r{text:<110}" if self.live else text, end="" if self.live else "\n", flush=True)

    def end(self) -> None:
        summary = f"{self.done - self.failed} folds trained in {_clock(self.clock() - self.started)}"
        print(("\n" if self.live else "") + summary + (f", {self.failed} failed" if self.failed else ""), flush=True)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


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
