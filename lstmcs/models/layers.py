"""The layers of the study's models that Keras has not: pools that obey a mask, and positions. Saved models name them."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="lstmcs")
class MaskedPools(layers.Layer):
    """Maximum and average over the unmasked time steps: (batch, time, features) -> (batch, 2 features).

    Both are 0 for a row without any step. keras.layers.GlobalMaxPooling1D ignores masks (the zeros at masked steps win
    over every negative value) and GlobalAveragePooling1D divides by zero for such a row.
    """

    supports_masking = True

    def call(self, inputs, mask=None):
        keep = ops.ones_like(inputs[:, :, :1]) if mask is None else ops.cast(mask, inputs.dtype)[:, :, None]
        count = ops.sum(keep, axis=1)
        largest = ops.where(count > 0, ops.max(ops.where(keep > 0, inputs, -1e30), axis=1), 0.0)
        return ops.concatenate([largest, ops.sum(inputs * keep, axis=1) / ops.maximum(count, 1.0)], axis=-1)

    def compute_mask(self, inputs, mask=None):
        return None


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
