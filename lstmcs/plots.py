"""Pictures. Each function returns a matplotlib figure; colours are safe for colour-blind readers, and never alone."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from . import records, stats
from .alterations import ALTERATIONS, alteration
from .metrics import METRICS
from .preprocess import Prepared

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"  # Okabe & Ito

#: The formula language's functions for NumPy arrays.
NUMPY = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh, "relu": lambda x: np.maximum(x, 0),
    "softplus": lambda x: np.logaddexp(0, x), "softsign": lambda x: x / (1 + np.abs(x)),
    "softmax": lambda x: np.exp(x - np.max(x, -1, keepdims=True)) / np.exp(x - np.max(x, -1, keepdims=True)).sum(-1, keepdims=True),
    "exp": np.exp, "abs": np.abs, "minimum": np.minimum, "maximum": np.maximum, "clip": np.clip, "zeros_like": np.zeros_like,
}  # fmt: skip


def paired_differences(results: pd.DataFrame, metric: str = "macro_f1") -> plt.Figure:
    """Every fold's difference to the unaltered cell, with its mean and corrected 95 % interval, a row an alteration."""
    differences = stats.paired_differences(results, metric)
    table = stats.differences_table(results, metric)
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
    names = [records.label(name) for name in positions]
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
