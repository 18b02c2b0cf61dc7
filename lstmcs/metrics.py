"""Scores of one fold, by the reading that explains the paper's figures.

Every class is a sigmoid output of its own, cut at 0.5, for single-label data too. Accuracy is then element-wise
(Keras' binary accuracy on one-hot targets: an all-zero answer on five classes scores 80 %), and F1 is
scikit-learn's on the 0/1 matrix with zero_division=0. No other reading gives the paper's Tables 4 and 5.
"""

import numpy as np
from sklearn.metrics import f1_score

METRICS = {"accuracy": "Accuracy", "macro_f1": "Macro F1", "micro_f1": "Micro F1", "weighted_f1": "Weighted F1"}
THRESHOLD = 0.5


def scores(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """labels: 0/1 (documents, classes); probabilities: float, same shape. Returns fractions, not percent.

    NaN probabilities raise ValueError: a diverged model has no score.
    """
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities hold NaN or infinity: the model diverged, it has no score")
    predicted = (probabilities > THRESHOLD).astype(np.uint8)
    result = {"accuracy": float((predicted == labels).mean())}
    for average in ("macro", "micro", "weighted"):
        result[f"{average}_f1"] = float(f1_score(labels, predicted, average=average, zero_division=0))
    return result
