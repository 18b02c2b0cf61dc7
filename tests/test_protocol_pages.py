"""What a page says and draws of many protocols, held against the figures it is made of; then the page itself, with half of its study missing."""

import re
from dataclasses import replace
from pathlib import Path

import answer
import chromium
import error_rates
import nbformat
import numpy as np
import pandas as pd
import pytest
from made_up import frame, records_of
from test_multiverse import GRID, full, matrix, under

from lstmcs.paper.claims import CLAIMS
from lstmcs.report import depends, maps, pages, run
from lstmcs.stats import multiverse
from lstmcs.study.plan import Settings, plan

ROOT = Path(__file__).parents[1]
FLAT, BETTER, SAME, WORSE, OPEN = [50.0] * 4, [52, 52.1, 52, 52.1], [50.1, 50, 50.1, 50], [48, 48.1, 48, 48.1], [40, 61, 44, 59]


@pytest.fixture(scope="module")
def results():
    """Four of nine protocols: C-1 better, same, worse and undecided, the reseed same and undecided; on set u C-1 twice the same."""
    return pd.concat([
        under("default", {"none": FLAT, "C-1": BETTER, "reseed-1": OPEN}), under("learning_rate=0.002", {"none": FLAT, "C-1": WORSE, "reseed-1": SAME}),
        under("dropout=0.0", {"none": FLAT, "C-1": SAME}), under("padding=mask", {"none": FLAT, "C-1": OPEN}),
        under("default", {"none": FLAT, "C-1": SAME}, "u"), under("padding=mask", {"none": FLAT, "C-1": SAME}, "u"),
    ], ignore_index=True)  # fmt: skip


@pytest.fixture(scope="module")
def cells(results):
    return multiverse.cells(results, GRID)


# === Sentences ===


def test_the_answer_counts_what_is_on_record_and_names_what_is_not(cells):
    shares = multiverse.shares(cells)
    told, counts = depends.in_protocols(shares)
    assert counts == {"better": 1, "worse": 1, "no difference seen": 4}
    assert told == (
        "We trained a network that sorts texts in 9 plausible ways, each with and without one more line: in 1 of 6 comparisons it sorted better "
        "with it, in 1 worse. Other seeds alone came out better in none of 2, worse in none. Another 12 comparisons are planned and not on record."
    )
    [line] = depends.survives(shares)
    assert line == (
        "C-1 raises Macro F1 in 1 of 4 protocols on t and lowers it in 1 (its mean is above 0 in 3; other seeds alone: 0, 0 and 2 of 2); "
        "in 0 of 2 protocols on u and lowers it in 0 (its mean is above 0 in 2)."
    )
    nothing = shares.assign(answered=0, better=0, worse=0)
    assert depends.in_protocols(nothing)[0].startswith("Nothing can be said yet") and depends.in_protocols(nothing)[1] == {}
    assert depends.survives(nothing) == ["C-1: No protocol answers on t, u."]
    [half] = depends.survives(shares.assign(answered=shares["answered"].where(shares["dataset"] == "t", 0)))
    assert half.endswith("and 2 of 2). No protocol answers on u.")
    assert "In another 2 nothing was learned" in depends.in_protocols(shares.assign(unlearned=[2, 0, 0, 0]))[0]
    assert depends.in_protocols(shares.iloc[:0])[0].startswith("Nothing can be said yet") and depends.survives(shares.iloc[:0]) == []


def test_three_folds_are_told_that_flips_say_nothing():
    flat = matrix([[3, 3.1, 2.9], [3, 3, 3.1]], GRID.iloc[:2])
    joint = multiverse.joint_tests({("t", "C-1"): flat, ("t", "reseed-1"): flat})
    told = depends.together(joint)
    assert told.startswith("Averaged over the protocols, 1 comparison: 1 better (C-1 on t). With 3 folds")
    assert told.endswith("With 3 folds no p by flips can be below 0.25, so the flips decide nothing here.")
    many = matrix(np.tile([[3, 3.1, 2.9, 3.0, 3.2, 2.8]], (2, 1)), GRID.iloc[:2])
    told = depends.together(multiverse.joint_tests({("t", "C-1"): many, ("t", "H-1"): many - 3}))
    assert told.startswith("Averaged over the protocols, 2 comparisons: 1 better (C-1 on t), 1 same (H-1 on t). By flips")
    assert told.endswith("the average differs from 0 in 1 of them, and some protocol does in 1 (about one in twenty does by chance).")
    seeds = depends.together(multiverse.joint_tests({("t", "C-1"): many, ("t", "reseed-1"): many}))
    assert "in 1 of them" in seeds and "; with other seeds alone in 1 and 1 of 1 (" in seeds
    assert depends.together(multiverse.joint_tests({("t", "C-1"): flat * np.nan})).startswith("No protocol has two paired folds")


def test_the_choice_that_moves_the_score_and_that_which_moves_the_difference():
    rng = np.random.default_rng(5)
    quiet = lambda: matrix(rng.normal(0, 0.3, (9, 10)), GRID)  # noqa: E731
    score, difference, null = 50 + quiet(), quiet(), quiet()
    score.loc["units=104"] += 8
    difference.loc["learning_rate=0.002"] += 4
    moved = multiverse.moved({("t", "C-1"): difference, ("t", "reseed-1"): null}, GRID)
    first, second = depends.moving(moved, multiverse.moved({("t", "none"): score}, GRID))
    assert re.fullmatch(
        r"The choice that moves the unaltered cell's own score most, on t: units \(SD (3.9|4.0|4.1) points over its levels, 3\.\d to 4\.\d\)\.",
        first,
    )
    assert re.search(
        r"in 1 comparison: learning rate 0.002 moves C-1 on t by \+[34]\.\d points; with other seeds alone none is named in 1\.$",
        second,
    )
    still = multiverse.moved({("t", "none"): score * 0 + 50}, GRID)
    assert depends.moving(still.iloc[:0], still) == [
        "The choice that moves the unaltered cell's own score most, on t: none beyond the folds' noise."
    ]
    none = depends.moving(multiverse.moved({("t", "C-1"): null}, GRID), multiverse.moved({}, GRID))
    assert len(none) == 1 and "no choice can be named that moves it" in none[0]
    assert depends.moving(multiverse.moved({}, GRID), multiverse.moved({}, GRID)) == []


def test_what_early_stops_did_to_the_first_edition_is_found_and_named(tmp_path):
    """HASOC's and SEMEVAL's records under rules alone: those that read early epochs call most altered cells worse, the best only five of
    SEMEVAL's, the last two more; the choices that are found to move a difference are the early ones."""
    (grid := tmp_path / "rules.toml").write_text('[levels]\nrule = ["best", "loss", "accuracy", "last", "epoch=2", "epoch=5"]\n')
    edition = str(ROOT / "reports" / "second-edition" / "results.parquet")
    work = plan(Settings(protocols=str(grid), records_dir=edition, datasets=["hasoc", "semeval"], models=["lstm"]))
    results, levels = work.results(), work.levels()
    early = [name for name in levels.index if name.startswith("rule=epoch=")]
    cells = multiverse.cells(results, levels)
    worse = cells.query("verdict == 'worse'").groupby("protocol").size().reindex(levels.index, fill_value=0)
    assert worse[early].min() > 4 and not (cells["verdict"] == "better").any()
    late = cells[cells["protocol"].isin(["default", "rule=last"]) & (cells["verdict"] == "worse")]
    found = {name: set(zip(part["dataset"], part["alteration"])) for name, part in late.groupby("protocol")}
    for_good = {("semeval", cell) for cell in answer.FORGET}
    assert found == {"default": for_good, "rule=last": for_good | {("semeval", "C-8"), ("hasoc", "C-2")}}
    moved = multiverse.moved(multiverse.differences(results, levels), levels)
    early_ones = {"epoch=2", "epoch=5"}  # none is moved more by the lowest validation loss, which comes after one to five epochs as well
    assert set(moved.loc[moved["p"] < 0.05, "level"]) == early_ones and (moved["p"] < 0.05).sum() > 3
    assert not (moved["p"] < 0.05)[moved["alteration"] == "reseed-1"].any()


def test_what_was_not_tried_is_said(cells):
    assert "One and the same in every score, and counted as 2: default, units=104" in depends.not_tried(
        GRID, cells, [("default", "units=104")]
    )
    lines = depends.not_tried(GRID, cells)
    assert lines[0].startswith(
        "5 of 9 planned protocols have nothing on record that can be compared: learning_rate=0.0005, units=104, dropout=0.4"
    )
    assert lines[1] == "2 have only part of their comparisons: learning_rate=0.002, dropout=0.0"
    assert lines[2] == "No protocol on record has: learning rate 0.0005, units 104, dropout 0.4, batch size 64, padding post"
    assert lines[3].startswith("9 of the 108 combinations of these levels are planned")
    assert "Not varied: epochs, embedding, patience, rule" in lines and "optimiser" in lines[-1]
    whole = multiverse.cells(pd.concat([under(name, {"none": FLAT, "C-1": SAME}) for name in full().index]), full())
    assert not [line for line in depends.not_tried(full(), whole) if "on record" in line or "planned" in line]


def test_claims_are_asked_protocol_by_protocol():
    """C-1 two percent up on six sets under one protocol, nothing there under the other, none of it under seven more."""
    sets = ("hasoc", "semeval", "hate", "crowd", "mlma", "ag-subset")
    rng = np.random.default_rng(0)
    parts = []
    for name, gain in (("default", 0.02), ("units=104", -0.02)):
        for dataset in sets:
            base = 0.5 + rng.normal(0, 0.001, (1, 10))
            parts.append(
                frame({"none": base.tolist(), "C-1": (base + gain + rng.normal(0, 1e-4, base.shape)).tolist()}, dataset).assign(
                    choices=name
                )
            )
    table = depends.claims_by_protocol(pd.concat(parts), GRID)
    assert list(table) == list(GRID.index) and set(table["padding=mask"]) == {"no data"} and len(table) < len(CLAIMS)
    counted = depends.claims_counted(table).set_index("claim")
    row = counted.loc[next(claim.text for claim in CLAIMS if claim.id == "c1-average")]
    assert row[["confirmed", "not confirmed", "cannot tell", "missing"]].tolist() == [1, 1, 0, 7]
    assert row["confirmed under"] == "default" and row["not confirmed under"] == "units=104"
    assert (counted[["confirmed", "not confirmed", "cannot tell", "missing"]].sum(axis=1) == 9).all()
    told = depends.claims_told(table)
    assert told.startswith(f"Of {len(table)} claims, asked under 2 protocols") and "Answered both ways: " in told and row.name in told
    alone = depends.claims_told(table[["default", "padding=mask"]])
    assert f"{int((table['default'] != 'cannot tell').sum())} answered alike under all." in alone and "both ways" not in alone
    rules = depends.claims_under({"best": parts[0], "last": parts[0]})
    assert rules["best"].equals(rules["last"]) and set(rules.index) == set(table.index)
    assert depends.claims_told(rules, "rules") == f"None of {len(rules)} claims can be told under any of the 2 rules."
    empty = depends.claims_by_protocol(pd.concat(parts).iloc[:0], GRID)
    silent = table.where(table == multiverse.MISSING, "cannot tell")
    assert (
        depends.claims_told(silent)
        == f"None of {len(table)} claims can be told under any of the {(table != multiverse.MISSING).any().sum()} protocols."
    )
    assert depends.claims_told(empty) == "No claim can be asked yet." and depends.claims_counted(empty).empty


# === The curve ===


def test_the_curve_has_the_protocols_by_their_effect_and_their_levels_below(cells):
    picture = maps.specification(cells, GRID)
    assert len(picture.panels) == 2 and picture.alt.startswith("C-1 on t: 1 better, 1 same, 1 worse, 1 undecided of 9")
    first, second = picture.panels
    upper, lower = first.axes
    mine = cells.query("dataset == 't' and alteration == 'C-1' and folds > 0").sort_values("mean")
    marks = [line for line in upper.lines if len(line.get_xdata()) == 1]
    assert [float(line.get_ydata()[0]) for line in marks] == pytest.approx(mine["mean"].tolist())
    assert [line.get_marker() for line in marks] == [
        {"better": "^", "worse": "v", "same": "s", "undecided": "o"}[word] for word in mine["verdict"]
    ]
    bars = [line for line in upper.lines if len(line.get_xdata()) == 2 and line.get_xdata()[0] == line.get_xdata()[1]]
    assert np.ravel([bar.get_ydata() for bar in bars]) == pytest.approx(mine[["low", "high"]].to_numpy().ravel())
    [diamonds] = [line for line in upper.lines if line.get_marker() == "D"]
    assert diamonds.get_ydata().tolist() == pytest.approx(sorted(cells.query("alteration == 'reseed-1' and folds > 0")["mean"]))
    rows = [text.get_text() for text in lower.get_yticklabels()]
    assert rows == [
        "learning rate  0.001",
        "0.0005",
        "0.002",
        "units  64",
        "104",
        "dropout  0.2",
        "0",
        "0.4",
        "batch size  32",
        "64",
        "padding  pre",
        "post",
        "mask",
    ]
    named = [(name, level) for name, values in error_rates.DIMENSIONS.items() for level in values]
    for (name, level), line, text in zip(named, lower.lines, lower.get_yticklabels()):
        there = [x for x, protocol in enumerate(mine["protocol"]) if GRID.loc[protocol, name] == level]
        assert list(line.get_xdata()) == there and (text.get_color() == "black") == bool(there)
    assert first.get_supxlabel() == "4 of 9 protocols answer, from lowest to highest" and "2 of 9" in second.get_supxlabel()
    assert "D" not in [line.get_marker() for line in second.axes[0].lines]  # no reseed there
    assert "(learning_rate=0.002)" in first.get_label() and "(default)" in first.get_label()


def test_a_curve_of_very_many_protocols_shows_some_of_them_evenly():
    levels = pd.DataFrame({"units": [64, *range(65, 265)]}, index=["default", *(f"units={k}" for k in range(65, 265))]).astype(object)
    cells = pd.DataFrame(
        {
            "protocol": levels.index,
            "dataset": "t",
            "alteration": "C-1",
            "verdict": "same",
            "mean": np.arange(201.0),
            "low": 0.0,
            "high": 201.0,
        }
    )
    levels = levels.assign(units=[64, *[65] * 200])
    [panel] = maps.specification(cells, levels).panels
    shown = [float(line.get_ydata()[0]) for line in panel.axes[0].lines if len(line.get_xdata()) == 1]
    assert len(shown) == maps.COLUMNS and shown[0] == 0 and shown[-1] == 200 and panel.get_supxlabel().endswith("(72 shown)")
    assert maps.specification(cells.assign(verdict="no data"), levels).alt.startswith("Nothing is on record")


# === The page ===


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A study of five protocols; trained are the default, which two rules read, and one more. At the last epoch nothing passes the constant answer."""
    home = tmp_path_factory.mktemp("home")
    (home / "grid.toml").write_text('[levels]\nunits = [104, 64, 32]\ndropout = [0.2, 0.0]\nrule = ["best", "last"]\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSTMCS_HOME", str(home))
        patch.chdir(home)
        settings = Settings(protocols="grid.toml", datasets=["robo"], alterations=["C-1"], folds=3)
        work = plan(settings)
        trained = [fold for one, folds in work.protocols.items() if one.name in ("default", "units=64") for fold in folds]
        records_of(replace(work, folds=tuple(trained)))
        folder = run.environment.reports_dir()
        for part in ("notebooks", "tables"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        assert run._page("07_protocols", run.notebooks()["07_protocols"], settings, folder, print) == "partial"
        yield folder / "07_protocols--robo--start.html"


def test_a_study_with_half_of_its_protocols_missing_says_so(page):
    text = re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8"))
    assert (
        "Another 2 comparisons are planned and not on record. In another 1 nothing was learned" in text and "of 2 protocols on robo" in text
    )
    assert "2 of 5 planned protocols have nothing on record that can be compared: units=32, dropout=0.0" in text
    assert "No protocol on record has: units 32, dropout 0" in text and "With 3 folds no p by flips can be below 0.25" in text
    assert "2 of 5 protocols answer, from lowest to highest" in text and "Traceback" not in text


def test_the_index_opens_with_a_study_without_a_grid_where_there_is_one(page):
    folder = page.parent
    assert 'class="short"' in (index := pages.index(folder).read_text(encoding="utf-8")) and page.name in index
    plain = nbformat.read(folder / "notebooks" / f"{page.stem}.ipynb", 4)
    plain.metadata["lstmcs"] |= {"title": "All sets", "done": 1, "parameters": plain.metadata["lstmcs"]["parameters"] | {"protocols": None}}
    for cell in plain.cells:
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output["data"]["text/html"] = output["data"]["text/html"].replace("We trained", "Without a grid we trained")
    nbformat.write(plain, folder / "notebooks" / "04_summary--robo--start.ipynb")
    (folder / "04_summary--robo--start.html").write_text("")
    index = pages.index(folder).read_text(encoding="utf-8")
    assert "Without a grid we trained" in index and page.name in index


def test_the_page_fits_a_phone_and_answers_first(page):
    browser = chromium.start()
    try:
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True})
        browser.get(page.as_uri())
        assert browser.execute_script("return document.documentElement.scrollWidth") == 360
        tops = browser.execute_script(
            "return ['.short', 'figure.picture svg'].map(s => document.querySelector(s).getBoundingClientRect().top)"
        )
        assert tops[0] < 740 and tops[0] < tops[1]
        wide, least = browser.execute_script(
            "const svg = [...document.querySelectorAll('figure.picture svg')]; return [Math.max(...svg.map(s => s.getBoundingClientRect().width)),"
            "Math.min(...svg.flatMap(s => [...s.querySelectorAll('text')].map(t => parseFloat(getComputedStyle(t).fontSize) * s.getBoundingClientRect().width / s.viewBox.baseVal.width)))]"
        )
        assert wide <= 360 and least >= 9
        assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    finally:
        browser.quit()
