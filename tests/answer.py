"""The table of reports/longer-training/README.md and the README's picture, from the committed records: prints one, writes reports/answer.png.

python tests/answer.py
"""

from pathlib import Path

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


def main() -> None:
    found = lstmcs.curves(RECORDS).query("model == 'lstm'")
    figure = plots.learning_by_set(found, CELLS)
    figure.savefig(ROOT / "reports" / "answer.png", dpi=110, bbox_inches="tight", facecolor="white")
    for (dataset, rule), column in table().items():
        print(dataset, rule, column)
    print(curves.speed(found).to_string(index=False))


if __name__ == "__main__":
    main()
