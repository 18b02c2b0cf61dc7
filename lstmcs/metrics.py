"""Scores of one fold, from its labels and predicted probabilities.

The default reading explains the paper's figures: every class is a sigmoid output of its own, cut at 0.5, for single-label
data too. Accuracy is then element-wise (Keras' binary accuracy on one-hot targets: an all-zero answer on five classes
scores 80 %), and F1 is that of the 0/1 matrix, 0 for a class that is neither true nor said (scikit-learn's with zero_division=0). No other reading gives the paper's
Tables 4 and 5. Records keep the probabilities, so the others can be had without training again.

Two formulas go by the name of macro F1 (Opitz & Burst 2019, "Macro F1 and Macro F1"), for K classes with precision p_k
and recall r_k:

    "mean"      1/K sum_k 2 p_k r_k / (p_k + r_k)                                     scikit-learn's, the default
    "of_means"  2 P R / (P + R),  P = 1/K sum_k p_k,  R = 1/K sum_k r_k               never smaller

The reading "ranking" tells a model that orders the documents well but is cut at the wrong place from one that has learned nothing.
Average precision of a class is sum_n (R_n - R_(n-1)) P_n over its distinct probabilities, the highest first, with precision P_n and
recall R_n of all documents down to the n-th (scikit-learn's average_precision_score); 1 is a perfect order, the class's share of the
documents is what equal probabilities have. Macro and weighted are means over the classes that some document has, micro is of all their
cells together. They are read under the names of the three F1, so that all that compares F1 compares them.
"""

import numpy as np

from .errors import SettingsError, nearest

METRICS = {"accuracy": "Accuracy", "macro_f1": "Macro F1", "micro_f1": "Micro F1", "weighted_f1": "Weighted F1"}
THRESHOLD = 0.5
READINGS = {
    "paper": "each class cut at 0.5, accuracy over classes and documents",
    "subset": "each class cut at 0.5, accuracy over documents: all classes of a document right",
    "argmax": "the most probable class alone, accuracy over documents; single-label sets only",
    "ranking": "no cut: average precision stands in place of F1, over the classes that occur; accuracy as the paper's",
}
MACROS = {"mean": "mean of the classes' F1", "of_means": "F1 of the classes' mean precision and mean recall"}


def scores(labels: np.ndarray, probabilities: np.ndarray, reading: str = "paper", macro: str = "mean") -> dict[str, float]:
    """labels: 0/1 (documents, classes); probabilities: float, same shape. Returns fractions, not percent, a key a metric.

    reading: one of READINGS; macro: one of MACROS. ValueError for other names, for labels that the reading has no meaning for (see
    has_meaning), and for NaN probabilities: a diverged model has no score.
    """
    check_reading(reading, macro)
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities hold NaN or infinity: the model diverged, it has no score")
    if not has_meaning(reading, labels):
        why = {
            "argmax": "picks one class a document; these labels have documents with none or several",
            "ranking": "orders documents by the classes they have; these have none",
        }
        raise ValueError(f"reading {reading!r} {why[reading]}")
    if reading == "ranking":
        return {"accuracy": scores(labels, probabilities)["accuracy"]} | _average_precisions(labels, probabilities)
    if reading == "argmax":
        predicted = np.eye(labels.shape[1], dtype=np.uint8)[probabilities.argmax(axis=1)]
    else:
        predicted = (probabilities > THRESHOLD).astype(np.uint8)
    right = predicted == labels
    result = {"accuracy": float(right.mean() if reading == "paper" else right.all(axis=1).mean())}
    both = (labels & predicted).sum(axis=0, dtype=np.int64)  # true positives a class
    said, true = predicted.sum(axis=0, dtype=np.int64), labels.sum(axis=0, dtype=np.int64)
    f1 = _ratio(2 * both, said + true)
    result["macro_f1"] = float(f1.mean())
    result["micro_f1"] = float(_ratio(2 * both.sum(), said.sum() + true.sum()))
    result["weighted_f1"] = float((f1 * true).sum() / true.sum()) if true.any() else 0.0
    if macro == "of_means":
        precision, recall = _ratio(both, said).mean(), _ratio(both, true).mean()
        result["macro_f1"] = float(_ratio(2 * precision * recall, precision + recall))
    return result


def _average_precisions(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    there = labels.any(axis=0)
    labels, probabilities = labels[:, there], probabilities[:, there]
    each = np.array([_average_precision(*columns) for columns in zip(labels.T, probabilities.T)])
    weighted = np.average(each, weights=labels.sum(axis=0, dtype=np.int64))
    micro = _average_precision(labels.ravel(), probabilities.ravel())
    return {"macro_f1": float(each.mean()), "micro_f1": micro, "weighted_f1": float(weighted)}


def _average_precision(true: np.ndarray, probabilities: np.ndarray) -> float:
    order = np.argsort(-probabilities, kind="stable")
    last = np.append(np.diff(probabilities[order]) != 0, True)  # of equals: they are said together
    found = np.cumsum(true[order], dtype=np.int64)[last]
    precision = found / (np.flatnonzero(last) + 1)
    return float((np.diff(found, prepend=0) * precision).sum() / found[-1])


def loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean binary cross-entropy over documents and classes, in double precision; probabilities are cut to 1e-7 from 0 and 1 as
    Keras does."""
    p = np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7)
    return float(-np.where(labels, np.log(p), np.log1p(-p)).mean())


def _ratio(above, below):
    """above / below, 0 where both are: what has neither been said nor is true scores nothing."""
    return np.divide(above, below, out=np.zeros(np.shape(below)), where=np.asarray(below) != 0)


def has_meaning(reading: str, labels: np.ndarray) -> bool:
    """Whether `reading` can be made of these 0/1 labels: argmax needs exactly one class a document, ranking some class of some document."""
    if reading == "ranking":
        return bool(labels.any())
    return reading != "argmax" or bool((labels.sum(axis=1) == 1).all())


def check_reading(reading: str, macro: str) -> None:
    """Raise SettingsError for a reading or a macro formula that does not exist, and for a formula of F1 where a reading has none."""
    for what, value, known in (("reading", reading, READINGS), ("macro", macro, MACROS)):
        if value not in known:
            raise SettingsError(f"unknown {what} {value!r}{nearest(value, known)}; there are {', '.join(known)}")
    if (reading, macro) == ("ranking", "of_means"):
        raise SettingsError("macro 'of_means' is a formula of F1; reading 'ranking' has average precision in its place")
