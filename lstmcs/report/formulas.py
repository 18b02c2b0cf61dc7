"""The formula that stands beside an id: "C-1" is c ∘ o, as plain text for pictures and as LaTeX for pages.

Ids of families.py have one; a formula of one's own is its own name, and the unaltered cell has none. The id's letter says what is
assigned, c, h or a gate, so only what it becomes is written, without the time step that all its names share. Of a pair, "C-1+H-2", both are.
"""

import re
from functools import lru_cache

from ..alterations import KNOWN
from ..families import PAIRS
from ..fold import is_reseed, label

_SIGNS = {" * ": "∘", "sigmoid": "σ"}
LONG = 24  # characters of a name in a picture


def plain(cell: str) -> str:
    """ "C-5" -> "c∘σ(o)", "C-5+H-2" -> "c∘σ(o), h∘σ(c)"; "" for what is no id."""
    lines = KNOWN[cell].formula.split("; ") if cell in KNOWN else []
    text = ", ".join(line.partition(" = ")[2] for line in lines)
    for written, sign in _SIGNS.items():
        text = text.replace(written, sign)
    return text


@lru_cache(maxsize=128)
def latex(cell: str) -> str:
    r""" "C-5" -> "c \circ \sigma(o)"; "" for what is no id."""
    lines = KNOWN[cell].latex.split(r",\quad ") if cell in KNOWN else []
    return r",\ ".join(re.sub(r"_t\b", "", line.partition(" = ")[2]) for line in lines)


def name(cell: str) -> str:
    """A cell's name at an axis: "C-1  c∘o"; a pair's formula has a line of its own, and a long formula of one's own is cut."""
    if is_reseed([cell])[0]:
        return label(cell).replace(", ", ",\n", 1)
    if cell in PAIRS:
        return f"{cell}\n{plain(cell)}"
    text = f"{cell}  {plain(cell)}".rstrip() if cell != "none" else "unaltered"
    return text if len(text) <= LONG else text[: LONG - 1] + "…"


#: An id in running text; "C-1" in "C-12", in "C-1+H-2" or in "AC-1" is none.
ID = re.compile(r"(?<![\w+-])(" + "|".join(map(re.escape, sorted(set(KNOWN) - {"none"}, key=len, reverse=True))) + r")(?![\w+-])")
