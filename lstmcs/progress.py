"""Progress of a sweep in plain lines: what was done last, its score, the time spent and the time left."""

import sys
import time
from collections.abc import Callable

from . import kinds, records


class Progress:
    """One line a finished fold on a terminal, at most one every five seconds elsewhere, with the time left."""

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic):
        self.total, self.done, self.failed = total, 0, 0
        self.clock, self.started, self.shown = clock, clock(), clock()
        self.live = sys.stdout.isatty()

    def show(self, record: dict) -> None:
        self.done += 1
        config = record["config"]
        name = (
            f"{config['dataset']} {kinds.prefix(config)}{records.label(records.cell_of(config))} run {config['run']} fold {config['fold']}"
        )
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
