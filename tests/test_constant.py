"""The best constant answer: against scikit-learn's dummy, against every constant answer there is, and as a record like any other."""

import json
import runpy
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import f1_score

from lstmcs import rules
from lstmcs.datasets.loading import Dataset
from lstmcs.datasets.preprocess import prepare
from lstmcs.errors import DataError
from lstmcs.fold import Fold
from lstmcs.metrics import scores
from lstmcs.study import worker
from lstmcs.study.archive import Archive
from lstmcs.study.records import Folder
from lstmcs.training.constant import Constant, candidates

ROOT = Path(__file__).parent.parent
EDITIONS = [ROOT / "reports" / name / "results.parquet" for name in ("first-edition", "second-edition")]
ADD = runpy.run_path(str(ROOT / "data" / "protocol" / "add_constant.py"))
ONE = {"model": "constant", "sizes": {}, "training": {}, "alteration": "none", "run": 1, "fold": 3, "seed": 0}


def drawn(shares, documents=120, several=False, seed=0):
    """A set of as many classes as there are shares; with several, each is drawn for itself."""
    rng, shares = np.random.default_rng(seed), np.array(shares)
    if several:
        labels = (rng.random((documents, len(shares))) < shares).astype(np.uint8)
        labels[0] = 0  # a document without a class, so that it is multi-label by whatever is drawn
    else:
        labels = np.eye(len(shares), dtype=np.uint8)[rng.choice(len(shares), documents, p=shares)]
    texts = tuple(f"the quick brown fox jumps over number{n % 7}" for n in range(documents))
    return prepare(Dataset("drawn", texts, labels, tuple("abcdefgh"[: len(shares)])))


def trained(prepared, **changes):
    one = Fold(**prepared.config() | ONE | changes)
    [(_, record, kept)] = worker.train(prepared, [one])
    return one, record, kept


def macro(labels, answer):
    return f1_score(labels, np.tile(answer, (len(labels), 1)), average="macro", zero_division=0)


@pytest.mark.parametrize("shares", [(0.2, 0.5, 0.3), (0.34, 0.33, 0.33), (0.1, 0.9)])
def test_with_one_class_a_document_it_is_the_most_frequent_one(shares):
    data = drawn(shares)
    one, record, kept = trained(data)
    train, _, test = one.split(data.labels)
    dummy = DummyClassifier(strategy="most_frequent").fit(np.zeros((len(train), 1)), data.labels[train].argmax(axis=1))
    expected = np.eye(len(shares))[dummy.predict(np.zeros((len(test), 1)))]
    np.testing.assert_array_equal(kept["probabilities"], expected[None])
    assert kept["probabilities"].dtype == np.float32
    [only] = record["curve"]
    share = data.labels[test].mean(axis=0)[expected[0].argmax()]
    assert only["test_macro_f1"] == pytest.approx(2 * share / (1 + share) / len(shares))  # the formula of its docstring
    assert only["test_macro_f1"] == pytest.approx(f1_score(data.labels[test], expected, average="macro", zero_division=0))


@pytest.mark.parametrize("seed", range(5))
def test_with_several_classes_no_constant_answer_has_a_higher_macro_f1(seed):
    """Of all 2^5 answers, by scikit-learn; the fifth class is in no training row, and is not said."""
    data = drawn((0.5, 0.1, 0.3, 0.02, 0.2), several=True, seed=seed)
    one = Fold(**data.config() | ONE)
    train, _, test = one.split(data.labels)
    data.labels[train, 4] = 0
    data.labels[test[0], 4] = 1
    _, _, kept = trained(data)
    answer, labels = kept["probabilities"][0, 0], data.labels[train]
    assert macro(labels, answer) == pytest.approx(max(macro(labels, np.array(every)) for every in product((0, 1), repeat=5)))
    assert answer.tolist() == [*(labels[:, :4].any(axis=0)), 0] and (kept["probabilities"][0] == answer).all()


def test_the_candidates_are_those_of_its_docstring():
    labels = np.array([[0, 1, 0], [0, 1, 1], [0, 1, 1], [1, 1, 1]], np.uint8)
    assert candidates(labels, several=True).tolist() == [[0, 0, 0], [0, 1, 0], [0, 1, 1], [1, 1, 1]]
    assert candidates(labels, several=False).tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    # why all classes at once are no candidate on single labels: five balanced ones, and a third of macro F1 without reading a word
    balanced = np.eye(5, dtype=np.uint8)
    assert scores(balanced, np.ones((5, 5)))["macro_f1"] == pytest.approx(1 / 3)
    assert max(scores(balanced, np.tile(one, (5, 1)))["macro_f1"] for one in candidates(balanced, False)) == pytest.approx(1 / 15)


def test_of_equals_it_is_the_first_class():
    data = drawn((0.5, 0.5))
    labels = np.eye(2, dtype=np.uint8)[np.arange(len(data.labels)) % 2]
    data = replace(data, labels=labels[:, ::-1])
    one, _, kept = trained(data)
    assert data.labels[one.split(data.labels)[0]].sum(axis=0).tolist() == [48, 48] and kept["probabilities"][0, 0].tolist() == [1, 0]


def test_it_sees_no_label_of_the_test_part():
    data = drawn((0.4, 0.35, 0.25))
    one = Fold(**data.config() | ONE)
    train, validation, test = one.split(data.labels)
    trainer = Constant(data, one)
    list(trainer.epochs(train, one))
    before = trainer.predict(test)
    data.labels[np.concatenate([validation, test])] = [0, 0, 1]
    list(trainer.epochs(train, one))
    np.testing.assert_array_equal(trainer.predict(test), before)


def test_its_record_is_one_like_any_other_and_every_rule_reads_it(tmp_path):
    data, folder = drawn((0.2, 0.5, 0.3)), Folder(tmp_path)
    one, record, kept = trained(data)
    folder.write(one, record, kept)
    assert record["state"] == "done" and record["cost"]["parameters"] == 3 and record["env"]["loop"] is None
    for rule in (*rules.RULES, "epoch=7", {"drawn": 7}):
        row = folder.rows([one], rule=rule).loc[0]
        assert (row["model"], row["alteration"], row["epoch"], row["epochs"]) == ("constant", "none", 1, 1)
        assert row["macro_f1"] == record["curve"][0]["test_macro_f1"] > 0
    assert folder.rows([one], "subset", rule="epoch=7").loc[0, "accuracy"] == pytest.approx(kept["labels"][:, 1].mean())


@pytest.mark.parametrize("file", EDITIONS, ids=lambda file: file.parent.name)
def test_an_edition_has_it_beside_every_fold_of_the_unaltered_cell(file):
    """On as many documents; and its records are the edition's own, by key and protocol."""
    table, by = pd.read_parquet(file), ["dataset", "run", "fold", "seed", "train_rows", "test_rows"]
    constant, unaltered = (table[(table["model"] == model) & (table["formula"] == "none")] for model in ("constant", "lstm"))
    unaltered = unaltered[unaltered["alteration"] == "none"]
    assert len(constant) == len(unaltered) == {"first-edition": 115, "second-edition": 100}[file.parent.name]
    assert len(table) == {"first-edition": 2365 + 115, "second-edition": 2 * 600 + 2 * 210 + 80 + 50}[file.parent.name]
    pd.testing.assert_frame_equal(*(part[by].sort_values(by, ignore_index=True) for part in (constant, unaltered)))
    for text in constant["record"]:
        head = json.loads(text)
        assert Fold.of(head["config"], head["protocol"]).key == head["key"] and head["protocol"] in (1, 2)
    accuracy = constant.set_index("dataset")["accuracy"]
    assert (accuracy["hasoc"] < 0.81).all() and (accuracy["hasoc"] > 0.8).all()  # NONE is 61.1 % of four classes: (4 - 2 * 0.389) / 4


def test_an_edition_of_before_gets_it_and_nothing_else_changes(tmp_path):
    """The stand-in's rows of the first edition without it: what is added is what the edition has, and the others stay, byte for byte."""
    whole = pd.read_parquet(EDITIONS[0]).query("dataset == 'robo' and model in ('lstm', 'constant') and run < 3").reset_index(drop=True)
    before, file = whole[whole["model"] != "constant"], tmp_path / "results.parquet"
    before.to_parquet(file, index=False)
    assert ADD["add"](file) == 20 and ADD["add"](file) == 0
    after = pd.read_parquet(file)
    assert after["key"].tolist() == whole["key"].tolist()
    pd.testing.assert_frame_equal(after[after["model"] != "constant"].reset_index(drop=True), before.reset_index(drop=True))
    measured = ["train_seconds", "seconds_per_epoch", "commit", "record"]
    pd.testing.assert_frame_equal(after.drop(columns=measured), whole.drop(columns=measured))
    assert len(Archive(file).heads()) == len(after) and Archive(file).extent()["models"] == ["lstm", "constant"]


def test_another_data_set_is_not_added_to():
    head = json.loads(pd.read_parquet(EDITIONS[0]).query("dataset == 'robo' and formula == 'none'")["record"].iloc[0])
    other = head | {"config": head["config"] | {"data_sha256": "0" * 64}}
    with pytest.raises(DataError, match="robo: the data set at hand is not the edition's"):
        ADD["beside"](other, {})
    fewer = head | {"cost": head["cost"] | {"test_rows": 3}}
    with pytest.raises(DataError, match="robo constant none run 1 fold 1: test_rows 25, in the edition 3"):
        ADD["beside"](fewer, {})
