"""Which folds are trained next, and how long all of them will take.

Folds are handed out run by run, data set by data set and protocol by protocol (of a grid of them); within these fold 1 of every
cell, then fold 2 of every cell, and so on, so that whatever is on record compares all cells on the same folds. A worker compiles a model for each cell it
trains (seconds to a minute) and keeps it. So each cell belongs to the worker that has compiled it, and the cells of a data
set part themselves among the workers as these ask for folds. A worker whose memory cannot keep all its cells first
trains one fold of each; from then on it finishes those it holds before it compiles another one again.

The time comes from the folds on record where there are any, else from the work a fold is. A step of the stacked Bi-LSTM on a
batch costs matrix products (forward and backward, 6 operations a weight, token and row), Adam over the embedding, and a little
for itself and for each time step, of which there are MaxLen; the constants are those of one core of the machine of the speed table. A machine that has folds of any set on
record is known to be so much faster or slower than that.
"""

import math
import random
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cached_property
from statistics import median

import pandas as pd

from ..fold import Fold
from ..models import checkpoints
from ..models.kinds import KINDS
from .plan import Plan

LAST = (math.inf, 0, 0)  # the stage of folds that another study has in hand
OPERATIONS = 68e9  # a second, in matrix products
EMBEDDING = 1.5e-9  # seconds a weight of the embedding and step
STEP = 1e-3  # seconds a step
LOOP = 6e-5  # seconds a time step of a step of training, however narrow the layers
LARGEST = 3e-4  # seconds a time step and fold, for the look at the largest |c|
EVALUATION = 1.2  # scoring the validation and the test rows after each epoch
COMPILING = 8.0  # seconds a cell and worker
SIMPLE = 1.2  # an encoder block more than the stacked Bi-LSTM
PLAIN = 1.0  # seconds a fold of what is no network


class Queue:
    """The folds that are to be trained, each handed out once.

    shuffle: seed of the order of cells within a fold (the unaltered one, which all comparisons need, stays first): two
    studies over the same records in different orders share the work, in the same order they would do it twice. wanted:
    asked of a fold before it is handed out. free: asked next; a fold that another study has in hand comes last, and is handed out then if it
    is still wanted: nobody waits for another. compiling: what compiling a cell costs, in folds.
    """

    def __init__(
        self, folds: Iterable[Fold], shuffle: int = 0, wanted: Callable[[Fold], bool] = lambda fold: True, compiling: float = 4.0,
        free: Callable[[Fold], bool] = lambda fold: True,
    ):  # fmt: skip
        self.wanted, self.free, self.compiling, folds = wanted, free, compiling, list(folds)
        cells = list(dict.fromkeys(f.build for f in folds if f.alteration != "none"))
        random.Random(shuffle).shuffle(cells)
        place = {build: number for number, build in enumerate(cells, 1)}
        datasets, settings = list(dict.fromkeys(f.dataset for f in folds)), {}
        for fold in folds:
            of = settings.setdefault((fold.dataset, fold.model), {})
            of.setdefault(fold.setting, len(of))
        self._stages: dict[tuple, list[tuple]] = {}
        for number, fold in enumerate(folds):
            entry = (fold.fold, place.get(fold.build, 0), number, fold)
            stage = fold.run, datasets.index(fold.dataset), settings[fold.dataset, fold.model][fold.setting]
            self._stages.setdefault(stage, []).append(entry)
        self._stages = {stage: sorted(entries, key=lambda e: e[:3]) for stage, entries in sorted(self._stages.items())}
        self._held: dict[str, list[str]] = {}  # worker -> builds it keeps, the one used longest ago first
        self._started: set[str] = set()  # builds that some worker has compiled

    def __len__(self):
        return sum(map(len, self._stages.values()))

    def take(self, worker: str, count: int = 1) -> list[Fold]:
        """The next folds for `worker`, at most `count`, all of one build; none when nothing is left that it would be any help with."""
        batch, elsewhere = [], []
        while len(batch) < count and (found := self._next(worker, batch[0].build if batch else None)) is not None:
            stage, entry = found
            self._stages[stage].remove(entry)
            if not self._stages[stage]:
                del self._stages[stage]
            fold = entry[3]
            if not self.wanted(fold):
                continue
            if stage != LAST and not self.free(fold):
                elsewhere.append(entry)
                continue
            held = self._held.setdefault(worker, [])
            if fold.build in held:
                held.remove(fold.build)
            held.append(fold.build)
            self._started.add(fold.build)
            batch.append(fold)
        if elsewhere:
            self._stages[LAST] = [*self._stages.pop(LAST, []), *elsewhere]
        return batch or (self.take(worker, count) if elsewhere else [])

    def holds(self, worker: str) -> tuple[str, ...]:
        """The builds that `worker` keeps compiled."""
        return tuple(self._held.get(worker, ()))

    def kept(self, worker: str, count: int) -> None:
        """`worker` says that it keeps its last `count` compiled models."""
        self._held[worker] = self._held.get(worker, [])[-count:] if count else []

    def left(self, worker: str, folds: Iterable[Fold] = ()) -> None:
        """`worker` is gone; the folds it was training go back to the front."""
        self._held.pop(worker, None)
        if back := [(0, 0, 0, fold) for fold in folds]:
            first = (0, 0, 0)  # before run 1 of the first data set
            self._stages = {first: [*self._stages.pop(first, []), *back], **self._stages}

    def _next(self, worker: str, build: str | None) -> tuple[tuple, tuple] | None:
        """(stage, entry) of the next fold; with `build`, of that build alone."""
        if build is not None:
            here = [stage for stage in self._stages if stage != LAST or len(self._stages) == 1]
            return next(((stage, e) for stage in here for e in self._stages[stage] if e[3].build == build), None)
        mine = self._held.get(worker, [])
        others = {held for name, builds in self._held.items() if name != worker for held in builds}
        for stage, entries in self._stages.items():
            free = [e for e in entries if e[3].build in mine or e[3].build not in others]
            if free:
                # compiled before and dropped since: after those that are still held
                return stage, min(
                    free, key=lambda e: (e[3].build not in mine and e[3].build in self._started, e[0], e[3].build not in mine, e[1:3])
                )
        return self._help(others)

    def _help(self, others: set[str]) -> tuple[tuple, tuple] | None:
        """A fold of the worker that has most to do, if it would take longer to come to it than compiling its cell again."""
        if not self._stages:
            return None
        pending = Counter(e[3].build for entries in self._stages.values() for e in entries)
        load = {build: max(sum(pending[b] for b in held) for held in self._held.values() if build in held) for build in others}
        stage, entries = next(iter(self._stages.items()))
        entry = max(entries, key=lambda e: (load[e[3].build], pending[e[3].build], -e[2]))
        return (stage, entry) if load[entry[3].build] > self.compiling + 1 else None


class Estimate:
    """Seconds of folds and of compiling them, on one worker.

    engine: the one that will train; None means that of most networks on record. Only its own folds say how long it takes.
    """

    def __init__(self, work: Plan, engine: str | None = None):
        self.work, self._folds = work, {}
        results = work.results()
        done = results[results["state"] == "done"]
        self.engine = engine or next(iter(done["engine"].mode()), "tensorflow")
        done = done[done["engine"].isna() | (done["engine"] == self.engine)]
        settings = done["key"].map({fold.key: fold.setting for fold in work.folds})
        self.measured = done.groupby(settings)["train_seconds"].median().dropna().to_dict() if len(done) else {}
        networks = done[[KINDS[model].network for model in done["model"]]] if len(done) else done
        asked = networks if any(KINDS[fold.model].network for fold in work.folds) else done
        self.guess = asked.empty  # nothing on record says how fast this study is trained
        compiling = networks["compile_seconds"].median() if len(networks) else math.nan
        self.compiling = COMPILING if pd.isna(compiling) else float(compiling)

    @cached_property
    def factor(self) -> float:
        """How much slower this machine is than the reference, from the settings that have folds on record."""
        first = {f.setting: f for f in self.work.folds if KINDS[f.model].network}
        ratios = [
            seconds / reference(self.work.data.of(first[name]), first[name]) for name, seconds in self.measured.items() if name in first
        ]
        return median(ratios) if ratios else 1.0

    def knows(self, fold: Fold) -> bool:
        """Whether the time of such folds is on record."""
        return fold.setting in self.measured

    def fold(self, fold: Fold) -> float:
        """Seconds of training one fold."""
        if fold.setting not in self._folds:
            known = self.measured.get(fold.setting)
            if known is None:
                known = self.factor * reference(self.work.data.of(fold), fold) if KINDS[fold.model].network else PLAIN
            self._folds[fold.setting] = known
        return self._folds[fold.setting]

    def seconds(self, folds: list[Fold], workers: int) -> float:
        """Of all `folds` on so many workers; JAX trains in one process, side by side."""
        workers = workers if self.engine == "tensorflow" else 1
        cells = len({fold.build for fold in folds if KINDS[fold.model].network})
        return (sum(map(self.fold, folds)) + self.compiling * cells) / max(1, min(workers or 1, len(folds)))


def reference(prepared, fold: Fold) -> float:
    """Seconds of a network's fold on one core of the machine of the speed table."""
    sizes, training, kind = fold.sizes, fold.training, KINDS[fold.model]
    if kind.checkpoint:  # word pieces are more than words; batches are cut to about the length of their texts
        tokens = min(training["max_tokens"], 3.0 * float((prepared.ids > 0).sum(axis=1).mean()))
        about = checkpoints.read_config(checkpoints.locate(fold.checkpoint))
        weights = about["num_hidden_layers"] * about["hidden_size"] * (4 * about["hidden_size"] + 2 * about["intermediate_size"])
        return training["epochs"] * 0.8 * len(prepared.ids) * tokens * weights * 6 / OPERATIONS * EVALUATION
    e, u = sizes.get("embedding", 256), sizes.get("units", 104)
    weights = 2 * 4 * u * (e + u) + 2 * 4 * u * (2 * u + u)
    tokens = prepared.max_len
    if fold.padding == "mask":  # batches of about equally long documents
        tokens = 1.3 * float((prepared.ids > 0).sum(axis=1).mean())
    step = training["batch_size"] * tokens * weights * 6 / OPERATIONS + prepared.vocab_size * e * EMBEDDING + STEP + tokens * LOOP
    steps = training["epochs"] * math.ceil(0.8 * len(prepared.ids) / training["batch_size"])
    return steps * step * EVALUATION * (SIMPLE if fold.model == "simple" else 1.0) + prepared.max_len * LARGEST


def duration(seconds: float) -> str:
    """In words for a reader who decides whether to wait: "40 seconds", "25 minutes", "3.2 hours"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
