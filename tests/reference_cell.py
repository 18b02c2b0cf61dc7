"""The paper's cell once more, in NumPy, straight from its equations 1-6 and Table 1: the oracle of test_cell.py. Pairs and gates too.

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

#: The line of the first, then that of the second.
PAIRS = {
    f"C-{k}+H-{n}": lambda c, h, o, k=k, n=n: TABLE_1[f"H-{n}"](*TABLE_1[f"C-{k}"](c, h, o), o) for k in range(1, 13) for n in range(1, 6)
}
#: (i, f, o, g, c_prev) -> (i, f, o, g) before equation 5.
GATES = {
    "O-1": lambda i, f, o, g, c: (i, f, o * sigma(c), g),
    "O-2": lambda i, f, o, g, c: (i, f, o * sigma(o), g),
    "O-3": lambda i, f, o, g, c: (i, f, o * np.tanh(o), g),
    "I-1": lambda i, f, o, g, c: (i * sigma(c), f, o, g),
    "I-2": lambda i, f, o, g, c: (i * sigma(i), f, o, g),
    "I-3": lambda i, f, o, g, c: (i * np.tanh(i), f, o, g),
    "F-1": lambda i, f, o, g, c: (i, f * sigma(c), o, g),
    "F-2": lambda i, f, o, g, c: (i, f * sigma(f), o, g),
    "F-3": lambda i, f, o, g, c: (i, f * np.tanh(f), o, g),
    "G-1": lambda i, f, o, g, c: (i, f, o, g * sigma(c)),
    "G-2": lambda i, f, o, g, c: (i, f, o, g * sigma(g)),
    "G-3": lambda i, f, o, g, c: (i, f, o, g * np.tanh(g)),
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
        if name in GATES:
            i, f, o, candidate = GATES[name](i, f, o, candidate, c)
        c = f * c + i * candidate
        h = o * np.tanh(c)
        c, h = (TABLE_1 | PAIRS)["none" if name in GATES else name](c, h, o)
        outputs.append(h)
    return np.stack(outputs, axis=1), c
