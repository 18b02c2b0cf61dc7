"""Many folds as one program (JAX): the same numbers as one fold after the other (TensorFlow), and as each fold alone.

Keras runs on one backend a process. So what JAX trains is trained by this file as a program in a process of its own, once; the tests
read its records and train the same folds by TensorFlow.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from lstmcs import alteration, environment, rules
from lstmcs.datasets.loading import Dataset
from lstmcs.datasets.preprocess import prepare
from lstmcs.errors import SettingsError
from lstmcs.fold import Fold
from lstmcs.record import unpack
from lstmcs.study import records, worker

WORDS = "robot cable wheel lamp door stair glass table phone garden kitchen battery".split()
OVERFLOWS = "c = c + 0.01 / (1 - i)"  # a formula of one's own: infinite where an input gate is so far open that it is 1
TRAINING = {"epochs": 4, "batch_size": 16, "learning_rate": 0.01}
SIZES = {"lstm": {"embedding": 10, "units": 6, "dropout": 0.2}}  # 10: masks travel as bits, eight a byte
SIZES["simple"] = SIZES["lstm"] | {"heads": 2, "head_width": 4, "feed_forward": 8}
TWO, THREE = (1, 2), (1, 2, 3)
#: What both engines train: model, cell, padding, folds.
BOTH = {
    "lstm none": ("lstm", "none", "fixed", THREE), "lstm own": ("lstm", OVERFLOWS, "fixed", THREE), "lstm C-1 masked": ("lstm", "C-1", "mask", TWO),
    "simple H-2": ("simple", "H-2", "fixed", TWO), "simple C-10 masked": ("simple", "C-10", "mask", TWO),
}  # fmt: skip
STUDY = {
    "preset": "smoke",
    "alterations": ["C-1"],
    "models": ["lstm", "tfidf", "constant"],
    "runs": 1,
    "folds": 2,
    "epochs": 2,
    "batch_size": 32,
    "workers": 0,
}


#: Compiling is nearly all of the time here: less is made of each program.
QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"


def made_up():
    """141 documents of 5 to 14 terms in which each class has words of its own; eight tenths of them are 7 batches of 16, or one row more."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 3, 141)
    texts = [" ".join(rng.choice(WORDS[3 * k : 3 * k + 6], rng.integers(5, 15))) for k in classes]
    return prepare(Dataset("made-up", tuple(texts), np.eye(3, dtype=np.uint8)[classes], tuple("abc")))


def folds_of(prepared, model="lstm", cell="none", padding="fixed", numbers=THREE, **training):
    config = prepared.config() | {"model": model, "sizes": SIZES[model], "training": TRAINING | training, "padding": padding}
    return [Fold(**config, alteration=alteration(cell).key, run=1, fold=number) for number in numbers]


def only_large(drawn, seeds):
    """initial_weights, but the embedding of the folds with these seeds for weights is a thousand times as large."""

    def large(variables, seed):
        weights = drawn(variables, seed)
        return [w * 1000 if seed in seeds and v.path.endswith("embeddings") else w for v, w in zip(variables, weights)]

    return large


# === In a process whose Keras runs on JAX ===


def by_jax(out: Path) -> None:
    """Train what the tests look at, into folders below `out`."""
    from lstmcs.recurrence import kernel
    from lstmcs.study.sweep import run_study
    from lstmcs.training import many

    data = made_up()

    def write(name, trained):
        for one in trained:
            records.Folder(out / name).write(*one)

    for name, what in BOTH.items():
        trainer = many.ManyTrainer(data, (folds := folds_of(data, *what))[0])
        write(name, trainer.train(folds))
        if name == "lstm own":
            drawn, many.initial_weights = many.initial_weights, only_large(many.initial_weights, [folds[1].seed_for("weights")])
            write("one diverges", trainer.train(folds))
            many.initial_weights = drawn
        if name == "lstm none":
            write("again", trainer.train(folds))
            write("patient", trainer.train(folds_of(data, patience=1)))
            write("alone", [one for fold in folds for one in trainer.train([fold])])
            whole, refused = trainer._train, []

            def little_memory(folds, whole=whole, refused=refused):
                if len(folds) > 1:
                    refused.append(len(folds))
                    raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1234 bytes.")
                return whole(folds)

            trainer._train = little_memory
            write("halved", trainer.train(folds))
            tf32 = many.ManyTrainer(data, folds[0], tf32=True).environment()["precision"]
            served = []
            for place in (out / "nowhere", out):  # where the multi-process service of a card puts its pipe
                os.environ["CUDA_MPS_PIPE_DIRECTORY"] = str(place)
                served.append(many.served())
            del os.environ["CUDA_MPS_PIPE_DIRECTORY"]
            (out / "notes.json").write_text(json.dumps({"refused": refused, "tf32": tf32, "served": served}), encoding="utf-8")
            kernel.INTERPRET = kernel.pallas is not None  # as on a card, but run as plain JAX
            write("by the kernel", many.ManyTrainer(data, folds[0]).train(folds))
            write("no kernel", many.ManyTrainer(data, (one := folds_of(data, cell="c = softmax(c)", numbers=(1,), epochs=1))[0]).train(one))
            kernel.INTERPRET = False

    many.ON_CPU = 1  # the two folds of a cell are two groups
    run_study(datasets=[str(out / "words.csv")], records_dir=str(out / "study"), engine="jax", **STUDY)
    assert not {"lstmcs.training.lstm", "lstmcs.recurrence.tensorflow"} & set(sys.modules)  # (Keras itself loads TensorFlow where it is)


# === In this process, whose Keras runs on TensorFlow ===


def needs(*names):
    for name in names:
        if not find_spec(name):
            pytest.skip(f"{name} is not installed")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """The folder with what JAX trained."""
    needs("jax", "tensorflow")
    folder = tmp_path_factory.mktemp("jax")
    data = made_up()
    lines = [f"{text},{data.dataset.classes[k]}" for text, k in zip(data.dataset.texts, data.dataset.labels.argmax(1))]
    (folder / "words.csv").write_text("\n".join(["text,label", *lines, ""]), encoding="utf-8")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("XLA_", "TF_", "JAX_", "KERAS_"))}
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    clean |= {"PYTHONPATH": paths, "LSTMCS_HOME": str(folder), "JAX_PLATFORMS": "cpu", "XLA_FLAGS": QUICK}
    done = subprocess.run([sys.executable, __file__, str(folder)], env=clean, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    (folder / "printed.txt").write_text(done.stdout, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def data():
    return made_up()


def read(out, name, fold):
    """A fold's record and predictions as they were written."""
    head, body = records.load(records.Folder(out / name).file(fold))
    return head, unpack(body)


def assert_same(one, other, tolerance, exact=False):
    """Two (record, predictions) of a fold: curve, health and predictions at the kept epochs."""
    (a, kept_a), (b, kept_b) = one, other
    assert (a["state"], len(a["curve"])) == (b["state"], len(b["curve"]))
    for row, expected in zip(a["curve"], b["curve"]):
        assert row == expected if exact else row == pytest.approx(expected, abs=tolerance / 10, rel=tolerance / 10)
    for name in ("rows", "labels", "epochs"):
        np.testing.assert_array_equal(kept_a[name], kept_b[name])
    assert len(kept_a["epochs"]) > 0
    np.testing.assert_allclose(kept_a["probabilities"], kept_b["probabilities"], rtol=0, atol=0 if exact else tolerance)
    assert a["health"]["largest_c"] == pytest.approx(b["health"]["largest_c"], rel=0 if exact else tolerance)


@pytest.mark.parametrize("name", BOTH)
def test_both_engines_train_the_same_folds(out, data, name):
    """Losses and validation and test scores of every epoch to 1e-4, predictions and the largest |c| to 1e-3, dropout and all."""
    from lstmcs.training.lstm import LSTMTrainer

    folds = folds_of(data, *BOTH[name])
    trainer = LSTMTrainer(data, folds[0], jit=name == "lstm none")
    for trained in trainer.train(folds):
        ours, answers = read(out, name, trained.fold)
        assert ours["state"] == "done" and len(ours["curve"]) == TRAINING["epochs"]
        assert ours["curve"][-1]["loss"] < 0.97 * ours["curve"][0]["loss"]  # it learns something
        assert_same((ours, answers), (trained.record, trained.predictions), 1e-3)
        same = ("train_rows", "test_rows", "parameters")
        assert [ours["cost"][what] for what in same] == [trained.record["cost"][what] for what in same]
    # what is trained, the model cut at its dropout, is what predicts (NumPy: no mask travels on the tensor itself)
    x, seen = trainer._head([data.ids]).numpy(), data.ids > 0
    cut = trainer._tail([x, seen] if trainer.padding == "mask" else [x])
    np.testing.assert_allclose(cut, trainer.predict(np.arange(len(data.ids))), atol=1e-5)


def test_a_record_says_who_trained_it(out, data):
    head, _ = read(out, "lstm none", folds_of(data)[0])
    about = {"engine": "jax", "precision": "float32", "loop": "fast", "jit": True, "folds_at_once": 3, "device": "cpu"}
    assert head["env"] | about == head["env"] and head["env"]["jax"]
    assert head["cost"]["train_seconds"] > 0 and head["cost"]["compile_seconds"] > 0
    notes = json.loads((out / "notes.json").read_text())
    assert notes["tf32"] == "tensorfloat32"
    assert notes["served"] == [False, True] and "shared" not in head["env"]  # a processor is no card


def test_folds_side_by_side_are_each_fold_alone(out, data):
    folds = folds_of(data)
    steps = [-(-len(fold.split(data.labels)[0]) // TRAINING["batch_size"]) for fold in folds]
    assert len(set(steps)) == 2  # some have one more than others
    for fold in folds:
        assert_same(read(out, "lstm none", fold), read(out, "alone", fold), 1e-5)
    losses = {read(out, "lstm none", fold)[0]["curve"][-1]["loss"] for fold in folds}
    assert len(losses) == len(folds)  # they are not one fold three times


def test_the_kernel_of_a_card_trains_the_same_folds_and_is_named(out, data):
    if read(out, "by the kernel", folds_of(data)[0])[0]["env"]["loop"] == "fast":
        pytest.skip("this JAX has no Pallas for Triton")
    for fold in folds_of(data):
        head, _ = ours = read(out, "by the kernel", fold)
        assert head["env"]["loop"] == "kernel"
        assert_same(ours, read(out, "lstm none", fold), 1e-4)
    (fold,) = folds_of(data, cell="c = softmax(c)", numbers=(1,), epochs=1)
    assert read(out, "no kernel", fold)[0]["env"]["loop"] == "fast"  # its units look at each other


def test_the_same_bits_twice(out, data):
    for fold in folds_of(data):
        assert_same(read(out, "lstm none", fold), read(out, "again", fold), 0, exact=True)


def test_what_does_not_fit_is_halved(out, data):
    assert json.loads((out / "notes.json").read_text())["refused"] == [3, 2]
    for fold in folds_of(data):
        halved = read(out, "halved", fold)
        assert_same(halved, read(out, "alone", fold), 0, exact=True)
        assert halved[0]["env"]["folds_at_once"] == 1


def test_one_fold_that_diverges_is_alone_in_it(out, data, monkeypatch):
    """The embedding of fold 2 is a thousand times as large, so that c grows beyond all bounds."""
    from lstmcs.training import lstm

    folds = folds_of(data, "lstm", OVERFLOWS)
    for fold in (folds[0], folds[2]):
        assert_same(read(out, "one diverges", fold), read(out, "lstm own", fold), 0, exact=True)
    assert read(out, "lstm own", folds[1])[0]["state"] == "done"
    head, answers = read(out, "one diverges", folds[1])
    assert head["state"] == "failed" and head["health"]["nan"] and head["error"]["type"] == "Diverged"
    assert len(answers["epochs"]) == 0
    # one fold after the other, TensorFlow finds the same
    monkeypatch.setattr(lstm, "initial_weights", only_large(lstm.initial_weights, [folds[1].seed_for("weights")]))
    (trained,) = lstm.LSTMTrainer(data, folds[1], jit=False).train(folds[1:2])
    assert trained.record["error"] == head["error"]
    assert len(trained.record["curve"]) == len(head["curve"])


def test_patience_ends_a_fold_when_it_would_alone(out, data):
    """By the whole curve: the first epoch at which the best one lies so far back; the fold's record ends there."""
    ends = []
    for fold in folds_of(data):
        whole, _ = read(out, "lstm none", fold)
        curve = whole["curve"]
        best = [max(range(k), key=lambda j: curve[j]["val_macro_f1"]) for k in range(1, len(curve) + 1)]  # the first of equals
        end = next((k for k, at in enumerate(best, 1) if k - 1 - at >= 1), len(curve))
        patient, answers = read(out, "patient", replace(fold, training=fold.training | {"patience": 1}))
        assert patient["curve"] == curve[:end]
        assert rules.choose(curve[:end]) in answers["epochs"]
        ends.append(end)
    assert min(ends) < TRAINING["epochs"] and len(set(ends)) > 1  # one stops while others go on


def test_a_study_by_jax(out, monkeypatch, home):
    """All folds are on record; TensorFlow would train the same ones, and the plain references beside them are what they always are."""
    from lstmcs.study.plan import Settings, plan
    from lstmcs.study.sweep import run_study

    parameters = {"datasets": [str(out / "words.csv")], "records_dir": str(out / "study"), **STUDY}
    printed = (out / "printed.txt").read_text()
    assert "8 folds planned: 0 on record, 8 to train" in printed
    with contextlib.redirect_stdout(io.StringIO()) as said:
        frame = run_study(engine="tensorflow", **parameters)
    assert "8 folds planned: 8 on record, 0 to train" in said.getvalue()
    assert (frame["state"] == "done").all() and sorted(frame["model"]) == ["constant"] * 2 + ["lstm"] * 4 + ["tfidf"] * 2
    work = plan(Settings.of(**parameters))
    engines = {fold: work.store.read(fold)["env"] for fold in work.folds}
    assert {about.get("engine") for fold, about in engines.items() if fold.model == "lstm"} == {"jax"}
    assert [about["folds_at_once"] for about in engines.values() if "folds_at_once" in about] == [1] * 4
    for fold in work.folds:
        if fold.model != "lstm":
            (trained,) = worker.train(work.data[fold.dataset], [fold])
            assert trained.record["curve"] == work.store.read(fold)["curve"]


# === Which engine ===


def test_an_unknown_engine_names_the_nearest():
    with pytest.raises(SettingsError, match=r"unknown engine 'jaks'.*'jax'"):
        worker.engine("jaks")
    with pytest.raises(SettingsError, match=r"engines are auto, tensorflow, jax, jax-tf32"):
        worker.engine("cuda")


def test_bert_is_not_for_jax(home):
    needs("jax")
    from lstmcs.study.sweep import run_study

    for name in ("jax", "jax-tf32"):
        with pytest.raises(SettingsError, match="bert is fine-tuned by TensorFlow alone"):
            worker.engine(name, ["lstm", "bert"])
    with pytest.raises(SettingsError, match="leave it out, or choose engine 'tensorflow'"):
        run_study(models=["lstm", "bert"], engine="jax")


def test_keras_on_another_backend_is_said():
    needs("jax", "tensorflow")
    import keras

    if keras.backend.backend() != "tensorflow":
        pytest.skip("Keras runs on JAX here")
    with pytest.raises(SettingsError, match="start Python with KERAS_BACKEND=jax"):
        worker.engine("jax", ["lstm"])


def test_what_is_not_installed_is_said(monkeypatch):
    monkeypatch.setattr(worker.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"engine 'jax-tf32' needs jax, which is not installed here: pip install .*lstmcs\[jax\]"):
        worker.engine("jax-tf32")
    with pytest.raises(SettingsError, match="engine 'tensorflow' needs tensorflow"):
        worker.engine("auto")


def test_auto_is_tensorflow_without_an_accelerator(monkeypatch):
    there = {"tensorflow": object(), "jax": object()}
    monkeypatch.setattr(worker.importlib.util, "find_spec", there.get)
    assert worker.engine("auto") == "tensorflow"  # no plugin of an accelerator is installed
    monkeypatch.setattr(worker, "_accelerator", lambda: True)
    monkeypatch.setitem(sys.modules, "keras", type(sys)("keras"))
    sys.modules["keras"].backend = type("", (), {"backend": staticmethod(lambda: "jax")})
    assert worker.engine("auto") == "jax"
    with pytest.raises(SettingsError, match="fine-tuned by TensorFlow alone"):
        worker.engine("auto", ["bert"])


if __name__ == "__main__":
    environment.prepare(training=True, engine="jax")
    by_jax(Path(sys.argv[1]))
