"""Where compiled programs are kept: by versions and processor, nowhere when that is asked for or cannot be, and to the same bits."""

import json
import os
import platform
import subprocess
import sys

import pytest

from lstmcs import environment
from lstmcs.__main__ import main


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """An environment of its own, which `prepare` may change; the user's cache folder is in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "XLA_", "JAX_", "LSTMCS_", "KERAS_"))}
    monkeypatch.setattr(os, "environ", kept | {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    return os.environ


def flags(engine):
    """What a process that trains is told of a folder for compiled programs."""
    found = environment.prepare(training=True, engine=engine)
    return [found.get("JAX_COMPILATION_CACHE_DIR" if engine == "jax" else "TF_XLA_FLAGS")]


def test_programs_are_kept_in_the_users_cache_or_where_it_is_said(fresh, tmp_path):
    usual = environment.compiled_dir()
    assert usual.is_dir() and usual.parent == tmp_path / "cache" / "lstmcs" and usual == environment.compiled_dir()
    fresh["LSTMCS_COMPILED"] = str(tmp_path / "mine")
    assert environment.compiled_dir() == tmp_path / "mine" / usual.name
    assert flags("jax") == [str(tmp_path / "mine" / usual.name)]


@pytest.mark.parametrize("what", ["tensorflow-cpu", "jax", "processor"])
def test_another_version_or_processor_has_a_folder_of_its_own(what, fresh, monkeypatch):
    """A program for other instructions may end the process that runs it."""
    before, version = environment.compiled_dir(), environment._version
    if what == "processor":
        monkeypatch.setattr(environment, "_processor", lambda: "another")
    else:
        monkeypatch.setattr(environment, "_version", lambda name: "0.0" if name == what else version(name))
    assert environment.compiled_dir().parent == before.parent and environment.compiled_dir() != before


@pytest.mark.parametrize("engine", ["tensorflow", "jax"])
@pytest.mark.parametrize("word", ["off", "OFF"])
def test_off_keeps_nothing(word, engine, fresh, tmp_path):
    fresh["LSTMCS_COMPILED"] = word
    assert environment.compiled_dir() is None and flags(engine) == [None]
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("engine", ["tensorflow", "jax"])
@pytest.mark.parametrize("why", ["a file", "read only", "a space", "no home"])
def test_a_place_that_cannot_be_written_to_is_none_and_no_error(why, engine, fresh, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    if why == "a file":
        fresh["XDG_CACHE_HOME"] = str(tmp_path / "file")
    if why == "read only":
        monkeypatch.setattr(os, "access", lambda path, mode: False)
    if why == "a space":  # the flags of XLA are parted by spaces
        fresh["LSTMCS_COMPILED"] = str(tmp_path / "my programs")
    if why == "no home":  # a container's user who is in no list
        del fresh["XDG_CACHE_HOME"]
        monkeypatch.setattr(environment.Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("Could not determine home directory.")))
    assert environment.compiled_dir() is None and flags(engine) == [None]


def test_a_look_makes_no_folder(fresh, tmp_path):
    environment.prepare()
    assert not (tmp_path / "cache").exists() and "TF_XLA_FLAGS" not in fresh


TRAIN = """
import json, hashlib
import numpy as np
from lstmcs import environment
environment.prepare(training=True)
from lstmcs.datasets.loading import Dataset
from lstmcs.datasets.preprocess import prepare
from lstmcs.fold import Fold
from lstmcs.study import worker

words = "robot arm wheel lamp door stair glass table".split()
labels = np.eye(2, dtype=np.uint8)[np.arange(40) % 2]
data = prepare(Dataset("t", tuple(" ".join(words[(k + j) % 8] for j in range(6)) for k in range(40)), labels, ("a", "b")))
config = {"model": "lstm", "sizes": {"embedding": 4, "units": 2, "dropout": 0.2}, "alteration": "c = c * o", "padding": "fixed",
          "training": {"epochs": 3, "batch_size": 16, "learning_rate": 0.01}, "run": 1, "fold": 1, "seed": 0}
[(_, record, kept)] = worker.train(data, [Fold(**data.config() | config)])
assert record["state"] == "done", record["error"]
print(json.dumps([record["curve"], hashlib.sha256(kept["probabilities"].tobytes()).hexdigest()]))
"""


def test_a_second_process_reads_what_the_first_compiled_to_the_same_bits(fresh, tmp_path):
    fresh["LSTMCS_COMPILED"] = str(tmp_path)
    folder = environment.compiled_dir()
    if "TF_XLA_FLAGS" not in environment.prepare(training=True):
        pytest.skip(f"XLA's cache was tried with one TensorFlow on Linux x86_64, and this is {platform.system()} {platform.machine()}")
    said, files = [], []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", TRAIN], env=dict(fresh), capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr[-3000:]
        said.append(json.loads(done.stdout.splitlines()[-1]))
        files.append({path.name: path.stat().st_mtime_ns for path in folder.iterdir()})
        assert "rror" not in done.stderr, done.stderr
    assert len(said[0][0]) == 3 and said[0] == said[1]
    assert files[0] and files[0] == files[1]  # nothing was compiled, or it would have been written again


def test_the_flags_of_one_engine_are_not_left_to_the_other(fresh):
    """The command line prepares before it knows the engine; a user's own flags stay."""
    fresh["XLA_FLAGS"] = environment.XLA_FLAGS
    environment.prepare(training=True, engine="jax")
    assert fresh["XLA_FLAGS"] == "--xla_gpu_deterministic_ops=true" and fresh["KERAS_BACKEND"] == "jax"
    fresh["XLA_FLAGS"] = "--xla_dump_to=here"
    environment.prepare(training=True, engine="jax")
    assert fresh["XLA_FLAGS"] == "--xla_dump_to=here"


@pytest.mark.parametrize("variable", ["LSTMCS_HOME", "LSTMCS_DATA"])
def test_the_home_of_nobody_is_an_error_in_a_line(variable, monkeypatch, capsys):
    monkeypatch.delenv("LSTMCS_DATA", raising=False)
    monkeypatch.setenv(variable, "~nosuchuser/study")
    assert main(["data", "fetch", "hate"]) in (1, 2)
    err = capsys.readouterr().err
    assert f"{variable} names no folder: '~nosuchuser/study'" in err and "Traceback" not in err
