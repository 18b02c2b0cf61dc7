"""Pictures of many comparisons at once: maps and forests of verdicts, specification curves. Drawn as those of plots.py are."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..datasets.preparation import apart
from ..fold import is_reseed, label
from ..stats import multiple, multiverse, single
from . import formulas
from .plots import BLUE, GREY, ORANGE, SIGNS, WIDE, Picture, cell_rows, nothing, panel, picture, several

COLUMNS = 72  # protocols of a specification curve that a phone shows apart


@picture
def verdict_map(cells: pd.DataFrame, sets_a_panel: int = 4, beside: pd.DataFrame | None = None) -> Picture:
    """Alterations x data sets: mean difference in points as colour and number, the verdict as a sign. At most four sets a panel.

    cells: multiple.cells. A cell that is not on record is left blank; a cross says that folds have failed (those that diverged count
    with a score of 0), a dash that nothing is learned on the set. beside: those of another map, which is to have the same colours.
    """
    if cells.empty:
        return nothing()
    names, sets = list(cells["alteration"].unique()), list(cells["dataset"].unique())
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
    colours, told = colormaps.get_cmap("PuOr"), []
    for row in cells[cells["dataset"].isin(sets)].itertuples():
        x, y = sets.index(row.dataset), names.index(row.alteration)
        if row.mean == row.mean:
            shade = colours(0.5 + 0.5 * np.clip(row.mean / limit, -1, 1))
            ax.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, color=shade, lw=0))
            ink = "white" if np.dot(shade[:3], (0.299, 0.587, 0.114)) < 0.5 else "black"
            sign = SIGNS[row.verdict] + "✗" * (row.diverged > 0)
            ax.text(x, y, f"{row.mean:+.1f} {sign}", ha="center", va="center", color=ink, fontsize=7)
            told.append(f"{label(row.alteration)} on {row.dataset} {row.mean:+.1f} {row.verdict}")
        elif row.failed:
            ax.text(x, y, "✗", ha="center", va="center", fontsize=7)
    key = "points; ▲ better  ▼ worse  = same  ? undecided" + "  ✗ failed" * bool((cells["failed"] > 0).any())
    key += "\n– nothing is learned there" * ("not learned" in set(cells["verdict"]))
    cell_rows(fig, ax, names, key + "\nblank: not on record" * blank)
    ax.set_xticks(range(len(sets)), apart(sets, 12))
    ax.xaxis.tick_top()
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-0.5, len(sets) - 0.5)
    ax.grid(visible=False)
    for side in ("top", "bottom"):
        ax.spines[side].set_visible(False)
    fig.set_label("; ".join(told) + ".")
    return fig


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
            colour = {"better": BLUE, "worse": ORANGE}.get(row.verdict, "black")
            ax.plot([row.low, row.high], [y, y], color=colour, lw=1.6)
            ax.plot(row.mean, y, {"better": "^", "worse": "v", "same": "s"}.get(row.verdict, "o"), color=colour, ms=4)
        cell_rows(fig, ax, names, "altered minus unaltered, points")
        fig.suptitle(str(name), x=0.01, ha="left")
        intervals = "; ".join(f"{label(r.alteration)} {r.mean:+.1f} ({r.low:+.1f} to {r.high:+.1f})" for r in rows.itertuples())
        fig.set_label(f"{name}, mean and interval in points: {intervals}.")
        panels.append(fig)
    compared = multiple.compared(cells) if len(cells) else cells
    above, below = int((compared["low"] > 0).sum()) if len(cells) else 0, int((compared["high"] < 0).sum()) if len(cells) else 0
    return several(panels, f"{above} of {len(compared)} intervals of alterations lie above 0, {below} below 0.")


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
        upper.plot(at, null, "D", mfc="none", mec=GREY, mew=0.9, ms=3.2 if count < 40 else 2, zorder=0)
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
        text.set_color("black" if (levels.loc[rows["protocol"], name] == level).any() else GREY)  # not on record
    lower.set_ylim(len(named) - 0.5, -0.5)
    lower.set_xticks([])
    lower.set_xlim(-0.8, count - 0.2)
    lower.tick_params(axis="y", length=0)
    for side in ("left", "bottom"):
        lower.spines[side].set_visible(False)
    fig.suptitle(title, x=0.01, ha="left")
    some = f"{count} of {len(levels)} protocols on record" if count < len(levels) else f"{count} protocols"
    fig.supxlabel(f"{some}, from lowest to highest" + f" ({len(shown)} shown)" * (len(shown) < count), fontsize=7.5)
    return fig


def _level(name: str, level, first: bool) -> str:
    """A level at its row: the default's, which comes first, with the name of its dimension."""
    text = f"{level:g}" if isinstance(level, float) else str(level)
    [text] = apart([f"{name.replace('_', ' ')}  {text}" if first else text], formulas.LONG)
    return text
