"""Initial weights drawn by NumPy: the same numbers on every backend, for every alteration.

Keras' default distributions, chosen by what a variable is: kernels Glorot uniform (Glorot & Bengio 2010), recurrent kernels
orthogonal (Saxe et al. 2014), embeddings uniform in +-0.05, biases 0 but 1 for an LSTM's forget gate, norms 1 and 0.
"""

import math
from collections.abc import Iterable

import numpy as np


def initial_weights(variables: Iterable, seed: int) -> list[np.ndarray]:
    """An array for each of a model's trainable variables, in their order. variables: anything with .path and .shape.

    Raises ValueError for a variable whose kind its name does not tell.
    """
    rng = np.random.default_rng(seed)
    return [_draw(variable.path, tuple(variable.shape), rng).astype(np.float32) for variable in variables]


def _draw(path: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    name = path.rsplit("/", 1)[-1]
    match name:
        case "recurrent_kernel":
            return _orthogonal(shape, rng)
        case "kernel":
            limit = math.sqrt(6 / sum(_fans(path, shape)))
            return rng.uniform(-limit, limit, shape)
        case "embeddings":
            return rng.uniform(-0.05, 0.05, shape)
        case "gamma":
            return np.ones(shape)
        case "bias" if "lstm_cell" in path:  # gates i, f, c, o: the forget gate starts open
            return np.repeat([0.0, 1.0, 0.0, 0.0], shape[0] // 4)
        case "bias" | "beta":
            return np.zeros(shape)
    raise ValueError(f"no initial distribution is known for the variable {path!r}")


def _fans(path: str, shape: tuple[int, ...]) -> tuple[int, int]:
    """Inputs and outputs of a kernel: [in, out], and of an attention [in, heads, width], or [heads, width, out] at its end."""
    inputs = len(shape) - 1 if "attention_output" in path else 1
    return math.prod(shape[:inputs]), math.prod(shape[inputs:])


def _orthogonal(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Rows or columns of length 1 at right angles, uniformly drawn (the sign of R's diagonal makes QR unique)."""
    rows, columns = math.prod(shape[:-1]), shape[-1]
    q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return (q.T if rows < columns else q).reshape(shape)
