"""lstmcs: a study of altered LSTM cells.

    ALTERATIONS, Alteration, alteration    Table 1 of the paper and the formula language
    LSTMCS, LSTMCSCell                     the altered layer and cell, for any Keras model
    build_model                            the study's models
    load_dataset                           texts and labels of a registered set or of one's own file
    run_study, results                     the sweep, and its results as one tidy frame
    python -m lstmcs                       study | status | report | data

Source: Haralabopoulos, Razis, Anagnostopoulos, "A modified long short term memory cell", International Journal of
Neural Systems 33 (7), 2023, doi 10.1142/S0129065723500399.
"""

import importlib
import os

from .alterations import ALTERATIONS, Alteration, FormulaError, alteration

# TensorFlow's start-up notes are not for the reader; its warnings and errors stay. oneDNN's note ("you may see slightly
# different numerical results") can be had rid of only with oneDNN itself, which the study's compiled loop does not use.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

__version__ = "0.1.0"

# Loaded on first use: a plan, a status or a data table does not pay for TensorFlow.
_LAZY = {
    "LSTMCS": "cell", "LSTMCSCell": "cell", "build_model": "models",
    "Dataset": "datasets", "DataError": "datasets", "load_dataset": "datasets",
    "run_study": "study", "results": "records",
}  # fmt: skip

__all__ = ["ALTERATIONS", "Alteration", "FormulaError", "alteration", *_LAZY]


def __getattr__(name):
    if name in _LAZY:
        return getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_LAZY])
