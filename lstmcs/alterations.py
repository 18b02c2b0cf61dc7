"""Alterations of the LSTM cell: a formula of the language (language.py), and its id where it has one (families.py).

An alteration is its formula text. Its statements on the new states `c` and `h` run after the standard step of the
cell (paper, equations 1-6), as the paper's "equation seven"; those on the gates `i f o` and the candidate `g` stand in
front of them and run before equation 5, when there is no c and no h yet::

    c = c * o                          C-1 of Table 1
    h = h * sigmoid(c)                 H-2
    c = 0.9 * c; h = h + 0.1 * i * g   a formula of one's own; statements run in order
    o = o * tanh(c_prev); c = c * o    equation 6 and the second statement read the altered o

Nothing here imports TensorFlow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from . import language
from .errors import FormulaError, nearest
from .families import FAMILIES, GATES, PAIRS, TABLE_1
from .language import FUNCTIONS, NAMES, NUMPY, STATES, VECTORS, short

__all__ = [
    "ALTERATIONS", "FUNCTIONS", "KNOWN", "NAMES", "NUMPY", "STATES", "TABLE_1", "VECTORS", "Alteration", "FormulaError", "alteration"
]  # fmt: skip


@dataclass(frozen=True)
class Alteration:
    """One alteration of the cell.

    `id` is its name in tables ("C-1"; the formula itself for a formula of one's own), `formula` its text
    ("c = c * o"; empty for the unaltered cell). Two alterations are equal when their formulas are.
    """

    id: str = field(compare=False)
    formula: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.formula, str):
            raise FormulaError(f"a formula is a text, not {type(self.formula).__name__}: {short(repr(self.formula))}")
        if self.formula:
            object.__setattr__(self, "formula", language.normal(self.formula))

    def __str__(self) -> str:
        return self.id

    @property
    def key(self) -> str:
        """What is stored in a layer's config and in a record: the formula, or "none"."""
        return self.formula or "none"

    @property
    def assigned(self) -> tuple[str, ...]:
        """What the formula assigns, each name once: of i f o g and c h, in this order."""
        found = {name for name, _ in language.statements(self.formula)}
        return tuple(name for name in (*VECTORS, *STATES) if name in found)

    @property
    def state(self) -> str | None:
        """What the formula alters: "c", "h", "both" (of these), "gates" (of i f o g, and no state), "mixed" (gates and states) or None."""
        gates, states = (set(self.assigned) & set(names) for names in (VECTORS, STATES))
        if gates:
            return "mixed" if states else "gates"
        return "both" if len(states) == 2 else next(iter(states), None)

    @property
    def latex(self) -> str:
        """The formula as LaTeX in the paper's notation, e.g. ``c_t = c_t \\circ o_t``."""
        return language.latex(self.formula)

    def gates(self, functions: Mapping[str, Callable[..., Any]], **values: Any) -> tuple[Any, Any, Any, Any]:
        """Run the statements on gates: `values` holds i f o g c_prev h_prev; returns the altered (i, f, o, g), which equations 5 and 6
        and `apply` read. functions: as `apply` takes them."""
        values = language.run(self.formula, VECTORS, functions, values)
        return values["i"], values["f"], values["o"], values["g"]

    def apply(self, functions: Mapping[str, Callable[..., Any]], **values: Any) -> tuple[Any, Any]:
        """Run the statements on states: `values` holds i f o g c h c_prev h_prev; returns the altered (c, h).

        `functions` gives the functions of the language for the tensors at hand (keras.ops, `NUMPY`, ...), and
        `zeros_like`. Every result has the shape of the state it replaces.
        """
        values = language.run(self.formula, STATES, functions, values)
        return values["c"], values["h"]

    def of(self, functions: Mapping[str, Callable[..., Any]]) -> "Bound | None":
        """The alteration for the tensors at hand, as the fast loops take it; None for the unaltered cell."""
        return Bound(self, functions) if self.formula else None


@dataclass(frozen=True, eq=False)
class Bound:
    """An alteration with its functions: `apply` when it is called, and `gates`. Equal to itself alone, as any function."""

    alteration: Alteration
    functions: Mapping[str, Callable[..., Any]]

    def __call__(self, **values: Any) -> tuple[Any, Any]:
        return self.alteration.apply(self.functions, **values)

    def gates(self, **values: Any) -> tuple[Any, Any, Any, Any]:
        return self.alteration.gates(self.functions, **values)


def alteration(x: "str | Alteration") -> Alteration:
    """An id of families.py, "none", a formula or an Alteration -> Alteration. Raises FormulaError otherwise."""
    if isinstance(x, Alteration):
        return x
    if not isinstance(x, str):
        raise FormulaError(f"an alteration is an id or a formula text, not {type(x).__name__}: {short(repr(x))}")
    return _named(x.strip())


@lru_cache(maxsize=1024)  # thousands of records name the same few
def _named(text: str) -> Alteration:
    if text in KNOWN:
        return KNOWN[text]
    if "=" in text:
        own = Alteration(text, text)
        return _BY_FORMULA.get(own.formula) or Alteration(own.formula, own.formula)
    if text in FAMILIES:
        first = next(iter(FAMILIES[text]))
        raise FormulaError(f"{text!r} names {len(FAMILIES[text])} alterations; a cell has one of them, such as {first!r}")
    pair = "+".join(sorted(text.replace(" ", "").split("+")))  # "H-2 + C-1": C stands first
    near = nearest(pair if pair in KNOWN else text, [*KNOWN, *FAMILIES], 0.5)
    raise FormulaError(
        f"unknown alteration {short(text)!r}{near}. Known: 'none', 'C-1' to 'C-12', 'H-1' to 'H-5', pairs "
        f"such as 'C-1+H-2', 'O-1' to 'O-3' and so I, F and G; of a study also the families {', '.join(FAMILIES)}; "
        "a formula of your own looks like 'c = c * sigmoid(o)'"
    )


#: Every alteration with an id: the unaltered cell and Table 1, pairs, gates.
KNOWN: dict[str, Alteration] = {"none": Alteration("none")} | {
    name: Alteration(name, text) for name, text in (TABLE_1 | PAIRS | GATES).items()
}
#: The paper's: the unaltered cell and Table 1.
ALTERATIONS: dict[str, Alteration] = {name: KNOWN[name] for name in ("none", *TABLE_1)}
_BY_FORMULA = {a.formula: a for a in KNOWN.values() if a.formula}
