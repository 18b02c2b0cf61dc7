"""What the order of folds costs: fold by fold with all compiled models kept (the study's way) against the ways without.

    python tests/benchmarks/order.py [--cells 6] [--folds 4] [--dataset robo]

One worker's process each, at the study's sizes: CPU seconds in all, how often a model was compiled, peak memory; and after
half of the folds how many of the cells can be compared on the same folds.
"""

import argparse
import json
import subprocess
import sys

WAYS = {
    "fold by fold, all models kept (the study)": ("queue", 24),
    "fold by fold, two models kept": ("queue-blind", 2),
    "cell by cell, two models kept": ("cells", 2),
    "room for two models (the study, little memory)": ("queue", 2),
}


def run(way, keep, dataset, cells, folds):
    import resource
    import time

    from lstmcs import ALTERATIONS, environment
    from lstmcs.study.plan import Settings, plan
    from lstmcs.study.schedule import Queue

    environment.prepare(training=True)
    work = plan(Settings.of(datasets=[dataset], alterations=list(ALTERATIONS)[:cells], models=["lstm"], folds=folds, reseeds=0))
    from lstmcs.study import worker

    worker.KEEP, compiled, done = keep, [], []
    build = worker.trainer_class
    worker.trainer_class = lambda model: lambda *arguments: compiled.append(1) or build(model)(*arguments)
    queue, kept = Queue(list(work.folds)), worker.Kept()
    order = list(work.folds) if way == "cells" else sorted(work.folds, key=lambda fold: fold.fold)
    started = time.process_time()
    while len(done) < len(work.folds):
        folds = queue.take("here") if way == "queue" else [order[len(done)]]
        worker.train(work.data[dataset], folds, kept)
        queue.kept("here", len(kept))
        done += folds
    seconds = time.process_time() - started
    half = done[: len(done) // 2]
    reached = {fold.alteration for fold in half}
    return {"cpu_seconds": round(seconds, 1), "compiled": len(compiled), "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "cells_at_half": len(reached)}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description="What the order of folds costs. See the top of this file.")
    parser.add_argument("--cells", type=int, default=6)
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--dataset", default="robo")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(run(*json.loads(options.job))))
        return
    print("| order | CPU s | compiled | peak MB | cells on record at half |\n|---|---:|---:|---:|---:|")
    for name, (way, keep) in WAYS.items():
        job = json.dumps([way, keep, options.dataset, options.cells, options.folds])
        out = subprocess.run(
            [sys.executable, __file__, "--job", job], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True
        ).stdout
        found = json.loads(out.splitlines()[-1])
        print(
            f"| {name} | {found['cpu_seconds']} | {found['compiled']} | {found['peak_mb']} | {found['cells_at_half']} of {options.cells} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
