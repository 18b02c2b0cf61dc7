"""The formula language on formulas and texts that nobody thought of. `LSTMCS_EXAMPLES=20000 pytest tests/test_formula_properties.py` by hand."""

import os
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstmcs import Alteration, FormulaError, alteration
from lstmcs.alterations import FUNCTIONS, NAMES, NUMPY, STATES, VECTORS

EXAMPLES = int(os.environ.get("LSTMCS_EXAMPLES", "0"))
hundreds = settings(
    max_examples=EXAMPLES or 200, deadline=None, derandomize=not EXAMPLES, database=None, suppress_health_check=list(HealthCheck)
)
VALUES = dict(zip(NAMES, np.random.default_rng(0).normal(size=(8, 3, 4), scale=2)))


def of_numbers(function):
    """As in the language a function of numbers alone gives a number of Python, not NumPy's, by whose 0 others can be divided."""

    def call(*arguments):
        found = function(*arguments)
        return float(found) if np.ndim(found) == 0 else found

    return call


PYTHON = {name: of_numbers(NUMPY[name]) for name in FUNCTIONS}

numbers = st.one_of(
    st.integers(0, 1000).map(str),
    st.floats(0, 1e6, allow_nan=False).map(repr),
    st.sampled_from(["1e-7", "0.0", "1e38", "1e-38", "1e39", "2.5e-45", "1_0.5", ".5", "5.", "0x1F"]),
)
spaces = st.sampled_from(["", " ", "  "])


def larger(part):
    call = st.sampled_from(sorted(FUNCTIONS)).flatmap(
        lambda name: st.tuples(*[part] * FUNCTIONS[name][0]).map(lambda arguments: f"{name}({', '.join(arguments)})")
    )
    operation = st.tuples(part, spaces, st.sampled_from("+-*/"), spaces, part).map("".join)  # no brackets: precedence decides
    return st.one_of(operation, part.map("({})".format), part.map("-{}".format), call)


expressions = st.recursive(st.one_of(st.sampled_from(sorted(NAMES)), numbers), larger, max_leaves=12)
of_gates = st.recursive(st.one_of(st.sampled_from(sorted(set(NAMES) - set(STATES))), numbers), larger, max_leaves=12)
equals, between = st.sampled_from(["=", " = "]), st.sampled_from(["; ", "\n", ";"])
statements = st.tuples(st.sampled_from(STATES), equals, expressions).map("".join)
gates = st.tuples(st.sampled_from(VECTORS), equals, of_gates).map("".join)
formulas = st.one_of(
    st.tuples(st.lists(statements, min_size=1, max_size=3), between).map(lambda p: p[1].join(p[0])),
    st.tuples(st.lists(gates, min_size=1, max_size=2), st.lists(statements, max_size=2), between).map(lambda p: p[2].join([*p[0], *p[1]])),
)
#: Gates and states in any order, each reading anything: few of them are formulas.
disordered = st.tuples(
    st.lists(st.tuples(st.sampled_from((*STATES, *VECTORS)), equals, expressions).map("".join), min_size=1, max_size=4), between
).map(lambda p: p[1].join(p[0]))


def read(make):
    """The alteration, or None for one FormulaError of one short line, and nothing else."""
    try:
        return make()
    except FormulaError as error:
        assert str(error) and len(str(error)) < 600 and "\n" not in str(error)
    return None


@hundreds
@given(formulas)
def test_what_is_printed_is_read_as_the_same(text):
    found = read(lambda: alteration(text))
    if found is not None:
        again = alteration(found.key)
        assert again == found and again.key == found.key and again.latex == found.latex and again.state == found.state
        assert found.state in ("c", "h", "both", "gates", "mixed") and found.latex and "None" not in found.latex
        assigned = {line.partition(" = ")[0] for line in found.key.split("; ")}
        assert assigned == set(re.findall(r"(?:^|[;\n])\s*([chifog])\s*=", text)) == set(found.assigned)


@hundreds
@given(disordered)
def test_gates_come_before_states_and_read_none_of_them(text):
    """By the text alone: a formula of statements in another order, or of a gate that reads a new state, is an error."""
    lines = [line.partition("=") for line in re.split("[;\n]", text)]
    order = [name.strip() in VECTORS for name, _, _ in lines]
    late = order != sorted(order, reverse=True)
    early = any(gate and set(re.findall(r"\b[ch]\b", value)) for gate, (_, _, value) in zip(order, lines))
    found = read(lambda: alteration(text))
    assert found is None or not (late or early)
    if late and not early and all(read(lambda line=line: alteration(line)) for line in re.split("[;\n]", text)):
        with pytest.raises(FormulaError, match=r"\w is assigned after [ch]; gates are altered before"):
            alteration(text)


@hundreds
@given(formulas)
def test_the_value_is_what_python_makes_of_the_text(text):
    """Python's own reader, of the text as it was written, on NumPy arrays; the functions by themselves are tested against SciPy."""
    found = read(lambda: alteration(text))
    if found is None:
        return
    expected = dict(VALUES)
    with np.errstate(all="ignore"):
        try:
            for statement in re.split("[;\n]", text):
                exec(statement.strip(), dict(PYTHON), expected)
                expected |= {name: np.broadcast_to(expected[name], (3, 4)) for name in NAMES}  # a number fills what it is assigned to
        except (ZeroDivisionError, OverflowError):  # of Python's own numbers; the language has NaN or has refused it
            return
        altered = dict(zip(VECTORS, found.gates(NUMPY, **{name: VALUES[name] for name in NAMES if name not in STATES})))
        altered |= dict(zip(STATES, found.apply(NUMPY, **VALUES | altered)))
    for name, state in altered.items():
        assert state.shape == (3, 4)
        np.testing.assert_allclose(state, expected[name], rtol=1e-12, atol=1e-300, equal_nan=True)


pieces = st.sampled_from(
    [
        *NAMES,
        *FUNCTIONS,
        *"()+-*/=;,.#\n\t\\'\"[]{}:@~^&|<>%!$?`_0123456789 ",
        "**",
        "//",
        "lambda",
        "import os",
        "é",
        "c\u0327",
        "\x00",
        "ｃ",
    ]
)
texts = st.one_of(
    st.text(max_size=60),
    st.lists(pieces, max_size=30).map("".join),
    st.lists(pieces, max_size=30).map(lambda parts: "c = " + "".join(parts)),
    st.tuples(formulas, st.integers(0, 200), st.sampled_from(["", "(", ")", "=", "/0", "\n", ";", "e9", "*", " c"])).map(
        lambda p: p[0][: p[1] % (len(p[0]) + 1)] + p[2] + p[0][p[1] % (len(p[0]) + 1) + 1 :]  # one piece of a formula lost, or in another's place
    ),
    st.tuples(st.sampled_from(["-", "(", "abs(", "~", "c+", "c**", "not ", "c.", "[", "c(", "c if "]), st.sampled_from([2, 30, 45, 90, 200, 450, 990])).map(lambda p: "c = " + p[0] * p[1] + "c"),
)  # fmt: skip


@hundreds
@given(texts)
def test_any_text_is_an_alteration_or_one_clear_error(text):
    found = read(lambda: alteration(text))
    assert found is None or (isinstance(found, Alteration) and alteration(found.key) == found)
    own = read(lambda: Alteration("mine", text))
    assert own is None or own == found or not own.formula or alteration(own.key) == own
