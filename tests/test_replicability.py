"""Runs against each other, on frames whose outcomes are counted by hand."""

import numpy as np
import pandas as pd
from made_up import frame, study

from lstmcs.stats.single import seeds

FLAT, UP, DOWN = [0.50] * 10, [0.55] * 10, [0.45] * 10  # ten folds with the same difference: verdicts without doubt
OPEN = [0.30, 0.70] * 5


def test_pairs_of_runs_are_counted_as_by_hand():
    """Three runs of two cells: C-1 better, better, worse; H-2 undecided, same, undecided."""
    results = frame({"none": [FLAT] * 3, "C-1": [UP, UP, DOWN], "H-2": [OPEN, FLAT, OPEN], "reseed-1": [UP] * 3})
    table = seeds.by_run(results)
    assert list(table.columns) == ["dataset", "alteration", "run 1", "run 2", "run 3", "all runs"]
    assert table.set_index("alteration").loc["C-1"].tolist()[1:4] == ["better", "better", "worse"]
    assert table.set_index("alteration").loc["H-2"].tolist()[1:4] == ["undecided", "same", "undecided"]
    count = seeds.of_sets(table).iloc[0].to_dict()
    # pairs of C-1: 1-2 alike, 1-3 and 2-3 not; of H-2: 1-3 alike. Decided are C-1's three, each beside two others.
    assert count == {"dataset": "t", "runs": 3, "pairs": 6, "same": 2, "decided": 6, "again": 2, "opposite": 4}
    assert seeds.differing(table)["alteration"].tolist() == ["C-1", "H-2"]
    assert "in 2 of 6 pairs (t)" in (said := seeds.sentence(table)) and "in 2 of 6 cases, and its opposite in 4." in said


def test_one_run_and_half_a_run_say_nothing():
    """A set with one run has no row; a second run of four folds has no verdict; one without the unaltered cell neither."""
    one = frame({"none": [FLAT], "C-1": [UP]}, "one")
    four = frame({"none": [FLAT, FLAT[:4]], "C-1": [UP, UP[:4]]}, "four")
    alone = frame({"none": [FLAT], "C-1": [UP, UP]}, "alone")
    table = seeds.by_run(pd.concat([one, four, alone]))
    assert set(table["dataset"]) == {"four", "alone"} and table["run 2"].isna().all()
    for nothing in (table, seeds.by_run(one), seeds.by_run(one.iloc[:0])):
        assert seeds.sentence(nothing).startswith("No comparison has two runs on record")
        assert seeds.of_sets(nothing)["pairs"].sum() == 0 and seeds.differing(nothing).empty


def test_a_true_effect_is_found_again_and_none_is_not_made_one():
    """Twenty cells that differ by 3 points, twenty that do not, noise of a point: the first replicate, the others are never decided twice."""
    names = [f"c = 0.{n:02d} * c" for n in range(1, 41)]
    results = study(dict.fromkeys(names[:20], 3.0) | dict.fromkeys(names[20:], 0.0), runs=2, sd=0.01)
    table = seeds.by_run(results).set_index("alteration")
    first, others = table.loc[names[:20], ["run 1", "run 2"]], table.loc[names[20:], ["run 1", "run 2"]]
    assert np.mean(first == "better") > 0.9 and not (others.isin(seeds.DECIDED)).all(axis=1).any()
