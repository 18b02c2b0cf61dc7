"""A sweep that nothing breaks: processes killed, memory gone, scheduler lost, disk full, two studies at once.

Folds are pretended (pretend.py) in real dask processes; real training on a cluster is compared with real training in this process.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import dask
import pretend
import psutil
import pytest
from distributed import Client
from distributed.system import MEMORY_LIMIT

from lstmcs.errors import SchedulerError, Stopped
from lstmcs.fold import Fold
from lstmcs.study import cluster
from lstmcs.study import worker as workers
from lstmcs.study.plan import Settings, plan
from lstmcs.study.records import Folder, load
from lstmcs.study.schedule import Queue
from lstmcs.study.sweep import curves, results, run_study
from lstmcs.training.trainer import Trained

HERE = Path(__file__).resolve().parent
SMALL = {"alterations": ["H-2"], "models": ["lstm"], "folds": 4, "reseeds": 0}
sys.path.insert(0, str(HERE / "stress"))


@pytest.fixture
def pretended(home, monkeypatch):
    """Workers of a cluster that is started in this test pretend their folds; returns the file with a line a fold."""
    monkeypatch.setenv("DASK_DISTRIBUTED__WORKER__PRELOAD", json.dumps([str(HERE / "pretend.py")]))
    import dask

    log = home / "folds.txt"
    monkeypatch.setenv("PRETEND_LOG", str(log))
    with dask.config.set({"distributed.worker.preload": [str(HERE / "pretend.py")]}):
        yield log


@pytest.fixture
def by_hand(home):
    """Starts dask processes as a user does in a shell: by_hand("scheduler", ...), by_hand("worker", address, ...)."""
    started = []

    def start(*words, pretend=True, **environment):
        command = [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]]
        preload = {"DASK_DISTRIBUTED__WORKER__PRELOAD": json.dumps([str(HERE / "pretend.py")] if pretend else [])}
        output = open(home / f"{words[0]}{len(started)}.txt", "w")
        started.append(
            subprocess.Popen(command, env=os.environ | preload | environment, stdout=output, stderr=output, start_new_session=True)
        )
        return started[-1]

    yield start
    for process in started:
        for part in [*psutil.Process(process.pid).children(recursive=True), process] if process.poll() is None else []:
            part.kill()
        process.wait()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def scheduler(by_hand):
    port = free_port()
    process = by_hand("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    wait_for(port)
    return process, f"tcp://127.0.0.1:{port}"


def wait_for(port):
    """Until somebody listens there."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError("no scheduler")


def worker(by_hand, address, **environment):
    return by_hand("worker", address, "--nthreads", "1", "--no-dashboard", **environment)


def once(condition, action):
    """As soon as `condition()` holds."""

    def watch():
        for _ in range(6000):
            if condition():
                return action()
            time.sleep(0.05)

    threading.Thread(target=watch, daemon=True).start()


def lines(log):
    return log.read_text().splitlines() if log.exists() else []


def test_workers_started_by_hand_train_to_the_same_bits_and_one_that_is_killed_half_way_is_made_up_for(home, by_hand, monkeypatch):
    """Real training on the smallest preset: in this process, and on a scheduler with two workers of which one is killed."""
    options = {"preset": "smoke", "alterations": ["C-1"], "folds": 3, "epochs": 2, "models": ["lstm", "constant", "tfidf"]}
    columns = ["alteration", "fold", "macro_f1", "loss", "val_loss", "largest_c", "key"]
    alone = run_study(**options, workers=0, records_dir=str(home / "alone"))
    _, address = scheduler(by_hand)
    both = [by_hand("worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny", pretend=False) for _ in range(2)]
    there = home / "there"
    real, written = Folder.write, []

    def kill_after_the_first(self, fold, *what):
        """Here, not in a thread that watches: on a machine however busy, eleven folds are to come."""
        path = real(self, fold, *what)
        written.append(fold)
        if len(written) == 1:
            both[0].kill()
            both[0].wait()
        return path

    monkeypatch.setattr(Folder, "write", kill_after_the_first)
    shared = run_study(**options, scheduler=address, records_dir=str(there))
    assert both[0].returncode == -signal.SIGKILL and len(shared) == len(written) == 12
    assert shared[columns].equals(alone[columns])
    for fold in plan(Settings(**options)).folds:
        (one, ours), (two, twin) = (load(Folder(home / name).file(fold)) for name in ("there", "alone"))
        assert ours == twin and one["curve"] == two["curve"] and len(one["curve"]) == (2 if fold.model == "lstm" else 1)  # to the last byte
        assert "cores" in Folder(there).read(fold)["env"]["host"]


def test_a_fold_that_kills_its_workers_is_a_failure_and_the_rest_goes_on(pretended, monkeypatch, capsys):
    monkeypatch.setenv("PRETEND_DIES", "h = h * sigmoid(c)")
    frame = run_study(**SMALL, workers=2)
    assert frame["state"].value_counts().to_dict() == {"done": 7, "failed": 1}
    failed = frame[frame["state"] == "failed"].iloc[0]
    assert (failed["alteration"], failed["fold"]) == ("H-2", 2) and "3 workers ended while they trained this fold" in failed["error"]
    out = capsys.readouterr().out
    assert out.count("goes back into the queue") == 2 and "7 folds trained" in out and "1 failed" in out
    [error] = [head["error"] for head in Folder(pretended.parent / "data" / "records").heads() if head["state"] == "failed"]
    assert error["type"] == "WorkerLost" and len(re.findall("worker t(?:cp|ls)://", error["log"])) == 3


def test_a_fold_that_takes_all_memory_is_tried_again_and_then_a_failure(pretended, monkeypatch):
    monkeypatch.setenv("PRETEND_EATS", "h = h * sigmoid(c)")
    monkeypatch.setattr(cluster, "memory_limit", lambda count: 700 * 2**20)
    frame = run_study(**SMALL, workers=2)
    assert frame["state"].value_counts().to_dict() == {"done": 7, "failed": 1}
    error = frame.loc[frame["state"] == "failed", "error"].item()
    assert "2 workers ended" in error and "out of memory" in error


def test_each_worker_gets_its_share_of_the_machines_memory():
    total = min(MEMORY_LIMIT, psutil.virtual_memory().total)  # a container's limit counts
    assert 0.4 * total / 2 < cluster.memory_limit(2) <= 0.9 * total / 2 and cluster.memory_limit(1) == pytest.approx(
        2 * cluster.memory_limit(2), abs=2
    )


def test_a_silent_worker_of_this_machine_is_not_taken_for_dead():
    """Its process is alive: what it has trained would be lost."""
    with dask.config.set({"distributed.scheduler.worker-ttl": "1 s"}), cluster.local(1) as client:
        client.run(lambda dask_worker: dask_worker.periodic_callbacks["heartbeat"].stop())
        [process] = client.run(os.getpid).values()
        assert client.submit(lambda: time.sleep(10) or os.getpid()).result(timeout=60) == process  # not another one, from the start


def test_the_client_refreshing_itself_loses_no_worker():
    """Every two seconds it asks for the scheduler's identity without workers; here as often as it can."""
    with dask.config.set({"distributed.client.scheduler-info-interval": "1 ms"}), cluster.local(1) as client:
        dispatch = cluster._Dispatch({}, [], client, local=True, say=print)
        assert {len(dispatch._alive()) for _ in range(5000)} == {1}


class Finished:
    status = "finished"

    def __init__(self, folds):
        self.result = lambda timeout: ([Trained(fold, {}, {}) for fold in folds], 1)

    def release(self):
        """Nothing is held."""


class Paused:
    """A cluster of two workers of which one is paused while it holds a cell; folds end at once."""

    status = "running"

    def __init__(self):
        self.paused, self.trained = set(), []

    @property
    def scheduler(self):
        return self

    def identity(self, n_workers):
        return {"workers": {name: {"status": "paused" if name in self.paused else "running"} for name in ("a", "b")}}

    def sync(self, function, **arguments):
        return function(**arguments)

    def submit(self, task, folds, data, workers, **_):
        self.trained.append(workers[0])
        self.paused |= {"a"} & set(workers)
        return Finished(folds)


def test_the_cells_of_a_paused_worker_go_to_the_others(monkeypatch):
    monkeypatch.setattr("distributed.wait", lambda *_, **__: None)
    folds = list(plan(Settings(**SMALL)).folds)
    client, said = Paused(), []
    found = list(cluster.on_cluster(lambda fold: None, Queue(folds), client, local=True, compiling=said.append))
    # worker a compiled the unaltered cell and lost it with its pause; b compiled both
    assert sorted(fold.cell for fold in said) == ["H-2", "none", "none"] and len({fold.key for fold in said}) == 3
    assert {one.fold for one in found} == set(folds) and len(found) == len(folds) == 8 and client.trained.count("a") == 1


class Gone:
    """A cluster that says of its workers what they ended of."""

    def __init__(self, *events):
        self.events = events

    def get_events(self, topic):
        assert topic == "worker-restart-memory"
        return [(0.0, event) for event in self.events]


class Cancelled:
    def cancel(self):
        """Nothing is under way."""


def lose(client, worker, folds, times):
    """What becomes of a batch whose worker goes so many times: (records, lines said, folds left in the queue)."""
    queue, said, found = Queue([]), [], []
    dispatch = cluster._Dispatch({}, queue, client, local=True, say=said.append)
    for _ in range(times):
        future = Cancelled()
        dispatch.running[future] = (worker, folds)
        found += dispatch._lost(future, worker, folds)
        assert not dispatch.running
        folds = queue.take(worker, 10)
    return found, said, folds


def one(number):
    return Fold("t", "00", {}, "lstm", {}, {}, "none", 1, number)


def test_out_of_memory_is_said_because_of_the_reason_and_never_because_of_a_workers_name():
    """A worker's host may be called anything."""
    worker = "tcp://memory-host:1"
    found, said, left = lose(Gone({"worker": "tcp://other:1", "rss": 2**30}), worker, [one(1)], 3)
    [(fold, record, predictions)] = found
    assert fold == one(1) and record["state"] == "failed" and record["error"]["type"] == "WorkerLost" and not predictions and not left
    assert record["error"]["message"].startswith("3 workers ended while they trained this fold (killed, crashed, or their machines gone)")
    assert "out of memory" not in record["error"]["message"] + record["error"]["log"] + "".join(said)
    assert len(said) == 2 and record["error"]["log"].count(worker) == 3

    found, said, left = lose(Gone({"worker": worker, "rss": 3 * 2**30}), worker, [one(1)], 2)
    [(_, record, _)] = found
    assert record["error"]["type"] == "OutOfMemory" and "2 workers ended" in record["error"]["message"] and not left
    assert "(out of memory)" in record["error"]["message"] and "3.0 GiB" in record["error"]["message"] and "3.0 GiB" in said[0]


def test_the_folds_of_a_lost_batch_go_back_into_the_queue():
    batch = [one(number) for number in range(1, 6)]
    found, said, left = lose(Gone(), "tcp://a:1", batch, 1)
    assert not found and left == batch and len(said) == 5 and all("goes back into the queue" in line for line in said)
    found, _, left = lose(Gone(), "tcp://a:1", batch, 3)
    assert [trained.fold for trained in found] == batch and not left
    assert {trained.record["error"]["type"] for trained in found} == {"WorkerLost"}


def test_a_worker_is_sent_a_set_once_and_trains_a_batch(monkeypatch):
    """The task itself, in this process: data are kept by name, folds are trained together, the kept models are counted."""
    monkeypatch.setattr(cluster, "_DATA", {})
    monkeypatch.setattr(workers, "train", lambda prepared, folds: [(prepared, fold) for fold in folds])
    monkeypatch.setattr("distributed.get_worker", lambda: SimpleNamespace(memory_manager=SimpleNamespace(memory_limit=5 * 2**30)))
    monkeypatch.setattr(workers.KEPT, "limit", None)
    with pytest.raises(cluster._NoData):
        cluster._task([one(1)], None)
    assert cluster._task([one(1), one(2)], "data") == ([("data", one(1)), ("data", one(2))], len(workers.KEPT))
    assert cluster._task([one(3)], None)[0] == [("data", one(3))] and workers.KEPT.limit == 5 * 2**30


def test_a_lost_scheduler_stops_the_sweep_with_what_is_done_on_record(pretended, by_hand, monkeypatch):
    process, address = scheduler(by_hand)
    worker(by_hand, address, PRETEND_SECONDS="0.3")
    once(lambda: len(lines(pretended)) >= 3, process.kill)
    with pytest.raises(Stopped, match=r"scheduler.*the same command goes on from there"):
        run_study(**SMALL, scheduler=address)
    assert 1 <= len(results()) < 8
    monkeypatch.setattr(workers, "train", pretend.fake_train)
    frame = run_study(**SMALL, workers=0)
    assert len(frame) == 8 and (frame["state"] == "done").all()


def test_a_scheduler_that_is_slow_to_answer_is_asked_again(monkeypatch):
    """A busy machine lets a question time out; one that is gone refuses each."""
    monkeypatch.setattr(cluster, "PAUSE", 0)

    def ask(failures):
        client, asked = Paused(), []
        client.sync = lambda *_, **__: asked.append(1) or (1 / 0 if len(asked) <= failures else {"workers": {"a": {"status": "running"}}})
        return cluster._Dispatch({}, [], client, local=True, say=print)._alive(), asked

    for failures in range(cluster.QUESTIONS):
        found, asked = ask(failures)
        assert list(found) == ["a"] and len(asked) == failures + 1
    with pytest.raises(cluster.ClusterLost, match="the scheduler does not answer any more"):
        ask(cluster.QUESTIONS)


def test_a_worker_of_another_version_is_left_out(pretended, by_hand, capsys):
    _, address = scheduler(by_hand)
    worker(by_hand, address, PRETEND_KERAS="0.0")
    worker(by_hand, address, PRETEND_SECONDS="0.1")
    with Client(address) as client:
        client.wait_for_workers(2)
    frame = run_study(**SMALL, scheduler=address)
    assert len(frame) == 8 and len({line.split()[1] for line in lines(pretended)}) == 1
    out = capsys.readouterr().out
    assert re.search(r"worker tcp://\S+ is left out: keras 0.0 instead of 3", out)


@pytest.mark.parametrize("address", ["127.0.0.1:8786", "http://127.0.0.1:80", "tcp://127.0.0.1", "tcp://a b:1", "tcp://h:99999", "", 5])
def test_an_address_that_is_none_is_said_so_at_once(address, home):
    with pytest.raises(ValueError, match="scheduler must be an address such as"):
        run_study(scheduler=address, alterations=["none"], folds=1)
    assert not list(home.iterdir())


def test_no_scheduler_at_the_address(home, monkeypatch):
    monkeypatch.setattr(cluster, "TIMEOUT", 1)
    with pytest.raises(SchedulerError, match=r"no scheduler answers at tcp://127\.0\.0\.1"):
        run_study(scheduler=f"tcp://127.0.0.1:{free_port()}", alterations=["none"], folds=1)


def test_the_local_cluster_asks_for_keys(home):
    """Another user of this machine reaches the port, and no further: without keys nothing is pickled."""
    pytest.importorskip("cryptography")
    with cluster.local(1) as client:
        address = client.scheduler.address
        assert address.startswith("tls://127.0.0.1:") and all(
            name.startswith("tls://127.0.0.1:") for name in client.scheduler_info()["workers"]
        )
        assert client.submit(lambda: 6 * 7).result(timeout=60) == 42
        with pytest.raises(SchedulerError, match="asks for keys"), cluster.running(address):
            pass
        with pytest.raises(SchedulerError, match="no scheduler answers"), cluster.running(address.replace("tls", "tcp")):
            pass


@pytest.mark.parametrize(("others", "says"), [(True, 1), (False, 0)])
def test_without_the_package_for_keys_it_is_said_where_others_have_accounts(others, says, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    monkeypatch.setattr(cluster, "shared_machine", lambda: others)
    said = []
    assert cluster.keys(said.append) is None and len(said) == says and all("pip install cryptography" in line for line in said)


def test_a_shared_machine_is_one_where_somebody_else_can_log_in(monkeypatch):
    import pwd

    def account(number, shell="/bin/bash"):
        return SimpleNamespace(pw_uid=number, pw_shell=shell)

    for accounts, shared in (([], False), ([os.getuid()], False), ([1234], True), ([999, 65534], False)):
        monkeypatch.setattr(pwd, "getpwall", lambda accounts=accounts: [account(number) for number in accounts])
        assert cluster.shared_machine() is shared
    monkeypatch.setattr(pwd, "getpwall", lambda: [account(1234, "/usr/sbin/nologin"), account(1235, "/bin/false")])
    assert not cluster.shared_machine()


def test_tls_without_keys_is_one_clear_line(home):
    with pytest.raises(
        SchedulerError, match=r"asks for keys: name their files in DASK_DISTRIBUTED__COMM__TLS__CA_FILE, .*CLIENT__KEY, .*CLIENT__CERT"
    ):
        run_study(scheduler="tls://127.0.0.1:1", alterations=["none"], models=["lstm"], folds=1)
    own = {f"distributed.comm.tls.{name}": str(home / "none.pem") for name in ("ca-file", "client.key", "client.cert")}
    with dask.config.set(own), pytest.raises(SchedulerError, match=r"the keys for tls://127.0.0.1:1 cannot be used"):
        run_study(scheduler="tls://127.0.0.1:1", alterations=["none"], models=["lstm"], folds=1)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_keys_of_the_docs_work_and_nobody_else_gets_in(pretended, by_hand, home, monkeypatch):
    """The settings of docs/cluster.md, word for word: scheduler, worker and study with keys of one's own."""
    docs = (HERE.parent / "docs" / "cluster.md").read_text(encoding="utf-8")
    monkeypatch.chdir(home)
    [make] = [line for line in map(str.strip, docs.splitlines()) if line.startswith("openssl")]
    subprocess.run(make.split("  #")[0], shell=True, check=True, capture_output=True)
    variables = dict(re.findall(r"export (DASK_\w+)=(\S+)", docs))
    assert len(variables) == 7 and {"key.pem", "cert.pem"} == {path.name for path in home.glob("*.pem")}
    variables = {name: value.replace("$HOME/", f"{home}/") for name, value in variables.items()}
    port = free_port()
    by_hand("scheduler", "--host", "127.0.0.1", "--port", str(port), "--protocol", "tls", "--no-dashboard", **variables)
    assert "dask scheduler --host" in docs and "--protocol tls" in docs
    address = f"tls://127.0.0.1:{port}"
    worker(by_hand, address, **variables)
    own = {"ca-file": "CA_FILE", "client.key": "CLIENT__KEY", "client.cert": "CLIENT__CERT"}
    with dask.config.set({f"distributed.comm.tls.{name}": variables[f"DASK_DISTRIBUTED__COMM__TLS__{end}"] for name, end in own.items()}):
        wait_for(port)
        frame = run_study(**SMALL, scheduler=address)
    assert (frame["state"] == "done").all() and len(lines(pretended)) == len(frame) > 0
    monkeypatch.setattr(cluster, "TIMEOUT", 3)
    with pytest.raises(SchedulerError, match="no scheduler answers"), cluster.running(f"tcp://127.0.0.1:{port}"):
        pass


def test_three_studies_at_once_share_the_folds(home):
    """All folds on record and none damaged; what one has in hand the others leave to the last: those under way then are all that is trained twice."""
    log = home / "folds.txt"
    arguments = json.dumps({"preset": "quick", "models": ["lstm"], "folds": 4, "reseeds": 0, "workers": 0})
    environment = os.environ | {"PRETEND_LOG": str(log), "PRETEND_SECONDS": "0.05"}
    program = [sys.executable, str(HERE / "pretend.py"), arguments]
    three = [subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=600)[0] for process in three]
    assert all(json.loads(out.splitlines()[-1]) == {"done": 71, "failed": 1} for out in said)
    trained = Counter(line.split()[0] for line in lines(log))
    assert len(trained) == 72 and sum(trained.values()) <= 72 + 2 + 2, trained  # C-1's failed fold is tried by each as well
    frame = results()
    assert len(frame) == 72 and frame["key"].is_unique and not list(home.glob("data/records/*/*bad"))


def test_a_claim_ends_with_its_process_however_that_ends(home):
    """Killed, it frees the fold at once; living, it keeps another study from it, and never from a fold that is left to the last."""
    folder = Folder(home)
    code = "import sys, time; from lstmcs.fold import Fold; from lstmcs.study.records import Folder\n"
    code += f"print(Folder(sys.argv[1]).claim({one(1)!r}), flush=True); time.sleep(600)"
    other = subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "True\n"
    assert not folder.claim(one(1)) and folder.claim(one(2)) and folder.claim(one(2))
    queue = Queue([one(1), one(2)], free=folder.claim)
    assert [queue.take("w"), queue.take("w"), queue.take("w")] == [[one(2)], [one(1)], []]
    other.kill()
    other.wait()
    assert folder.claim(one(1)) and not list(home.glob("*/*"))
    folder.unclaim()
    assert folder.claim(one(1))


def test_where_the_system_has_no_locks_each_fold_is_free(home, monkeypatch):
    from lstmcs.study import records

    (home / records.CLAIMS).mkdir()
    assert Folder(home).claim(one(1))
    monkeypatch.setattr(records, "fcntl", None)
    assert Folder(home / "nowhere").claim(one(1))


def test_ctrl_c_ends_all_processes_and_the_same_command_goes_on(home):
    arguments = json.dumps({"preset": "quick", "models": ["lstm"], "folds": 4, "reseeds": 0, "workers": 2})
    environment = os.environ | {"PRETEND_SECONDS": "0.3"}
    program = [sys.executable, str(HERE / "pretend.py"), arguments]
    process = subprocess.Popen(
        program, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a test run in the background ignores it
    )  # fmt: skip
    once(lambda: len(list(home.glob("data/records/*/*.json"))) >= 4, lambda: os.killpg(process.pid, signal.SIGINT))
    said = process.communicate(timeout=300)[1]
    assert process.returncode not in (0, None) and said.count("Traceback") == 1 and said.rstrip().endswith("KeyboardInterrupt")
    deadline = time.monotonic() + 60  # the last of them may take a moment on a busy machine
    while alive := [p for p in psutil.process_iter() if _session(p.pid) == process.pid and p.status() != psutil.STATUS_ZOMBIE]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.2)
    done = len(list(home.glob("data/records/*/*.json")))
    assert 4 <= done < 72
    out = subprocess.run(
        [*program[:2], arguments.replace('"workers": 2', '"workers": 0')], stdout=subprocess.PIPE, text=True, timeout=600
    ).stdout
    assert f"{done} on record" in out and json.loads(out.splitlines()[-1]) == {"done": 71, "failed": 1}


def _session(pid):
    try:
        return os.getsid(pid)
    except OSError:
        return None


def test_kill_9_of_workers_and_parent_loses_and_doubles_nothing(home):
    """The quick variant of stress/kill.py."""
    import kill

    report = kill.stress(home / "kill", kills=4, seed=1, pretend=True)
    assert not kill.problems(report), report
    assert report["kills"] == 4 and report["workers"] == report["parents"] == 2 and report["mid"] >= 2
    assert report["again"] <= 2 * report["kills"]  # only what two workers had under way is trained once more


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 256 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True, text=True)
    if mount.returncode:
        pytest.skip(f"cannot mount a small disk here: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_stops_the_sweep_with_whole_records(small_disk, home, monkeypatch):
    monkeypatch.setattr(workers, "train", pretend.fake_train)
    (small_disk / "ballast").write_bytes(bytes(150 * 1024))
    options = {"preset": "quick", "models": ["lstm"], "reseeds": 0, "workers": 0, "records_dir": str(small_disk)}
    with pytest.raises(Stopped, match="the disk is full"):
        run_study(**options)
    written = sorted(small_disk.glob("*/*.json"))
    assert 5 < len(written) < 180 and all(load(path) for path in written)
    assert not list(small_disk.glob("**/.*.tmp"))
    work = plan(Settings.of(**options))
    assert Counter(work.states().values())["missing"] == 180 - len(written)  # also where not even an index can be written
    (small_disk / "ballast").unlink()
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    assert len(run_study(**options)) == 180


@pytest.mark.parametrize("kind", ["truncated", "empty", "edited", "foreign"])
def test_a_bad_file_is_named_set_aside_and_trained_again_and_nothing_else_is_touched(kind, home, monkeypatch, capsys):
    monkeypatch.setattr(workers, "train", pretend.fake_train)
    run_study(**SMALL, workers=0)
    paths = sorted(home.glob("data/records/robo/*.json"))
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}
    bad, other = paths[3], paths[4]
    text = bad.read_text()
    time.sleep(0.01)
    bad.write_text(
        {
            "truncated": text[:200],
            "empty": "",
            "edited": text.replace('"test_macro_f1": 0.', '"test_macro_f1": 1.', 1),
            "foreign": other.read_text(),
        }[kind]
    )
    damaged = bad.read_bytes()
    frame = run_study(**SMALL, workers=0)
    assert f"{bad.name}:" in capsys.readouterr().err and len(frame) == 8 and frame["key"].is_unique
    assert bad.with_suffix(".bad").read_bytes() == damaged and bad.read_bytes() == before[bad][0]
    assert all((path.read_bytes(), path.stat().st_mtime_ns) == before[path] for path in paths if path != bad)


def test_records_move_and_merge_by_copying(home, monkeypatch):
    import shutil

    monkeypatch.setattr(workers, "train", pretend.fake_train)
    for number in (1, 2):
        run_study(**SMALL, workers=0, shard=f"{number}/2", records_dir=str(home / f"laptop{number}"))
    shutil.copytree(home / "laptop1", home / "both")
    shutil.copytree(home / "laptop2", home / "both", dirs_exist_ok=True)  # its index overwrites the other's
    frame = run_study(**SMALL, workers=0, records_dir=str(home / "both"), train=False)
    assert len(frame) == 8 and [len(results(home / f"laptop{n}")) for n in (1, 2)] == [4, 4]


def test_a_formula_that_yields_nan_after_some_epochs_fails_by_name_and_the_sweep_goes_on(home):
    """Real training: 0 * exp(exp(3 |c|)) is 0 until |c| passes 1.5 (exp of 88.7 overflows float32), and NaN from then on."""
    from lstmcs.stats import single

    data = home / "long.csv"
    rows = (f"{'good' if n % 2 else 'bad'} word{n % 11} more{n % 5} text,{'ab'[n % 2]}\n" for n in range(120))
    data.write_text("text,label\n" + "".join(rows))
    frame = run_study(
        preset="smoke",
        datasets=[f"{data}?min_words=1&min_tokens=1"],
        alterations=["c = c + 0 * exp(exp(3 * abs(c)))", "C-1"],
        workers=0,
        epochs=8,
        learning_rate=0.03,
    )
    assert frame["state"].value_counts().to_dict() == {"done": 4, "failed": 2}
    failed = frame[frame["state"] == "failed"]
    for row in failed.itertuples():
        found = re.fullmatch(
            r"(?:loss is nan in|predictions hold NaN after) epoch (\d); the largest \|c\| an epoch earlier was (\S+)", row.error
        )
        assert (
            2 <= int(found[1]) == row.epochs < 8 and 0.2 < float(found[2]) == pytest.approx(row.largest_c, rel=1e-3) and row.largest_c < 1.5
        )
    assert (failed["failure"] == "Diverged").all() and (failed["macro_f1"] == 0).all()  # scored as an answer that says nothing,
    assert failed["accuracy"].tolist() == [0.5, 0.5]  # which is right about the one of two classes that a document does not have
    curve = curves().groupby(["alteration", "fold"])["epoch"].max()
    assert all(curve[row.alteration, row.fold] == row.epochs for row in frame.itertuples())  # what came before is on record
    table = single.improvements(frame)
    name = failed["alteration"].iloc[0]
    assert table["failed"].to_dict() == {"Baseline": 0, name: 2, "C-1": 0} and table.loc[name, "folds"] == 2
    assert table.loc[name, ["macro_f1", "micro_f1", "weighted_f1"]].tolist() == [-100.0] * 3
