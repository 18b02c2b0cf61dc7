"""The formula language on formulas and texts that nobody thought of. `LSTMCS_EXAMPLES=20000 pytest tests/test_formula_properties.py` by hand."""

import os
import re

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstmcs import Alteration, FormulaError, alteration
from lstmcs.alterations import FUNCTIONS, NAMES, NUMPY, STATES

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
statements = st.tuples(st.sampled_from(STATES), st.sampled_from(["=", " = "]), expressions).map("".join)
formulas = st.tuples(st.lists(statements, min_size=1, max_size=3), st.sampled_from(["; ", "\n", ";"])).map(lambda p: p[1].join(p[0]))


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
        assert found.state in ("c", "h", "both") and found.latex and "None" not in found.latex
        assert {line.partition(" = ")[0] for line in found.key.split("; ")} == set(re.findall(r"(?:^|[;\n])\s*([ch])\s*=", text))


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
                expected |= {name: np.broadcast_to(expected[name], (3, 4)) for name in STATES}  # a number fills its state
        except (ZeroDivisionError, OverflowError):  # of Python's own numbers; the language has NaN or has refused it
            return
        c, h = found.apply(NUMPY, **VALUES)
    for state, name in ((c, "c"), (h, "h")):
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
