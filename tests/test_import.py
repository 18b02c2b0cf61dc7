"""Importing the package changes nothing in a process and loads nothing that was not asked for. Each in a process of its own."""

import json
import os
import subprocess
import sys

import pytest

HEAVY = {
    "tensorflow",
    "jax",
    "torch",
    "keras",
    "pandas",
    "scipy",
    "sklearn",
    "psutil",
    "matplotlib",
    "distributed",
    "transformers",
    "papermill",
}


def python(code, **variables):
    """What `code` prints last, as JSON."""
    here = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "XLA_", "OMP_", "MALLOC_"))}
    head = "import json, os, sys\n"
    done = subprocess.run([sys.executable, "-c", head + code], env=here | variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_importing_lstmcs_changes_no_environment_and_loads_no_library():
    code = """
before = dict(os.environ)
import lstmcs
lstmcs.alteration("c = 0.9 * c").latex, lstmcs.ALTERATIONS["C-1"], dir(lstmcs), lstmcs.DataError
print(json.dumps([before == dict(os.environ), sorted({name.partition(".")[0] for name in sys.modules})]))
"""
    unchanged, loaded = python(code)
    assert unchanged and "lstmcs" in loaded and not HEAVY & set(loaded)


@pytest.mark.parametrize("command", [["status", "--preset", "smoke"], ["data", "list"]])
def test_a_look_loads_no_keras(command, tmp_path):
    code = f"""
from lstmcs.__main__ import main
code = main({command!r})
print(json.dumps([code, sorted({{name.partition(".")[0] for name in sys.modules}})]))
"""
    code, loaded = python(code, LSTMCS_HOME=str(tmp_path))
    assert code == 0 and not {"tensorflow", "keras", "distributed", "jax", "torch", "transformers", "matplotlib", "papermill"} & set(loaded)


def test_importing_the_trainer_pins_no_thread_and_sets_no_flag():
    code = """
import sklearn, pandas, threadpoolctl, keras, tensorflow as tf
def state():
    pools = [(pool["filepath"], pool["num_threads"]) for pool in threadpoolctl.threadpool_info()]
    return [dict(os.environ), pools, tf.config.threading.get_intra_op_parallelism_threads(), tf.config.threading.get_inter_op_parallelism_threads()]
before = state()
import lstmcs.training.lstm, lstmcs.training.bert, lstmcs.training.tfidf, lstmcs.study.sweep, lstmcs.report.run
print(json.dumps([before == state(), before[2:]]))
"""
    assert python(code) == [True, [0, 0]]


def test_the_layer_loads_what_keras_loads():
    code = """
import keras
before = set(sys.modules)
environment = dict(os.environ)
import lstmcs
lstmcs.LSTMCS, lstmcs.Bidirectional, lstmcs.build_model
new = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
print(json.dumps([environment == dict(os.environ), sorted(new)]))
"""
    assert python(code) == [True, ["lstmcs"]]


def test_every_public_name_is_there():
    import lstmcs

    assert all(getattr(lstmcs, name) is not None for name in lstmcs.__all__) and dir(lstmcs) == sorted(lstmcs.__all__)
    assert set(lstmcs._LAZY) <= set(lstmcs.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        lstmcs.nothing  # noqa: B018


def test_a_package_that_is_missing_is_said_in_one_line():
    code = """
sys.modules["pandas"] = None
from lstmcs.__main__ import main
import contextlib, io
with contextlib.redirect_stderr(io.StringIO()) as said:
    code = main(["study"])
print(json.dumps([code, said.getvalue()]))
"""
    assert python(code) == [2, "lstmcs: the command lstmcs needs pip install lstmcs[study] (no package pandas here)\n"]


SAVE = """
import keras, numpy as np
import lstmcs
ids = np.arange(12).reshape(2, 6)
layers = [keras.layers.Embedding(20, 4), keras.layers.Bidirectional(lstmcs.LSTMCS(3, "c = 0.5 * c", return_sequences=True)),
          lstmcs.Bidirectional(lstmcs.LSTMCS(3, "C-1", return_sequences=True)), keras.layers.RNN(lstmcs.LSTMCSCell(3, "H-2"))]
plain = keras.Sequential([keras.Input((6,), dtype="int32"), *layers])
sizes = {"vocab_size": 20, "max_len": 6, "n_classes": 2, "embedding": 4, "units": 3}
study = lstmcs.build_model("lstm", padding="mask", alteration="C-2", **sizes)
simple = lstmcs.build_model("simple", heads=2, head_width=2, feed_forward=4, **sizes)
for name, model in {"plain": plain, "study": study, "simple": simple}.items():
    model.save(f"{name}.keras")
    if name != "study":  # Keras' older format knows no operation between layers, such as that which makes the mask
        model.save(f"{name}.h5")
    open(f"{name}.json", "w").write(model.to_json())
    np.save(f"{name}.npy", keras.ops.convert_to_numpy(model(ids)))
print("[]")
"""
LOAD = """
import numpy as np
ids, worst = np.arange(12).reshape(2, 6), 0
for name in ("plain", "study", "simple"):
    loaded = [keras.models.load_model(f"{name}.{kind}", compile=False) for kind in ("keras", "h5") if os.path.exists(f"{name}.{kind}")]
    again = keras.models.model_from_json(open(f"{name}.json").read())
    again.set_weights(loaded[0].get_weights())
    clone = keras.models.clone_model(again)
    clone.set_weights(again.get_weights())
    worst = max([worst, *(float(np.abs(np.load(f"{name}.npy") - keras.ops.convert_to_numpy(m(ids))).max()) for m in [*loaded, again, clone])])
print(json.dumps([worst, sum(type(finder).__module__.startswith("lstmcs") for finder in sys.meta_path)]))
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    assert python(f"os.chdir({str(folder)!r})\n{SAVE}") == []
    return folder


@pytest.mark.parametrize(
    "first", ["import lstmcs\nimport keras", "import keras\nimport lstmcs", "import lstmcs\nlstmcs.LSTMCS\nimport keras"]
)
def test_a_saved_model_loads_in_a_new_process(saved, first):
    worst, waiting = python(f"os.chdir({str(saved)!r})\n{first}\n{LOAD}")
    assert worst < 1e-6 and not waiting


def test_keras_that_cannot_be_imported_stays_its_own_error():
    code = """
import lstmcs
os.environ["KERAS_BACKEND"] = "none such"
try:
    import keras
except Exception as error:
    print(json.dumps([type(error).__name__, [hasattr(lstmcs, "ALTERATIONS"), "lstmcs.cell" in sys.modules]]))
"""
    assert python(code) == ["ValueError", [True, False]]
