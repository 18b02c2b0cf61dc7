"""Initial weights drawn by NumPy against Keras' own distributions: limits, moments, right angles, what is constant."""

import numpy as np
import pytest

from lstmcs import build_model
from lstmcs.models.initial import initial_weights

SIZES = {"vocab_size": 400, "max_len": 9, "n_classes": 5, "embedding": 48, "units": 40}


class Variable:
    def __init__(self, path, shape):
        self.path, self.shape = path, shape


@pytest.mark.parametrize("kind", ["lstm", "simple"])
def test_each_variable_has_the_distribution_that_keras_gives_it(kind):
    """Keras' model and ours: same constants, same limits; means and standard deviations within what chance allows."""
    model = build_model(kind, **SIZES)
    ours, theirs = initial_weights(model.trainable_variables, 3), model.get_weights()
    assert len(ours) == len(model.trainable_variables)
    for variable, a, b in zip(model.trainable_variables, ours, theirs):
        assert a.shape == b.shape and a.dtype == np.float32, variable.path
        if b.std() == 0 or "bias" in variable.path:
            np.testing.assert_array_equal(a, b, err_msg=variable.path)
            continue
        error = 5 * b.std() / np.sqrt(a.size)
        assert abs(a.mean() - b.mean()) < 2 * error and abs(a.std() / b.std() - 1) < 10 / np.sqrt(a.size), variable.path
        if "recurrent" not in variable.path:  # a uniform one: no value beyond the limit, and some near it
            assert abs(np.abs(a).max() / np.abs(b).max() - 1) < 0.05, variable.path


def test_recurrent_kernels_are_orthogonal_and_not_always_the_same_way():
    wide, tall, square = initial_weights([Variable("x/recurrent_kernel", s) for s in ((6, 24), (24, 6), (6, 6))], 0)
    np.testing.assert_allclose(wide @ wide.T, np.eye(6), atol=1e-6)
    np.testing.assert_allclose(tall.T @ tall, np.eye(6), atol=1e-6)
    np.testing.assert_allclose(square @ square.T, np.eye(6), atol=1e-6)
    signs = [np.sign(np.linalg.det(initial_weights([Variable("x/recurrent_kernel", (3, 3))], seed)[0])) for seed in range(60)]
    assert 15 < signs.count(1.0) < 45  # rotations and reflections alike


def test_the_same_seed_gives_the_same_weights_whatever_the_alteration():
    one, two = (build_model("lstm", **SIZES, alteration=name, seed=5).get_weights() for name in ("none", "C-4"))
    other = build_model("lstm", **SIZES, seed=6).get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(one, two))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other))


def test_a_variable_of_an_unknown_kind_is_an_error():
    with pytest.raises(ValueError, match="'x/spline'"):
        initial_weights([Variable("x/spline", (3,))], 0)
