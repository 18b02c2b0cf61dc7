"""Pictures of many comparisons at once: maps and forests of verdicts. Drawn as those of plots.py are."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..datasets.preparation import apart
from ..fold import label
from ..stats import multiple, single
from .plots import BLUE, GREY, ORANGE, SIGNS, WIDE, Picture, cell_rows, nothing, panel, picture, several


@picture
def verdict_map(cells: pd.DataFrame, sets_a_panel: int = 4) -> Picture:
    """Alterations x data sets: mean difference in points as colour and number, the verdict as a sign. At most four sets a panel.

    cells: multiple.cells. A cell that is not on record is left blank; a cross says that folds have failed (those that diverged count
    with a score of 0), a dash that nothing is learned on the set.
    """
    if cells.empty:
        return nothing()
    names, sets = list(cells["alteration"].unique()), list(cells["dataset"].unique())
    limit = max(5 * single.ROPE, cells["mean"].abs().quantile(0.95) if cells["mean"].notna().any() else 0)  # small ones look small
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
