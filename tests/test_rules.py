"""Which epoch is read: by hand, and without ever seeing the test tenth."""

import numpy as np
import pytest

from lstmcs import rules
from lstmcs.errors import SettingsError

CURVE = [
    {"epoch": 1, "loss": 0.7, "val_macro_f1": 0.2, "val_loss": 0.50, "val_accuracy": 0.80, "test_macro_f1": 0.9},
    {"epoch": 2, "loss": 0.5, "val_macro_f1": 0.4, "val_loss": 0.45, "val_accuracy": 0.82, "test_macro_f1": 0.1},
    {"epoch": 3, "loss": 0.4, "val_macro_f1": 0.4, "val_loss": 0.47, "val_accuracy": 0.85, "test_macro_f1": 0.2},
    {"epoch": 4, "loss": 0.3, "val_macro_f1": 0.3, "val_loss": 0.60, "val_accuracy": 0.85, "test_macro_f1": 0.3},
]


@pytest.mark.parametrize(("rule", "epoch"), [("best", 2), ("loss", 2), ("accuracy", 3), ("last", 4), ("epoch=1", 1), ("epoch=9", None)])
def test_each_rule_by_hand_the_first_of_equals(rule, epoch):
    assert rules.choose(CURVE, rule) == epoch
    assert rules.choose([], rule) is None


@pytest.mark.parametrize("rule", [*rules.RULES, "epoch=2"])
def test_no_rule_sees_the_test_tenth(rule):
    """Test scores shuffled, and taken away: the choice stays."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        scores = rng.permutation([row["test_macro_f1"] for row in CURVE])
        shuffled = [row | {"test_macro_f1": score} for row, score in zip(CURVE, scores)]
        assert rules.choose(shuffled, rule) == rules.choose(CURVE, rule)
    without = [{name: value for name, value in row.items() if not name.startswith("test")} for row in CURVE]
    assert rules.choose(without, rule) == rules.choose(CURVE, rule)


def test_an_epoch_without_validation_scores_is_passed_over():
    diverged = [*CURVE, {"epoch": 5, "loss": float("nan")}]
    assert rules.choose(diverged, "best") == 2 and rules.choose(diverged, "last") == 5
    assert rules.choose([{"epoch": 1, "loss": float("nan")}], "best") is None


@pytest.mark.parametrize("rule", ["best", "loss", "accuracy", "last", "paper", "epoch=1", "epoch=40"])
def test_rules_there_are(rule):
    assert rules.check(rule) == rule


@pytest.mark.parametrize("rule", ["bset", "", "epoch=0", "epoch=-1", "epoch=1.5", "epoch", None, 5, "EPOCH=3 "])
def test_rules_there_are_not(rule):
    with pytest.raises(SettingsError, match=r"unknown rule .*; rules are best, loss, accuracy, last, paper, epoch=k"):
        rules.check(rule)
    if rule == "bset":
        with pytest.raises(SettingsError, match=r"did you mean 'best'\?"):
            rules.check(rule)
