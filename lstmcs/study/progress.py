"""Progress of a sweep: a bar a data set in a terminal, one bar in a notebook, plain lines anywhere else.

Each says what is being compiled, how many folds of the data set and of the alteration that was trained last are done, and the time
left, as soon as every kind of fold that is still to come has been measured.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping

from tqdm import tqdm

from ..errors import visible
from ..fold import Fold, label
from ..models.kinds import KINDS
from .records import row

EVERY = 5  # seconds between plain lines


def where() -> str:
    """terminal | notebook | plain."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if type(shell).__name__ == "ZMQInteractiveShell":
        return "notebook"
    return "terminal" if sys.stdout.isatty() and sys.stderr.isatty() else "plain"


class Progress:
    """How far a sweep is.

    pending: the folds to train. planned, done: folds of each (data set, row), all and on record. place: see `where`. about: fold -> the
    protocol of a grid that it is of.
    """

    def __init__(
        self, pending: list[Fold], planned: Counter | None = None, done: Counter | None = None,
        clock: Callable[[], float] = time.monotonic, place: str | None = None,
        about: Mapping[Fold, str] | None = None,
    ):  # fmt: skip
        self.pending, self.place, self.clock, self.about = pending, place or where(), clock, about or {}
        self.done = Counter(done or {})
        self.planned = Counter(planned or Counter(map(place_of, pending)))
        self.total, self.trained, self.failed, self.elsewhere = len(pending), 0, 0, 0
        self.left = {fold: None for fold in pending}  # an ordered set
        self.seconds: dict[tuple[str, str], list[float]] = {}  # (data set, model) -> of its folds
        self.compiled: dict[str, float] = {}  # build -> seconds
        self.started = self.shown = clock()
        self.bars = self._bars()

    def compiling(self, fold: Fold) -> None:
        """A worker begins with a cell that it has to compile first, which takes seconds to a minute."""
        if not KINDS[fold.model].network:
            return
        text = f"compiling {label(fold.row)} for {visible(fold.dataset)}{self._under(fold)} ..."
        if self.bars:
            (self.bars.get(fold.dataset) or self.bars["folds"]).set_postfix_str(text)
        elif self.clock() - self.shown >= EVERY or not self.compiled:
            self.shown = self.clock()
            print(f"[{self.trained + self.elsewhere}/{self.total}] {text}", flush=True)

    def show(self, fold: Fold, record: dict) -> None:
        """A fold has been trained, or has failed."""
        self.trained += 1
        self._count(fold)
        cost = record.get("cost", {})
        if "train_seconds" in cost:
            self.seconds.setdefault((fold.dataset, fold.model), []).append(cost["train_seconds"])
            if KINDS[fold.model].network:
                self.compiled.setdefault(fold.build, cost.get("compile_seconds", 0.0))
        if record["state"] == "failed":
            self.failed += 1
            self.note(f"failed: {fold.label}{self._under(fold)}: {visible(record['error']['message'])}")
        score = row(record | {"config": fold.config, "key": fold.key, "protocol": fold.protocol})["macro_f1"]
        self._draw(fold, fold.label + self._under(fold), "" if score != score else f"macro F1 {100 * score:.1f} %")

    def skip(self, fold: Fold) -> None:
        """A fold that another study has put on record meanwhile."""
        self.elsewhere += 1
        self._count(fold)
        self._draw(fold, "", "")

    def note(self, text: str) -> None:
        """A line that stays, above the bars."""
        tqdm.write(text, file=sys.stdout) if self.bars else print(text, flush=True)

    def end(self) -> None:
        """Close the bars and sum up."""
        for bar in self.bars.values():
            bar.close()
        self.bars = {}
        summary = f"{self.trained - self.failed} folds trained in {_clock(self.clock() - self.started)}"
        summary += f", {self.failed} failed" if self.failed else ""
        left = self.total - self.trained - self.elsewhere
        print(
            summary + (f", {self.elsewhere} done by another study" if self.elsewhere else "") + (f", {left} left" if left else ""),
            flush=True,
        )

    def _under(self, fold: Fold) -> str:
        return f", {name}" if (name := self.about.get(fold)) else ""

    def _count(self, fold: Fold) -> None:
        self.done[place_of(fold)] += 1
        self.left.pop(fold, None)

    def _bars(self) -> dict:
        if self.place == "plain" or not self.pending:
            return {}
        names = list(dict.fromkeys(fold.dataset for fold in self.pending)) if self.place == "terminal" else ["folds"]
        bars = {}
        for position, name in enumerate(names):
            total, done = self._of(name)
            bars[name] = tqdm(
                total=total, initial=done, desc=visible(name), position=position, unit="fold", leave=True, dynamic_ncols=self.place == "terminal",
                ncols=None if self.place == "terminal" else 100, file=sys.stdout, mininterval=0.2 if self.place == "terminal" else 1.0,
                bar_format="{desc}: {percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt}{postfix}",
            )  # fmt: skip
        return bars

    def _of(self, name: str) -> tuple[int, int]:
        """Planned and done folds of a data set; of all for "folds", the one bar of a notebook."""
        return tuple(sum(n for (dataset, _), n in count.items() if name in (dataset, "folds")) for count in (self.planned, self.done))

    def _draw(self, fold: Fold, name: str, score: str) -> None:
        now, last = self.clock(), self.trained + self.elsewhere == self.total
        which = place_of(fold)
        about = f"{label(fold.row)} {self.done[which]}/{self.planned[which]}"
        seconds = self._seconds_left(now)
        left = f"{_clock(now - self.started)} so far" + ("" if seconds is None else f", about {_clock(seconds)} left")
        if self.bars:
            bar = self.bars.get(which[0]) or self.bars["folds"]
            whole = bar.n + 1 >= bar.total
            bar.set_postfix_str(f"after {_clock(now - self.started)}" if whole else f"{about}{score and ' '}{score}, {left}", refresh=False)
            bar.update(1)
        elif name and (now - self.shown >= EVERY or last):
            self.shown = now
            total, done = self._of(which[0])
            print(
                f"[{self.trained + self.elsewhere}/{self.total}] {name}{f': {score}' if score else ''} | {visible(which[0])} {done}/{total}, {about} | {left}",
                flush=True,
            )

    def _seconds_left(self, now: float) -> float | None:
        """From what was measured alone: None as long as a kind of fold that is still to come has not been trained once."""
        kinds = Counter((fold.dataset, fold.model) for fold in self.left)
        if not kinds.keys() <= self.seconds.keys():
            return None
        cells = {fold.build for fold in self.left if KINDS[fold.model].network} - self.compiled.keys()
        compiling = sum(self.compiled.values()) / max(1, len(self.compiled)) * len(cells)
        work = compiling + sum(count * sum(self.seconds[kind]) / len(self.seconds[kind]) for kind, count in kinds.items())
        worked = sum(self.compiled.values()) + sum(map(sum, self.seconds.values()))
        return work * (now - self.started) / worked if worked else None


def place_of(fold: Fold) -> tuple[str, str]:
    """(data set, row): what the counts of planned and done folds go by."""
    return fold.dataset, fold.row


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
