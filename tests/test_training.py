"""A fold trained: pairing, the training loop against Keras' own `fit`, health, and reading a record back."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from lstmcs import build_model
from lstmcs.datasets.loading import Dataset
from lstmcs.datasets.preprocess import prepare
from lstmcs.fold import Fold
from lstmcs.study import worker
from lstmcs.study.records import Folder
from lstmcs.study.worker import Kept
from lstmcs.training.lstm import LSTMTrainer
from lstmcs.training.tfidf import TfIdf

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
    fast, plain = (LSTMTrainer(data, one, jit=jit).fold(one).record for jit in (True, False))
    np.testing.assert_allclose([e["loss"] for e in fast["curve"]], [e["loss"] for e in plain["curve"]], rtol=1e-4)
    assert fast["env"]["loop"] == "fast" and fast["scores"]["test"]["accuracy"] > 0.85
    trainer = LSTMTrainer(data, one)
    trainer.fold(one)
    whole = np.asarray(trainer.model(data.ids))  # every row at full length
    np.testing.assert_allclose(trainer.predict(np.arange(len(data.ids))), whole, atol=1e-5)


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
        np.testing.assert_allclose(kept["probabilities"][:, k], logistic.predict_proba(unseen)[:, 1], atol=1e-5)
    assert record["state"] == "done" and record["cost"]["parameters"] == 3 * (len(vectorizer.vocabulary_) + 1)
    assert record["scores"]["test"]["macro_f1"] > 0.5
    np.testing.assert_array_equal(kept["rows"], data.rows[test])


def test_reference_answers_0_for_a_class_without_training_rows():
    data = made_up()
    data.labels[:, 2] = 0
    one = tfidf(data)
    data.labels[one.split(data.labels)[2][0], 2] = 1  # in the test part alone
    _, record, kept = TfIdf(data, one).fold(one)
    assert record["state"] == "done" and not kept["probabilities"][:, 2].any()


@pytest.fixture(scope="module")
def trained(data):
    one = fold(data, training={"epochs": 12, "batch_size": 16, "learning_rate": 0.02}, alteration="c = c * o")
    trainer = LSTMTrainer(data, one)
    return trainer, trainer.fold(one)


def test_record_of_a_fold(trained, data, tmp_path):
    _, (one, record, predictions) = trained
    assert record["state"] == "done" and record["scores"]["test"]["macro_f1"] > 0.5
    assert [e["epoch"] for e in record["curve"]] == list(range(1, 13)) and record["curve"][-1]["loss"] < record["curve"][0]["loss"]
    assert record["cost"]["parameters"] == build_model(
        "lstm", vocab_size=data.vocab_size, max_len=data.max_len, n_classes=3, embedding=8, units=6).count_params()  # fmt: skip
    assert record["env"]["loop"] == "fast" and record["env"]["jit"] and not record["health"]["nan"]
    # every score can be computed again from the record alone
    folder = Folder(tmp_path)
    folder.write(one, record, predictions)
    kept = folder.predictions(one)
    again = f1_score(kept["labels"], kept["probabilities"] > 0.5, average="macro", zero_division=0)
    assert folder.rows([one]).loc[0, "macro_f1"] == pytest.approx(again)
    _, _, test = one.split(data.labels)
    np.testing.assert_array_equal(kept["rows"], data.rows[test])


def test_same_seed_same_bits_and_no_trace_of_the_fold_before(trained):
    trainer, (one, first, predictions) = trained
    trainer.fold(replace(one, fold=5))
    _, second, again = trainer.fold(one)
    assert second["scores"] == first["scores"] and second["curve"] == first["curve"]
    np.testing.assert_array_equal(predictions["probabilities"], again["probabilities"])
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


def test_a_diverging_alteration_is_a_failed_record(data):
    one = fold(data, alteration="c = exp(exp(c * 9 + 9))")
    _, record, predictions = LSTMTrainer(data, one).fold(one)
    assert record["state"] == "failed" and "epoch 1" in record["error"]["message"] and record["health"]["nan"]
    assert record["scores"] == {} and len(predictions["rows"]) == 12
