"""The formula language: what a formula may say, how its text is checked, and what it comes to.

    c = c * o                          a formula assigns the new states c and h,
    o = o * tanh(c_prev); c = c * o    and before them the gates i f o and the candidate g; statements run in order

Formulas are parsed with `ast` against the white lists below and interpreted node by node; no text is ever
evaluated as Python. What depends on no gate or state is a number, computed once in double precision.
"""

import ast
import math
import unicodedata
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np

from .errors import FormulaError, nearest

#: Names a formula may read: gates i f o, candidate g, new states c h, previous states. LaTeX as in the paper.
NAMES: dict[str, str] = {
    "i": "i_t", "f": "f_t", "o": "o_t", "g": r"\tilde{c}_t",
    "c": "c_t", "h": "h_t", "c_prev": "c_{t-1}", "h_prev": "h_{t-1}",
}  # fmt: skip
#: Names a formula may assign: the states, and before them the gates and the candidate.
STATES: tuple[str, ...] = ("c", "h")
VECTORS: tuple[str, ...] = ("i", "f", "o", "g")
#: Functions a formula may call, with their number of arguments (softmax runs over the units) and LaTeX.
FUNCTIONS: dict[str, tuple[int, str]] = {
    "sigmoid": (1, r"\sigma"), "tanh": (1, r"\tanh"), "relu": (1, r"\mathrm{relu}"),
    "softplus": (1, r"\mathrm{softplus}"), "softsign": (1, r"\mathrm{softsign}"),
    "softmax": (1, r"\mathrm{softmax}"), "exp": (1, r"\exp"), "abs": (1, r"\mathrm{abs}"),
    "minimum": (2, r"\min"), "maximum": (2, r"\max"), "clip": (3, r"\mathrm{clip}"),
}  # fmt: skip
OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
MAX_LENGTH = 1000  # characters
MAX_DEPTH = 40  # operations one within another


def _sigmoid(x):
    e = np.exp(-np.abs(x))  # never above 1
    return np.where(np.asarray(x) >= 0, 1, e) / (1 + e)


def _softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


#: The functions of the language for NumPy arrays and numbers, under their names in keras.ops.
NUMPY: dict[str, Callable[..., Any]] = {
    "sigmoid": _sigmoid, "tanh": np.tanh, "relu": lambda x: np.maximum(x, 0), "softplus": lambda x: np.logaddexp(0, x),
    "softsign": lambda x: x / (1 + np.abs(x)), "softmax": _softmax, "exp": np.exp, "abs": np.abs, "minimum": np.minimum,
    "maximum": np.maximum, "clip": lambda x, low, high: np.maximum(np.minimum(x, high), low), "zeros_like": np.zeros_like,
}  # fmt: skip

Statements = tuple[tuple[str, ast.expr], ...]  # the gate or state, and what it becomes


@lru_cache(maxsize=1024)
def _parse(formula: str) -> Statements:
    """Formula text -> checked statements, at least one, or FormulaError."""
    if len(formula) > MAX_LENGTH:
        raise FormulaError(f"formula of {len(formula)} characters; at most {MAX_LENGTH} are allowed: {short(formula)!r}")
    lines = formula.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    source = "\n".join(line.partition("#")[0].rstrip() for line in lines).strip()  # there are no texts a "#" could be part of
    where = f"in formula {short(formula)!r}: "
    if odd := next((mark for mark in source if not mark.isascii()), None):
        # Python reads fullwidth c as c, and Cyrillic c as another name: neither is what it looks like
        raise FormulaError(f"{where}{odd!a} ({unicodedata.name(odd, 'no name')}) is not allowed; use ASCII characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of spellings like "1if": nothing they are about is allowed
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "msg", None) or "too deeply nested, or not text"
        raise FormulaError(f"cannot read formula {short(formula)!r}: {short(reason)}") from None
    if not tree.body:
        raise FormulaError(f"{where}no statement; a formula assigns c, h or a gate, as in 'c = c * o'. The unaltered cell is 'none'")
    for statement in tree.body:
        _check_depth(statement, where)  # before anything that calls itself
    statements = tuple(_assignment(statement, source, where) for statement in tree.body)
    order = [name for name, _ in statements]
    first = next((number for number, name in enumerate(order) if name in STATES), len(order))
    if late := next((name for name in order[first:] if name in VECTORS), None):
        raise FormulaError(
            f"{where}{late} is assigned after {order[first]}; gates are altered before there is a c or an h: write them first"
        )
    return statements


def statements(formula: str) -> Statements:
    """The statements of a formula; none for "", the unaltered cell."""
    return _parse(formula) if formula else ()


def _check_depth(statement: ast.stmt, where: str) -> None:
    waiting: list[tuple[ast.AST, int]] = [(statement, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise FormulaError(f"{where}nested deeper than {MAX_DEPTH} operations; a long sum or product can be split into statements")
        leaves = ast.expr_context | ast.operator | ast.unaryop
        waiting += [(child, depth + 1) for child in ast.iter_child_nodes(node) if not isinstance(child, leaves)]


def _assignment(node: ast.stmt, source: str, where: str) -> tuple[str, ast.expr]:
    if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
        raise FormulaError(f"{where}each statement must assign c, h or a gate, as in 'c = c * o'; got {_text(node, source)!r}")
    target = node.targets[0].id
    if target not in (*STATES, *VECTORS):
        kind, near = "previous states are read only", ""
        if target not in NAMES:
            kind, near = "unknown name", nearest(target, (*STATES, *VECTORS))
        raise FormulaError(f"{where}cannot assign {short(target)!r} ({kind}){near}; only c, h and the gates i, f, o, g may be assigned")
    _check(node.value, source, where)
    if target in VECTORS and (early := next((name for name in STATES if name in _names(node.value)), None)):
        raise FormulaError(f"{where}{target} cannot read {early}, which comes after it; what it can read is {early}_prev")
    _fold(node.value, source, where)  # for its errors
    return target, node.value


def _check(node: ast.expr, source: str, where: str) -> None:
    """Raise FormulaError unless `node` is made of white-listed parts only."""

    def fail(reason: str) -> NoReturn:
        raise FormulaError(where + reason)

    match node:
        case ast.Name(id=name):
            if name in FUNCTIONS:
                fail(f"{name!r} is a function; call it, as in {name}(c)")
            if name not in NAMES:
                fail(f"unknown name {short(name)!r}{nearest(name, [*NAMES, *FUNCTIONS])}; names are {', '.join(NAMES)}")
        case ast.Constant(value=value):
            if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
                fail(f"{_text(node, source)} is not a finite number")
            digits = (ast.get_source_segment(source, node) or "").lower().partition("e")[0]
            vanished = value == 0 and any(digit in "123456789" for digit in digits)  # 1e-400
            if reason := _out_of_range(math.ulp(0.0) if vanished else float(value)):
                fail(f"{_text(node, source)} is {reason}")
        case ast.BinOp(left=left, op=op, right=right):
            if type(op) not in OPERATORS:
                fail(f"operator {type(op).__name__} is not allowed; use + - * /")
            if isinstance(op, ast.Div) and isinstance(right, ast.Constant) and right.value == 0:
                fail("division by zero")
            _check(left, source, where)
            _check(right, source, where)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            _check(operand, source, where)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            if name not in FUNCTIONS:
                fail(f"unknown function {short(name)!r}{nearest(name, FUNCTIONS)}; functions are {', '.join(FUNCTIONS)}")
            if len(args) != FUNCTIONS[name][0]:
                fail(f"{name} takes {FUNCTIONS[name][0]} argument(s), got {len(args)}")
            for arg in args:
                _check(arg, source, where)
            if name == "softmax" and not _reads_a_name(args[0]):
                fail("softmax needs a gate or a state in its argument")
        case _:
            fail(f"{type(node).__name__} is not allowed ({_text(node, source)!r}); use names, numbers, + - * / and functions")


def normal(formula: str) -> str:
    """The formula in its normal form: "c=c*(o)" is "c = c * o". Raises FormulaError for what is no formula."""
    text = "; ".join(f"{name} = {ast.unparse(value)}" for name, value in _parse(formula))
    if len(text) > MAX_LENGTH:  # what is stored must be readable again
        raise FormulaError(f"formula of {len(text)} characters in its normal form; at most {MAX_LENGTH} are allowed: {short(text)!r}")
    return text


def run(formula: str, names: tuple[str, ...], functions: Mapping[str, Callable[..., Any]], values: dict[str, Any]) -> dict[str, Any]:
    """The values of gates and states after those of the formula's statements that assign one of `names`."""
    for name, node in _folded(formula):
        if name in names:
            value = _evaluate(node, values, functions)
            if isinstance(node, ast.Constant):  # "c = 0.5": fill the shape of what it replaces
                value = functions["zeros_like"](values[name]) + value
            values[name] = value
    return values


def latex(formula: str) -> str:
    """The formula as LaTeX in the paper's notation."""
    return r",\quad ".join(f"{NAMES[name]} = {_latex(value)}" for name, value in statements(formula))


@lru_cache(maxsize=1024)
def _folded(formula: str) -> Statements:
    """The statements with each part that reads no gate or state replaced by its number."""
    return tuple((name, _fold(value, formula, "")) for name, value in statements(formula))


def _fold(node: ast.expr, source: str, where: str) -> ast.expr:
    """A checked expression with its constant parts as numbers. Raises FormulaError for a number that float32 cannot hold.

    Tensors of every dtype take a Python float at their own precision; a library's functions of numbers alone would
    give float32.
    """
    if not _reads_a_name(node):
        with np.errstate(all="ignore"):
            value = float(_evaluate(node, {}, NUMPY))
        if reason := _out_of_range(value):
            raise FormulaError(f"{where}{_text(node, source)} is {value:g}, {reason}")
        return ast.Constant(value)
    match node:
        case ast.UnaryOp(op=op, operand=operand):
            return ast.UnaryOp(op, _fold(operand, source, where))
        case ast.BinOp(left=left, op=op, right=right):
            return ast.BinOp(_fold(left, source, where), op, _fold(right, source, where))
        case ast.Call(func=ast.Name(id=name) as func, args=args):
            args = [_fold(arg, source, where) for arg in args]
            bounds = [_number(arg) for arg in args[1:] if isinstance(arg, ast.Constant)] if name == "clip" else []
            if len(bounds) == 2 and bounds[0] > bounds[1]:  # backends differ in which bound wins
                raise FormulaError(f"{where}{_text(node, source)}: the lower bound comes first, clip(x, low, high)")
            return ast.Call(func, args, [])
    return node


def _evaluate(node: ast.expr, values: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> Any:
    match node:
        case ast.Name(id=name):
            return values[name]
        case ast.Constant():
            return float(_number(node))
        case ast.UnaryOp(operand=operand):
            return -_evaluate(operand, values, functions)
        case ast.Call(func=ast.Name(id=name), args=args):
            found = [_evaluate(arg, values, functions) for arg in args]
            if name == "clip" and values and isinstance(found[0], float):  # what keras.ops clips must be a tensor
                found[0] = functions["zeros_like"](values["c_prev"]) + found[0]
            return functions[name](*found)
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
                    return a / b if values or b else math.nan  # between numbers, 1 / (2 - 2): NaN
    raise AssertionError(f"unchecked node {ast.dump(node)}")


def _latex(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return NAMES[name]
        case ast.Constant():
            return _latex_number(_number(node))
        case ast.UnaryOp(operand=operand):
            return "-" + _after_sign(operand, ast.Add, ast.Sub)
        case ast.Call(func=ast.Name(id=name), args=args):
            return f"{FUNCTIONS[name][1]}({', '.join(_latex(a) for a in args)})"
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return rf"\frac{{{_latex(left)}}}{{{_latex(right)}}}"
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            # the paper's Hadamard product; a plain number is not one
            sign = r"\circ" if _reads_a_name(left) and _reads_a_name(right) else r"\cdot"
            return f"{_bracketed(left, ast.Add, ast.Sub)} {sign} {_after_sign(right, ast.Add, ast.Sub, ast.Mult)}"
        case ast.BinOp(left=left, op=op, right=right):
            return f"{_latex(left)} {OPERATORS[type(op)]} {_after_sign(right, ast.Add, ast.Sub)}"
    raise AssertionError(f"unchecked node {ast.dump(node)}")


def _latex_number(value: int | float) -> str:
    """0.5 -> 0.5, 1e-7 -> 10^{-7}, 2.5e-7 -> 2.5 \\cdot 10^{-7}."""
    text = repr(value) if len(repr(value)) <= 16 else repr(float(value))
    digits, _, exponent = text.partition("e")
    if not exponent:
        return text
    power = f"10^{{{int(exponent)}}}"
    return power if float(digits) == 1 else rf"{digits} \cdot {power}"


def _bracketed(node: ast.expr, *kinds: type) -> str:
    inner = _latex(node)
    return f"({inner})" if isinstance(node, ast.BinOp) and isinstance(node.op, kinds) else inner


def _after_sign(node: ast.expr, *kinds: type) -> str:
    """As _bracketed, for what stands right of a sign: no second sign follows it, and a power of ten stays with its digits."""
    inner = _bracketed(node, *kinds)
    two_factors = ast.Mult in kinds and isinstance(node, ast.Constant) and r"\cdot" in inner
    return f"({inner})" if inner.startswith("-") or two_factors else inner


def _reads_a_name(node: ast.expr) -> bool:
    """Whether any gate or state occurs below `node`."""
    return bool(_names(node))


def _names(node: ast.expr) -> set[str]:
    """The gates and states below `node`; function names are none."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & set(NAMES)


def _number(node: ast.Constant) -> int | float:
    assert isinstance(node.value, int | float)  # as checked
    return node.value


def _finite(value: int | float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _out_of_range(value: float) -> str:
    """Why a number cannot be used in float32, or "". NaN can: it is what 1 / (2 - 2) shall give."""
    limits = np.finfo(np.float32)
    with np.errstate(all="ignore"):
        single = np.abs(np.float32(value))
    if np.isinf(single):
        return f"too large for float32, at most {limits.max:.3g}"
    if value and single < limits.tiny:
        return f"too small for float32, where it would be 0; at least {limits.tiny:.3g}"
    return ""


def _text(node: ast.AST, source: str) -> str:
    """What was written, for an error message; ast.unparse may fail on what is not allowed anyway."""
    return short(ast.get_source_segment(source, node) or type(node).__name__)


def short(text: str, width: int = 80) -> str:
    """A text for an error message, cut to `width` characters."""
    return text if len(text) <= width else text[: width - 3] + "..."
