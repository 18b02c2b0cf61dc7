"""lstmcs: a study of altered LSTM cells.

    ALTERATIONS, Alteration, alteration    Table 1 of the paper and the formula language (families.py: pairs, gates)
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
from typing import TYPE_CHECKING, Any

from ._version import __version__
from .alterations import ALTERATIONS, Alteration, alteration
from .errors import FormulaError, missing
from .registration import register

if TYPE_CHECKING:  # what the names below are, for editors and type checkers
    from .cell import LSTMCS, Bidirectional, LSTMCSCell
    from .datasets.loading import Dataset, load_dataset
    from .errors import DataError
    from .models.bilstm import build_model
    from .study.plan import Settings
    from .study.sweep import curves, results, run_study

# Loaded on first use: a plan, a status or a data table does not pay for Keras, a layer not for the study.
_LAZY = {
    "LSTMCS": "cell", "LSTMCSCell": "cell", "Bidirectional": "cell", "build_model": "models.bilstm",
    "Dataset": "datasets.loading", "load_dataset": "datasets.loading", "DataError": "errors",
    "Settings": "study.plan", "run_study": "study.sweep", "results": "study.sweep", "curves": "study.sweep",
}  # fmt: skip

__all__ = [
    "ALTERATIONS", "LSTMCS", "Alteration", "Bidirectional", "DataError", "Dataset", "FormulaError", "LSTMCSCell", "Settings", "__version__",
    "alteration", "build_model", "curves", "load_dataset", "results", "run_study",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
    except ModuleNotFoundError as error:
        raise missing(error, f"lstmcs.{name}") from error


def __dir__() -> list[str]:
    return sorted(__all__)


register()  # a saved model loads after `import lstmcs` alone
