"""The table of reports/longer-training/README.md and the README's picture, from the committed records: prints one, writes reports/answer.png.

python tests/answer.py
"""

from pathlib import Path

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

import lstmcs
from lstmcs.report import plots
from lstmcs.stats import curves, single

ROOT = Path(__file__).resolve().parent.parent
RECORDS = ROOT / "reports" / "longer-training" / "results.parquet"
FEW = {"hasoc": 2, "semeval": 5}  # epochs, as the first edition trained
CELLS = ("none", "C-1", "C-4", "H-1", "H-2", "H-3")


def table() -> dict[tuple[str, str], dict[str, str]]:
    """(data set, rule) -> cell -> "-4.0 ± 2.5" in points of macro F1, and the unaltered cell's "32.5 %"."""
    found = {}
    for dataset, few in FEW.items():
        for rule in (f"epoch={few}", "best"):
            frame = lstmcs.results(RECORDS, rule=rule).query("dataset == @dataset and model == 'lstm'")
            base = 100 * frame.loc[frame["alteration"] == "none", "macro_f1"].mean()
            rows = single.differences_table(frame)
            found[dataset, rule] = {name: f"{r['mean']:+.1f} ± {(r['high'] - r['low']) / 2:.1f}" for name, r in rows.iterrows()} | {
                "none": f"{base:.1f} %"
            }
    return found


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
    for (dataset, rule), column in table().items():
        print(dataset, rule, column)
    print(curves.speed(found).to_string(index=False))


if __name__ == "__main__":
    main()
