"""The formula that stands beside an id: "C-1" is c ∘ o, as plain text for pictures and as LaTeX for pages.

Ids of Table 1 alone have one; a formula of one's own is its own name, and the unaltered cell has none. The id's letter says which
state is assigned, so only what it becomes is written, without the time step that all its names share.
"""

import re
from functools import lru_cache

from ..alterations import ALTERATIONS, TABLE_1
from ..fold import is_reseed, label

_SIGNS = {" * ": "∘", "sigmoid": "σ"}
LONG = 24  # characters of a name in a picture


def plain(cell: str) -> str:
    """ "C-5" -> "c∘σ(o)"; "" for what is no id of Table 1."""
    text = TABLE_1.get(cell, "").partition(" = ")[2]
    for written, sign in _SIGNS.items():
        text = text.replace(written, sign)
    return text


@lru_cache(maxsize=64)
def latex(cell: str) -> str:
    r""" "C-5" -> "c \circ \sigma(o)"; "" for what is no id of Table 1."""
    return re.sub(r"_t\b", "", ALTERATIONS[cell].latex.partition(" = ")[2]) if cell in TABLE_1 else ""


def name(cell: str) -> str:
    """A cell's name at an axis: "C-1  c∘o"; a long formula of one's own is cut."""
    if is_reseed([cell])[0]:
        return label(cell).replace(", ", ",\n", 1)
    text = f"{cell}  {plain(cell)}".rstrip() if cell != "none" else "unaltered"
    return text if len(text) <= LONG else text[: LONG - 1] + "…"


#: An id of Table 1 in running text; "C-1" in "C-12" or in "AC-1" is none.
ID = re.compile(r"(?<![\w-])(" + "|".join(sorted(TABLE_1, key=len, reverse=True)) + r")(?![\w-])")
