"""Shared fixtures. Nothing here or in the tests needs a network; tests marked real_data need LSTMCS_DATA."""

import gc
import os
import sys

import pytest

from lstmcs import environment

# one thread and no start-up notes, before any test imports TensorFlow
for name, value in {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}.items():
    os.environ.setdefault(name, value)
environment.prepare()  # the study's flags: tests train what the study trains


def pytest_collection_modifyitems(items):
    folder = os.environ.get("LSTMCS_DATA")
    reason = f"LSTMCS_DATA={folder!r} is no folder" if folder else "LSTMCS_DATA is not set: the real data sets are not at hand"
    if not (folder and os.path.isdir(folder)):
        for item in items:
            if "real_data" in item.keywords:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A study's folder of its own: no test reads or writes the user's records, downloads or reports."""
    monkeypatch.setenv("LSTMCS_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(autouse=True)
def surroundings():
    """What a test leaves in the environment, as a study for JAX does, is not for the next one's processes."""
    before = dict(os.environ)
    yield
    if dict(os.environ) != before:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(autouse=True, scope="module")
def forgotten():
    """What the tests of a file compiled goes with it: kept to the end of the suite it comes to ten gigabytes."""
    yield
    if loop := sys.modules.get("lstmcs.recurrence.tensorflow"):
        loop._loops.cache_clear()
        loop._second.cache_clear()
    if worker := sys.modules.get("lstmcs.study.worker"):
        worker.KEPT.clear()
    if keras := sys.modules.get("keras"):
        keras.utils.clear_session()
    if jax := sys.modules.get("jax"):
        jax.clear_caches()
    gc.collect()
