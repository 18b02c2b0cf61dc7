"""A fold: its key, its seeds, its split, its names, and the way from a record's configuration and back."""

import json
import pickle
from functools import partial

import numpy as np
import pytest

from lstmcs.errors import DataError, RecordError
from lstmcs.fold import PROTOCOL, SPLITS, Fold, is_reseed, label

CONFIG = {"dataset": "t", "data_sha256": "00", "preparation": {"min_words": 1}, "model": "lstm", "sizes": {"units": 6},
          "alteration": "c = c * o", "training": {"learning_rate": 0.001}, "padding": "fixed", "run": 1, "fold": 2, "seed": 0}  # fmt: skip

#: Protocol -> keys of the fold above, of the unaltered cell with other seeds, and of a BERT.
KEYS = {
    1: ["021a251aea456ea51ab5", "64c3ae77eeb29aaf2457", "f781c79f0ca2725cf227"],
    2: ["0f3ec2ca1ff96a6edde9", "5c1647ab295de9479aa6", "82fcda38aea04643fae0"],
}


def fold(protocol=PROTOCOL, **changes):
    return Fold.of(CONFIG | changes, protocol)


def one_hot(documents=120, classes=3, seed=0):
    return np.eye(classes, dtype=np.uint8)[np.random.default_rng(seed).integers(0, classes, documents)]


CHANGES = [
    {"data_sha256": "01"},
    {"alteration": "none"},
    {"training": {"learning_rate": 0.002}},
    {"run": 2},
    {"fold": 3},
    {"seed": 1},
    {"dataset": "u"},
    {"preparation": {"min_words": 2}},
    {"model": "simple"},
    {"sizes": {"units": 7}},
    {"padding": "mask"},
    {"reseed": 1},
    {"checkpoint": {"name": "x"}},
]


@pytest.mark.parametrize("changes", CHANGES, ids=[next(iter(change)) for change in CHANGES])
def test_any_change_of_the_configuration_is_another_fold(changes):
    other = fold(**changes)
    assert other.key != fold().key and other != fold()
    assert fold().key == Fold.of(dict(reversed(CONFIG.items()))).key


def test_keys_never_change():
    """As records of earlier versions have them: a key that changes loses every record."""
    for protocol, name in ((1, "repeat"), (2, "reseed")):
        of = partial(fold, protocol)
        found = [of(), of(alteration="none", **{name: 1}), of(model="bert", checkpoint={"name": "x", "sha256": "0"})]
        assert [one.key for one in found] == KEYS[protocol]
    assert PROTOCOL == max(KEYS)


@pytest.mark.parametrize(("protocol", "name", "other"), [(1, "repeat", "reseed"), (2, "reseed", "repeat")])
def test_each_protocol_has_its_own_word_for_a_reseed(protocol, name, other):
    """Records of the first edition say "repeat"; read back, the word is theirs, and the fold's seeds are those of then."""
    one = fold(protocol, alteration="none", **{name: 2})
    assert one.reseed == 2 and one.cell == "reseed-2" and one.config[name] == 2 and other not in one.config
    assert Fold.of(json.loads(json.dumps(one.config)), protocol).key == one.key
    assert one.build == fold(protocol, alteration="none").build
    if protocol == 2:
        with pytest.raises(RecordError, match="no fold's configuration"):
            fold(protocol, alteration="none", **{other: 2})


def test_seeds_never_change():
    assert [fold().seed_for(what) for what in ("split", "weights", "order", "dropout")] == [872206927, 665993994, 916509898, 1781268644]
    assert fold(reseed=1).seed_for("order") == fold(1, repeat=1).seed_for("order") == 1780447634
    assert [fold(1).seed_for(what) for what in ("split", "weights")] == [872206927, 665993994]


def test_a_new_protocol_is_another_fold():
    other = Fold.of(CONFIG, protocol=PROTOCOL + 1)
    assert other.key != fold().key and other != fold() and other.config == fold().config


@pytest.mark.parametrize("changes", [{}, *CHANGES], ids=["as it is", *(next(iter(change)) for change in CHANGES)])
def test_a_configuration_comes_back_as_it_was(changes):
    config = CONFIG | changes
    assert fold(**changes).config == config
    again = Fold.of(json.loads(json.dumps(fold(**changes).config)))
    assert again == fold(**changes) and again.key == fold(**changes).key and hash(again) == hash(fold(**changes))
    bare = Fold.of({name: value for name, value in config.items() if name not in ("padding", "checkpoint")})
    assert "padding" not in bare.config and "checkpoint" not in bare.config and ("reseed" in bare.config) == ("reseed" in changes)


def test_folds_that_are_equal_are_one_member_of_a_set():
    assert fold() == fold() and fold() is not fold() and len({fold(), fold(), fold(run=2)}) == 2
    assert fold() != CONFIG and fold() != fold().key
    sent = pickle.loads(pickle.dumps(fold()))
    assert sent == fold() and sent.key == fold().key and sent.build == fold().build


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"fold": 1},
        CONFIG | {"colour": "red"},
        {name: value for name, value in CONFIG.items() if name != "sizes"},
        None,
        [],
        "c",
        CONFIG | {"protocol": 2},
        CONFIG | {"repeat": 1},
        CONFIG | {"dataset": 5},
        CONFIG | {"fold": "two"},
        CONFIG | {"sizes": None},
        CONFIG | {"alteration": "C-77"},
    ],
    ids=["empty", "one", "more", "less", "none", "list", "text", "protocol", "repeat", "dataset", "fold", "sizes", "alteration"],
)
def test_another_configuration_is_a_record_error(config):
    with pytest.raises(RecordError, match="no fold's configuration"):
        Fold.of(config)


def test_split_is_80_10_10_and_every_row_is_tested_once():
    labels, tested = one_hot(), []
    for number in range(1, SPLITS + 1):
        train, validation, test = fold(fold=number).split(labels)
        assert sorted([*train, *validation, *test]) == list(range(120))
        assert (len(train), len(validation), len(test)) == (96, 12, 12)
        np.testing.assert_array_equal(validation, fold(fold=number % SPLITS + 1).split(labels)[2])  # the next fold's test part
        tested += list(test)
        assert (np.abs(labels[test].mean(axis=0) - labels.mean(axis=0)) < 0.1).all()  # by class
    assert sorted(tested) == list(range(120))


@pytest.mark.parametrize("multi", [True, False])
def test_split_of_multi_label_and_of_rare_classes(multi):
    labels = one_hot() | one_hot(seed=1) if multi else np.eye(60, dtype=np.uint8)[np.arange(60)]
    parts = [fold(dataset="x", fold=k).split(labels)[2] for k in range(1, 11)]
    assert sorted(np.concatenate(parts)) == list(range(len(labels)))
    with pytest.raises(DataError, match="9 documents are too few"):
        fold(dataset="x").split(labels[:9])


def test_pairing_the_alteration_never_enters_a_seed():
    one = fold(alteration="none", fold=1)
    for what in ("split", "weights", "order", "dropout"):
        assert fold(fold=1).seed_for(what) == one.seed_for(what)
        assert fold(fold=1, run=2).seed_for(what) != one.seed_for(what) != fold(fold=1, seed=1).seed_for(what)
    assert fold().seed_for("split") == one.seed_for("split")
    assert fold().seed_for("weights") != one.seed_for("weights")
    assert len({one.seed_for(what) for what in ("split", "weights", "order", "dropout")}) == 4
    assert all(0 <= one.seed_for(what) < 2**31 for what in ("split", "weights", "order", "dropout"))


def test_a_reseed_has_the_split_but_other_seeds():
    plain, labels = fold(alteration="none"), one_hot()
    for number in (1, 2):
        other = fold(alteration="none", reseed=number)
        assert other.seed_for("split") == plain.seed_for("split") and other.build == plain.build and other.comparison == plain.comparison
        for ours, theirs in zip(other.split(labels), plain.split(labels)):
            np.testing.assert_array_equal(ours, theirs)
        assert all(
            other.seed_for(what) not in (plain.seed_for(what), fold(alteration="none", reseed=3 - number).seed_for(what))
            for what in ("weights", "order", "dropout")
        )


def test_what_is_compiled_once_is_what_differs_in_no_fold():
    assert {fold(**changes).build for changes in ({}, {"run": 2}, {"fold": 3}, {"seed": 1}, {"reseed": 1})} == {fold().build}
    others = [changes for changes in CHANGES if not set(changes) & {"run", "fold", "seed", "reseed"}]
    assert len({fold(**changes).build for changes in [{}, *others]}) == len(others) + 1


def test_names():
    assert [fold().cell, fold(alteration="none").cell, fold(alteration="none", reseed=2).cell] == ["C-1", "none", "reseed-2"]
    assert fold(alteration="c = 0.9 * c").cell == "c = 0.9 * c"
    assert fold().row == "C-1" and fold(model="simple").row == "simple C-1" and fold(model="tfidf", alteration="none").row == "tfidf none"
    assert fold().label == "t C-1 run 1 fold 2" and fold(model="bert", alteration="none", run=3).label == "t bert none run 3 fold 2"
    assert fold(alteration="none", reseed=1).label == "t same cell, other seeds run 1 fold 2"
    assert fold(alteration="none", reseed=2).label == "t same cell, other seeds 2 run 1 fold 2"
    assert [label(name) for name in ("none", "C-1", "reseed-1", "reseed-2", "simple reseed-1", "tfidf none")] == [
        "none", "C-1", "same cell, other seeds", "same cell, other seeds 2", "simple same cell, other seeds", "tfidf none"
    ]  # fmt: skip
    assert is_reseed(["none", "reseed-1", "C-1", "reseed-12"]).tolist() == [False, True, False, True] and not is_reseed([]).size
