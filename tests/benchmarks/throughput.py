"""What the study costs as a whole: folds a minute on two cores, ours against the loop that one writes in a notebook.

    python tests/benchmarks/throughput.py --tf-keras-python tfk/bin/python [--memory]

ours     run_study with two workers, from a CSV file of made-up words to records on disk: preparation, validation after
         each epoch and health figures included
naive    one process with the threads TensorFlow takes by itself; for each fold a new tf_keras model (for C-1 with the
         line put into the library's step function), fit on arrays, then scikit-learn's scores on the test rows, and
         nothing else; for the interpreter it needs see step.py

Both train the unaltered cell and C-1 on the same two cores, in batches of 32 for the same number of epochs, on data of
HASOC's and HATE's shape. The clock covers all of it: start of the processes, imports and compilation, too.

--memory also trains 200 folds of a small set in one worker's process, and says how much resident memory it holds after
a tenth of them and after all: once with C-1 alone, once with all alterations in the study's order, each compiled anew.

Writes throughput.md and throughput.csv (data, route, measure, value) into --out.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median

from contenders import BATCH, RATE, Shape, alter_tf_keras, check, keras_model, last_line, positive, program, write_csv

ENVIRONMENT = dict(os.environ)  # before lstmcs says what a process of its own gets
DATA = {"hasoc": (Shape(42, 6079, 4, 28), 1120), "hate": (Shape(342, 3236, 3, 22), 869)}  # with the number of documents
SMALL = (Shape(11, 500, 5, 5), 200)
QUICK = (Shape(5, 40, 3, 2), 60)
ALTERATIONS = {"none": "", "C-1": "c = c * o"}
THROUGHPUT_HEAD = """| data | route | folds | epochs | minutes | folds a minute | x naive | s in training, a fold |
|---|---|---:|---:|---:|---:|---:|---:|"""
THROUGHPUT_NOTE = f"""
Half of the folds of each route with each alteration: {" and ".join(ALTERATIONS)}. Minutes cover everything: start of the
processes, imports, compilation (ours compiles once an alteration and worker, the naive loop once a fold). Training a fold
takes one core of ours, with validation after each epoch; it takes both of the naive loop, which never validates.
"""


def made_up_plan(folder, name, shape, documents, **settings):
    """The study's plan for made-up data, whose CSV file is written into `folder`."""
    from lstmcs.study.plan import Settings, plan

    path = write_csv(Path(folder) / f"{name}.csv", shape, documents)
    work = plan(Settings.of(datasets=[str(path)], models=["lstm"], records_dir=str(Path(folder) / "records"), **settings))
    (prepared,) = work.data.values()  # not by name: a file that is called like a registered set has another one
    check(prepared, shape)
    return work


def ours(name, shape, documents, preset, folds):
    """(seconds, median of the folds' own seconds in training, epochs)."""
    from lstmcs import run_study

    with tempfile.TemporaryDirectory() as folder:
        work = made_up_plan(folder, name, shape, documents, preset=preset, alterations=list(ALTERATIONS), runs=1, folds=folds, workers=2)
        started = time.perf_counter()
        results = run_study(**work.settings.parameters())
        seconds = time.perf_counter() - started
    if len(results) != folds * len(ALTERATIONS) or (results["state"] != "done").any():
        sys.exit(f"ours, {name}: not every fold was trained: {results['error'].dropna().unique()}")
    return seconds, median(results["train_seconds"]), work.folds[0].training["epochs"]


def naive(name, shape, documents, folds, epochs):
    """In tf_keras' interpreter: the seconds in training of each fold."""
    import numpy as np
    import tf_keras
    from sklearn.metrics import f1_score

    x, y = (array[:documents] for array in replace(shape, steps=-(-documents // BATCH)).arrays())
    seconds = []
    for alteration, line in ALTERATIONS.items():
        alter_tf_keras(line)
        for fold in range(folds):
            parts = np.array_split(np.random.default_rng(fold).permutation(documents), 10)  # the ninth would be validated on
            train, test = np.concatenate(parts[:8]), parts[9]
            model = keras_model(tf_keras, shape)
            model.compile(tf_keras.optimizers.Adam(RATE), "binary_crossentropy", metrics=["accuracy"])
            started = time.perf_counter()
            model.fit(x[train], y[train], batch_size=BATCH, epochs=epochs, verbose=0)
            seconds.append(time.perf_counter() - started)
            found = model.predict(x[test], verbose=0) > 0.5
            scores = [f1_score(y[test], found, average=average, zero_division=0) for average in ("macro", "micro", "weighted")]
            print(
                f"naive, {name} {alteration} fold {fold + 1} of {folds}: {seconds[-1]:.1f} s, macro F1 {100 * scores[0]:.1f} %", flush=True
            )
    return seconds


def memory(name, shape, documents, preset, alterations, folds):
    """Resident memory of this process, MB, after a tenth of the folds and after all."""
    import psutil

    from lstmcs.study.worker import train

    with tempfile.TemporaryDirectory() as folder:
        work = made_up_plan(folder, name, shape, documents, preset=preset, alterations=alterations, runs=-(-folds // 10), folds=10)
    wanted = [fold for fold in work.folds if not alterations or fold.alteration != "none"][:folds]
    found = []
    for number, fold in enumerate(wanted, 1):
        [(_, record, _)] = train(work.data[name], [fold])
        if record["state"] != "done":
            raise RuntimeError(record["error"]["message"])
        if number in (folds // 10, folds):
            found.append(psutil.Process().memory_info().rss / 2**20)
            print(f"memory, {', '.join(alterations) or 'all'}: {found[-1]:.0f} MB after fold {number}", flush=True)
    return found


def in_process(python, environment, function, *arguments):
    """Call `function` of this file in a process of `python`; its lines are passed on, its result is returned."""
    job = json.dumps([function.__name__, *arguments], default=asdict)
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        process = subprocess.Popen(
            [python, __file__, "--job", job], env=environment, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
        )
        try:
            for line in process.stdout:
                if line.startswith("result "):
                    return json.loads(line.removeprefix("result "))
                print(line, end="", flush=True)
            sys.exit(f"{function.__name__} failed: {last_line(errors)}")
        finally:
            process.kill()
            process.wait()


def job(text):
    function, name, shape, *arguments = json.loads(text)
    print("result", json.dumps({"naive": naive, "memory": memory}[function](name, Shape(**shape), *arguments)), flush=True)


def throughput_table(options, preset):
    """(lines of Markdown, rows of throughput.csv): folds a minute."""
    text, rows = [THROUGHPUT_HEAD], []
    for name in options.data:
        shape, documents = QUICK if options.quick else DATA[name]
        seconds, inside, epochs = ours(name, shape, documents, preset, options.folds)
        found = {"ours, two workers": (options.folds * len(ALTERATIONS), seconds, inside)}
        if options.tf_keras_python:
            started = time.perf_counter()
            each = in_process(options.tf_keras_python, ENVIRONMENT, naive, name, shape, documents, options.naive_folds, epochs)
            found["naive loop, tf_keras"] = (len(each), time.perf_counter() - started, median(each))
        rates = {route: 60 * folds / seconds for route, (folds, seconds, _) in found.items()}
        for route, (folds, seconds, inside) in found.items():
            label = f"{name} ({documents} documents, T {shape.T}, V {shape.V}, {shape.classes} classes)"
            ratio = f"{rates[route] / rates['naive loop, tf_keras']:.2f}" if len(rates) > 1 else ""
            text.append(f"| {label} | {route} | {folds} | {epochs} | {seconds / 60:.2f} | {rates[route]:.2f} | {ratio} | {inside:.2f} |")
            measures = {"folds": folds, "epochs": epochs, "seconds": seconds, "folds_per_minute": rates[route], "train_seconds": inside}
            rows += [(name, route, measure, value) for measure, value in measures.items()]
    text += [THROUGHPUT_NOTE] + ([] if options.tf_keras_python else ["The naive loop was left out: no --tf-keras-python.\n"])
    return text, rows


def memory_table(options, preset):
    """(lines of Markdown, rows of throughput.csv): resident memory of a long run."""
    from lstmcs.environment import prepare

    worker = ENVIRONMENT | prepare(training=True)
    shape, documents = QUICK if options.quick else SMALL
    folds = 20 if options.quick else max(10, options.memory_folds)
    text = [f"Resident memory of one worker's process, MB ({documents} documents, T {shape.T}, V {shape.V}).\n"]
    text += [f"| alterations | after fold {folds // 10} | after fold {folds} | ratio |", "|---|---:|---:|---:|"]
    rows = []
    for label, alterations in (("C-1 alone", ["C-1"]), ("all, in the study's order", [])):
        early, late = in_process(sys.executable, worker, memory, "small", shape, documents, preset, alterations, folds)
        text.append(f"| {label} | {early:.0f} | {late:.0f} | {late / early:.2f} |")
        rows += [("small", label, f"mb_after_fold_{n}", value) for n, value in ((folds // 10, early), (folds, late))]
    return text, rows


def main(options):
    preset = "smoke" if options.quick else "quick"  # "quick" has the study's full sizes
    text, rows = ["# The study's throughput on two cores\n"], [("data", "route", "measure", "value")]
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))[:2]
        os.sched_setaffinity(0, cores)  # all processes inherit it
        text += ["**Measured on one core: two could not be had.**\n"] if len(cores) < 2 else []
    text += ["**--quick: shows that everything runs, not how fast.**\n"] if options.quick else []
    for wanted, measure in ((options.data, throughput_table), (options.memory, memory_table)):
        if wanted:
            more, values = measure(options, preset)
            text, rows = text + more, rows + values
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "throughput.md").write_text("\n".join([*text, ""]), encoding="utf-8")
    with open(options.out / "throughput.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    print("\n".join(["", *text, "", f"written: {options.out / 'throughput.md'}, {options.out / 'throughput.csv'}"]))


def parse():
    parser = argparse.ArgumentParser(description="Time the study as a whole. See the top of this file.")
    parser.add_argument("--data", nargs="*", choices=list(DATA), default=list(DATA), help="default both; none to leave the throughput out")
    parser.add_argument("--folds", type=int, choices=range(1, 11), default=6, metavar="N", help="of each alteration, ours; 1 to 10")
    parser.add_argument("--naive-folds", type=positive, default=3, metavar="N", help="of each alteration, naive loop")
    parser.add_argument("--tf-keras-python", type=program, metavar="PATH", help="interpreter with tf_keras; without it ours is alone")
    parser.add_argument("--memory", action="store_true", help="also measure the memory of a long run")
    parser.add_argument("--memory-folds", type=positive, default=200, metavar="N", help="at least 10")
    parser.add_argument("--quick", action="store_true", help="tiny data, study with tiny models: a check that everything runs")
    parser.add_argument("--out", type=Path, default=Path("reports/benchmarks"), metavar="FOLDER")
    return parser.parse_args()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        job(sys.argv[2])
    else:
        try:
            main(parse())
        except KeyboardInterrupt:
            sys.exit("stopped")
