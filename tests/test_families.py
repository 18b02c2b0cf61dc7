"""Families of alterations: their tables against the paper's words, and every member in both fast loops against NumPy.

The loops run op by op here, in double precision: compiling each is minutes, and test_cell.py and test_recurrence_jax.py do it for some.
"""

import shlex
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tensorflow as tf
from made_up import records_of
from reference_cell import GATES, PAIRS, run, sigma

import lstmcs
from lstmcs import ALTERATIONS, alteration, families
from lstmcs.alterations import KNOWN
from lstmcs.models import kinds
from lstmcs.recurrence import jax as on_jax
from lstmcs.recurrence import tensorflow as on_tensorflow
from lstmcs.report.pages import command
from lstmcs.stats import multiple
from lstmcs.study import archive
from lstmcs.study.plan import plan

BATCH, STEPS, WIDTH, UNITS = 2, 5, 3, 4
MIXED = "f = f * tanh(f + c_prev); g = g - 0.5 * f * h_prev; c = c * o + 0.1 * g; h = h * sigmoid(c) + f"
LOOPS = {
    "tensorflow": (on_tensorflow, tf.convert_to_tensor, {"sigmoid": tf.sigmoid, "tanh": tf.tanh}),
    "jax": (on_jax, jnp.asarray, {"sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh}),
}


def test_pairs_are_all_of_the_first_column_with_all_of_the_second():
    assert set(families.PAIRS) == {f"C-{k}+H-{n}" for k, n in product(range(1, 13), range(1, 6))} == set(PAIRS)
    assert families.PAIRS["C-1+H-2"] == "c = c * o; h = h * sigmoid(c)"
    assert alteration("C-8+H-5").formula == "c = h * sigmoid(c); h = c * tanh(h)" and alteration("C-8+H-5").state == "both"


def test_the_line_on_h_reads_the_altered_c_and_the_line_on_c_the_standard_h():
    values = dict.fromkeys("i f g c_prev h_prev".split(), 0.0) | {"o": 0.5, "c": 2.0, "h": 3.0}
    assert alteration("C-1+H-1").apply({}, **values) == (1.0, 3.0)  # c = 2 * 0.5, h = 1 * 3
    assert alteration("C-2+H-1").apply({}, **values) == (6.0, 18.0)  # c = 2 * 3, h = 6 * 3


def test_gates_are_each_vector_times_three_bounded_factors():
    written = {
        f"{v.upper()}-{n}": f"{v} = {v} * {factor}"
        for v in "oifg"
        for n, factor in ((1, "sigmoid(c_prev)"), (2, f"sigmoid({v})"), (3, f"tanh({v})"))
    }
    assert families.GATES == written and set(written) == set(GATES)
    assert {alteration(name).state for name in GATES} == {"gates"}


def test_an_id_is_found_again_from_its_formula_and_table_1_stays_alone():
    assert len(KNOWN) == 1 + 17 + 60 + 12 == len({item.formula for item in KNOWN.values()})
    assert list(ALTERATIONS) == ["none", *families.TABLE_1]
    for name, item in KNOWN.items():
        assert alteration(item.key) == item and alteration(item.key).id == name and lstmcs.alteration(name) is item
    assert alteration("c=c*o;h = h*sigmoid( c )").id == "C-1+H-2" and alteration("h = h * sigmoid(c); c = c * o").id != "C-1+H-2"


def test_a_study_takes_families_by_name():
    def cells(*names):
        return lstmcs.Settings(alterations=list(names)).alterations

    assert cells("pairs") == ("none", *families.PAIRS) and cells("gates") == ("none", *families.GATES)
    assert cells("table-1") == tuple(ALTERATIONS)
    assert cells("pairs-12") == ("none", *(f"C-{k}+H-2" for k in range(1, 13)))
    assert cells("gates-6", "C-1", "O-1") == ("none", "O-1", "O-2", "O-3", "I-1", "F-1", "G-1", "C-1")
    assert lstmcs.Settings(alterations="gates-6 pairs-12").alterations == cells("gates-6", "pairs-12")
    with pytest.raises(lstmcs.FormulaError, match=r"unknown alteration 'pairs-13' \(did you mean 'pairs-12'\?\)"):
        cells("pairs-13")
    with pytest.raises(lstmcs.FormulaError, match="'gates' names 12 alterations"):
        lstmcs.LSTMCS(3, "gates")


def test_whole_families_are_named_in_a_command_line():
    cells = lstmcs.Settings(alterations=["table-1", "c = 0.9 * c", "pairs", "gates-6", "O-1"]).alterations
    assert families.named(cells) == ["none", "table-1", "c = 0.9 * c", "pairs", "gates-6"]
    assert lstmcs.Settings(alterations=families.named(cells)).alterations == cells
    other = ["none", *families.GATES][::-1]
    assert families.named(other) == other and families.named(["C-1", "H-2"]) == ["C-1", "H-2"]  # another order, a part
    words = shlex.split(command(lstmcs.Settings(alterations=["gates", "pairs-12"]).parameters()))
    assert words[words.index("--alterations") + 1 :][:3] == ["none", "gates", "pairs-12"]


def test_simple_has_what_tables_12_and_15_show_whatever_else_is_asked():
    whole = lstmcs.Settings(alterations=["table-1", "pairs", "gates", "c = 0.9 * c"]).alterations
    assert kinds.cells("simple", whole, 0) == [("none", 0), ("C-1", 0), ("H-2", 0), ("c = 0.9 * c", 0)]
    assert kinds.cells("simple", ("none", "O-1", "C-1+H-2"), 0) == [("none", 0), ("O-1", 0), ("C-1+H-2", 0)]
    assert kinds.cells("lstm", whole, 1) == [*((name, 0) for name in whole), ("none", 1)]


def test_an_edition_keeps_formulas_and_shows_ids(tmp_path, monkeypatch):
    """Written, exported and read again: neither taken for Table 1 nor for formulas of one's own."""
    monkeypatch.setenv("LSTMCS_HOME", str(tmp_path))
    settings = lstmcs.Settings(preset="smoke", alterations=["C-1+H-2", "O-1"], folds=1, models=["lstm"])
    work = plan(settings)
    records_of(work)
    assert {fold.alteration for fold in work.folds} == {"none", "c = c * o; h = h * sigmoid(c)", "o = o * sigmoid(c_prev)"}
    archive.export(work.store, tmp_path / "edition.parquet")
    shown = plan(lstmcs.Settings(preset="smoke", folds=1, records_dir=str(tmp_path / "edition.parquet")))
    assert sorted(shown.settings.alterations) == ["C-1+H-2", "O-1", "none"]
    found = shown.results()
    assert set(found["state"]) == {"done"} and set(found["alteration"]) == {"none", "C-1+H-2", "O-1"}


def test_rows_come_in_the_order_of_table_1_pairs_gates_own_formulas_reseeds():
    mixed = ["reseed-1", "c = 0.9 * c", "G-3", "O-1", "C-12+H-5", "C-2+H-1", "C-1+H-2", "H-5", "C-10", "C-2"]
    ordered = ["C-2", "C-10", "H-5", "C-1+H-2", "C-2+H-1", "C-12+H-5", "O-1", "G-3", "c = 0.9 * c", "reseed-1"]
    assert multiple.in_order(mixed) == ordered


# === The loops ===


def weights(seed):
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=shape, scale=0.7) for shape in ((WIDTH, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,)))


X = np.random.default_rng(1).normal(size=(BATCH, STEPS, WIDTH))
WEIGHTS = weights(2), weights(3)


def expected(x, forward, backward, name):
    """The outputs of both directions, concatenated as Keras does."""
    return np.concatenate([run(x, forward, name)[0], run(x, backward, name, backwards=True)[0][:, ::-1]], -1)


@pytest.fixture(params=LOOPS)
def loop(request, monkeypatch):
    """bidirectional(x, forward, backward, name), and the gradients of a weighted sum of it by x and all weights."""
    module, tensor, functions = LOOPS[request.param]
    monkeypatch.setattr(on_tensorflow, "called", lambda function: function.python_function)

    def tensorflow(x, *pair, name):
        values = tf.nest.map_structure(tensor, (x, *pair))
        with tf.GradientTape() as tape:
            tape.watch(values)
            y = module.bidirectional(*values, alteration(name).of(functions))
            total = tf.reduce_sum(y * np.cos(np.arange(y.shape.num_elements())).reshape(y.shape))
        return y, tape.gradient(total, values)

    def jaxed(x, *pair, name):
        def total(x, *pair):
            y = module.bidirectional(x, *pair, alteration(name).of(functions))
            return jnp.sum(y * np.cos(np.arange(y.size)).reshape(y.shape)), y

        with jax.enable_x64(True), jax.disable_jit():
            (_, y), found = jax.value_and_grad(total, (0, 1, 2), has_aux=True)(*jax.tree.map(tensor, (x, *pair)))
        return y, found

    return {"tensorflow": tensorflow, "jax": jaxed}[request.param]


@pytest.mark.parametrize(
    "group", ["C-1+", "C-2+", "C-3+", "C-4+", "C-5+", "C-6+", "C-7+", "C-8+", "C-9+", "C-10+", "C-11+", "C-12+", *"OIFG"]
)
def test_every_member_equals_numpy_over_five_steps_and_so_do_its_gradients(loop, group):
    """Gradients against central differences of the NumPy cell, in a direction that moves every input and weight."""
    direction = X * 0 + np.sin(np.arange(X.size)).reshape(X.shape), *(tuple(np.cos(w * 9) for w in half) for half in WEIGHTS)
    names = [name for name in KNOWN if name.startswith(group) and name not in ALTERATIONS]
    assert len(names) in (5, 3)
    for name in names:
        y, gradients = loop(X, *WEIGHTS, name=name)
        np.testing.assert_allclose(y, expected(X, *WEIGHTS, name), rtol=1e-9, atol=1e-12, err_msg=name)
        assert np.abs(y).max() > 1e-3
        assert_slope(gradients, direction, lambda *values, name=name: expected(*values, name), name)


def assert_slope(gradients, direction, outputs, name):
    def moved(by):
        values = jax.tree.map(lambda v, d: v + by * d, (X, *WEIGHTS), direction)
        y = outputs(*values)
        return (y * np.cos(np.arange(y.size)).reshape(y.shape)).sum()

    slope = (moved(1e-5) - moved(-1e-5)) / 2e-5
    found = sum(float(np.sum(np.asarray(g) * d)) for g, d in zip(jax.tree.leaves(gradients), jax.tree.leaves(direction), strict=True))
    assert abs(slope) > 1e-3
    np.testing.assert_allclose(found, slope, rtol=1e-6, err_msg=name)


def mixed_run(x, forward, backward):
    """MIXED written out: gates before equation 5, states after equation 6."""
    halves = []
    for (kernel, recurrent, bias), order in ((forward, range(STEPS)), (backward, range(STEPS)[::-1])):
        c, h, outputs = np.zeros((BATCH, UNITS)), np.zeros((BATCH, UNITS)), {}
        for t in order:
            zi, zf, zg, zo = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, -1)
            i, f, g, o = sigma(zi), sigma(zf), np.tanh(zg), sigma(zo)
            f = f * np.tanh(f + c)
            g = g - 0.5 * f * h
            c = f * c + i * g
            h = o * np.tanh(c)
            c = c * o + 0.1 * g
            h = h * sigma(c) + f
            outputs[t] = h
        halves.append(np.stack([outputs[t] for t in range(STEPS)], 1))
    return np.concatenate(halves, -1)


def test_gates_and_states_in_one_formula(loop):
    assert alteration(MIXED).state == "mixed" and alteration(MIXED).assigned == ("f", "g", "c", "h")
    y, gradients = loop(X, *WEIGHTS, name=MIXED)
    np.testing.assert_allclose(y, mixed_run(X, *WEIGHTS), rtol=1e-9)
    direction = X * 0 + 1, *(tuple(np.cos(w * 9) for w in half) for half in WEIGHTS)
    assert_slope(gradients, direction, mixed_run, MIXED)


@pytest.mark.parametrize("name", ["O-1", "C-1+H-2", MIXED])
def test_compiled_loop_and_readable_cell_agree(name):
    import keras

    x = X.astype("float32")
    fast = lstmcs.Bidirectional(lstmcs.LSTMCS(UNITS, name, return_sequences=True))
    readable = keras.layers.Bidirectional(keras.layers.RNN(lstmcs.LSTMCSCell(UNITS, name), return_sequences=True))
    fast(x), readable(x)
    for layer in (fast, readable):
        layer.set_weights([w.astype("float32") for half in WEIGHTS for w in half])
    found = []
    for layer in (fast, readable):
        with tf.GradientTape() as tape:
            y = layer(x)
            total = tf.reduce_sum(tf.sin(3 * y))
        found.append([y, *tape.gradient(total, layer.trainable_variables)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert fast.forward_layer.loop == "fast"
    np.testing.assert_allclose(found[0][0], mixed_run(X, *WEIGHTS) if name == MIXED else expected(X, *WEIGHTS, name), rtol=1e-4, atol=1e-5)


def test_a_layer_keeps_its_formula_of_gates():
    layer = lstmcs.LSTMCS(UNITS, MIXED)
    assert lstmcs.LSTMCS.from_config(layer.get_config()).alteration == alteration(MIXED)
    assert lstmcs.LSTMCS(UNITS, "O-1").get_config()["alteration"] == "o = o * sigmoid(c_prev)"
