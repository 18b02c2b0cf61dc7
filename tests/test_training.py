"""A fold trained: pairing, the training loop against Keras' own `fit`, health, and reading a record back."""

import random
import warnings
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from lstmcs import build_model, metrics, rules
from lstmcs.datasets.loading import Dataset
from lstmcs.datasets.preprocess import prepare
from lstmcs.fold import Fold
from lstmcs.models.initial import initial_weights
from lstmcs.record import SCORES
from lstmcs.study import worker
from lstmcs.study.records import Folder
from lstmcs.study.worker import Kept
from lstmcs.training.lstm import LSTMTrainer
from lstmcs.training.tfidf import TfIdf
from lstmcs.training.trainer import Course

WORDS = "robot arm wheel lamp door stair glass table phone garden kitchen battery".split()


def made_up(documents=120, classes=3, seed=0, multi=False):
    """A set in which each class has words of its own."""
    rng = np.random.default_rng(seed)
    labels = np.eye(classes, dtype=np.uint8)[rng.integers(0, classes, documents)]
    if multi:
        labels |= np.eye(classes, dtype=np.uint8)[rng.integers(0, classes, documents)]
    texts = [" ".join(rng.choice(WORDS[3 * k : 3 * k + 6], 6)) for k in labels.argmax(axis=1)]
    return prepare(Dataset("made-up", tuple(texts), labels, tuple("abc"[:classes])))


def fold(prepared, **changes):
    about = {"model": "lstm", "sizes": {"embedding": 8, "units": 6, "dropout": 0.0}, "alteration": "none", "padding": "fixed",
             "training": {"epochs": 2, "batch_size": 16, "learning_rate": 0.01}, "run": 1, "fold": 1, "seed": 0}  # fmt: skip
    return Fold(**prepared.config() | about | changes)


def tfidf(prepared, **changes):
    return fold(prepared, model="tfidf", sizes={}, training={"C": 10.0}, padding=None, **changes)


@pytest.fixture(scope="module")
def data():
    return made_up()


def test_a_reseed_is_trained_by_the_same_compiled_model_to_another_result(data):
    kept, plain = Kept(), fold(data)
    again = replace(plain, reseed=1)
    trainer = kept.trainer(data, plain)
    (_, one, a), (_, two, b) = trainer.train([plain, again])
    assert kept.trainer(data, again) is trainer and len(kept) == 1
    np.testing.assert_array_equal(a["rows"], b["rows"])
    assert one["curve"][0]["loss"] != two["curve"][0]["loss"]
    assert [trained.fold for trained in trainer.train([plain, again])] == [plain, again]


class DenseAdam(keras.optimizers.Adam):
    """Adam on dense gradients (on sparse ones Keras 3 squares each occurrence of a token before summing them)."""

    def apply(self, grads, trainable_variables=None):
        super().apply([tf.convert_to_tensor(g) for g in grads], trainable_variables)


def test_the_loop_is_keras_fit(data):
    """Same weights, order and batches: epoch losses and final weights of model.fit, last short batch included."""
    one = fold(data)
    trainer = LSTMTrainer(data, one)
    train, _, test = one.split(data.labels)
    train = train[:90]  # 5 batches of 16 and one of 10
    trainer.reset(one)
    weights, rng = trainer.model.get_weights(), np.random.default_rng(3)
    ours = [trainer.epoch(train, rng) for _ in range(3)]

    model = build_model("lstm", vocab_size=data.vocab_size, max_len=data.max_len, n_classes=3, embedding=8, units=6, dropout=0.0)
    model.set_weights(weights)
    model.compile(DenseAdam(0.01), keras.losses.BinaryCrossentropy(), jit_compile=False)
    rng, theirs = np.random.default_rng(3), []
    for _ in range(3):
        order = rng.permutation(train)
        rng.permutation(1), rng.random((6, 16, 8), np.float32)  # the share of lengths and dropout masks in the generator
        history = model.fit(data.ids[order], data.labels[order], batch_size=16, shuffle=False, verbose=0)
        theirs.append(history.history["loss"][0])
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    for a, b in zip(trainer.model.get_weights(), model.get_weights()):
        np.testing.assert_allclose(a, b, atol=2e-5)
    np.testing.assert_allclose(trainer.predict(test), model.predict(data.ids[test], verbose=0), atol=1e-5)


def test_compiled_and_plain_steps_agree_with_dropout(data):
    one = fold(data, sizes={"embedding": 8, "units": 6, "dropout": 0.3}, alteration="c = c * sigmoid(h)")
    losses = []
    for jit in (True, False):
        _, record, _ = LSTMTrainer(data, one, jit=jit).fold(one)
        losses.append([epoch["loss"] for epoch in record["curve"]])
    np.testing.assert_allclose(*losses, rtol=1e-5)


def uneven(documents=90):
    """Documents of 1 to 40 words, the class in the first word."""
    rng = np.random.default_rng(5)
    classes = rng.integers(0, 2, documents)
    texts = [" ".join([WORDS[c], *rng.choice(WORDS[2:], n)]) for c, n in zip(classes, rng.geometric(0.15, documents).clip(0, 39))]
    return prepare(Dataset("uneven", tuple(texts), np.eye(2, dtype=np.uint8)[classes], ("a", "b")))


def test_masked_training_compiled_and_plain_agree_and_learn():
    data = uneven()
    one = fold(data, padding="mask", training={"epochs": 8, "batch_size": 16, "learning_rate": 0.02}, alteration="c = c * o")
    trainers = [LSTMTrainer(data, one, jit=jit) for jit in (True, False)]
    fast, plain = (trainer.fold(one).record for trainer in trainers)
    np.testing.assert_allclose([e["loss"] for e in fast["curve"]], [e["loss"] for e in plain["curve"]], rtol=1e-4)
    assert fast["env"]["loop"] == "fast" and fast["curve"][-1]["test_accuracy"] > 0.85
    whole = np.asarray(trainers[0].model(data.ids))  # every row at full length
    np.testing.assert_allclose(trainers[0].predict(np.arange(len(data.ids))), whole, atol=1e-5)


@pytest.mark.parametrize("padding", ["fixed", "mask"])
def test_simple_trains_through_the_same_loop(padding):
    """Compiled and plain steps agree with dropout, and rows do not depend on the batch they are in."""
    data, sizes = uneven(), {"embedding": 8, "units": 6, "dropout": 0.2, "heads": 2, "head_width": 4, "feed_forward": 8}
    training = {"epochs": 3, "batch_size": 16, "learning_rate": 0.01}
    one = fold(data, model="simple", sizes=sizes, padding=padding, training=training, alteration="c = c * o")
    trainers = [LSTMTrainer(data, one, jit=jit) for jit in (True, False)]
    fast, plain = (trainer.fold(one).record for trainer in trainers)
    np.testing.assert_allclose([e["loss"] for e in fast["curve"]], [e["loss"] for e in plain["curve"]], rtol=1e-4)
    assert fast["env"]["loop"] == "fast" and fast["cost"]["parameters"] == trainers[0].model.count_params()
    whole = np.asarray(trainers[0].model(data.ids))
    np.testing.assert_allclose(trainers[0].predict(np.arange(len(data.ids))), whole, atol=1e-5)


@pytest.mark.parametrize("multi", [False, True])
def test_reference_is_tf_idf_and_a_logistic_regression_a_class(multi):
    """Against scikit-learn's parts put together by hand, one class at a time."""
    data = made_up(multi=multi)
    one = tfidf(data, fold=2)
    [(_, record, kept)] = worker.train(data, [one])
    train, _, test = one.split(data.labels)
    texts = np.array([" ".join(data.vocabulary[i - 1] for i in row if i) for row in data.ids], object)
    vectorizer = TfidfVectorizer(analyzer=str.split).fit(texts[train])
    features, unseen = vectorizer.transform(texts[train]), vectorizer.transform(texts[test])
    for k in range(3):
        logistic = LogisticRegression(C=10.0, max_iter=1000).fit(features, data.labels[train, k])
        np.testing.assert_allclose(kept["probabilities"][0, :, k], logistic.predict_proba(unseen)[:, 1], atol=1e-5)
    assert record["state"] == "done" and record["cost"]["parameters"] == 3 * (len(vectorizer.vocabulary_) + 1)
    [only] = record["curve"]  # it has one epoch, which every rule reads
    assert only["epoch"] == 1 and only["test_macro_f1"] > 0.5 and only["loss"] < only["val_loss"] and kept["epochs"].tolist() == [1]
    np.testing.assert_array_equal(kept["rows"], data.rows[test])


def test_reference_answers_0_for_a_class_without_training_rows():
    data = made_up()
    data.labels[:, 2] = 0
    one = tfidf(data)
    data.labels[one.split(data.labels)[2][0], 2] = 1  # in the test part alone
    _, record, kept = TfIdf(data, one).fold(one)
    assert record["state"] == "done" and not kept["probabilities"][..., 2].any()


@pytest.fixture(scope="module")
def trained(data):
    one = fold(data, training={"epochs": 12, "batch_size": 16, "learning_rate": 0.02}, alteration="c = c * o")
    trainer = LSTMTrainer(data, one)
    return trainer, trainer.fold(one)


def test_record_of_a_fold(trained, data, tmp_path):
    _, (one, record, predictions) = trained
    assert record["state"] == "done" and record["curve"][-1]["test_macro_f1"] > 0.5
    assert [e["epoch"] for e in record["curve"]] == list(range(1, 13)) and record["curve"][-1]["loss"] < record["curve"][0]["loss"]
    assert record["cost"]["parameters"] == build_model(
        "lstm", vocab_size=data.vocab_size, max_len=data.max_len, n_classes=3, embedding=8, units=6).count_params()  # fmt: skip
    assert record["env"]["loop"] == "fast" and record["env"]["jit"] and not record["health"]["nan"]
    # every score can be computed again from the record alone
    folder = Folder(tmp_path)
    folder.write(one, record, predictions)
    for rule in rules.RULES:
        kept, about = folder.predictions(one, rule), folder.rows([one], rule=rule).loc[0]
        again = f1_score(kept["labels"], kept["probabilities"] > 0.5, average="macro", zero_division=0)
        assert about["macro_f1"] == pytest.approx(again)
        loss = keras.losses.BinaryCrossentropy()(kept["labels"].astype(np.float32), kept["probabilities"])
        assert about["loss"] == pytest.approx(float(loss), abs=1e-5)
    train, _, test = one.split(data.labels)
    np.testing.assert_array_equal(kept["rows"], data.rows[test])
    assert record["cost"]["train_rows"] == len(train) and record["cost"]["test_rows"] == len(test)
    assert record["cost"]["seconds_per_epoch"] == record["cost"]["train_seconds"] / 12


def test_every_epoch_has_the_scores_of_the_validation_and_of_the_test_rows(trained, data):
    """Against predictions of the model as it was at the end, of which the last epoch is."""
    trainer, (one, *_) = trained
    _, record, _ = trainer.fold(one)
    parts = dict(zip(("train", "val", "test"), one.split(data.labels)))
    for part in ("val", "test"):
        said, true = trainer.predict(parts[part]) > 0.5, data.labels[parts[part]]
        assert record["curve"][-1][f"{part}_accuracy"] == (said == true).mean()
        assert record["curve"][-1][f"{part}_macro_f1"] == pytest.approx(f1_score(true, said, average="macro", zero_division=0))
    names = {"epoch", "loss", *(f"{part}_{name}" for part in ("val", "test") for name in SCORES)}
    assert all(set(at) == names for at in record["curve"])


class Told:
    """Answers told beforehand: epoch -> (validation, test) probabilities."""

    def __init__(self, labels, rng, epochs):
        self.rows = np.arange(20), np.arange(20, 40)
        self.right = [labels[rows] for rows in self.rows]
        self.told = [
            [np.clip(y * a + rng.random(y.shape) * (1 - a), 0, 1).astype(np.float32) for y in self.right] for a in rng.random(epochs)
        ]

    def course(self, data, one):
        course, ends = Course(data, one, *self.rows), []
        for epoch, (validation, test) in enumerate(self.told, 1):
            ends.append(course.ends(epoch, 1.0, {"val": validation, "test": test}.get))
            if ends[-1]:
                break
        return course.trained({"train_seconds": 1.0}, 1.0, {}), ends


@pytest.mark.parametrize("seed", range(5))
def test_predictions_are_kept_at_the_epochs_that_a_rule_picks_and_at_no_other(data, seed):
    told = Told(data.labels, np.random.default_rng(seed), 15)
    (_, record, kept), ends = told.course(data, fold(data))
    assert len(record["curve"]) == 15 and not any(ends)
    picked = {rules.choose(record["curve"], rule) for rule in rules.RULES}
    assert kept["epochs"].tolist() == sorted(picked) and 15 in picked
    for epoch, probabilities in zip(kept["epochs"], kept["probabilities"]):
        np.testing.assert_array_equal(probabilities, told.told[epoch - 1][1])
    np.testing.assert_array_equal(kept["labels"], told.right[1])
    np.testing.assert_array_equal(kept["rows"], data.rows[told.rows[1]])


@pytest.mark.parametrize("patience", [1, 3])
def test_patience_is_counted_from_the_best_epoch(data, patience):
    told = Told(data.labels, np.random.default_rng(1), 30)
    (_, whole, _), _ = told.course(data, fold(data))
    (_, record, kept), ends = told.course(data, fold(data, training={"patience": patience}))
    last, waited, best = 0, 0, -1.0
    while waited < patience:  # by hand
        score, last = whole["curve"][last]["val_macro_f1"], last + 1
        waited, best = (0, score) if score > best else (waited + 1, best)
    assert len(record["curve"]) == last < 30 and ends == [False] * (last - 1) + [True]
    assert record["curve"] == whole["curve"][:last] and record["state"] == "done" and record["health"]["epochs"] == last
    assert last - patience in kept["epochs"]


def test_answers_that_are_no_numbers_end_a_fold_with_an_error(data):
    for part in (0, 1):
        told = Told(data.labels, np.random.default_rng(0), 4)
        told.told[2][part][3, 1] = np.nan
        (_, record, kept), ends = told.course(data, fold(data))
        assert (
            ends == [False, False, True]
            and record["state"] == "failed"
            and record["health"] == {"largest_c": 1.0, "nan": True, "epochs": 3}
        )
        assert record["error"]["message"] == "predictions hold NaN after epoch 3; the largest |c| an epoch earlier was 1"
        said = record["scores"]["test"]  # those of the all-zero answer
        assert said.pop("accuracy") == pytest.approx(1 - kept["labels"].mean()) and set(said.values()) == {0.0}
        assert set(kept["epochs"]) <= {1, 2} and [at["epoch"] for at in record["curve"]] == [1, 2, 3]


def test_same_seed_same_bits_and_no_trace_of_the_fold_before(trained):
    trainer, (one, first, predictions) = trained
    trainer.fold(replace(one, fold=5))
    _, second, again = trainer.fold(one)
    assert second["curve"] == first["curve"] and set(again) == set(predictions)
    for name, array in predictions.items():
        np.testing.assert_array_equal(array, again[name])
    assert trainer._train.experimental_get_tracing_count() == 1  # compiled once for all folds


def test_a_fold_starts_anew_at_once_and_not_when_its_first_epoch_is_asked_for(trained, data):
    """The weights before the first epoch are this fold's own, not what the fold before left: a diverged first epoch is explained by them."""
    trainer, (one, *_) = trained
    other = replace(one, fold=5)
    trainer.reset(one)
    fresh = trainer.snapshot()
    trainer.fold(other)
    left = trainer.snapshot()
    taken = []
    snapshot, trainer.snapshot = trainer.snapshot, lambda: taken.append(snapshot()) or taken[-1]
    try:
        trainer.fold(one)
    finally:
        del trainer.snapshot
    assert all((a == b).all() for a, b in zip(taken[0], fresh)) and any((a != b).any() for a, b in zip(taken[0], left))


def test_largest_c_against_numpy(trained, data):
    from reference_cell import run

    trainer, (one, record, _) = trained
    _, _, test = one.split(data.labels)
    trainer.fold(one)
    embedding, *weights = trainer.model.get_weights()
    x, largest = embedding[data.ids[test]], 0.0
    for layer in (weights[:6], weights[6:12]):
        outputs = []
        for part, backwards in ((layer[:3], False), (layer[3:], True)):
            steps = [run(x[:, :t] if not backwards else x[:, -t:], part, "C-1", backwards)[1] for t in range(1, x.shape[1] + 1)]
            largest = max(largest, np.abs(steps).max())
            h = run(x, part, "C-1", backwards)[0]
            outputs.append(h[:, ::-1] if backwards else h)
        x = np.concatenate(outputs, -1)
    assert record["health"]["largest_c"] == pytest.approx(largest, rel=1e-4)


def test_a_c_that_is_nothing_but_nan_has_no_largest(data, caplog):
    """1 / (2 - 2) is NaN: c from the first step on. And TensorFlow tells nobody off for the many cells of one process."""
    for _ in range(6):
        one = fold(data, alteration="c = c + 1 / (2 - 2)")
        trainer = LSTMTrainer(data, one, jit=False)
        trainer.reset(one)
        assert np.isnan(trainer.largest_c(np.arange(20)))
    assert "retracing" not in caplog.text


def test_a_diverging_alteration_is_a_failed_record(data):
    one = fold(data, alteration="c = exp(exp(c * 9 + 9))")
    _, record, predictions = LSTMTrainer(data, one).fold(one)
    assert record["state"] == "failed" and "epoch 1" in record["error"]["message"] and record["health"]["nan"]
    [only] = record["curve"]
    assert only["epoch"] == 1 and not np.isfinite(only["loss"]) and set(only) == {"epoch", "loss"}
    assert len(predictions["rows"]) == 12 and len(predictions["epochs"]) == len(predictions["probabilities"]) == 0


def test_a_fold_leaves_keras_and_every_generator_as_its_user_left_them(trained):
    """Nothing of Keras is cleared and no seed is set: a model that was built before trains on, and the next layer's name is a new one."""
    trainer, (one, *_) = trained
    mine = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5), keras.layers.Dense(3)])
    mine.compile("adam", "mse", jit_compile=False)
    x = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    mine.fit(x, x[:, :3], verbose=0)
    name = keras.layers.Dense(1).name
    before = mine.get_weights(), random.getstate(), np.random.get_state()[1].tolist()
    trainer.fold(replace(one, fold=3, training=one.training | {"epochs": 1}))
    assert random.getstate() == before[1] and np.random.get_state()[1].tolist() == before[2]
    assert int(keras.layers.Dense(1).name.rsplit("_", 1)[1]) == int(name.rsplit("_", 1)[1]) + 1
    assert all((a == b).all() for a, b in zip(mine.get_weights(), before[0]))
    mine.fit(x, x[:, :3], verbose=0)
    assert any((a != b).any() for a, b in zip(mine.get_weights(), before[0]))


def test_initial_weights_are_the_seeds_and_not_the_alterations(trained, data):
    """The numbers of models/initial.py, whatever was trained before."""
    trainer, (one, *_) = trained
    trainer.reset(one)
    drawn = initial_weights(trainer.variables, one.seed_for("weights"))
    assert all((variable.numpy() == value).all() for variable, value in zip(trainer.variables, drawn))
    assert not any(v.numpy().any() for v in trainer.optimizer.variables if "learning_rate" not in v.path)


@pytest.mark.parametrize("padding", ["fixed", "mask"])
@pytest.mark.parametrize("model", ["lstm", "simple"])
def test_a_step_of_training_sees_what_a_prediction_sees(model, padding):
    """With a learning rate that moves nothing and no dropout, the loss of an epoch is that of the predictions: masks included."""
    data, sizes = uneven(), {"embedding": 8, "units": 6, "dropout": 0.0}
    sizes |= {"heads": 2, "head_width": 4, "feed_forward": 8} if model == "simple" else {}
    one = fold(data, model=model, sizes=sizes, padding=padding, training={"epochs": 1, "batch_size": 16, "learning_rate": 1e-12})
    trainer = LSTMTrainer(data, one, jit=False)
    train, _, _ = one.split(data.labels)
    trainer.reset(one)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nor does Keras complain of a mask
        loss = trainer.epoch(train, np.random.default_rng(0))
    assert loss == pytest.approx(metrics.loss(data.labels[train], trainer.predict(train)), rel=1e-5)
