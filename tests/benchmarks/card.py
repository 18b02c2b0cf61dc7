"""The time loop as one kernel of a card, beside XLA's loop: are the numbers the same, and what does a layer cost, forwards and backwards?

    python tests/benchmarks/card.py [--alterations C-1 H-1 | all] [--folds 10 20 100] [--steps 43] [--repeats 5]

Errors are the largest difference of any result or gradient from XLA's loop in float32, as a share of the largest number of its array.
Ends with 1 where float32's is above 1e-5. Needs an NVIDIA card and JAX; a fold is a batch of 32, 256 wide, 104 units both ways.
"""

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

BATCH, WIDTH, UNITS, LIMIT = 32, 256, 104, 1e-5


def layer(alter, kernel):
    """Results and gradients of many folds' layer: x, weights, what comes from above -> y, gradients."""
    import jax

    from lstmcs.recurrence import jax as loops
    from lstmcs.recurrence import kernel as fused

    def fold(x, weights, above):
        takes, fused.takes = fused.takes, fused.takes if kernel else lambda *_: False
        try:
            y, pull = jax.vjp(lambda x, weights: loops.bidirectional(x, *weights, alter), x, weights)
            return y, pull(above)
        finally:
            fused.takes = takes

    loops._layer.clear_cache()
    return jax.jit(jax.vmap(fold))


def arrays(folds, steps):
    import jax

    keys = iter(jax.random.split(jax.random.key(folds), 8))

    def normal(*shape, scale=1.0):
        return scale * jax.random.normal(next(keys), (folds, *shape))

    x, above = normal(BATCH, steps, WIDTH), normal(BATCH, steps, 2 * UNITS)
    return (
        x,
        tuple((normal(WIDTH, 4 * UNITS, scale=0.06), normal(UNITS, 4 * UNITS, scale=0.08), normal(4 * UNITS)) for _ in range(2)),
        above,
    )


def lowered_for(alter, kernel, precision, given):
    import jax

    with jax.default_matmul_precision(precision):
        return layer(alter, kernel).lower(*given)


def error(found, expected):
    import jax

    return max(float(abs(a - b).max() / abs(b).max()) for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected)))


def timed(program, given, repeats):
    import jax

    jax.block_until_ready(program(*given))
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        jax.block_until_ready(program(*given))
        seconds.append(time.perf_counter() - started)
    return median(seconds)


def main():
    parser = argparse.ArgumentParser(description="Check and time the kernel of a card. See the top of this file.")
    parser.add_argument("--alterations", nargs="+", default=["C-1", "H-1"], help='beside the unaltered cell; "all" is every one of Table 1')
    parser.add_argument("--folds", nargs="+", type=int, default=[10, 20, 100])
    parser.add_argument("--steps", type=int, default=43)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # a checkout that is not installed
    from lstmcs import environment

    os.environ.setdefault("LSTMCS_COMPILED", "off")
    environment.prepare(training=True, engine="jax")
    import jax

    from lstmcs import ALTERATIONS, alteration
    from lstmcs.cell import FUNCTIONS

    names = list(ALTERATIONS) if options.alterations == ["all"] else ["none", *options.alterations]
    ways = [
        ("XLA's loop", False, "float32"),
        ("kernel", True, "float32"),
        ("XLA's loop", False, "tensorfloat32"),
        ("kernel", True, "tensorfloat32"),
    ]
    jobs = [(4, name, way) for name in names for way in ways[:2] + ways[3:]]
    jobs += [(folds, "none", way) for folds in options.folds for way in ways]
    shapes = {folds: jax.eval_shape(lambda folds=folds: arrays(folds, options.steps)) for folds in {job[0] for job in jobs}}
    lowered = [lowered_for(alteration(name).of(FUNCTIONS), *way[1:], shapes[folds]) for folds, name, way in jobs]
    with ThreadPoolExecutor(min(16, os.cpu_count())) as pool:
        programs = dict(zip(jobs, pool.map(lambda program: program.compile(), lowered)))
    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}, {options.steps} steps\n")
    print("| cell | error, float32 | error, TF32 | the same bits twice |\n|---|---:|---:|---|")
    given, worst = arrays(4, options.steps), 0.0
    for name in names:
        exact, found, short = (programs[4, name, way](*given) for way in ways[:2] + ways[3:])
        worst = max(worst, error(found, exact))
        again = error(programs[4, name, ways[1]](*given), found) == 0
        print(f"| {name} | {error(found, exact):.1e} | {error(short, exact):.1e} | {'yes' if again else 'no'} |")
    print("\n| a layer forwards and backwards, microseconds a fold |" + "".join(f" {folds} folds |" for folds in options.folds))
    print("|---|" + "---:|" * len(options.folds))
    cells = {way: [] for way in ways}
    for folds in options.folds:
        given = arrays(folds, options.steps)
        for way in ways:
            cells[way].append(f" {1e6 * timed(programs[folds, 'none', way], given, options.repeats) / folds:.1f} |")
    for (name, _, precision), found in cells.items():
        print(f"| {name}, {precision} |" + "".join(found))
    return worst > LIMIT


if __name__ == "__main__":
    sys.exit(main())
