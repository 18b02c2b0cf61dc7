"""The explorer of 02_cell: a formula as it is typed, what it does to the state, and a training of it against the unaltered cell.

`explore` shows widgets to somebody who sits at the notebook. Where nobody does (papermill, nbval, a page) it shows the pictures alone.
"""

import asyncio
import html
import json
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

import ipywidgets as widgets
import numpy as np
import pandas as pd
from IPython import get_ipython
from IPython.display import HTML, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from . import families
from .alterations import ALTERATIONS, Alteration, alteration
from .datasets import registry
from .errors import FormulaError, InputError
from .models import dynamics
from .models.dynamics import STEPS, over_steps
from .report import plots, show, wording
from .study.plan import Settings, plan

GATES = {"i": "input", "f": "forget", "o": "output"}
WAIT = 0.15  # seconds without a key or a move before the pictures are drawn again
LOOK = 0.5  # seconds between two looks at the records
SMALLEST = 1e-12  # gradients below are off the picture
SIZE = (2.6, 2.3)  # inches, three beside each other in a notebook; the names of the lines come below
DASHES = ("-", "--", "-.", ":")
#: What a training's process runs. It ends, as by Ctrl-C, when the notebook closes its end of the pipe, or is gone; also where JupyterLab was
#: started in the background, whose children a shell makes deaf to Ctrl-C.
PROGRAM = """
import json, os, signal, sys, threading
signal.signal(signal.SIGINT, signal.default_int_handler)
threading.Thread(target=lambda: (sys.stdin.read(), os.kill(os.getpid(), signal.SIGINT)), daemon=True).start()
from lstmcs.study.sweep import run_study
run_study(**json.loads(sys.argv[1]))
"""


def explore(settings: Settings, formula: str = "c = c * o", dataset: str | None = None) -> None:
    """Show the explorer of the settings' alterations, or their pictures where nobody can use it (so many pairs and gates have a page of their
    own: families.apart).

    formula: what its text box begins with. dataset: what it trains on at first; None means the first of the settings.
    """
    apart = families.apart(settings.alterations)
    cells = [alteration(name) for name in settings.alterations if name not in apart]
    if not live():
        for picture in static(cells, settings.seed):
            display(picture)
        return
    display(Explorer(settings, formula, dataset).box)


def live() -> bool:
    """Whether somebody sits at this notebook: who runs the cell says that its questions will be answered."""
    kernel = getattr(get_ipython(), "kernel", None)
    return bool(kernel and kernel.get_parent().get("content", {}).get("allow_stdin"))


# === Pictures ===


def static(cells: Iterable[Alteration], seed: int = 0) -> list[HTML]:
    """The pictures of `cells`: what a formula makes of one state, and what it comes to over a hundred steps."""
    altered = [cell for cell in cells if cell.formula]
    drawn = plots.alteration_curves(altered)
    alt = "The state after the alteration over the state before it, a panel an alteration; every gate at 0.5."
    first = show.figure(drawn, "State after the alteration (solid) and before (dashed).", alt)
    return [first, *over_time([alteration("none"), *altered], seed)]


def over_time(cells: list[Alteration], seed: int = 0, strong: str = "") -> list[HTML]:
    """Two pictures of the same cells: mean |c| over a hundred steps, and the gradient of the first step's state that is left."""
    about = {
        "c": ("mean |c|", "How large the state becomes, reading noise, with initial weights."),
        "gradient": ("gradient left", "How much of the gradient of the first step's state is left, t steps on."),
    }
    found = {cell.id: over_steps(cell, seed=seed) for cell in cells}
    return [_lines({name: getattr(d, what) for name, d in found.items()}, *about[what], strong) for what in about]


def one_state(cells: list[Alteration], gates: dict[str, float], strong: str = "") -> HTML:
    """The altered state over the current one of the standard step, a line a cell: of h for a formula that reaches h alone, else of c.
    gates: i, f, o, from 0 to 1."""
    curves = {cell.id: dynamics.one_state(cell, **gates) for cell in cells}
    c = np.linspace(-3, 3, 121)
    fig, ax = plots.panel(*SIZE)
    ax.plot(c, gates["o"] * np.tanh(c), color=plots.GREY, lw=1, ls=":", label="h, unaltered")
    _draw(ax, {name: (curve.c, curve.after) for name, curve in curves.items()}, strong)
    ax.set(xlabel="c after the standard step", ylim=(-3.2, 3.2))
    ax.set_title("state after the alteration", fontsize=9, loc="left")
    _legend(fig)
    ends = "; ".join(
        f"{name} {curve.after[0]:.2g} at {curve.c[0]:.2g}, {curve.after[-1]:.2g} at {curve.c[-1]:.2g}" for name, curve in curves.items()
    )
    return _done(fig, "What a formula makes of one state.", f"The altered state over the current one: {ends}.")


def _lines(curves: dict[str, np.ndarray], title: str, caption: str, strong: str) -> HTML:
    fig, ax = plots.panel(*SIZE)
    steps = np.arange(1, STEPS + 1)
    _draw(ax, {name: (steps, curve) for name, curve in curves.items()}, strong)
    ax.set(xlabel="time step t", yscale="log")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    values = np.concatenate([curve[np.isfinite(curve) & (curve > 0)] for curve in curves.values()] or [np.ones(1)])
    low, high = max(SMALLEST, values.min() / 2), min(1e6, values.max() * 2)
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 200 * low else (1,), numticks=9))
    ax.set_ylim(low, high)
    ax.set_title(title, fontsize=9, loc="left")
    _legend(fig)
    ends = "; ".join(f"{_called(name)} {curve[19]:.2g} after 20 steps, {curve[-1]:.2g} after {STEPS}" for name, curve in curves.items())
    return _done(fig, caption, f"{title}: {ends}.")


def _draw(ax: Axes, curves: dict[str, tuple[np.ndarray, np.ndarray]], strong: str) -> None:
    """A line a cell, of its x and y: the unaltered one black and dashed, `strong` thick, the others told by colour and dashes."""
    others = [name for name in curves if name not in ("none", strong)]
    for name, (x, y) in curves.items():
        number = others.index(name) if name in others else 0
        look = {"color": plots.OKABE_ITO[1:6][number % 5], "ls": DASHES[number // 5 % 4], "lw": 1.1}
        look = {"none": {"color": "black", "ls": "--", "lw": 1.4}, strong: {"color": plots.BLUE, "lw": 2.4}}.get(name, look)
        ax.plot(x, np.where(np.isfinite(y), y, np.nan), label=_called(name), **look)
    ax.grid(color="#dddddd", lw=0.5)
    ax.tick_params(labelsize=8)
    ax.spines[["top", "right"]].set_visible(False)


def _legend(fig: Figure) -> None:
    names = fig.axes[0].get_legend_handles_labels()[1]
    columns = 3 if max(map(len, names)) < 10 else 2
    fig.set_size_inches(SIZE[0], SIZE[1] + 0.15 * -(-len(names) // columns))
    fig.legend(loc="outside lower left", ncols=columns, fontsize=7, frameon=False, handlelength=1.8, columnspacing=1)


def _called(name: str) -> str:
    return "unaltered" if name == "none" else name if len(name) < 26 else name[:25] + "…"


def _done(fig: Figure, caption: str, alt: str) -> HTML:
    fig.set_layout_engine("constrained")
    return show.figure(fig, caption, alt)


class LiveCurve:
    """A learning curve that grows while Keras trains: LambdaCallback(on_epoch_end=LiveCurve(epochs)).

    Each score of the validation rows has a panel: that of the training rows dashed, theirs solid.
    """

    def __init__(self, epochs: int):
        self.epochs, self.rows = epochs, []
        self._place, self._drawn = display(HTML(""), display_id=True), 0.0

    def __call__(self, epoch: int, logs: dict[str, float]) -> None:
        self.rows.append(dict(logs))
        if time.monotonic() - self._drawn > LOOK:
            self.draw()

    def draw(self) -> None:
        """The curve as it is; the last epochs may have come too quickly to be drawn."""
        table = pd.DataFrame(self.rows, index=range(1, len(self.rows) + 1))
        names = [name for name in table if f"val_{name}" in table]
        panels = [plots.panel(plots.WIDE, 2) for _ in names]
        for (fig, ax), name in zip(panels, names):
            ax.plot(table[name], "--", color=plots.GREY, label="training")
            ax.plot(table[f"val_{name}"], color=plots.BLUE, label="validation")
            ax.set(xlabel="epoch", title=name.replace("_", " "), xlim=(0, self.epochs + 1))
            ax.grid()
            fig.set_label(f"{name.replace('_', ' ')} over the epochs, in training and on validation")
        panels[0][1].legend()
        last = ", ".join(f"{name.replace('_', ' ')} {table[f'val_{name}'].iloc[-1]:.3f}" for name in names)
        picture = plots.Picture(tuple(fig for fig, _ in panels), f"After {len(table)} epochs, on validation: {last}.")
        self._place.update(show.figure(picture, "Computed now, an epoch at a time."))
        self._drawn = time.monotonic()


# === A training ===


class Trial:
    """A formula against the unaltered cell, trained by a process of its own. Its folds are on record as any study's.

    settings: those of the study. Raises DataError, SettingsError.
    """

    def __init__(self, settings: Settings):
        self.work, self.lines = plan(settings), deque(maxlen=50)
        self.before = self.done()
        self._process: subprocess.Popen | None = None

    def done(self) -> int:
        """Folds on record, failed ones too."""
        return sum(state != "missing" for state in self.work.states().values())

    def start(self) -> None:
        """Train what is not on record."""
        settings = json.dumps(self.work.settings.parameters())
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, settings], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    def _read(self, printed: Iterable[str]) -> None:
        for line in printed:
            if line.strip():
                self.lines.append(line.strip())

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def failed(self) -> bool:
        """Whether the process ended by itself with an error."""
        return self._process is not None and self._process.poll() not in (None, 0) and not self._process.stdin.closed

    def stop(self) -> None:
        """End it, as Ctrl-C does: every finished fold is on record."""
        if self._process is not None and not self._process.stdin.closed:
            self._process.stdin.close()

    def outcome(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Results and learning curves on record."""
        return self.work.results(), self.work.curves()


# === The widgets ===


class Explorer:
    """The widgets: .box holds all of them. See `explore`."""

    def __init__(self, settings: Settings, formula: str = "c = c * o", dataset: str | None = None):
        self.settings, self.cell, self.trial, self._later = settings, None, None, None
        wide, small = widgets.Layout(width="100%"), widgets.Layout(width="16rem")
        self.formula = widgets.Text(formula, description="Formula", placeholder="c = c * o", layout=widgets.Layout(width="60%"))
        self.told = widgets.HTML(layout=wide)
        self.gates = {
            name: widgets.FloatSlider(0.5, min=0, max=1, step=0.05, description=f"{name}, {what}", layout=widgets.Layout(width="17rem"))
            for name, what in GATES.items()
        }
        ticked = set(settings.alterations) if len(settings.alterations) < 8 else {"C-1", "H-2"}
        self.boxes = {
            cell.id: widgets.Checkbox(cell.id in ticked, description=f"{cell.id}  {cell.formula}", indent=False, layout=widgets.Layout(width="auto"))
            for cell in ALTERATIONS.values() if cell.formula
        }  # fmt: skip
        self.pictures = widgets.HTML(layout=wide)
        sets = [name for name, entry in registry.entries().items() if registry.at_hand(name, entry)]
        choices = list(dict.fromkeys([*settings.datasets, *sets]))
        self.dataset = widgets.Dropdown(options=choices, value=dataset or choices[0], description="Data set", layout=small)
        self.folds = widgets.IntSlider(settings.folds, min=1, max=10, description="Folds", layout=small)
        self.train = widgets.Button(
            description="Train against the unaltered cell", button_style="primary", layout=widgets.Layout(width="auto")
        )
        self.stop = widgets.Button(description="Stop", disabled=True, layout=widgets.Layout(width="5rem"))
        self.bar = widgets.IntProgress(layout=widgets.Layout(display="none"))
        self.status, self.outcome = widgets.HTML(layout=wide), widgets.HTML(layout=wide)
        grid = widgets.GridBox(
            list(self.boxes.values()), layout=widgets.Layout(grid_template_columns="repeat(auto-fill, minmax(13rem, 1fr))")
        )
        self.box = widgets.VBox([
            self.formula, self.told, widgets.HBox(list(self.gates.values()), layout=widgets.Layout(flex_flow="row wrap")), self.pictures,
            grid, widgets.HBox([self.dataset, self.folds, self.train, self.stop], layout=widgets.Layout(flex_flow="row wrap")),
            widgets.HBox([self.bar, self.status]), self.outcome,
        ])  # fmt: skip
        self.formula.observe(lambda _: self.read(), "value")
        for one in (*self.gates.values(), *self.boxes.values()):
            one.observe(lambda _: self._soon(self.draw), "value")
        self.train.on_click(lambda _: self.begin())
        self.stop.on_click(lambda _: self.trial and self.trial.stop())
        self.read()
        self.draw()

    def read(self) -> None:
        """Take the formula that is typed: its mathematics below it, or what is wrong with it in a line."""
        try:
            self.cell = alteration(self.formula.value)
        except FormulaError as error:
            self.told.value = _line(str(error), wrong=True)
            self.train.disabled = True
            return
        about = (
            show.math(self.cell.latex) + f" &ensp; alters {wording.STATES[self.cell.state]}" if self.cell.formula else "the unaltered cell"
        )
        self.told.value = _line(about, escape=False)
        self.train.disabled = not self.cell.formula or bool(self.trial and self.trial.running)
        self._soon(self.draw)

    def shown(self) -> list[Alteration]:
        """The unaltered cell, what is ticked, and the formula."""
        ticked = [name for name, box in self.boxes.items() if box.value]
        return [alteration(name) for name in dict.fromkeys(["none", *ticked, *([self.cell.id] if self.cell else [])])]

    def draw(self) -> None:
        """The pictures of what is shown."""
        gates = {name: slider.value for name, slider in self.gates.items()}
        strong = self.cell.id if self.cell and self.cell.formula else ""
        pieces = [one_state(self.shown(), gates, strong), *over_time(self.shown(), self.settings.seed, strong)]
        self.pictures.value = _beside(pieces)

    def begin(self) -> None:
        """Train, in the background of the kernel."""
        asyncio.get_running_loop().create_task(self.follow())

    async def follow(self) -> None:
        """Train the formula against the unaltered cell, and show what is known after each fold."""
        self.train.disabled, self.outcome.value = True, ""
        try:
            self.trial = Trial(self.asked())
            await self._watch(self.trial)
        except (InputError, OSError) as error:
            self.status.value = _line(f"{type(error).__name__}: {error}", wrong=True)
        finally:
            self.stop.disabled, self.bar.layout.display = True, "none"
            self.train.disabled = not (self.cell and self.cell.formula)

    def asked(self) -> Settings:
        """What is trained."""
        common = self.settings.parameters()
        chosen = {
            "datasets": [self.dataset.value],
            "alterations": [self.cell.id],
            "folds": self.folds.value,
            "models": ["lstm"],
            "runs": 1,
            "reseeds": 0,
        }
        return Settings.of(**common | chosen)

    async def _watch(self, trial: Trial) -> None:
        total, cell, known = len(trial.work.folds), trial.work.settings.alterations[1], -1
        self.bar.max, self.bar.layout.display, self.stop.disabled = total, "", False
        if trial.before < total:
            self.status.value = _line("starting ...")
            trial.start()
        while True:
            running, done = trial.running, trial.done()
            if done != known:
                known, self.bar.value = done, done
                self._tell(trial, cell)
            self.status.value = _line(wording.trial(done, total, trial.before, running, trial.lines[-1] if trial.lines else ""))
            if not running:
                break
            await asyncio.sleep(LOOK)
        if trial.failed:
            self.status.value = _line(trial.lines[-1] if trial.lines else "the training ended without a word", wrong=True)

    def _tell(self, trial: Trial, cell: str) -> None:
        results, curves = trial.outcome()
        text = show.answer(wording.one_cell(results, cell)).data
        if len(results) and (results["state"] == "done").any() and len(curves):
            caption = "Macro F1 on validation over the epochs, altered (solid) and unaltered (dashed)."
            drawn = show.figure(plots.learning_curves(curves, results), caption, wording.learning(curves, trial.work.settings.datasets[0]))
            beside = show.figure(
                plots.paired_differences(results), "A dot a fold: altered minus unaltered.", wording.one_cell(results, cell)
            )
            text += _beside([drawn, beside])
        self.outcome.value = text

    def _soon(self, act: Callable[[], None]) -> None:
        """Once no key has been pressed for a moment; at once where there is no loop that could wait."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            act()
            return
        if self._later:
            self._later.cancel()
        self._later = loop.call_later(WAIT, act)


def _line(text: str, wrong: bool = False, escape: bool = True) -> str:
    style = "color:#b00020" if wrong else ""
    return f'<div role="{"alert" if wrong else "status"}" style="{style};line-height:1.5">{html.escape(text) if escape else text}</div>'


def _beside(pieces: Iterable[HTML]) -> str:
    style = "<style>.explorer figure { margin: 0; flex: 0 1 auto; max-width: 100%; width: min-content; min-width: 270px; }</style>"
    return f'{style}<div class="explorer" style="display:flex;flex-wrap:wrap;gap:.6rem">{"".join(piece.data for piece in pieces)}</div>'
