"""What padding="mask" does to time and to scores: real folds of HATE (or another set), both paddings in turn.

    LSTMCS_DATA=... python tests/benchmarks/padding.py [--dataset hate] [--folds 10]

One process of one thread. Fold by fold the unaltered model is trained with fixed padding, the paper's way, and with
masks. Seconds are those of training with validation after each epoch; compilation is apart. Writes padding.md and padding.csv.
"""

import argparse
from pathlib import Path
from statistics import median

import pandas as pd

from lstmcs import environment
from lstmcs.metrics import METRICS
from lstmcs.stats.single import corrected_interval
from lstmcs.study.plan import Settings, plan

PADDINGS = ("fixed", "mask")
HEAD = """# padding="mask" against fixed padding

{name}: {documents} prepared documents, MaxLen {max_len}, mean length {mean:.1f}; {epochs} epochs, {folds} fold(s), one thread.
Compiled lengths with masks: {lengths}.

| padding | s a fold, median | s to compile | {metrics} |
|---|---:|---:|{rule}
"""


def measure(options) -> pd.DataFrame:
    """A row a fold and padding: seconds and test scores in percent."""
    environment.prepare(training=True)
    from lstmcs.training.lstm import LSTMTrainer

    works = {
        p: plan(Settings.of(datasets=[options.dataset], alterations=["none"], models=["lstm"], runs=1, folds=options.folds, padding=p))
        for p in PADDINGS
    }
    trainers = {p: LSTMTrainer(*work.data.values(), work.folds[0]) for p, work in works.items()}
    rows = []
    for fold in range(options.folds):
        for padding, trainer in trainers.items():
            _, record, _ = trainer.fold(works[padding].folds[fold])
            scores = {m: 100 * record["scores"]["test"][m] for m in METRICS}
            rows.append({"padding": padding, "fold": fold + 1, "seconds": record["cost"]["train_seconds"],
                         "compile_seconds": record["cost"]["compile_seconds"], **scores})  # fmt: skip
            print(f"fold {fold + 1} {padding}: {rows[-1]['seconds']:.1f} s, macro F1 {scores['macro_f1']:.1f} %", flush=True)
    (prepared,) = works["mask"].data.values()
    about = {"name": prepared.dataset.name, "documents": len(prepared.ids), "max_len": prepared.max_len, "mean": (prepared.ids > 0).sum(1).mean(),
             "epochs": works["mask"].folds[0].training["epochs"], "folds": options.folds,
             "lengths": ", ".join(map(str, trainers["mask"].batches.lengths))}  # fmt: skip
    return pd.DataFrame(rows), about


def table(frame: pd.DataFrame, about: dict) -> str:
    text = HEAD.format(
        **about, metrics=" | ".join(m.replace("_", " ").replace("f1", "F1") + ", %" for m in METRICS), rule="---:|" * len(METRICS)
    )
    for padding, rows in frame.groupby("padding"):
        means = " | ".join(f"{rows[m].mean():.2f}" for m in METRICS)
        text += f"| {padding} | {rows['seconds'].median():.2f} | {rows['compile_seconds'].iloc[0]:.0f} | {means} |\n"
    fixed, mask = (frame[frame["padding"] == p].set_index("fold") for p in PADDINGS)
    text += f"\nMasks train a fold {median(fixed['seconds'] / mask['seconds']):.1f} times as fast (median of the folds' ratios).\n"
    for metric in METRICS:
        mean, low, high = corrected_interval(mask[metric] - fixed[metric])
        text += f"- {metric}: masks minus fixed {mean:+.2f} points, corrected 95 % interval {low:+.2f} to {high:+.2f}\n"
    return text


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Time and score both paddings. See the top of this file.")
    parser.add_argument("--dataset", default="hate")
    parser.add_argument("--folds", type=int, choices=range(1, 11), default=10, metavar="N")
    parser.add_argument("--out", type=Path, default=Path("reports/benchmarks"), metavar="FOLDER")
    options = parser.parse_args()
    frame, about = measure(options)
    options.out.mkdir(parents=True, exist_ok=True)
    frame.to_csv(options.out / "padding.csv", index=False, float_format="%.3f")
    (options.out / "padding.md").write_text(table(frame, about), encoding="utf-8")
    print("\n" + table(frame, about))
