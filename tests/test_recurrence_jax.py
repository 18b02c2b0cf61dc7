"""The fast time loop in JAX: against NumPy, against JAX's own derivative of a plain loop, and as Keras layers.

The functions need JAX alone, whatever backend Keras runs on. The layers need Keras on JAX: where it runs on TensorFlow, they are
tested in a process of their own.
"""

import functools
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import reference_cell

import lstmcs
from lstmcs import recurrence

jax = pytest.importorskip("jax", reason="JAX is not installed")
jnp = jax.numpy

from lstmcs.recurrence import jax as fast  # noqa: E402 - only where JAX is

#: The language's functions once for JAX and once for NumPy, the latter written out.
JAX = {
    "sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh, "relu": jax.nn.relu, "softplus": jax.nn.softplus, "softsign": jax.nn.soft_sign,
    "softmax": jax.nn.softmax, "exp": jnp.exp, "abs": jnp.abs, "minimum": jnp.minimum, "maximum": jnp.maximum,
    "clip": jnp.clip, "zeros_like": jnp.zeros_like,
}  # fmt: skip
NUMPY = {
    "sigmoid": reference_cell.sigma, "tanh": np.tanh, "relu": lambda x: x * (x > 0), "softplus": lambda x: np.log(1 + np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)), "softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True), "exp": np.exp,
    "abs": np.abs, "minimum": np.minimum, "maximum": np.maximum, "clip": np.clip,
}  # fmt: skip
BATCH, STEPS, WIDTH, UNITS = 4, 7, 5, 6
MASK = np.array([[1, 1, 1, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0, 0], [0, 1, 0, 1, 1, 0, 0]], bool)
OWN = "c = 0.9 * c + 0.1 * softsign(g); h = maximum(h, -0.5) * softmax(c_prev + h_prev)"


def normal(seed, *shape, scale=1.0):
    return np.random.default_rng(seed).normal(size=shape, scale=scale).astype("float32")


X = normal(1, BATCH, STEPS, WIDTH)
STATE = normal(2, BATCH, UNITS), normal(3, BATCH, UNITS)


def weights(seed):
    return tuple(normal([seed, k], *shape, scale=0.6) for k, shape in enumerate([(WIDTH, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,)]))


def random_formula(rng):
    """One or two statements of random operators and functions; a tanh around each keeps many steps of it finite."""

    def expression(depth):
        if depth == 0 or rng.random() < 0.2:
            return str(rng.choice(["i", "f", "o", "g", "c", "h", "c_prev", "h_prev", "0.7", "2"]))
        one, two = expression(depth - 1), expression(depth - 1)
        calls = [f"{name}({one})" for name in ("sigmoid", "tanh", "relu", "softplus", "softsign", "abs")]
        calls += [f"softmax({one} + g)", f"exp(-abs({one}))", f"minimum({one}, {two})", f"maximum({one}, {two})", f"clip({one}, -0.5, 1)"]
        calls += [f"({one} {sign} {two})" for sign in "+-*"] + [f"{one} / (1 + abs({two}))", f"-{one}"]
        return str(rng.choice(calls))

    targets = [["c"], ["h"], ["c", "h"]][rng.integers(3)]
    return "; ".join(f"{name} = {name} + tanh({expression(3)})" for name in targets)


RANDOM = [random_formula(np.random.default_rng(seed)) for seed in range(5)]


@functools.cache
def alter(name):
    alteration = lstmcs.alteration(name)
    return functools.partial(alteration.apply, JAX) if alteration.formula else None


def numpy_run(x, weights, formula, backwards):
    """reference_cell.run for a formula: its text is run as Python on NumPy arrays, which is what it means."""
    kernel, recurrent, bias = (np.asarray(w, np.float64) for w in weights)
    h = c = np.zeros((len(x), UNITS))
    outputs = []
    for t in reversed(range(STEPS)) if backwards else range(STEPS):
        zi, zf, zg, zo = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, -1)
        i, f, o, g = NUMPY["sigmoid"](zi), NUMPY["sigmoid"](zf), NUMPY["sigmoid"](zo), np.tanh(zg)
        new = f * c + i * g
        values = {"i": i, "f": f, "o": o, "g": g, "c": new, "h": o * np.tanh(new), "c_prev": c, "h_prev": h}
        exec(formula, dict(NUMPY), values)
        c, h = values["c"], values["h"]
        outputs.append(h)
    return np.stack(outputs, 1), c


def plain(x, weights, alter, state, reverse, mask):
    """One direction as anybody would write it: the oracle whose derivative is JAX's alone."""
    kernel, recurrent, bias = weights

    def step(state, inputs):
        (h, c), (x, keep) = state, inputs
        i, f, g, o = jnp.split(x @ kernel + h @ recurrent + bias, 4, -1)
        i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
        new_c = f * c + i * g
        new_h = o * jnp.tanh(new_c)
        if alter:
            new_c, new_h = alter(i=i, f=f, o=o, g=g, c=new_c, h=new_h, c_prev=c, h_prev=h)
        new = jnp.where(keep[:, None], new_h, h), jnp.where(keep[:, None], new_c, c)
        return new, new[0]

    mask = jnp.ones(x.shape[:2], bool) if mask is None else mask
    last, sequences = jax.lax.scan(step, state, (jnp.swapaxes(x, 0, 1), mask.T), reverse=reverse)
    return jnp.swapaxes(sequences, 0, 1), last


def weighted(tree):
    """A sum of all of a tree's numbers, each with a weight of its own: its gradient sees every one of them."""
    return sum(jnp.sum(leaf * normal(k, *leaf.shape)) for k, leaf in enumerate(jax.tree.leaves(tree)))


def assert_equal(ours, expected, tolerance=1e-5):
    ours, expected = jax.tree.leaves(ours), jax.tree.leaves(expected)
    assert len(ours) == len(expected) > 0
    for a, b in zip(ours, expected):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=tolerance, atol=tolerance)


# === The functions ===


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", reference_cell.TABLE_1)
def test_every_alteration_equals_numpy(name, reverse):
    sequences, (h, c) = fast.unidirectional(X, weights(4), alter(name), reverse=reverse)
    expected, last_c = reference_cell.run(X, weights(4), name, reverse)
    assert_equal((sequences, h, c), (expected[:, ::-1] if reverse else expected, expected[:, -1], last_c))


@pytest.mark.parametrize("formula", [OWN, *RANDOM])
def test_any_formula_equals_numpy_in_both_directions(formula):
    ours = fast.bidirectional(X, weights(4), weights(5), alter(formula))
    forward, backward = numpy_run(X, weights(4), formula, False)[0], numpy_run(X, weights(5), formula, True)[0]
    assert_equal(ours, np.concatenate([forward, backward[:, ::-1]], -1))


def results_and_slopes(layer, values):
    """What layer(*values) gives, and the gradients of a weighted sum of it by every value."""

    def loss(*values):
        results = layer(*values)
        return weighted(results), results

    (_, results), slopes = jax.jit(jax.value_and_grad(loss, tuple(range(len(values))), has_aux=True))(*values)
    return results, slopes


@pytest.mark.parametrize("mask", [None, MASK], ids=["all steps", "masked"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", ["none", "C-1", OWN])
def test_one_direction_and_its_gradients_are_those_of_a_plain_loop(name, reverse, mask):
    def ours(x, weights, state):
        return fast.unidirectional(x, weights, alter(name), state, reverse, mask)

    def expected(x, weights, state):
        return plain(x, weights, alter(name), state, reverse, mask)

    assert_equal(*(results_and_slopes(layer, (X, weights(4), STATE)) for layer in (ours, expected)))


def both(x, forward, backward, name, mask):
    zero = jnp.zeros((len(x), UNITS), x.dtype), jnp.zeros((len(x), UNITS), x.dtype)
    parts = [plain(x, w, alter(name), zero, reverse, mask)[0] for w, reverse in ((forward, False), (backward, True))]
    return jnp.concatenate(parts, -1)


@pytest.mark.parametrize("name", [*reference_cell.TABLE_1, OWN, *RANDOM])
def test_both_directions_and_their_gradients_are_those_of_two_plain_loops(name):
    def ours(x, a, b):
        return fast.bidirectional(x, a, b, alter(name), MASK)

    expected = functools.partial(both, name=name, mask=MASK)
    assert_equal(*(results_and_slopes(layer, (X, weights(4), weights(5))) for layer in (ours, expected)))


@pytest.mark.parametrize("name", ["none", OWN])
def test_vmap_over_trainings_is_one_after_the_other(name):
    """Weights, batches and masks of three folds: outputs and gradients as of three calls."""

    def loss(weights, x, mask):
        return weighted(fast.bidirectional(x, *weights, alter(name), mask))

    three = [((weights(10 + k), weights(20 + k)), normal(30 + k, *X.shape), np.roll(MASK, k, 0)) for k in range(3)]
    slopes = jax.value_and_grad(loss, (0, 1))
    together = jax.jit(jax.vmap(slopes))(*jax.tree.map(lambda *leaves: jnp.stack(leaves), *three))
    apart = [jax.jit(slopes)(*values) for values in three]
    assert_equal(together, jax.tree.map(lambda *leaves: jnp.stack(leaves), *apart))


def test_vmap_over_weights_alone():
    three = [(weights(10 + k), weights(20 + k)) for k in range(3)]
    together = jax.vmap(lambda w: fast.bidirectional(X, *w, alter("C-3"), MASK))(jax.tree.map(lambda *a: jnp.stack(a), *three))
    assert_equal(list(together), [fast.bidirectional(X, *w, alter("C-3"), MASK) for w in three])


def test_second_derivatives():
    """Hessian times vector, by two gradients and by a forward derivative of one, in double precision; and a clear refusal."""
    with jax.enable_x64(True):
        x, a, b = jax.tree.map(lambda v: jnp.asarray(v, jnp.float64), (X, weights(4), weights(5)))
        direction = jax.tree.map(jnp.ones_like, (a, b))

        def hessian_times(loss, direction):
            def slope(w):
                return sum(jnp.vdot(*pair) for pair in zip(jax.tree.leaves(jax.grad(loss)(w)), jax.tree.leaves(direction)))

            return jax.jit(jax.grad(slope))((a, b))

        def ours(w):
            return weighted(fast.bidirectional(x, *w, alter(OWN), MASK))

        expected = hessian_times(lambda w: weighted(both(x, *w, OWN, MASK)), direction)
        assert_equal(hessian_times(ours, direction), expected, 1e-9)
        assert_equal(jax.jit(lambda w: jax.jvp(jax.grad(ours), (w,), (direction,))[1])((a, b)), expected, 1e-9)
        scaled = lambda scale: ours(jax.tree.map(lambda w: scale * w, (a, b)))  # noqa: E731
        assert_equal(jax.hessian(scaled)(1.0), jax.grad(jax.grad(scaled))(1.0), 1e-9)
        with pytest.raises(TypeError, match="no forward-mode derivative"):
            jax.jvp(ours, ((a, b),), (direction,))
        with pytest.raises(TypeError, match="forward-mode"):  # JAX's own words, where it compiles what is around the layer
            jax.jit(lambda w: jax.jvp(ours, (w,), (direction,)))((a, b))


@pytest.mark.parametrize("dtype, tolerance", [("bfloat16", 0.05), ("float16", 0.01)])
def test_results_have_the_type_of_the_input(dtype, tolerance):
    x = jnp.asarray(X, dtype)
    y, gradient = jax.value_and_grad(lambda x: fast.bidirectional(x, weights(4), weights(5), alter("C-1")).astype(jnp.float32).sum())(x)
    assert gradient.dtype == x.dtype
    assert fast.unidirectional(x, weights(4))[0].dtype == x.dtype
    assert_equal(y, fast.bidirectional(X, weights(4), weights(5), alter("C-1")).sum(), 10 * tolerance)
    assert_equal(
        fast.bidirectional(x, weights(4), weights(5)).astype(jnp.float32), fast.bidirectional(X, weights(4), weights(5)), tolerance
    )


def test_one_loop_is_compiled_for_one_function_and_shape():
    before = fast._layer._cache_size()
    for _ in range(3):
        fast.bidirectional(normal(1, 2, 3, WIDTH), weights(4), weights(5), alter("C-9"))
    assert fast._layer._cache_size() == before + 1


@pytest.mark.parametrize("mask", [None, MASK], ids=["all steps", "masked"])
@pytest.mark.parametrize("name", ["none", *RANDOM[:3]])
def test_tensorflow_and_jax_agree(name, mask):
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    tensorflow = {
        "sigmoid": tf.sigmoid, "tanh": tf.tanh, "relu": tf.nn.relu, "softplus": tf.nn.softplus, "softsign": tf.nn.softsign,
        "softmax": tf.nn.softmax, "exp": tf.exp, "abs": tf.abs, "minimum": tf.minimum, "maximum": tf.maximum,
        "clip": tf.clip_by_value, "zeros_like": tf.zeros_like,
    }  # fmt: skip
    alteration = lstmcs.alteration(name)
    theirs = functools.partial(alteration.apply, tensorflow) if alteration.formula else None
    loop = recurrence.for_backend("tensorflow")
    assert_equal(
        fast.bidirectional(X, weights(4), weights(5), alter(name), mask),
        loop.bidirectional(X, weights(4), weights(5), theirs, mask).numpy(),
    )
    for reverse in (False, True):
        expected = loop.unidirectional(X, weights(4), theirs, STATE, reverse, mask)
        ours = fast.unidirectional(X, weights(4), alter(name), STATE, reverse, mask)
        assert_equal(ours, jax.tree.map(np.asarray, expected))


def test_backends_without_a_loop():
    assert recurrence.for_backend("torch") is None
    assert recurrence.for_backend("jax") is fast


# === Keras layers on JAX ===

HERE = keras.backend.backend() == "jax"
on_jax = pytest.mark.skipif(not HERE, reason="Keras runs on another backend here; see test_keras_on_jax")


@pytest.mark.skipif(HERE, reason="they are tested here")
def test_keras_on_jax():
    """All that follow, whose names have "layer" in them."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("XLA_", "TF_", "JAX_", "KERAS_", "PYTEST_"))}
    # compiling is nearly all of the time: less is made of each program
    clean |= {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_backend_optimization_level=0"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "layer", __file__]
    done = subprocess.run(command, env=clean, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0 and " passed" in done.stdout and "skipped" not in done.stdout, done.stdout[-4000:] + done.stderr[-2000:]


def filled(layer, seed=2):
    """The layer, built, with random weights of a size that makes the states move."""
    layer(X)
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=w.shape, scale=0.6).astype("float32") for w in layer.get_weights()])
    return layer


def results_and_gradients(layer, **call):
    """Outputs, and the gradients of a weighted sum of them by the input and by all weights."""

    def loss(x, trainable):
        y, _ = layer.stateless_call(trainable, [v.value for v in layer.non_trainable_variables], x, **call)
        return weighted(y), y

    slopes = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))
    (_, y), gradients = slopes(jnp.asarray(X), [v.value for v in layer.trainable_variables])
    return y, gradients


def pair(one, other):
    other.set_weights(one.get_weights())
    return one, other


OPTIONS = [{}, {"go_backwards": True}, {"return_sequences": True}, {"return_sequences": True, "go_backwards": True},
           {"return_sequences": True, "zero_output_for_mask": True}]  # fmt: skip


@on_jax
@pytest.mark.parametrize("mask", [None, MASK], ids=["all steps", "masked"])
@pytest.mark.parametrize("options", OPTIONS)
def test_the_unaltered_layer_is_keras_lstm(options, mask):
    ours, stock = pair(*(filled(layer(UNITS, return_state=True, **options)) for layer in (lstmcs.LSTMCS, keras.layers.LSTM)))
    for initial in (None, list(map(jnp.asarray, STATE))):
        assert_equal(*(results_and_gradients(layer, mask=mask, initial_state=initial) for layer in (ours, stock)))
    assert ours.loop == "fast"


@on_jax
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", ["C-1", OWN])
def test_both_loops_of_a_layer_agree(name, options):
    readable = keras.layers.RNN(lstmcs.LSTMCSCell(UNITS, name), **options)
    ours, readable = pair(filled(lstmcs.LSTMCS(UNITS, name, **options)), filled(readable))
    for mask in (None, MASK):
        assert_equal(*(results_and_gradients(layer, mask=mask) for layer in (ours, readable)))
    assert ours.loop == "fast"


@on_jax
def test_an_unrolled_layer_is_the_readable_cell():
    ours, readable = pair(filled(lstmcs.LSTMCS(UNITS, "C-8")), filled(lstmcs.LSTMCS(UNITS, "C-8", unroll=True)))
    assert_equal(*(results_and_gradients(layer) for layer in (ours, readable)))
    assert (ours.loop, readable.loop) == ("fast", "readable")


@on_jax
@pytest.mark.parametrize("name", ["C-2", "C-8", "H-5", *RANDOM[:2]])
def test_the_altered_layer_is_the_readable_cell(name):
    ours = filled(lstmcs.LSTMCS(UNITS, name, return_sequences=True))
    readable = filled(keras.layers.RNN(lstmcs.LSTMCSCell(UNITS, name), return_sequences=True))
    assert_equal(*(results_and_gradients(layer) for layer in pair(ours, readable)))


@on_jax
@pytest.mark.parametrize("mask", [None, MASK], ids=["all steps", "masked"])
@pytest.mark.parametrize("name", ["none", "C-1", OWN])
def test_the_bidirectional_layer_is_keras_bidirectional(name, mask):
    from lstmcs.cell import Bidirectional

    ours = filled(Bidirectional(lstmcs.LSTMCS(UNITS, name, return_sequences=True)))
    readable = filled(keras.layers.Bidirectional(keras.layers.RNN(lstmcs.LSTMCSCell(UNITS, name), return_sequences=True)))
    assert_equal(*(results_and_gradients(layer, mask=mask) for layer in pair(ours, readable)))
    assert ours.forward_layer.loop == ours.backward_layer.loop == "fast"


@on_jax
def test_a_stateful_layer_is_keras_lstm():
    ours, stock = pair(filled(lstmcs.LSTMCS(UNITS, stateful=True)), filled(keras.layers.LSTM(UNITS, stateful=True)))
    for layer in (ours, stock):
        layer.reset_state()
    assert_equal([ours(X), ours(X)], [stock(X), stock(X)])


@on_jax
@pytest.mark.parametrize("padding", ["fixed", "mask"])
def test_a_model_of_such_layers_trains(padding):
    """fit, compiled by Keras, with lengths unknown when built where padding is masked."""
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 20, (32, 7)) * (rng.random((32, 7)) < 0.8)
    targets = np.eye(3)[ids[:, 0] % 3]
    sizes = {"embedding": 8, "units": UNITS, "dropout": 0.0}
    model = lstmcs.build_model("lstm", vocab_size=20, max_len=7, n_classes=3, alteration="C-1", padding=padding, seed=1, **sizes)
    model.compile(keras.optimizers.Adam(3e-2), "binary_crossentropy")
    losses = model.fit(ids, targets, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]
    assert model.get_layer("bi_lstm_1").forward_layer.loop == "fast"
    assert model.predict(ids[:, :5] if padding == "mask" else ids, verbose=0).shape == (32, 3)
