"""The formula language accepts exactly what it should, and executes nothing else; what it prints is what it computes."""

import random
import warnings

import numpy as np
import pytest
from reference_cell import TABLE_1, sigma
from scipy import special

from lstmcs import ALTERATIONS, Alteration, FormulaError, alteration, errors
from lstmcs.alterations import FUNCTIONS, NAMES, NUMPY

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


def test_statements_on_gates_run_in_order_before_there_is_a_state():
    item = alteration("o = o * tanh(c_prev); f = 1 - o; c = c * o; h = h + f")
    gates = {name: VALUES[name] for name in NAMES if name not in ("c", "h")}  # no c and no h: they are not asked for
    i, f, o, g = item.gates(NUMPY, **gates)
    expected = VALUES["o"] * np.tanh(VALUES["c_prev"])
    np.testing.assert_allclose([i, f, o, g], [VALUES["i"], 1 - expected, expected, VALUES["g"]])
    c, h = item.apply(NUMPY, **gates | {"f": f, "o": o, "c": VALUES["c"], "h": VALUES["h"]})
    np.testing.assert_allclose([c, h], [VALUES["c"] * expected, VALUES["h"] + 1 - expected])
    np.testing.assert_array_equal(alteration("i = 1").gates(NUMPY, **gates)[0], np.ones((3, 4)))
    np.testing.assert_array_equal(alteration("C-1").gates(NUMPY, **gates), [VALUES[name] for name in "ifog"])
    assert item.state == "mixed" and item.assigned == ("f", "o", "c", "h") and alteration("g = i").state == "gates"
    assert (
        item.latex.startswith(r"o_t = o_t \circ \tanh(c_{t-1}),\quad f_t = 1 - o_t,\quad c_t = ")
        and r"\tilde{c}_t = i_t" == alteration("g = i").latex
    )


def test_latex():
    assert alteration("C-8").latex == r"c_t = h_t \circ \sigma(c_t)"
    assert alteration("c = 0.5 * (c_prev + g) / 2; h = -(h - c)").latex == (
        r"c_t = \frac{0.5 \cdot (c_{t-1} + \tilde{c}_t)}{2},\quad h_t = -(h_t - c_t)"
    )


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("C-13", "unknown alteration 'C-13' (did you mean 'C-"),
        ("c-1", "did you mean 'C-1'?"),
        ("H-2 + C-1", "did you mean 'C-1+H-2'?"),
        ("", "unknown alteration"),
        ("c * o", "unknown alteration"),
        ("c = c * sigmiod(o)", "did you mean 'sigmoid'"),
        ("c = c * oo", "unknown name 'oo'"),
        ("i = c", "i cannot read c, which comes after it; what it can read is c_prev"),
        ("o = o * tanh(h)", "o cannot read h, which comes after it; what it can read is h_prev"),
        ("g = g\ni = 1 + abs(2 * -c) * g; c = c", "i cannot read c"),
        ("c = c * o; o = o * c_prev", "o is assigned after c; gates are altered before there is a c or an h: write them first"),
        ("o = o; h = h; c = h; f = i", "f is assigned after h"),
        ("c_prev = c", "cannot assign 'c_prev' (previous states are read only)"),
        ("sigmoid = c", "cannot assign 'sigmoid' (unknown name)"),
        ("o.real = o", "must assign c, h or a gate"),
        ("o, f = f, o", "must assign c, h or a gate"),
        ("o = __import__('os').system('touch hacked')", "is not allowed"),
        ("o = clip(o, 1, 0)", "the lower bound comes first"),
        ("C-1+H-6", "did you mean 'C-1+H-"),
        ("H-2+C-1", "unknown alteration 'H-2+C-1'"),
        ("C-1+C-2", "Known: 'none'"),
        ("O-4", "did you mean 'O-"),
        ("pair", "did you mean 'pairs'?"),
        ("pairs", "'pairs' names 60 alterations; a cell has one of them, such as 'C-1+H-1'"),
        ("x = c", "cannot assign 'x'"),
        ("c_t = c_t * o_t", "cannot assign 'c_t' (unknown name) (did you mean 'c'?)"),
        ("c = max(c, 0)", "unknown function 'max' (did you mean 'maximum'?)"),
        ("c += h = 1", "cannot read"),
        ("c += h", "must assign c, h or a gate"),
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
        ("c = " + "~" * 900 + "c", "nested deeper than 40"),
        ("c == " + "~" * 900 + "c", "nested deeper than 40"),
        ("c = " + "c+" * 490 + "c", "nested deeper than 40"),
        ("c = " + "c*" * 490 + "c", "nested deeper than 40"),
        ("c = " + "(" * 90 + "c" + "*c)" * 90, "nested deeper than 40"),
        ("c = " + "c(" * 150 + ")" * 150, "nested deeper than 40"),
        ("c = c" + ".c" * 450, "nested deeper than 40"),
        ("c=c;" * 250, "1748 characters in its normal form"),
        ("c = " + "x" * 900, "unknown name 'xxx"),
        ("x" * 900 + " = c", "cannot assign 'xxx"),
        ("c = " + "x" * 900 + "(c)", "unknown function 'xxx"),
        ("# c = 0.9 * c", "no statement"),
        ("#=\n  # c = c\n", "no statement"),
        (";", "unknown alteration"),
        ("c = c;;", "cannot read"),
        ("; c = c", "cannot read"),
        ("c = c\n\th = h", "unexpected indent"),
        ("c = '#'", "cannot read"),
        ("c = f'{c!r:\\n}'", "is not allowed"),
        ("c = 1if c else h", "IfExp is not allowed"),
        ("ｃ = c", "FULLWIDTH LATIN SMALL LETTER C"),
        ("c = ｓigmoid(c)", "FULLWIDTH LATIN SMALL LETTER S"),
        ("c = \u0441 * h", "CYRILLIC SMALL LETTER ES"),
        ("c = c \u2212 h", "MINUS SIGN"),
        ("c =\u00a0c", "NO-BREAK SPACE"),
        ("c = ²", "SUPERSCRIPT TWO"),
        ("c = c + '\ud800'", "'\\ud800' (no name)"),
        ("c = 1e400 * c", "1e400 is not a finite number"),
        ("c = 1e-400 * c", "1e-400 is too small for float32"),
        ("c = 0." + "0" * 400 + "1 * c", "is too small for float32"),
        ("c = 1e39 * c", "1e39 is too large for float32"),
        ("c = c - -3.5e38", "3.5e38 is too large for float32"),
        ("c = 1e-42 * c", "1e-42 is too small for float32"),
        ("c = 1" + "0" * 39 + " * c", "is too large for float32"),
        ("c = c * (1e30 * 1e30)", "1e30 * 1e30 is 1e+60, too large"),
        ("c = c * (1e-30 * 1e-30)", "1e-30 * 1e-30 is 1e-60, too small"),
        ("c = c * exp(1000)", "exp(1000) is inf, too large"),
        ("c = clip(c, 1, -1)", "the lower bound comes first"),
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


@pytest.mark.parametrize("formula", ["# nothing", "  ", "\n", "\t#", None, 3, ["c = c"]])
def test_a_formula_is_a_text_with_a_statement(formula):
    with pytest.raises(FormulaError):
        Alteration("mine", formula)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("c = c * o  # of the paper: ∘", "c = c * o"),
        ("# first\nc = c * o;# last", "c = c * o"),
        ("c\t=\tc * 2 ;\th = h", "c = c * 2; h = h"),
        ("c = c * 2\r\nh = h\rc = c", "c = c * 2; h = h; c = c"),
        ("c = (c\n  * o)", "c = c * o"),
        ("c = 1_000 * c + 0x10 - 0b11", "c = 1000 * c + 16 - 3"),
        ("c = 3.4e38 * c + 1.2e-38 + 0.0 + 0", "c = 3.4e+38 * c + 1.2e-38 + 0.0 + 0"),
        ("o=0.5\ni = (i * o) ;c=c*o", "o = 0.5; i = i * o; c = c * o"),
        ("g = clip(0.1, c_prev, h_prev)", "g = clip(0.1, c_prev, h_prev)"),
        ("c = " + "-" * 39 + "c", "c = " + "-" * 39 + "c"),
        ("c = " + "c + " * 39 + "c", "c = " + "c + " * 39 + "c"),
        ("c = " + "abs(" * 39 + "c" + ")" * 39, "c = " + "abs(" * 39 + "c" + ")" * 39),
    ],
)
def test_normal_form_is_read_as_itself(text, normal):
    item = alteration(text)
    assert item.key == normal and alteration(normal).key == normal and item == alteration(normal)
    assert item.latex and item.state in ("c", "h", "both", "gates", "mixed")
    assert np.shape(item.apply(NUMPY, **VALUES)) == (2, 3, 4) and np.shape(item.gates(NUMPY, **VALUES)) == (4, 3, 4)


def test_nearest():
    assert errors.nearest("sigmiod", FUNCTIONS) == " (did you mean 'sigmoid'?)" and errors.nearest("TANH", FUNCTIONS).endswith("'tanh'?)")
    assert errors.nearest("xyz", FUNCTIONS) == errors.nearest("a", []) == errors.nearest("tanhx", ["tanh"], cutoff=0.95) == ""
    assert errors.FormulaError is FormulaError


def test_numpy_functions_are_sane_at_both_ends():
    x = np.array([-1e4, -1000, -1, 0, 1, 1000, 1e4])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = {name: NUMPY[name](x) for name in ("sigmoid", "tanh", "relu", "softplus", "softsign", "softmax", "abs")}
        assert NUMPY["sigmoid"](-1000.0) == 0 and NUMPY["sigmoid"](1000.0) == 1
    np.testing.assert_allclose(found["sigmoid"], [0, 0, 1 / (1 + np.e), 0.5, np.e / (1 + np.e), 1, 1], rtol=1e-15)
    np.testing.assert_allclose(found["softplus"], [0, 0, np.log1p(1 / np.e), np.log(2), np.log1p(np.e), 1000, 1e4], rtol=1e-15)
    np.testing.assert_allclose(found["softmax"], [0, 0, 0, 0, 0, 0, 1])
    single = np.ones(2, np.float32)
    assert all(NUMPY[name](*[single] * n).dtype == np.float32 for name, (n, _) in FUNCTIONS.items())
    assert np.isnan(NUMPY["sigmoid"](np.nan))


# What a formula prints, read back. Two readers that share nothing with the package: Python's own, of the formula text, and
# SymPy's, of the LaTeX. SymPy refuses a sign after a sign, and reads 1e-07 as a product with e.

ORACLE = {
    "sigmoid": special.expit, "tanh": np.tanh, "relu": lambda x: np.where(x > 0, x, 0), "softplus": lambda x: -special.log_expit(-x),
    "softsign": lambda x: x / (1 + abs(x)), "softmax": lambda x: special.softmax(x, axis=-1), "exp": np.exp, "abs": np.abs,
    "minimum": lambda a, b: np.where(a < b, a, b), "maximum": lambda a, b: np.where(a > b, a, b),
    "clip": lambda x, low, high: np.where(x < low, low, np.where(x > high, high, x)),
}  # fmt: skip


def printed_value(latex):
    """The value of the right-hand side, read by SymPy. Names become letters that SymPy knows as symbols and functions."""
    import sympy
    from sympy.parsing.latex import parse_latex

    text = latex.split(" = ", 1)[1].replace(r"\circ", r"\cdot")
    for k, (_, printed) in enumerate(FUNCTIONS.values()):  # q: with one argument, F(x) might be a product
        text = text.replace(f"{printed}(", f"{'ABCDEFGHJKL'[k]}(q, ")
    for k, printed in sorted(enumerate(NAMES.values()), key=lambda pair: -len(pair[1])):
        text = text.replace(printed, f"x_{{{k}}}")
    read = parse_latex(text, backend="lark")
    assert isinstance(read, sympy.Expr), f"{text} can be read in several ways"
    functions = {"ABCDEFGHJKL"[k]: lambda _, *args, name=name: ORACLE[name](*args) for k, name in enumerate(FUNCTIONS)}
    symbols = [sympy.Symbol(f"x_{{{k}}}") for k in range(len(NAMES))]
    return sympy.lambdify([sympy.Symbol("q"), *symbols], read, [functions, "numpy"])(0.0, *(VALUES[name] for name in NAMES))


def assert_printed_is_computed(formula):
    item = alteration(formula)
    computed = {**dict(zip("ifog", item.gates(NUMPY, **VALUES))), **dict(zip("ch", item.apply(NUMPY, **VALUES)))}[formula[0]]
    text = formula.split(" = ", 1)[1]
    np.testing.assert_allclose(computed, np.broadcast_to(eval(text, dict(ORACLE), dict(VALUES)), (3, 4)), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(computed, np.broadcast_to(printed_value(item.latex), (3, 4)), rtol=1e-9, atol=1e-12, err_msg=item.latex)


@pytest.mark.parametrize(
    ("formula", "latex"),
    [
        ("c = c * -h", r"c_t \circ (-h_t)"),
        ("c = -c * h", r"-c_t \circ h_t"),
        ("c = o * -c * h", r"o_t \circ (-c_t) \circ h_t"),
        ("c = c - -h", "c_t - (-h_t)"),
        ("c = c + -h * o", r"c_t + (-h_t \circ o_t)"),
        ("c = -(-c)", "-(-c_t)"),
        ("c = -(c + h) * o", r"-(c_t + h_t) \circ o_t"),
        ("c = (-c + h) * o", r"(-c_t + h_t) \circ o_t"),
        ("c = -(c * -h)", r"-c_t \circ (-h_t)"),
        ("c = c * (h * o)", r"c_t \circ (h_t \circ o_t)"),
        ("c = c - (h - o)", "c_t - (h_t - o_t)"),
        ("c = c + (h - o)", "c_t + (h_t - o_t)"),
        ("c = c / (h / o)", r"\frac{c_t}{\frac{h_t}{o_t}}"),
        ("c = -c / -h", r"\frac{-c_t}{-h_t}"),
        ("c = -(c / h)", r"-\frac{c_t}{h_t}"),
        ("c = c * -2", r"c_t \cdot (-2)"),
        ("c = 1e-7 * c", r"10^{-7} \cdot c_t"),
        ("c = 2.5e-7 * c", r"2.5 \cdot 10^{-7} \cdot c_t"),
        ("c = c * 2.5e-7", r"c_t \cdot (2.5 \cdot 10^{-7})"),
        ("c = c / 2.5e-7 - -1e20", r"\frac{c_t}{2.5 \cdot 10^{-7}} - (-10^{20})"),
        ("c = c * 100000000000000000000000", r"c_t \cdot 10^{23}"),
        ("c = c * sigmoid(-2)", r"c_t \cdot \sigma(-2)"),
        ("c = clip(-c, -0.5, maximum(h, -o))", r"\mathrm{clip}(-c_t, -0.5, \max(h_t, -o_t))"),
    ],
)
def test_latex_of_signs_brackets_and_powers_of_ten(formula, latex):
    assert alteration(formula).latex == f"c_t = {latex}"
    assert_printed_is_computed(formula)


@pytest.mark.parametrize("name", [name for name in ALTERATIONS if name != "none"])
def test_latex_of_table_1_is_read_as_its_formula(name):
    assert_printed_is_computed(alteration(name).formula)


def random_expression(rng, depth):
    kind = rng.choice("+-*/~()") if depth else "leaf"
    part = lambda: random_expression(rng, depth - 1 if rng.random() < 0.7 else 0)  # noqa: E731
    if kind == "leaf":
        return rng.choice([*NAMES, *NAMES, "2", "0.5", "3.0", "1e-7", "2.5e-7", "4e5", "1e6"])
    if kind in "+-*/":
        return f"({part()}) {kind} ({part()})"
    if kind == "~":
        return f"-({part()})"
    name = rng.choice(sorted(FUNCTIONS))
    arguments = {"clip": lambda: [part(), "-0.5", "o * o"], "softmax": lambda: [f"c + {part()}"], "exp": lambda: [f"tanh({part()})"]}
    return f"{name}({', '.join(arguments.get(name, lambda: [part() for _ in range(FUNCTIONS[name][0])])())})"


@pytest.mark.parametrize("seed", range(10))
def test_latex_of_random_formulas_is_read_as_the_formula(seed):
    rng, read = random.Random(seed), 0
    while read < 30:
        formula = f"{rng.choice('chcho')} = {random_expression(rng, 3)}"
        try:
            with np.errstate(all="ignore"):
                if not np.abs(alteration(formula).apply(NUMPY, **VALUES)).max() < 1e12:  # NaN too: nothing to compare
                    continue
        except FormulaError:  # a constant part beyond float32
            continue
        assert_printed_is_computed(formula)
        read += 1


def run_cell(formula, dtype):
    """One step of the layer's cell, and of NumPy in double precision, from the gates' values at that dtype."""
    import keras

    import lstmcs

    # seeded: weights drawn anew each time make sums that cancel now and then, whose last bits are another order's
    seeded = {"kernel_initializer": keras.initializers.GlorotUniform(4), "recurrent_initializer": keras.initializers.Orthogonal(5)}
    cell = lstmcs.LSTMCSCell(3, formula, dtype=dtype, **seeded)
    rng = np.random.default_rng(4)
    x, h, c = (keras.ops.cast(rng.normal(size=(2, n)), cell.compute_dtype) for n in (5, 3, 3))
    _, (new_h, new_c) = cell(x, [h, c])
    weights = [np.asarray(keras.ops.cast(w, "float32" if "mixed" in dtype else dtype), np.float64) for w in cell.weights]
    x, h, c = (np.asarray(keras.ops.cast(t, "float64")) for t in (x, h, c))
    i, f, g, o = np.split(x @ weights[0] + h @ weights[1] + weights[2], 4, axis=-1)
    values = {"i": sigma(i), "f": sigma(f), "g": np.tanh(g), "o": sigma(o), "c_prev": c, "h_prev": h}
    values["c"] = values["f"] * c + values["i"] * values["g"]
    values["h"] = values["o"] * np.tanh(values["c"])
    expected = alteration(formula).apply(NUMPY, **values)
    assert {keras.backend.standardize_dtype(t.dtype) for t in (new_h, new_c)} == {cell.compute_dtype}
    return [np.asarray(keras.ops.cast(t, "float64")) for t in (new_c, new_h)], expected, values


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-14), ("mixed_float16", 4e-3), ("mixed_bfloat16", 3e-2)])
@pytest.mark.parametrize(
    "formula",
    [
        "c = c * sigmoid(2)",
        "c = sigmoid(2)",
        "h = h * (1 - exp(-1) / 3) + clip(5, 0, maximum(0.5, 0.25))",
        "c = clip(0.1, c, h_prev * h_prev); h = minimum(0.1, h) + maximum(o, tanh(1))",
        "c = clip(c, -abs(g), 0.3); h = 1 / (1 + abs(h)) - 0.5",
        "c = softmax(c) - softplus(0) * relu(-h) + softsign(3) * sigmoid(g)",
    ],
)
def test_constants_work_in_every_dtype(formula, dtype, tolerance):
    found, expected, _ = run_cell(formula, dtype)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def test_a_function_of_constants_is_the_number():
    (c, _), _, values = run_cell("c = c * sigmoid(2)", "float64")
    np.testing.assert_allclose(c, values["c"] * 0.8807970779778823, rtol=1e-14)
    assert np.isnan(alteration("c = c + 1 / (2 - 2)").apply(NUMPY, **VALUES)[0]).all()
    assert np.isnan(run_cell("c = c + 1 / (2 - 2)", "float32")[0][0]).all()


def test_tensors_have_every_function_of_the_language():
    import keras

    from lstmcs.cell import FUNCTIONS as TENSORS

    assert set(TENSORS) == {*FUNCTIONS, "zeros_like"} == set(NUMPY)
    x = np.random.default_rng(5).normal(size=(3, 4, 5), scale=3)
    for name, (n, _) in FUNCTIONS.items():
        np.testing.assert_allclose(keras.ops.convert_to_numpy(TENSORS[name](*x[:n])), NUMPY[name](*x[:n]), rtol=1e-5, err_msg=name)


def test_import_needs_no_tensorflow():
    import subprocess
    import sys

    code = "import sys, lstmcs, lstmcs.study.plan, lstmcs.study.records; lstmcs.alteration('C-1'); sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
