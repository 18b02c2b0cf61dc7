"""Pictures of many comparisons at once: maps and forests of verdicts, specification curves. Drawn as those of plots.py are."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, NullLocator

from ..datasets.preparation import apart
from ..families import CURRENT, FAMILIES, HIDDEN, PAIRS
from ..fold import is_reseed, label
from ..stats import multiple, multiverse, single
from . import formulas
from .plots import BLUE, GREY, ORANGE, SIGNS, WIDE, Picture, cell_rows, log_axis, nothing, panel, picture, several

COLUMNS = 72  # protocols of a specification curve that a phone shows apart


@picture
def verdict_map(cells: pd.DataFrame, sets_a_panel: int = 4, beside: pd.DataFrame | None = None) -> Picture:
    """Alterations x data sets: mean difference in points as colour and number, the verdict as a sign. At most four sets a panel.

    cells: multiple.cells. A cell that is not on record is left blank; a cross says that folds have failed (those that diverged count
    with a score of 0), a dash that nothing is learned on the set. beside: those of another map, which is to have the same colours.
    """
    if cells.empty:
        return nothing()
    names, sets = multiple.in_order(cells["alteration"]), list(cells["dataset"].unique())
    shown = pd.concat([cells["mean"], *([] if beside is None else [beside["mean"]])]).abs()
    limit = max(5 * single.ROPE, shown.quantile(0.95) if shown.notna().any() else 0)  # small ones look small
    blank = bool(((cells["folds"] == 0) & (cells["failed"] == 0)).any())
    parts = -(-len(sets) // sets_a_panel)
    panels = [_map_panel(cells, names, list(part), limit, blank) for part in np.array_split(np.array(sets, object), parts)]
    count = multiple.compared(cells)["verdict"].value_counts()
    told = ", ".join(f"{n} {word}" for word, n in count.items())
    return several(panels, f"Verdicts of all alterations on all data sets on record: {told or 'none'}.")


def _map_panel(cells: pd.DataFrame, names: list[str], sets: list[str], limit: float, blank: bool) -> Figure:
    fig, ax = panel(WIDE, 0.75 + 0.21 * len(names))
    told = []
    for row in cells[cells["dataset"].isin(sets)].itertuples():
        x, y = sets.index(row.dataset), names.index(row.alteration)
        if row.mean == row.mean:
            _tile(ax, x, y, row.mean, f"{row.mean:+.1f} {SIGNS[row.verdict]}" + "✗" * (row.diverged > 0), limit)
            told.append(f"{label(row.alteration)} on {row.dataset} {row.mean:+.1f} {row.verdict}")
        elif row.failed:
            ax.text(x, y, "✗", ha="center", va="center", fontsize=7)
    key = "points; ▲ better  ▼ worse  = same  ? undecided" + "  ✗ failed" * bool((cells["failed"] > 0).any())
    key += "\n– nothing is learned there" * ("not learned" in set(cells["verdict"]))
    cell_rows(fig, ax, names, key + "\nblank: not on record" * blank)
    ax.set_xticks(range(len(sets)), apart(sets, 12))
    _edges(ax, len(sets))
    fig.set_label("; ".join(told) + ".")
    return fig


def _tile(ax: Axes, x: int, y: int, mean: float, text: str, limit: float) -> None:
    """A mean as colour, and as text."""
    shade = colormaps.get_cmap("PuOr")(0.5 + 0.5 * np.clip(mean / limit, -1, 1))
    ax.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, color=shade, lw=0))
    ink = "white" if np.dot(shade[:3], (0.299, 0.587, 0.114)) < 0.5 else "black"
    ax.text(x, y, text, ha="center", va="center", color=ink, fontsize=7)


def _edges(ax: Axes, columns: int) -> None:
    """A map's columns are named above it, and nothing is drawn around."""
    ax.xaxis.tick_top()
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-0.5, columns - 0.5)
    ax.grid(visible=False)
    for side in ("top", "bottom"):
        ax.spines[side].set_visible(False)


@picture
def forest(cells: pd.DataFrame) -> Picture:
    """A panel a data set: mean difference and corrected 95 % interval of every alteration, with the ROPE in grey."""
    cells = cells[cells["folds"] > 1]
    names, panels = multiple.in_order(cells["alteration"]), []
    for name in cells["dataset"].unique():
        fig, ax = panel(WIDE, 0.7 + 0.19 * len(names))
        ax.axvspan(-single.ROPE, single.ROPE, color="#e4e4e4", lw=0)
        ax.axvline(0, color=GREY, lw=0.8)
        rows = cells[cells["dataset"] == name]
        for row in rows.itertuples():
            y = names.index(row.alteration)
            mark, colour = _mark(row.verdict)
            ax.plot([row.low, row.high], [y, y], color=colour, lw=1.6)
            ax.plot(row.mean, y, mark, color=colour, ms=4)
        cell_rows(fig, ax, names, "altered minus unaltered, points")
        fig.suptitle(str(name), x=0.01, ha="left")
        intervals = "; ".join(f"{label(r.alteration)} {r.mean:+.1f} ({r.low:+.1f} to {r.high:+.1f})" for r in rows.itertuples())
        fig.set_label(f"{name}, mean and interval in points: {intervals}.")
        panels.append(fig)
    compared = multiple.compared(cells) if len(cells) else cells
    above, below = int((compared["low"] > 0).sum()) if len(cells) else 0, int((compared["high"] < 0).sum()) if len(cells) else 0
    return several(panels, f"{above} of {len(compared)} intervals of alterations lie above 0, {below} below 0.")


def _mark(verdict: str) -> tuple[str, str]:
    """A verdict by its sign and its colour."""
    return {"better": ("^", BLUE), "worse": ("v", ORANGE), "same": ("s", "black")}.get(verdict, ("o", "black"))


@picture
def score_against_gradient(cells: pd.DataFrame, gradient: Mapping[str, float]) -> Picture:
    """A panel a data set: the mean difference of each alteration over the gradient that its formula leaves (log axis), the unaltered cell at 0.

    cells: multiple.cells; gradient: id -> what dynamics.over_steps has of a step, "none" among them. Only alterations that both have.
    """
    cells, panels = multiple.compared(cells), []
    for name in cells["dataset"].unique():
        rows = cells[(cells["dataset"] == name) & cells["alteration"].map(gradient).between(0, np.inf, inclusive="neither")]
        fig, ax = panel(WIDE, 2.6)
        ax.axhline(0, color=GREY, lw=0.8)
        ax.plot(gradient["none"], 0, "D", color=GREY, ms=6)
        for row in rows.itertuples():
            mark, colour = _mark(row.verdict)
            ax.plot(gradient[row.alteration], row.mean, mark, color=colour, ms=4)
        marks = [(row.alteration, gradient[row.alteration], row.mean) for row in rows.itertuples()]
        _named(ax, [("none", gradient["none"], 0.0), *marks])
        log_axis(fig, ax, "gradient left after ten steps", LogLocator(numticks=5), ".0e")
        ax.xaxis.set_minor_locator(NullLocator())
        ax.margins(0.15)
        fig.suptitle(f"{name}: altered minus unaltered, points", x=0.01, ha="left")
        told = (f"{r.alteration} {r.mean:+.1f} points, {gradient[r.alteration]:.0e} left" for r in rows.itertuples())
        fig.set_label(f"{name}: {'; '.join(told)}; the unaltered cell {gradient['none']:.0e}.")
        panels.append(fig)
    return several(panels, " ".join(panel.get_label() for panel in panels))


def _named(ax: Axes, marks: list[tuple[str, float, float]]) -> None:
    """Names beside marks (name, x, y) on a log axis x, each on the side that is farthest from other marks and names."""
    sides = {(4, 0): ("left", "center"), (-4, 0): ("right", "center"), (0, 4): ("center", "bottom"), (0, -4): ("center", "top")}
    places = np.array([(np.log10(x), y) for _, x, y in marks])
    places = (places - places.min(0)) / np.maximum(np.ptp(places, axis=0), 1e-9) / (0.1, 0.08)  # in widths and heights of a name
    names: list[np.ndarray] = []
    for number, (name, x, y) in enumerate(marks):
        others = [*np.delete(places, number, 0), *names]
        centres = {side: places[number] + np.sign(side) * 0.8 for side in sides}
        room = {side: min((max(abs(centre - other)) for other in others), default=0) for side, centre in centres.items()}
        side = max(sides, key=lambda side: min(room[side], 1))  # more than enough is no better
        names.append(centres[side])
        across, along = sides[side]
        ax.annotate(name, (x, y), side, textcoords="offset points", ha=across, va=along, fontsize=7)


@picture
def specification(cells: pd.DataFrame, levels: pd.DataFrame) -> Picture:
    """A panel a data set and alteration: the protocols by their mean difference, each with its corrected 95 % interval, and below it which
    level it has of each dimension that the plan varies (black: another than the default's).

    The hollow marks are the unaltered cell with other seeds under as many protocols, by their means likewise. cells: multiverse.cells;
    levels: one row a planned protocol. Of more than COLUMNS protocols that many are shown, evenly from lowest to highest.
    """
    cells = cells[cells["verdict"].isin(single.VERDICTS)]
    panels, told = [], []
    for dataset, group in cells.groupby("dataset", sort=False):
        null = group[is_reseed(group["alteration"])]["mean"].sort_values().to_numpy()
        for cell in multiple.in_order(group["alteration"]):
            if not is_reseed([cell])[0]:
                rows = group[group["alteration"] == cell].sort_values("mean", kind="stable")
                words = ", ".join(f"{count} {word}" for word in single.VERDICTS if (count := int((rows["verdict"] == word).sum())))
                about = f"{label(cell)} on {dataset}: {words} of {len(levels)} protocols, {(rows['mean'] > 0).sum()} with a mean above 0"
                panels.append(_curve(f"{formulas.name(cell)}, {dataset}", rows, null, levels))
                panels[-1].set_label(f"{about}; from {rows['mean'].iloc[0]:+.1f} ({rows['protocol'].iloc[0]}) to {rows['mean'].iloc[-1]:+.1f} ({rows['protocol'].iloc[-1]}).")  # fmt: skip
                told.append(about)
    return several(panels, "; ".join(told) + ".")


def _curve(title: str, rows: pd.DataFrame, null: np.ndarray, levels: pd.DataFrame) -> Figure:
    named = [(name, level) for name, values in multiverse.varied(levels).items() for level in values]
    height = 0.125 * len(named)
    fig = Figure(figsize=(WIDE, 2.3 + height))
    upper, lower = fig.subplots(2, 1, sharex=True, height_ratios=(1.55, max(height, 0.1)))
    count, shown = len(rows), np.unique(np.linspace(0, len(rows) - 1, min(len(rows), COLUMNS)).round().astype(int))
    upper.axhspan(-single.ROPE, single.ROPE, color="#e4e4e4", lw=0)
    upper.axhline(0, color=GREY, lw=0.8)
    for x, row in zip(shown, rows.iloc[shown].itertuples()):
        colour, mark = {"better": (BLUE, "^"), "worse": (ORANGE, "v"), "same": ("black", "s")}.get(row.verdict, ("black", "o"))
        upper.plot([x, x], [row.low, row.high], color=colour, lw=1.4 if count < 40 else 0.8)
        upper.plot(x, row.mean, mark, color=colour, ms=4 if count < 40 else 2.5)
    if len(null):
        at = np.linspace(0, count - 1, len(null)) if len(null) > 1 else [(count - 1) / 2]
        upper.plot(at, null, "D", mfc="none", mec=GREY, mew=0.9, ms=3.2 if count < 40 else 2, zorder=1.8)
    means = np.array([*rows["mean"], *null, -2 * single.ROPE, 2 * single.ROPE])  # intervals may leave the picture, means do not
    reach = 0.3 * np.ptp(means) + np.median(rows["high"] - rows["low"]) / 2
    upper.set_ylim(means.min() - reach, means.max() + reach)
    upper.set_ylabel("points")
    upper.grid(axis="y")
    upper.spines["bottom"].set_visible(False)
    upper.tick_params(axis="x", length=0)
    first = levels.loc[multiverse.DEFAULT]
    for y, (name, level) in enumerate(named):
        if list(dict.fromkeys(other for other, _ in named)).index(name) % 2 == 0:
            lower.axhspan(y - 0.5, y + 0.5, color="#f1f1f1", lw=0)
        there = (levels.loc[rows["protocol"].iloc[shown], name] == level).to_numpy()
        plain = first[name] == level
        lower.plot(
            shown[there], np.full(there.sum(), y), "o" if count < 40 else "|", color="#b0b0b0" if plain else "black", ms=2.6 if plain else 4
        )
    lower.set_yticks(range(len(named)), [_level(*pair, pair[1] == first[pair[0]]) for pair in named])
    for (name, level), text in zip(named, lower.get_yticklabels()):
        text.set_color("black" if (levels.loc[rows["protocol"], name] == level).any() else GREY)  # no protocol with it answers
    lower.set_ylim(len(named) - 0.5, -0.5)
    lower.set_xticks([])
    lower.set_xlim(-0.8, count - 0.2)
    lower.tick_params(axis="y", length=0)
    for side in ("left", "bottom"):
        lower.spines[side].set_visible(False)
    fig.suptitle(title, x=0.01, ha="left")
    some = f"{count} of {len(levels)} protocols answer" if count < len(levels) else f"{count} protocols"
    fig.supxlabel(f"{some}, from lowest to highest" + f" ({len(shown)} shown)" * (len(shown) < count), fontsize=7.5)
    return fig


def _level(name: str, level, first: bool) -> str:
    """A level at its row: the default's, which comes first, with the name of its dimension."""
    text = f"{level:g}" if isinstance(level, float) else str(level)
    [text] = apart([f"{name.replace('_', ' ')}  {text}" if first else text], formulas.LONG)
    return text


@picture
def pair_map(cells: pd.DataFrame) -> Picture:
    """A panel a data set: every pair at its current alteration (row) and its hidden one (column), as verdict_map shows a cell; first those
    alone, where some are on record. What is not on record is blank.

    cells: multiple.cells of pairs and of their parts, or stats.pairs.interactions, whose mean is what a pair has beyond its parts.
    """
    known = cells[cells["alteration"].isin([*PAIRS, *CURRENT, *HIDDEN]) & cells["mean"].notna()]
    if known.empty:
        return nothing()
    limit = max(5 * single.ROPE, known["mean"].abs().quantile(0.95))
    panels = [_pair_panel(rows, str(name), limit) for name, rows in known.groupby("dataset", sort=False)]
    told = ", ".join(f"{count} {word}" for word, count in known[known["alteration"].isin(PAIRS)]["verdict"].value_counts().items())
    return several(panels, f"Pairs of a current and a hidden alteration: {told or 'none on record'}.")


def _pair_panel(cells: pd.DataFrame, dataset: str, limit: float) -> Figure:
    alone = [""] if set(cells["alteration"]) & {*CURRENT, *HIDDEN} else []
    rows, columns = [*alone, *CURRENT], [*alone, *HIDDEN]
    fig, ax = panel(WIDE, 1.35 + 0.21 * len(rows))
    told = []
    for cell in cells.itertuples():
        parts = cell.alteration.split("+")
        current, hidden = ("".join(part for part in parts if part in side) for side in (CURRENT, HIDDEN))
        short = f"{cell.mean:+.{1 if abs(cell.mean) < 10 else 0}f} {SIGNS[cell.verdict]}"
        _tile(ax, columns.index(hidden), rows.index(current), cell.mean, short + "✗" * (getattr(cell, "diverged", 0) > 0), limit)
        told.append(f"{cell.alteration} {cell.mean:+.1f} {cell.verdict}")
    words = [word for word in SIGNS if word in set(cells["verdict"]) and SIGNS[word]]
    key = "points; " + "  ".join(f"{SIGNS[word]} {word}" for word in words)
    cell_rows(fig, ax, rows, key + "\nblank: not on record" * (len(cells) < len(rows) * len(columns) - len(alone)))
    ax.set_yticks(range(len(rows)), [formulas.name(name) if name else "alone" for name in rows])
    ax.set_xticks(range(len(columns)), [f"{name}\n{formulas.plain(name)}".replace("∘", "∘\n") if name else "alone" for name in columns])
    _edges(ax, len(columns))
    fig.suptitle(dataset, x=0.01, ha="left")
    fig.set_label(f"{dataset}: {'; '.join(told)}.")
    return fig


@picture
def best_of_many(cells: pd.DataFrame, best: pd.DataFrame) -> Picture:
    """A panel a data set: the mean differences of each family's cells (dots), the best of them (triangle), and what the best of as many cells
    with other seeds comes to: a diamond at its median, a line to the bound that it passes once in twenty times.

    cells: multiple.cells; best: stats.pairs.best.
    """
    if best.empty:
        return nothing()
    panels = []
    for name, rows in best.groupby("dataset", sort=False):
        fig, ax = panel(WIDE, 0.8 + 0.34 * len(rows))
        ax.axvline(0, color=GREY, lw=0.8)
        told = []
        for y, row in enumerate(rows.itertuples()):
            mine = cells[(cells["dataset"] == name) & cells["alteration"].isin(FAMILIES[row.family]) & (cells["folds"] > 1)]
            ax.plot(mine["mean"], np.full(len(mine), y), "o", color=GREY, alpha=0.5, ms=3, mew=0)
            ax.plot(row.mean, y, "^", color=BLUE, ms=6)
            ax.plot([row.median, row.bound], [y + 0.3] * 2, color=ORANGE, lw=1.6)
            ax.plot(row.median, y + 0.3, "D", color=ORANGE, ms=4)
            told.append(f"of {row.count} {row.family} {row.best} {row.mean:+.1f}, by seeds alone {row.median:+.1f} to {row.bound:+.1f}")
        ax.set_yticks(range(len(rows)), [f"{row.family}: {row.best}\nbest of {row.count}" for row in rows.itertuples()])
        ax.set_ylim(len(rows) - 0.4, -0.5)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.grid(axis="x")
        fig.suptitle(str(name), x=0.01, ha="left")
        fig.supxlabel("altered minus unaltered, points\n◆– the best of as many by seeds: median to bound", fontsize=7.5)
        fig.set_label(f"{name}, the best: {'; '.join(told)}.")
        panels.append(fig)
    return several(panels, " ".join(panel.get_label() for panel in panels))
