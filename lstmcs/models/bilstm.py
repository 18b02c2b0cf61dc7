"""The study's models, uncompiled: `build_model(kind, ...)`.

"lstm"    the paper's stacked Bi-LSTM-CS (section 3.3, figure 3)
"simple"  the paper's SIMPLE: token and position embedding and one transformer encoder block in front of the same stack
"bert"    a pre-trained BERT with the paper's head (transformer.py)
"""

import keras
from keras import layers

from ..alterations import Alteration
from ..alterations import alteration as as_alteration
from ..cell import LSTMCS, Bidirectional
from ..errors import SettingsError, missing, nearest
from . import checkpoints, kinds, transformer
from .initial import initial_weights
from .layers import AddPositions, MaskedPools

DEFAULT = "google-bert/bert-base-uncased"


def build_model(
    kind: str, *, n_classes: int, vocab_size: int | None = None, max_len: int | None = None,
    alteration: str | Alteration = "none", padding: str = "fixed", checkpoint: str | dict = DEFAULT, seed: int | None = None,
    **sizes: float,
) -> keras.Model:  # fmt: skip
    """One of the study's models: int ids (batch, max_len) -> sigmoid scores (batch, n_classes), float32.

    kind: "lstm", "simple" or "bert". vocab_size: number of ids, padding 0 included. alteration: see LSTMCSCell. padding:
    "fixed" treats padding as the paper does, as one more token; "mask" lets it change no state and enter no pool, and takes
    batches of any length. seed: of the initial weights, drawn by NumPy, the same for every alteration and on every backend; None draws them as Keras does.
    sizes: embedding, units, dropout; for "simple" heads, head_width, feed_forward too; for "bert" dense, dropout.
    checkpoint: of "bert" alone: where its weights and vocabulary come from (checkpoints.py), or a configuration such as
    checkpoints.BASE for random weights; it takes ids of its own tokenizer, of any length, and never attends to padding.
    Raises SettingsError for an unknown kind, padding, size or checkpoint, FormulaError for an alteration.
    """
    if padding not in kinds.PADDINGS:
        raise SettingsError(f"padding must be {' or '.join(map(repr, kinds.PADDINGS))}, not {padding!r}")
    if kind != "bert" and kind not in BUILDERS:
        raise SettingsError(
            f"unknown model {kind!r}{nearest(kind, [*BUILDERS, 'bert'])}; known: {', '.join(map(repr, [*BUILDERS, 'bert']))}"
        )
    defaults = kinds.KINDS[kind].sizes
    if unknown := sorted(set(sizes) - set(defaults)):
        raise SettingsError(f"unknown size {unknown[0]!r}{nearest(unknown[0], defaults)}; {kind!r} takes {', '.join(defaults)}")
    sizes = {**defaults, **sizes}
    if kind == "bert":
        try:
            return _bert(vocab_size, max_len, n_classes, alteration, checkpoint, seed, sizes)
        except ModuleNotFoundError as error:  # what reads a checkpoint comes with the study
            raise missing(error, "build_model('bert')") from error
    if vocab_size is None or max_len is None:
        raise TypeError(f"{kind!r} needs vocab_size and max_len")
    model = BUILDERS[kind](vocab_size, max_len, n_classes, alteration, padding == "mask", **sizes)
    if seed is not None:
        for variable, value in zip(model.trainable_variables, initial_weights(model.trainable_variables, seed)):
            variable.assign(value)
    return model


def _bert(vocab_size, max_len, n_classes, alteration, checkpoint, seed, sizes):
    if as_alteration(alteration).formula:
        raise SettingsError(f"'bert' has no cell to alter: alteration must be 'none', not {alteration!r}")
    folder = None if isinstance(checkpoint, dict) else checkpoints.locate(checkpoints.identity(checkpoint))
    config = checkpoints.read_config(folder) if folder else checkpoint
    model = transformer.build(config, n_classes, **sizes, seed=seed)
    if vocab_size not in (None, config["vocab_size"]):
        raise SettingsError(f"vocab_size {vocab_size}: this checkpoint has a vocabulary of {config['vocab_size']}")
    if max_len is not None and max_len > config["max_position_embeddings"]:
        raise SettingsError(f"max_len {max_len}: this checkpoint takes at most {config['max_position_embeddings']} tokens")
    if folder:
        transformer.load(model, folder)
    return model


def _bi_lstm(units, alteration, name):
    forward, backward = (LSTMCS(units, alteration, return_sequences=True, go_backwards=back) for back in (False, True))
    return Bidirectional(forward, backward_layer=backward, name=name)


def _lstm(vocab_size, max_len, n_classes, alteration, masked, embedding, units, dropout):
    # === Layers ===
    embed = layers.Embedding(vocab_size, embedding, mask_zero=masked, name="embedding")
    drop = layers.SpatialDropout1D(dropout, name="spatial_dropout")
    stack = _stack(n_classes, alteration, masked, units)

    # === Functional model ===
    ids = keras.Input((None if masked else max_len,), dtype="int32", name="ids")
    return keras.Model(ids, stack(drop(embed(ids))), name="lstm_cs")


def _simple(vocab_size, max_len, n_classes, alteration, masked, embedding, units, dropout, heads, head_width, feed_forward):
    # === Layers ===
    embed = layers.Embedding(vocab_size, embedding, mask_zero=masked, name="embedding")
    place = AddPositions(max_len, name="positions")
    drop = layers.SpatialDropout1D(dropout, name="spatial_dropout")
    widths = {"heads": heads, "head_width": head_width, "feed_forward": feed_forward}
    stack = _stack(n_classes, alteration, masked, units)

    # === Functional model ===
    ids = keras.Input((None if masked else max_len,), dtype="int32", name="ids")
    x = drop(place(embed(ids)))
    # said outright, so that it is in the graph: what is trained is cut at the dropout, and a mask that a tensor carries ends there
    seen = x._keras_mask if masked else None
    x = transformer.block(x, "encoder", **widths, initial=lambda: "glorot_uniform", mask=seen)
    return keras.Model(ids, stack(x), name="simple")


def _stack(n_classes, alteration, masked, units):
    """Two Bi-LSTM-CS layers, both pools and the sigmoid scores, as a function of the sequence in front of them."""
    first = _bi_lstm(units, alteration, "bi_lstm_1")
    second = _bi_lstm(units, alteration, "bi_lstm_2")
    score = layers.Dense(n_classes, "sigmoid", name="scores")

    def apply(x):
        x = second(first(x))
        if masked:
            return score(MaskedPools(name="pools")(x))
        flows = [layers.GlobalMaxPooling1D(name="max_pool")(x), layers.GlobalAveragePooling1D(name="average_pool")(x)]
        return score(layers.Concatenate(name="pools")(flows))

    return apply


BUILDERS = {"lstm": _lstm, "simple": _simple}
