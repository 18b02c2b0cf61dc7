"""Scores against scikit-learn called another way, against Keras, and against the paper's own arithmetic."""

import keras
import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from lstmcs.metrics import scores


@pytest.mark.parametrize("multi", [False, True])
def test_against_scikit_learn_and_keras(multi):
    rng = np.random.default_rng(0)
    labels = (rng.random((200, 5)) < 0.3).astype(np.uint8) if multi else np.eye(5, dtype=np.uint8)[rng.integers(0, 5, 200)]
    probabilities = np.clip(labels * 0.4 + rng.random((200, 5)) * 0.6, 0, 1).astype(np.float32)
    found = scores(labels, probabilities)
    assert found["accuracy"] == pytest.approx(float(np.mean(keras.metrics.binary_accuracy(labels, probabilities))), abs=1e-6)
    predicted = probabilities > 0.5
    _, _, by_class, support = precision_recall_fscore_support(labels, predicted, zero_division=0)
    assert found["macro_f1"] == pytest.approx(by_class.mean())
    assert found["weighted_f1"] == pytest.approx(np.average(by_class, weights=support))
    true_positives = (predicted & labels.astype(bool)).sum()
    assert found["micro_f1"] == pytest.approx(2 * true_positives / (predicted.sum() + labels.sum()))


def test_all_zeros_give_the_papers_floor():
    """Tables 4 and 5: element-wise accuracy of an all-zero answer is (K - 1) / K, F1 is 0."""
    for classes, floor in ((5, 0.80), (48, 47 / 48)):
        found = scores(np.eye(classes, dtype=np.uint8), np.zeros((classes, classes)))
        assert found == {"accuracy": pytest.approx(floor), "macro_f1": 0, "micro_f1": 0, "weighted_f1": 0}


def test_exactly_one_half_is_no_label():
    assert scores(np.array([[1, 0]]), np.array([[0.5, 0.5]]))["accuracy"] == 0.5


def test_nan_has_no_score():
    with pytest.raises(ValueError, match="NaN"):
        scores(np.eye(2, dtype=np.uint8), np.full((2, 2), np.nan))
