"""The stacked Bi-LSTM against the same model of stock Keras layers, and its sizes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from lstmcs import build_model

SHAPE = {"vocab_size": 30, "max_len": 9, "n_classes": 4}


def stock_model(vocab_size, max_len, n_classes, embedding, units, dropout):
    """Paper, section 3.3 and figure 3, with nothing of ours in it."""
    ids = keras.Input((max_len,), dtype="int32")
    x = layers.SpatialDropout1D(dropout)(layers.Embedding(vocab_size, embedding)(ids))
    for _ in range(2):
        x = layers.Bidirectional(layers.LSTM(units, return_sequences=True))(x)
    pools = layers.Concatenate()([layers.GlobalMaxPooling1D()(x), layers.GlobalAveragePooling1D()(x)])
    return keras.Model(ids, layers.Dense(n_classes, activation="sigmoid")(pools))


def stock_simple(vocab_size, max_len, n_classes, embedding, units, dropout, heads, head_width, feed_forward):
    """Token and position embedding, one encoder block (Vaswani et al. 2017), then the stack; nothing of ours in it."""
    ids = keras.Input((max_len,), dtype="int32")
    places = keras.ops.cumsum(keras.ops.ones_like(ids), axis=1) - 1
    x = layers.Embedding(vocab_size, embedding)(ids) + layers.Embedding(max_len, embedding)(places)
    x = layers.SpatialDropout1D(dropout)(x)
    x = layers.LayerNormalization(epsilon=1e-12)(x + layers.MultiHeadAttention(heads, head_width)(x, x))
    change = layers.Dense(embedding)(layers.Dense(feed_forward, keras.activations.gelu)(x))
    x = layers.LayerNormalization(epsilon=1e-12)(x + change)
    for _ in range(2):
        x = layers.Bidirectional(layers.LSTM(units, return_sequences=True))(x)
    pools = layers.Concatenate()([layers.GlobalMaxPooling1D()(x), layers.GlobalAveragePooling1D()(x)])
    return keras.Model(ids, layers.Dense(n_classes, activation="sigmoid")(pools))


SMALL = {"embedding": 6, "units": 5, "dropout": 0.2}
ENCODER = {"heads": 2, "head_width": 3, "feed_forward": 7}


@pytest.mark.parametrize(("kind", "build", "sizes"), [("lstm", stock_model, SMALL), ("simple", stock_simple, SMALL | ENCODER)])
def test_unaltered_model_is_the_stock_model(kind, build, sizes):
    stock, ours = build(**SHAPE, **sizes), build_model(kind, **SHAPE, **sizes)
    ours.set_weights(stock.get_weights())
    ids = np.random.default_rng(0).integers(0, 30, (8, 9))
    labels = np.random.default_rng(1).integers(0, 2, (8, 4)).astype("float32")
    found = []
    for model in (ours, stock):
        with tf.GradientTape() as tape:
            scores = model(ids)
            loss = tf.reduce_mean(keras.losses.binary_crossentropy(labels, scores))
        gradients = tape.gradient(loss, model.trainable_variables)
        found.append([scores.numpy(), *(tf.convert_to_tensor(g).numpy() for g in gradients)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_seeded_weights_are_keras_defaults_and_the_same_for_every_alteration():
    sizes = {"embedding": 40, "units": 30, "dropout": 0.2}
    keras.utils.set_random_seed(1)
    plain = [build_model("lstm", **SHAPE, **sizes, seed=7, alteration=name) for name in ("none", "C-1")]
    for a, b in zip(*(model.get_weights() for model in plain), strict=True):
        np.testing.assert_array_equal(a, b)
    other = build_model("lstm", **SHAPE, **sizes, seed=8).get_weights()
    stock = stock_model(**SHAPE, **sizes).get_weights()
    weights = plain[0].get_weights()
    for k, (a, b, c) in enumerate(zip(weights, other, stock, strict=True)):
        assert a.shape == c.shape and np.isclose(a.std(), c.std(), rtol=0.15, atol=1e-7)  # the same distributions
        assert a.ndim == 1 or not np.array_equal(a, b), k
    assert not np.array_equal(weights[1], weights[4])  # nor are the two directions alike


@pytest.mark.parametrize(("kind", "printed"), [("lstm", 940_596), ("simple", 1_194_987)])
def test_parameters_come_within_half_a_percent_of_table_14(kind, printed):
    model = build_model(kind, vocab_size=1459, max_len=11, n_classes=11)  # CROWD, Table 2
    assert abs(model.count_params() / printed - 1) < 0.005


@pytest.mark.parametrize(("kind", "name"), [("lstm", "none"), ("lstm", "C-8"), ("lstm", "H-3"), ("simple", "C-1")])
def test_masked_rows_do_not_depend_on_their_padding(kind, name):
    """Padding on either side, of any length, gives what the plain model gives for the bare row."""
    sizes = {"embedding": 6, "units": 5, "alteration": name} | (ENCODER if kind == "simple" else {})
    masked, plain = build_model(kind, **SHAPE, **sizes, padding="mask"), build_model(kind, **SHAPE | {"max_len": 4}, **sizes)
    rng = np.random.default_rng(4)
    masked.set_weights([rng.normal(scale=0.4, size=w.shape) for w in masked.get_weights()])
    positions = [4 if w.shape == (9, 6) else len(w) for w in masked.get_weights()]  # the short model has a table of four
    plain.set_weights([w[:n] for w, n in zip(masked.get_weights(), positions)])
    row = [[3, 17, 8, 29]]
    expected = plain(np.array(row))
    for before, after in ((0, 0), (5, 0), (0, 5), (2, 30)):
        np.testing.assert_allclose(masked(np.pad(row, ((0, 0), (before, after)))), expected, atol=1e-5)
    batch = np.array([[0, 0, 0, 0, 0, *row[0]], [1, 2, 3, 4, 5, 6, 7, 8, 9], [0] * 9])
    np.testing.assert_allclose(masked(batch)[:1], expected, atol=1e-5)
    assert np.isfinite(masked(batch)).all()
    fixed = build_model(kind, **SHAPE, **sizes)
    fixed.set_weights(masked.get_weights())
    assert np.abs(fixed(batch)[:1] - expected).max() > 1e-4  # the paper-faithful mode sees its padding


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("gru", {}), "unknown model 'gru'; known: 'lstm', 'simple', 'bert'"),
        (("simple", {"head": 8}), "did you mean 'heads'"),
        (("lstm", {"unit": 8}), "did you mean 'units'"),
        (("lstm", {"alteration": "C-99"}), "unknown alteration"),
        (("lstm", {"padding": "pre"}), "padding must be 'fixed' or 'mask', not 'pre'"),
    ],
)
def test_errors(arguments, says):
    kind, sizes = arguments
    with pytest.raises(ValueError, match=says.replace("?", r"\?")):
        build_model(kind, **SHAPE, **sizes)
