"""The plainest reference: the best answer that can be given without reading a text, the same one for every document.

A model whose macro F1 is not above this one's has learned nothing from the texts, whatever it scores.
"""

import numpy as np

from ..datasets.preprocess import Prepared
from ..fold import Fold
from ..metrics import loss, scores
from .trainer import Trainer


class Constant(Trainer):
    """A Trainer without epochs: the candidate with the highest macro F1 on the training rows; of equals that with the highest micro
    F1, then the first."""

    def __init__(self, prepared: Prepared, fold: Fold):
        self.prepared, self.compile_seconds = prepared, 0.0

    def reset(self, fold: Fold) -> None:
        """Nothing is kept from fold to fold."""

    def epochs(self, rows: np.ndarray, fold: Fold):
        """One step: choose on `rows`; yields (1, mean training loss)."""
        labels = self.prepared.labels[rows]

        def score(answer: np.ndarray) -> tuple[float, float]:
            found = scores(labels, np.broadcast_to(answer, labels.shape))
            return found["macro_f1"], found["micro_f1"]

        self.answer = max(candidates(labels, self.prepared.dataset.multi_label), key=score)  # the first of equals
        yield 1, loss(labels, self.predict(rows))

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """The answer for each of `rows`: 0 or 1, float32 (rows, classes)."""
        return np.tile(self.answer, (len(rows), 1))

    def parameters(self) -> int:
        """One answer a class."""
        return len(self.prepared.classes)


def candidates(labels: np.ndarray, several: bool) -> np.ndarray:
    """The constant answers to choose from, 0/1 float32 (answers, classes). labels: 0/1 (documents, classes); several: whether a document
    may have several classes or none.

    A class that a share p of the documents has, said of all of them, has the F1 2 p / (1 + p), and 0 if it is never said: a class more
    never lowers macro F1, so the best of all answers is to say every class there is (Lipton et al. 2014, "Optimal thresholding of
    classifiers to maximize F1 measure"). With several classes a document that is a legal answer, and the candidates are nothing, the
    most frequent class, the two most frequent, ... and all, so it is among them. With one class a document it is none that a document can
    have, and on few balanced classes it would score what only a good reader scores (0.33 on five): there the candidates are nothing and
    each class alone, in their order, of which the most frequent is the best.
    """
    classes = labels.shape[1]
    if not several:
        return np.eye(classes + 1, classes, -1, np.float32)
    order = np.argsort(-labels.sum(axis=0, dtype=np.int64), kind="stable")
    found = np.zeros((classes + 1, classes), np.float32)
    found[:, order] = np.tri(classes + 1, classes, -1, np.float32)
    return found
