"""lstmcs: a study of altered LSTM cells.

    ALTERATIONS, Alteration, alteration    Table 1 of the paper and the formula language
    LSTMCS, Bidirectional, LSTMCSCell      the altered layer, its wrapper for both directions, and the cell, for any Keras model
    build_model                            the study's models
    load_dataset                           texts and labels of a registered set or of one's own file
    Settings, run_study, results, curves   the sweep; its results and learning curves as tidy frames
    lstmcs (or python -m lstmcs)           study | status | report | records | data

The layer, the cell, the formula language and build_model need keras and numpy alone; the study needs `pip install lstmcs[study]`.

Source: Haralabopoulos, Razis, Anagnostopoulos, "A modified long short term memory cell", International Journal of
Neural Systems 33 (7), 2023, doi 10.1142/S0129065723500399.
"""

import importlib

from ._version import __version__
from .alterations import ALTERATIONS, Alteration, alteration
from .errors import FormulaError

# Loaded on first use: a plan, a status or a data table does not pay for Keras, a layer not for the study.
_LAZY = {
    "LSTMCS": "cell", "LSTMCSCell": "cell", "Bidirectional": "cell", "build_model": "models.bilstm",
    "Dataset": "datasets.loading", "load_dataset": "datasets.loading", "DataError": "errors",
    "Settings": "study.plan", "run_study": "study.sweep", "results": "study.sweep", "curves": "study.sweep",
}  # fmt: skip

__all__ = ["ALTERATIONS", "Alteration", "FormulaError", "__version__", "alteration", *_LAZY]


def __getattr__(name):
    if name in _LAZY:
        return getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_LAZY])
