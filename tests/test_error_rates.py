"""The table of error rates is that of its script, and says what it is there to say."""

import re

import error_rates
import numpy as np
import pytest

PAGE = error_rates.PAGE.read_text(encoding="utf-8")


def page(name: str) -> list[list[str]]:
    """The rows of a table of the page, without its head."""
    table = re.search(rf"<!-- {name} -->(.*?)<!-- /{name} -->", PAGE, re.S)[1]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.split("\n") if line.startswith("|")][2:]


def test_rates_on_one_set_are_the_scripts():
    """Forty trials against the page's: within four standard errors of a share of forty."""
    known, trials = {row[0]: [float(value) for value in row[1:]] for row in page("one")}, 40
    for rule, rates in error_rates.one_set(trials).items():
        for rate, expected in zip(rates.values(), known[rule]):
            assert abs(rate - expected) < 4 * np.sqrt(max(expected, 5) * (100 - min(expected, 95)) / trials), rule
    assert len(known) == 10


def test_no_rule_in_use_decides_more_often_than_it_says():
    """Nominal rates, with two standard errors of the simulation on top."""
    known = {row[0]: [float(value) for value in row[1:]] for row in page("one")}
    for rule in (
        "corrected 95 % interval excludes 0",
        "some p of 17 is below 0.05 by Holm's method",
        'claim "any of 17 is higher": yes',
        'claim "all 17 are higher": no',
        "the best of 17 passes the bound of other seeds and texts",
    ):
        assert max(known[rule]) < 8, rule
    assert min(known["naive 95 % interval (folds taken as independent) excludes 0"]) > 12  # why the intervals are corrected
    sets = {tuple(row[:3]): [float(value) for value in row[3:]] for row in page("sets")}
    assert len(sets) == 4 * 2 * 3
    for (rule, _, _), rates in sets.items():
        if rule == "hierarchical, P >= 0.95":
            assert max(rates) <= 14, rates  # two sides of 5 % each
        if "signed-rank" in rule:
            assert max(rates[2:]) > 15, rates  # why it is no longer in use


def test_rates_over_several_sets_are_the_scripts():
    sets, trials = {tuple(row[:3]): [float(value) for value in row[3:]] for row in page("sets")}, 25
    found = error_rates.several_sets(trials, designs={"1 x 10": 10}, counts=(5,))
    for key, rates in found.items():
        expected = sets[key][2]
        assert abs(rates[5] - expected) < 4 * np.sqrt(max(expected, 5) * (100 - min(expected, 95)) / trials), key


def test_the_floors_are_those_of_the_edition():
    known = {row[0]: [float(value) for value in row[1:]] for row in page("floors")}
    for name, row in error_rates.floors().items():
        assert known[name] == pytest.approx(row, abs=0.051)
