"""Results frames with known answers, for the tests of statistics."""

import numpy as np
import pandas as pd

METRICS = ("accuracy", "macro_f1", "micro_f1", "weighted_f1")


def frame(scores, dataset="t", model="lstm"):
    """scores: alteration -> list a run of lists a fold, fractions; every metric gets the same ones."""
    rows = [
        {"dataset": dataset, "model": model, "alteration": name, "run": run, "fold": fold, "state": "done",
         **dict.fromkeys(METRICS, value), "train_seconds": 2.0, "compile_seconds": 1.0, "error": None}
        for name, runs in scores.items() for run, folds in enumerate(runs, 1) for fold, value in enumerate(folds, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def study(effects, datasets=("t",), runs=1, folds=10, sd=0.001, base=0.5, model="lstm", seed=0):
    """A study in which `effects` (alteration -> points) are true: scores with noise `sd` (a fraction), all metrics alike.

    effects may also be dataset -> {alteration -> points}.
    """
    rng, parts = np.random.default_rng(seed), []
    for dataset in datasets:
        mine = effects.get(dataset, effects)
        levels = {"none": 0.0, **mine}
        scores = {name: base + points / 100 + rng.normal(0, sd, (runs, folds)) for name, points in levels.items()}
        parts.append(frame({name: values.tolist() for name, values in scores.items()}, dataset, model))
    return pd.concat(parts, ignore_index=True)
