"""One comparison under many protocols, against numbers worked by hand, SciPy's permutations, NumPy's least squares, and simulations."""

import re

import error_rates
import numpy as np
import pandas as pd
import pytest
from made_up import frame
from scipy import stats as scipy_stats

from lstmcs.errors import SettingsError
from lstmcs.stats import multiverse, single

GRID = error_rates.grid()
FULL = {"learning_rate": (0.001, 0.0005, 0.002), "units": (64, 104)}


def full() -> pd.DataFrame:
    """All six combinations of FULL."""
    rows = {(rate, units): {"learning_rate": rate, "units": units} for rate in FULL["learning_rate"] for units in FULL["units"]}
    names = ["default" if key == (0.001, 64) else f"learning_rate={key[0]}; units={key[1]}" for key in rows]
    return pd.DataFrame(rows.values(), index=names).astype(object)


def matrix(values, levels) -> pd.DataFrame:
    """protocols x folds of one run."""
    values = np.asarray(values, float)
    return pd.DataFrame(values, levels.index, pd.MultiIndex.from_product([[1], range(1, values.shape[1] + 1)], names=["run", "fold"]))


def under(protocol, scores, dataset="t"):
    """Results of one protocol; scores: alteration -> percent a fold."""
    return frame({cell: [[score / 100 for score in folds]] for cell, folds in scores.items()}, dataset).assign(choices=protocol)


@pytest.fixture
def results():
    """Five of nine protocols on record: C-1 better, same, worse, undecided, and one fold that says nothing; the reseed in two."""
    flat = [50.0] * 4
    return pd.concat([
        under("default", {"none": flat, "C-1": [52, 52.1, 52, 52.1], "reseed-1": [50.1, 49.9, 50.1, 50]}),
        under("units=104", {"none": flat, "C-1": [50.1, 50, 50.1, 50], "reseed-1": [40, 61, 44, 59]}),
        under("dropout=0.0", {"none": flat, "C-1": [48, 48.1, 48, 48.1]}),
        under("dropout=0.4", {"none": flat, "C-1": [40, 61, 44, 59]}),
        under("padding=mask", {"none": flat[:1], "C-1": [60]}),
    ], ignore_index=True)  # fmt: skip


# === Shares ===


def test_shares_are_those_counted_by_hand_and_what_has_no_data_is_missing(results):
    cells = multiverse.cells(results, GRID)
    assert cells["protocol"].drop_duplicates().tolist() == list(GRID.index) and len(cells) == 9 * 2
    mine = cells[cells["alteration"] == "C-1"].set_index("protocol")["verdict"]
    assert mine["default"] == "better" and mine["units=104"] == "same" and mine["dropout=0.0"] == "worse"
    assert mine["dropout=0.4"] == "undecided" and mine["padding=mask"] == mine["padding=post"] == "no data"  # one fold has no verdict
    table = multiverse.shares(cells).set_index("alteration")
    assert table.loc["C-1"].to_dict() == {
        "dataset": "t", "planned": 9, "missing": 5, "unlearned": 0, "answered": 4, "better": 1, "same": 1, "worse": 1, "undecided": 1,
        "higher": 3, "above": 1, "below": 1,
    }  # fmt: skip
    assert table.loc["reseed-1", ["planned", "missing", "answered", "better", "same", "undecided", "higher"]].tolist() == [
        9,
        7,
        2,
        0,
        1,
        1,
        2,
    ]


def test_a_protocol_under_which_nothing_is_learned_says_nothing(results):
    constant = under("default", {"none": [45.0] * 4}).assign(model="constant")
    dull = under("padding=post", {"none": [45.0] * 4, "C-1": [45.0] * 4})  # "same", if one asked it
    every = pd.concat([results, dull, constant])
    idle = multiverse.unlearned(every, GRID)
    assert idle["padding=post"] == ("t",) and idle["default"] == ()
    own = under("padding=post", {"none": [44.0] * 4}).assign(model="constant")  # its own constant answer comes first
    assert multiverse.unlearned(pd.concat([every, own]), GRID)["padding=post"] == ()
    alike = under(
        "padding=mask", {"none": [30.0, 31.0], "C-1": [30.0, 31.0], "reseed-1": [30.0, 31.0]}
    )  # without a constant answer on record
    assert multiverse.unlearned(alike, GRID) == {"padding=mask": ("t",)}
    assert multiverse.unlearned(alike.assign(macro_f1=1.0), GRID) == {"padding=mask": ()}  # nothing is left to learn
    assert multiverse.unlearned(alike[alike["alteration"] != "reseed-1"], GRID) == {"padding=mask": ()}  # C-1 may have no effect here
    lstm = every[every["model"] == "lstm"]
    table = multiverse.shares(multiverse.cells(lstm, GRID, idle=idle)).set_index("alteration")
    assert table.loc["C-1", ["unlearned", "answered", "same", "missing"]].tolist() == [1, 4, 1, 4]
    assert multiverse.differences(lstm, GRID, idle=idle)["t", "C-1"].loc["padding=post"].isna().all()
    assert (multiverse.differences(lstm, GRID)["t", "C-1"].loc["padding=post"] == 0).all()


def test_differences_are_paired_within_a_protocol_and_scores_are_the_unaltered_cells(results):
    differences = multiverse.differences(results, GRID)
    assert list(differences) == [("t", "C-1"), ("t", "reseed-1")]
    mine = differences["t", "C-1"]
    assert list(mine.index) == list(GRID.index) and mine.loc["units=104"].tolist() == pytest.approx([0.1, 0, 0.1, 0])
    assert mine.loc["padding=mask"].tolist() == pytest.approx([10, np.nan, np.nan, np.nan], nan_ok=True)
    scores = multiverse.unaltered(results, GRID)["t", "none"]
    assert scores.loc["default"].tolist() == pytest.approx([50] * 4) and scores.loc["padding=post"].isna().all()


def test_nothing_on_record_is_an_empty_answer():
    nothing = under("default", {"none": [50.0]}).iloc[:0]
    assert multiverse.cells(nothing, GRID).empty and multiverse.shares(multiverse.cells(nothing, GRID)).empty
    assert multiverse.differences(nothing, GRID) == {} == multiverse.unaltered(nothing, GRID)
    assert multiverse.joint_tests({}).empty and {"dataset", "alteration", "sd"} < set(multiverse.moved({}, GRID))
    gaps = matrix(np.full((9, 4), np.nan), GRID)
    found = multiverse.joint(gaps)
    assert found["protocols"] == 0 and found["verdict"] == "no data" and np.isnan(found["p_mean"])
    assert multiverse.by_level(gaps, GRID)["mean"].isna().all()
    table = multiverse.by_dimension(gaps, GRID)
    assert set(table["dimension"]) == set(GRID) and table["sd"].isna().all()


def test_protocols_that_read_the_same_are_one(results):
    again = [
        results[results["choices"] == name].assign(choices=other)
        for name, other in (("default", "padding=post"), ("dropout=0.0", "learning_rate=0.002"))
    ]
    again[1] = again[1][again[1]["fold"] < 4]  # one fold less is another protocol
    assert multiverse.twins(pd.concat([results, *again]), GRID) == [("default", "padding=post")]
    assert multiverse.twins(results, GRID) == multiverse.twins(results.iloc[:0], GRID) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r, g: (r.assign(choices=r["choices"].replace("units=104", "unit=104")), g), "not planned: 'unit=104'.*units=104"),
        (lambda r, g: (r.drop(columns="choices"), g), "no column 'choices'"),
        (lambda r, g: (r, g.drop("default")), "no protocol is called 'default'"),
        (lambda r, g: (r, pd.concat([g, g.iloc[[2]]])), "planned twice: learning_rate=0.002"),
    ],
)
def test_bad_input_is_named(results, change, words):
    with pytest.raises(SettingsError, match=words):
        multiverse.cells(*change(results, GRID))


def test_the_block_without_a_gap_that_holds_most():
    gap = np.nan
    values = matrix([[1, 1, 1, 1], [1, 1, gap, gap], [1, 1, 1, gap], [gap, 1, 1, 1], [1, gap, gap, gap], [gap] * 4], GRID.iloc[:6])
    # folds 1 2: three protocols, 6 values; 1 2 3: two, 6; 2 3 4: two, 6; all: one, 4. Of equals the earlier protocol's
    assert multiverse.block(values).index.tolist() == [GRID.index[at] for at in (0, 1, 2)] and multiverse.block(values).shape == (3, 2)
    values.iloc[4, 1] = 1
    assert multiverse.block(values).index.tolist() == [GRID.index[at] for at in (0, 1, 2, 4)]
    assert multiverse.block(values.iloc[[5]]).empty and multiverse.block(matrix([[1, gap]] * 9, GRID)).empty  # one fold has no spread


# === All protocols together ===


def figures(values):
    """p's name -> its figure of the values' folds after their signs, as scipy.stats.permutation_test wants it."""

    def flipped(signs, axis):
        return np.moveaxis(signs, axis, -1)[..., None, :] * values

    def t(d):
        return np.abs(d.mean(axis=-1) / (d.std(axis=-1, ddof=1) / np.sqrt(d.shape[-1])))

    return {
        "p_mean": lambda signs, axis: t(flipped(signs, axis).mean(axis=-2)),
        "p_largest": lambda signs, axis: t(flipped(signs, axis)).max(axis=-1),
        "p_above": lambda signs, axis: np.abs(np.sign(flipped(signs, axis).mean(axis=-1)).sum(axis=-1)),
    }


@pytest.mark.parametrize(("n", "shift"), [(6, 0.8), (8, 0.3)])
def test_flips_of_independent_folds_are_scipys_permutations(n, shift):
    rng = np.random.default_rng(3)
    values = rng.normal(shift, 1, (4, n)) + rng.normal(0, 1, n)
    found = multiverse.joint(matrix(values, GRID.iloc[:4]), ratio=0.0)
    for name, figure in figures(values).items():
        how = {"permutation_type": "samples", "n_resamples": np.inf, "alternative": "greater", "vectorized": True}
        assert found[name] == pytest.approx(scipy_stats.permutation_test((np.ones(n),), figure, **how).pvalue), name


def test_three_folds_worked_by_hand():
    """Two protocols, means 2 and 0; the averages of folds are 1.5, 1 and 0.5."""
    found = multiverse.joint(matrix([[2, 2.5, 1.5], [1, -0.5, -0.5]], GRID.iloc[:2]))
    assert found["protocols"] == 2 and found["folds"] == 3 and found["p_least"] == 0.25
    # t of the averages: 1 / (0.5 sqrt(1/3 + 1/8)) = 2.95; of the four flips, as independent folds: 3.46, 1.11, 0.46 and 0
    assert found["p_mean"] == 0.25
    interval = found["mean"], found["low"], found["high"]
    assert interval == pytest.approx(single.corrected_interval([1.5, 1, 0.5]))
    assert interval == pytest.approx((1, 1 - 1.4565, 1 + 1.4565), abs=1e-3)  # 4.303 * 0.5 * sqrt(1/3 + 1/8)
    assert (found["p_worse"], found["p_same"], found["p_better"]) == pytest.approx(single.posterior([1.5, 1, 0.5]))
    assert found["verdict"] == "undecided" and found["above"] == 1 and found["largest"] == "default"
    same = multiverse.joint(matrix([[1, 1, 1], [1, 1, 1]], GRID.iloc[:2]))  # no spread at all
    assert same["p_mean"] == same["p_largest"] == 0.25 and same["verdict"] == "better"
    assert same["above"] == 2 and same["p_above"] == 1  # copies are on one side in every flip
    lone = multiverse.joint(matrix([[3, 1, 1]], GRID.iloc[:1]))  # above 0 whatever the other two folds do, below it with all signs turned
    assert (lone["above"], lone["chance_low"], lone["chance_high"], lone["p_above"]) == (1, 0, 1, 1)
    none = multiverse.joint(matrix(np.zeros((2, 3)), GRID.iloc[:2]))
    assert none["p_mean"] == none["p_largest"] == none["p_above"] == 1 and none["verdict"] == "same" and none["above"] == 0


def test_what_the_correction_does_to_the_flips():
    """A t that is 1.5 times its flips' 95 % bound of independent folds is significant among them, and not with ten dependent folds (sqrt(2.25))."""
    d = np.array([1.0, 1.2, 0.9, -0.2, 0.3, 0.8, -0.5, 0.6, 1.1, -0.1])
    naive, found = (multiverse.joint(matrix([d], GRID.iloc[:1]), ratio=ratio)["p_mean"] for ratio in (0.0, 1 / 8))
    flips = np.array(np.meshgrid(*[[1, -1]] * 10)).reshape(10, -1).T * d
    t = np.abs(flips.mean(axis=1) / flips.std(axis=1, ddof=1) * np.sqrt(10))
    seen = abs(d.mean() / d.std(ddof=1) * np.sqrt(10))
    assert naive == pytest.approx((t >= seen - 1e-9).mean()) and found == pytest.approx((t >= seen / 1.5).mean())
    assert naive < 0.05 < found
    many = multiverse.joint(matrix(np.tile(d, (1, 3)), GRID.iloc[:1]))  # drawn, not enumerated: always the same
    assert many == multiverse.joint(matrix(np.tile(d, (1, 3)), GRID.iloc[:1])) and many["p_least"] == 1 / multiverse.FLIPS


def test_protocols_that_agree_by_construction_are_one():
    """Eight copies of a protocol say what one says; a binomial count would be sure."""
    d = np.array([1.0, 2.0, -1.0, 0.5, 0.7, -0.3])
    one, eight = multiverse.joint(matrix([d], GRID.iloc[:1])), multiverse.joint(matrix([d] * 8, GRID.iloc[:8]))
    for name in ("p_mean", "p_largest", "p_above", "mean", "low", "verdict"):
        assert one[name] == pytest.approx(eight[name]) if name != "verdict" else one[name] == eight[name]
    assert eight["above"] == 8 and (eight["chance_low"], eight["chance_high"]) == (0, 8) and eight["p_above"] > 0.9


# === Which dimension moves the answer ===


def test_one_change_at_a_time_is_the_difference_to_the_default():
    values = matrix(np.random.default_rng(1).normal(size=(9, 5)), GRID)
    table = multiverse.by_level(values, GRID).set_index(["dimension", "level"])
    assert len(table) == 8 and (table["protocols"] == 1).all() and (table["folds"] == 5).all()
    d = values.loc["dropout=0.4"] - values.loc["default"]
    assert table.loc[("dropout", 0.4), ["mean", "low", "high"]].tolist() == pytest.approx(single.corrected_interval(d.to_numpy()))
    assert table["p_holm"].tolist() == pytest.approx(single.holm(table["p"].to_numpy()))
    values.loc["dropout=0.4", (1, 2)] = np.nan  # its other folds stay
    again = multiverse.by_level(values, GRID).set_index(["dimension", "level"])
    assert again.loc[("dropout", 0.4), "mean"] == pytest.approx(d.drop((1, 2)).mean()) and again.loc[("dropout", 0.4), "folds"] == 4
    values.loc["default"] = np.nan  # nothing to measure from
    assert multiverse.by_level(values, GRID)["mean"].isna().all()


def test_levels_of_a_full_design_are_numpys_least_squares_and_what_is_not_told_apart_is_missing():
    levels = full()
    values = matrix(np.random.default_rng(2).normal(size=(6, 4)), levels)
    rates = [(levels["learning_rate"] == rate).to_numpy(float) for rate in FULL["learning_rate"][1:]]
    design = np.column_stack([np.ones(6), *rates, levels["units"] == 104]).astype(float)
    expected = np.linalg.lstsq(design, values.to_numpy(), rcond=None)[0].mean(axis=1)[1:]
    assert multiverse.by_level(values, levels)["mean"].tolist() == pytest.approx(expected.tolist())
    values.iloc[5] = np.nan  # five of six are enough
    expected = np.linalg.lstsq(design[:5], values.to_numpy()[:5], rcond=None)[0].mean(axis=1)[1:]
    assert multiverse.by_level(values, levels)["mean"].tolist() == pytest.approx(expected.tolist())
    values.iloc[1:] = np.nan
    values.iloc[3] = 1.0  # rate and units changed together: nobody can say which it was
    table = multiverse.by_level(values, levels)
    assert table["mean"].isna().all() and table["folds"].tolist() == [0, 0, 0]
    assert multiverse.by_dimension(values, levels)["sd"].isna().all()


def test_variances_worked_by_hand():
    """Levels at 0, 3, 0 have variance 2, those at 0, 2 variance 1; without noise the shares are two thirds and one third."""
    levels = full()
    effect = 3.0 * (levels["learning_rate"] == 0.0005) + 2.0 * (levels["units"] == 104)
    table = multiverse.by_dimension(matrix(np.tile(effect.to_numpy(float)[:, None], (1, 4)), levels), levels).set_index("dimension")
    assert table["sd"].tolist() == pytest.approx([np.sqrt(2), 1, 0], abs=1e-9) and table.index.tolist() == [
        "learning_rate",
        "units",
        "combinations",
    ]
    assert table["share"].tolist() == pytest.approx([200 / 3, 100 / 3, 0], abs=1e-6) and table["levels"].tolist() == [3, 2, 2]
    assert table["most"].tolist() == [1, 0, 0] and table.loc["learning_rate", ["level", "mean"]].tolist() == pytest.approx([0.0005, 3])
    both = effect + 6.0 * ((levels["learning_rate"] == 0.0005) & (levels["units"] == 104))  # more than the sum of the two
    assert (
        multiverse.by_dimension(matrix(np.tile(both.to_numpy(float)[:, None], (1, 4)), levels), levels)
        .set_index("dimension")
        .loc["combinations", "sd"]
        > 1
    )


def test_every_comparison_has_its_dimensions(results):
    table = multiverse.moved(multiverse.differences(results, GRID), GRID)
    assert table.groupby(["dataset", "alteration"], sort=False).size().to_dict() == {("t", "C-1"): 5, ("t", "reseed-1"): 5}
    mine = table[table["alteration"] == "C-1"].set_index("dimension")
    assert mine["levels"].to_dict() == {"dropout": 3, "units": 2, "learning_rate": 1, "batch_size": 1, "padding": 1}
    assert mine.loc[["batch_size", "padding"], "sd"].isna().all() and mine.loc["units", "mean"] == pytest.approx(-2)


def test_the_noise_of_the_folds_is_taken_off_and_each_draw_pays_for_its_own():
    """Over many multiverses the mean of V is 0 with nothing there, and 1 with two levels 2 points apart; so is that of its draws."""
    rng, found = np.random.default_rng(0), []
    for _ in range(300):
        noise = error_rates.folds(rng, 2.0, 30, 2)
        for d in (noise, noise + np.array([[0.0], [2.0]])):
            estimates, drawn = multiverse._variances({"units": (d - d.mean(axis=0), 2)}, 30, 1 / 8, 0)
            found.append((estimates["units"], drawn.mean()))
    found = np.reshape(found, (300, 2, 2))
    error = found.std(axis=0).max() / np.sqrt(300)
    assert np.abs(found.mean(axis=0) - [[0, 0], [1, 1]]).max() < 3 * error < 0.2


def test_dimensions_that_nobody_varies_are_none():
    levels = GRID.assign(stop_words="dropped")
    assert list(multiverse.varied(levels)) == list(error_rates.DIMENSIONS)
    assert multiverse.varied(levels)["dropout"] == [0.2, 0.0, 0.4]


# === Known answers ===


def page(name: str) -> dict[str, list[float]]:
    table = re.search(rf"<!-- {name} -->(.*?)<!-- /{name} -->", error_rates.PAGE.read_text(encoding="utf-8"), re.S)[1]
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.split("\n") if line.startswith("|")][2:]
    return {row[0]: [float(value) for value in row[1:]] for row in rows}


@pytest.mark.parametrize(("name", "effect"), [("protocols", 0.0), ("one-level", 6.0)])
def test_error_rates_are_the_scripts(name, effect):
    known, trials, cases = page(name), 40, ("3 folds, r 0.8", "1 x 10, r 0")
    found = error_rates.protocols(trials, {case: error_rates.MANY_PROTOCOLS[case] for case in cases}, effect)
    assert set(known) == set(found)
    for rule, rates in found.items():
        for case, rate in rates.items():
            expected = known[rule][list(error_rates.MANY_PROTOCOLS).index(case)]
            assert abs(rate - expected) < 4 * np.sqrt(max(expected, 5) * (100 - min(expected, 95)) / trials), (rule, case)


def test_no_rule_in_use_decides_more_often_than_it_says_and_an_effect_in_one_level_is_found_and_named():
    nothing, one = page("protocols"), page("one-level")
    for rule, rates in nothing.items():
        if rule.startswith(("flips, ", "mean over", "a dimension")):
            assert max(rates) < 8, rule
    assert min(nothing["flips of folds taken as independent, mean, p <= 0.05"][2:]) > 12  # why flips are corrected
    assert min(nothing["protocols above 0, counted as if independent (binomial p < 0.05)"][1::2]) > 50  # why protocols are not the sample
    assert min(nothing["some corrected interval of nine protocols excludes 0"]) > 15  # why one protocol that is better says little
    assert max(nothing["flips, mean, p <= 0.05"][:2]) == 0  # three folds decide nothing
    assert min(one["flips, largest of nine, p <= 0.05"][2:]) > 90 and min(one["... and it is the learning rate, doubled"][2:]) > 60
    assert max(np.subtract(one["a dimension is named (Holm's p < 0.05)"], one["... and it is the learning rate, doubled"])) <= 6  # others
