"""What SIMPLE and BERT share, positions and one block of a transformer encoder, and BERT itself, all from stock Keras layers.

The block, for x (batch, time, width), A the multi-head self-attention and F two dense layers, the first with exact GELU (Vaswani et
al. 2017, figure 1, left; GELU as BERT)::

    x = LayerNorm(x + A(x));  x = LayerNorm(x + F(x))

BERT (Devlin et al. 2019) takes the weights of any Hugging Face BERT checkpoint and has the paper's head: pooled output (tanh of a
dense layer on [CLS]) -> Dense(512) -> Dense(classes) as sigmoids. With bert-base-uncased's configuration and 11 classes it has
109,482,240 + 399,371 = 109,881,611 trainable parameters, Table 14's total. The paper does not name the activation of Dense(512):
ReLU here. Both dense layers start as Keras starts them (Glorot).
"""

import keras
from keras import layers, ops

from . import checkpoints
from .layers import AddPositions


def block(x, name: str, *, heads: int, head_width: int, feed_forward: int, initial, mask=None, dropout=0.0, epsilon=1e-12):
    """The formulas above on a symbolic x (batch, time, width); its layers are named `name`_attention, `name`_norm_1, ...

    initial(): a new initialiser for a kernel. mask: bool (batch, time), False at steps that nothing attends to (beside
    Keras' own mask of x, which is obeyed too). dropout: rate, on the attention's weights and on what A and F give.
    """

    def normed(change, number):
        if dropout:
            change = layers.Dropout(dropout, name=f"{name}_dropout_{number}")(change)
        both = layers.Add(name=f"{name}_add_{number}")([x, change])
        return layers.LayerNormalization(epsilon=epsilon, name=f"{name}_norm_{number}")(both)

    attention = layers.MultiHeadAttention(heads, head_width, dropout=dropout, kernel_initializer=initial(), name=f"{name}_attention")
    x = normed(attention(x, x, attention_mask=None if mask is None else ops.expand_dims(mask, 1)), 1)
    wide = layers.Dense(feed_forward, "gelu", kernel_initializer=initial(), name=f"{name}_dense_1")(x)
    return normed(layers.Dense(x.shape[-1], kernel_initializer=initial(), name=f"{name}_dense_2")(wide), 2)


def build(config: dict, n_classes: int, dense: int, dropout: float, seed: int | None = None) -> keras.Model:
    """BERT with random weights: int32 ids (batch, time), time of any length up to config's, to scores (batch, n_classes).

    config: as a checkpoint's config.json. Ids that are config's pad_token_id (0) are padding: nothing attends to them.
    dropout: rate, where BERT has it, and before Dense(dense). seed: of the initial weights and the dropout masks.
    """
    config = checkpoints.check_config(config, "this configuration")
    width, heads, drawn = config["hidden_size"], config["num_attention_heads"], iter(range(1, 10_000))

    def glorot():
        return keras.initializers.GlorotUniform(None if seed is None else seed + next(drawn))

    def initial():
        return keras.initializers.TruncatedNormal(stddev=0.02, seed=None if seed is None else seed + next(drawn))

    def drop(x, name):
        return layers.Dropout(dropout, name=name)(x) if dropout else x

    # === Embeddings ===
    epsilon = config.get("layer_norm_eps", 1e-12)
    ids = keras.Input((None,), dtype="int32", name="ids")
    mask = ops.not_equal(ids, config.get("pad_token_id") or 0)
    words = layers.Embedding(config["vocab_size"], width, initial(), name="word_embeddings")(ids)
    # one sentence a document: all tokens are of type 0, which is all that this table is asked for
    types = layers.Embedding(config["type_vocab_size"], width, initial(), name="type_embeddings")(ops.zeros_like(ids))
    x = AddPositions(config["max_position_embeddings"], initial(), name="position_embeddings")(
        layers.Add(name="words_types")([words, types])
    )
    x = drop(layers.LayerNormalization(epsilon=epsilon, name="embeddings_norm")(x), "embeddings_dropout")

    # === Encoder ===
    sizes = {
        "heads": heads,
        "head_width": width // heads,
        "feed_forward": config["intermediate_size"],
        "epsilon": epsilon,
        "dropout": dropout,
    }
    for number in range(config["num_hidden_layers"]):
        x = block(x, f"layer_{number}", mask=mask, initial=initial, **sizes)

    # === Head ===
    pooled = layers.Dense(width, "tanh", kernel_initializer=initial(), name="pooler")(x[:, 0])
    hidden = layers.Dense(dense, "relu", kernel_initializer=glorot(), name="hidden")(drop(pooled, "pooled_dropout"))
    scores = layers.Dense(n_classes, "sigmoid", kernel_initializer=glorot(), name="scores")(drop(hidden, "hidden_dropout"))
    return keras.Model(ids, scores, name="bert")


def load(model: keras.Model, folder) -> None:
    """Put a checkpoint's weights into `model`, the head's own layers left as they are. Raises CheckpointError."""
    arrays = checkpoints.tensors(folder)

    def put(layer: str, *names: str):
        variables = model.get_layer(layer).weights
        turned = [arrays[n].T if arrays[n].ndim == 2 and "embeddings" not in n else arrays[n] for n in names]  # (out, in) -> (in, out)
        model.get_layer(layer).set_weights([array.reshape(variable.shape) for array, variable in zip(turned, variables, strict=True)])

    def pair(name: str) -> tuple[str, str]:
        return f"{name}.weight", f"{name}.bias"

    put("word_embeddings", "embeddings.word_embeddings.weight")
    put("type_embeddings", "embeddings.token_type_embeddings.weight")
    put("position_embeddings", "embeddings.position_embeddings.weight")
    put("embeddings_norm", *pair("embeddings.LayerNorm"))
    for number in range(checkpoints.read_config(folder)["num_hidden_layers"]):
        here, there = f"layer_{number}", f"encoder.layer.{number}"
        attention = (f"{there}.attention.{name}" for name in ("self.query", "self.key", "self.value", "output.dense"))
        put(f"{here}_attention", *(n for name in attention for n in pair(name)))
        put(f"{here}_norm_1", *pair(f"{there}.attention.output.LayerNorm"))
        put(f"{here}_dense_1", *pair(f"{there}.intermediate.dense"))
        put(f"{here}_dense_2", *pair(f"{there}.output.dense"))
        put(f"{here}_norm_2", *pair(f"{there}.output.LayerNorm"))
    put("pooler", *pair("pooler.dense"))
