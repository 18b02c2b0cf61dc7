"""A fold: the split, pairing, the training loop against Keras' own `fit`, health, and reading a record back."""

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
from lstmcs.fold import SPLITS, seed_of, split
from lstmcs.study.sweep import records
from lstmcs.training.lstm import Trainer, lstm, train_fold
from lstmcs.training.tfidf import Reference

WORDS = "robot arm wheel lamp door stair glass table phone garden kitchen battery".split()


def made_up(documents=120, classes=3, seed=0, multi=False):
    """A set in which each class has words of its own."""
    rng = np.random.default_rng(seed)
    labels = np.eye(classes, dtype=np.uint8)[rng.integers(0, classes, documents)]
    if multi:
        labels |= np.eye(classes, dtype=np.uint8)[rng.integers(0, classes, documents)]
    texts = [" ".join(rng.choice(WORDS[3 * k : 3 * k + 6], 6)) for k in labels.argmax(axis=1)]
    return prepare(Dataset("made-up", tuple(texts), labels, tuple("abc"[:classes])))


def config(prepared, **changes):
    return {**prepared.config(), "model": "lstm", "sizes": {"embedding": 8, "units": 6, "dropout": 0.0}, "alteration": "none",
            "training": {"epochs": 2, "batch_size": 16, "learning_rate": 0.01}, "padding": "fixed", "run": 1, "fold": 1, "seed": 0, **changes}  # fmt: skip


@pytest.fixture(scope="module")
def data():
    return made_up()


def test_split_is_80_10_10_and_every_row_is_tested_once(data):
    tested = []
    for fold in range(1, SPLITS + 1):
        train, validation, test = split(data.labels, config(data, fold=fold))
        assert sorted([*train, *validation, *test]) == list(range(120))
        assert (len(train), len(validation), len(test)) == (96, 12, 12)
        tested += list(test)
        assert (np.abs(data.labels[test].mean(axis=0) - data.labels.mean(axis=0)) < 0.1).all()  # by class
    assert sorted(tested) == list(range(120))


def test_pairing_the_alteration_never_enters_a_seed(data):
    for what in ("split", "weights", "order"):
        assert seed_of(config(data, alteration="c = c * o"), what) == seed_of(config(data), what)
        assert seed_of(config(data, run=2), what) != seed_of(config(data), what) != seed_of(config(data, seed=1), what)
    assert seed_of(config(data, fold=2), "split") == seed_of(config(data), "split")
    assert seed_of(config(data, fold=2), "weights") != seed_of(config(data), "weights")


def test_a_row_of_the_yardstick_has_the_split_but_other_seeds(data):
    plain = config(data)
    for repeat in (1, 2):
        other = plain | {"repeat": repeat}
        assert seed_of(other, "split") == seed_of(plain, "split")
        assert all(
            seed_of(other, what) not in (seed_of(plain, what), seed_of(plain | {"repeat": 3 - repeat}, what))
            for what in ("weights", "order")
        )
    one, a = train_fold(data, plain)
    misses = list(lstm.TRAINERS.values())
    two, b = train_fold(data, plain | {"repeat": 1})
    assert list(lstm.TRAINERS.values()) == misses  # the same compiled model
    np.testing.assert_array_equal(a["rows"], b["rows"])
    assert one["curve"][0]["loss"] != two["curve"][0]["loss"] and two["config"]["repeat"] == 1


@pytest.mark.parametrize("multi", [True, False])
def test_split_of_multi_label_and_of_rare_classes(multi):
    labels = made_up(multi=True).labels if multi else np.eye(60, dtype=np.uint8)[np.arange(60)]
    parts = [split(labels, {"dataset": "x", "run": 1, "fold": k, "seed": 0})[2] for k in range(1, 11)]
    assert sorted(np.concatenate(parts)) == list(range(len(labels)))
    with pytest.raises(ValueError, match="9 documents are too few"):
        split(labels[:9], {"dataset": "x", "run": 1, "fold": 1, "seed": 0})


class DenseAdam(keras.optimizers.Adam):
    """Adam on dense gradients (on sparse ones Keras 3 squares each occurrence of a token before summing them)."""

    def apply(self, grads, trainable_variables=None):
        super().apply([tf.convert_to_tensor(g) for g in grads], trainable_variables)


def test_the_loop_is_keras_fit(data):
    """Same weights, order and batches: epoch losses and final weights of model.fit, last short batch included."""
    cfg = config(data)
    trainer = Trainer(data, cfg)
    train, _, test = split(data.labels, cfg)
    train = train[:90]  # 5 batches of 16 and one of 10
    trainer._reset(seed_of(cfg, "weights"))
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
    cfg = config(data, sizes={"embedding": 8, "units": 6, "dropout": 0.3}, alteration="c = c * sigmoid(h)")
    losses = []
    for jit in (True, False):
        trainer = Trainer(data, cfg, jit=jit)
        record, _ = trainer.fold(cfg)
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
    cfg = config(data, padding="mask", training={"epochs": 8, "batch_size": 16, "learning_rate": 0.02}, alteration="c = c * o")
    (fast, _), (plain, _) = (Trainer(data, cfg, jit=jit).fold(cfg) for jit in (True, False))
    np.testing.assert_allclose([e["loss"] for e in fast["curve"]], [e["loss"] for e in plain["curve"]], rtol=1e-4)
    assert fast["env"]["loop"] == "fast" and fast["scores"]["test"]["accuracy"] > 0.85
    trainer = Trainer(data, cfg)
    trainer.fold(cfg)
    whole = np.asarray(trainer.model(data.ids))  # every row at full length
    np.testing.assert_allclose(trainer.predict(np.arange(len(data.ids))), whole, atol=1e-5)


@pytest.mark.parametrize("padding", ["fixed", "mask"])
def test_simple_trains_through_the_same_loop(padding):
    """Compiled and plain steps agree with dropout, and rows do not depend on the batch they are in."""
    data, sizes = uneven(), {"embedding": 8, "units": 6, "dropout": 0.2, "heads": 2, "head_width": 4, "feed_forward": 8}
    training = {"epochs": 3, "batch_size": 16, "learning_rate": 0.01}
    cfg = config(data, model="simple", sizes=sizes, padding=padding, training=training, alteration="c = c * o")
    trainers = [Trainer(data, cfg, jit=jit) for jit in (True, False)]
    (fast, _), (plain, _) = (trainer.fold(cfg) for trainer in trainers)
    np.testing.assert_allclose([e["loss"] for e in fast["curve"]], [e["loss"] for e in plain["curve"]], rtol=1e-4)
    assert fast["env"]["loop"] == "fast" and fast["cost"]["parameters"] == trainers[0].model.count_params()
    whole = np.asarray(trainers[0].model(data.ids))
    np.testing.assert_allclose(trainers[0].predict(np.arange(len(data.ids))), whole, atol=1e-5)


@pytest.mark.parametrize("multi", [False, True])
def test_reference_is_tf_idf_and_a_logistic_regression_a_class(multi):
    """Against scikit-learn's parts put together by hand, one class at a time."""
    data = made_up(multi=multi)
    cfg = {**data.config(), "model": "tfidf", "sizes": {}, "training": {"C": 10.0}, "alteration": "none", "run": 1, "fold": 2, "seed": 0}
    record, kept = train_fold(data, cfg)
    train, _, test = split(data.labels, cfg)
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
    data.labels[split(data.labels, config(data))[2][0], 2] = 1  # in the test part alone
    cfg = {**data.config(), "model": "tfidf", "sizes": {}, "training": {"C": 10.0}, "alteration": "none", "run": 1, "fold": 1, "seed": 0}
    record, kept = Reference(data, cfg).fold(cfg)
    assert record["state"] == "done" and not kept["probabilities"][:, 2].any()


@pytest.fixture(scope="module")
def trained(data):
    cfg = config(data, training={"epochs": 12, "batch_size": 16, "learning_rate": 0.02}, alteration="c = c * o")
    trainer = Trainer(data, cfg)
    return trainer, cfg, trainer.fold(cfg)


def test_record_of_a_fold(trained, data, tmp_path):
    _, cfg, (record, predictions) = trained
    assert record["state"] == "done" and record["scores"]["test"]["macro_f1"] > 0.5
    assert [e["epoch"] for e in record["curve"]] == list(range(1, 13)) and record["curve"][-1]["loss"] < record["curve"][0]["loss"]
    assert record["cost"]["parameters"] == build_model(
        "lstm", vocab_size=data.vocab_size, max_len=data.max_len, n_classes=3, embedding=8, units=6).count_params()  # fmt: skip
    assert record["env"]["loop"] == "fast" and record["env"]["jit"] and not record["health"]["nan"]
    # every score can be computed again from the record alone
    path = records.write(record, predictions, tmp_path)
    kept = records.predictions(path)
    again = f1_score(kept["labels"], kept["probabilities"] > 0.5, average="macro", zero_division=0)
    assert records.results([path]).loc[0, "macro_f1"] == pytest.approx(again)
    _, _, test = split(data.labels, cfg)
    np.testing.assert_array_equal(kept["rows"], data.rows[test])


def test_same_seed_same_bits_and_no_trace_of_the_fold_before(trained):
    trainer, cfg, (first, predictions) = trained
    trainer.fold(cfg | {"fold": 5})
    second, again = trainer.fold(cfg)
    assert second["scores"] == first["scores"] and second["curve"] == first["curve"]
    np.testing.assert_array_equal(predictions["probabilities"], again["probabilities"])
    assert trainer._train.experimental_get_tracing_count() == 1  # compiled once for all folds


def test_largest_c_against_numpy(trained, data):
    from reference_cell import run

    trainer, cfg, (record, _) = trained
    _, _, test = split(data.labels, cfg)
    trainer.fold(cfg)
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
    cfg = config(data, alteration="c = exp(exp(c * 9 + 9))")
    record, predictions = Trainer(data, cfg).fold(cfg)
    assert record["state"] == "failed" and "epoch 1" in record["error"]["message"] and record["health"]["nan"]
    assert record["scores"] == {} and len(predictions["rows"]) == 12
