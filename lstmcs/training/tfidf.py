"""The plain reference: TF-IDF and logistic regression (scikit-learn), on the same folds and terms, with the same scores.

One logistic regression a class, so that each class has a sigmoid of its own, cut at 0.5, as the networks have. The
vectorizer learns from the training rows alone. Nothing is tuned and nothing is drawn: a fold takes seconds.
"""

import time
import warnings

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits  # scikit-learn brings it

from ..datasets.preprocess import Prepared
from ..fold import Fold
from ..metrics import loss
from .trainer import Trainer


class TfIdf(Trainer):
    """A Trainer without epochs; see the module. training: C, the inverse strength of the L2 penalty."""

    def __init__(self, prepared: Prepared, fold: Fold):
        started = time.perf_counter()
        self.prepared = prepared
        self.terms = prepared.terms()
        self.compile_seconds = time.perf_counter() - started

    def reset(self, fold: Fold) -> None:
        """Nothing is kept from fold to fold."""

    def epochs(self, rows: np.ndarray, fold: Fold):
        """One step: fit on `rows`; yields (1, mean training loss)."""
        logistic = LogisticRegression(C=fold.training["C"], max_iter=1000)
        self.model = make_pipeline(TfidfVectorizer(analyzer=str.split), OneVsRestClassifier(logistic))
        # one thread: those of BLAS wait for each other in the solver's many short steps, and other workers want room
        with threadpool_limits(1), warnings.catch_warnings():  # a class that no training row has is answered with 0
            warnings.filterwarnings("ignore", message="Label not .* is present in all training examples")
            self.model.fit([self.terms[row] for row in rows], self.prepared.labels[rows])
        yield 1, loss(self.prepared.labels[rows], self.predict(rows))

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Class probabilities of `rows`, float32 (rows, classes)."""
        return self.model.predict_proba([self.terms[row] for row in rows]).astype(np.float32)

    def parameters(self) -> int:
        """Coefficients and intercepts of all classes."""
        return len(self.prepared.classes) * (len(self.model[0].vocabulary_) + 1)
