"""The time loop as one kernel of a card, run here as plain JAX: against the loop of recurrence/jax.py, and against NumPy.

What this cannot show, that a card makes the same numbers of it, tests/benchmarks/card.py checks where there is one.
"""

import functools

import numpy as np
import pytest
import reference_cell
import test_recurrence_jax as plain

import lstmcs

jax = pytest.importorskip("jax", reason="JAX is not installed")
jnp = jax.numpy

from lstmcs.recurrence import jax as fast  # noqa: E402 - only where JAX is
from lstmcs.recurrence import kernel  # noqa: E402

pytestmark = pytest.mark.skipif(kernel.pallas is None, reason="this JAX has no Pallas for Triton")
GATES = ("o = o * tanh(c_prev); c = c * o", "i = sigmoid(f) + h_prev; h = h * c", "g = relu(g)")
OTHERS = (
    "c = 0.9 * c + 0.1 * softsign(g); h = maximum(h, -0.5)",
    "c = clip(c, -1, 1) / (1 + exp(h))",
    "h = softplus(c) - abs(minimum(c, h))",
)


@functools.cache
def alter(name):
    """A formula for JAX, its statements on gates included; the same object for the same formula."""
    return lstmcs.alteration(name).of(plain.JAX) if lstmcs.alteration(name).formula else None


@pytest.fixture
def on_card(monkeypatch):
    """A function that runs another by the kernel."""

    def run(function, *arguments):
        with monkeypatch.context() as patch:
            patch.setattr(kernel, "INTERPRET", True)
            fast._layer.clear_cache()
            found = function(*arguments)
        fast._layer.clear_cache()
        return found

    return run


@pytest.mark.parametrize("name", reference_cell.TABLE_1)
def test_every_alteration_equals_numpy(on_card, name):
    sequences = on_card(fast.bidirectional, plain.X, plain.weights(4), plain.weights(5), alter(name))
    forwards, _ = reference_cell.run(plain.X, plain.weights(4), name)
    backwards, _ = reference_cell.run(plain.X, plain.weights(5), name, True)
    plain.assert_equal(sequences, np.concatenate([forwards, backwards[:, ::-1]], -1))


@pytest.mark.parametrize("mask", [None, plain.MASK], ids=["no mask", "mask"])
@pytest.mark.parametrize("name", ["none", "C-11", "H-5", *GATES, *OTHERS])
def test_both_directions_and_their_gradients_are_those_of_the_loop(on_card, name, mask):
    def layer(x, one, other):
        return plain.weighted(fast.bidirectional(x, one, other, alter(name), mask))

    arguments = jnp.asarray(plain.X), plain.weights(4), plain.weights(5)
    both = jax.value_and_grad(layer, (0, 1, 2))
    plain.assert_equal(on_card(both, *arguments), both(*arguments), 2e-5)


def test_one_direction_from_a_state_and_its_gradients_are_those_of_the_loop(on_card):
    def layer(x, weights, state):
        return plain.weighted(fast.unidirectional(x, weights, alter("C-1"), state, reverse=True, mask=plain.MASK))

    arguments = jnp.asarray(plain.X), plain.weights(4), tuple(map(jnp.asarray, plain.STATE))
    both = jax.value_and_grad(layer, (0, 1, 2))
    plain.assert_equal(on_card(both, *arguments), both(*arguments), 2e-5)


def test_second_and_third_derivatives_are_those_of_the_loop(on_card):
    """By x, weights and states: of a gradient's penalty, and forwards over the gradient, once and twice."""
    arguments = jnp.asarray(plain.X), plain.weights(4), tuple(map(jnp.asarray, plain.STATE))

    def loss(x, weights, state):
        sequences, (h, c) = fast.unidirectional(x, weights, alter(GATES[0]), state, reverse=True, mask=plain.MASK)
        return plain.weighted(sequences) + jnp.sum(h * c) + jnp.sum(sequences**2)

    slope = jax.grad(loss, (0, 1, 2))

    def forwards(function):
        return lambda *arguments: jax.jvp(function, arguments, jax.tree.map(jnp.ones_like, arguments))[1]

    def penalty(*arguments):
        return sum(jnp.sum(g**2) for g in jax.tree.leaves(slope(*arguments)))

    def compiled(function):
        return jax.jit(lambda *arguments: function(*arguments))  # a new one each time: jit keeps what it compiled of a function

    for function in (jax.grad(penalty, (0, 1, 2)), forwards(slope), forwards(forwards(slope))):
        plain.assert_equal(on_card(compiled(function), *arguments), compiled(function)(*arguments), 5e-5)


def test_a_derivative_forwards_is_refused_as_by_the_loop(on_card):
    x = jnp.asarray(plain.X)
    with pytest.raises(TypeError, match="no forward-mode derivative"):
        on_card(lambda: jax.jvp(lambda x: fast.bidirectional(x, plain.weights(4), plain.weights(5)), (x,), (x,)))


def test_a_state_of_another_type_is_taken_as_the_inputs(on_card):
    """Half precision, and a mask of numbers: what the loop takes, the kernel takes."""
    state, mask = tuple(s.astype("float16") for s in plain.STATE), 0.5 * plain.MASK

    def run():
        return fast.unidirectional(plain.X, plain.weights(4), alter("C-1"), state, mask=mask)

    plain.assert_equal(on_card(run), run())


@pytest.mark.parametrize("batch, units", [(1, 1), (16, 16), (17, 20), (33, 3)])
def test_sizes_that_are_no_powers_of_two(on_card, batch, units):
    shapes = (4, 4 * units), (units, 4 * units), (4 * units,)
    one, other = (tuple(plain.normal([seed, k], *shape, scale=0.5) for k, shape in enumerate(shapes)) for seed in (1, 2))

    def layer(x, one, other):
        return plain.weighted(fast.bidirectional(x, one, other, alter("H-2")))

    arguments = jnp.asarray(plain.normal(3, batch, 3, 4)), one, other
    both = jax.value_and_grad(layer, (0, 1, 2))
    plain.assert_equal(on_card(both, *arguments), both(*arguments), 5e-5)


def test_folds_side_by_side_are_each_fold_alone(on_card):
    xs = jnp.stack([plain.X, 2 * plain.X, -plain.X])
    ones = jax.tree.map(lambda *w: jnp.stack(w), *(plain.weights(k) for k in range(3)))
    masks = jnp.stack([plain.MASK, ~plain.MASK, plain.MASK[::-1]])

    def fold(x, one, mask):
        return jax.value_and_grad(lambda x, one: plain.weighted(fast.bidirectional(x, one, one, alter("C-4"), mask)), (0, 1))(x, one)

    together = on_card(lambda: jax.vmap(fold)(xs, ones, masks))
    alone = [fold(x, jax.tree.map(lambda w, k=k: w[k], ones), mask) for k, (x, mask) in enumerate(zip(xs, masks))]
    plain.assert_equal(together, jax.tree.map(lambda *found: jnp.stack(found), *alone), 2e-5)


def test_one_fold_of_nan_leaves_the_others_as_they_are(on_card):
    x = jnp.asarray(plain.X)
    xs = jnp.stack([x, x.at[0].set(jnp.nan)])

    def run(x):
        return fast.bidirectional(x, plain.weights(4), plain.weights(5), alter("C-10"))

    good, bad = on_card(lambda: jax.vmap(run)(xs))
    plain.assert_equal(good, run(x))
    assert np.isnan(bad[0]).all() and not np.isnan(bad[1:]).any()  # rows are apart as well


@pytest.mark.parametrize(
    "name, units, dtype, taken",
    [("none", 104, "float32", True), ("C-1", 128, "float32", True), ("C-1", 129, "float32", False), ("none", 8, "float16", False),
     ("c = softmax(c)", 8, "float32", False), ("h = h * softmax(o + c_prev)", 8, "float32", False), (GATES[0], 8, "float32", True)],
)  # fmt: skip
def test_what_the_kernel_takes(monkeypatch, name, units, dtype, taken):
    monkeypatch.setattr(kernel, "INTERPRET", True)
    shapes = (4, 4 * units), (units, 4 * units), (4 * units,)
    weights = tuple(jnp.zeros(shape, dtype) for shape in shapes)
    assert kernel.takes(fast.cell, alter(name), jnp.zeros((2, 3, 4), dtype), (weights,)) is taken


def test_a_processor_has_the_loop():
    if jax.default_backend() == "cpu":
        assert not kernel.takes(fast.cell, None, jnp.asarray(plain.X), (tuple(map(jnp.asarray, plain.weights(4))),))


@pytest.mark.parametrize("name", [*reference_cell.TABLE_1, *reference_cell.GATES, "C-1+H-2", "C-12+H-5", *GATES, *OTHERS])
def test_a_formula_is_a_kernel_that_a_card_can_be_given(name):
    """As far as that can be seen without one: Pallas writes both kernels for Triton, both directions, with and without a mask."""

    def both_ways(x, weights, mask):
        state = jnp.zeros((plain.BATCH, 2, plain.UNITS))
        y, pull = jax.vjp(
            lambda x, w: kernel.run(fast._plain, fast.cell, alter(name), (False, True), x, w, state, state, mask)[0], x, weights
        )
        return pull(y)

    for mask in (None, jnp.asarray(plain.MASK, jnp.int32)):
        traced = jax.jit(both_ways).trace(plain.X, (plain.weights(4), plain.weights(5)), mask)
        try:
            text = traced.lower(lowering_platforms=("cuda",)).as_text()
        except RuntimeError as error:
            pytest.skip(f"this JAX asks for the card itself: {error}") if "No supported GPU" in str(error) else pytest.fail(str(error))
        assert text.count("__gpu$xla.gpu.triton") == 2
