"""LSTM-CS and SIMPLE on a fold: one compiled TensorFlow program for all folds of a build."""

import time
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from ..datasets.preprocess import Prepared
from ..fold import Fold
from ..models.bilstm import build_model
from ..models.initial import initial_weights
from ..recurrence.tensorflow import called
from .batches import PREDICT_ROWS, Batches
from .trainer import Trainer

PROBE_ROWS = 64  # test rows on which the largest |c| is looked up


class LSTMTrainer(Trainer):
    """A compiled model for one prepared data set and one configuration, used for fold after fold.

    jit: compile with XLA (the study's way); False runs the same steps as a plain TensorFlow graph.
    """

    engine = "tensorflow"

    def __init__(self, prepared: Prepared, fold: Fold, jit: bool = True):
        started = time.perf_counter()
        self.prepared, self.jit, self.padding = prepared, jit, fold.padding
        one_thread()
        sizes, training = fold.sizes, fold.training
        self.model = build_model(
            fold.model, vocab_size=prepared.vocab_size, max_len=prepared.max_len, n_classes=len(prepared.classes),
            alteration=fold.alteration, padding=self.padding, **sizes,
        )  # fmt: skip
        self.variables = self.model.trainable_variables
        self.optimizer = keras.optimizers.Adam(training["learning_rate"])
        self.optimizer.build(self.variables)
        self._fresh_optimizer = [v.numpy() for v in self.optimizer.variables]
        # The model cut at its dropout: masks are drawn ahead and passed in. Inside one XLA program the random
        # numbers of SpatialDropout1D would be computed again for every time step they are broadcast to.
        dropout = self.model.get_layer("spatial_dropout")
        self._head = keras.Model(self.model.inputs, dropout.input)
        mask = [dropout.output._keras_mask] if self.padding == "mask" else []
        self._tail = keras.Model([dropout.output, *mask], self.model.outputs)
        self.batches = Batches(
            prepared.ids, prepared.labels, training["batch_size"], self.padding, sizes["dropout"], dropout.input.shape[-1], prepared.options.pad_side,
        )  # fmt: skip
        self._train = tf.function(self._train_steps, jit_compile=jit)
        self._predict = tf.function(lambda ids: self.model(ids, training=False), jit_compile=jit)
        # concrete: its first calls, one a cell, would be told off in the log for tracing again and again
        self._largest = tf.function(self._largest_c).get_concrete_function(tf.TensorSpec((PROBE_ROWS, prepared.max_len), tf.int32))
        self._warm_up()
        self.loop = self.model.get_layer("bi_lstm_1").forward_layer.loop  # "fast" or "readable"
        self.compile_seconds = time.perf_counter() - started

    def reset(self, fold: Fold) -> None:
        """Fresh weights from the fold's seed, the same for every alteration and on every backend, and a fresh optimiser."""
        for variable, value in zip(self.variables, initial_weights(self.variables, fold.seed_for("weights"))):
            variable.assign(value)
        for variable, value in zip(self.optimizer.variables, self._fresh_optimizer):
            variable.assign(value)

    def epochs(self, rows: np.ndarray, fold: Fold) -> Iterator[tuple[int, float]]:
        rng = np.random.default_rng(fold.seed_for("order"))
        for epoch in range(1, fold.training["epochs"] + 1):
            yield epoch, self.epoch(rows, rng)

    def epoch(self, rows: np.ndarray, rng: np.random.Generator) -> float:
        """One pass over `rows` in an order, and with dropout masks, drawn from `rng`; mean training loss."""
        return sum(float(called(self._train)(*chunk)) for chunk in self.batches.epoch(rows, rng)) / len(rows)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Class probabilities of `rows`, float32 (rows, classes)."""
        out = np.zeros((len(rows), len(self.prepared.classes)), np.float32)
        for positions, ids in self.batches.prediction(rows):
            out[positions] = called(self._predict)(ids).numpy()[: len(positions)]
        return out

    def snapshot(self) -> list[np.ndarray]:
        return self.model.get_weights()

    def restore(self, weights: list[np.ndarray]) -> None:
        self.model.set_weights(weights)

    def parameters(self) -> int:
        return self.model.count_params()

    def largest_c(self, rows: np.ndarray) -> float:
        """Largest |c| in any Bi-LSTM-CS layer over `rows` (the first 64 of them); NaN is passed over, and the answer where c is nothing else."""
        return float(self._largest(self.prepared.ids[np.resize(rows[:PROBE_ROWS], PROBE_ROWS)]))

    def environment(self) -> dict:
        return super().environment() | {"threads": tf.config.threading.get_intra_op_parallelism_threads()}

    def _train_steps(self, ids, labels, weights, masks, steps):
        """`steps` steps of training; returns the sum of the rows' losses. Shapes: see Batches.epoch."""

        def body(step, total):
            with tf.GradientTape() as tape:
                x = self._head(ids[step], training=True) * (tf.cast(masks[step], tf.float32) * self.batches.scale)[:, None, :]
                inputs = [x, ids[step] > 0] if self.padding == "mask" else x
                row_losses = keras.losses.binary_crossentropy(labels[step], self._tail(inputs, training=True))
                loss = tf.reduce_sum(row_losses * weights[step])
                mean = loss / tf.reduce_sum(weights[step])
            # Dense: on the embedding's sparse gradient Keras 3 squares each occurrence of a token before summing them,
            # which is not Adam (Kingma & Ba 2015), nor what the paper's Keras 2 did.
            gradients = [tf.convert_to_tensor(g) for g in tape.gradient(mean, self.variables)]
            self.optimizer.apply(gradients, self.variables)
            return step + 1, total + loss

        return tf.while_loop(lambda step, _: step < steps, body, (tf.constant(0), tf.constant(0.0)))[1]

    def _largest_c(self, ids):
        largest = tf.constant(-1.0)
        keep = tf.transpose(ids > 0 if self.padding == "mask" else ids >= 0)[:, :, None]
        for name in ("bi_lstm_1", "bi_lstm_2"):
            layer = self.model.get_layer(name)
            inputs = keras.Model(self.model.inputs, keras.tree.flatten(layer.input)[0])(ids)
            x = tf.transpose(inputs, (1, 0, 2))
            for half, reverse in ((layer.forward_layer, False), (layer.backward_layer, True)):

                def step(states, inputs, cell=half.cell):
                    return [tf.where(inputs[1], new, old) for new, old in zip(cell(inputs[0], states)[1], states)]

                c = tf.scan(step, (x, keep), half.cell.get_initial_state(tf.shape(ids)[0]), reverse=reverse)[1]
                largest = tf.maximum(largest, tf.reduce_max(tf.where(tf.math.is_nan(c), -1.0, tf.abs(c))))
        return tf.where(largest < 0, float("nan"), largest)

    def _warm_up(self) -> None:
        """Compile both programs for each length, without a step of training."""
        for length in self.batches.lengths:
            called(self._train)(*self.batches.empty(length))
            called(self._predict)(np.zeros((PREDICT_ROWS, length), np.int32))


def one_thread() -> None:
    """One thread for TensorFlow: the same bits on any machine with the same instructions, and room for other workers.

    Where it runs already, it keeps the threads that its user chose; the record says how many.
    """
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        pass
