"""Pictures. Each function returns a matplotlib figure; colours are safe for colour-blind readers, and never alone."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from ..alterations import ALTERATIONS, NUMPY, alteration
from ..datasets.preprocess import Prepared
from ..fold import label
from ..metrics import METRICS
from ..models import kinds
from ..stats import curves as speeds
from ..stats import multiple, single

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"  # Okabe & Ito


def paired_differences(results: pd.DataFrame, metric: str = "macro_f1") -> plt.Figure:
    """Every fold's difference to the unaltered cell, with its mean and corrected 95 % interval, a row an alteration."""
    differences = single.paired_differences(results, metric)
    table = single.differences_table(results, metric)
    if table.empty:
        return nothing()
    fig, ax = plt.subplots(figsize=(7, 1.2 + 0.32 * max(len(table), 1)))
    ax.axvline(0, color=GREY, lw=1)
    positions = {name: y for y, name in enumerate(table.index)}
    jitter = np.random.default_rng(0).uniform(-0.18, 0.18, len(differences))
    ax.scatter(
        differences["difference"], differences["alteration"].map(positions) + jitter, s=10, color=GREY, alpha=0.5, lw=0, label="one fold"
    )
    for name, row in table.iterrows():
        colour, marker = (BLUE, "^") if row["low"] > 0 else (ORANGE, "v") if row["high"] < 0 else ("black", "o")
        ax.plot([row["low"], row["high"]], [positions[name]] * 2, color=colour, lw=2, solid_capstyle="butt")
        ax.plot(row["mean"], positions[name], marker, color=colour, ms=6)
    names = [label(name) for name in positions]
    ax.set_yticks(list(positions.values()), [name if len(name) < 24 else name[:21] + "..." for name in names])
    ax.invert_yaxis()
    ax.set_xlabel(f"{METRICS[metric]}, altered minus unaltered, points")
    ax.set_title("Mean and corrected 95 % interval; ▲ above 0, ▼ below 0, ● neither", fontsize=9, loc="left")
    sns.despine(fig, left=True)
    ax.grid(axis="x", color="#dddddd", lw=0.5)
    ax.set_axisbelow(True)
    return fig


def alteration_curves(names=None, o: float = 0.5) -> plt.Figure:
    """What each alteration makes of the state: c (for C) or h (for H) after it, over c, with o fixed and h = o tanh c."""
    names = [alteration(n) for n in names or ALTERATIONS if n != "none"]
    c = np.linspace(-3, 3, 241)
    columns = min(6, len(names))
    rows = -(-len(names) // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(1.75 * columns, 1.85 * rows), sharex=True, sharey=True, squeeze=False)
    for ax, item in zip(axes.flat, names):
        h = o * np.tanh(c)
        half = np.full_like(c, o)
        new_c, new_h = item.apply(NUMPY, i=half, f=half, o=half, g=np.tanh(c), c=c, h=h, c_prev=c, h_prev=h)
        before, after = (h, new_h) if item.state == "h" else (c, new_c)
        ax.plot(c, before, color=GREY, lw=1, ls="--")
        ax.plot(c, after, color=BLUE, lw=1.8)
        ax.axhline(0, color="#cccccc", lw=0.5, zorder=0)
        ax.axvline(0, color="#cccccc", lw=0.5, zorder=0)
        ax.set_title(item.id if len(item.id) < 20 else item.id[:17] + "...", fontsize=9)
        ax.set_ylim(-3.2, 3.2)
    for ax in axes.flat[len(names) :]:
        ax.axis("off")
    fig.supxlabel("c after the standard step", fontsize=9)
    fig.supylabel("state after the alteration", fontsize=9)
    fig.tight_layout()
    return fig


def drift(curves: dict[str, np.ndarray]) -> plt.Figure:
    """Mean |c| over the steps of a long random sequence, a line an alteration; the outermost and the unaltered one are named."""
    fig, ax = plt.subplots(figsize=(7, 3.6))
    final = sorted(curves, key=lambda name: -curves[name][-1])
    ends = {name: curves[name][-1] for name in final}
    for name in final:
        plain = name == "none"
        ax.plot(np.arange(1, len(curves[name]) + 1), curves[name], color="black" if plain else BLUE, lw=2 if plain else 0.9,
                ls="--" if plain else "-")  # fmt: skip
    for name in dict.fromkeys((final[0], "none", final[-1])):
        ax.annotate(name, (len(curves[name]), ends[name]), xytext=(4, 0), textcoords="offset points", fontsize=8, va="center")
    ax.set(xlabel="time step", ylabel="mean |c|", yscale="log")
    sns.despine(fig)
    return fig


def learning_curves(curves: pd.DataFrame, results: pd.DataFrame, metric: str = "macro_f1") -> plt.Figure:
    """A panel a cell: its validation score over the epochs (solid) beside the unaltered cell's (dashed), of one data set.

    Lines are means over folds, bands the middle 80 % of them; the ticks at the foot are the epochs that were read, one a fold.
    curves: Plan.curves; results: the frame that says which epochs (Plan.results).
    """
    table = speeds.band(curves, f"val_{metric}")
    names = [name for name in multiple.in_order(table["alteration"]) if name != "none"]
    if not names or "none" not in set(table["alteration"]):
        return nothing()
    columns = 3 if len(names) > 6 else min(2, len(names))  # two are read on a phone
    rows = -(-len(names) // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(2.7 * columns, 1.75 * rows + 0.5), sharex=True, sharey=True, squeeze=False)
    picked = results.groupby("alteration")["epoch"]
    for ax, name in zip(axes.flat, names):
        for cell, colour, style, foot in (("none", GREY, "--", 0.0), (name, BLUE, "-", 0.05)):
            part = table[table["alteration"] == cell]
            ax.fill_between(part["epoch"], 100 * part["low"], 100 * part["high"], color=colour, alpha=0.15, lw=0)
            ax.plot(part["epoch"], 100 * part["mean"], style, color=colour, lw=1.5)
            epochs = picked.get_group(cell).dropna() if cell in picked.groups else []
            ax.vlines(epochs, foot, foot + 0.045, color=colour, lw=1, transform=ax.get_xaxis_transform())
        shown = label(name)
        ax.set_title(shown if len(shown) < 26 else shown[:23] + "...", fontsize=9, loc="left")
        ax.grid(color="#dddddd", lw=0.5)
        ax.set_axisbelow(True)
    return _over_epochs(fig, axes, len(names), metric)


def learning_by_set(curves: pd.DataFrame, cells: tuple[str, ...] = ("none", "C-1", "H-2"), metric: str = "macro_f1") -> plt.Figure:
    """A panel a data set: mean validation score over the epochs, a line a cell of `cells` that is on record."""
    curves = curves[curves["alteration"].isin(cells)].dropna(subset=[f"val_{metric}"])
    sets = list(curves["dataset"].unique())
    if not sets:
        return nothing()
    columns = min(2, len(sets))
    rows = -(-len(sets) // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(3.7 * columns, 2.1 * rows + 0.4), squeeze=False)
    for ax, name in zip(axes.flat, sets):
        table = speeds.band(curves[curves["dataset"] == name], f"val_{metric}")
        for cell, colour, style in zip(cells, ("black", *OKABE_ITO), ("--", "-", "-.", ":", "-", "-.")):
            part = table[table["alteration"] == cell]
            ax.plot(part["epoch"], 100 * part["mean"], style, color=colour, lw=1.6, label=cell)
        ax.set_title(name, fontsize=10, loc="left")
        ax.grid(color="#dddddd", lw=0.5)
        ax.set_axisbelow(True)
    axes[0, 0].legend(frameon=False, fontsize=8)
    return _over_epochs(fig, axes, len(sets), metric)


def _over_epochs(fig: plt.Figure, axes: np.ndarray, panels: int, metric: str) -> plt.Figure:
    """Names of the axes, whole epochs as ticks; what is no panel goes."""
    for number, ax in enumerate(axes.flat):
        if number >= panels:
            ax.axis("off")
            continue
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        if number + axes.shape[1] >= panels:  # nothing below it
            ax.set_xlabel("epoch", fontsize=9)
            ax.tick_params(labelbottom=True)
    fig.supylabel(f"{METRICS[metric]} on validation, %", fontsize=9)
    sns.despine(fig)
    fig.tight_layout()
    return fig


def classes_and_lengths(prepared: Prepared) -> plt.Figure:
    """Documents a class, and the distribution of prepared lengths with MaxLen."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8, 0.9 + 0.22 * max(8, min(len(prepared.classes), 50))), width_ratios=(1.2, 1))
    counts = pd.Series(prepared.labels.sum(axis=0), index=prepared.classes).sort_values()
    names = [str(name)[:24].replace("$", r"\$") for name in counts.index]
    left.barh(range(len(counts)), counts, color=BLUE, height=0.7)
    left.set_yticks(range(len(counts)), names, fontsize=8)
    left.set_xlabel("documents")
    right.hist((prepared.ids > 0).sum(axis=1), bins=min(30, prepared.max_len), color=BLUE)
    right.axvline(prepared.max_len, color=ORANGE, ls="--")
    right.annotate(f"MaxLen {prepared.max_len}", (prepared.max_len, right.get_ylim()[1] * 0.95), xytext=(-4, 0),
                   textcoords="offset points", ha="right", fontsize=8, color=ORANGE)  # fmt: skip
    right.set(xlabel="words a document, prepared", ylabel="documents")
    sns.despine(fig)
    fig.tight_layout()
    return fig


def vocabulary_growth(growth: pd.DataFrame) -> plt.Figure:
    """Distinct tokens over documents read, as they come (dashed) and prepared (solid). growth: describe.vocabulary_growth."""
    fig, ax = plt.subplots(figsize=(7, 3))
    for stage, style, colour in (("original", "--", GREY), ("prepared", "-", BLUE)):
        rows = growth[growth["stage"] == stage]
        ax.plot(rows["documents"], rows["distinct"], style, color=colour, label=stage)
    ax.set(xlabel="documents read", ylabel="distinct tokens", xlim=(0, None), ylim=(0, None))
    ax.legend(frameon=False)
    sns.despine(fig)
    return fig


def nothing() -> plt.Figure:
    """What is shown as long as there is nothing to compare."""
    fig, ax = plt.subplots(figsize=(4, 0.6))
    ax.axis("off")
    ax.text(0.5, 0.5, "nothing on record yet", ha="center", va="center", color=GREY)
    return fig


#: Said by a sign and by colour, never by colour alone.
SIGNS = {"better": "▲", "same": "=", "worse": "▼", "undecided": "?", "no data": ""}
MARKERS = "osD^vPX*"
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")


def verdict_map(cells: pd.DataFrame) -> plt.Figure:
    """Alterations x data sets: mean difference in points as colour and number, the verdict as a sign.

    cells: multiple.cells. A cell that is not on record is left blank; a cross says that every fold on record has failed.
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
    ax.set_yticklabels([label(name) for name in names], rotation=0)
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
        ax.axvspan(-single.ROPE, single.ROPE, color="#e4e4e4", lw=0)
        ax.axvline(0, color=GREY, lw=0.8)
        for row in cells[cells["dataset"] == name].itertuples():
            y = names.index(row.alteration)
            colour = {"better": BLUE, "worse": ORANGE}.get(row.verdict, "black")
            ax.plot([row.low, row.high], [y, y], color=colour, lw=1.6)
            ax.plot(row.mean, y, {"better": "^", "worse": "v", "same": "s"}.get(row.verdict, "o"), color=colour, ms=5)
        ax.set_title(name, fontsize=10, loc="left")
        ax.set_yticks(range(len(names)), [label(n) for n in names], fontsize=8)
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
    ax.set_yticks(range(len(ranks)), [label(name) for name in ranks.index], fontsize=8)
    ax.set(xlabel="average rank (1 is best); the diamond is the unaltered cell", xlim=(0.5, max(len(ranks), 1 + critical_difference) + 0.5))
    ax.set_ylim(len(ranks) - 0.4, -2.2)
    ax.grid(axis="x", color="#dddddd", lw=0.5)
    sns.despine(fig, left=True)
    fig.tight_layout()
    return fig


def paper_against_ours(table: pd.DataFrame) -> plt.Figure:
    """The paper's improvement (x) against ours (y), both in percent of the baseline, with the line on which they agree.

    table: paper.comparison.against_paper. A marker and a colour a data set; all four scores.
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


def score_against_time(table: pd.DataFrame, names: dict[str, str], metric: str = "macro_f1") -> plt.Figure:
    """A panel a data set: score against training seconds a fold (log axis), a mark a model, altered cells smaller.

    table: stats.cost.rows; names: study Plan.names. A model is told by its mark, by its colour, and by its name at the unaltered row; the
    best constant answer, which takes no time to speak of, is a dashed line.
    """
    sets = list(table["dataset"].unique())
    columns = min(2, max(1, len(sets)))
    lines = max(1, -(-len(sets) // columns))
    fig, axes = plt.subplots(lines, columns, figsize=(4.2 * columns, 3.1 * lines), squeeze=False)
    for ax, name in zip(axes.flat, sets):
        whole = table[table["dataset"] == name]
        shown = whole[whole["model"] != "constant"]
        for row in whole[whole["model"] == "constant"].itertuples():
            score = getattr(row, metric)
            ax.axhline(score, color=GREY, ls="--", lw=1, zorder=0)
            ax.annotate(
                names[row.model], (1, score), (0, 3), ("axes fraction", "data"), "offset points", fontsize=8, color=GREY, ha="right"
            )
        for row in shown.itertuples():
            number, plain = list(kinds.KINDS).index(row.model), row.alteration == "none"
            score = getattr(row, metric)
            ax.plot(row.seconds, score, MARKERS[number], color=OKABE_ITO[number], ms=9 if plain else 4, alpha=1 if plain else 0.6)
            if plain:
                ax.annotate(
                    names[row.model].split(" (")[0].split(" +")[0], (row.seconds, score), (6, 5), textcoords="offset points", fontsize=8
                )
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1,) if shown["seconds"].max() > 30 * shown["seconds"].min() else (1, 2, 5), numticks=8))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.margins(0.25)
        ax.set_title(name, fontsize=10, loc="left")
        ax.grid(color="#dddddd", lw=0.5)
        ax.set_axisbelow(True)
    for ax in axes.flat[len(sets) :]:
        ax.axis("off")
    fig.supxlabel("training seconds a fold (log axis)", fontsize=9)
    fig.supylabel(f"{METRICS[metric]}, %", fontsize=9)
    sns.despine(fig)
    fig.tight_layout()
    return fig
