"""BERT against NumPy and PyTorch, and its fine-tuning: schedule, batches, pairing, resume."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import reference_bert
import tensorflow as tf
from test_checkpoints import needs_package
from test_training import made_up

from lstmcs import build_model, run_study
from lstmcs.datasets.loading import Dataset
from lstmcs.datasets.preparation import Preparation
from lstmcs.datasets.preprocess import prepare
from lstmcs.fold import Fold
from lstmcs.models import checkpoints
from lstmcs.study.records import Folder
from lstmcs.training.bert import FineTuner, cost_of_base, learning_rates, lengths

#: PyTorch 2.13.0 and transformers 5.23.0, in an environment of their own:
#:     tok, m = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
#:     o = m(**tok([text], truncation=True, max_length=64, padding="max_length", return_tensors="pt"))
#: text -> number of tokens, then four numbers each of o.last_hidden_state[0, 0] and [0, last token], six of o.pooler_output[0]
#: and the sum of its absolute values (384 of them).
PYTORCH = {
    "A robot opened the door.": (8, [-0.077237, -0.139435, 0.091163, -0.097792], [0.125541, 0.071588, -0.234134, 0.151710],
        [0.007689, 0.015353, 0.042875, 0.006779, 0.031185, -0.089804], 19.7218),
    "": (2, [0.006044, 0.027690, 0.031542, -0.019427], [-1.519031, 0.587224, -0.063984, -0.120760],
        [-0.023185, 0.016353, 0.011757, 0.053580, -0.056785, -0.044808], 18.4113),
    "naïve café 😀 日本 don't @user #tag https://x.y/z": (23, [0.138045, 0.274061, 0.389362, 0.107584], [-0.042163, 0.466363, 0.548245, 0.051524],
        [-0.049238, -0.059304, -0.005862, 0.077251, -0.101339, -0.031361], 21.5212),
    "word " * 600: (64, [0.248746, -0.400193, -0.111742, 0.106577], [0.572665, 0.137445, 0.117667, 0.328948],
        [-0.043067, 0.045997, 0.064750, -0.007187, -0.100156, 0.086454], 20.4988),
}  # fmt: skip


@needs_package
def test_outputs_are_pytorchs():
    """On the packaged six-layer checkpoint, whatever padding follows."""
    folder = checkpoints.locate(checkpoints.identity("all-MiniLM-L6-v2"))
    model = build_model("bert", n_classes=3, checkpoint="all-MiniLM-L6-v2", seed=1)
    probe = keras.Model(model.input, [model.get_layer("layer_5_norm_2").output, model.get_layer("pooler").output])
    for text, (count, first, last, pooled, total) in PYTORCH.items():
        [ids] = checkpoints.encode([text], checkpoints.tokenizer(folder), 64)
        assert len(ids) == count
        for padding in (0, 9):
            hidden, found = (np.array(a)[0] for a in probe(np.pad([ids], ((0, 0), (0, padding)))))
            for ours, theirs in ((hidden[0, :4], first), (hidden[count - 1, :4], last), (found[:6], pooled)):
                np.testing.assert_allclose(ours, theirs, atol=1e-5)
            assert np.abs(found).sum() == pytest.approx(total, abs=1e-3)


def test_bert_base_has_table_14s_parameters():
    assert build_model("bert", n_classes=11, checkpoint=checkpoints.BASE).count_params() == 109_881_611


@pytest.fixture
def tiny(tmp_path):
    return reference_bert.write(tmp_path / "tiny")


def test_outputs_are_numpys(tiny):
    model = build_model("bert", n_classes=3, checkpoint=str(tiny), dense=5)
    probe = keras.Model(model.input, model.get_layer("pooler").output)
    for ids in ([2, 3], [2, 5, 9, 9, 3], list(range(1, 17))):
        for padding in (0, 16 - len(ids)):
            ours = np.array(probe(np.pad([ids], ((0, 0), (0, padding)))))[0]
            np.testing.assert_allclose(ours, reference_bert.pooled(reference_bert.tensors(), ids), atol=1e-4)
    assert [layer.units for layer in model.layers[-10:] if isinstance(layer, keras.layers.Dense)][-2:] == [5, 3]
    assert ((scores := np.array(model(np.array([[2, 7, 3]])))) > 0).all() and (scores < 1).all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"alteration": "C-1"}, "'bert' has no cell to alter"),
        ({"vocab_size": 7}, "vocabulary of 24"),
        ({"max_len": 17}, "at most 16"),
        ({"units": 3}, "did you mean|unknown size 'units'"),
        ({"checkpoint": "./nowhere"}, "no such folder"),
        ({"checkpoint": {"model_type": "gpt2"}}, "model_type 'gpt2'"),
    ],
)
def test_errors(arguments, says, tiny):
    with pytest.raises(ValueError, match=says):
        build_model("bert", **{"n_classes": 3, "checkpoint": str(tiny), **arguments})
    with pytest.raises(TypeError, match="'lstm' needs vocab_size and max_len"):
        build_model("lstm", n_classes=3)


def test_schedule_and_lengths():
    rates = learning_rates(5e-5, 100, 0.1)
    np.testing.assert_allclose(rates[:10], 5e-6 * np.arange(1, 11), rtol=1e-5)
    assert rates.argmax() == 9 and (np.diff(rates[9:]) < 0).all() and 0 < rates[-1] < 1e-6
    np.testing.assert_allclose(np.diff(rates[9:]), -5e-5 / 91, rtol=1e-2)
    assert learning_rates(1.0, 1, 0.1) == [1] and len(learning_rates(1.0, 3, 0.5)) == 3
    assert lengths(100) == [16, 32, 64, 100] and lengths(3) == [16] and lengths(128)[-1] == 128


TRAINING = {"epochs": 3, "batch_size": 16, "learning_rate": 5e-3, "warm_up": 0.1, "weight_decay": 0.01, "max_tokens": 20}


def fold(prepared, folder, **changes):
    about = {"model": "bert", "sizes": {"dense": 6, "dropout": 0.1}, "training": TRAINING, "alteration": "none",
             "checkpoint": checkpoints.identity(str(folder)), "run": 1, "fold": 1, "seed": 0}  # fmt: skip
    return Fold(**prepared.config() | about | changes)


@pytest.mark.parametrize("multi", [False, True])
def test_fine_tuning_learns_on_the_studys_folds_and_leaves_no_trace(tiny, multi):
    """Multi-label as well; the same seed gives the same bits, whatever fold came before."""
    data = made_up(multi=multi)
    one = fold(data, tiny)
    tuner = FineTuner(data, one, jit=False)
    _, first, kept = tuner.fold(one)
    tuner.fold(replace(one, fold=5))
    _, again, same = tuner.fold(one)
    for name, array in kept.items():
        np.testing.assert_array_equal(array, same[name])
    assert first["curve"] == again["curve"] and len(first["curve"]) == 3 and first["state"] == "done" and 3 in kept["epochs"]
    assert first["curve"][-1]["loss"] < first["curve"][0]["loss"]
    np.testing.assert_array_equal(kept["rows"], data.rows[one.split(data.labels)[2]])
    assert first["cost"]["parameters"] == tuner.model.count_params() and np.isnan(first["health"]["largest_c"])


def test_every_row_is_trained_on_once_an_epoch_in_short_batches(tiny):
    data = made_up()
    tuner = FineTuner(data, fold(data, tiny), jit=False)
    tuner.row_lengths = np.random.default_rng(0).integers(2, 17, 120)
    rows = np.arange(5, 120)
    batches = tuner.cut(rows, np.random.default_rng(1))
    np.testing.assert_array_equal(np.sort(np.concatenate(batches)), rows)
    assert max(map(len, batches)) == 16 and np.mean([np.ptp(tuner.row_lengths[b]) for b in batches]) < 4
    assert not np.array_equal(np.concatenate(batches), np.concatenate(tuner.cut(rows, np.random.default_rng(2))))


def test_one_step_is_adamw_by_hand(tiny):
    """Mean loss of the rows alone, each without padding; gradient cut at norm 1; no weight decay on norms and biases."""
    data = made_up()
    one = fold(data, tiny, sizes={"dense": 6, "dropout": 0.0})
    tuner = FineTuner(data, one, jit=False)
    tuner.reset(one)
    before = {v.path: v.numpy() for v in tuner.variables}
    with tf.GradientTape() as tape:
        scores = tf.concat([tuner.model(np.array([tuner.tokens[row]])) for row in range(10)], 0)
        loss = tf.reduce_mean(keras.losses.binary_crossentropy(data.labels[:10].astype("float32"), scores))
    gradients = [tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, tuner.variables)]
    cut = min(1, 1 / np.sqrt(sum((g**2).sum() for g in gradients)))
    total = float(tuner._train(*tuner._padded(np.arange(10)), np.float32(1e-2)))  # and six rows of filler, which must not count
    assert total == pytest.approx(10 * float(loss), rel=1e-5)
    for variable, g in zip(tuner.variables, gradients):
        old, sure = before[variable.path], np.abs(g * cut) > 1e-6  # the sign of smaller ones is rounding
        decay = 0 if variable.path.endswith(("bias", "gamma", "beta")) else 0.01
        expected = old - 1e-2 * (
            decay * old + g * cut / (np.abs(g * cut) + 1e-8 / np.sqrt(1e-3))
        )  # Kingma & Ba 2015, section 2, its second form
        np.testing.assert_allclose(variable.numpy()[sure], expected[sure], atol=2e-4, err_msg=variable.path)


@pytest.fixture
def base_is_not_measured(monkeypatch):
    """A study with this BERT measures BERT-base once a data set, which takes minutes; see test_sweep.py and the last test here."""
    monkeypatch.setattr("lstmcs.training.bert.cost_of_base", lambda prepared, fold: {"parameters": 7})


def test_hostile_texts_are_trained_on(tmp_path, tiny, base_is_not_measured):
    """Nothing but signs, emoji, 10,000 words, markup: all get a score."""
    path = tmp_path / "odd.jsonl"
    odd = ["😀😀 robot", "robot " * 10_000, "\\u0000 arm", "<script>alert(1)</script> wheel", "[PAD] [PAD] lamp", "日本 door"]
    path.write_text("\n".join(f'{{"text": "{text}", "label": "{"ab"[k % 2]}"}}' for k, text in enumerate(odd * 4)))
    frame = run_study(preset="smoke", datasets=[f"{path}?min_words=1&min_tokens=1"], models=["bert", "bert-prepared", "tfidf"], checkpoint=str(tiny), workers=0,
                      records_dir=str(tmp_path / "r"))  # fmt: skip
    assert len(frame) == 6 and (frame["state"] == "done").all(), frame["error"].tolist()


def test_study_resumes_and_its_records_are_paired_with_the_others(tiny, home, capsys, base_is_not_measured):
    options = {"preset": "smoke", "datasets": ["robo"], "models": ["tfidf", "bert"], "checkpoint": str(tiny), "workers": 0}
    frame = run_study(**options, folds=1)
    assert sorted(frame["model"]) == ["bert", "tfidf"]
    frame = run_study(**options | {"workers": 1})  # the worker finds the folder, too
    assert "2 on record, 2 to train" in capsys.readouterr().out and (frame["state"] == "done").all(), frame["error"].tolist()
    folder = Folder(home / "data" / "records")
    folds = [Fold.of(head["config"]) for head in folder.heads()]
    rows = [folder.predictions(one)["rows"] for one in folds if one.fold == 1]
    assert len(folds) == 4 and len(rows) == 2
    np.testing.assert_array_equal(*rows)


def test_compiled_and_plain_steps_agree(tiny):
    data, tiny = made_up(), reference_bert.write(tiny, num_hidden_layers=1)
    one = fold(data, tiny, sizes={"dense": 6, "dropout": 0.0}, training=TRAINING | {"epochs": 1})
    losses = [FineTuner(data, one, jit=jit).fold(one).record["curve"][0]["loss"] for jit in (True, False)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_raw_text_prepared_text_and_the_cost_of_random_weights(tiny):
    """The prepared text is the study's own; a larger architecture takes the checkpoint's tokenizer alone."""
    data = prepare(
        Dataset(
            "shouting", tuple(f"The ROBOT, arm{'!' * (k % 3)}" for k in range(20)), np.eye(2, dtype=np.uint8)[np.arange(20) % 2], ("a", "b")
        ),
        Preparation(min_words=1, min_tokens=1),
    )
    one = fold(data, tiny, model="bert-prepared")
    tuner = FineTuner(data, one, jit=False, architecture=reference_bert.CONFIG | {"num_hidden_layers": 1})
    assert tuner.parameters() < FineTuner(data, one, jit=False).parameters()
    word = {name: number for number, name in enumerate(reference_bert.WORDS)}
    assert tuner.tokens[0] == [word[w] for w in ("[CLS]", "robot", "arm", "[SEP]")]
    assert min(tuner.step_seconds(16, 2)) > 0 and tuner.length(np.arange(3)) == 16
    assert len(FineTuner(data, fold(data, tiny), jit=False).tokens[1]) == 7  # [CLS] the robot , arm ! [SEP]


def test_cost_of_base_is_the_steps_of_an_epoch_times_their_seconds(monkeypatch, tiny):
    """With made-up steps of a second for each 16 tokens, and no model."""
    data, asked = made_up(documents=40), []

    class Steps(FineTuner):
        def __init__(self, prepared, fold, jit=False, architecture=None):
            asked.append(architecture)
            self.row_lengths, self.lengths, self.batch_size = np.repeat([5, 20], 20), [16, 32], fold.training["batch_size"]

        def step_seconds(self, length, steps):
            return length / 16, length / 32

        def parameters(self):
            return 7

    monkeypatch.setattr("lstmcs.training.bert.FineTuner", Steps)
    found = cost_of_base(data, fold(data, tiny, training={"epochs": 3, "batch_size": 4}))
    # 32 training rows are 8 batches of four, of which at most one mixes lengths: 16 long rows are four or five long batches
    assert found["steps"] == 3 * 8 and found["seconds_per_epoch"] in (12, 13) and found["parameters"] == 7
    assert found["seconds"] == 3 * found["seconds_per_epoch"] == 2 * found["processor_seconds"] and found["step"] == {"16": 1.0, "32": 2.0}
    assert asked == [checkpoints.BASE] and checkpoints.BASE["num_hidden_layers"] == 12 and "cores" in found["host"]
