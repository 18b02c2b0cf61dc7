"""The protocol that the paper leaves open, chosen by how close the unaltered model comes to its Baseline rows.

    python -m lstmcs.protocol_search [--datasets hate hasoc ...] [--folds N] [--workers N]

Trains the unaltered model for `EPOCHS` epochs under each of `CANDIDATES` and notes its test scores after every epoch in
data/protocol.csv, a line an epoch; what is in that file is not trained again. `choose` reads the file: every rule for
when to stop is tried on the same curves, and the rule and candidate nearest to the Baseline rows of Tables 3-9 win. No
alteration is ever trained here, so none can be favoured.
"""

import argparse
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed

import numpy as np
import pandas as pd

from . import environment, paper, paths
from .datasets import load_dataset
from .metrics import METRICS
from .preprocess import Preparation, prepare
from .study import SIZES, TRAINING, Settings, plan

EPOCHS = 12
DATASETS = ("hasoc", "crowd", "mlma", "semeval", "hate")
#: What differs from `study.SIZES`, `study.TRAINING` and the default preparation.
CANDIDATES = {
    "as it is": {},
    "padding behind": {"pad_side": "post"},
    "dropout 0.5": {"dropout": 0.5},
    "rate 0.0003": {"learning_rate": 0.0003},
}
#: What the search chose, and the study uses (study.TRAINING, Preparation).
CANDIDATE, RULE = "as it is", "5 epochs"
COLUMNS = ("candidate", "dataset", "fold", "epoch", "seconds", "loss", "val_loss", *METRICS)
PATIENCES = (1, 2, 3)


def path():
    return paths.shared("data", "protocol.csv")


def _read() -> pd.DataFrame:
    return pd.read_csv(path()) if path().is_file() else pd.DataFrame(columns=list(COLUMNS))


def curve(candidate: str, dataset: str, fold: int) -> pd.DataFrame:
    """One fold of the unaltered model under one candidate, a row an epoch (COLUMNS)."""
    environment.prepare(training=True)
    from .training import Trainer, split

    changes = CANDIDATES[candidate]
    (config,) = [c for c in plan(Settings.of(datasets=[dataset], alterations=["none"], runs=1)).folds if c["fold"] == fold]
    config["sizes"] = SIZES | {k: v for k, v in changes.items() if k in SIZES}
    config["training"] = TRAINING | {k: v for k, v in changes.items() if k in TRAINING} | {"epochs": EPOCHS}
    options = Preparation(**{k: v for k, v in changes.items() if k not in SIZES | TRAINING})
    prepared = prepare(load_dataset(dataset), options)
    train, validation, test = split(prepared.labels, config)
    trainer, rows, started = Trainer(prepared, config), [], time.perf_counter()
    for epoch, loss in trainer.epochs(train, config):
        seconds = time.perf_counter() - started
        found = {"candidate": candidate, "dataset": dataset, "fold": fold, "epoch": epoch, "seconds": seconds, "loss": loss}
        rows.append(found | {"val_loss": trainer.evaluate(validation)["loss"]} | {m: trainer.evaluate(test)[m] for m in METRICS})
    return pd.DataFrame(rows)[list(COLUMNS)]


def search(datasets, folds: int, workers: int) -> pd.DataFrame:
    """All curves that data/protocol.csv does not hold yet are trained and added, one by one; returns the whole file."""
    known = _read()
    have = set(known[["candidate", "dataset", "fold"]].itertuples(index=False, name=None))
    jobs = [(c, d, fold) for fold in range(1, folds + 1) for c in CANDIDATES for d in datasets if (c, d, fold) not in have]
    environment.prepare(training=True)  # the workers inherit it
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        running = {pool.submit(curve, *job): job for job in jobs}
        for number, future in enumerate(as_completed(running), start=1):
            known = pd.concat([known, future.result()], ignore_index=True)
            known.to_csv(path(), index=False, float_format="%.5f")
            print(f"[{number}/{len(jobs)}] {', '.join(map(str, running[future]))}", flush=True)
    return known


def stops(curves: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Rule -> the row of each curve at which it stops. Rules: after n epochs; no better validation loss for n epochs."""
    keys = ["candidate", "dataset", "fold"]
    found = {f"{epochs} epochs": curves[curves["epoch"] == epochs] for epochs in range(1, int(curves["epoch"].max()) + 1)}

    def early(frame, patience):
        loss = frame.sort_values("epoch")["val_loss"].to_numpy()
        best = [np.argmin(loss[: n + 1]) for n in range(len(loss))]
        return next((n for n, b in enumerate(best) if n - b >= patience), len(loss) - 1), best

    for patience in PATIENCES:
        last, kept = [], []
        for _, frame in curves.groupby(keys):
            n, best = early(frame, patience)
            last.append(frame.sort_values("epoch").iloc[n])
            kept.append(frame.sort_values("epoch").iloc[best[n]])
        found[f"no better validation loss for {patience}, last weights"] = pd.DataFrame(last)
        found[f"no better validation loss for {patience}, best weights"] = pd.DataFrame(kept)
    return found


def distances(curves: pd.DataFrame | None = None) -> pd.DataFrame:
    """Of the curves on record: candidate, rule, distance: mean over sets and scores of |ours - the paper's Baseline|, in points of percent.

    Ours is the mean over the folds at hand. Only sets that every candidate was trained on count. Nearest first.
    """
    curves = _read() if curves is None else curves
    baseline = paper.tables_3_to_9().query("row == 'Baseline'").set_index("dataset")[list(METRICS)]
    sets = set.intersection(*(set(frame["dataset"]) for _, frame in curves.groupby("candidate")))
    curves, rows = curves[curves["dataset"].isin(sets)], []
    for rule, at in stops(curves).items():
        ours = 100 * at.groupby(["candidate", "dataset"])[list(METRICS)].mean()
        gaps = (ours - baseline.reindex(ours.index.get_level_values("dataset")).to_numpy()).abs().mean(axis=1)
        rows += [{"candidate": c, "rule": rule, "distance": gap} for c, gap in gaps.groupby("candidate").mean().items()]
    return pd.DataFrame(rows).sort_values("distance", ignore_index=True)


def baseline_table(curves: pd.DataFrame | None = None) -> pd.DataFrame:
    """The paper's Baseline rows beside the unaltered model under the protocol in use, in percent, a row a set and source."""
    curves = _read() if curves is None else curves
    baseline = paper.tables_3_to_9().query("row == 'Baseline'").set_index("dataset")[list(METRICS)]
    rows = []
    for name, frame in stops(curves)[RULE].query("candidate == @CANDIDATE").groupby("dataset", sort=False):
        rows.append({"dataset": name, "source": "paper, 10 runs x 10 folds", **baseline.loc[name]})
        rows.append({"dataset": name, "source": f"ours, {len(frame)} fold(s)", **(100 * frame[list(METRICS)].mean())})
    return pd.DataFrame(rows)


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lstmcs.protocol_search", description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", nargs="+", default=list(DATASETS))
    parser.add_argument("--folds", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    print(distances(search(options.datasets, options.folds, options.workers)).head(20).to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
