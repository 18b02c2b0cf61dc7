"""Many folds of one build as one program (JAX): LSTM-CS and SIMPLE on an accelerator.

The folds of a cell are the same program on other rows. So the step of one fold is written once, with the same Keras model that
lstm.py trains, and jax.vmap runs it for all folds side by side; lax.scan takes them through an epoch in one call. The data set
stays on the device: what travels an epoch are row numbers and the bits of the dropout masks. Initial weights, batch order and
masks are drawn by NumPy exactly as for one fold after the other, so a fold gets the same numbers from either engine.

On a CPU nothing is gained by it: there vmap costs more than a loop over the folds.
"""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Lock

import jax
import jax.numpy as jnp
import keras
import numpy as np

from ..cell import FUNCTIONS
from ..datasets.preprocess import Prepared
from ..environment import describe
from ..fold import Fold
from ..models.bilstm import build_model
from ..models.initial import initial_weights
from ..recurrence import jax as loops
from .batches import Batches
from .trainer import Course, Trained, Trainer

PROBE_ROWS = 64  # test rows on which the largest |c| is looked up
PREDICT_ROWS = 256  # rows a fold and step of prediction
SHARE = 0.8  # of the device's memory that folds may fill
ON_CPU = 4  # folds at once where nothing is gained by more
LAYERS = ("bi_lstm_1", "bi_lstm_2")


class ManyTrainer(Trainer):
    """A Trainer whose `train` takes all its folds at once.

    tf32: let an NVIDIA card round the factors of matrix products to 10 bits; float32 otherwise. Records name it.
    """

    engine = "jax"
    jit = True

    def __init__(self, prepared: Prepared, fold: Fold, tf32: bool = False):
        started = time.perf_counter()
        self.prepared, self.precision = prepared, "tensorfloat32" if tf32 else "float32"
        sizes, training = fold.sizes, fold.training
        self.model = build_model(
            fold.model, vocab_size=prepared.vocab_size, max_len=prepared.max_len, n_classes=len(prepared.classes),
            alteration=fold.alteration, padding=fold.padding, **sizes,
        )  # fmt: skip
        self.masked = fold.padding == "mask"
        self.batches = Batches(
            prepared.ids, prepared.labels, training["batch_size"], fold.padding, sizes["dropout"], sizes["embedding"], prepared.options.pad_side
        )  # fmt: skip
        self.variables = self.model.trainable_variables
        self.optimizer = keras.optimizers.Adam(training["learning_rate"])
        self.optimizer.build(self.variables)
        self._pieces()
        self._ids, self._labels = jnp.asarray(prepared.ids), jnp.asarray(prepared.labels)
        self._programs: dict[tuple, Callable] = {}
        self._lock = Lock()
        self.compile_seconds = time.perf_counter() - started

    def _pieces(self) -> None:
        """The model cut at its dropout, whose masks are drawn ahead, and cut before each recurrent layer, to look at its states."""
        embedding, dropout = self.model.get_layer("embedding"), self.model.get_layer("spatial_dropout")
        self._table = _place(embedding.embeddings, self.variables)
        mask = [dropout.output._keras_mask] if self.masked else []
        self._between = None  # of LSTM-CS, the embedding goes straight into the dropout
        if dropout.input is not embedding.output:
            seen = [embedding.output._keras_mask] if self.masked else []
            self._between = _Piece(keras.Model([embedding.output, *seen], dropout.input), self.variables)
        self._tail = _Piece(keras.Model([dropout.output, *mask], self.model.outputs), self.variables)
        self._whole = _Piece(self.model, self.variables)
        self._probes = []
        for name in LAYERS:
            layer = self.model.get_layer(name)
            inputs = _Piece(keras.Model(self.model.inputs, keras.tree.flatten(layer.input)[0]), self.variables)
            halves = [layer.forward_layer.cell, layer.backward_layer.cell]
            places = [[_place(v, self.variables) for v in (cell.kernel, cell.recurrent_kernel, cell.bias)] for cell in halves]
            self._probes.append((inputs, places))
        self._alter = layer.forward_layer.alteration.of(FUNCTIONS)
        half = [self.variables[place].value for place in places[0]]
        self.loop = "kernel" if loops.kernel.takes(loops.cell, self._alter, half[0], [half]) else "fast"

    def at_once(self) -> int:
        """How many folds the device's memory holds side by side."""
        device = jax.devices()[0]
        limit = (device.memory_stats() or {}).get("bytes_limit") if device.platform != "cpu" else None
        if limit is None:
            return ON_CPU
        weights = 20 * sum(int(np.prod(v.shape)) for v in self.variables)  # value, two moments, gradient, change: 4 bytes each
        units, width = self.model.get_layer(LAYERS[0]).forward_layer.units, self.batches.width
        # a token and row: dropout's input and output with gradients; a layer's projections, gates, their gradients, and states
        activations = 4 * self.batches.size * self.prepared.max_len * (4 * width + 2 * 2 * units * (4 * 4 + 6))
        prediction = 4 * PREDICT_ROWS * self.prepared.max_len * (width + 2 * units * (4 + 4))
        return max(1, int(SHARE * limit / (weights + activations + prediction)))

    def train(self, folds: list[Fold]) -> list[Trained]:
        """All `folds` side by side; when they do not fit, the halves one after the other."""
        try:
            return self._train(folds)
        except Exception as error:
            if "RESOURCE_EXHAUSTED" not in str(error) or len(folds) == 1:
                raise
        half = len(folds) // 2
        return self.train(folds[:half]) + self.train(folds[half:])

    def compile_for(self, folds: list[Fold]) -> None:
        """Compile the programs that `folds` side by side need, unless that is done: another thread may do so ahead of time."""
        rows = [len(fold.split(self.prepared.labels)[0]) for fold in folds]  # to train on
        sizes = [-(-count // self.batches.size) for count in rows]
        rest = len(self.prepared.labels) - min(rows)

        def array(shape, dtype):
            return jax.ShapeDtypeStruct((len(folds), *shape), dtype)

        params = [array(v.shape, v.dtype) for v in self.variables]
        moments = [array(v.shape, v.dtype) for v in self.optimizer.variables]
        steps = (max(sizes), self.batches.size)
        self._program("epoch", min(sizes), params, moments, array(steps, np.int32), array((*steps, -(-self.batches.width // 8)), np.uint8))
        self._program("answers", None, params, array((-(-rest // PREDICT_ROWS), PREDICT_ROWS), np.int32))
        self._program("largest", None, params, array((PROBE_ROWS,), np.int32))

    def _train(self, folds: list[Fold]) -> list[Trained]:
        self.compile_for(folds)
        started = time.perf_counter()
        parts = [fold.split(self.prepared.labels) for fold in folds]
        courses = [Course(self.prepared, fold, validation, test) for fold, (_, validation, test) in zip(folds, parts)]
        params = self._initial(folds)
        moments = [jnp.zeros((len(folds), *v.shape), v.dtype) for v in self.optimizer.variables]
        moments[_place(self.optimizer.learning_rate, self.optimizer.variables)] += folds[0].training["learning_rate"]
        asked = jnp.asarray(_table([np.concatenate([validation, test]) for _, validation, test in parts], PREDICT_ROWS))
        probe = jnp.asarray(np.stack([np.resize(test[:PROBE_ROWS], PROBE_ROWS) for _, _, test in parts]), jnp.int32)
        largest = [np.asarray(self._run("largest", None, params, probe))]  # after each epoch, (folds,)
        seconds, alive = np.zeros(len(folds)), np.ones(len(folds), bool)

        def noted(epoch: int, *found: jax.Array) -> bool:
            """Note an epoch of all folds; whether any goes on."""
            losses, answers, latest = map(np.asarray, found)
            largest.append(latest)
            for k, (course, (train, validation, test)) in enumerate(zip(courses, parts)):
                if alive[k]:
                    given = dict(zip(("val", "test"), np.split(answers[k][: len(validation) + len(test)], [len(validation)])))
                    alive[k] = not course.ends(epoch, float(losses[k]) / len(train), given.get)
                    seconds[k] = time.perf_counter() - started
            return alive.any()

        before = None  # what the device has found of an epoch is looked at while it works on the next
        for epoch, (common, order, bits) in enumerate(self._drawn(folds, [train for train, _, _ in parts]), start=1):
            params, moments, losses = self._run("epoch", common, params, moments, jnp.asarray(order), jnp.asarray(bits))
            now = epoch, losses, self._run("answers", None, params, asked), self._run("largest", None, params, probe)
            if before and not noted(*before):
                break
            before = now
        else:
            noted(*before)
        about = describe() | self.environment() | {"folds_at_once": len(folds)}
        trained = []
        for k, (course, (train, _, _)) in enumerate(zip(courses, parts)):
            cost = {"train_rows": len(train), "train_seconds": float(seconds[k]) / len(folds), "compile_seconds": self.compile_seconds,
                    "parameters": self.parameters()}  # fmt: skip
            known = len(course.curve) - (1 if course.error else 0)  # of a fold that diverged, what was before
            trained.append(course.trained(cost, float(largest[known][k]), about))
        return trained

    def _initial(self, folds: list[Fold]) -> list[jax.Array]:
        with ThreadPoolExecutor() as pool:
            drawn = list(pool.map(lambda fold: initial_weights(self.variables, fold.seed_for("weights")), folds))
        return [jnp.asarray(np.stack(values)) for values in zip(*drawn)]

    def _drawn(self, folds: list[Fold], rows: list[np.ndarray]) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """An epoch of all folds at a time; the next is drawn while the device trains.

        Yields (steps that every fold has, row numbers [E, S, B] with -1 for filler, bits of the dropout masks [E, S, B, width / 8]).
        """
        generators = [np.random.default_rng(fold.seed_for("order")) for fold in folds]

        def one(rng: np.random.Generator, mine: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
            parts = self.batches.drawn(mine, rng)
            return [pair for _, batches, keep in parts for pair in zip(batches, np.packbits(keep, -1))]

        def epoch(pool: ThreadPoolExecutor) -> tuple[int, np.ndarray, np.ndarray]:
            found = list(pool.map(one, generators, rows))
            order = np.full((len(folds), max(map(len, found)), self.batches.size), -1, np.int32)
            bits = np.zeros((*order.shape, -(-self.batches.width // 8)), np.uint8)
            for k, steps in enumerate(found):
                for step, (members, mask) in enumerate(steps):
                    order[k, step, : len(members)], bits[k, step] = members, mask
            return min(map(len, found)), order, bits

        with ThreadPoolExecutor() as pool, ThreadPoolExecutor(1) as ahead:
            following = ahead.submit(epoch, pool)
            for number in range(1, folds[0].training["epochs"] + 1):
                drawn = following.result()
                if number < folds[0].training["epochs"]:
                    following = ahead.submit(epoch, pool)
                yield drawn

    # === What is compiled: every function is of one fold; ids and labels of the data set are the same for all ===

    def _epoch(self, common, ids, labels, params, moments, order, bits):
        """An epoch: params, moments, order [S, B] (row numbers, -1 is filler), bits [S, B, E / 8] -> params, moments, sum of losses.

        common: steps that every fold has; in later ones a fold that has none stays as it is.
        """

        def step(state, drawn):
            params, moments, total = state
            (_, loss), gradients = jax.value_and_grad(self._loss, has_aux=True)(params, ids, labels, *drawn)
            params, moments = self.optimizer.stateless_apply(moments, gradients, params)
            return (params, moments, total + loss), None

        def last(state, drawn):
            there = (drawn[0] >= 0).any()
            return jax.tree.map(lambda new, old: jnp.where(there, new, old), step(state, drawn)[0], state), None

        state = (params, moments, jnp.float32(0))
        state, _ = jax.lax.scan(step, state, (order[:common], bits[:common]))
        if order.shape[0] > common:
            state, _ = jax.lax.scan(last, state, (order[common:], bits[common:]))
        return state

    def _loss(self, params, ids, labels, order, bits):
        """Mean loss of a batch, which is what is differentiated, and its sum over rows."""
        real = order >= 0
        ids = ids[jnp.maximum(order, 0)] * real[:, None]
        labels = (labels[jnp.maximum(order, 0)] * real[:, None]).astype(jnp.float32)
        keep = jnp.unpackbits(bits, axis=-1, count=self.batches.width).astype(jnp.float32) * self.batches.scale
        x = looked_up(params[self._table], ids)
        if self._between:
            x = self._between(params, x, ids > 0 if self.masked else None)
        scores = self._tail(params, x * keep[:, None, :], ids > 0 if self.masked else None)
        total = jnp.sum(jnp.where(real, keras.losses.binary_crossentropy(labels, scores), 0))
        return total / jnp.maximum(jnp.sum(real), 1), total

    def _answers(self, _, ids, labels, params, asked):
        """asked [P, PREDICT_ROWS] row numbers -> probabilities [P * PREDICT_ROWS, classes]."""
        found = jax.lax.map(lambda rows: self._whole(params, ids[rows]), asked)
        return found.reshape(-1, found.shape[-1])

    def _largest(self, _, ids, labels, params, probe):
        """Largest |c| in any layer over the probe's rows; NaN is passed over."""
        ids, largest = ids[probe], jnp.float32(-1)
        for inputs, places in self._probes:
            weights = [tuple(params[p] for p in half) for half in places]
            c = loops.cell_states(inputs(params, ids), weights, self._alter, (False, True), ids > 0 if self.masked else None)
            largest = jnp.maximum(largest, jnp.max(jnp.nan_to_num(jnp.abs(c), nan=-1.0, posinf=jnp.inf)))
        return jnp.where(largest < 0, jnp.nan, largest)

    def _run(self, name: str, common: int | None, *arguments):
        return self._program(name, common, *arguments)(self._ids, self._labels, *arguments)

    def _program(self, name: str, common: int | None, *arguments) -> Callable:
        """The function of that name for all folds at once, compiled once for each shape of its arguments."""
        key = name, common, tuple(a.shape for a in jax.tree.leaves(arguments))
        with self._lock:
            if key not in self._programs:
                started = time.perf_counter()
                function = partial({"epoch": self._epoch, "answers": self._answers, "largest": self._largest}[name], common)
                every = jax.vmap(function, in_axes=(None, None, *[0] * len(arguments)))
                with jax.default_matmul_precision(self.precision):
                    compiling = jax.jit(every, donate_argnums=(2, 3) if name == "epoch" else ()).lower(self._ids, self._labels, *arguments)
                    self._programs[key] = compiling.compile()
                self.compile_seconds += time.perf_counter() - started
        return self._programs[key]

    def parameters(self) -> int:
        return self.model.count_params()

    def environment(self) -> dict:
        device = jax.devices()[0]
        about = {"engine": self.engine, "loop": self.loop, "jit": True, "device": device.device_kind, "precision": self.precision}
        return about | ({"shared": True} if device.platform == "gpu" and served() else {})


def served() -> bool:
    """Whether NVIDIA's multi-process service is at work: then others may train on the card meanwhile, and times say little."""
    return Path(os.environ.get("CUDA_MPS_PIPE_DIRECTORY", "/tmp/nvidia-mps")).exists()


class _Piece:
    """A part of a Keras model as a function of all the model's weights."""

    def __init__(self, model: keras.Model, variables: list):
        self.model = model
        self.places = [_place(v, variables) for v in model.trainable_variables]
        self.fixed = [v.value for v in model.non_trainable_variables]

    def __call__(self, params, x, mask=None):
        inputs = x if mask is None else [x, mask]
        return self.model.stateless_call([params[p] for p in self.places], self.fixed, inputs, training=False)[0]


@jax.custom_vjp
def looked_up(table, ids):
    """table[ids]: rows of an embedding [V, E] for ids of any shape.

    The gradient adds up the rows of a token in a fixed order, so that it has the same bits every time. On a card JAX's own adds
    them as they come; made deterministic, it takes 40 % of a training step (HASOC's shape, 100 folds, one H100).
    """
    return table[ids]


def _gradient_of_table(residuals, d_rows):
    (size, ids) = residuals
    order = jnp.argsort(ids.reshape(-1), stable=True)
    ids, d_rows = ids.reshape(-1)[order], d_rows.reshape(-1, d_rows.shape[-1])[order]

    def add(left, right):  # (id, sum of the rows of this id so far), one after the other
        same = left[0] == right[0]
        return right[0], right[1] + jnp.where(same[:, None], left[1], 0)

    _, sums = jax.lax.associative_scan(add, (ids, d_rows))
    last = jnp.concatenate([ids[1:] != ids[:-1], jnp.ones(1, bool)])  # where a token's sum is complete
    place = jnp.where(last, ids, size + jnp.arange(len(ids)))  # the others are dropped, each by a number of its own
    d_table = jnp.zeros((size, d_rows.shape[-1]), d_rows.dtype)
    return d_table.at[place].set(sums, mode="drop", unique_indices=True), None


looked_up.defvjp(lambda table, ids: (table[ids], (len(table), ids)), _gradient_of_table)


def _place(variable, variables) -> int:
    return next(k for k, other in enumerate(variables) if other is variable)


def _table(rows: list[np.ndarray], width: int) -> np.ndarray:
    """Row numbers of each fold, filled up to the same number: int32 (folds, chunks, width)."""
    most = -(-max(map(len, rows)) // width) * width
    return np.stack([np.resize(mine, most) for mine in rows]).reshape(len(rows), -1, width).astype(np.int32)
