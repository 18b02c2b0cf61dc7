"""Preparation step by step, on texts whose outcome is worked out by hand."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from lstmcs import DataError, load_dataset
from lstmcs.datasets import Dataset
from lstmcs.preprocess import (
    Preparation,
    encode,
    expand_contractions,
    prepare,
    remove_non_alphanumeric,
    remove_rare_terms,
    remove_stop_words,
)


def dataset(texts, labels=None):
    labels = labels or ["ab"[k % 2] for k in range(len(texts))]
    classes = tuple(sorted(set(labels)))
    return Dataset("t", tuple(texts), np.array([[c == label for c in classes] for label in labels], np.uint8), classes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("don't", "do not"), ("won’t can't ain`t", "will not can not is not"), ("i'm you're we've they'll he'd", "i am you are we have they will he would"),
        ("it's that's what's", "it is that is what is"), ("the robot's arm", "the robot arm"), ("let's go", "let us go"),
        ("shouldn't've", "should not have"), ("rock 'n' roll", "rock 'n' roll"), ("no apostrophe", "no apostrophe"),
    ],
)  # fmt: skip
def test_contractions(text, expected):
    assert expand_contractions(text) == expected


def test_other_steps():
    assert remove_non_alphanumeric("a-b_c!! 3.5 😀 é").split() == ["a", "b", "c", "3", "5", "é"]
    assert remove_stop_words("the robot is not here") == "robot"
    assert remove_rare_terms(["a b", "a c c", "a b"], 2) == ["a b", "a", "a b"]


def test_ids_and_padding():
    texts = ["b a", "a", "c a b"]
    ids, vocabulary = encode(texts, "pre")
    assert vocabulary == ("a", "b", "c")  # by frequency, then by name
    np.testing.assert_array_equal(ids, [[0, 2, 1], [0, 0, 1], [3, 1, 2]])
    np.testing.assert_array_equal(encode(texts, "post")[0], [[2, 1, 0], [1, 0, 0], [3, 1, 2]])


def test_prepare_drops_and_counts():
    prepared = prepare(
        dataset(["Robots can't fly!", "the a of", "ROBOTS fly; <b>fast</b>", "robots never said so", "fly fast"], list("abaab"))
    )
    assert prepared.vocabulary == ("fly", "robots", "fast", "b")[: len(prepared.vocabulary)] or "robots" in prepared.vocabulary
    np.testing.assert_array_equal(prepared.rows, [0, 2, 3, 4])
    assert prepared.labels.tolist() == [[1, 0], [1, 0], [1, 0], [0, 1]]
    assert prepared.counts["documents"].tolist()[0] == 5 and prepared.counts["documents"].tolist()[-1] == 4
    assert prepared.ids.shape == (4, prepared.max_len) and prepared.vocab_size == len(prepared.vocabulary) + 1


def test_vocabulary_equals_scikit_learn():
    """An independent reading of "terms in at least two documents, without stop words"."""
    prepared = prepare(load_dataset("robo"))
    texts = [remove_non_alphanumeric(expand_contractions(t.lower())) for t in load_dataset("robo").texts]
    theirs = CountVectorizer(stop_words="english", min_df=2, token_pattern=r"\S+").fit(texts)
    assert set(prepared.vocabulary) == set(theirs.get_feature_names_out())
    assert (prepared.ids > 0).sum() == theirs.transform(texts).sum()


def test_nothing_left_and_one_class_left():
    with pytest.raises(DataError, match="no document has a word left"):
        prepare(dataset(["the", "of", "!!!"]))
    with pytest.raises(DataError, match="only one class has documents left"):
        prepare(dataset(["robot arm", "the", "robot arm", "of"]))


@pytest.mark.parametrize("options", [{"pad_side": "both"}, {"min_documents": 0}])
def test_options_are_checked(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Preparation(**options)


def test_a_giant_token_and_control_characters_pass_through():
    prepared = prepare(dataset(["x" * 100_000 + " robot\x00\x07 arm", "robot arm", "x" * 100_000]))
    assert max(map(len, prepared.vocabulary)) == 100_000
    assert max(map(len, prepared.examples(3)["before"])) <= 160
