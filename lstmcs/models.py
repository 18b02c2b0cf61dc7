"""The study's models, uncompiled: `build_model("lstm", ...)` is the paper's stacked Bi-LSTM (section 3.3, figure 3)."""

import difflib

import keras
from keras import layers

from .cell import LSTMCS, Bidirectional

#: The paper states no sizes. These come within 0.5 % of Table 14's total for CROWD (938,859 of 940,596 parameters).
LSTM_SIZES = {"embedding": 256, "units": 104, "dropout": 0.2}


def build_model(kind: str, *, vocab_size: int, max_len: int, n_classes: int, alteration="none", **sizes) -> keras.Model:
    """One of the study's models: int ids (batch, max_len) -> sigmoid scores (batch, n_classes), float32.

    kind: "lstm". vocab_size: number of ids, padding 0 included. alteration: see LSTMCSCell. sizes: embedding, units,
    dropout. Raises ValueError for an unknown kind or size.
    """
    if kind not in BUILDERS:
        raise ValueError(f"unknown model {kind!r}; known: {', '.join(map(repr, BUILDERS))}")
    builder, defaults = BUILDERS[kind]
    if unknown := sorted(set(sizes) - set(defaults)):
        near = difflib.get_close_matches(unknown[0], defaults, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ValueError(f"unknown size {unknown[0]!r}{hint}; {kind!r} takes {', '.join(defaults)}")
    return builder(vocab_size, max_len, n_classes, alteration, **{**defaults, **sizes})


def _lstm(vocab_size, max_len, n_classes, alteration, embedding, units, dropout):
    # === Layers ===
    embed = layers.Embedding(vocab_size, embedding, name="embedding")
    drop = layers.SpatialDropout1D(dropout, name="spatial_dropout")
    first = Bidirectional(LSTMCS(units, alteration, return_sequences=True), name="bi_lstm_1")
    second = Bidirectional(LSTMCS(units, alteration, return_sequences=True), name="bi_lstm_2")
    score = layers.Dense(n_classes, activation="sigmoid", name="scores")

    # === Functional model ===
    ids = keras.Input((max_len,), dtype="int32", name="ids")
    x = second(first(drop(embed(ids))))
    pooled = [layers.GlobalMaxPooling1D(name="max_pool")(x), layers.GlobalAveragePooling1D(name="average_pool")(x)]
    outputs = score(layers.Concatenate(name="pools")(pooled))
    return keras.Model(ids, outputs, name="lstm_cs")


BUILDERS = {"lstm": (_lstm, LSTM_SIZES)}
