"""Gradients of any order, forward mode, and gradients inside TensorFlow's control flow: those of keras.layers.LSTM and of Keras' own loop.

Second order of the unaltered layer in each way of calling it, and forward mode: layer_table.py.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import lstmcs

OWN = "c = 0.9 * c + 0.1 * softsign(g); h = maximum(h, -0.5) * softplus(c_prev + h_prev)"
X = np.random.default_rng(1).normal(size=(2, 3, 4)).astype("float32")
MASK = np.array([[1, 1, 1], [1, 0, 1]], bool)
UNITS = 2


class Masked:
    """A bidirectional layer whose mask the graph computes."""

    def __init__(self, layer):
        self.layer, self.trainable_variables = layer, layer.trainable_variables

    def __call__(self, x):
        return self.layer(x, mask=tf.constant(MASK) & (x[:, :, 0] > -9))


def pair(formula):
    """Ours in its fast loop, and a layer in Keras' own loop, with the same weights; the altered ones bidirectional and masked."""
    if formula == "none":
        ours, stock = (kind(UNITS, return_sequences=True) for kind in (lstmcs.LSTMCS, keras.layers.LSTM))
    else:
        ours = lstmcs.Bidirectional(lstmcs.LSTMCS(UNITS, formula, return_sequences=True))
        stock = keras.layers.Bidirectional(keras.layers.RNN(lstmcs.LSTMCSCell(UNITS, formula), return_sequences=True))
    ours(X), stock(X)
    rng = np.random.default_rng(2)
    ours.set_weights([rng.normal(size=w.shape, scale=0.6).astype("float32") for w in ours.get_weights()])
    stock.set_weights(ours.get_weights())
    assert getattr(ours, "forward_layer", ours).loop == "fast"
    return (ours, stock) if formula == "none" else (Masked(ours), Masked(stock))


def gradients(layer, x, order=1):
    """Of the sum of squares by x and the weights; of order 2: of the sum of squares of the first by x, and so on."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = tf.reduce_sum((layer(x) if order == 1 else gradients(layer, x, order - 1)[0]) ** 2)
    return tape.gradient(value, [x, *layer.trainable_variables])


def assert_equal(found, expected, tolerance=1e-4):
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        assert np.abs(b).max() > 1e-4
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.abs(b).max())


def test_second_order_of_an_altered_masked_bidirectional_layer():
    assert_equal(*(tf.function(lambda x, f=layer: gradients(f, x, 2))(X) for layer in pair(OWN)))


def test_third_order_and_jacobian_are_keras():
    def jacobian(layer):
        x = tf.constant(X)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        return tape.jacobian(y, x)

    ours, stock = pair("none")
    assert_equal(*(tf.function(lambda x, f=layer: gradients(f, x, 3))(X) for layer in (ours, stock)), 1e-3)
    assert_equal([jacobian(ours)], [jacobian(stock)])


def test_hessian_times_vector_by_forward_mode_is_keras():
    x, direction = tf.constant(X), tf.cos(tf.constant(X))

    def product(layer):
        with tf.autodiff.ForwardAccumulator(x, direction) as accumulator:
            return accumulator.jvp(gradients(layer, x)[0])

    ours, stock = pair("none")
    assert_equal([product(ours)], [product(stock)])
    with pytest.raises(NotImplementedError, match="unroll=True"):  # Keras' own: a TypeError from within TensorFlow
        tf.function(product)(ours)


def test_one_tensor_as_both_states():
    def slopes(layer):
        state = tf.ones([2, UNITS])
        with tf.GradientTape() as outer:
            outer.watch(state)
            with tf.GradientTape() as inner:
                inner.watch(state)
                y = tf.reduce_sum(layer(X, initial_state=[state, state]) ** 2)
            first = inner.gradient(y, state)
            total = tf.reduce_sum(first**2)
        return [first, outer.gradient(total, state)]

    assert_equal(*map(slopes, pair("none")))


BRANCHES = {
    "cond": lambda f, x, zero: tf.cond(tf.reduce_sum(x) > -1e9, lambda: f(x), lambda: zero),
    "switch_case": lambda f, x, zero: tf.switch_case(tf.cast(x[0, 0, 0] > -1e9, tf.int32), [lambda: zero, lambda: f(2 * x)]),
    "while_loop": lambda f, x, zero: tf.while_loop(
        lambda k, _: k < 2, lambda k, y: (k + 1, f(x * (1 + tf.reduce_mean(y)))), (0, zero), maximum_iterations=2
    )[1],
}


@pytest.mark.parametrize(("how", "order"), [("cond", 1), ("cond", 2), ("switch_case", 1), ("while_loop", 1)])
def test_inside_control_flow_it_is_keras(how, order):
    """As in stochastic depth (tf.cond) and teacher forcing (tf.while_loop)."""

    def slopes(layer):
        def call(x):
            return BRANCHES[how](layer, x, tf.zeros([2, 3, 2 * UNITS if order == 1 else UNITS]))

        call.trainable_variables = layer.trainable_variables
        return tf.function(lambda x: gradients(call, x, order))(X)

    assert_equal(*map(slopes, pair(OWN if order == 1 else "none")), 1e-3)


def test_eager_calls_of_many_lengths_are_not_told_off(caplog):
    layer = lstmcs.LSTMCS(UNITS)
    x = np.ones((1, 7, 2), "float32")
    for steps in range(1, 8):
        layer(x[:, :steps])
    assert "retracing" not in caplog.text
