"""Pairs and their parts, the best of many, and the page about them: numbers worked by hand, simulations with a known answer."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from made_up import frame, study
from scipy import stats as scipy_stats

from lstmcs import curves, families, results
from lstmcs.models.dynamics import over_steps
from lstmcs.report import maps, run, wording
from lstmcs.stats import multiple, pairs, seeds, single
from lstmcs.study.plan import Settings

WOBBLE = np.array([-0.02, 0.01, 0.03, -0.02, 0.0, 0.0])


def test_the_interaction_is_the_pair_less_its_parts_fold_by_fold():
    base = np.array([0.50, 0.55, 0.52, 0.48, 0.51, 0.53])
    data = frame({"none": [base], "C-1": [base + 0.02], "H-2": [base + 0.01 + WOBBLE], "C-1+H-2": [base + 0.06]})
    [row] = pairs.interactions(data).to_dict("records")
    i = 100 * (0.06 - 0.02 - 0.01 - WOBBLE)  # by hand: 5, 2, 0, 5, 3, 3
    error = np.sqrt((1 / 6 + 1 / 8) * i.var(ddof=1))  # Nadeau & Bengio
    half = scipy_stats.t.ppf(0.975, 5) * error
    assert (row["dataset"], row["alteration"], row["folds"]) == ("t", "C-1+H-2", 6)
    np.testing.assert_allclose([row["together"], row["sum"], row["mean"]], [6, 3, 3], atol=1e-9)
    np.testing.assert_allclose([row["low"], row["high"]], [3 - half, 3 + half])
    np.testing.assert_allclose(row["p"], 2 * scipy_stats.t.sf(3 / error, 5))
    assert row["p_holm"] == row["p"] and row["verdict"] in ("more", "undecided")


def test_only_folds_that_all_four_cells_have_count_and_only_pairs_with_both_parts():
    flat = [0.5] * 6
    data = frame({name: [flat] for name in ("none", "C-1", "C-2", "H-2", "C-1+H-2", "C-2+H-1", "C-3+H-2")})
    data = data[~((data["alteration"] == "H-2") & (data["fold"] == 3))]
    [row] = pairs.interactions(data).to_dict("records")
    assert (row["alteration"], row["folds"]) == ("C-1+H-2", 5)
    for part in (data.iloc[:0], data[data["alteration"] != "none"], data[data["alteration"] != "C-1"], data[data["fold"] == 1]):
        found = pairs.interactions(part)
        assert found.empty and list(found) == list(pairs.INTERACTIONS)


def test_more_less_and_as_the_sum():
    truth = {"C-1": 3.0, "C-2": -2.0, "C-3": 1.0, "H-2": 2.0, "C-1+H-2": 9.0, "C-2+H-2": -4.0, "C-3+H-2": 3.0}
    found = pairs.interactions(study(truth, ("a", "b"), sd=0.0005)).set_index(["dataset", "alteration"])
    for name in ("a", "b"):
        assert dict(found.loc[name, "verdict"]) == {"C-1+H-2": "more", "C-2+H-2": "less", "C-3+H-2": "as the sum"}
        np.testing.assert_allclose(found.loc[name, "mean"], [4, -4, 0], atol=0.1)


def test_with_nothing_there_few_pairs_are_more_or_less():
    """Folds share their training rows: differences correlate with 1/9 or so, which the corrected interval allows for."""
    rng, decided, outside = np.random.default_rng(0), 0, 0
    for _ in range(200):
        scores = {
            name: 0.5 + 0.01 * (np.sqrt(1 / 9) * rng.normal() + np.sqrt(8 / 9) * rng.normal(size=10))
            for name in ("none", "C-1", "H-2", "C-1+H-2")
        }
        row = pairs.interactions(frame({name: [list(values)] for name, values in scores.items()})).iloc[0]
        decided += row["verdict"] in ("more", "less")
        outside += not row["low"] < 0 < row["high"]
    assert decided <= 0.05 * 200 and 0 < outside <= 0.1 * 200


def test_the_best_of_many_stands_beside_as_many_nulls():
    quiet = {name: 0.0 for name in families.FAMILIES["pairs-12"]} | {"O-1": 0.0, "O-2": 0.0, "reseed-1": 0.0}
    data = study(quiet | {"C-4+H-2": 8.0}, ("a",), sd=0.005)
    found = pairs.best(data).set_index("family")
    assert list(found.index) == ["pairs", "gates"] and list(found["size"]) == [60, 12] and list(found["count"]) == [12, 2]
    assert found.loc["pairs", "best"] == "C-4+H-2" and found.loc["pairs", "passes"] and not found.loc["gates", "passes"]
    for family, count in (("pairs", 12), ("gates", 2)):
        expected = seeds.best_of_null(data, count=count).loc["other seeds and texts"]
        assert dict(found.loc[family, ["median", "bound"]]) == dict(expected[["median", "bound"]])
    assert found.loc["pairs", "bound"] > found.loc["gates", "bound"]
    alone = pairs.best(data[data["alteration"] != "reseed-1"])
    assert alone["passes"].isna().all() and alone["bound"].isna().all() and len(alone) == 2
    assert pairs.best(data.iloc[:0]).empty and pairs.best(study({}, ("a",))).empty


def test_a_family_is_a_family_of_comparisons_of_its_own():
    data = study(dict.fromkeys(["C-1", "H-2", "C-1+H-2", "O-1", "O-2", "c = 0.9 * c", "reseed-1"], 0.5), ("a",), sd=0.01)
    gates = pairs.compared(data, families.GATES)
    assert list(gates["alteration"]) == ["O-1", "O-2", "reseed-1"]
    own, p = gates.set_index("alteration")["p_holm"], multiple.cells(data).set_index("alteration")["p"]
    np.testing.assert_allclose(own.dropna(), single.holm(p[["O-1", "O-2"]]))


# === Pictures and sentences ===


def texts(picture):
    return [text.get_text() for ax in picture.axes for text in ax.texts]


def test_the_map_has_a_tile_for_what_is_on_record_and_blanks_for_the_rest():
    truth = {name: 3.0 for name in families.FAMILIES["pairs-12"]} | {"C-12+H-2": -60.0}
    cells = multiple.cells(study(truth, ("a", "b"), sd=0.001))
    picture = maps.pair_map(cells)
    assert len(picture.panels) == 2 and len(texts(picture)) == 24 and "22 better, 2 worse" in picture.alt
    assert texts(picture)[0].endswith("▲") and "-60 ▼" in texts(picture)
    at = {(round(text.get_position()[0]), round(text.get_position()[1])) for text in picture.axes[0].texts}
    assert at == {(1, y) for y in range(12)}  # H-2 is the second column
    assert "blank: not on record" in picture.panels[0].get_supxlabel() and "C-12+H-2 -60.0 worse" in picture.panels[0].get_label()
    everything = dict.fromkeys([*families.PAIRS, *families.TABLE_1], 1.0)
    whole = maps.pair_map(multiple.cells(study(everything, ("a",))))
    assert len(texts(whole)) == 60 + 17 and "blank" not in whole.panels[0].get_supxlabel()
    assert [tick.get_text() for tick in whole.axes[0].get_yticklabels()][:2] == ["alone", "C-1  c∘o"]
    assert all(panel.get_size_inches()[0] <= 3.4 for panel in whole.panels)
    assert "Nothing" in maps.pair_map(cells.iloc[:0]).alt and "Nothing" in maps.pair_map(pairs.interactions(study({}, ("a",)))).alt


def test_the_picture_of_the_best_shows_every_cell_and_the_nulls():
    data = study({"O-1": 1.0, "O-2": 0.0, "I-1": -1.0, "reseed-1": 0.0}, ("a",), sd=0.01)
    picture = maps.best_of_many(multiple.cells(data), pairs.best(data))
    sizes = [len(line.get_xdata()) for line in picture.axes[0].lines]
    assert sizes == [2, 3, 1, 2, 1] and "of 3 gates O-1" in picture.alt
    assert "Nothing" in maps.best_of_many(multiple.cells(data), pairs.best(data.iloc[:0])).alt


def test_what_the_page_says():
    truth = {"C-1": 3.0, "H-2": 2.0, "C-1+H-2": 9.0, "C-2+H-2": 0.0, "O-1": -5.0, "reseed-1": 0.0}
    data = study(truth, ("a",), sd=0.001)
    text, counts = wording.beyond(pairs.compared(data, families.PAIRS | families.GATES))
    assert text == (
        "In a network that sorts texts we altered both states of its cells at once (2 ways) and the gates of its cells (1 way): "
        "it sorted better than before in 1 of 3 comparisons, worse in 1."
    )
    assert list(counts.values()) == [1, 1, 1]
    two = study({"C-1+H-2": -5.0, "O-1": -5.0}, ("a", "b"), sd=0.001)
    two = two[(two["dataset"] == "b") | (two["alteration"] != "O-1")]
    assert wording.beyond(pairs.compared(two, families.PAIRS | families.GATES))[0].endswith("worse in 3 (2 on b, 1 on a).")
    assert "both states" not in wording.beyond(pairs.compared(data, families.GATES))[0]
    assert wording.beyond(pairs.compared(data.iloc[:0], families.GATES))[0].startswith("Nothing can be said yet")
    told = wording.more_than_parts(pairs.interactions(data))
    assert told.startswith("Of 1 pair on record") and "1 gain more than the sum of these" in told and "C-1+H-2 on a +4.1 points" in told
    assert "no pair is on record with both" in wording.more_than_parts(pairs.interactions(data[data["alteration"] != "C-1"]))
    [line] = wording.best_of_families(pairs.best(data))
    assert line.startswith("a: C-1, the best of 2 of Table 1, has +2.9 points (chance ") and line.endswith(
        "; more than chance: C-1, C-1+H-2."
    )
    assert "; O-1, the best of 1 gate, has -5.0 points (chance " in line
    [line] = wording.best_of_families(pairs.best(data[data["alteration"] != "reseed-1"]))
    assert "chance" not in line and line.endswith(" points.")
    [*_, line] = wording.best_of_families(pairs.best(study({"O-1": -5.0, "reseed-1": 0.0}, ("a", "b"), sd=0.001)))
    assert line.startswith("b: O-1, ") and line.endswith("; more than chance: none.")
    assert wording.beyond_on_record(pairs.compared(data, families.PAIRS | families.GATES)) == ["a: 2 of 60 pairs, 1 of 12 gates"]


def test_many_pairs_and_gates_are_no_rows_of_other_pages():
    few, many = ["none", "C-1", *families.FAMILIES["pairs-12"]], ["none", "C-1", *families.FAMILIES["pairs-12"], "O-1"]
    assert families.apart(few) == set() and families.apart(many) == {*families.FAMILIES["pairs-12"], "O-1"}
    assert wording.elsewhere(families.apart(few)) == [] and wording.elsewhere(families.apart(many))[0].startswith("13 pairs and gates")


@pytest.mark.parametrize(
    ("cells", "there"), [(["C-1"], False), (["c = 0.9 * c"], False), (["O-1"], True), (["C-1+H-2"], True), (["pairs"], True)]
)
def test_the_page_is_made_for_a_study_that_has_such_a_cell(cells, there, tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMCS_HOME", str(tmp_path))
    made = []
    monkeypatch.setattr(run, "_page", lambda notebook, *others: made.append(notebook) or "complete")
    run.build(Settings(preset="smoke", alterations=cells, train=False), print)
    assert ("08_beyond" in made) == there and "04_summary" in made


def test_frames_of_no_pairs_have_their_columns():
    assert list(pairs.interactions(pd.DataFrame(study({}, ("a",))))) == list(pairs.INTERACTIONS)
    assert list(pairs.best(study({"C-1": 0.0}, ("a",)))) == list(pairs.BEST)


def test_the_page_of_the_committed_pairs_from_its_records_by_hand():
    """What each pair has beyond its parts, from the scores on record and nothing else."""
    folder = Path(__file__).parent.parent / "reports" / "beyond"
    tidy = pd.read_parquet(folder / "results.parquet").query("model == 'lstm' and state == 'done'")
    scores = 100 * tidy.pivot(index=["dataset", "run", "fold"], columns="alteration", values="macro_f1")
    page = BeautifulSoup(next(folder.glob("08_beyond*.html")).read_text(encoding="utf-8"), "html.parser")
    table = next(figure for figure in page.find_all("figure", "table") if figure.figcaption.text.startswith("Pairs and their parts"))
    names = [cell.text for cell in table.thead.find_all("th")]
    shown = Counter()
    for row in table.tbody.find_all("tr"):
        found = dict(zip(names, (cell.get_text(" ", strip=True) for cell in row.find_all("td"))))
        one, other = (pair := found["alteration"].split()[0]).split("+")
        of = scores.loc[found["dataset"]]
        d = (of[pair] - of[one] - of[other] + of["none"]).dropna()
        width = scipy_stats.t.ppf(0.975, len(d) - 1) * np.sqrt((1 / len(d) + 1 / 8) * d.var(ddof=1))
        assert [found["folds"], found["mean"], found["high"]] == [str(len(d)), f"{d.mean():.2f}", f"{d.mean() + width:.2f}"], pair
        shown[found["dataset"]] += 1
    assert shown == {"hasoc": 12, "hasoc-test": 12, "robo": 12, "semeval": 12}


def test_the_index_of_the_committed_pairs_leads_to_their_page():
    index = Path(__file__).parent.parent / "reports" / "beyond" / "index.html"
    [links] = BeautifulSoup(index.read_text(encoding="utf-8"), "html.parser").find_all("p", class_="about")
    assert [link["href"][:2] for link in links.find_all("a")] == ["04", "02", "05", "06", "08"]


def test_the_table_of_the_committed_pairs_is_that_of_their_records():
    """Every figure of it, pair by pair."""
    folder = Path(__file__).parent.parent / "reports" / "beyond"
    table = pairs.interactions(results(folder / "results.parquet").query("model == 'lstm'")).set_index(["dataset", "alteration"])
    expected = []
    for name in table.loc["robo"].index:
        cells = [table.loc[dataset, name] for dataset in ("hasoc", "semeval", "hasoc-test", "robo")]
        said = (f"{r['together']:+.1f} | {r['mean']:+.1f} ± {(r['high'] - r['low']) / 2:.1f}" for r in cells)
        expected.append(f"| {name} | {' | '.join(said)} |")
    lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("| C-")] == expected and len(expected) == 12


def test_what_was_predicted_of_the_pairs_is_told_as_it_came_out():
    """From the equations of the cell and the scores on record."""
    folder = Path(__file__).parent.parent / "reports" / "beyond"
    tidy = pd.read_parquet(folder / "results.parquet").query("model == 'lstm' and dataset == 'semeval'")
    scores = 100 * tidy.pivot(index="fold", columns="alteration", values="macro_f1")
    points = (scores[[*families.FAMILIES["pairs-12"]]].sub(scores["none"], axis=0)).mean()
    left = pd.Series({name: over_steps(name).gradient[9] for name in points.index})
    found = scipy_stats.spearmanr(points, left).statistic
    assert f"the rank correlation is {found:.2f}" in (folder / "README.md").read_text(encoding="utf-8")
    least, lowest = left.index[left < 1e-6], points.nsmallest(5).index
    assert [set(names) for names in (least, lowest)] == [{f"C-{n}+H-2" for n in five} for five in ((2, 3, 8, 11, 12), (2, 3, 10, 11, 12))]
    assert left.idxmax() == points.idxmax() == "C-4+H-2" and points.nsmallest(6).index[5] == "C-8+H-2"


def test_what_two_engines_made_of_the_same_folds_is_told():
    """O-1 and O-2 on HASOC, by TensorFlow on processors and by JAX on a card: the same initial weights, order and masks, other roundings."""
    folder = Path(__file__).parent.parent / "reports" / "beyond"
    here = ("dataset == 'hasoc' and alteration in ['O-1', 'O-2']", ["alteration", "fold", "epoch"])
    losses = [curves(folder / file).query(here[0]).set_index(here[1])["loss"] for file in ("by-tensorflow.parquet", "results.parquet")]
    apart = losses[0].sub(losses[1]).abs().groupby("epoch").max()
    assert len(losses[0]) == len(losses[1]) == 400 and 2e-5 < apart[1] < 3.5e-5 and 0.005 < apart.max() < 0.015
    scores = [
        results(folder / file).query(here[0]).pivot(index="fold", columns="alteration", values="macro_f1")
        for file in ("by-tensorflow.parquet", "results.parquet")
    ]
    intervals = [single.corrected_interval(100 * (scores[0] - scores[1])[cell]) for cell in ("O-1", "O-2")]
    told = " and ".join(f"{mean:+.1f} ± {(high - low) / 2:.1f}" for mean, low, high in intervals)
    readme = " ".join((folder / "README.md").read_text(encoding="utf-8").split())
    assert (
        f"by 3e-5 at most after the first epoch and by 0.01 later, their macro F1, each read at its best epoch, by {told} points" in readme
    )
