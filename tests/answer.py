"""The tables and controls of reports/second-edition/README.md and the README's picture, from the committed records: prints them, writes reports/answer.png.

python tests/answer.py
"""

from pathlib import Path

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

import lstmcs
from lstmcs import ALTERATIONS
from lstmcs.fold import label
from lstmcs.report import plots
from lstmcs.stats import curves, single

ROOT = Path(__file__).resolve().parent.parent
RECORDS = ROOT / "reports" / "second-edition" / "results.parquet"
#: Controls of SEMEVAL, by TensorFlow: the unaltered cell to epoch 27 as well, and it and C-2 to epoch 54.
BY_TENSORFLOW, TWICE_AS_LONG = RECORDS.with_name("by-tensorflow.parquet"), RECORDS.with_name("twice-as-long.parquet")
FORGET = ("C-2", "C-3", "C-10", "C-11", "C-12")
FEW = {"hasoc": 2, "semeval": 5}  # epochs, as the first edition trained
CELLS = ("none", "C-1", "C-2", "H-1", "H-2", "H-3")
#: The columns of either table: data set, rule.
TABLES = [
    [(dataset, rule) for dataset, few in FEW.items() for rule in (f"epoch={few}", "best")],
    [(dataset, rule) for dataset in ("hasoc-test", "robo") for rule in ("loss", "best")],
]


def column(dataset: str, rule: str) -> dict[str, str]:
    """Cell -> "-4.0 ± 2.5" in points of macro F1, and the unaltered cell's "32.5 %"."""
    frame = lstmcs.results(RECORDS, rule=rule).query("dataset == @dataset and model == 'lstm'")
    base = 100 * frame.loc[frame["alteration"] == "none", "macro_f1"].mean()
    rows = single.differences_table(frame)
    return {name: f"{r['mean']:+.1f} ± {(r['high'] - r['low']) / 2:.1f}" for name, r in rows.iterrows()} | {"none": f"{base:.1f} %"}


def markdown(columns: list[tuple[str, str]]) -> str:
    """A table of README: a row a cell, the unaltered one last."""
    found = pd.DataFrame({f"{dataset}, {rule}": column(dataset, rule) for dataset, rule in columns}).fillna("")  # empty: not trained yet
    names = [name for name in [*ALTERATIONS, *found.index] if name != "none" and name in found.index]
    names = [*dict.fromkeys(names), "none"]
    words = {name: "unaltered cell" if name == "none" else label(name) for name in names}
    formulas = {name: f"  `{ALTERATIONS[name].formula}`" for name in names if name in ALTERATIONS and name != "none"}
    rows = [[words[name] + formulas.get(name, ""), *found.loc[name]] for name in names]
    return "\n".join(f"| {' | '.join(row)} |" for row in [["", *found], ["---", *["---:"] * len(columns)], *rows])


def controls() -> dict[str, str]:
    """Whether SEMEVAL's answer hangs on the engine or on the last epoch: differences in points of macro F1, with the corrected interval."""
    main, again, longer = (
        lstmcs.results(file).query("dataset == 'semeval' and model == 'lstm' and run == 1").pivot(index="fold", columns="alteration", values="macro_f1")
        for file in (RECORDS, BY_TENSORFLOW, TWICE_AS_LONG)
    )  # fmt: skip

    def told(one: pd.Series, other: pd.Series) -> str:
        mean, low, high = single.corrected_interval(100 * (one - other).dropna())
        return f"{mean:+.1f} ± {(high - low) / 2:.1f}"

    return {
        "unaltered, TensorFlow minus JAX": told(again["none"], main["none"]),
        **{f"{cell}, minus the unaltered cell by TensorFlow": told(main[cell], again["none"]) for cell in FORGET},
        "C-2, both to epoch 54, three folds": told(longer["C-2"], longer["none"]),
    }


def picture(found: pd.DataFrame, target: Path) -> None:
    """A panel a set: the validation score over the epochs, a line a cell."""
    with rc_context(plots.STYLE | {"font.size": 9, "legend.fontsize": 8}):
        figure = Figure(figsize=(7.4, 2.7))
        for ax, name in zip(figure.subplots(1, len(FEW)), FEW):
            plots.learning_panel(ax, found[found["dataset"] == name], CELLS)
            ax.set_title(name.upper())
        figure.supylabel("Macro F1 on validation, %", fontsize=9)
        figure.savefig(target, dpi=110, facecolor="white")


def main() -> None:
    found = lstmcs.curves(RECORDS).query("model == 'lstm'")
    picture(found, ROOT / "reports" / "answer.png")
    for columns in TABLES:
        print(markdown(columns), end="\n\n")
    print(*(f"{what}: {told}" for what, told in controls().items()), sep="\n", end="\n\n")
    print(curves.speed(found).to_string(index=False))


if __name__ == "__main__":
    main()
