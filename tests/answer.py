"""The README's answer and picture, from the committed edition: prints the answer, writes reports/answer.png.

python tests/answer.py
"""

from pathlib import Path

from lstmcs.report import plots, wording
from lstmcs.stats import multiple
from lstmcs.study.archive import Archive

ROOT = Path(__file__).resolve().parent.parent
EDITION = ROOT / "reports" / "first-edition" / "results.parquet"


def main() -> None:
    frame = Archive(EDITION).rows()
    cells = multiple.cells(frame[frame["model"] == "lstm"])
    figure = plots.verdict_map(cells) if cells["dataset"].nunique() > 2 else plots.forest(cells)
    figure.savefig(ROOT / "reports" / "answer.png", dpi=110, bbox_inches="tight", facecolor="white")
    print(wording.headline(frame), frame["state"].value_counts().to_dict(), f"{len(frame)} folds of all models", sep="\n")
    print(frame[frame["state"] == "done"].groupby(["dataset", "model"]).size().to_string())


if __name__ == "__main__":
    main()
