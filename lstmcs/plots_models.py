"""Pictures of models beside each other. Each function takes a frame of price.py and returns a matplotlib figure."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from . import kinds
from .metrics import METRICS
from .plots_summary import MARKERS, OKABE_ITO


def score_against_time(table: pd.DataFrame, names: dict[str, str], metric: str = "macro_f1") -> plt.Figure:
    """A panel a data set: score against training seconds a fold (log axis), a mark a model, altered cells smaller.

    table: price.rows; names: price.names. A model is told by its mark, by its colour, and by its name at the unaltered row.
    """
    sets = list(table["dataset"].unique())
    columns = min(2, max(1, len(sets)))
    lines = max(1, -(-len(sets) // columns))
    fig, axes = plt.subplots(lines, columns, figsize=(4.2 * columns, 3.1 * lines), squeeze=False)
    for ax, name in zip(axes.flat, sets):
        shown = table[table["dataset"] == name]
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
