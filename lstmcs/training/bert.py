"""BERT on one fold: the usual fine-tuning (Devlin et al. 2019, appendix A.3) under the study's protocol.

Same folds, sigmoid scores, binary cross-entropy and threshold as every other model; what differs is in kinds.py. The
learning rate rises linearly over the first tenth of the steps and falls linearly to 0; AdamW leaves biases and norms out of
the weight decay (Loshchilov & Hutter 2019); gradients are cut at a global norm of 1.
"""

import time
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from ..datasets.preprocess import Prepared
from ..environment import host
from ..fold import Fold
from ..models import checkpoints, transformer
from ..models.kinds import KINDS
from .lstm import one_thread
from .trainer import Trainer

SHORTEST = 16  # compiled lengths: 16, 32, 64, ... max_tokens
WINDOW = 16  # batches whose rows are sorted by length together: little padding, and still a random order
PREDICT_ROWS = 64


class FineTuner(Trainer):
    """A Trainer that starts every fold from a checkpoint. Batches are as long as their longest text, in a few compiled lengths.

    architecture: the configuration of another BERT; its weights are then random, and the checkpoint gives the tokenizer alone:
    that is for measuring the cost. jit: XLA; its steps here are no faster than TensorFlow's own (large matrix products either
    way) and take a minute to compile. Raises CheckpointError.
    """

    engine = "tensorflow"

    def __init__(self, prepared: Prepared, fold: Fold, jit: bool = False, architecture: dict | None = None):
        started = time.perf_counter()
        self.prepared, self.jit, training = prepared, jit, fold.training
        one_thread()
        folder = checkpoints.locate(fold.checkpoint)
        config = architecture or checkpoints.read_config(folder)
        texts = prepared.terms() if KINDS[fold.model].text == "terms" else [prepared.dataset.texts[row] for row in prepared.rows]
        longest = min(training["max_tokens"], config["max_position_embeddings"])
        self.tokens = checkpoints.encode(texts, checkpoints.tokenizer(folder), longest)
        self.row_lengths = np.array([len(ids) for ids in self.tokens])
        self.lengths = lengths(self.row_lengths.max())
        self.padding_id = config.get("pad_token_id") or 0
        self.model = transformer.build(config, len(prepared.classes), **fold.sizes, seed=0)
        if architecture is None:
            transformer.load(self.model, folder)
        self._start = self.model.get_weights()
        self.variables = self.model.trainable_variables
        self.optimizer = keras.optimizers.AdamW(training["learning_rate"], training["weight_decay"], epsilon=1e-8, global_clipnorm=1.0)
        self.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self.optimizer.build(self.variables)
        self._fresh_optimizer = [v.numpy() for v in self.optimizer.variables]
        self._seeds = [v for v in self.model.non_trainable_variables if "seed_generator" in v.path]
        self._train = tf.function(self._train_step, jit_compile=jit)
        self._predict = tf.function(lambda ids: self.model(ids, training=False), jit_compile=jit)
        self.batch_size = training["batch_size"]
        self._warm_up()
        self.compile_seconds = time.perf_counter() - started

    def reset(self, fold: Fold) -> None:
        """The checkpoint's weights, a head and dropout masks drawn from the fold's seeds, and a fresh optimiser."""
        self.model.set_weights(self._start)
        seed = fold.seed_for("weights")
        for number, name in enumerate(("hidden", "scores")):
            kernel, bias = self.model.get_layer(name).weights
            kernel.assign(keras.initializers.GlorotUniform(seed + number)(kernel.shape))
            bias.assign(np.zeros(bias.shape))
        for variable, value in zip(self.optimizer.variables, self._fresh_optimizer):
            variable.assign(value)
        for number, variable in enumerate(self._seeds):
            variable.assign([(fold.seed_for("dropout") + number) % 2**31, 0])

    def epochs(self, rows: np.ndarray, fold: Fold) -> Iterator[tuple[int, float]]:
        training = fold.training
        rng = np.random.default_rng(fold.seed_for("order"))
        steps = training["epochs"] * -(-len(rows) // self.batch_size)
        rates = iter(learning_rates(training["learning_rate"], steps, training["warm_up"]))
        for epoch in range(1, training["epochs"] + 1):
            total = sum(float(self._train(*self._padded(batch), next(rates))) for batch in self.cut(rows, rng))
            yield epoch, total / len(rows)

    def cut(self, rows: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
        """`rows` as batches of row numbers, in an order drawn from `rng`, rows of like length together."""
        order, batches = rng.permutation(rows), []
        for start in range(0, len(order), WINDOW * self.batch_size):
            window = order[start : start + WINDOW * self.batch_size]
            window = window[np.argsort(self.row_lengths[window], kind="stable")]
            cut = [window[k : k + self.batch_size] for k in range(0, len(window), self.batch_size)]
            batches += [cut[k] for k in rng.permutation(len(cut))]
        return batches

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Class probabilities of `rows`, float32 (rows, classes)."""
        out = np.zeros((len(rows), len(self.prepared.classes)), np.float32)
        order = np.argsort(self.row_lengths[rows], kind="stable")
        for start in range(0, len(rows), PREDICT_ROWS):
            positions = order[start : start + PREDICT_ROWS]
            out[positions] = self._predict(self._ids(rows[positions], PREDICT_ROWS)).numpy()[: len(positions)]
        return out

    def parameters(self) -> int:
        return self.model.count_params()

    def environment(self) -> dict:
        return super().environment() | {"threads": tf.config.threading.get_intra_op_parallelism_threads()}

    def step_seconds(self, length: int, steps: int = 3) -> tuple[float, float]:
        """Wall and processor seconds of a training step on a full batch of `length` tokens: the least of `steps` of them."""
        row = int(np.argmax(self.row_lengths))
        ids = np.resize(self.tokens[row], (self.batch_size, length)).astype(np.int32)
        batch = (ids, self.prepared.labels[[row] * self.batch_size].astype(np.float32), np.ones(self.batch_size, np.float32))
        times = []
        for _ in range(steps):
            wall, processor = time.perf_counter(), time.process_time()
            float(self._train(*batch, np.float32(0)))
            times.append((time.perf_counter() - wall, time.process_time() - processor))
        return tuple(map(float, np.min(times, axis=0)))

    def _train_step(self, ids, labels, weights, rate):
        self.optimizer.learning_rate.assign(rate)
        with tf.GradientTape() as tape:
            losses = keras.losses.binary_crossentropy(labels, self.model(ids, training=True))
            loss = tf.reduce_sum(losses * weights)
            mean = loss / tf.reduce_sum(weights)
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(mean, self.variables)]  # dense: see lstm.py
        self.optimizer.apply(gradients, self.variables)
        return loss

    def length(self, rows: np.ndarray) -> int:
        """The compiled length of a batch of these rows."""
        return next(length for length in self.lengths if length >= self.row_lengths[rows].max())

    def _ids(self, rows: np.ndarray, count: int) -> np.ndarray:
        """Rows as ids (count, length), padded behind; rows beyond them are filler."""
        ids = np.full((count, self.length(rows)), self.padding_id, np.int32)
        ids[:, 0] = self.tokens[rows[0]][0]  # filler attends to something
        for k, row in enumerate(rows):
            ids[k, : len(self.tokens[row])] = self.tokens[row]
        return ids

    def _padded(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A batch's ids, labels and row weights, filled up to the batch size with rows of weight 0."""
        labels = np.zeros((self.batch_size, self.prepared.labels.shape[1]), np.float32)
        labels[: len(rows)] = self.prepared.labels[rows]
        weights = (np.arange(self.batch_size) < len(rows)).astype(np.float32)
        return self._ids(rows, self.batch_size), labels, weights

    def _warm_up(self) -> None:
        """Compile both programs for each length; what the steps change is set back at each fold's start."""
        for length in self.lengths:
            self.step_seconds(length, steps=1)
            self._predict(np.full((PREDICT_ROWS, length), 1, np.int32))


def lengths(longest: int) -> list[int]:
    """The compiled lengths: doubled from SHORTEST on, and the longest text's own."""
    found = [SHORTEST]
    while found[-1] < longest:
        found.append(min(2 * found[-1], int(longest)))
    return found


def learning_rates(peak: float, steps: int, warm_up: float) -> np.ndarray:
    """float32 (steps,): linearly up to `peak` over the first `warm_up` of the steps, linearly down to 0 after the last one."""
    step, rise = np.arange(1, steps + 1), max(1, round(warm_up * steps))
    return (peak * np.minimum(step / rise, (steps + 1 - step) / (steps + 1 - rise))).astype(np.float32)


def cost_of_base(prepared: Prepared, fold: Fold) -> dict:
    """What fine-tuning BERT-base on `fold` would cost on this machine: a few steps with random weights at each batch length,
    times the steps of the fold.

    Keys: parameters, steps (of the fold), seconds_per_epoch, seconds and processor_seconds (of the fold's training; they differ
    where other work shares the machine), host, step (length -> seconds).
    """
    tuner = FineTuner(prepared, fold, architecture=checkpoints.BASE)
    train, _, _ = fold.split(prepared.labels)
    found = [tuner.length(batch) for batch in tuner.cut(train, np.random.default_rng(0))]
    step = {length: tuner.step_seconds(length, 2) for length in sorted(set(found))}
    wall, processor = (float(seconds) for seconds in np.sum([step[length] for length in found], axis=0))
    epochs = fold.training["epochs"]
    return {"parameters": tuner.parameters(), "seconds_per_epoch": wall, "seconds": wall * epochs, "processor_seconds": processor * epochs,
            "steps": epochs * len(found), "host": host(), "step": {str(length): seconds[0] for length, seconds in step.items()}}  # fmt: skip
