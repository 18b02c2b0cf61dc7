"""Kill -9 in the midst of training, workers and parent in turn, then the same command again, until the study is whole.

    python tests/stress/kill.py --kills 30 [--pretend] [--pace SECONDS] [--seed 0] [--records FOLDER]

A kill waits until its start of the study has put a record on disk, and a moment more at random: so it comes while the next folds are under
way, however slow the machine is, and what it ends is seen and counted (`mid`). Every record is then compared with that of an undisturbed run:
configuration, state, curve, health and predictions must be the same to the last bit; only times and error logs may differ. Rounds are
started until the kills are spent. Exit code 1: a difference, or kills that did not hit workers, parents and training.
--pretend: folds that are not trained (tests/pretend.py), the engine alone, in seconds.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

TESTS = Path(__file__).resolve().parents[1]
OPTIONS = {"preset": "smoke", "models": ["lstm"], "alterations": ["C-1", "H-2"], "folds": 10, "reseeds": 1, "workers": 2}
RUN = "import json, sys; from lstmcs import run_study; run_study(**json.loads(sys.argv[1]))"


def start(folder, pretend, workers=2, log=None):
    """The study as a process; a pretended one notes each fold that it ends in <folder>.folds."""
    arguments = json.dumps({**OPTIONS, "workers": workers, "records_dir": str(folder), "retry_failed": True})
    program = [str(TESTS / "pretend.py")] if pretend else ["-c", RUN]
    environment = os.environ | {"PRETEND_SECONDS": "0.2", "PRETEND_LOG": f"{folder}.folds", "PRETEND_BEGUN": f"{folder}.begun"}
    return subprocess.Popen([sys.executable, *program, arguments], env=environment, stdout=log or subprocess.DEVNULL,
                            stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip


def family(process):
    """The parent and its worker processes (not Python's resource trackers, which only tidy up)."""
    try:
        parent = psutil.Process(process.pid)
        children = [p for p in parent.children(recursive=True) if "spawn_main" in " ".join(p.cmdline())]
        return [parent, *children]
    except psutil.Error:
        return []


def what_counts(path):
    """All of a record that must not depend on what happened to its process."""
    from lstmcs.record import unpack
    from lstmcs.study.records import load

    head, body = load(path)
    kept = {name: head.get(name) for name in ("config", "state", "curve", "health", "key")}
    return json.dumps(kept, sort_keys=True), {name: a.tobytes() for name, a in unpack(body).items()}


def busy(process, folder, pretend):
    """Whether a worker has a fold under way: one begun and not ended, or for a real one, more of a core in use than waiting takes (a busy machine gives little)."""
    if not pretend:
        return process.cpu_percent(interval=0.3) > 10
    begun, ended = (Counter(line.split()[1] for line in lines_of(f"{folder}.{name}")) for name in ("begun", "folds"))
    return begun[str(process.pid)] > ended[str(process.pid)]


def lines_of(file):
    return Path(file).read_text(encoding="utf-8").splitlines() if Path(file).is_file() else []


def another_record(process, folder, before):
    """Wait until the study has written a record more than `before`; False when it ends without."""
    while len(list(folder.glob("*/*.json"))) <= before:
        if process.poll() is not None:
            return False
        time.sleep(0.02)
    return True


def kill_one(process, here, rng, parent, pretend):
    """Kill the parent, or a worker, one with a fold under way if there is such a one. (Killed, whether training was hit, orphans.)"""
    try:
        first, *workers = family(process) or [None]
        at_work = [worker for worker in workers if busy(worker, here, pretend)]
        if process.poll() is not None or not workers:
            return False, False, 0
        (first if parent else rng.choice(at_work or workers)).kill()
    except psutil.Error:  # ended meanwhile
        return False, False, 0
    _, alive = psutil.wait_procs(workers, timeout=60) if parent else ([], [])
    return True, bool(at_work), len(alive)


def stress(folder, kills, seed=0, pretend=False, pace=0.3, say=lambda text: None):
    """Counts: kills (of workers, of parents, mid: with a fold under way), rounds, folds; lost, different, foreign, orphans, bad files: all to be 0.

    again: finished folds that were trained once more (pretended ones alone): those that were not handed over when a kill came.
    pace: seconds that a kill comes after a record, at most.
    """
    from lstmcs import environment
    from lstmcs.study.records import load

    folder, rng = Path(folder), random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    if start(folder / "calm", pretend).wait(1800):
        raise RuntimeError("the undisturbed run failed")
    calm = {path.name: what_counts(path) for path in (folder / "calm").glob("*/*.json")}
    report = {"kills": 0, "workers": 0, "parents": 0, "mid": 0, "rounds": 0, "retried": 0, "folds": len(calm), "starts": 0, "lost": 0, "different": 0, "foreign": 0,
              "again": 0, "orphans": 0, "bad": 0, "leftovers": 0}  # fmt: skip
    while report["kills"] < kills:
        report["rounds"] += 1
        here = folder / f"round{report['rounds']}"
        while True:
            process = start(here, pretend)
            report["starts"] += 1
            while report["kills"] < kills and another_record(process, here, len(list(here.glob("*/*.json")))):
                time.sleep(rng.uniform(0, pace))
                parent = report["kills"] % 2 == 1
                killed, mid, orphans = kill_one(process, here, rng, parent, pretend)
                if not killed:
                    break
                report["kills"] += 1
                report["parents" if parent else "workers"] += 1
                report["mid"] += mid
                report["orphans"] += orphans
                say(
                    f"kill {report['kills']}: {'parent' if parent else 'worker'}{', training' * mid}, {len(list(here.glob('*/*.json')))} records"
                )
                if parent:
                    break
            if process.wait(1800) == 0:
                lost = sum(load(path)[0].get("error", {}).get("type") == "WorkerLost" for path in here.glob("*/*.json"))
                report["retried"] += lost  # folds that lost three workers each are failures until they are retried
                if not lost:
                    break
        found = {path.name: path for path in here.glob("*/*.json")}
        report["lost"] += len(set(calm) - set(found))
        report["foreign"] += len(set(found) - set(calm))
        report["again"] += trained_again(Path(f"{here}.folds"), [path for path in found.values() if load(path)[0]["state"] == "done"])
        report["different"] += sum(what_counts(path) != calm[name] for name, path in found.items() if name in calm)
        report["bad"] += len(list(here.glob("*/*bad")))
        report["leftovers"] += len(list(here.glob(f"**/{environment.LEFTOVER}")))
    return report


def problems(report):
    """What a report must not have, and what it lacks: kills that hit nothing prove nothing."""
    wrong = [name for name in ("lost", "different", "foreign", "orphans", "bad") if report[name]]
    return wrong + [f"no kill of {name}" for name in ("workers", "parents", "mid") if not report[name] and report["kills"] > 1]


def trained_again(log, done):
    """How often the folds of these records were ended more than once; failed ones are retried at each start."""
    count = Counter(line.split()[0] for line in lines_of(log))
    return sum(max(0, count[path.stem] - 1) for path in done)


def main():
    parser = argparse.ArgumentParser(description="Kill -9 at random moments. See the top of this file.")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pretend", action="store_true")
    parser.add_argument("--pace", type=float, help="seconds that a kill comes after a record, at most (default: 0.3 pretended, 1 real)")
    parser.add_argument("--records", type=Path)
    options = parser.parse_args()
    started = time.monotonic()
    pace = options.pace or (0.3 if options.pretend else 1.0)
    with tempfile.TemporaryDirectory() as folder:
        report = stress(options.records or folder, options.kills, options.seed, options.pretend, pace, lambda text: print(text, flush=True))
    print(json.dumps(report), f"in {time.monotonic() - started:.0f} s")
    if wrong := problems(report):
        print(f"wrong: {', '.join(wrong)}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
