"""Which fold is trained next: balanced whenever the study stops, and compiled no more often than needed.

Folds are handed out run by run and data set by data set; within these fold 1 of every cell, then fold 2 of every cell, and
so on, so that whatever is on record compares all cells on the same folds. A worker compiles a model for each cell it
trains (seconds to a minute) and keeps it. So each cell belongs to the worker that has compiled it, and the cells of a data
set part themselves among the workers as these ask for folds. A worker whose memory cannot keep all its cells first
trains one fold of each; from then on it finishes those it holds before it compiles another one again.
"""

import random
from collections import Counter
from collections.abc import Callable

from .records import build_of


class Queue:
    """The folds that are to be trained, each handed out once.

    shuffle: seed of the order of cells within a fold (the unaltered one, which all comparisons need, stays first): two
    studies over the same records in different orders share the work, in the same order they would do it twice. wanted:
    asked of a fold before it is handed out. compiling: what compiling a cell costs, in folds.
    """

    def __init__(self, folds: list[dict], shuffle: int = 0, wanted: Callable[[dict], bool] = lambda config: True, compiling: float = 4.0):
        self.wanted, self.compiling = wanted, compiling
        cells = list(dict.fromkeys(build_of(c) for c in folds if c["alteration"] != "none"))
        random.Random(shuffle).shuffle(cells)
        place = {build: number for number, build in enumerate(cells, 1)}
        datasets = list(dict.fromkeys(c["dataset"] for c in folds))
        self._stages: dict[tuple, list[tuple]] = {}
        for number, config in enumerate(folds):
            build = build_of(config)
            entry = (config["fold"], place.get(build, 0), number, build, config)
            self._stages.setdefault((config["run"], datasets.index(config["dataset"])), []).append(entry)
        self._stages = {stage: sorted(entries, key=lambda e: e[:3]) for stage, entries in sorted(self._stages.items())}
        self._held: dict[str, list[str]] = {}  # worker -> builds it keeps, the one used longest ago first
        self._started: set[str] = set()  # builds that some worker has compiled

    def __len__(self):
        return sum(map(len, self._stages.values()))

    def take(self, worker: str) -> dict | None:
        """The next fold for `worker`; None when nothing is left, or nothing it would be any help with."""
        while (found := self._next(worker)) is not None:
            stage, entry = found
            self._stages[stage].remove(entry)
            if not self._stages[stage]:
                del self._stages[stage]
            build, config = entry[3:]
            if self.wanted(config):
                held = self._held.setdefault(worker, [])
                if build in held:
                    held.remove(build)
                held.append(build)
                self._started.add(build)
                return config
        return None

    def kept(self, worker: str, count: int) -> None:
        """`worker` says that it keeps its last `count` compiled models."""
        self._held[worker] = self._held.get(worker, [])[-count:] if count else []

    def left(self, worker: str, config: dict | None) -> None:
        """`worker` is gone; the fold it was training, if any, goes back to the front."""
        self._held.pop(worker, None)
        if config is not None:
            self._stages = {(0, 0): [*self._stages.get((0, 0), []), (0, 0, 0, build_of(config), config)],
                            **{k: v for k, v in self._stages.items() if k != (0, 0)}}  # fmt: skip

    def _next(self, worker: str) -> tuple[tuple, tuple] | None:
        mine = self._held.get(worker, [])
        others = {build for name, held in self._held.items() if name != worker for build in held}
        for stage, entries in self._stages.items():
            free = [entry for entry in entries if entry[3] in mine or entry[3] not in others]
            if free:
                # compiled before and dropped since: after those that are still held
                return stage, min(free, key=lambda e: (e[3] not in mine and e[3] in self._started, e[0], e[3] not in mine, e[1:3]))
        return self._help(others)

    def _help(self, others: set[str]) -> tuple[tuple, tuple] | None:
        """A fold of the worker that has most to do, if it would take longer to come to it than compiling its cell again."""
        pending = Counter(entry[3] for entries in self._stages.values() for entry in entries)
        load = {build: max(sum(pending[b] for b in held) for held in self._held.values() if build in held) for build in others}
        for stage, entries in self._stages.items():
            entry = max(entries, key=lambda e: (load[e[3]], pending[e[3]], -e[2]))
            return (stage, entry) if load[entry[3]] > self.compiling + 1 else None
        return None
