"""The fast time loop of LSTM layers with any altered cell, one file a backend.

    BACKENDS               Keras backends that have one
    for_backend(name)      its module, or None

Every module has the same functions with the same meaning (tensorflow.py says it in full)::

    bidirectional(x, forward_weights, backward_weights, alter=None, mask=None) -> [B, T, 2u]
    unidirectional(x, weights, alter=None, initial_state=None, reverse=False, mask=None) -> [B, T, u], (h, c)
    cell(i, f, o, g, c_prev, h_prev, alter, keep=None) -> (c, h)

alter is a pure function of gates and states. It may have another, `alter.gates`, which alters the gates before there are new states.

A backend is imported when its module is asked for, not before.
"""

import importlib

BACKENDS = ("tensorflow", "jax")


def for_backend(name: str):
    """The fast loop of the Keras backend of that name; None where there is none, and only the readable cell does."""
    return importlib.import_module(f".{name}", __name__) if name in BACKENDS else None
