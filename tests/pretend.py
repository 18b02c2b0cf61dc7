"""Folds that are not trained: a record made up from the fold's key, so that the sweep's engine is tested in seconds.

In a dask worker as its preload (DASK_DISTRIBUTED__WORKER__PRELOAD), or as a program:

    python tests/pretend.py '{"alterations": ["C-1"], "workers": 2}'     run_study with these arguments, folds pretended

PRETEND_SECONDS: how long a fold takes (default 0). PRETEND_LOG: a file that gets a line a fold, its key, when
it ends; PRETEND_BEGUN: when it begins. PRETEND_EATS,
PRETEND_DIES: an alteration whose fold 2 takes memory without end, or kills its process. PRETEND_KERAS: the version of Keras
that a worker says it has.
"""

import json
import os
import signal
import sys
import time

import numpy as np

from lstmcs import environment
from lstmcs.metrics import METRICS
from lstmcs.study import worker
from lstmcs.training.trainer import Trained


def scores(part, value):
    """The scores of one part of an epoch, all of them `value`, as a curve has them."""
    return {f"{part}_{name}": value for name in METRICS} | {f"{part}_loss": 1 - value}


def arrays(labels, probabilities, epochs=(1,)):
    """Test predictions as a record keeps them. probabilities: [epochs, rows, classes]."""
    return {"rows": np.arange(len(labels)), "labels": labels, "epochs": np.array(epochs, np.int32), "probabilities": probabilities}


def fake_fold(prepared, fold):
    """A fold in no time; C-1's fold 2 diverges."""
    if fold.alteration == "c = c * o" and fold.fold == 2:
        return Trained(fold, {"state": "failed", "error": {"type": "Diverged", "message": "loss is nan in epoch 1"}, "env": {}}, {})
    value = int(fold.key, 16) % 1000 / 1000
    curve = [{"epoch": 1, "loss": 1 - value} | scores("val", value) | scores("test", value)]
    record = {"state": "done", "curve": curve, "env": {"loop": "fast"}, "cost": {"train_seconds": 1.0, "compile_seconds": 2.0}}
    return Trained(fold, record, arrays(np.eye(2, dtype=np.uint8), np.eye(2, dtype=np.float32)[None]))


def fake_train(prepared, folds):
    """In place of worker.train."""
    return [fake_fold(prepared, fold) for fold in folds]


def slow_fold(prepared, fold):
    """As the environment asks for."""
    this = fold.alteration if fold.fold == 2 else None
    if this is not None and this == os.environ.get("PRETEND_EATS"):
        eaten = []
        while True:
            eaten.append(np.ones(2**22))  # 32 MB
            time.sleep(0.02)
    if this is not None and this == os.environ.get("PRETEND_DIES"):
        os.kill(os.getpid(), signal.SIGKILL)
    _note("PRETEND_BEGUN", fold)
    time.sleep(float(os.environ.get("PRETEND_SECONDS", 0)))
    _note("PRETEND_LOG", fold)
    return fake_fold(prepared, fold)


def _note(variable, fold):
    """A line in the file that the variable names."""
    if log := os.environ.get(variable):
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{fold.key} {os.getpid()}\n")


def slow_train(prepared, folds):
    """In place of worker.train."""
    return [slow_fold(prepared, fold) for fold in folds]


def dask_setup(dask_worker):
    """Called by a dask worker that preloads this file."""
    worker.train = slow_train
    if other := os.environ.get("PRETEND_KERAS"):
        about = environment.describe() | {"keras": other}
        environment.describe = lambda: about


if __name__ == "__main__":
    worker.train = slow_train
    os.environ["DASK_DISTRIBUTED__WORKER__PRELOAD"] = json.dumps([os.path.abspath(__file__)])
    from lstmcs.study.sweep import run_study

    frame = run_study(**json.loads(sys.argv[1]))
    print(json.dumps({"done": int((frame["state"] == "done").sum()), "failed": int((frame["state"] == "failed").sum())}))
