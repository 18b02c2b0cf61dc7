"""What a formula does over many steps to the states of a cell with initial weights: how large they grow, and how much gradient is left.

NumPy alone, in double precision, straight from the equations of the cell: a formula is seen in a fraction of a second.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..alterations import NUMPY, Alteration
from ..alterations import alteration as as_alteration
from .initial import initial_weights

STEPS, UNITS, FEATURES = 100, 16, 16
ROWS, FOLLOWED = 32, 4  # rows of noise, and of these so many whose gradient is followed
SHIFT = 1e-6  # of a state, either way, to see how the next one moves


class Dynamics(NamedTuple):
    """After each step (float64, one value a step): mean |c|, mean |h|, and the gradient left.

    gradient: the length of a unit's gradient, that of h_t with respect to the state (h_1, c_1) after the first step: root mean square
    over the units, mean over four rows. It is 1 at the first step, where h_t is h_1. NaN and infinity are what an altered cell comes to that overflows.
    """

    c: np.ndarray
    h: np.ndarray
    gradient: np.ndarray


class _Variable(NamedTuple):
    path: str
    shape: tuple[int, ...]


def over_steps(alteration: str | Alteration, steps: int = STEPS, seed: int = 0) -> Dynamics:
    """The states of a cell of 16 units that reads `steps` steps of noise (32 rows of 16 normal features).

    alteration: as LSTMCSCell takes it. The weights are the study's initial ones for `seed`, and, as the noise, the same for every
    alteration. Raises FormulaError.
    """
    return _over_steps(as_alteration(alteration), steps, seed)


@lru_cache(maxsize=256)
def _over_steps(alteration: Alteration, steps: int, seed: int) -> Dynamics:
    kernel, recurrent, bias = weights(seed)
    found, state = [], np.zeros((2, ROWS, UNITS))  # h and c
    # how the state moves with each entry of the first one, [h or c, entry, row, unit], as numbers near 1 times a length a row
    moves, length = np.eye(2 * UNITS).reshape(2 * UNITS, 2, 1, UNITS).swapaxes(0, 1) * np.ones((FOLLOWED, 1)), np.ones(FOLLOWED)
    with np.errstate(all="ignore"):
        for number, x in enumerate(noise(steps, seed) @ kernel + bias):
            if number:
                shift = SHIFT * max(1.0, float(np.abs(state).max()))
                there, back = (
                    _step(alteration, x[:FOLLOWED], state[:, None, :FOLLOWED] + way * moves, recurrent) for way in (shift, -shift)
                )
                moves = (there - back) / (2 * shift)
                longer = np.sqrt((moves**2).sum(axis=(0, 1, 3)))
                moves, length = moves / np.where(longer > 0, longer, 1)[:, None], length * longer
            state = _step(alteration, x, state, recurrent)
            left = length * np.sqrt((moves[0] ** 2).sum(axis=(0, 2)) / UNITS)
            found.append((np.abs(state[1]).mean(), np.abs(state[0]).mean(), left.mean()))
    return Dynamics(*np.array(found).T)


def weights(seed: int = 0) -> list[np.ndarray]:
    """The cell's kernel (features, 4 units), recurrent kernel (units, 4 units) and bias, gates in Keras' order."""
    shapes = {"kernel": (FEATURES, 4 * UNITS), "recurrent_kernel": (UNITS, 4 * UNITS), "bias": (4 * UNITS,)}
    drawn = initial_weights([_Variable(f"lstm_cell/{name}", shape) for name, shape in shapes.items()], seed)
    return [array.astype(np.float64) for array in drawn]


def noise(steps: int = STEPS, seed: int = 0) -> np.ndarray:
    """What is read: (steps, rows, features), normal."""
    return np.random.default_rng(seed).normal(size=(steps, ROWS, FEATURES))


def _step(alteration: Alteration, x: np.ndarray, state: np.ndarray, recurrent: np.ndarray) -> np.ndarray:
    """One step of the cell. state: h and c, [2, ..., row, unit]; x: what the inputs and the bias add to the gates, [row, 4 units]."""
    h_prev, c_prev = state
    zi, zf, zg, zo = np.split(x + h_prev @ recurrent, 4, axis=-1)
    i, f, o, g = NUMPY["sigmoid"](zi), NUMPY["sigmoid"](zf), NUMPY["sigmoid"](zo), np.tanh(zg)
    c, h = stepped(alteration, i, f, o, g, c_prev, h_prev)
    return np.stack([h, c])


def stepped(alteration: Alteration, i, f, o, g, c_prev, h_prev) -> tuple[np.ndarray, np.ndarray]:
    """(c, h) after a step with these gates and this candidate, arrays of one shape."""
    i, f, o, g = alteration.gates(NUMPY, i=i, f=f, o=o, g=g, c_prev=c_prev, h_prev=h_prev)
    c = f * c_prev + i * g
    h = o * np.tanh(c)
    return alteration.apply(NUMPY, i=i, f=f, o=o, g=g, c=c, h=h, c_prev=c_prev, h_prev=h_prev)


class Curve(NamedTuple):
    """What a formula makes of one state, arrays of one shape: c after the standard step, the state it leaves, the one the formula leaves.

    The state is h where the formula reaches h alone (by h or o), else c.
    """

    c: np.ndarray
    before: np.ndarray
    after: np.ndarray


def one_state(alteration: Alteration, i: float = 0.5, f: float = 0.5, o: float = 0.5) -> Curve:
    """A formula's curve for gates of these values. c runs from -3 to 3 where states alone are altered, and c_prev = c, h_prev = h, g = tanh(c).
    A formula with statements on gates needs a whole step: there c_prev runs from -3 to 3, h_prev = o tanh(c_prev), g = tanh(c_prev)."""
    x = np.linspace(-3, 3, 121)
    i, f, o = (np.full_like(x, value) for value in (i, f, o))
    shown = 1 if set(alteration.assigned) <= {"o", "h"} and alteration.formula else 0
    if alteration.state in ("gates", "mixed"):
        standard, altered = (stepped(one, i, f, o, np.tanh(x), x, o * np.tanh(x)) for one in (as_alteration("none"), alteration))
    else:
        standard = x, o * np.tanh(x)
        altered = alteration.apply(NUMPY, i=i, f=f, o=o, g=np.tanh(x), c=x, h=standard[1], c_prev=x, h_prev=standard[1])
    return Curve(standard[0], standard[shown], altered[shown])
