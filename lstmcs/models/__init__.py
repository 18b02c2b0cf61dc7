"""The study's models, uncompiled.

Nothing is loaded before it is asked for: the table of kinds needs no Keras.
"""

import importlib


def __getattr__(name):
    if name == "build_model":
        return importlib.import_module(".bilstm", __name__).build_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
