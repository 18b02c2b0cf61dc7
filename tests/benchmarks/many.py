"""What one training step of one fold costs when many folds are one program: ours, and the routes others would take.

    python tests/benchmarks/many.py [--shapes hasoc hate crowd] [--peers ours single cudnn naive] [--precision float32 | tf32]
    python tests/benchmarks/many.py --parts --shapes hasoc          the pieces of our step, each alone

ours     training/many.py's program of an epoch, all folds side by side
single   the same for one fold at a time
cudnn    PyTorch's nn.LSTM, one fold at a time: fused by cuDNN on a card, and not to be altered
naive    jax.vmap over flax.linen's OptimizedLSTMCell in nn.RNN, differentiated by JAX; all folds side by side

All do the study's whole step: embedding, spatial dropout, two Bi-LSTM, pools, dense sigmoid, loss, Adam on every weight. The data
are made up in the shapes of three data sets: words by Zipf's law, two thirds of a document padding in front. Rounds go over all contenders
in turn. Compiling is not in the times; programs compile side by side and each says how long it took. PyTorch and flax are
imported only when they are asked for, and what is not installed is left out.
"""

import argparse
import json
import os
import platform
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import numpy as np

BATCH, EMBEDDING, UNITS, DROPOUT, RATE, EPSILON = 32, 256, 104, 0.2, 1e-3, 1e-7
PEERS = ("ours", "single", "cudnn", "naive")
SHARE_OF_MEMORY = "0.8"  # of a card for JAX; PyTorch takes what it needs of the rest


@dataclass(frozen=True)
class Shape:
    """Documents of at most T words out of V - 1 (0 is padding). steps: timed in a round, unless --steps says otherwise."""

    name: str
    T: int
    V: int
    classes: int
    rows: int
    steps: int = 20

    def data(self):
        """What ManyTrainer asks of a prepared data set."""
        rng = np.random.default_rng(0)
        chance = 1 / np.arange(1, self.V)
        ids = rng.choice(np.arange(1, self.V, dtype=np.int32), (self.rows, self.T), p=chance / chance.sum())
        lengths = np.clip(rng.gamma(2, self.T / 6, self.rows).astype(int), 1, self.T)
        ids[np.arange(self.T) < self.T - lengths[:, None]] = 0
        labels = np.eye(self.classes, dtype=np.uint8)[rng.integers(0, self.classes, self.rows)]
        return SimpleNamespace(
            ids=ids, labels=labels, rows=np.arange(self.rows), vocab_size=self.V, max_len=self.T, classes=tuple(map(str, range(self.classes))),
            options=SimpleNamespace(pad_side="pre"),
        )  # fmt: skip

    @property
    def flops(self):
        """Of a step's matrix products alone: forward and twice that backward, two directions, both layers."""
        return 2 * 3 * 2 * BATCH * self.T * 4 * UNITS * ((EMBEDDING + UNITS) + (2 * UNITS + UNITS))


SHAPES = {s.name: s for s in (Shape("hasoc", 43, 15058, 4, 5467), Shape("hate", 342, 3815, 3, 819, 6), Shape("crowd", 18, 4489, 13, 25994))}


class Unavailable(Exception):
    """A contender that cannot be timed; the message goes into the report."""


# === Contenders: compile(), then prepare() and run() for each round; run() returns when the device is done ===


class Ours:
    """ManyTrainer's program of an epoch."""

    def __init__(self, shape, alteration, folds, steps, tf32):
        from lstmcs.training.many import ManyTrainer

        self.name, self.folds, self.steps = f"ours, {alteration}" if folds > 1 else f"ours one by one, {alteration}", folds, steps
        self.trainer, self.rng = ManyTrainer(shape.data(), fold_of(shape, alteration), tf32), np.random.default_rng(0)
        self.trainer.compile_seconds = 0.0

    def compile(self):
        import jax

        arrays = self.arrays(lambda shape, dtype: jax.ShapeDtypeStruct(shape, dtype))
        self.program = self.trainer._program("epoch", self.steps, *arrays)
        self.compile_seconds = self.trainer.compile_seconds

    def arrays(self, make):
        """params, moments, order, bits of all folds, each `make(shape, dtype)`."""
        shapes = [[(self.folds, *v.shape) for v in group] for group in (self.trainer.variables, self.trainer.optimizer.variables)]
        params, moments = (
            [make(shape, np.float32) for shape in shapes[0]],
            [make(shape, v.dtype) for shape, v in zip(shapes[1], self.trainer.optimizer.variables)],
        )
        steps = (self.folds, self.steps, BATCH)
        return params, moments, make(steps, np.int32), make((*steps, EMBEDDING // 8), np.uint8)

    def prepare(self):
        import jax

        jnp = jax.numpy
        params = [jnp.broadcast_to(v.value, (self.folds, *v.shape)) + 0 for v in self.trainer.variables]
        moments = [jnp.broadcast_to(v.value, (self.folds, *v.shape)) + 0 for v in self.trainer.optimizer.variables]
        order, bits = drawn(self.rng, self.folds, self.steps, len(self.trainer.prepared.ids))
        self.given = jax.block_until_ready((params, moments, jnp.asarray(order), jnp.asarray(bits)))

    def run(self):
        import jax

        given, self.given = self.given, None
        jax.block_until_ready(self.program(self.trainer._ids, self.trainer._labels, *given))


class Naive:
    """flax's cell in its own loop over time, plain autodiff, optax' Adam; vmap over folds and a scan over steps as ours."""

    def __init__(self, shape, folds, steps, tf32):
        if missing := [name for name in ("flax", "optax") if not find_spec(name)]:
            raise Unavailable(f"{missing[0]} is not installed")
        import flax.linen as nn
        import jax
        import optax

        jnp = jax.numpy

        class Model(nn.Module):
            @nn.compact
            def __call__(self, ids, keep):
                x = nn.Embed(shape.V, EMBEDDING)(ids) * keep[:, None, :]
                for _ in range(2):
                    x = nn.Bidirectional(nn.RNN(nn.OptimizedLSTMCell(UNITS)), nn.RNN(nn.OptimizedLSTMCell(UNITS)))(x)
                return nn.Dense(shape.classes)(jnp.concatenate([x.max(1), x.mean(1)], -1))

        self.name, self.folds, self.steps, self.data = "vmap over flax' cell", folds, steps, shape.data()
        self.precision, self.rng, model, self.adam = "tensorfloat32" if tf32 else "float32", np.random.default_rng(0), Model(), optax.adam(RATE, eps=EPSILON)  # fmt: skip
        self.ids, self.labels = jnp.asarray(self.data.ids), jnp.asarray(self.data.labels, jnp.float32)
        self.fresh = model.init(jax.random.key(0), self.ids[:BATCH], jnp.ones((BATCH, EMBEDDING)))

        def step(state, drawn, ids, labels):
            order, bits = drawn

            def loss(params):
                keep = jnp.unpackbits(bits, axis=-1).astype(jnp.float32) / (1 - DROPOUT)
                return optax.sigmoid_binary_cross_entropy(model.apply(params, ids[order], keep), labels[order]).mean()

            gradients = jax.grad(loss)(state[0])
            updates, moments = self.adam.update(gradients, state[1])
            return (optax.apply_updates(state[0], updates), moments), None

        def epoch(ids, labels, state, order, bits):
            return jax.lax.scan(partial(step, ids=ids, labels=labels), state, (order, bits))[0]

        self.program = jax.jit(jax.vmap(epoch, (None, None, 0, 0, 0)), donate_argnums=2)

    def compile(self):
        import jax

        started = time.perf_counter()
        self.prepare()
        with jax.default_matmul_precision(self.precision):
            self.program = self.program.lower(self.ids, self.labels, *self.given).compile()
        self.given, self.compile_seconds = None, time.perf_counter() - started

    def prepare(self):
        import jax

        jnp = jax.numpy
        state = self.fresh, self.adam.init(self.fresh)
        state = jax.tree.map(lambda v: jnp.broadcast_to(v, (self.folds, *jnp.shape(v))) + 0, state)
        self.given = jax.block_until_ready((state, *map(jnp.asarray, drawn(self.rng, self.folds, self.steps, len(self.data.ids)))))

    run = Ours.run

    @property
    def trainer(self):
        return SimpleNamespace(_ids=self.ids, _labels=self.labels)


class Fused:
    """PyTorch's nn.LSTM and fused Adam, step after step."""

    def __init__(self, shape, steps, tf32):
        if not find_spec("torch"):
            raise Unavailable("torch is not installed")
        import torch
        from torch import nn

        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
        self.torch, self.device = torch, torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.name = "PyTorch nn.LSTM one by one, none" + ("" if self.device.type == "cuda" else " (no cuDNN: on the CPU)")
        self.folds, self.steps, data = 1, steps, shape.data()
        self.ids = torch.from_numpy(data.ids).to(self.device)
        self.labels = torch.from_numpy(data.labels).float().to(self.device)
        self.rng, self.loss = np.random.default_rng(0), nn.BCEWithLogitsLoss()
        self.embedding, self.scores = nn.Embedding(shape.V, EMBEDDING), nn.Linear(4 * UNITS, shape.classes)
        self.lstm = nn.LSTM(EMBEDDING, UNITS, num_layers=2, bidirectional=True, batch_first=True)
        self.modules = nn.ModuleList([self.embedding, self.lstm, self.scores]).to(self.device)
        self.optimizer = torch.optim.Adam(self.modules.parameters(), RATE, eps=EPSILON, fused=True)

    def compile(self):
        started = time.perf_counter()
        self.prepare()
        self.run()
        self.compile_seconds = time.perf_counter() - started  # cuDNN's choice of its kernels

    def prepare(self):
        order, bits = drawn(self.rng, 1, self.steps, len(self.ids))
        self.order = self.torch.from_numpy(order[0]).long().to(self.device)
        self.keep = self.torch.from_numpy(np.unpackbits(bits[0], axis=-1) / np.float32(1 - DROPOUT)).to(self.device)
        self.wait()

    def run(self):
        for order, keep in zip(self.order, self.keep):
            x = self.lstm(self.embedding(self.ids[order]) * keep[:, None, :])[0]
            scores = self.scores(self.torch.cat([x.amax(1), x.mean(1)], -1))
            self.optimizer.zero_grad()
            self.loss(scores, self.labels[order]).backward()
            self.optimizer.step()
        self.wait()

    def wait(self):
        if self.device.type == "cuda":
            self.torch.cuda.synchronize()


def fold_of(shape, alteration, number=1, epochs=1):
    from lstmcs import alteration as as_alteration
    from lstmcs.fold import Fold

    sizes = {"embedding": EMBEDDING, "units": UNITS, "dropout": DROPOUT}
    training = {"epochs": epochs, "batch_size": BATCH, "learning_rate": RATE}
    key = as_alteration(alteration).key
    return Fold(shape.name, "", {}, "lstm", sizes, training, key, run=number, fold=1, padding="fixed")


def drawn(rng, folds, steps, rows):
    """Row numbers and the bits of the dropout masks."""
    order = rng.integers(0, rows, (folds, steps, BATCH), np.int32)
    bits = rng.integers(0, 256, (folds, steps, BATCH, EMBEDDING // 8), np.uint8) | rng.integers(0, 256, (1, EMBEDDING // 8), np.uint8)
    return order, bits


# === The pieces of our step ===


def pieces(trainer):
    """Name -> (state of one fold, step(state, ids, labels, order, bits) -> state). Each consumes what it computes in a way that
    XLA cannot shorten, and that costs little."""
    import jax

    from lstmcs.recurrence import jax as loops
    from lstmcs.training import many

    jnp, variables = jax.numpy, trainer.variables
    params, moments = [v.value for v in variables], [v.value for v in trainer.optimizer.variables]
    where = [places for _, places in trainer._probes]  # of each layer: kernel, recurrent kernel, bias of both directions
    table, nothing = params[trainer._table], jnp.float32(0)
    x = jax.random.normal(jax.random.key(0), (BATCH, trainer.prepared.max_len, EMBEDDING))
    narrow = [[(params[kernel][:1], params[recurrent], params[bias]) for kernel, recurrent, bias in places] for places in where]
    h = jnp.ones((len(where[0]), BATCH, UNITS))

    def sgd(values, gradients):
        return jax.tree.map(lambda v, g: v - 1e-9 * g, values, gradients)

    def gradients(params, *batch):
        return jax.grad(lambda p, *batch: trainer._loss(p, *batch)[0])(params, *batch)

    def whole(state, *batch):
        return trainer.optimizer.stateless_apply(state[1], gradients(state[0], *batch), state[0])

    def forward(state, *batch):
        return state[0], state[1] + trainer._loss(state[0], *batch)[1]

    def adam(state, *batch):
        return *trainer.optimizer.stateless_apply(state[1], state[2], state[0]), state[2]

    def gradient_of(look_up):
        def step(state, ids, labels, order, bits):
            table, upstream, total = state
            found = ids[order]
            _, pull = jax.vjp(lambda table: look_up(table, found), table)
            return table, upstream, total + pull(upstream)[0][found[0, :4]].sum()

        return step

    def embedded_sorted(state, ids, labels, order, bits):
        table, upstream, total = state
        found = ids[order].ravel()
        by = jnp.argsort(found)
        gradient = jnp.zeros_like(table).at[found[by]].add(upstream.reshape(len(found), -1)[by], indices_are_sorted=True)
        return table, upstream, total + gradient[found[:4]].sum()

    def looked_up(state, ids, labels, order, bits):
        return state[0], state[1] + jnp.max(state[0][ids[order]])

    def both_loops(weights, keep):
        y = jnp.broadcast_to(keep[:, None, :1], (BATCH, trainer.prepared.max_len, 1))
        for layer in weights:
            y = loops.bidirectional(y[..., :1], *layer)
        return y

    def loops_forward(state, ids, labels, order, bits):
        return state[0], state[1] + jnp.max(both_loops(state[0], bits.astype(jnp.float32)))

    def loops_both_ways(state, ids, labels, order, bits):
        return sgd(state, jax.grad(lambda w: jnp.sum(both_loops(w, bits.astype(jnp.float32)) ** 2))(state))

    def products(state, ids, labels, order, bits):
        recurrent, h = state
        for layer in recurrent:
            h = jax.lax.scan(lambda h, _: (1e-3 * sum(jnp.split(h @ layer, 4, -1)), None), h, None, trainer.prepared.max_len)[0]  # noqa: B023
        return recurrent, h

    def projections(state, ids, labels, order, bits, backward=True):
        kernels, x, total = state
        new = []
        for kernel in kernels:
            rows = x.reshape(-1, EMBEDDING)[:, : kernel.shape[0]]
            z = rows @ kernel
            new.append(kernel - 1e-9 * (rows.T @ z) if backward else kernel)
            total += jnp.max(z @ kernel.T) if backward else jnp.max(z)
        return new, x, total

    kernels = [jnp.concatenate([params[kernel] for kernel, _, _ in places], -1) for places in where]
    recurrent = [jnp.stack([params[recurrent] for _, recurrent, _ in places]) for places in where]
    return {
        "the whole step": ((params, moments), whole),
        "forward": ((params, nothing), forward),
        "forward and backward, SGD for Adam": (params, lambda state, *batch: sgd(state, gradients(state, *batch))),
        "Adam alone, all variables": ((params, moments, params), adam),
        "embedding, looked up": ((table, nothing), looked_up),
        "embedding's gradient": ((table, x, nothing), gradient_of(many.looked_up)),
        "embedding's gradient, JAX's own": ((table, x, nothing), gradient_of(lambda table, ids: table[ids])),
        "embedding's gradient, JAX's own, ids sorted first": ((table, x, nothing), embedded_sorted),
        "both layers' input products, forward": ((kernels, x, nothing), partial(projections, backward=False)),
        "both layers' input products, forward and backward": ((kernels, x, nothing), projections),
        "both layers' loops (inputs 1 wide), forward": ((narrow, nothing), loops_forward),
        "both layers' loops (inputs 1 wide), forward and backward": (narrow, loops_both_ways),
        "the products h U of both layers' forward loops": ((recurrent, h), products),
    }


class Piece:
    """One piece for all folds at once, a scan over steps."""

    def __init__(self, name, trainer, state, step, folds, steps):
        import jax

        self.name, self.folds, self.steps, self.trainer, self.state, self.rng = name, folds, steps, trainer, state, np.random.default_rng(0)

        def epoch(ids, labels, state, order, bits):
            return jax.lax.scan(lambda state, drawn: (step(state, ids, labels, *drawn), None), state, (order, bits))[0]

        self.program = jax.jit(jax.vmap(epoch, (None, None, 0, 0, 0)), donate_argnums=2)

    def compile(self):
        import jax

        started = time.perf_counter()
        arrays = drawn(self.rng, 1, self.steps, len(self.trainer.prepared.ids))
        state, order, bits = jax.tree.map(
            lambda v: jax.ShapeDtypeStruct((self.folds, *np.shape(v)), v.dtype), (self.state, *(a[0] for a in arrays))
        )
        with jax.default_matmul_precision(self.trainer.precision):
            self.program = self.program.lower(self.trainer._ids, self.trainer._labels, state, order, bits).compile()
        self.compile_seconds = time.perf_counter() - started

    def prepare(self):
        import jax

        jnp = jax.numpy
        state = jax.tree.map(lambda v: jnp.broadcast_to(v, (self.folds, *v.shape)) + 0, self.state)
        self.given = jax.block_until_ready(
            (state, *map(jnp.asarray, drawn(self.rng, self.folds, self.steps, len(self.trainer.prepared.ids))))
        )

    run = Ours.run


class Answers:
    """Validation and test rows after an epoch, shared out to the epoch's steps."""

    name = "answers to val and test rows, an epoch's a step"

    def __init__(self, trainer, folds):
        self.trainer, self.folds = trainer, folds
        rows = len(trainer.prepared.ids)
        self.steps, self.asked = -(-int(0.8 * rows) // BATCH), rows // 5

    def compile(self):
        import jax

        from lstmcs.training.many import PREDICT_ROWS

        started = time.perf_counter()
        self.params = [jax.ShapeDtypeStruct((self.folds, *v.shape), v.dtype) for v in self.trainer.variables]
        self.shape = self.folds, -(-self.asked // PREDICT_ROWS), PREDICT_ROWS
        self.program = self.trainer._program("answers", None, self.params, jax.ShapeDtypeStruct(self.shape, np.int32))
        self.compile_seconds = time.perf_counter() - started

    def prepare(self):
        import jax

        jnp = jax.numpy
        params = [jnp.broadcast_to(v.value, (self.folds, *v.shape)) + 0 for v in self.trainer.variables]
        asked = np.random.default_rng(0).integers(0, len(self.trainer.prepared.ids), self.shape, np.int32)
        self.given = jax.block_until_ready((params, jnp.asarray(asked)))

    run = Ours.run


class Draws:
    """Batch order and dropout masks as the trainer draws them on the host (where it does so while the device trains)."""

    name = "order and masks drawn on the host"

    def __init__(self, trainer, shape, folds, steps):
        self.trainer, self.folds, self.steps, self.compile_seconds = trainer, folds, steps, 0.0
        self.members = [fold_of(shape, "none", number) for number in range(1, folds + 1)]

    def compile(self):
        pass

    def prepare(self):
        pass

    def run(self):
        rows = np.resize(np.arange(len(self.trainer.prepared.ids)), self.steps * BATCH)
        for _ in self.trainer._drawn(self.members, [rows] * self.folds):
            pass


# === Measuring ===


def contenders_of(shape, options, lost):
    steps, tf32 = options.steps or shape.steps, options.precision == "tf32"
    if options.parts:
        ours = Ours(shape, "none", options.folds, steps, tf32)
        trainer = ours.trainer
        found = [Piece(name, trainer, state, step, options.folds, steps) for name, (state, step) in pieces(trainer).items()]
        return [*found, Answers(trainer, options.folds), Draws(trainer, shape, options.folds, steps)]
    from lstmcs import ALTERATIONS

    cells = list(ALTERATIONS) if options.alterations == ["all"] else options.alterations
    makers = {
        "ours": [partial(Ours, shape, cell, options.folds, steps, tf32) for cell in cells],
        "single": [partial(Ours, shape, "none", 1, steps, tf32)],
        "cudnn": [partial(Fused, shape, steps, tf32)],
        "naive": [partial(Naive, shape, options.folds, steps, tf32)],
    }
    found = []
    for peer in PEERS:
        for make in makers[peer] if peer in options.peers else ():
            try:
                found.append(make())
            except Unavailable as reason:
                lost[peer] = str(reason)
    return found


def measure(contenders, repeats, lost):
    """Interleaved rounds: contender -> seconds of each."""

    def attempt(contender, action):
        try:
            action()
            return True
        except Exception as error:
            contender.given = None
            if not any(sign in str(error) for sign in ("RESOURCE_EXHAUSTED", "out of memory")):
                raise
            lost[contender.name] = f"{contender.folds} folds do not fit the memory"
            return False

    def ready(contender):
        started = time.perf_counter()
        contender.prepare()
        prepared = time.perf_counter()
        contender.run()
        print(f"  {contender.name}: compiled in {contender.compile_seconds:.1f} s, prepared in {prepared - started:.1f} s, "
              f"first round {time.perf_counter() - prepared:.2f} s", file=sys.stderr, flush=True)  # fmt: skip

    with ThreadPoolExecutor(min(8, os.cpu_count())) as pool:  # XLA compiles outside Python's lock
        fits = list(pool.map(lambda contender: attempt(contender, contender.compile), contenders))
    running = [c for c, fit in zip(contenders, fits) if fit and attempt(c, partial(ready, c))]
    seconds = {contender: [] for contender in running}
    for _ in range(repeats):
        for contender, times in seconds.items():
            contender.prepare()
            started = time.perf_counter()
            contender.run()
            times.append(time.perf_counter() - started)
    return seconds


def lines_of(shape, seconds):
    """A dict a contender: microseconds a fold and step, ratios to the first one (by round)."""
    first = next(iter(seconds), None)
    lines = []
    for contender, times in seconds.items():
        micro = [1e6 * t / (contender.folds * contender.steps) for t in times]
        base = [1e6 * t / (first.folds * first.steps) for t in seconds[first]]
        lines.append({
            "shape": shape.name, "contender": contender.name, "folds": contender.folds, "steps": contender.steps, "rounds": len(times),
            "us": median(micro), "best_us": min(micro), "ratio": median(a / b for a, b in zip(micro, base)),
            "tflops": shape.flops / median(micro) / 1e6, "compile_seconds": contender.compile_seconds,
        })  # fmt: skip
    return lines


def table(shape, lines, lost, parts):
    text = [f"## {shape.name.upper()}: T {shape.T}, vocabulary {shape.V}, {shape.classes} classes", ""]
    last = "share of the step" if parts else "time, x ours"
    text += [f"| | folds at once | us a fold and step | best | {last} |" + ("" if parts else " TFLOP/s of products |") + " s to compile |"]
    text += ["|---|---:|---:|---:|---:|" + ("" if parts else "---:|") + "---:|"]
    for line in lines:
        cells = [line["contender"], line["folds"], f"{line['us']:.1f}", f"{line['best_us']:.1f}"]
        cells += [f"{line['ratio']:.1%}"] if parts else [f"{line['ratio']:.2f}", f"{line['tflops']:.2f}"]
        text.append(f"| {' | '.join(map(str, cells))} | {line['compile_seconds']:.1f} |")
    return "\n".join([*text, "", *(f"- left out: {name}: {why}" for name, why in lost.items()), *([""] if lost else [])])


def main(options):
    os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", SHARE_OF_MEMORY)
    os.environ.setdefault("LSTMCS_COMPILED", "off")  # or "s to compile" would be those of reading a file
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # a checkout that is not installed
    from lstmcs import environment

    environment.prepare(training=True, engine="jax")
    import jax

    device = jax.devices()[0]
    on_card = device.platform != "cpu"
    options.folds = options.folds or (100 if on_card else 2)
    options.steps = options.steps or (None if on_card else 2)
    versions = [f"jax {jax.__version__}", *(f"{name} {module.__version__}" for name in ("keras",) if (module := __import__(name)))]
    versions += [f"{name} {__import__(name).__version__}" for name, peer in (("torch", "cudnn"), ("flax", "naive"))
                 if peer in options.peers and not options.parts and find_spec(name)]  # fmt: skip
    print(f"# {'The pieces of a training step' if options.parts else 'Many folds at once'}\n", flush=True)
    print(f"{device.device_kind}, {', '.join(versions)}, {options.precision}, {options.folds} folds at once, Python {platform.python_version()}; "
          f"medians of {options.repeats} rounds. XLA_FLAGS: {os.environ.get('XLA_FLAGS') or 'none'}.\n", flush=True)  # fmt: skip
    about = {
        "device": device.device_kind,
        "versions": versions,
        "precision": options.precision,
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
    }
    results = []
    for name in options.shapes:
        lost = {}
        lines = lines_of(SHAPES[name], measure(contenders_of(SHAPES[name], options, lost), options.repeats, lost))
        results.append({"lines": lines, "left_out": lost})
        print(table(SHAPES[name], lines, lost, options.parts), flush=True)
    if options.json:
        options.json.write_text(json.dumps(about | {"shapes": results}, indent=1), encoding="utf-8")


def positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def parse():
    parser = argparse.ArgumentParser(description="Time training steps of many folds at once. See the top of this file.")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--folds", type=positive, metavar="N", help="at once; default 100 on an accelerator, 2 without one")
    parser.add_argument("--steps", type=positive, metavar="N", help="of a round; default 20 (HATE 6), 2 without an accelerator")
    parser.add_argument("--repeats", type=positive, default=3, metavar="N", help="rounds")
    parser.add_argument("--precision", choices=("float32", "tf32"), default="float32")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--alterations", nargs="+", default=["none", "C-1"], help='cells of "ours"; "all" is every one of Table 1')
    parser.add_argument("--parts", action="store_true", help="time the pieces of our step instead")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


if __name__ == "__main__":
    main(parse())
