"""Learning curves: speed by hand, rules beside each other, and that a reading is a training of that very length."""

import numpy as np
import pandas as pd
import pytest
from made_up import study

from lstmcs import curves, results, run_study
from lstmcs.record import CURVE
from lstmcs.stats import curves as speeds
from lstmcs.stats import multiple, single
from lstmcs.study.plan import Settings, plan


def curve(cell, scores, fold=1, dataset="t"):
    """One fold's validation scores, in percent, as rows of curves."""
    rows = [
        {"dataset": dataset, "model": "lstm", "alteration": cell, "run": 1, "fold": fold, "epoch": e, "val_macro_f1": s / 100}
        for e, s in enumerate(scores, 1)
    ]
    return pd.DataFrame(rows)


def test_speed_by_hand_and_never_is_not_zero():
    """The unaltered cell's best is 50 and 40; within a point means from 49 and 39 on."""
    frame = pd.concat([
        curve("none", [10, 49, 50, 48]), curve("C-1", [10, 20, 30, 49.5]), curve("H-1", [0, 0, 0, 0]),
        curve("none", [38, 40, 39, 39], fold=2), curve("C-1", [10, 39, 40, 41], fold=2), curve("H-1", [0, 0, 0, 39.2], fold=2),
        curve("C-4", [60, 60, 60, 60], fold=2),
    ])  # fmt: skip
    table = speeds.speed(frame).set_index("alteration")
    assert table["epochs"].to_dict() == {"none": 2, "C-1": 3, "C-4": 1, "H-1": np.inf}  # 2, 2 | 4, 2 | 1 | never, 4
    assert table["reached"].to_dict() == {"none": 2, "C-1": 2, "C-4": 1, "H-1": 1} and table.loc["C-4", "folds"] == 1
    assert table.loc["C-1", "later"] == pytest.approx((4 / 2 + 2 / 2) / 2) and table.loc["H-1", "later"] == np.inf
    assert (table["last"] == 4).all()


def test_curves_of_several_models_or_protocols_have_no_speed():
    """The unaltered cell's target would be taken from them all."""
    one = curve("none", [10, 50, 40])
    for column, names in (("model", ("lstm", "tfidf")), ("choices", ("default", "units=64"))):
        both = pd.concat([one.assign(**{column: name}) for name in names])
        with pytest.raises(ValueError, match=f"more than one {column} .{', '.join(names)}.; choose one"):
            speeds.speed(both)
        assert len(speeds.speed(both[both[column] == names[0]])) == 1


def test_a_set_without_the_unaltered_cell_has_no_speed():
    assert speeds.speed(curve("C-1", [1, 2])).empty


def test_the_last_epoch_by_its_rule():
    def best_at(epoch, cell="none", fold=1):
        return curve(cell, [50 - abs(epoch - e) for e in range(1, 41)], fold)

    assert speeds.last_epoch(best_at(18)) == 27  # half as many again
    assert speeds.last_epoch(best_at(17)) == 26  # 25.5
    assert (speeds.last_epoch(best_at(4)), speeds.last_epoch(best_at(40))) == (20, 40)  # at least, at most
    assert speeds.last_epoch(pd.concat([best_at(18), best_at(30, "C-1")])) == 27  # the unaltered cell alone decides
    assert speeds.last_epoch(pd.concat([best_at(14), best_at(20, fold=2)])) in range(21, 31)  # the mean over folds


def test_band_leaves_out_what_ended_earlier():
    frame = pd.concat([curve("none", [10, 20]), curve("none", [30], fold=2)])
    table = speeds.band(frame)
    assert table["folds"].tolist() == [2, 1] and table["mean"].round(9).tolist() == [0.2, 0.2]


def test_a_verdict_that_hangs_on_the_rule_is_named():
    early = study({"C-1": -3.0, "H-2": 0.0, "reseed-1": 0.0}, runs=3)
    late = study({"C-1": 0.0, "H-2": 0.0, "reseed-1": 0.0}, runs=3)
    table = speeds.under_rules({"epoch=2": early, "best": late}).set_index("alteration")
    assert table.loc["C-1", ["epoch=2", "best", "depends"]].tolist() == ["worse", "same", True]
    assert table.loc["H-2", ["epoch=2", "best", "depends"]].tolist() == ["same", "same", False]
    wide = speeds.differences_under_rules({"epoch=2": early, "best": late})
    direct = single.differences_table(early).loc["C-1", "mean"]
    assert wide.query("rule == 'epoch=2' and alteration == 'C-1'")["mean"].item() == pytest.approx(direct)


def chosen(rng, folds=30, epochs=12, sd=0.03):
    """A study without any effect in which every epoch of every fold is noise, read by the best validation epoch."""
    rows = {}
    for cell in ("none", "C-1", "reseed-1"):
        shared = rng.normal(0, sd, folds)  # what the fold's documents do to any cell
        validation, test = (rng.normal(0.5, sd, (folds, epochs)) for _ in range(2))
        rows[cell] = 0.0 * shared + test[np.arange(folds), validation.argmax(axis=1)]
    return rows


def test_selection_on_validation_keeps_the_five_percent():
    """2,000 studies in which nothing is there, each fold read at its best validation epoch: false positives of the plain test for
    independent folds stay near 5 %, and the best epoch's test score is not inflated."""
    rng, wrong, means = np.random.default_rng(0), 0, []
    for _ in range(2000):
        rows = chosen(rng)
        wrong += single.corrected_ttest(100 * (rows["C-1"] - rows["none"]), ratio=0)[1] < 0.05
        means.append(rows["none"].mean())
    assert 0.035 < wrong / 2000 < 0.065
    assert abs(np.mean(means) - 0.5) < 0.001


@pytest.fixture(scope="module")
def two_lengths(tmp_path_factory):
    """The same folds trained to three epochs and to five."""
    options = {"preset": "smoke", "alterations": ["C-1"], "workers": 0, "engine": "tensorflow"}
    places = {epochs: tmp_path_factory.mktemp(f"to{epochs}") for epochs in (3, 5)}
    for epochs, place in places.items():
        run_study(**options, epochs=epochs, records_dir=str(place))
    return places


def test_a_reading_is_a_training_of_that_very_length(two_lengths):
    """epoch=3 of five epochs has the bits of a training that ended with the third."""
    short, long = (results(place, rule=rule) for place, rule in ((two_lengths[3], "last"), (two_lengths[5], "epoch=3")))
    names = ["alteration", "fold", "epoch", "accuracy", "macro_f1", "micro_f1", "weighted_f1", "loss", "val_loss", "val_macro_f1"]
    key = ["alteration", "fold"]
    short, long = (frame.sort_values(key, ignore_index=True) for frame in (short, long))
    assert short[names].equals(long[names]) and (short["epochs"] == 3).all() and (long["epochs"] == 5).all()
    a, b = (curves(place) for place in two_lengths.values())
    a, b = (frame.sort_values([*key, "epoch"], ignore_index=True) for frame in (a, b[b["epoch"] <= 3]))
    assert list(a) == CURVE and len(a) == 12 and a.equals(b)


def test_patience_ends_early_with_the_same_epochs_and_a_later_one_is_not_on_record(two_lengths, tmp_path):
    run_study(preset="smoke", alterations=["C-1"], workers=0, epochs=5, patience=1, records_dir=str(tmp_path), engine="tensorflow")
    whole, part = curves(two_lengths[5]), curves(tmp_path)
    key = ["alteration", "fold", "epoch"]
    joined = part.merge(whole, on=key, suffixes=("", " whole"))
    assert len(joined) == len(part) and (joined["test_loss"] == joined["test_loss whole"]).all()
    ended = part.groupby(["alteration", "fold"])["epoch"].max()
    assert ended.min() < 5
    late = results(tmp_path, rule="epoch=5").set_index(["alteration", "fold"])
    assert late.loc[ended.index[ended < 5], "macro_f1"].isna().all() and (late["state"] == "done").all()


def test_predictions_are_kept_of_every_epoch_that_a_rule_picks(two_lengths):
    work = plan(Settings(preset="smoke", alterations=("C-1",), epochs=5, records_dir=str(two_lengths[5]), train=False))
    for rule in ("best", "loss", "accuracy", "last"):
        read = work.results(rule=rule).set_index(["alteration", "fold"])
        again = work.results("subset", rule=rule).set_index(["alteration", "fold"])
        for fold in work.folds:
            kept = work.store.predictions(fold, rule)
            said = (kept["probabilities"] > 0.5).astype(int)
            assert again.loc[(fold.cell, fold.fold), "accuracy"] == pytest.approx((said == kept["labels"]).all(axis=1).mean())
            assert read.loc[(fold.cell, fold.fold), "accuracy"] == pytest.approx((said == kept["labels"]).mean())


def test_cells_in_order_of_the_table():
    assert multiple.in_order(["reseed-1", "c = 0.9 * c", "H-1", "none", "C-2"]) == ["none", "C-2", "H-1", "c = 0.9 * c", "reseed-1"]
