"""One fold: configuration in, record out (paper, section 4: runs, 80-10-10 splits, identical settings).

A `Trainer` compiles once for a (data set, model, alteration) and resets its weights for each fold; folds.py has the splits
and the seeds of all that is drawn.
"""

import time
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from .alterations import alteration
from .batches import PREDICT_ROWS, Batches
from .environment import describe
from .folds import seed_of, split
from .kinds import KINDS
from .metrics import scores
from .models import build_model
from .preprocess import Prepared
from .records import build_of

PROBE_ROWS = 64  # test rows on which the largest |c| is looked up

try:  # one thread: the same bits on any machine with the same instructions, and room for other workers
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
except RuntimeError:  # TensorFlow runs already, with the threads its user chose; the record says how many
    pass


class Diverged(ArithmeticError):
    """The loss or the predictions became NaN or infinite."""


class Trainer:
    """A compiled model for one prepared data set and one configuration, used for fold after fold.

    jit: compile with XLA (the study's way); False runs the same steps as a plain TensorFlow graph.
    """

    def __init__(self, prepared: Prepared, config: dict, jit: bool = True):
        started = time.perf_counter()
        self.prepared, self.jit, self.padding = prepared, jit, config["padding"]
        sizes, training = config["sizes"], config["training"]
        self._build = dict(
            kind=config["model"], vocab_size=prepared.vocab_size, max_len=prepared.max_len,
            n_classes=len(prepared.classes), padding=self.padding, **sizes,
        )  # fmt: skip
        self.model = build_model(**self._build, alteration=config["alteration"])
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

    def fold(self, config: dict) -> tuple[dict, dict[str, np.ndarray]]:
        """Train and test one fold: (record, predictions). A diverged model gives a record with state "failed".

        Its error names the epoch and the largest |c| after the epoch before (that of the initial weights for the first).
        """
        train, validation, test = split(self.prepared.labels, config)
        curve, error, result = [], None, {}
        epochs = self.epochs(train, config)
        before = after = self.snapshot()
        started = time.perf_counter()
        for epoch, loss in epochs:
            before, after = after, self.snapshot()
            curve.append({"epoch": epoch, "loss": loss})
            if not np.isfinite(loss):
                error = f"loss is {loss} in epoch {epoch}"
                break
            try:
                curve[-1] |= {f"val_{k}": v for k, v in self.evaluate(validation).items()}
            except Diverged as problem:
                error = f"{problem} after epoch {epoch}"
                break
        train_seconds = time.perf_counter() - started
        probabilities = self.predict(test)
        if error is None:
            try:
                result = {
                    "validation": {k.removeprefix("val_"): v for k, v in curve[-1].items() if k.startswith("val_")},
                    "test": self._score(test, probabilities),
                }
            except Diverged as problem:
                error = f"{problem} on the test rows"
        if error and before is not None:  # nothing can be seen in weights that are NaN: how large c was just before says what led there
            self.model.set_weights(before)
        largest = self.largest_c(test)
        record = {
            "config": config,
            "state": "failed" if error else "done",
            "scores": result,
            "curve": curve,
            "health": {"largest_c": largest, "nan": error is not None, "epochs": len(curve)},
            "cost": {
                "train_rows": len(train), "test_rows": len(test), "train_seconds": train_seconds,
                "seconds_per_epoch": train_seconds / len(curve), "compile_seconds": self.compile_seconds,
                "parameters": self.parameters(),
            },
            "env": describe() | {"loop": self.loop, "jit": self.jit, "threads": tf.config.threading.get_intra_op_parallelism_threads()},
        }  # fmt: skip
        if error:
            record["error"] = {"type": "Diverged", "message": f"{error}; the largest |c| an epoch earlier was {largest:.4g}"}
        return record, {"rows": self.prepared.rows[test], "labels": self.prepared.labels[test], "probabilities": probabilities}

    def epochs(self, rows: np.ndarray, config: dict) -> Iterator[tuple[int, float]]:
        """Start anew for config's run and fold; each step of the iterator trains an epoch on `rows`: (epoch, mean loss)."""
        self._reset(seed_of(config, "weights"))
        rng = np.random.default_rng(seed_of(config, "order"))
        return ((epoch, self.epoch(rows, rng)) for epoch in range(1, config["training"]["epochs"] + 1))

    def epoch(self, rows: np.ndarray, rng: np.random.Generator) -> float:
        """One pass over `rows` in an order, and with dropout masks, drawn from `rng`; mean training loss."""
        return sum(float(self._train(*chunk)) for chunk in self.batches.epoch(rows, rng)) / len(rows)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Class probabilities of `rows`, float32 (rows, classes)."""
        out = np.zeros((len(rows), len(self.prepared.classes)), np.float32)
        for positions, ids in self.batches.prediction(rows):
            out[positions] = self._predict(ids).numpy()[: len(positions)]
        return out

    def snapshot(self) -> list[np.ndarray] | None:
        """The weights as they are, for a look at c before a model diverged; None for one that has no cell."""
        return self.model.get_weights()

    def parameters(self) -> int:
        """Number of trainable parameters."""
        return self.model.count_params()

    def largest_c(self, rows: np.ndarray) -> float:
        """Largest |c| in any Bi-LSTM-CS layer over `rows` (the first 64 of them); NaN is passed over."""
        return float(self._largest(self.prepared.ids[np.resize(rows[:PROBE_ROWS], PROBE_ROWS)]))

    def _score(self, rows: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
        if not np.isfinite(probabilities).all():
            raise Diverged("predictions hold NaN")
        labels = self.prepared.labels[rows]
        loss = keras.losses.binary_crossentropy(labels.astype(np.float32), probabilities)
        return scores(labels, probabilities) | {"loss": float(np.mean(loss))}

    def evaluate(self, rows: np.ndarray) -> dict[str, float]:
        """Scores (fractions) and loss on `rows`. Raises Diverged."""
        return self._score(rows, self.predict(rows))

    def _train_steps(self, ids, labels, weights, masks, steps):
        """`steps` steps of training; returns the sum of the rows' losses. Shapes: see Batches.epoch."""

        def body(step, total):
            with tf.GradientTape() as tape:
                x = self._head(ids[step], training=True) * masks[step][:, None, :]
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
        largest = tf.constant(0.0)
        keep = tf.transpose(ids > 0 if self.padding == "mask" else ids >= 0)[:, :, None]
        for name in ("bi_lstm_1", "bi_lstm_2"):
            layer = self.model.get_layer(name)
            inputs = keras.Model(self.model.inputs, keras.tree.flatten(layer.input)[0])(ids)
            x = tf.transpose(inputs, (1, 0, 2))
            for half, reverse in ((layer.forward_layer, False), (layer.backward_layer, True)):

                def step(states, inputs, cell=half.cell):
                    return [tf.where(inputs[1], new, old) for new, old in zip(cell(inputs[0], states)[1], states)]

                c = tf.scan(step, (x, keep), half.cell.get_initial_state(tf.shape(ids)[0]), reverse=reverse)[1]
                largest = tf.maximum(largest, tf.reduce_max(tf.where(tf.math.is_nan(c), 0.0, tf.abs(c))))
        return largest

    def _warm_up(self) -> None:
        """Compile both programs for each length, without a step of training."""
        for length in self.batches.lengths:
            self._train(*self.batches.chunk([], length, np.random.default_rng(0)))
            self._predict(np.zeros((PREDICT_ROWS, length), np.int32))

    def _reset(self, seed: int) -> None:
        """Fresh weights from `seed`, the same for every alteration, and a fresh optimiser."""
        self.model.set_weights(build_model(**self._build, seed=seed).get_weights())
        # Keras notes every model it builds in a graph of this thread's session, a megabyte each; nothing else of it is used
        keras.backend.clear_session()
        for variable, value in zip(self.optimizer.variables, self._fresh_optimizer):
            variable.assign(value)


def train_fold(prepared: Prepared, config: dict, room: Callable[[], bool] = lambda: True) -> tuple[dict, dict[str, np.ndarray]]:
    """`Trainer.fold` with the compiled models of the last configurations kept in this process.

    room: asked before another model is compiled; without room the one that was used longest ago is dropped first.
    """
    key = _ByHash(prepared), build_of(config)
    if key not in TRAINERS:
        alteration(config["alteration"])  # a clear error before anything is built
        if TRAINERS and not (len(TRAINERS) < KEEP and room()):
            del TRAINERS[next(iter(TRAINERS))]
        TRAINERS[key] = _trainer_class(config["model"])(prepared, config)
    TRAINERS[key] = TRAINERS.pop(key)  # the last one used is the last
    return TRAINERS[key].fold(config)


class _ByHash:
    """A prepared set that compares by its data's hash, so that a cache can be asked for it."""

    def __init__(self, prepared: Prepared):
        self.prepared = prepared
        self.id = (prepared.dataset.sha256, prepared.options)

    def __eq__(self, other):
        return self.id == other.id

    def __hash__(self):
        return hash(self.id)


#: Compiled models of this process, the one used longest ago first. Each takes 100 to 150 MB at the study's sizes.
TRAINERS: dict[tuple, Trainer] = {}
KEEP = 24  # all cells of one data set


def _trainer_class(model: str) -> type[Trainer]:
    if KINDS[model].checkpoint:
        from .finetuning import FineTuner

        return FineTuner
    if model == "tfidf":
        from .reference import Reference

        return Reference
    return Trainer
