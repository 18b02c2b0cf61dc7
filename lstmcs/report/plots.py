"""Pictures. Each function returns a Picture: one panel or several, each no wider than a phone, and what it shows in words.

Colours are safe for colour-blind readers, and never alone. A page sets the panels beside each other as far as there is room (show.figure).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from ..alterations import ALTERATIONS, alteration
from ..datasets.preparation import apart
from ..datasets.preprocess import Prepared
from ..fold import is_reseed, label
from ..metrics import METRICS
from ..models import kinds
from ..models.dynamics import one_state
from ..stats import curves as speeds
from ..stats import multiple, single
from . import formulas

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"  # Okabe & Ito
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
MARKERS = "osD^vPX*"
#: Said by a sign and by colour, never by colour alone.
SIGNS = {"better": "▲", "same": "=", "worse": "▼", "undecided": "?", "not learned": "–", "no data": "",
         "more": "▲", "as the sum": "=", "less": "▼"}  # fmt: skip
#: Inches at 96 pixels: what a phone of 360 pixels shows without scaling, and half of it. Type is 7 points, 9.3 pixels, or more.
WIDE, SMALL = 3.35, 1.6
STYLE = {
    "svg.fonttype": "none", "svg.hashsalt": "lstmcs", "text.parse_math": False,  # text stays text; a "$" is a dollar
    "font.size": 7.5, "axes.titlesize": 8.5, "axes.titlelocation": "left", "figure.titlesize": 8.5, "axes.labelsize": 7.5,
    "xtick.labelsize": 7, "ytick.labelsize": 7, "legend.fontsize": 7, "legend.frameon": False, "legend.handlelength": 2.2,
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True, "grid.color": "#dddddd", "grid.linewidth": 0.5,
    "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none", "figure.constrained_layout.use": True,
}  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """Panels in their order, each a figure whose label says what it shows alone; alt: what they show together."""

    panels: tuple[Figure, ...]
    alt: str

    @property
    def axes(self) -> list[Axes]:
        return [ax for panel in self.panels for ax in panel.axes]


def picture(draw: Callable[..., Picture]) -> Callable[..., Picture]:
    """A drawing function under STYLE."""

    @wraps(draw)
    def styled(*args, **kwargs) -> Picture:
        with rc_context(STYLE):
            return draw(*args, **kwargs)

    return styled


@picture
def paired_differences(results: pd.DataFrame, metric: str = "macro_f1") -> Picture:
    """Every fold's difference to the unaltered cell, with its mean and corrected 95 % interval, a row an alteration."""
    differences = single.paired_differences(results, metric)
    table = single.differences_table(results, metric)
    if table.empty:
        return nothing()
    fig, ax = panel(WIDE, 0.75 + 0.21 * len(table))
    ax.axvline(0, color=GREY, lw=1)
    positions = {name: y for y, name in enumerate(table.index)}
    jitter = np.random.default_rng(0).uniform(-0.18, 0.18, len(differences))
    ax.scatter(
        differences["difference"], differences["alteration"].map(positions) + jitter, s=7, color=GREY, alpha=0.5, lw=0, label="one fold"
    )
    for name, row in table.iterrows():
        colour, marker = (BLUE, "^") if row["low"] > 0 else (ORANGE, "v") if row["high"] < 0 else ("black", "o")
        ax.plot([row["low"], row["high"]], [positions[name]] * 2, color=colour, lw=2, solid_capstyle="butt")
        ax.plot(row["mean"], positions[name], marker, color=colour, ms=5)
    cell_rows(fig, ax, positions, f"{METRICS[metric]}, altered minus unaltered, points")
    fig.suptitle("Mean and interval: ▲ above 0  ▼ below 0  ● neither", x=0.01, ha="left")
    altered = table[~is_reseed(table.index)]
    above, below = int((altered["low"] > 0).sum()), int((altered["high"] < 0).sum())
    return one_panel(fig, f"{above} of {len(altered)} alterations have an interval above 0, {below} below 0; the rest include 0.")


def panel(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty panel under STYLE; inches. It is none of pyplot's, which would be kept, and shown twice in a notebook."""
    with rc_context(STYLE):
        fig = Figure(figsize=(width, height))
        return fig, fig.subplots()


def cell_rows(fig: Figure, ax: Axes, cells, what: str) -> None:
    """A row a cell, the first at the top: names with their formulas, no axis line, `what` below."""
    ax.set_yticks(range(len(cells)), [formulas.name(cell) for cell in cells])
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(cells) - 0.5, -0.5)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x")
    fig.supxlabel(what, fontsize=7.5)


def log_axis(fig: Figure, ax: Axes, what: str, ticks: LogLocator, numbers: str) -> None:
    """A log axis x, told in plain numbers: Matplotlib's own are TeX, which STYLE leaves as it stands."""
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(ticks)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: format(x, numbers)))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.grid()
    fig.supxlabel(f"{what} (log axis)", fontsize=7.5)


def one_panel(fig: Figure, alt: str) -> Picture:
    fig.set_label(alt)
    return Picture((fig,), alt)


def several(panels: list[Figure], alt: str) -> Picture:
    return Picture(tuple(panels), alt) if panels else nothing()


@picture
def alteration_curves(names=None, o: float = 0.5) -> Picture:
    """What each alteration makes of the state: c (for C) or h (for H) after it, over c after the standard step, every gate at `o` to
    begin with (dynamics.one_state). A panel each."""
    panels = []
    for item in [alteration(n) for n in names or ALTERATIONS if n != "none"]:
        c, before, after = one_state(item, o, o, o)
        fig, ax = panel(SMALL, 1.5)
        ax.axhline(0, color="#cccccc", lw=0.5, zorder=0)
        ax.axvline(0, color="#cccccc", lw=0.5, zorder=0)
        ax.plot(c, before, color=GREY, lw=1, ls="--")
        ax.plot(c, after, color=BLUE, lw=1.8)
        ax.set(ylim=(-3.2, 3.2), yticks=(-2, 0, 2), xticks=(-2, 0, 2))
        fig.suptitle(formulas.name(item.id), x=0.02, ha="left")
        ends = ", ".join(f"{after[at]:.2g} at {c[at]:.2g}" for at in (0, len(c) // 2, -1))
        fig.set_label(f"{item.id}: the state after {item.formula} is {ends}.")
        panels.append(fig)
    return several(panels, "The state after the alteration over the state before it, a panel an alteration.")


@picture
def learning_curves(curves: pd.DataFrame, results: pd.DataFrame, metric: str = "macro_f1") -> Picture:
    """A panel a cell: its validation score over the epochs (solid) beside the unaltered cell's (dashed), of one data set.

    Lines are means over folds, bands the middle 80 % of them; the ticks at the foot are the epochs that were read, one a fold.
    curves: Plan.curves; results: the frame that says which epochs (Plan.results).
    """
    table = speeds.band(curves, f"val_{metric}")
    names = [name for name in multiple.in_order(table["alteration"]) if name != "none"]
    if not names or "none" not in set(table["alteration"]):
        return nothing()
    picked, panels = results.groupby("alteration")["epoch"], []
    low, high, last = 100 * table["low"].min(), 100 * table["high"].max(), {}
    for name in names:
        fig, ax = panel(SMALL, 1.5)
        for cell, colour, style, foot in (("none", GREY, "--", 0.0), (name, BLUE, "-", 0.05)):
            part = table[table["alteration"] == cell]
            ax.fill_between(part["epoch"], 100 * part["low"], 100 * part["high"], color=colour, alpha=0.15, lw=0)
            ax.plot(part["epoch"], 100 * part["mean"], style, color=colour, lw=1.5)
            epochs = picked.get_group(cell).dropna() if cell in picked.groups else []
            ax.vlines(epochs, foot, foot + 0.045, color=colour, lw=1, transform=ax.get_xaxis_transform())
            last[cell] = f"{100 * part['mean'].iloc[-1]:.1f} %"
        ax.set_ylim(low - 0.15 * (high - low + 1), high + 0.05 * (high - low + 1))  # room for the ticks at the foot
        _epochs(ax)
        fig.suptitle(formulas.name(name), x=0.02, ha="left")
        fig.set_label(f"{label(name)}: {last[name]} after the last epoch, the unaltered cell {last['none']}.")
        panels.append(fig)
    ends = ", ".join(f"{label(name)} {last[name]}" for name in names)
    return several(panels, f"Mean {METRICS[metric]} on validation after the last epoch: the unaltered cell {last['none']}, {ends}.")


def _epochs(ax: Axes) -> None:
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    ax.grid()


@picture
def learning_by_set(curves: pd.DataFrame, cells: tuple[str, ...] = ("none", "C-1", "H-2"), metric: str = "macro_f1") -> Picture:
    """A panel a data set: mean validation score over the epochs, a line a cell of `cells` that is on record."""
    curves = curves[curves["alteration"].isin(cells)].dropna(subset=[f"val_{metric}"])
    panels = []
    for name in curves["dataset"].unique():
        fig, ax = panel(WIDE, 2.2)
        ends = learning_panel(ax, curves[curves["dataset"] == name], cells, metric)
        fig.suptitle(f"{name}: {METRICS[metric]} on validation, %", x=0.01, ha="left")
        fig.set_label(f"{name}, after the last epoch: {ends}.")
        panels.append(fig)
    return several(panels, f"Mean {METRICS[metric]} on validation over the epochs, a panel a data set.")


def learning_panel(ax: Axes, curves: pd.DataFrame, cells: tuple[str, ...], metric: str = "macro_f1") -> str:
    """One data set's lines of learning_by_set, drawn on `ax`; returns where they end."""
    table, ends = speeds.band(curves, f"val_{metric}"), []
    for cell, colour, style in zip(cells, ("black", *OKABE_ITO), ("--", "-", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)))):
        part = table[table["alteration"] == cell]
        ax.plot(part["epoch"], 100 * part["mean"], linestyle=style, color=colour, lw=1.6, label=formulas.name(cell))
        ends += [f"{'unaltered' if cell == 'none' else label(cell)} {100 * part['mean'].iloc[-1]:.1f} %"] if len(part) else []
    ax.legend(loc="lower right")
    ax.set_xlabel("epoch")
    _epochs(ax)
    return ", ".join(ends)


@picture
def classes_and_lengths(prepared: Prepared) -> Picture:
    """Documents a class, and the distribution of prepared lengths with MaxLen: two panels."""
    counts = pd.Series(prepared.labels.sum(axis=0), index=prepared.classes).sort_values(ascending=False)
    name, words = prepared.dataset.name, (prepared.ids > 0).sum(axis=1)
    bars, ax = panel(WIDE, 0.6 + 0.17 * max(6, len(counts)))
    ax.barh(range(len(counts)), counts, color=BLUE, height=0.7)
    ax.set_yticks(range(len(counts)), apart(counts.index, 24))
    ax.set_ylim(len(counts) - 0.4, -0.6)
    ax.set_xlabel("documents")
    bars.set_label(f"{name}: {len(counts)} classes with {counts.min()} to {counts.max()} documents.")
    lengths, ax = panel(WIDE, 2)
    ax.hist(words, bins=min(30, prepared.max_len), color=BLUE)
    ax.axvline(prepared.max_len, color=ORANGE, ls="--")
    ax.annotate(f"MaxLen {prepared.max_len}", (prepared.max_len, ax.get_ylim()[1] * 0.95), xytext=(-4, 0),
                textcoords="offset points", ha="right", color="#a84900")  # fmt: skip
    ax.set(xlabel="words a document, prepared", ylabel="documents")
    half = sorted(words)[len(words) // 2]
    lengths.set_label(f"{name}: half of the documents have at most {half} words, the longest {prepared.max_len}.")
    return several([bars, lengths], " ".join((bars.get_label(), lengths.get_label())))


@picture
def vocabulary_growth(growth: pd.DataFrame) -> Picture:
    """Distinct tokens over documents read, as they come (dashed) and prepared (solid). growth: describe.vocabulary_growth."""
    fig, ax = panel(WIDE, 2.2)
    for stage, style, colour in (("original", "--", GREY), ("prepared", "-", BLUE)):
        rows = growth[growth["stage"] == stage]
        ax.plot(rows["documents"], rows["distinct"], style, color=colour, label=stage)
    ax.set(xlabel="documents read", ylabel="distinct tokens", xlim=(0, None), ylim=(0, None))
    ax.legend()
    ends = growth.groupby("stage")["distinct"].max()
    return one_panel(
        fig, "Distinct tokens at the end: " + ", ".join(f"{count} in the {stage} documents" for stage, count in ends.items()) + "."
    )


@picture
def nothing() -> Picture:
    """What is shown as long as there is nothing to compare."""
    fig, ax = panel(WIDE, 0.5)
    ax.axis("off")
    ax.text(0.5, 0.5, "nothing on record yet", ha="center", va="center", color=GREY)
    return one_panel(fig, "Nothing is on record yet that could be compared.")


@picture
def average_ranks(ranks: pd.DataFrame, critical_difference: float) -> Picture:
    """Average rank of every cell over the data sets, best first, with the critical difference as a bar."""
    if ranks.empty:
        return nothing()
    fig, ax = panel(WIDE, 0.9 + 0.19 * len(ranks))
    for y, (name, row) in enumerate(ranks.iterrows()):
        plain = name == "none"
        ax.plot(row["rank"], y, "D" if plain else "o", color=ORANGE if plain else BLUE, ms=6 if plain else 4)
    ax.plot([1, 1 + critical_difference], [-1.2, -1.2], color="black", lw=3, solid_capstyle="butt")
    ax.annotate(f"critical difference {critical_difference:.1f}", (1, -1.2), xytext=(0, 4), textcoords="offset points", fontsize=7)
    cell_rows(fig, ax, ranks.index, "average rank (1 is best); the diamond is the unaltered cell")
    ax.set_xlim(0.5, max(len(ranks), 1 + np.nan_to_num(critical_difference)) + 0.5)
    ax.set_ylim(len(ranks) - 0.4, -2.4)
    return one_panel(fig, f"{label(ranks.index[0])} ranks first on average; the critical difference is {critical_difference:.1f} ranks.")


@picture
def paper_against_ours(table: pd.DataFrame) -> Picture:
    """The paper's improvement (x) against ours (y), both in percent of the baseline, with the line on which they agree.

    table: paper.comparison.against_paper. A marker and a colour a data set; all four scores.
    """
    if table.empty:
        return nothing()
    fig, ax = panel(WIDE, 3.1)
    for (name, rows), marker, colour in zip(table.groupby("dataset", sort=False), MARKERS, OKABE_ITO):
        ax.plot(rows["improvement"], rows["ours"], marker, color=colour, ms=4, alpha=0.7, mew=0, label=name)
    low, high = table["improvement"].min(), table["improvement"].max()
    ax.plot([low, high], [low, high], color="black", lw=1, ls="--", label="paper = ours")
    ax.axhline(0, color=GREY, lw=0.6)
    ax.axvline(0, color=GREY, lw=0.6)
    ax.set(xlabel="the paper's improvement, %", ylabel="ours, %")
    fig.legend(loc="outside upper left", ncols=3)
    return one_panel(fig, f"{len(table)} pairs: the paper's improvements lie between {low:.2f} and {high:.2f} %, ours between {table['ours'].min():.2f} and {table['ours'].max():.2f} %.")  # fmt: skip


@picture
def score_against_time(table: pd.DataFrame, names: dict[str, str], metric: str = "macro_f1") -> Picture:
    """A panel a data set: score against training seconds a fold (log axis), a mark a model, altered cells smaller. What has no time, as
    where the card or the processors were shared, is left out.

    table: stats.cost.rows; names: study Plan.names. A model is told by its mark, by its colour, and by its name at the unaltered row; the
    best constant answer, which takes no time to speak of, is a dashed line.
    """
    panels = []
    for name in table["dataset"].unique():
        whole, told = table[table["dataset"] == name], []
        networks = whole[whole["model"] != "constant"]
        shown = networks[networks["seconds"].notna()]
        if shown.empty and not networks.empty:
            continue
        fig, ax = panel(WIDE, 2.6)
        for row in whole[whole["model"] == "constant"].itertuples():
            score = getattr(row, metric)
            ax.axhline(score, color=GREY, ls="--", lw=1, zorder=0)
            ax.annotate(
                names[row.model], (1, score), (0, 3), ("axes fraction", "data"), "offset points", color=GREY, ha="right", fontsize=7
            )
            told.append(f"{names[row.model]} {score:.1f} %")
        for row in shown.itertuples():
            number, plain = list(kinds.KINDS).index(row.model), row.alteration == "none"
            score = getattr(row, metric)
            ax.plot(row.seconds, score, MARKERS[number], color=OKABE_ITO[number], ms=8 if plain else 4, alpha=1 if plain else 0.6)
            if plain:
                short = names[row.model].split(" (")[0].split(" +")[0]
                ax.annotate(short, (row.seconds, score), (6, 5), textcoords="offset points", fontsize=7)
                told.append(f"{short} {score:.1f} % in {row.seconds:.3g} s")
        subs = (1,) if shown["seconds"].max() > 30 * shown["seconds"].min() else (1, 2, 5)
        log_axis(fig, ax, "training seconds a fold", LogLocator(subs=subs, numticks=8), "g")
        ax.margins(0.25)
        fig.suptitle(f"{name}: {METRICS[metric]}, %", x=0.01, ha="left")
        fig.set_label(f"{name}: {', '.join(told)}.")
        panels.append(fig)
    return several(panels, " ".join(panel.get_label() for panel in panels))
