"""Results with known answers: frames for the tests of statistics, records for those of pages."""

import zlib

import numpy as np
import pandas as pd

from lstmcs.training.trainer import Course

METRICS = ("accuracy", "macro_f1", "micro_f1", "weighted_f1")


def frame(scores, dataset="t", model="lstm"):
    """scores: alteration -> list a run of lists a fold, fractions; every metric gets the same ones."""
    rows = [
        {"dataset": dataset, "model": model, "alteration": name, "run": run, "fold": fold, "state": "done",
         **dict.fromkeys(METRICS, value), "train_seconds": 2.0, "compile_seconds": 1.0, "parameters": 110e6 if model == "bert" else 1e6, "error": None}
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


MODEL_SCORES = {("lstm", "none"): 60.0, ("lstm", "C-1"): 61.0, ("simple", "none"): 58.0, ("bert", "none"): 70.0, ("tfidf", "none"): 60.0}
MODEL_SECONDS = {"lstm": 20.0, "simple": 40.0, "bert": 400.0, "tfidf": 0.5}


def models(datasets=("hate",), folds=10) -> pd.DataFrame:
    """Four models: scores as above with a wobble that is 0 on average (none for LSTM-CS), and no wobble in the seconds."""
    wobble = np.tile([1.0, -1.0], folds // 2) / 100
    rows = [
        {"dataset": d, "model": m, "alteration": a, "run": 1, "fold": k + 1, "state": "done", "train_seconds": MODEL_SECONDS[m], "seconds_per_epoch": MODEL_SECONDS[m] / 4,
         "compile_seconds": 1.0, "parameters": 1000, "error": None,
         **dict.fromkeys(METRICS, score / 100 + (wobble[k] if m != "lstm" else 0))}
        for d in datasets for (m, a), score in MODEL_SCORES.items() for k in range(folds)
    ]  # fmt: skip
    return pd.DataFrame(rows)


LEARNED = (0.2, 0.4, 0.5, 0.45)  # how far the probabilities of the two kinds of labels lie apart, epoch by epoch


def records_of(work, seed=0, all_but=0):
    """Write a record for every fold of a plan but the last `all_but`, nothing trained: probabilities near the labels, noise of the fold.

    The curves rise and fall, so that the rules read different epochs.
    """
    for fold in work.folds[: len(work.folds) - all_but]:
        prepared = work.data.of(fold)
        rows = {"test": np.arange(fold.fold - 1, len(prepared.labels), 10), "val": np.arange(fold.fold % 10, len(prepared.labels), 10)}
        labels = {part: prepared.labels[numbers] for part, numbers in rows.items()}
        cell = zlib.crc32(f"{fold.alteration} {fold.reseed or None}".encode())
        rng = np.random.default_rng([seed, fold.run, fold.fold, cell])
        noise = {part: rng.normal(0, 0.25, truth.shape) for part, truth in labels.items()}
        course = Course(prepared, fold, rows["val"], rows["test"])
        for epoch, apart in enumerate(LEARNED, 1):

            def answers(part, apart=apart, labels=labels, noise=noise):
                return np.clip(0.2 + apart * labels[part] + noise[part], 0.01, 0.99).astype(np.float32)

            course.ends(epoch, 1 - apart, answers)
        cost = {"train_rows": 8 * len(rows["test"]), "train_seconds": 2.0, "compile_seconds": 1.0, "parameters": 1}
        work.store.write(*course.trained(cost, 1.0, {}))
