"""Families of alterations, each a table, id -> formula: the paper's Table 1, and what its conclusions leave to future work.

    table-1    the 17 of Table 1
    pairs      the 60 pairs of a current and a hidden alteration of Table 1
    pairs-12   of these the 12 with H-2: all current alterations, and the hidden one that the paper calls its best
    gates      12 adjustments of the gates i, f, o and the candidate g
    gates-6    of these the 3 of the output gate, and one of each other

Pairs. Every alteration is a line put below equation 6 of a Keras file (paper, sections 3.2 and 3.3.1), those of the current state in
the first column of Table 1. Two such lines run one after the other, the one on c first: the line on h, which reads c in all five
cases, reads the altered c, while the line on c reads the h of equation 6.

Gates. The paper "experimented with three different alterations to the output gate vector" (section 3.2) and shows none. The rule here:
each gate, and the candidate, times a bounded function of Table 1, sigmoid or tanh, of the current state (as H-2 and H-4) or of itself
(as C-6 and C-10). tanh(c_prev) is left out: c_prev is 0 before the first step, and what starts with i or g at 0 stays at 0.

The shorter families were chosen before anything of them was trained.
"""

from collections.abc import Iterable

#: Paper, Table 1: alterations of the current state (C) and of the hidden state (H).
TABLE_1: dict[str, str] = {
    "C-1": "c = c * o",
    "C-2": "c = c * h",
    "C-3": "c = c * o * h",
    "C-4": "c = c + c * h",
    "C-5": "c = c * sigmoid(o)",
    "C-6": "c = c * sigmoid(c)",
    "C-7": "c = c * sigmoid(h)",
    "C-8": "c = h * sigmoid(c)",
    "C-9": "c = c * tanh(o)",
    "C-10": "c = c * tanh(c)",
    "C-11": "c = c * tanh(h)",
    "C-12": "c = h * tanh(c)",
    "H-1": "h = c * h",
    "H-2": "h = h * sigmoid(c)",
    "H-3": "h = c * sigmoid(h)",
    "H-4": "h = h * tanh(c)",
    "H-5": "h = c * tanh(h)",
}
CURRENT, HIDDEN = ([name for name in TABLE_1 if name.startswith(state)] for state in "CH")

#: "C-1+H-2": the line of C-1, then the line of H-2.
PAIRS: dict[str, str] = {f"{one}+{other}": f"{TABLE_1[one]}; {TABLE_1[other]}" for one in CURRENT for other in HIDDEN}

#: "O-1": the output gate times the first of three factors.
GATES: dict[str, str] = {
    f"{gate.upper()}-{number}": f"{gate} = {gate} * {factor.format(gate)}"
    for gate in "oifg"
    for number, factor in enumerate(("sigmoid(c_prev)", "sigmoid({})", "tanh({})"), 1)
}

FAMILIES: dict[str, dict[str, str]] = {
    "table-1": TABLE_1,
    "pairs": PAIRS,
    "pairs-12": {name: formula for name, formula in PAIRS.items() if name.endswith("+H-2")},
    "gates": GATES,
    "gates-6": {name: GATES[name] for name in ("O-1", "O-2", "O-3", "I-1", "F-1", "G-1")},
}

MANY = 12  # so many pairs and gates stand among other rows; more have a page of their own


def apart(names: Iterable[str]) -> set[str]:
    """Those of these ids that have a page of their own: pairs and gates, where there are more than MANY of them."""
    found = {name for name in names if name in PAIRS or name in GATES}
    return found if len(found) > MANY else set()


def named(names: Iterable[str]) -> list[str]:
    """The same cells in the same order, with whole families under their names: for a command line."""
    left = list(names)
    for family, ids in FAMILIES.items():
        first = left.index(next(iter(ids))) if next(iter(ids)) in left else 0
        if left[first : first + len(ids)] == list(ids):
            left[first : first + len(ids)] = [family]
    return left


def members(name: str) -> list[str]:
    """The ids of the family of that name; any other name is its own only one."""
    return list(FAMILIES.get(name, [name]))
