"""What step.py and throughput.py time: ours, and the routes others would take. One contender is one process.

ours       lstmcs.training.lstm.LSTMTrainer as the study runs it
torch      PyTorch's nn.LSTM, which is fused and cannot be altered; or an altered cell in a loop over time
keras      Keras 3's LSTM under fit
tf_keras   Keras 2's, the paper's own route; an alteration is a line put into the step function of its layer
numpy      the product of two large matrices: the most a core gives

All but the last do the study's whole step: embedding, spatial dropout, two Bi-LSTM, pools, dense sigmoid, loss, Adam.
This file also runs in interpreters without lstmcs, so each contender imports what it needs.
"""

import argparse
import inspect
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BATCH, EMBEDDING, UNITS, DROPOUT, RATE = 32, 256, 104, 0.2, 1e-3
PRODUCTS = 4  # of numpy, in a round


@dataclass(frozen=True)
class Shape:
    """Documents of T words out of V - 1 (0 is padding), a number of classes, and the steps of an epoch."""

    T: int
    V: int
    classes: int
    steps: int

    def arrays(self):
        """Made-up ids and one-hot labels of an epoch. No document has padding, so that no route can save work on it."""
        rng, rows = np.random.default_rng(0), self.steps * BATCH
        labels = np.eye(self.classes, dtype=np.float32)[rng.integers(0, self.classes, rows)]
        return rng.integers(1, self.V, (rows, self.T)).astype(np.int32), labels

    @property
    def flops(self):
        """Of a step's matrix products alone: forward and twice that backward, two directions, both layers."""
        return 2 * 3 * 2 * BATCH * self.T * 4 * UNITS * ((EMBEDDING + UNITS) + (2 * UNITS + UNITS))


# === Each builds a function that trains for one epoch ===
def ours(shape, name):
    from lstmcs import alteration, environment

    environment.prepare(training=True)  # before TensorFlow
    from lstmcs.study.plan import Settings, plan
    from lstmcs.training.lstm import LSTMTrainer

    with tempfile.TemporaryDirectory() as folder:
        path = write_csv(Path(folder) / "made_up.csv", shape, max(40 * shape.steps, -(-3 * shape.V // shape.T)))
        work = plan(Settings.of(datasets=[str(path)], alterations=[name], models=["lstm"], runs=1, folds=1, workers=0))
    (prepared,) = work.data.values()
    check(prepared, shape)
    trainer = LSTMTrainer(prepared, next(fold for fold in work.folds if fold.alteration == alteration(name).key))
    rows, rng = np.arange(shape.steps * BATCH), np.random.default_rng(0)
    return lambda: trainer.epoch(rows, rng)


def write_csv(path, shape, documents):
    """Made-up documents of T words, in which each of V - 1 words comes at least three times: preparation keeps them all."""
    rng, count = np.random.default_rng(0), documents * shape.T
    words = np.concatenate([rng.permutation(shape.V - 1) for _ in range(count // (shape.V - 1) + 1)])[:count]
    lines = (",".join((" ".join(f"w{word}" for word in row), f"c{n % shape.classes}")) for n, row in enumerate(words.reshape(-1, shape.T)))
    path.write_text("\n".join(["text,label", *lines, ""]), encoding="utf-8")
    return path


def check(prepared, shape):
    found = prepared.max_len, prepared.vocab_size, len(prepared.classes)
    if found != (shape.T, shape.V, shape.classes):
        raise RuntimeError(f"the made-up data came out of preparation as (T, V, classes) {found}, not {shape}")


def keras_3(shape, jit):
    import keras

    return _fit(keras, shape, jit_compile=jit)


def keras_2(shape, line):
    import tf_keras

    alter_tf_keras(line)
    return _fit(tf_keras, shape)


def keras_model(keras, shape):
    """The study's network, compiled, in stock layers of Keras 2 (tf_keras) or Keras 3."""
    layers = keras.layers
    ids = keras.Input((shape.T,), dtype="int32")
    x = layers.SpatialDropout1D(DROPOUT)(layers.Embedding(shape.V, EMBEDDING)(ids))
    for _ in range(2):
        x = layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True))(x)
    x = layers.Concatenate()([layers.GlobalMaxPooling1D()(x), layers.GlobalAveragePooling1D()(x)])
    return keras.Model(ids, layers.Dense(shape.classes, activation="sigmoid")(x))


def _fit(keras, shape, **how):
    import tensorflow as tf

    model = keras_model(keras, shape)
    model.compile(keras.optimizers.Adam(RATE), "binary_crossentropy", **how)
    data = tf.data.Dataset.from_tensor_slices(shape.arrays()).shuffle(shape.steps * BATCH).batch(BATCH, drop_remainder=True)
    options = tf.data.Options()
    options.autotune.enabled = False  # its thread may block the end of an epoch for seconds
    data = data.with_options(options)
    return lambda: model.fit(data, verbose=0)


def alter_tf_keras(line):
    """Put `line` at the end of the step function of tf_keras' LSTM, in this process, and make sure that it runs there."""
    if not line:
        return
    import tf_keras
    from tf_keras.src.layers.rnn import lstm

    layer, x = tf_keras.layers.LSTM(4), np.ones((1, 3, 4), np.float32)
    before = layer(x).numpy()
    source, last = inspect.getsource(lstm.standard_lstm), "        h = o * tf.tanh(c)\n"
    if source.count(last) != 1:
        raise RuntimeError("this is not the standard_lstm that the line was written for; use tf_keras 2.21")
    exec(compile(source.replace(last, f"{last}        {line}\n"), "standard_lstm, altered", "exec"), vars(lstm))
    if np.allclose(before, layer(x).numpy()):
        raise RuntimeError(f"the line {line!r} changes nothing in tf_keras' layer")


def pytorch(shape, how):
    import torch
    from torch import nn

    torch.set_num_threads(1)
    embedding, scores = nn.Embedding(shape.V, EMBEDDING), nn.Linear(4 * UNITS, shape.classes)
    fused = nn.LSTM(EMBEDDING, UNITS, num_layers=2, bidirectional=True, batch_first=True)
    kernels = nn.ModuleList(nn.Linear(width, 4 * UNITS) for width in (EMBEDDING, EMBEDDING, 2 * UNITS, 2 * UNITS))
    recurrent = nn.ParameterList(torch.randn(UNITS, 4 * UNITS) / UNITS**0.5 for _ in kernels)

    def direction(x, k):
        """C-1 as one writes it by hand: the inputs' products ahead, then a loop over time, backwards for an odd k."""
        h = c = x.new_zeros(BATCH, UNITS)
        outputs = []
        for z in kernels[k](x).unbind(1)[:: -1 if k % 2 else 1]:
            i, f, g, o = torch.addmm(z, h, recurrent[k]).chunk(4, 1)
            i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
            c = f * c + i * g
            h = o * torch.tanh(c)
            c = c * o
            outputs.append(h)
        return torch.stack(outputs[:: -1 if k % 2 else 1], 1)

    def forward(ids, mask):
        x = embedding(ids) * mask
        if how == "fused":
            x = fused(x)[0]
        else:
            for k in (0, 2):
                x = torch.cat([direction(x, k), direction(x, k + 1)], -1)
        return torch.sigmoid(scores(torch.cat([x.amax(1), x.mean(1)], -1)))

    ids, labels = map(torch.from_numpy, shape.arrays())
    modules = nn.ModuleList([embedding, scores, *([fused] if how == "fused" else [kernels, recurrent])])
    optimizer = torch.optim.Adam(modules.parameters(), RATE, eps=1e-7, fused=True)  # fused: the fastest on a CPU, too
    run, loss_of = torch.compile(forward, dynamic=False) if how == "compiled" else forward, nn.BCELoss()

    def epoch():
        for rows in torch.randperm(len(ids)).split(BATCH):
            mask = (torch.rand(BATCH, 1, EMBEDDING) >= DROPOUT) / (1 - DROPOUT)
            optimizer.zero_grad()
            loss_of(run(ids[rows], mask), labels[rows]).backward()
            optimizer.step()

    return epoch


def gemm(shape, size):
    a = np.random.default_rng(0).random((size, size), np.float32)
    out = np.empty_like(a)
    return lambda: [np.matmul(a, a, out=out) for _ in range(PRODUCTS)]


#: (name, variant), of a name's variants the fastest counts: kind, builder, its argument
FUSED, PLAIN, CEILING = ("PyTorch nn.LSTM, fused, unaltered", ""), ("ours, unaltered", ""), ("sgemm", "")
CONTENDERS = {
    PLAIN: ("ours", ours, "none"),
    **{(f"ours, {name}", ""): ("ours", ours, name) for name in ("C-1", "C-3", "C-8", "C-11", "H-2", "H-5")},
    FUSED: ("torch", pytorch, "fused"),
    **{("PyTorch loop over a cell, C-1", how): ("torch", pytorch, how) for how in ("eager", "compiled")},
    **{("Keras 3 LSTM, unaltered", "XLA" if jit else "no XLA"): ("keras", keras_3, jit) for jit in (True, False)},
    ("tf_keras LSTM, unaltered", ""): ("tf_keras", keras_2, ""),
    ("tf_keras LSTM, C-1", ""): ("tf_keras", keras_2, "c = c * o"),
    CEILING: ("numpy", gemm, 2048),
}


def program(path):
    """An option's value that names an interpreter."""
    if not os.access(path, os.X_OK):
        raise argparse.ArgumentTypeError(f"no such program: {path}")
    return path


def positive(text):
    """An option's value that is a whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def last_line(errors):
    """What a process said last on its way out: the message of its exception, as a rule."""
    errors.seek(0)
    return ([text.strip() for text in errors if text.strip()] or ["it said nothing"])[-1][:200]


def serve(key, shape):
    """Build and warm up, then an epoch for each line on stdin. Answers are JSON lines on stdout, all else goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    kind, build, argument = CONTENDERS[key]
    epoch = build(shape, argument)
    steps = PRODUCTS if kind == "numpy" else shape.steps

    def ms():
        started = time.perf_counter()
        epoch()
        return (time.perf_counter() - started) * 1e3 / steps

    ms()
    modules = ("tensorflow", "keras") if kind == "ours" else (kind,)
    ready = {"round_seconds": ms() * steps / 1e3, "versions": [f"{m} {sys.modules[m].__version__}" for m in modules]}
    answers.write(json.dumps(ready) + "\n")
    while sys.stdin.readline():
        answers.write(json.dumps({"ms": ms()}) + "\n")


if __name__ == "__main__":
    name, variant, shape = json.loads(sys.argv[1])
    serve((name, variant), Shape(**shape))
