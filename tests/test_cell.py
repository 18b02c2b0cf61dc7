"""The altered cell and layer against keras.layers.LSTM and against NumPy; both time loops against each other."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from reference_cell import TABLE_1, run

import lstmcs
from lstmcs.cell import Bidirectional

OWN = "c = 0.9 * c + 0.1 * softsign(g); h = maximum(h, -0.5) * softmax(c_prev + h_prev)"
X = np.random.default_rng(1).normal(size=(4, 7, 5)).astype("float32")


def filled(layer, seed=2):
    """The layer, built, with random weights of a size that makes the states move."""
    layer(X)
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=w.shape, scale=0.6).astype("float32") for w in layer.get_weights()])
    return layer


def outputs_and_gradients(layer, x=X, variables=None):
    """Outputs, and gradients of a fixed weighted sum of them with respect to the input and all weights."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        weight = np.random.default_rng(3).normal(size=y.shape).astype("float32")
        total = tf.reduce_sum(y * weight)
    return [y, *tape.gradient(total, [x, *(variables or layer.trainable_variables)])]


def assert_equal(ours, expected, tolerance=1e-5):
    assert len(ours) == len(expected)
    for a, b in zip(ours, expected):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("options", [{}, {"go_backwards": True}, {"return_sequences": True}, {"unroll": True}, {"use_bias": False},
                                     {"return_sequences": True, "go_backwards": True}, {"activation": "relu", "return_sequences": True}])  # fmt: skip
def test_none_is_keras_lstm(options):
    stock = filled(keras.layers.LSTM(6, **options))
    ours = filled(lstmcs.LSTMCS(6, "none", **options))
    ours.set_weights(stock.get_weights())
    assert_equal(outputs_and_gradients(ours), outputs_and_gradients(stock))
    stock.set_weights(filled(ours, seed=9).get_weights())  # and back
    assert_equal(outputs_and_gradients(ours), outputs_and_gradients(stock))


def test_weights_have_keras_names_shapes_and_initial_values():
    keras.utils.set_random_seed(5)
    stock = keras.layers.LSTM(6)
    stock(X)
    keras.utils.set_random_seed(5)
    ours = lstmcs.LSTMCS(6, "C-1")
    ours(X)
    assert [w.name for w in ours.weights] == [w.name for w in stock.weights] == ["kernel", "recurrent_kernel", "bias"]
    assert_equal(ours.get_weights(), stock.get_weights(), 0)


@pytest.mark.parametrize("options", [{"dropout": 0.4}, {"recurrent_dropout": 0.4}, {"dropout": 0.3, "recurrent_dropout": 0.3}])
def test_dropout_is_keras_dropout(options):
    stock, ours = keras.layers.LSTM(6, seed=7, **options), lstmcs.LSTMCS(6, seed=7, **options)
    stock(X), ours(X)
    ours.set_weights(stock.get_weights())
    for layer in (stock, ours):
        layer.cell.seed_generator.state.assign([7, 0])
    assert_equal([ours(X, training=True)], [stock(X, training=True)])
    assert ours.loop == "readable"


MASK = np.array([[1, 1, 1, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0, 0], [0, 1, 0, 1, 1, 0, 0]], bool)
INITIAL = [np.random.default_rng(k).normal(size=(4, 6)).astype("float32") for k in (1, 2)]


@pytest.mark.parametrize("options", [{}, {"return_sequences": True}, {"go_backwards": True}, {"return_sequences": True, "go_backwards": True},
                                     {"return_sequences": True, "zero_output_for_mask": True}])  # fmt: skip
@pytest.mark.parametrize("mask", [None, MASK])
def test_masks_and_states_are_keras(options, mask):
    stock, ours = (filled(layer(6, return_state=True, **options)) for layer in (keras.layers.LSTM, lstmcs.LSTMCS))
    ours.set_weights(stock.get_weights())
    for initial in (None, INITIAL):
        assert_equal(ours(X, mask=mask, initial_state=initial), stock(X, mask=mask, initial_state=initial))
    assert ours.loop == "fast"


@pytest.mark.parametrize("wrapper", [Bidirectional, keras.layers.Bidirectional])
def test_masked_bidirectional_is_keras(wrapper):
    stock = filled(keras.layers.Bidirectional(keras.layers.LSTM(6, return_sequences=True)))
    ours = filled(wrapper(lstmcs.LSTMCS(6, return_sequences=True)))
    ours.set_weights(stock.get_weights())
    assert_equal(
        *(outputs_and_gradients(lambda x, layer=layer: layer(x, mask=MASK), variables=layer.trainable_variables) for layer in (ours, stock))
    )


def test_stateful_is_keras():
    stock, ours = filled(keras.layers.LSTM(6, stateful=True)), filled(lstmcs.LSTMCS(6, stateful=True))
    ours.set_weights(stock.get_weights())
    for layer in (stock, ours):
        layer.reset_state()
    assert_equal([ours(X), ours(X)], [stock(X), stock(X)])


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("name", TABLE_1)
def test_every_alteration_equals_numpy(name, backwards):
    layer = filled(lstmcs.LSTMCS(6, name, return_sequences=True, return_state=True, go_backwards=backwards))
    h, c = run(X, layer.get_weights(), name, backwards)
    assert_equal(layer(X), [h, h[:, -1], c])


@pytest.mark.parametrize("name", [*TABLE_1, OWN])
def test_both_loops_agree(name):
    """recurrence/tensorflow.py against the readable cell in Keras' own loop: outputs, and gradients through seven steps."""
    fast = filled(lstmcs.LSTMCS(6, name, return_sequences=True))
    readable = filled(keras.layers.RNN(lstmcs.LSTMCSCell(6, name), return_sequences=True))
    assert_equal(outputs_and_gradients(fast), outputs_and_gradients(readable))
    assert fast.loop == "fast"


@pytest.mark.parametrize("name", ["none", "C-1", "H-5", OWN])
def test_bidirectional_in_one_loop_is_keras_bidirectional(name):
    ours = filled(Bidirectional(lstmcs.LSTMCS(6, name, return_sequences=True)))
    stock = filled(keras.layers.Bidirectional(lstmcs.LSTMCS(6, name, return_sequences=True)))
    assert_equal(outputs_and_gradients(ours), outputs_and_gradients(stock))
    compiled = tf.function(ours, jit_compile=True)
    assert_equal([compiled(X)], [stock(X)])
    both = [run(X, weights, name, backwards)[0] for weights, backwards in
            ((ours.get_weights()[:3], False), (ours.get_weights()[3:], True))] if name in TABLE_1 else None  # fmt: skip
    if both:
        np.testing.assert_allclose(ours(X), np.concatenate([both[0], both[1][:, ::-1]], -1), atol=1e-5)


def test_batches_and_lengths_unknown_when_built():
    layer = filled(Bidirectional(lstmcs.LSTMCS(6, "C-3", return_sequences=True)))
    graph = tf.function(layer, input_signature=[tf.TensorSpec([None, None, 5], tf.float32)])
    assert_equal([graph(X), graph(X[:2, :4])], [layer(X), layer(X[:2, :4])])


def test_no_two_alterations_are_equal():
    seen = {name: np.asarray(filled(lstmcs.LSTMCS(6, name, return_sequences=True))(X)) for name in TABLE_1}
    names = list(seen)
    for k, a in enumerate(names):
        for b in names[:k]:
            assert np.abs(seen[a] - seen[b]).max() > 1e-3, (a, b)


def test_a_c_alteration_leaves_the_present_h_alone():
    """What the paper's patch, a line between h = o * tanh(c) and the return, does: c is altered for the next step only."""
    cell, plain = lstmcs.LSTMCSCell(6, "c = c * 0"), lstmcs.LSTMCSCell(6)
    states = cell.get_initial_state(4)
    cell(X[:, 0], states), plain(X[:, 0], states)
    plain.set_weights(cell.get_weights())
    (h, [_, c]), (plain_h, _) = cell(X[:, 0], states), plain(X[:, 0], states)
    np.testing.assert_array_equal(h, plain_h)
    assert not np.asarray(c).any()


@pytest.mark.parametrize("wrapper", [Bidirectional, keras.layers.Bidirectional])
def test_both_halves_of_bidirectional_carry_the_alteration(wrapper):
    layer = wrapper(lstmcs.LSTMCS(6, OWN, return_sequences=True))
    copy = wrapper.from_config(layer.get_config())
    for half in (layer.forward_layer, layer.backward_layer, copy.forward_layer, copy.backward_layer):
        assert half.alteration == lstmcs.alteration(OWN) and half.units == 6


@pytest.mark.parametrize("name", ["none", "C-8", OWN])
def test_config_and_file_round_trip(name, tmp_path):
    layer = lstmcs.LSTMCS(6, name, return_sequences=True, go_backwards=True, dropout=0.1, use_bias=False, name="mine", dtype="float32")
    copy = lstmcs.LSTMCS.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config() and copy.alteration == layer.alteration and copy.name == "mine"
    cell = lstmcs.LSTMCSCell(6, name, implementation=1)
    assert lstmcs.LSTMCSCell.from_config(cell.get_config()).get_config() == cell.get_config()

    model = lstmcs.build_model("lstm", vocab_size=20, max_len=7, n_classes=3, alteration=name, embedding=4, units=3)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    ids = np.random.default_rng(0).integers(0, 20, (5, 7))
    np.testing.assert_array_equal(model(ids), loaded(ids))
    assert loaded.get_layer("bi_lstm_2").backward_layer.alteration == lstmcs.alteration(name)
    clone = keras.models.clone_model(model)
    assert clone.get_layer("bi_lstm_1").backward_layer.alteration == lstmcs.alteration(name)


def test_errors():
    with pytest.raises(lstmcs.FormulaError, match="unknown alteration"):
        lstmcs.LSTMCS(6, "tanh")
    with pytest.raises((TypeError, ValueError), match="unit"):
        lstmcs.LSTMCS(6, "C-1", unit=3)


# === What a Keras user writes without thinking ===


def test_arguments_and_attributes_are_keras_lstms():
    options = {
        "activation": "relu",
        "dropout": 0.1,
        "recurrent_dropout": 0.2,
        "kernel_regularizer": "l2",
        "unit_forget_bias": False,
        "seed": 3,
    }
    stock, ours = keras.layers.LSTM(6, **options), lstmcs.LSTMCS(6, **options)
    names = [name for name, value in vars(keras.layers.LSTM).items() if isinstance(value, property)]
    assert len(names) > 12
    for name in names:
        found, expected = getattr(ours, name), getattr(stock, name)
        assert found == expected or found.get_config() == expected.get_config(), name
    extra = {"input_shape": (7, 5), "use_cudnn": False, "implementation": 1, "zero_output_for_mask": True, "activity_regularizer": "l2"}
    assert keras.layers.LSTM(6, **extra).zero_output_for_mask and lstmcs.LSTMCS(6, **extra).zero_output_for_mask


def test_a_sequential_model_with_an_input_shape_is_built():
    model = keras.Sequential([lstmcs.LSTMCS(6, "C-1", input_shape=(7, 5)), keras.layers.Dense(1)])
    assert model.built and model.count_params() == 4 * 6 * (5 + 6 + 1) + 7


@pytest.mark.parametrize("wrap", [lambda layer: layer, Bidirectional, keras.layers.Bidirectional])
def test_use_cudnn_chooses_the_loop(wrap):
    def loop(use):
        layer = wrap(lstmcs.LSTMCS(6, "C-1", return_sequences=True, use_cudnn=use))
        layer(X)
        return getattr(layer, "forward_layer", layer).loop

    assert [loop(use) for use in ("auto", True, False)] == ["fast", "fast", "readable"]
    with pytest.raises(ValueError, match="use_cudnn must be"):
        lstmcs.LSTMCS(6, use_cudnn="yes")
    with pytest.raises(ValueError, match="use_cudnn=True asks for the fast loop"):
        lstmcs.LSTMCS(6, use_cudnn=True, unroll=True)(X)


@pytest.mark.parametrize("wrapper", [Bidirectional, keras.layers.Bidirectional])
def test_losses_of_both_halves_are_kept(wrapper):
    def made(wrapper, layer):
        return filled(wrapper(layer(6, return_sequences=True, activity_regularizer="l2", kernel_regularizer="l1")))

    ours, stock = made(wrapper, lstmcs.LSTMCS), made(keras.layers.Bidirectional, keras.layers.LSTM)
    ours(X), stock(X)
    assert len(ours.losses) == len(stock.losses) == 4
    assert_equal(sorted(map(float, ours.losses)), sorted(map(float, stock.losses)))


def test_a_file_of_weights_of_keras_lstm_loads(tmp_path):
    def model(layer, wrapper):
        layers = [layer(6, return_sequences=True), wrapper(layer(4, return_sequences=True)), layer(3)]
        return keras.Sequential([keras.Input((7, 5)), *layers])

    stock, ours = model(keras.layers.LSTM, keras.layers.Bidirectional), model(lstmcs.LSTMCS, Bidirectional)
    for first, second in ((stock, ours), (ours, model(lstmcs.LSTMCS, keras.layers.Bidirectional))):
        first.save_weights(tmp_path / "of.weights.h5")
        second.load_weights(tmp_path / "of.weights.h5")
        assert_equal([second(X)], [first(X)])
    other = keras.Sequential([keras.Input((7, 5)), keras.layers.GRU(6)])
    other.save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(ValueError, match="lstm_cell"):
        keras.Sequential([keras.Input((7, 5)), lstmcs.LSTMCS(6)]).load_weights(tmp_path / "other.weights.h5")


@pytest.mark.parametrize("kind", ["int32", "int64", "bool", "uint8", "float64", "float16"])
def test_input_of_any_number_is_keras(kind):
    stock, ours = filled(keras.layers.LSTM(6)), filled(lstmcs.LSTMCS(6))
    x = (X * 3).astype(kind)
    assert_equal([ours(x)], [stock(x)])
    assert ours(x).dtype == stock(x).dtype
