"""Scores against scikit-learn called another way, against Keras, and against the paper's own arithmetic."""

import keras
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, precision_recall_fscore_support

from lstmcs.metrics import MACROS, READINGS, has_meaning, scores


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


def test_argmax_is_scikit_learns_on_class_numbers():
    """Micro F1 of one class a document is its accuracy, which is why the paper's figures cannot have been read so."""
    rng = np.random.default_rng(1)
    truth, probabilities = rng.integers(0, 5, 300), rng.random((300, 5))
    probabilities[np.arange(300), truth] += 0.3
    found, chosen = scores(np.eye(5, dtype=np.uint8)[truth], probabilities, reading="argmax"), probabilities.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, chosen)) == pytest.approx(found["micro_f1"])
    for average in ("macro", "weighted"):
        assert found[f"{average}_f1"] == pytest.approx(f1_score(truth, chosen, average=average))


def test_subset_accuracy_is_scikit_learns_and_leaves_f1_alone():
    rng = np.random.default_rng(2)
    labels, probabilities = (rng.random((100, 3)) < 0.4).astype(np.uint8), rng.random((100, 3))
    found = scores(labels, probabilities, reading="subset")
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, probabilities > 0.5))
    assert {k: v for k, v in found.items() if k != "accuracy"} == {
        k: v for k, v in scores(labels, probabilities).items() if k != "accuracy"
    }


def test_the_two_macro_f1_by_hand():
    """Class 1: precision 1/4, recall 1, F1 2/5; class 2: precision 1, recall 1/4, F1 2/5. Means 5/8 and 5/8 give F1 5/8."""
    labels = np.array([[1, 1], [0, 1], [0, 1], [0, 1]])
    probabilities = np.array([[0.9, 0.9], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1]])
    assert scores(labels, probabilities)["macro_f1"] == pytest.approx(2 / 5)
    assert scores(labels, probabilities, macro="of_means")["macro_f1"] == pytest.approx(5 / 8)
    nothing = np.zeros((4, 2))
    assert scores(labels, nothing, macro="of_means")["macro_f1"] == 0
    rng = np.random.default_rng(0)
    for _ in range(20):  # Opitz & Burst 2019: of_means is never smaller
        labels, probabilities = (rng.random((30, 4)) < 0.4).astype(np.uint8), rng.random((30, 4))
        assert scores(labels, probabilities, macro="of_means")["macro_f1"] >= scores(labels, probabilities)["macro_f1"] - 1e-12


def test_wrong_readings_say_so():
    labels, probabilities = np.eye(2, dtype=np.uint8), np.eye(2)
    with pytest.raises(ValueError, match=r"unknown reading 'argmin' \(did you mean 'argmax'\?\); there are paper, subset, argmax, ranking"):
        scores(labels, probabilities, reading="argmin")
    with pytest.raises(ValueError, match="unknown macro 'means'"):
        scores(labels, probabilities, macro="means")
    with pytest.raises(ValueError, match="one class a document"):
        scores(np.ones((2, 2), np.uint8), probabilities, reading="argmax")
    with pytest.raises(ValueError, match="reading 'ranking' orders documents by the classes they have; these have none"):
        scores(np.zeros((2, 2), np.uint8), probabilities, reading="ranking")
    with pytest.raises(ValueError, match="macro 'of_means' is a formula of F1; reading 'ranking' has average precision"):
        scores(labels, probabilities, "ranking", "of_means")
    pairs = [(r, m) for r in READINGS for m in MACROS if (r, m) != ("ranking", "of_means")]
    assert all(scores(labels, probabilities, r, m)["macro_f1"] == 1 for r, m in pairs)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("multi", [False, True])
def test_ranking_is_scikit_learns_average_precision_of_the_classes_that_occur(multi, ties):
    rng = np.random.default_rng(3)
    labels = (rng.random((150, 6)) < 0.3).astype(np.uint8) if multi else np.eye(6, dtype=np.uint8)[rng.integers(0, 5, 150)]
    labels[:, 5] = 0  # a class that the fold's test rows do not have
    probabilities = (labels * 0.2 + rng.random((150, 6)) * 0.8).astype(np.float32)
    if ties:
        probabilities = np.round(probabilities, 1)
        probabilities[:, 2] = 0.5
    found = scores(labels, probabilities, reading="ranking")
    for average in ("macro", "micro", "weighted"):
        assert found[f"{average}_f1"] == pytest.approx(
            average_precision_score(labels[:, :5], probabilities[:, :5], average=average), abs=1e-12
        )
    assert found["accuracy"] == scores(labels, probabilities)["accuracy"] and list(found) == list(scores(labels, probabilities))
    assert has_meaning("ranking", labels) and not has_meaning("ranking", labels[:0])


def test_ranking_needs_no_cut():
    """Four documents by hand: the order is perfect for the first class, though nothing is above one half; the second is said of all alike."""
    labels, probabilities = np.array([[1, 1], [1, 0], [0, 0], [0, 0]], np.uint8), np.array([[0.4, 0.9], [0.3, 0.9], [0.2, 0.9], [0.1, 0.9]])
    assert scores(labels, probabilities)["macro_f1"] == pytest.approx((0 + 2 / 5) / 2)
    found = scores(labels, probabilities, reading="ranking")
    assert found["macro_f1"] == pytest.approx((1 + 1 / 4) / 2) and found["weighted_f1"] == pytest.approx((2 * 1 + 1 / 4) / 3)
    # together: the four at 0.9 hold one of three, then come the two at 0.4 and 0.3
    assert found["micro_f1"] == pytest.approx((1 / 4 + 2 / 5 + 3 / 6) / 3)


def test_exactly_one_half_is_no_label():
    assert scores(np.array([[1, 0]]), np.array([[0.5, 0.5]]))["accuracy"] == 0.5


def test_nan_has_no_score():
    with pytest.raises(ValueError, match="NaN"):
        scores(np.eye(2, dtype=np.uint8), np.full((2, 2), np.nan))
