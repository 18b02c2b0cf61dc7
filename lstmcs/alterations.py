"""Alterations of the LSTM cell: the formula language, and Table 1 of the paper as a table.

An alteration is its formula text. It runs after the standard step of the cell (paper, equations 1-6)
as the paper's "equation seven" and may assign the new states `c` and `h`::

    c = c * o                          C-1 of Table 1
    h = h * sigmoid(c)                 H-2
    c = 0.9 * c; h = h + 0.1 * i * g   a formula of one's own; statements run in order

Formulas are parsed with `ast` against the white lists below and interpreted node by node; no text is ever
evaluated as Python. Nothing here imports TensorFlow.
"""

import ast
import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

#: Names a formula may read: gates i f o, candidate g, new states c h, previous states. LaTeX as in the paper.
NAMES = {
    "i": "i_t", "f": "f_t", "o": "o_t", "g": r"\tilde{c}_t",
    "c": "c_t", "h": "h_t", "c_prev": "c_{t-1}", "h_prev": "h_{t-1}",
}  # fmt: skip
#: Names a formula may assign.
STATES = ("c", "h")
#: Functions a formula may call, with their number of arguments (softmax runs over the units) and LaTeX.
FUNCTIONS = {
    "sigmoid": (1, r"\sigma"), "tanh": (1, r"\tanh"), "relu": (1, r"\mathrm{relu}"),
    "softplus": (1, r"\mathrm{softplus}"), "softsign": (1, r"\mathrm{softsign}"),
    "softmax": (1, r"\mathrm{softmax}"), "exp": (1, r"\exp"), "abs": (1, r"\mathrm{abs}"),
    "minimum": (2, r"\min"), "maximum": (2, r"\max"), "clip": (3, r"\mathrm{clip}"),
}  # fmt: skip
OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
MAX_LENGTH = 1000  # characters
MAX_DEPTH = 40  # nested operations

#: Paper, Table 1: alterations of the current state (C) and of the hidden state (H).
TABLE_1 = {
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


class FormulaError(ValueError):
    """A formula or an alteration's name that cannot be used; the message says what is wrong and what is allowed."""


@dataclass(frozen=True)
class Alteration:
    """One alteration of the cell.

    `id` is its name in tables ("C-1"; the formula itself for a formula of one's own), `formula` its text
    ("c = c * o"; empty for the unaltered cell). Two alterations are equal when their formulas are.
    """

    id: str = field(compare=False)
    formula: str = ""

    def __post_init__(self):
        if self.formula:  # normal form: "c=c*(o)" and "c = c * o" are one alteration
            object.__setattr__(self, "formula", "; ".join(ast.unparse(s) for s in _parse(self.formula)))

    def __str__(self):
        return self.id

    @property
    def key(self) -> str:
        """What is stored in a layer's config and in a record: the formula, or "none"."""
        return self.formula or "none"

    @property
    def state(self) -> str | None:
        """Which state the formula assigns: "c", "h", "both" or None."""
        assigned = {s.targets[0].id for s in _parse(self.formula)}
        return "both" if len(assigned) == 2 else next(iter(assigned), None)

    @property
    def latex(self) -> str:
        """The formula as LaTeX in the paper's notation, e.g. ``c_t = c_t \\circ o_t``."""
        return r",\quad ".join(f"{NAMES[s.targets[0].id]} = {_latex(s.value)}" for s in _parse(self.formula))

    def apply(self, functions: Mapping[str, Callable], **values):
        """Run the formula: `values` holds i f o g c h c_prev h_prev; returns the altered (c, h).

        `functions` gives the functions of the language for the tensors at hand (keras.ops, NumPy, ...), and
        `zeros_like`. Every result has the shape of the state it replaces.
        """
        for statement in _parse(self.formula):
            name = statement.targets[0].id
            value = _evaluate(statement.value, values, functions)
            if not _reads_a_name(statement.value):  # "c = 0.5": fill the state's shape
                value = functions["zeros_like"](values[name]) + value
            values[name] = value
        return values["c"], values["h"]


def alteration(x: "str | Alteration") -> Alteration:
    """An id of Table 1, "none", a formula or an Alteration -> Alteration. Raises FormulaError otherwise."""
    if isinstance(x, Alteration):
        return x
    if not isinstance(x, str):
        raise FormulaError(f"an alteration is an id or a formula text, not {type(x).__name__}: {_short(repr(x))}")
    text = x.strip()
    if text in ALTERATIONS:
        return ALTERATIONS[text]
    if "=" in text:
        own = Alteration(text, text)
        return _BY_FORMULA.get(own.formula) or Alteration(own.formula, own.formula)
    nearest = difflib.get_close_matches(text.upper(), [i.upper() for i in ALTERATIONS], n=1, cutoff=0.5)
    hint = f"; nearest: {next(i for i in ALTERATIONS if i.upper() == nearest[0])!r}" if nearest else ""
    raise FormulaError(
        f"unknown alteration {_short(text)!r}{hint}. Known: 'none', 'C-1' to 'C-12', 'H-1' to 'H-5'; "
        "a formula of your own looks like 'c = c * sigmoid(o)'"
    )


@lru_cache(maxsize=1024)
def _parse(formula: str) -> tuple[ast.Assign, ...]:
    """Formula text -> checked assignment nodes, or FormulaError."""
    if len(formula) > MAX_LENGTH:
        raise FormulaError(f"formula of {len(formula)} characters; at most {MAX_LENGTH} are allowed: {_short(formula)!r}")
    try:
        tree = ast.parse(formula.replace("\r", "\n").strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "msg", None) or "too deeply nested, or not text"
        raise FormulaError(f"cannot read formula {_short(formula)!r}: {reason}") from None
    for statement in tree.body:
        _check_assignment(statement, formula)
    return tuple(tree.body)


def _check_assignment(node: ast.stmt, formula: str) -> None:
    if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
        raise FormulaError(
            f"in formula {_short(formula)!r}: each statement must assign c or h, as in 'c = c * o'; got {_short(ast.unparse(node))!r}"
        )
    target = node.targets[0].id
    if target not in STATES:
        kind = "gates and previous states are read only" if target in NAMES else "unknown name"
        raise FormulaError(f"in formula {_short(formula)!r}: cannot assign {target!r} ({kind}); only c and h may be assigned")
    _check(node.value, formula, depth=1)


def _check(node: ast.expr, formula: str, depth: int) -> None:
    """Raise FormulaError unless `node` is made of white-listed parts only."""

    def fail(reason: str):
        raise FormulaError(f"in formula {_short(formula)!r}: {reason}")

    if depth > MAX_DEPTH:
        fail(f"nested deeper than {MAX_DEPTH} operations")
    match node:
        case ast.Name(id=name):
            if name in FUNCTIONS:
                fail(f"{name!r} is a function; call it, as in {name}(c)")
            if name not in NAMES:
                fail(f"unknown name {name!r}{_nearest(name, [*NAMES, *FUNCTIONS])}; names are {', '.join(NAMES)}")
        case ast.Constant(value=value):
            if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
                fail(f"{_short(repr(value))} is not a finite number")
        case ast.BinOp(left=left, op=op, right=right):
            if type(op) not in OPERATORS:
                fail(f"operator {type(op).__name__} is not allowed; use + - * /")
            if isinstance(op, ast.Div) and isinstance(right, ast.Constant) and right.value == 0:
                fail("division by zero")
            _check(left, formula, depth + 1)
            _check(right, formula, depth + 1)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            _check(operand, formula, depth + 1)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            if name not in FUNCTIONS:
                fail(f"unknown function {name!r}{_nearest(name, FUNCTIONS)}; functions are {', '.join(FUNCTIONS)}")
            if len(args) != FUNCTIONS[name][0]:
                fail(f"{name} takes {FUNCTIONS[name][0]} argument(s), got {len(args)}")
            for arg in args:
                _check(arg, formula, depth + 1)
            if name == "softmax" and not _reads_a_name(args[0]):
                fail("softmax needs a gate or a state in its argument")
        case _:
            fail(f"{type(node).__name__} is not allowed ({_short(ast.unparse(node))!r}); use names, numbers, + - * / and functions")


def _evaluate(node: ast.expr, values: Mapping, functions: Mapping[str, Callable]):
    match node:
        case ast.Name(id=name):
            return values[name]
        case ast.Constant(value=value):
            return float(value)
        case ast.UnaryOp(operand=operand):
            return -_evaluate(operand, values, functions)
        case ast.Call(func=ast.Name(id=name), args=args):
            return functions[name](*(_evaluate(a, values, functions) for a in args))
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _evaluate(left, values, functions), _evaluate(right, values, functions)
            match op:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.Div():
                    return a / b if _reads_a_name(node) or b else math.nan  # 1 / (2 - 2): NaN, as for tensors
    raise AssertionError(f"unchecked node {ast.dump(node)}")


def _latex(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return NAMES[name]
        case ast.Constant(value=value):
            return repr(value)
        case ast.UnaryOp(operand=operand):
            return "-" + _bracketed(operand, ast.Add, ast.Sub)
        case ast.Call(func=ast.Name(id=name), args=args):
            return f"{FUNCTIONS[name][1]}({', '.join(_latex(a) for a in args)})"
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return rf"\frac{{{_latex(left)}}}{{{_latex(right)}}}"
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            # the paper's Hadamard product; a plain number is not one
            sign = r"\circ" if _reads_a_name(left) and _reads_a_name(right) else r"\cdot"
            return f"{_bracketed(left, ast.Add, ast.Sub)} {sign} {_bracketed(right, ast.Add, ast.Sub)}"
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return f"{_latex(left)} - {_bracketed(right, ast.Add, ast.Sub)}"
        case ast.BinOp(left=left, right=right):
            return f"{_latex(left)} + {_latex(right)}"
    raise AssertionError(f"unchecked node {ast.dump(node)}")


def _bracketed(node: ast.expr, *kinds: type) -> str:
    inner = _latex(node)
    return f"({inner})" if isinstance(node, ast.BinOp) and isinstance(node.op, kinds) else inner


def _reads_a_name(node: ast.expr) -> bool:
    """Whether any gate or state occurs below `node` (function names do not count)."""
    called = {id(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)}
    return any(isinstance(n, ast.Name) and id(n) not in called for n in ast.walk(node))


def _finite(value: int | float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _nearest(name: str, known) -> str:
    match = difflib.get_close_matches(name, list(known), n=1, cutoff=0.4)
    return f" (did you mean {match[0]!r}?)" if match else ""


def _short(text: str, width: int = 80) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


ALTERATIONS = {"none": Alteration("none")} | {id: Alteration(id, formula) for id, formula in TABLE_1.items()}
_BY_FORMULA = {a.formula: a for a in ALTERATIONS.values() if a.formula}
