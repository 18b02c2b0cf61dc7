"""The light install on TensorFlow, JAX and PyTorch, each in an environment of its own that holds neither the study nor another backend.

LSTMCS_BACKEND_VENVS names a folder with <backend>/bin/python; CI=true builds them (backend_venvs.py); skipped otherwise.
"""

import json
import os
import subprocess

import backend_venvs
import pytest
from backend_venvs import BACKENDS, ROOT, program


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request):
    name = request.param
    if os.environ.get("CI") == "true":
        if why := backend_venvs.prepare(name):
            pytest.skip(why)
    elif not program(name).is_file():
        pytest.skip(f"no environment with {name}: python tests/backend_venvs.py builds it")
    return name


def run(backend, *command, **variables):
    here = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "XLA_", "LSTMCS_", "PYTHON"))}
    here |= {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"} | variables
    return subprocess.run(list(map(str, command)), env=here, capture_output=True, text=True, timeout=600)


def test_layer_models_and_readme_example(backend, tmp_path):
    done = run(backend, program(backend), ROOT / "tests" / "on_backend.py", tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == {"backend": backend, "foreign": []}


def test_it_is_light(backend):
    """keras and numpy are all that it asks for, and nothing of the study came with them."""
    code = """
import importlib.metadata as m, json, re
required = {re.match("[a-z]+", line)[0] for line in m.requires("lstmcs") if "extra ==" not in line}
print(json.dumps([sorted(required), sorted({d.metadata["Name"].lower() for d in m.distributions()})]))
"""
    required, there = json.loads(run(backend, program(backend), "-c", code).stdout)
    assert required == ["keras", "numpy"]
    others = {"tensorflow": {"jax", "torch"}, "jax": {"tensorflow", "torch"}, "torch": {"tensorflow", "jax"}}[backend]
    assert not set(there) & ({"pandas", "scikit-learn", "matplotlib", "distributed", "jupyterlab", "transformers", "psutil"} | others)


def test_the_study_is_an_extra_and_says_so(backend):
    for command in ((program(backend, "lstmcs"), "study"), (program(backend), "-m", "lstmcs", "status")):
        done = run(backend, *command)
        assert done.returncode == 2 and done.stdout == ""
        assert len(done.stderr.splitlines()) == 1 and "needs pip install lstmcs[study]" in done.stderr
    done = run(backend, program(backend), "-c", "import lstmcs; lstmcs.run_study")
    assert done.returncode == 1 and "lstmcs.run_study needs pip install lstmcs[study]" in done.stderr.splitlines()[-1]


def test_a_backend_that_is_not_there_is_named(backend):
    other = next(name for name in ("torch", "jax") if name != backend)
    done = run(backend, program(backend), "-c", "import lstmcs; lstmcs.LSTMCS", KERAS_BACKEND=other)
    assert done.returncode == 1 and "needs a backend of Keras" in done.stderr.splitlines()[-1]
