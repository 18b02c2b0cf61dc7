"""lstmcs: a study of altered LSTM cells.

    ALTERATIONS, Alteration, alteration    Table 1 of the paper and the formula language
    LSTMCS, LSTMCSCell                     the altered layer and cell, for any Keras model
    build_model                            the study's models
    load_dataset                           texts and labels of a registered set or of one's own file
    run_study, results                     the sweep, and its results as one tidy frame
    python -m lstmcs                       study | status | report | records | data

Source: Haralabopoulos, Razis, Anagnostopoulos, "A modified long short term memory cell", International Journal of
Neural Systems 33 (7), 2023, doi 10.1142/S0129065723500399.
"""

import importlib

from . import environment
from .alterations import ALTERATIONS, Alteration, FormulaError, alteration

__version__ = "0.1.0"

environment.prepare()

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
