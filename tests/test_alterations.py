"""The formula language accepts exactly what it should, and executes nothing else."""

import numpy as np
import pytest
from reference_cell import TABLE_1, sigma

from lstmcs import ALTERATIONS, Alteration, FormulaError, alteration
from lstmcs.plots import NUMPY

VALUES = dict(zip("i f o g c h c_prev h_prev".split(), np.random.default_rng(0).normal(size=(8, 3, 4))))


def test_table_1_is_complete():
    assert list(ALTERATIONS) == ["none", *(f"C-{n}" for n in range(1, 13)), *(f"H-{n}" for n in range(1, 6))]
    assert len({a.formula for a in ALTERATIONS.values()}) == 18
    assert {a.id: a.state for a in ALTERATIONS.values()} == {n: None if n == "none" else n[0].lower() for n in ALTERATIONS}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_formula_equals_the_papers_equation(name):
    c, h = alteration(name).apply(NUMPY, **VALUES)
    expected = TABLE_1[name](VALUES["c"], VALUES["h"], VALUES["o"])
    np.testing.assert_allclose([c, h], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("c = 0.5", lambda v: (np.full((3, 4), 0.5), v["h"])),
        ("c = -c_prev + 2 * (i - f) / (1 + exp(g))", lambda v: (-v["c_prev"] + 2 * (v["i"] - v["f"]) / (1 + np.exp(v["g"])), v["h"])),
        ("c = clip(c, -1, 1)\nh = h_prev * abs(c)", lambda v: (np.clip(v["c"], -1, 1), v["h_prev"] * np.abs(np.clip(v["c"], -1, 1)))),
        ("h = maximum(h, 0) - relu(h) + minimum(c, softsign(h))", lambda v: (v["c"], np.minimum(v["c"], v["h"] / (1 + np.abs(v["h"]))))),
        ("c = softplus(c); h = softmax(h)", lambda v: (np.log1p(np.exp(v["c"])), np.exp(v["h"]) / np.exp(v["h"]).sum(-1, keepdims=True))),
        ("h = sigmoid(tanh(o))", lambda v: (v["c"], sigma(np.tanh(v["o"])))),
    ],
)
def test_own_formulas_mean_what_they_say(formula, expected):
    np.testing.assert_allclose(alteration(formula).apply(NUMPY, **VALUES), expected(VALUES), rtol=1e-12)


def test_statements_run_in_order_and_inputs_stay_untouched():
    before = {k: v.copy() for k, v in VALUES.items()}
    c, h = alteration("c = c * 2; h = h + c; c = c + 1").apply(NUMPY, **VALUES)
    np.testing.assert_allclose(h, VALUES["h"] + 2 * VALUES["c"])
    np.testing.assert_allclose(c, 2 * VALUES["c"] + 1)
    assert all((before[k] == VALUES[k]).all() for k in VALUES)


def test_the_same_formula_is_the_same_alteration():
    assert alteration("c=(c*o)") == alteration("C-1") == ALTERATIONS["C-1"]
    assert alteration("c=c*o").id == "C-1"
    assert alteration("c = c*0.5").key == alteration("c = (c * 0.5);").key == "c = c * 0.5"
    assert hash(Alteration("mine", "c = c * o")) == hash(ALTERATIONS["C-1"])
    assert alteration("none").key == "none" and alteration(ALTERATIONS["H-2"]) is ALTERATIONS["H-2"]


def test_latex():
    assert alteration("C-8").latex == r"c_t = h_t \circ \sigma(c_t)"
    assert alteration("c = 0.5 * (c_prev + g) / 2; h = -(h - c)").latex == (
        r"c_t = \frac{0.5 \cdot (c_{t-1} + \tilde{c}_t)}{2},\quad h_t = -(h_t - c_t)"
    )


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("C-13", "unknown alteration 'C-13'; nearest"),
        ("c-1", "nearest: 'C-1'"),
        ("", "unknown alteration"),
        ("c * o", "unknown alteration"),
        ("c = c * sigmiod(o)", "did you mean 'sigmoid'"),
        ("c = c * oo", "unknown name 'oo'"),
        ("i = c", "cannot assign 'i'"),
        ("x = c", "cannot assign 'x'"),
        ("c += h = 1", "cannot read"),
        ("c += h", "must assign c or h"),
        ("c, h = h, c", "must assign"),
        ("c = h = o", "must assign"),
        ("c = c.shape", "Attribute is not allowed"),
        ("c = c[0]", "Subscript is not allowed"),
        ("c = ().__class__.__bases__[0].__subclasses__()", "is not allowed"),
        ("c = __import__('os').system('touch hacked')", "is not allowed"),
        ("c = eval('1')", "unknown function 'eval'"),
        ("c = open(c)", "unknown function 'open'"),
        ("c = (lambda: c)()", "is not allowed"),
        ("c = [x for x in c]", "ListComp is not allowed"),
        ("c = c if h else o", "IfExp is not allowed"),
        ("c = f'{c}'", "JoinedStr is not allowed"),
        ("c = 'text'", "not a finite number"),
        ("c = True", "not a finite number"),
        ("c = 1j", "not a finite number"),
        ("c = 1e999", "not a finite number"),
        ("c = 1" + "0" * 400, "not a finite number"),
        ("c = c ** 9999999", "operator Pow"),
        ("c = c @ h", "operator MatMult"),
        ("c = c / 0", "division by zero"),
        ("c = sigmoid", "is a function; call it"),
        ("c = clip(c, 0)", "clip takes 3 argument(s), got 2"),
        ("c = softmax(c, axis=0)", "is not allowed"),
        ("c = softmax(1)", "softmax needs a gate or a state"),
        ("c = " + "c + " * 3000 + "c", "at most 1000"),
        ("c = " + "(" * 300 + "c" + ")" * 300, "too many nested parentheses"),
        ("c = " + "-" * 900 + "c", "nested deeper than 40"),
        ("c = " + "abs(" * 150 + "c" + ")" * 150, "nested deeper than 40"),
        ("c = c\0", "cannot read"),
        ("import os; c = c", "must assign"),
        (3, "not int"),
        (None, "not NoneType"),
        (["C-1"], "not list"),
    ],
)
def test_anything_else_is_a_clear_error(bad, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FormulaError) as error:
        alteration(bad)
    assert says in str(error.value)
    assert len(str(error.value)) < 500 and "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())  # nothing ran


def test_import_needs_no_tensorflow():
    import subprocess
    import sys

    code = "import sys, lstmcs, lstmcs.study, lstmcs.records; lstmcs.alteration('C-1'); sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
