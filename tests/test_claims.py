"""The paper's claims: each can be checked, and the answer follows from what a study holds."""

import pytest
from made_up import study

from lstmcs import claims, evidence
from lstmcs.alterations import TABLE_1
from lstmcs.evidence import at_least, every, opposite

SETS = list(evidence.SETS)


def answers(data, monkeypatch, *ids):
    monkeypatch.setattr(claims, "CLAIMS", [c for c in claims.CLAIMS if c.id in ids])
    return claims.check_claims(data).set_index("id")["verdict"].to_dict()


def test_nothing_on_record_tells_nothing():
    table = claims.check_claims(study({}, ["hate"]).iloc[:0])
    assert len(table) == len(claims.CLAIMS) == 26 and table["id"].is_unique and set(table["verdict"]) == {"cannot tell"}
    assert (table[["claim", "rests_on", "paper", "ours"]].map(len) > 0).all(axis=None)


@pytest.mark.parametrize(("points", "word"), [(1.0, "confirmed"), (-1.0, "not confirmed")])
def test_a_true_effect_confirms_or_refutes(points, word, monkeypatch):
    data = study({"C-1": points, "C-9": points}, SETS)
    assert answers(data, monkeypatch, "c1-average", "c9-least", "h2-average", "robo") == {
        "c1-average": word, "c9-least": word, "h2-average": "cannot tell", "robo": "cannot tell"}  # fmt: skip


def test_too_few_sets_cannot_tell_an_average(monkeypatch):
    assert answers(study({"C-1": 1}, SETS[:4]), monkeypatch, "c1-average") == {"c1-average": "cannot tell"}
    assert answers(study({"C-1": 1}, [*SETS[:4], "robo"]), monkeypatch, "c1-average") == {"c1-average": "cannot tell"}


def test_claims_on_one_set(monkeypatch):
    data = study({"C-2": 1, "C-6": 1, "C-8": 1, "H-1": -1, "H-2": -1, "H-3": -1, "H-4": 1, "H-5": 1}, ["hate"])
    assert answers(data, monkeypatch, "hate-current", "hate-hidden") == {"hate-current": "confirmed", "hate-hidden": "confirmed"}
    other = study({"C-2": 1, "C-6": -1, "C-8": 0, "H-1": 1, "H-4": 1, "H-5": 1}, ["hate"])
    monkeypatch.undo()
    assert answers(other, monkeypatch, "hate-current", "hate-hidden") == {"hate-current": "not confirmed", "hate-hidden": "not confirmed"}


def test_counting_claims(monkeypatch):
    hidden = {"H-1": -1, "H-2": 1, "H-3": -1, "H-4": -1, "H-5": -1}
    assert answers(study(hidden, SETS), monkeypatch, "one-hidden", "h1-worst") == {"one-hidden": "confirmed", "h1-worst": "confirmed"}
    monkeypatch.undo()
    assert answers(study(hidden | {"H-3": 1}, SETS), monkeypatch, "one-hidden") == {"one-hidden": "not confirmed"}


def test_models_are_compared_on_their_own_folds(monkeypatch):
    import pandas as pd

    sets = list(claims.COMPARED)
    data = pd.concat([study({"C-1": 0}, sets), study({"C-1": 0}, sets, model="simple", base=0.4), study({}, sets, model="bert", base=0.6)])
    data.loc[data["model"] == "bert", "train_seconds"] = 150.0
    found = answers(data, monkeypatch, "beats-simple", "bert-accuracy", "outperformed", "cheaper", "hundred-times")
    assert found == {"beats-simple": "confirmed", "bert-accuracy": "confirmed", "outperformed": "confirmed", "cheaper": "not confirmed",
                     "hundred-times": "not confirmed"}  # fmt: skip


def test_training_time(monkeypatch):
    data = study(dict.fromkeys(TABLE_1, 0), ["hate"])
    data.loc[data["alteration"].str.startswith("H"), "train_seconds"] = 2.1
    assert answers(data, monkeypatch, "ten-percent", "current-shorter") == {"ten-percent": "confirmed", "current-shorter": "confirmed"}
    data.loc[data["alteration"] == "C-3", "train_seconds"] = 2.4
    monkeypatch.undo()
    assert answers(data, monkeypatch, "ten-percent") == {"ten-percent": "not confirmed"}


def test_kleenes_logic():
    assert every([True, None]) is None and every([None, False]) is False and every([True, True]) is True and every([]) is None
    assert at_least(1, [None, True]) is True and at_least(2, [None, True]) is None and at_least(2, [False, True]) is False
    assert (opposite(True), opposite(False), opposite(None)) == (False, True, None)
