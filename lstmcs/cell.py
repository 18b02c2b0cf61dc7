"""The altered LSTM cell and the layer around it, as a Keras user knows them.

Weights have Keras' names, shapes, gate order (i, f, c, o) and initialisers, so `set_weights` from
`keras.layers.LSTM` works in both directions. The altered line of the cell is marked in `LSTMCSCell.call`.
"""

import inspect
import re
from functools import lru_cache
from typing import Any

import keras
from keras import ops

from . import alterations, recurrence
from .alterations import Alteration
from .alterations import alteration as as_alteration

#: The formula language's functions for tensors of any backend. softmax runs over the units (last axis).
FUNCTIONS = {name: getattr(ops, name) for name in (*alterations.FUNCTIONS, "zeros_like")}
FUNCTIONS["softsign"] = lambda x: x / (1 + ops.abs(x))  # TensorFlow's own has no second derivative


@keras.saving.register_keras_serializable(package="lstmcs")
class LSTMCSCell(keras.layers.LSTMCell):
    """One step of an LSTM whose state is altered after the standard step (paper, section 3.2), or whose gates are altered within it.

    units: size of c and h. alteration: id of families.py, formula or Alteration; "none" is keras.layers.LSTMCell.
    Further arguments are those of keras.layers.LSTMCell. Raises FormulaError for an alteration it does not know.

    Call: inputs (batch, features), states [h (batch, units), c (batch, units)] -> h, [h, c]. The altered h is what
    the cell puts out; the altered h and the altered c are both carried to the next step.
    """

    def __init__(self, units: int, alteration: str | Alteration = "none", **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.alteration: Alteration = as_alteration(alteration)

    def call(self, inputs, states, training=False):
        h_prev, c_prev = states
        zi, zf, zg, zo = self._pre_activations(inputs, h_prev, training)
        f = self.recurrent_activation(zf)  # equation 1
        i = self.recurrent_activation(zi)  # equation 2
        o = self.recurrent_activation(zo)  # equation 3
        g = self.activation(zg)  # equation 4, the candidate
        # a formula's statements on gates; the paper has none
        i, f, o, g = self.alteration.gates(FUNCTIONS, i=i, f=f, o=o, g=g, c_prev=c_prev, h_prev=h_prev)
        c = f * c_prev + i * g  # equation 5
        h = o * self.activation(c)  # equation 6
        # NEW: the paper's "equation seven"
        c, h = self.alteration.apply(FUNCTIONS, i=i, f=f, o=o, g=g, c=c, h=h, c_prev=c_prev, h_prev=h_prev)
        return h, [h, c]

    def _pre_activations(self, inputs, h_prev, training):
        """W x + U h + b for the gates i, f, candidate, o: four tensors (batch, units)."""
        bias = self.bias if self.use_bias else ops.zeros((4 * self.units,), self.compute_dtype)
        dropout = training and self.dropout > 0
        recurrent_dropout = training and self.recurrent_dropout > 0
        if self.implementation != 1:
            if dropout:
                inputs = inputs * self.get_dropout_mask(inputs)
            return ops.split(ops.matmul(inputs, self.kernel) + ops.matmul(h_prev, self.recurrent_kernel) + bias, 4, axis=-1)
        # Keras' implementation 1 (always with recurrent dropout): one product, and one dropout mask, a gate
        xs = [inputs * m for m in self.get_dropout_mask(inputs)] if dropout else [inputs] * 4
        hs = [h_prev * m for m in self.get_recurrent_dropout_mask(h_prev)] if recurrent_dropout else [h_prev] * 4
        kernels, recurrent = ops.split(self.kernel, 4, axis=1), ops.split(self.recurrent_kernel, 4, axis=1)
        return [ops.matmul(x, w) + ops.matmul(h, u) + b for x, h, w, u, b in zip(xs, hs, kernels, recurrent, ops.split(bias, 4))]

    def get_config(self) -> dict[str, Any]:
        # the formula itself: what is not in the config is lost by Bidirectional, save and clone
        return {**super().get_config(), "implementation": self.implementation, "alteration": self.alteration.key}

    def load_own_variables(self, store):
        # Files of weights (.weights.h5) name a layer by its class: where one has none of ours, they are those of keras.layers.LSTM
        if not len(store) and (path := getattr(store, "_h5_entry_path", None)):
            store = store.get(re.sub(r"\blstmcs(?=(_\d+)?/cell$)", "lstm", path))
        super().load_own_variables(store)


@keras.saving.register_keras_serializable(package="lstmcs")
class LSTMCS(keras.layers.RNN):
    """Drop-in for keras.layers.LSTM with an altered cell.

    units: size of c and h. alteration: an id ("C-1", "C-1+H-2", "O-1"), a formula ("c = c * o") or an Alteration; "none" is the unaltered
    cell. Raises FormulaError for what is none of them. All other arguments are those of keras.layers.LSTM and keep their meaning, but for
    use_cudnn: no kernel of cuDNN takes an altered cell, and it is about the fast time loop instead: "auto", where it covers the layer's
    options; False, never (Keras' own loop over the readable cell); True, or a ValueError. As in Keras it is no part of the config.

    Call: (batch, time, features) -> (batch, units), or (batch, time, units) with return_sequences=True.

    docs/layer.md says what is drop-in and what is not: kernels, gradients, dtypes, export formats, backends, each tried.

    >>> layer = keras.layers.Bidirectional(LSTMCS(104, "c = c * o", return_sequences=True))
    """

    # Not a subclass of keras.layers.LSTM: that may hand the whole sequence to a fused kernel and never call the cell.

    _CELL_ARGUMENTS = frozenset(inspect.signature(keras.layers.LSTMCell.__init__).parameters) - {"self", "units", "kwargs"} | {
        "implementation"
    }

    def __init__(
        self, units: int, alteration: str | Alteration = "none", *, use_cudnn: bool | str = "auto", dtype: Any = None, trainable: bool = True,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        if use_cudnn not in ("auto", True, False):
            raise ValueError(f"use_cudnn must be 'auto', True or False, not {use_cudnn!r}")
        of_cell = {k: kwargs.pop(k) for k in self._CELL_ARGUMENTS & set(kwargs)}
        cell = LSTMCSCell(units, alteration, dtype=dtype, trainable=trainable, name="lstm_cell", **of_cell)
        super().__init__(cell, dtype=dtype, trainable=trainable, **kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=3)
        self.use_cudnn = use_cudnn

    @property
    def units(self) -> int:
        return self.cell.units

    @property
    def alteration(self) -> Alteration:
        return self.cell.alteration

    def get_config(self) -> dict[str, Any]:
        layer, cell = super().get_config(), self.cell.get_config()
        del layer["cell"], cell["name"]
        return {**cell, **layer}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LSTMCS":
        return cls(**config)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        self.loop = "fast" if _fast_applies(self, training) else "readable"
        if self.use_cudnn is True and self.loop == "readable":
            raise ValueError(
                "use_cudnn=True asks for the fast loop, which does not cover this layer's options here; 'auto' takes the other"
            )
        if self.loop == "readable":
            return super().inner_loop(sequences, initial_state, mask, training)
        mask = mask[0] if isinstance(mask, list | tuple) else mask
        outputs, last = _fast_loop().unidirectional(
            _floats(self, sequences), _weights(self), _function(self.alteration), initial_state, reverse=self.go_backwards, mask=mask
        )
        # At a masked step Keras puts out zero, or the output before it. Before the first output that is zero on TensorFlow,
        # and on JAX the initial state, as the loop has it.
        if mask is not None and (self.zero_output_for_mask or keras.backend.backend() == "tensorflow"):
            seen = ops.cast(mask, "int32")
            if not self.zero_output_for_mask:
                seen = ops.flip(ops.cumsum(ops.flip(seen, 1), 1), 1) if self.go_backwards else ops.cumsum(seen, 1)
            outputs = ops.where(seen[:, :, None] > 0, outputs, 0.0)
        if self.go_backwards:  # Keras hands a backward layer's outputs out last step first
            outputs = ops.flip(outputs, axis=1)
        return outputs[:, -1], outputs, list(last)


for _name in LSTMCS._CELL_ARGUMENTS:  # what can be read of a keras.layers.LSTM: dropout, activation, kernel_initializer, ...
    if isinstance(getattr(keras.layers.LSTM, _name, None), property):
        setattr(LSTMCS, _name, property(lambda self, _name=_name: getattr(self.cell, _name)))


@keras.saving.register_keras_serializable(package="lstmcs")
class Bidirectional(keras.layers.Bidirectional):
    """keras.layers.Bidirectional for LSTMCS layers: the same weights and results, both directions in one time loop."""

    def call(self, sequences, initial_state=None, mask=None, training=None):
        forward, backward = self.forward_layer, self.backward_layer
        together = (
            isinstance(forward, LSTMCS)
            and isinstance(backward, LSTMCS)
            and self.merge_mode == "concat"
            and initial_state is None
            and forward.return_sequences
            and not (forward.return_state or forward.stateful)
            and not (forward.activity_regularizer or backward.activity_regularizer)  # its loss is added where a layer is called
            and forward.alteration == backward.alteration
            and forward.units == backward.units
            and _fast_applies(forward, training)
            and _fast_applies(backward, training)
        )
        if not together:
            return super().call(sequences, initial_state=initial_state, mask=mask, training=training)
        forward.loop = backward.loop = "fast"
        alter = _function(forward.alteration)
        outputs = _fast_loop().bidirectional(_floats(forward, sequences), _weights(forward), _weights(backward), alter, mask)
        # as Keras' wrapper: nothing is put out at a masked step
        return outputs if mask is None else outputs * ops.cast(mask, outputs.dtype)[:, :, None]


def _fast_loop():
    """The fast loop of the running backend, or None."""
    return recurrence.for_backend(keras.backend.backend())


def _fast_applies(layer: LSTMCS, training) -> bool:
    """Whether the fast loop covers this layer's options; the readable cell covers all."""
    cell = layer.cell
    return (
        keras.backend.backend() in recurrence.BACKENDS
        and not layer.unroll
        and layer.use_cudnn is not False
        and cell.activation is keras.activations.tanh
        and cell.recurrent_activation is keras.activations.sigmoid
        and cell.use_bias
        and cell.implementation != 1
        and not (training and cell.dropout)
        and cell.compute_dtype == "float32"
    )


def _floats(layer: LSTMCS, sequences):
    """As numbers of the layer's dtype: Keras hands integers and booleans on as they are."""
    return ops.cast(sequences, layer.cell.compute_dtype)


def _weights(layer: LSTMCS):
    return layer.cell.kernel, layer.cell.recurrent_kernel, layer.cell.bias


@lru_cache(maxsize=256)
def _function(alteration: Alteration):
    """The alteration as the fast loops take it; the same object for the same formula."""
    return alteration.of(FUNCTIONS)
