"""What SIMPLE and BERT share, from stock Keras layers: positions and one block of a transformer encoder.

For x (batch, time, width), A the multi-head self-attention and F two dense layers, the first with exact GELU (Vaswani et
al. 2017, figure 1, left; GELU as BERT)::

    x = LayerNorm(x + A(x));  x = LayerNorm(x + F(x))
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="lstmcs")
class AddPositions(layers.Layer):
    """x + P[position], x (batch, time, width), P a trained row for each of `count` positions; later ones share the last.

    Without a mask a step's position is its place in the row, padding included; with one only unmasked steps are counted,
    so that a row does not depend on its padding.
    """

    supports_masking = True

    def __init__(self, count: int, initializer="uniform", **kwargs):
        super().__init__(**kwargs)
        self.count, self.initializer = count, keras.initializers.get(initializer)

    def build(self, shape):
        self.embeddings = self.add_weight(shape=(self.count, shape[-1]), initializer=self.initializer, name="embeddings")

    def call(self, x, mask=None):
        if mask is None:
            return x + ops.take(self.embeddings, ops.minimum(ops.arange(ops.shape(x)[1]), self.count - 1), axis=0)
        place = ops.cumsum(ops.cast(mask, "int32"), axis=1) - 1
        return x + ops.take(self.embeddings, ops.clip(place, 0, self.count - 1), axis=0)

    def get_config(self):
        return {**super().get_config(), "count": self.count, "initializer": keras.initializers.serialize(self.initializer)}


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
