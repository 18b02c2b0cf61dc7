"""What one training step costs: ours for seven alterations, the routes others would take, and the machine's ceiling.

    python tests/benchmarks/step.py --torch-python torch/bin/python --tf-keras-python tfk/bin/python

Contenders (contenders.py) are processes of one thread on one core. Each builds, warms up and waits; rounds of one epoch
go over all of them in turn, never two at once, so that a machine that slows down slows all alike. A contender that is
not ready within --build-limit seconds, or whose round takes over 20 s, is left out. PyTorch and Keras 2 need
interpreters of their own:

    python -m venv torch && torch/bin/pip install torch numpy
    python -m venv tfk && tfk/bin/pip install tensorflow-cpu==2.21.* scikit-learn && tfk/bin/pip install --no-deps tf_keras==2.21.*

Writes step.md (a table a shape), step.csv (a line a round) and step.png into --out.
"""

import argparse
import csv
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median

import contenders
from contenders import CEILING, CONTENDERS, FUSED, PLAIN, Shape, positive, program

SHAPES = [Shape(11, 1460, 11, 64), Shape(23, 12019, 48, 64), Shape(42, 6079, 4, 28), Shape(342, 3236, 3, 8)]
ROUND_LIMIT = 20  # seconds
PRODUCT_FLOPS = 2 * CONTENDERS[CEILING][2] ** 3
#: Of every process: one thread; malloc keeps its pages, which else are given back and faulted in again step after step.
PROCESS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TORCHINDUCTOR_COMPILE_THREADS"), "1")
PROCESS |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
PROCESS |= dict.fromkeys(("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"), str(2**40))
COLOURS = {"ours": "#0072B2", "torch": "#D55E00", "keras": "#009E73", "tf_keras": "#E69F00"}  # Okabe & Ito
HEAD = """# One training step, one core

Milliseconds a step: median and best of {rounds} interleaved rounds of one epoch. GFLOP/s count matrix products only, forward
and backward. Speeds and % of sgemm are medians of the rounds' own ratios; more is faster.

{versions}; {system}.
"""


class Lost(Exception):
    """A contender that cannot be timed; the message goes into the report."""


class Contender:
    """The process of one contender. `answer` and `ms` raise Lost."""

    def __init__(self, key, shape, python):
        # settings of TensorFlow, XLA and Keras are the contender's own: ours has the study's, the others the defaults
        env = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "XLA_", "KERAS_"))}
        self.errors = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen(
            [python, contenders.__file__, json.dumps([*key, asdict(shape)])], env=env | PROCESS, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, start_new_session=True,
        )  # fmt: skip

    def ms(self):
        try:
            self.process.stdin.write("go\n")
        except OSError:
            pass  # it is gone, which `answer` reports
        return self.answer(10 * ROUND_LIMIT)["ms"]

    def answer(self, limit):
        late = threading.Event()
        timer = threading.Timer(limit, lambda: (late.set(), self.end()))
        timer.daemon = True
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if line:
            return json.loads(line)
        self.end()
        raise Lost(f"no answer within {limit:.0f} s" if late.is_set() else contenders.last_line(self.errors))

    def end(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # with the compilers it may have started
        except (AttributeError, OSError):
            self.process.kill()
        self.process.wait()


def measure(shape, options):
    """One shape: (times {key: [ms a round]}, left out {key: why}, versions)."""
    pythons = {"torch": options.torch_python, "tf_keras": options.tf_keras_python}
    running, lost, versions = {}, {}, set()

    def attempt(key, action, *arguments):
        try:
            return action(*arguments)
        except Lost as problem:
            print(f"T {shape.T}: {_label(key)} left out: {problem}", flush=True)
            lost[key] = str(problem)

    def start(key):
        kind = CONTENDERS[key][0]
        if not (python := pythons.get(kind, sys.executable)):
            raise Lost(f"no --{kind.replace('_', '-')}-python")
        started = time.perf_counter()
        running[key] = Contender(key, shape, python)
        ready = running[key].answer(options.build_limit)
        if ready["round_seconds"] > ROUND_LIMIT:
            running[key].end()
            raise Lost(f"a round takes {ready['round_seconds']:.0f} s")
        versions.update(ready["versions"])
        print(f"T {shape.T}: {_label(key)} ready after {time.perf_counter() - started:.0f} s", flush=True)

    try:
        for key in CONTENDERS:
            attempt(key, start, key)
        times = {key: [] for key in running if key not in lost}
        for number in range(options.rounds):
            for key in times:
                if key not in lost:
                    times[key].append(attempt(key, running[key].ms))
            print(f"T {shape.T}: round {number + 1} of {options.rounds}", flush=True)
    finally:
        for contender in running.values():
            contender.end()
    return {key: values for key, values in times.items() if key not in lost}, lost, versions


def summarise(shape, times):
    """The lines of a table: key, ms, best, gflops and, where known, speed against PyTorch's and ours unaltered, % of sgemm.

    Of a name's variants the fastest. Relative figures are medians of the rounds' own ratios: a slow round is slow for all.
    """
    fastest = {key[0]: key for key in sorted(times, key=lambda key: -median(times[key]))}

    def against(other, key, factor=1.0):
        return factor * median(b / a for a, b in zip(times[key], times[other])) if other in times else None

    return [
        (key, median(times[key]), min(times[key]), shape.flops / median(times[key]) / 1e6, against(FUSED, key), against(PLAIN, key),
         against(CEILING, key, 100 * shape.flops / PRODUCT_FLOPS))
        for key in CONTENDERS if fastest.get(key[0]) == key != CEILING
    ]  # fmt: skip


def table(shape, times, lost, lines):
    """One shape's section of step.md."""
    text = [f"## T {shape.T}, V {shape.V}, {shape.classes} classes", ""]
    if ceilings := [PRODUCT_FLOPS / ms / 1e6 for ms in times.get(CEILING, [])]:
        text += [f"sgemm: {median(ceilings):.0f} GFLOP/s (rounds {min(ceilings):.0f} to {max(ceilings):.0f}).", ""]
    text += ["| a step | ms, median | ms, best | GFLOP/s | speed, x PyTorch fused | speed, x ours unaltered | % of sgemm |"]
    text += ["|---|---:|---:|---:|---:|---:|---:|"]
    for key, *values in lines:
        cells = ["" if value is None else f"{value:.{digits}f}" for value, digits in zip(values, (2, 2, 1, 2, 2, 0))]
        text.append(f"| {_label(key)} | {' | '.join(cells)} |")
    slower = [key for key in times if key not in {line[0] for line in lines} | {CEILING}]
    text += ["", *(f"- slower: {_label(key)}, {median(times[key]):.2f} ms" for key in slower)]
    return "\n".join([*text, *(f"- left out: {_label(key)}: {why}" for key, why in lost.items()), ""])


def draw(found, path):
    """GFLOP/s of each contender, a panel a shape, with sgemm's as a line."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    counts = [len(lines) + 1 for *_, lines in found]
    size = (8, sum(0.27 * count + 0.7 for count in counts))
    fig, axes = plt.subplots(len(found), figsize=size, sharex=True, squeeze=False, height_ratios=counts, layout="constrained")
    for ax, (shape, times, _, lines) in zip(axes.flat, found):
        colours = [COLOURS[CONTENDERS[key][0]] for key, *_ in lines]
        bars = ax.barh([_label(key) for key, *_ in lines], [line[3] for line in lines], height=0.75, color=colours)
        ax.bar_label(bars, [f"{line[3]:.0f} ({line[1]:.3g} ms)" for line in lines], padding=3, fontsize=8)
        if CEILING in times:
            ax.axvline(PRODUCT_FLOPS / median(times[CEILING]) / 1e6, color="#666666", ls="--", label="sgemm")
            ax.legend(loc="lower right", frameon=False, fontsize=8)
        ax.set_title(f"T {shape.T}, V {shape.V}, {shape.classes} classes", loc="left", fontsize=9)
        ax.tick_params(axis="y", labelsize=8)
        ax.spines[["top", "right"]].set_visible(False)
        ax.invert_yaxis()
        ax.margins(x=0.15)
    axes.flat[-1].set_xlabel("GFLOP/s of matrix products in a whole training step on one core (ms a step)")
    fig.savefig(path, dpi=150)


def _label(key):
    return f"{key[0]} ({key[1]})" if key[1] else key[0]


def main(options):
    shapes = options.shapes or SHAPES
    if options.quick:
        shapes, options.rounds = [replace(shape, steps=2) for shape in options.shapes or SHAPES[:1]], 2
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0)) if options.core is None else options.core})  # contenders inherit it
    options.out.mkdir(parents=True, exist_ok=True)
    found, versions = [], {f"Python {platform.python_version()}"}
    with open(options.out / "step.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["T", "V", "classes", "contender", "variant", "round", "ms"])
        for shape in shapes:
            times, lost, more = measure(shape, options)
            versions |= more
            rows.writerows((shape.T, shape.V, shape.classes, *key, n, ms) for key in times for n, ms in enumerate(times[key], 1))
            file.flush()  # a run takes an hour: what is measured stays, however it ends
            found.append((shape, times, lost, summarise(shape, times)))
            print("\n" + table(*found[-1]), flush=True)
    head = HEAD.format(rounds=options.rounds, versions=", ".join(sorted(versions)), system=f"{platform.system()} {platform.machine()}")
    head += "\n**--quick: shows that everything runs, not how fast.**\n" if options.quick else ""
    (options.out / "step.md").write_text("\n".join([head, *(table(*part) for part in found)]), encoding="utf-8")
    draw(found, options.out / "step.png")
    print(f"written: {', '.join(str(options.out / f'step.{kind}') for kind in ('md', 'csv', 'png'))}")


def shapes_of(text):
    known = {str(shape.T): shape for shape in SHAPES}
    if unknown := [T for T in text.split(",") if T not in known]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
    return [known[T] for T in text.split(",")]


def parse():
    parser = argparse.ArgumentParser(description="Time whole training steps. See the top of this file.")
    parser.add_argument("--shapes", type=shapes_of, metavar="T,T", help="of 11, 23, 42, 342; default all")
    parser.add_argument("--rounds", type=positive, default=5, metavar="N")
    parser.add_argument("--quick", action="store_true", help="two rounds of two steps, T 11 by default: a check that everything runs")
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    parser.add_argument("--core", type=int, choices=cores, help="the core to run on; default the last one allowed")
    parser.add_argument("--torch-python", type=program, metavar="PATH", help="interpreter with PyTorch")
    parser.add_argument("--tf-keras-python", type=program, metavar="PATH", help="interpreter with tf_keras")
    parser.add_argument("--build-limit", type=float, default=180, metavar="SECONDS")
    parser.add_argument("--out", type=Path, default=Path("reports/benchmarks"), metavar="FOLDER")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main(parse())
    except KeyboardInterrupt:
        sys.exit("stopped")
