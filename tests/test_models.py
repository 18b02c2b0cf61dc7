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


def test_unaltered_model_is_the_stock_model():
    sizes = {"embedding": 6, "units": 5, "dropout": 0.2}
    stock, ours = stock_model(**SHAPE, **sizes), build_model("lstm", **SHAPE, **sizes)
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


def test_parameters_come_within_half_a_percent_of_table_14():
    model = build_model("lstm", vocab_size=1459, max_len=11, n_classes=11)  # CROWD, Table 2
    assert abs(model.count_params() / 940_596 - 1) < 0.005


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("gru", {}), "unknown model 'gru'; known: 'lstm'"),
        (("lstm", {"unit": 8}), "did you mean 'units'"),
        (("lstm", {"alteration": "C-99"}), "unknown alteration"),
    ],
)
def test_errors(arguments, says):
    kind, sizes = arguments
    with pytest.raises(ValueError, match=says.replace("?", r"\?")):
        build_model(kind, **SHAPE, **sizes)
