"""What a formula does over many steps, against the readable Keras cell and its gradients, which TensorFlow takes through all steps."""

import numpy as np
import pytest
import reference_cell
import tensorflow as tf

from lstmcs import LSTMCSCell, alteration
from lstmcs.models import dynamics

sigma = reference_cell.sigma


@pytest.mark.parametrize(
    "name", ["none", "C-4", "H-1", "C-8+H-3", "F-1", "c = maximum(c_prev, c) * i; h = softmax(h)", "o = o * tanh(c_prev); c = c * o"]
)
def test_gradient_and_states_are_those_of_the_keras_cell(name):
    """In double precision, after twelve of a hundred steps: |c|, |h|, and the gradient of each unit of h with respect to the first state."""
    found, last = dynamics.over_steps(name), 11
    cell = LSTMCSCell(dynamics.UNITS, name, dtype="float64")
    cell.build((None, dynamics.FEATURES))
    cell.set_weights(dynamics.weights())
    x = tf.constant(dynamics.noise())
    zero = tf.zeros((dynamics.ROWS, dynamics.UNITS), tf.float64)
    _, first = cell(x[0], [zero, zero])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(first)
        states = first
        for step in range(1, last + 1):
            _, states = cell(x[step], states)
        units = tf.unstack(states[0], axis=1)
    squares = sum(tf.reduce_sum(g**2, axis=1) for unit in units for g in tape.gradient(unit, first))
    assert found.gradient[last] == pytest.approx(float(tf.reduce_mean(tf.sqrt(squares / dynamics.UNITS)[: dynamics.FOLLOWED])), rel=1e-6)
    assert found.gradient[0] == pytest.approx(1)
    assert (found.h[last], found.c[last]) == pytest.approx([float(tf.reduce_mean(tf.abs(state))) for state in states], rel=1e-9)


def test_a_hundred_steps_are_those_of_the_equations():
    for name in ("none", "C-1", "H-2"):
        outputs, c = reference_cell.run(dynamics.noise(100, seed=3).swapaxes(0, 1), dynamics.weights(3), name)
        found = dynamics.over_steps(name, seed=3)
        assert (found.c[-1], found.h[-1]) == pytest.approx((np.abs(c).mean(), np.abs(outputs[:, -1]).mean()), rel=1e-9)
    assert len(dynamics.over_steps("C-1", steps=7).c) == 7
    assert not np.array_equal(dynamics.over_steps("C-1").c, found.c)


def test_a_gradient_far_below_what_a_difference_could_show_is_still_told():
    """Three digits a step and more, sixty times."""
    found = dynamics.over_steps("c = 0.001 * c; h = c")
    steep = np.diff(np.log10(found.gradient[1:60]))
    assert found.gradient[60] < 1e-100 and (steep < -2).all()


def test_a_cell_that_overflows_says_so_and_nothing_else():
    found = dynamics.over_steps("c = 1000 * c * c")
    assert not np.isfinite(found.c[-1]) and np.isfinite(dynamics.over_steps("c = 2 * c").c).all()


def test_a_curve_of_states_runs_over_c_and_one_of_gates_over_a_whole_step():
    x = np.linspace(-3, 3, 121)
    c, before, after = dynamics.one_state(alteration("C-1"), o=0.4)
    np.testing.assert_allclose([c, before, after], [x, x, 0.4 * x])
    c, before, after = dynamics.one_state(alteration("C-1+H-2"), o=0.4)
    np.testing.assert_allclose([c, before, after], [x, x, 0.4 * x])
    c, before, after = dynamics.one_state(alteration("H-2"), o=0.4)
    np.testing.assert_allclose([c, before, after], [x, h := 0.4 * np.tanh(x), h * sigma(x)])
    standard = 0.6 * x + 0.3 * np.tanh(x)  # f c_prev + i g
    for name, expected in (
        ("O-1", (0.4 * np.tanh(standard), 0.4 * sigma(x) * np.tanh(standard))),
        ("F-1", (standard, 0.6 * sigma(x) * x + 0.3 * np.tanh(x))),
        ("o = o * h_prev; c = c * o", (standard, standard * 0.4 * 0.4 * np.tanh(x))),
        ("o = 1 - o; h = h * o", (0.4 * np.tanh(standard), 0.36 * np.tanh(standard))),
    ):
        np.testing.assert_allclose(dynamics.one_state(alteration(name), i=0.3, f=0.6, o=0.4), (standard, *expected), err_msg=name)


def test_nothing_is_computed_twice():
    assert dynamics.over_steps("c = c * o") is dynamics.over_steps("C-1")
