"""Pictures of all data sets together. Each function takes a frame of across.py and returns a matplotlib figure."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from . import records, stats
from .plots import BLUE, GREY, ORANGE, nothing

#: Said by a sign and by colour, never by colour alone.
SIGNS = {"better": "▲", "same": "=", "worse": "▼", "undecided": "?", "no data": ""}
MARKERS = "osD^vPX*"
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")


def verdict_map(cells: pd.DataFrame) -> plt.Figure:
    """Alterations x data sets: mean difference in points as colour and number, the verdict as a sign.

    cells: across.cells. A cell that is not on record is left blank; a cross says that every fold on record has failed.
    """
    if cells.empty:
        return nothing()
    names, sets = cells["alteration"].unique(), cells["dataset"].unique()
    means = cells.pivot(index="alteration", columns="dataset", values="mean").reindex(index=names, columns=sets).astype(float)
    words = cells.pivot(index="alteration", columns="dataset", values="verdict").reindex(index=names, columns=sets)
    text = [[f"{m:+.1f} {SIGNS[w]}" if m == m else "" for m, w in zip(*row)] for row in zip(means.to_numpy(), words.to_numpy())]
    limit = np.nanquantile(means.abs().to_numpy(), 0.95) if means.notna().any(axis=None) else 1.0
    fig, ax = plt.subplots(figsize=(2.5 + 0.95 * len(sets), 1.0 + 0.3 * len(names)))
    sns.heatmap(means, annot=np.array(text, object), fmt="", cmap="PuOr", center=0, vmin=-limit, vmax=limit, linewidths=1, ax=ax,
                annot_kws={"fontsize": 9}, cbar_kws={"label": "points", "shrink": 0.6})  # fmt: skip
    ax.set(xlabel="", ylabel="")
    ax.set_yticklabels([records.label(name) for name in names], rotation=0)
    none = cells[cells["folds"] == 0]
    for row in none[none["failed"] > 0].itertuples():
        ax.text(list(sets).index(row.dataset) + 0.5, list(names).index(row.alteration) + 0.5, "✗", fontsize=9, ha="center", va="center")
    blank = "  blank: not on record" if (none["failed"] == 0).any() else ""
    ax.set_title(f"▲ better  ▼ worse  = same  ? undecided  ✗ failed{blank}", fontsize=9, loc="left")
    fig.tight_layout()
    return fig


def forest(cells: pd.DataFrame) -> plt.Figure:
    """A panel a data set: mean difference and corrected 95 % interval of every alteration, with the ROPE in grey."""
    cells = cells[cells["folds"] > 1]
    if cells.empty:
        return nothing()
    sets, names = list(cells["dataset"].unique()), list(cells["alteration"].unique())
    columns = 1 if len(sets) == 1 else 2
    rows = max(1, -(-len(sets) // columns))
    fig, axes = plt.subplots(rows, columns, figsize=(7.4, 0.6 + rows * (0.7 + 0.19 * len(names))), sharey=True, squeeze=False)
    for ax, name in zip(axes.flat, sets):
        ax.axvspan(-stats.ROPE, stats.ROPE, color="#e4e4e4", lw=0)
        ax.axvline(0, color=GREY, lw=0.8)
        for row in cells[cells["dataset"] == name].itertuples():
            y = names.index(row.alteration)
            colour = {"better": BLUE, "worse": ORANGE}.get(row.verdict, "black")
            ax.plot([row.low, row.high], [y, y], color=colour, lw=1.6)
            ax.plot(row.mean, y, {"better": "^", "worse": "v", "same": "s"}.get(row.verdict, "o"), color=colour, ms=5)
        ax.set_title(name, fontsize=10, loc="left")
        ax.set_yticks(range(len(names)), [records.label(n) for n in names], fontsize=8)
        ax.grid(axis="x", color="#dddddd", lw=0.5)
    for ax in axes.flat[len(sets) :]:
        ax.axis("off")
    axes[0, 0].invert_yaxis()
    for ax in axes[-1]:
        ax.set_xlabel("altered minus unaltered, points")
    sns.despine(fig, left=True)
    fig.tight_layout()
    return fig


def average_ranks(ranks: pd.DataFrame, critical_difference: float) -> plt.Figure:
    """Average rank of every cell over the data sets, best first, with the critical difference as a bar."""
    if ranks.empty:
        return nothing()
    fig, ax = plt.subplots(figsize=(7, 1.1 + 0.24 * len(ranks)))
    for y, (name, row) in enumerate(ranks.iterrows()):
        plain = name == "none"
        ax.plot(row["rank"], y, "D" if plain else "o", color=ORANGE if plain else BLUE, ms=7 if plain else 5)
    ax.plot([1, 1 + critical_difference], [-1.2, -1.2], color="black", lw=3, solid_capstyle="butt")
    ax.annotate(f"critical difference {critical_difference:.1f}", (1, -1.2), xytext=(0, 5), textcoords="offset points", fontsize=8)
    ax.set_yticks(range(len(ranks)), [records.label(name) for name in ranks.index], fontsize=8)
    ax.set(xlabel="average rank (1 is best); the diamond is the unaltered cell", xlim=(0.5, max(len(ranks), 1 + critical_difference) + 0.5))
    ax.set_ylim(len(ranks) - 0.4, -2.2)
    ax.grid(axis="x", color="#dddddd", lw=0.5)
    sns.despine(fig, left=True)
    fig.tight_layout()
    return fig


def paper_against_ours(table: pd.DataFrame) -> plt.Figure:
    """The paper's improvement (x) against ours (y), both in percent of the baseline, with the line on which they agree.

    table: across.against_paper. A marker and a colour a data set; all four scores.
    """
    if table.empty:
        return nothing()
    fig, ax = plt.subplots(figsize=(6.4, 5))
    for (name, rows), marker, colour in zip(table.groupby("dataset", sort=False), MARKERS, OKABE_ITO):
        ax.plot(rows["improvement"], rows["ours"], marker, color=colour, ms=5, alpha=0.7, mew=0, label=name)
    low, high = table["improvement"].min(), table["improvement"].max()
    ax.plot([low, high], [low, high], color="black", lw=1, ls="--", label="paper = ours")
    ax.axhline(0, color=GREY, lw=0.6)
    ax.axvline(0, color=GREY, lw=0.6)
    ax.set(xlabel="the paper's improvement, %", ylabel="ours, %")
    ax.legend(frameon=False, fontsize=8, ncols=2)
    sns.despine(fig)
    fig.tight_layout()
    return fig
