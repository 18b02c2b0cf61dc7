"""The paper's cell once more, in NumPy, straight from its equations 1-6 and Table 1: the oracle of test_cell.py.

Written apart from the package: no formula text, no Keras.
"""

import numpy as np


def sigma(x):
    return 1 / (1 + np.exp(-x))


#: Table 1, (c, h, o) -> (c, h) after the alteration.
TABLE_1 = {
    "none": lambda c, h, o: (c, h),
    "C-1": lambda c, h, o: (c * o, h),
    "C-2": lambda c, h, o: (c * h, h),
    "C-3": lambda c, h, o: (c * o * h, h),
    "C-4": lambda c, h, o: (c + c * h, h),
    "C-5": lambda c, h, o: (c * sigma(o), h),
    "C-6": lambda c, h, o: (c * sigma(c), h),
    "C-7": lambda c, h, o: (c * sigma(h), h),
    "C-8": lambda c, h, o: (h * sigma(c), h),
    "C-9": lambda c, h, o: (c * np.tanh(o), h),
    "C-10": lambda c, h, o: (c * np.tanh(c), h),
    "C-11": lambda c, h, o: (c * np.tanh(h), h),
    "C-12": lambda c, h, o: (h * np.tanh(c), h),
    "H-1": lambda c, h, o: (c, c * h),
    "H-2": lambda c, h, o: (c, h * sigma(c)),
    "H-3": lambda c, h, o: (c, c * sigma(h)),
    "H-4": lambda c, h, o: (c, h * np.tanh(c)),
    "H-5": lambda c, h, o: (c, c * np.tanh(h)),
}


def run(x, weights, name, backwards=False):
    """x (batch, time, features); weights (W, U, b) with Keras' gate order i, f, c, o. Returns every h, and the last c."""
    kernel, recurrent, bias = (np.asarray(w, np.float64) for w in weights)
    units = recurrent.shape[0]
    h = c = np.zeros((x.shape[0], units))
    outputs = []
    for t in reversed(range(x.shape[1])) if backwards else range(x.shape[1]):
        z = x[:, t].astype(np.float64) @ kernel + h @ recurrent + bias
        zi, zf, zc, zo = (z[:, k * units : (k + 1) * units] for k in range(4))
        f, i, o, candidate = sigma(zf), sigma(zi), sigma(zo), np.tanh(zc)
        c = f * c + i * candidate
        h = o * np.tanh(c)
        c, h = TABLE_1[name](c, h, o)
        outputs.append(h)
    return np.stack(outputs, axis=1), c
