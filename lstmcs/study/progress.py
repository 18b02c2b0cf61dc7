"""Progress of a sweep: a bar a data set in a terminal, one bar in a notebook, plain lines anywhere else.

Each says how many folds of the data set and of the alteration that was trained last are done, and the time left, which is
reckoned from what the remaining folds are expected to cost, not from their number.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable

from tqdm import tqdm

from ..fold import Fold, label

EVERY = 5  # seconds between plain lines


def where() -> str:
    """terminal | notebook | plain."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if type(shell).__name__ == "ZMQInteractiveShell":
        return "notebook"
    return "terminal" if sys.stdout.isatty() and sys.stderr.isatty() else "plain"


class Progress:
    """How far a sweep is.

    pending: the folds to train. planned, done: folds of each (data set, cell), all and on record. cost: expected seconds of
    a fold (their sum is taken once, when the sweep begins). place: see `where`.
    """

    def __init__(
        self, pending: list[Fold], planned: Counter | None = None, done: Counter | None = None,
        cost: Callable[[Fold], float] = lambda fold: 1.0, clock: Callable[[], float] = time.monotonic, place: str | None = None,
    ):  # fmt: skip
        self.pending, self.place, self.clock = pending, place or where(), clock
        self.done = Counter(done or {})
        self.planned = Counter(planned or Counter(map(place_of, pending)))
        self.costs = {fold: cost(fold) for fold in pending}
        self.total, self.trained, self.failed, self.elsewhere = len(pending), 0, 0, 0
        self.work, self.worked = sum(self.costs.values()), 0.0
        self.started = self.shown = clock()
        self.bars = self._bars()

    def show(self, fold: Fold, record: dict) -> None:
        """A fold has been trained, or has failed."""
        self.trained += 1
        self._count(fold)
        if record["state"] == "failed":
            self.failed += 1
            self.note(f"failed: {fold.label}: {record['error']['message']}")
        score = record.get("scores", {}).get("test", {}).get("macro_f1")
        self._draw(fold, fold.label, "" if score is None else f"macro F1 {100 * score:.1f} %")

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

    def _count(self, fold: Fold) -> None:
        self.done[place_of(fold)] += 1
        self.worked += self.costs.get(fold, 0.0)

    def _bars(self) -> dict:
        if self.place == "plain" or not self.pending:
            return {}
        names = list(dict.fromkeys(fold.dataset for fold in self.pending)) if self.place == "terminal" else ["folds"]
        bars = {}
        for position, name in enumerate(names):
            total, done = self._of(name)
            bars[name] = tqdm(
                total=total, initial=done, desc=name, position=position, unit="fold", leave=True, dynamic_ncols=self.place == "terminal",
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
        left = f"{_clock(now - self.started)} so far, about {_clock(self._left(now))} left"
        if self.bars:
            bar = self.bars.get(which[0]) or self.bars["folds"]
            whole = bar.n + 1 >= bar.total
            bar.set_postfix_str(f"after {_clock(now - self.started)}" if whole else f"{about}{score and ' '}{score}, {left}", refresh=False)
            bar.update(1)
        elif name and (now - self.shown >= EVERY or last):
            self.shown = now
            total, done = self._of(which[0])
            print(
                f"[{self.trained + self.elsewhere}/{self.total}] {name}{f': {score}' if score else ''} | {which[0]} {done}/{total}, {about} | {left}",
                flush=True,
            )

    def _left(self, now: float) -> float:
        return (now - self.started) / self.worked * (self.work - self.worked) if self.worked else 0.0


def place_of(fold: Fold) -> tuple[str, str]:
    """(data set, row): what the counts of planned and done folds go by."""
    return fold.dataset, fold.row


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
