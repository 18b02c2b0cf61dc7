"""Runs and folds (paper, section 4): how a set is cut into 80-10-10, and the seeds of all that is drawn.

Split, batch order, initial weights and dropout masks depend on (seed, data set, run, fold) and never on the alteration, so all
alterations are compared on equal terms.
"""

import hashlib
import json
import warnings

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

SPLITS = 10  # 80-10-10: eight tenths to train on, one to validate, one to test


def seed_of(config: dict, what: str) -> int:
    """A 31-bit seed for one purpose. "split" is shared by a run's folds; the alteration never enters.

    "repeat", which only the yardstick's rows have, gives other weights and another order on the same split.
    """
    parts = [what, config["seed"], config["dataset"], config["run"], None if what == "split" else config["fold"]]
    if config.get("repeat") and what != "split":
        parts.append(config["repeat"])
    return int.from_bytes(hashlib.sha256(json.dumps(parts).encode()).digest()[:4], "big") >> 1


def split(labels: np.ndarray, config: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row numbers to train on, to validate on and to test on for config's run and fold (from 1).

    The run's seed cuts the set into ten parts (by class where each document has one); fold k tests on part k and
    validates on part k + 1. Raises ValueError for fewer documents than parts.
    """
    if len(labels) < SPLITS:
        raise ValueError(f"{config['dataset']}: {len(labels)} documents are too few for {SPLITS} folds")
    seed = seed_of(config, "split")
    if (labels.sum(axis=1) == 1).all():
        with warnings.catch_warnings():  # a class with fewer members than folds is no error here
            warnings.filterwarnings("ignore", message="The least populated class")
            cut = StratifiedKFold(SPLITS, shuffle=True, random_state=seed)
            try:
                parts = [test for _, test in cut.split(labels, labels.argmax(axis=1))]
            except ValueError:  # every class has fewer members than folds
                parts = None
    else:
        parts = None
    parts = parts or [test for _, test in KFold(SPLITS, shuffle=True, random_state=seed).split(labels)]
    k = config["fold"] - 1
    test, validation = parts[k], parts[(k + 1) % SPLITS]
    train = np.concatenate([part for j, part in enumerate(parts) if j not in (k, (k + 1) % SPLITS)])
    return np.sort(train), validation, test
