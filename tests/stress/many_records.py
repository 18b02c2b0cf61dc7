"""12,600 made-up records (7 data sets, 18 cells, 10 runs of 10 folds): what plan, status and results() cost.

    python tests/stress/many_records.py [--kilobytes 20] [--folder FOLDER]

Each figure is of a process of its own: seconds of wall clock and of CPU, and its peak memory. "without index": the first
look at records that were copied from elsewhere reads and checks every file. There a curve has 40 epochs: 375 MB, of which 165 are
JSON with six million numbers. Python's JSON alone takes 1.0 s of CPU for them, reading 0.16 and checksums 0.2 s; shapes and keys of
all records take another 0.5 s, the epochs that rules read and the index 0.4 s. So that first look may take 0.25 ms of CPU a record,
each other figure 2 s of CPU; more than that, or 500 MB: exit code 1.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from pretend import arrays, scores

FIRST = 2.5e-4  # seconds of CPU a record that is read for the first time
EPOCHS, BEST, KEPT = 40, 23, (23, 40)  # trained; the best on validation; those whose predictions are kept

MEASURE = """
import json, resource, sys, time
from lstmcs.study.plan import Settings, plan
settings = Settings.of(**json.loads(sys.argv[1]))
found = {}
def timed(name, function):
    wall, cpu = time.perf_counter(), time.process_time()
    value = function()
    found[name] = [round(time.perf_counter() - wall, 2), round(time.process_time() - cpu, 2)]
    return value
work = timed("plan", lambda: plan(settings))
states = timed("states", work.states)
frame = timed("results()", work.results)
assert set(states.values()) == {"done"} and len(frame) == len(work.folds) == len(work.store.rows()), len(frame)
found["peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps(found))
"""


def settings(folder, datasets, runs):
    folder = Path(folder)
    names = []
    for number in range(datasets):
        rng, path = random.Random(number), folder / f"made_up_{number}.csv"
        words = "alpha beta gamma delta epsilon zeta eta theta".split()
        lines = (f"{' '.join(rng.choices(words, k=8))},{rng.choice('xyz')}" for _ in range(200))
        path.write_text("text,label\n" + "\n".join(lines) + "\n", encoding="utf-8")
        names.append(str(path))
    return {"preset": "paper", "datasets": names, "models": ["lstm"], "runs": runs, "reseeds": 0, "records_dir": str(folder / "records")}


def made_up(folder, datasets=7, runs=10, kilobytes=20):
    """Records of every fold with predictions of about so many kilobytes; the plan they belong to."""
    from lstmcs.record import pack
    from lstmcs.study import records
    from lstmcs.study.plan import Settings, plan

    work = plan(Settings.of(**settings(folder, datasets, runs)))
    rng = np.random.default_rng(0)
    rows = max(1, int(kilobytes * 1000 / 1.34 / 45 / len(KEPT)))  # 11 classes as float32, in base64
    labels = np.eye(11, dtype=np.uint8)[rng.integers(0, 11, rows)]
    kept = arrays(labels, rng.random((len(KEPT), rows, 11), np.float32), KEPT)
    body = pack(kept)
    for fold in work.folds:
        value = int(fold.key, 16) % 1000 / 1000
        curve = [
            {"epoch": e, "loss": 1 / e} | scores("val", value * (1 - (e - BEST) ** 2 / 1e4)) | scores("test", value if e == BEST else 0.0)
            for e in range(1, EPOCHS + 1)
        ]
        head = {
            "config": fold.config, "state": "done", "curve": curve, "health": {"largest_c": 1.5, "nan": False, "epochs": EPOCHS},
            "cost": {"train_rows": 1000, "test_rows": rows, "train_seconds": 20.0, "seconds_per_epoch": 0.5, "compile_seconds": 5.0, "parameters": 938859},
            "env": {"loop": "fast", "commit": None, "host": "made up"}, "protocol": fold.protocol, "key": fold.key,
        }  # fmt: skip
        path = work.store.file(fold)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(records.text_of(head, body), encoding="utf-8")
    return work


def main():
    parser = argparse.ArgumentParser(description="12,600 made-up records. See the top of this file.")
    parser.add_argument("--kilobytes", type=float, default=20)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        work = made_up(folder, kilobytes=options.kilobytes)
        size = sum(path.stat().st_size for path in folder.glob("records/*/*.json")) / 2**20
        print(f"{len(work.folds)} records, {size:.0f} MB. Seconds: wall, CPU")
        bad = False
        for name in ("without index", "with index", "with index, again"):
            program = [sys.executable, "-c", MEASURE, json.dumps(settings(folder, 7, 10))]
            found = json.loads(subprocess.run(program, stdout=subprocess.PIPE, text=True, check=True).stdout)
            print(f"{name}: {found}", flush=True)
            first = FIRST * len(work.folds) if name == "without index" else 2
            bad |= found["peak MB"] > 500 or any(v[1] > (first if k == "states" else 2) for k, v in found.items() if k != "peak MB")
        words = [sys.executable, "-m", "lstmcs", "status", "--preset", "paper", "--reseeds", "0",
                 "--records-dir", str(folder / "records"), "--datasets", *settings(folder, 7, 10)["datasets"]]  # fmt: skip
        started = time.perf_counter()
        out = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout
        print(
            f"python -m lstmcs status, start and imports included: {time.perf_counter() - started:.2f} s: {out.splitlines()[0].split(';')[0]}"
        )
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
