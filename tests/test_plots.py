"""Pictures of several sets: what they show is read back from the axes and held against the figures they were made of."""

import itertools
import re
import warnings
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from made_up import study
from matplotlib.figure import Figure

from lstmcs.alterations import NUMPY, TABLE_1, alteration
from lstmcs.datasets.loading import Dataset
from lstmcs.datasets.preparation import Preparation
from lstmcs.datasets.preprocess import prepare
from lstmcs.paper import comparison
from lstmcs.report import formulas, maps, plots, show
from lstmcs.stats import curves as speeds
from lstmcs.stats import multiple

EFFECTS = {"hate": {"C-1": 3.0, "H-2": 0.0}, "mlma": {"C-1": -3.0, "reseed-1": 0.0}}


@pytest.fixture
def results():
    return study(EFFECTS, ("hate", "mlma"))


def test_the_map_has_a_number_and_a_sign_for_what_is_on_record_and_nothing_else(results):
    picture = maps.verdict_map(multiple.cells(results))
    [panel], [ax] = picture.panels, picture.axes
    shown = {text.get_position(): text.get_text() for text in ax.texts}  # (set, row)
    # H-2 is on hate alone, reseed-1 on mlma alone
    assert {where: text[-1:] for where, text in shown.items()} == {(0, 0): "▲", (1, 0): "▼", (0, 1): "=", (1, 2): "="}
    assert [float(shown[where].split()[0]) for where in ((0, 0), (1, 0))] == pytest.approx([3.0, -3.0], abs=0.15)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["C-1  c∘o", "H-2  h∘σ(c)", "same cell,\nother seeds"]
    assert panel.get_supxlabel().endswith("? undecided\nblank: not on record")
    assert picture.alt.endswith("on record: 1 better, 1 same, 1 worse.") and "C-1 on mlma -2.9 worse" in panel.get_label()
    whole = multiple.cells(results[results["alteration"].isin(["none", "C-1"])])
    assert maps.verdict_map(whole).panels[0].get_supxlabel().endswith("? undecided")
    narrow = maps.verdict_map(multiple.cells(results), sets_a_panel=1)  # a set at a time
    assert [[text.get_text() for text in ax.get_xticklabels()] for ax in narrow.axes] == [["hate"], ["mlma"]]


def test_rows_are_in_the_order_of_table_1_whichever_set_comes_first(results):
    """As the cells that two editions have in common may be: the first set has no H-2."""
    cells = multiple.cells(results).query("folds > 0").sort_values("dataset", ascending=False)
    assert cells["alteration"].unique().tolist() == ["C-1", "reseed-1", "H-2"]
    [ax] = maps.verdict_map(cells).axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["C-1  c∘o", "H-2  h∘σ(c)", "same cell,\nother seeds"]


def test_a_cell_whose_folds_all_failed_has_a_cross(results):
    results.loc[(results["dataset"] == "mlma") & (results["alteration"] == "C-1"), "state"] = "failed"
    [panel] = (picture := maps.verdict_map(multiple.cells(results))).panels
    [ax] = picture.axes
    [cross] = [text for text in ax.texts if text.get_text() == "✗"]
    assert cross.get_position() == (1, 0) and "✗ failed" in panel.get_supxlabel()  # second set, first row
    assert len(ax.texts) == 4  # hate's C-1 and H-2, mlma's reseed-1


def test_what_diverged_and_what_is_not_learned_have_signs_of_their_own(results):
    gone = (results["dataset"] == "hate") & (results["alteration"] == "C-1") & (results["fold"] < 3)
    results = results.assign(failure=None)
    results.loc[gone, ["state", "failure", "macro_f1"]] = ["failed", "Diverged", 0.0]
    picture = maps.verdict_map(multiple.cells(results, idle=("mlma",)))
    [panel], [ax] = picture.panels, picture.axes
    shown = {text.get_position(): text.get_text() for text in ax.texts}
    assert shown[0, 0].endswith("?✗") and shown[1, 0].endswith("–") and "nothing is learned there" in panel.get_supxlabel()


def test_the_forest_draws_each_interval_in_its_sets_panel(results):
    cells = multiple.cells(results)
    picture = maps.forest(cells)
    assert [panel.get_suptitle() for panel in picture.panels] == ["hate", "mlma"]
    for panel, ax in zip(picture.panels, picture.axes):
        rows = cells[(cells["dataset"] == panel.get_suptitle()) & (cells["folds"] > 0)]
        drawn = [tuple(line.get_xdata()) for line in ax.lines if len(line.get_xdata()) == 2][1:]  # the first is the zero line
        assert drawn == [pytest.approx((row.low, row.high)) for row in rows.itertuples()]


def test_scores_stand_over_the_gradient_that_a_formula_leaves(results):
    gradient = {"none": 0.04, "C-1": 0.0004, "H-2": float("inf")}
    cells = multiple.cells(results)
    picture = maps.score_against_gradient(cells, gradient)
    for name, ax in zip(("hate", "mlma"), picture.axes):
        rows = multiple.compared(cells[(cells["dataset"] == name) & (cells["alteration"] == "C-1")])
        drawn = [(line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines[1:]]  # the first is the unaltered cell's line
        assert drawn == [(0.04, 0), *((0.0004, pytest.approx(mean)) for mean in rows["mean"])]
        assert [text.get_text() for text in ax.texts] == ["none", *rows["alteration"]] and ax.get_xscale() == "log"
    assert [panel.get_suptitle().split(":")[0] for panel in picture.panels] == ["hate", "mlma"]
    assert "C-1" in picture.alt and "H-2" not in picture.alt  # nobody can draw infinity
    nobody = maps.score_against_gradient(cells.iloc[:0], gradient)
    assert "Nothing is on record" in nobody.alt


def test_names_keep_clear_of_each_other():
    fig, ax = plots.panel(plots.WIDE, 2.6)
    ax.set_xscale("log")
    places = [("C-1", 1e-4, 0.0), ("C-2", 1e-4, -0.02), ("C-3", 1.3e-4, 0.01), ("C-4", 1e-1, 1.0), ("C-5", 1e-7, -3.0)]
    for _, x, y in places:
        ax.plot(x, y, "o", ms=4)
    ax.margins(0.15)
    maps._named(ax, places)
    fig.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_ranks_and_the_papers_improvements_are_drawn_where_they_are(results):
    ranks = multiple.ranks(results[results["alteration"].isin(["none", "C-1"])])
    ax = plots.average_ranks(ranks, 1.4).axes[0]
    assert [line.get_xdata()[0] for line in ax.lines[:-1]] == pytest.approx(list(ranks["rank"]))
    assert list(ax.lines[-1].get_xdata()) == pytest.approx([1, 2.4])
    pairs = comparison.against_paper(results)
    ax = plots.paper_against_ours(pairs).axes[0]
    drawn = [y for line in ax.lines[: pairs["dataset"].nunique()] for y in line.get_ydata()]
    assert sorted(drawn) == pytest.approx(sorted(pairs["ours"]))


def test_nothing_on_record_gives_empty_pictures_not_errors(results):
    nothing = results.iloc[:0]
    maps.verdict_map(multiple.cells(nothing))
    maps.forest(multiple.cells(nothing).assign(low=[], high=[]))
    maps.score_against_gradient(multiple.cells(nothing), {"none": 0.04})
    plots.average_ranks(multiple.ranks(nothing), float("nan"))
    plots.paper_against_ours(comparison.against_paper(nothing))


def test_a_set_with_the_unaltered_cell_alone_has_nothing_to_compare(results):
    alone = results[(results["alteration"] == "none") & (results["dataset"] == "hate")]
    assert [text.get_text() for text in plots.paired_differences(alone).axes[0].texts] == ["nothing on record yet"]


@pytest.fixture
def curves():
    """Five epochs of four folds of each cell on two data sets; H-1 is not on the second."""
    rng = np.random.default_rng(0)
    cells = [("a", cell) for cell in ("none", "H-1", "C-1", "reseed-1")] + [("b", "none"), ("b", "C-1")]
    rows = [
        {"dataset": dataset, "model": "lstm", "alteration": cell, "run": 1, "fold": fold, "epoch": epoch, "val_macro_f1": rng.uniform()}
        for dataset, cell in cells for fold in range(1, 5) for epoch in range(1, 6)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def lines(ax):
    """What is drawn as lines, in percent: a pair of x and y each."""
    return [(line.get_xdata().tolist(), line.get_ydata().tolist()) for line in ax.lines]


def test_learning_curves_are_the_means_and_bands_of_the_folds(curves):
    mine = curves[curves["dataset"] == "a"]
    read = mine[mine["epoch"] == mine["fold"]].assign(state="done")  # fold 1 is read at epoch 1, ...
    read.loc[(read["alteration"] == "C-1") & (read["fold"] == 4), "epoch"] = np.nan  # a failed one at none
    picture = plots.learning_curves(mine, read)
    assert [panel.get_suptitle() for panel in picture.panels] == ["C-1  c∘o", "H-1  c∘h", "same cell,\nother seeds"]
    table = speeds.band(mine)
    for ax, cell in zip(picture.axes, ("C-1", "H-1", "reseed-1")):
        for number, name in enumerate(("none", cell)):
            part = table[table["alteration"] == name]
            assert lines(ax)[number] == (part["epoch"].tolist(), pytest.approx((100 * part["mean"]).tolist()))
            corners = ax.collections[2 * number].get_paths()[0].vertices[:, 1]  # the band, then the ticks
            assert (corners.min(), corners.max()) == pytest.approx((100 * part["low"].min(), 100 * part["high"].max()))
            ticks = [segment[0][0] for segment in ax.collections[2 * number + 1].get_segments()]
            assert ticks == ([1, 2, 3] if name == "C-1" else [1, 2, 3, 4])
        assert [line.get_linestyle() for line in ax.lines] == ["--", "-"]
        assert all(float(tick).is_integer() for tick in ax.get_xticks())


def test_learning_by_set_has_a_panel_a_set_and_a_line_a_cell(curves):
    picture = plots.learning_by_set(curves, ("none", "C-1", "H-1"))
    panels = picture.axes
    assert [panel.get_suptitle().partition(":")[0] for panel in picture.panels] == ["a", "b"]
    for ax, name in zip(panels, "ab"):
        table = speeds.band(curves[curves["dataset"] == name])
        for cell, (epochs, values) in zip(("none", "C-1", "H-1"), lines(ax)):
            part = table[table["alteration"] == cell]
            assert (epochs, values) == (part["epoch"].tolist(), pytest.approx((100 * part["mean"]).tolist()))
    assert [text.get_text() for text in panels[0].get_legend().get_texts()] == ["unaltered", "C-1  c∘o", "H-1  c∘h"]


def test_no_curve_gives_an_empty_picture(curves):
    nothing = curves.iloc[:0]
    for fig in (
        plots.learning_curves(nothing, nothing),
        plots.learning_curves(curves.query("alteration == 'none'"), nothing),
        plots.learning_curves(curves.query("alteration == 'C-1'"), nothing),
        plots.learning_by_set(nothing),
    ):
        assert [text.get_text() for text in fig.axes[0].texts] == ["nothing on record yet"]


def test_a_curve_of_an_alteration_is_what_its_formula_makes_of_the_state():
    picture = plots.alteration_curves(["none", "C-5", "H-2", "c = 2 * c"])
    assert [panel.get_suptitle() for panel in picture.panels] == ["C-5  c∘σ(o)", "H-2  h∘σ(c)", "c = 2 * c"]
    c = picture.axes[0].lines[-1].get_xdata()
    h, half = 0.5 * np.tanh(c), np.full_like(c, 0.5)
    for ax, expected in zip(picture.axes, (c / (1 + np.exp(-0.5)), h / (1 + np.exp(-c)), 2 * c)):
        assert ax.lines[-1].get_ydata() == pytest.approx(expected)
    values = {"i": half, "f": half, "o": half, "g": c, "c": c, "h": h, "c_prev": c, "h_prev": h}
    assert all(np.isfinite(alteration(cell).apply(NUMPY, **values)[0]).all() for cell in TABLE_1)


def panels_of(piece) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(text) for text in re.findall(r"<svg.*?</svg>", piece.data, re.S)]


SVG = "{http://www.w3.org/2000/svg}"


def test_a_picture_is_svg_that_a_phone_shows_unscaled_and_a_screen_reader_reads(results, curves):
    cells = multiple.cells(results)
    for picture in (
        maps.verdict_map(cells), maps.forest(cells), plots.paired_differences(results[results["dataset"] == "hate"]), plots.alteration_curves(),
        plots.learning_curves(curves[curves["dataset"] == "a"], curves), plots.learning_by_set(curves), plots.nothing(),
        maps.score_against_gradient(cells, {"none": 0.04, "C-1": 0.001}), plots.average_ranks(multiple.ranks(results), 1.0), plots.paper_against_ours(comparison.against_paper(results)),
    ):  # fmt: skip
        piece = show.figure(picture, "a <caption>")
        drawn = panels_of(piece)
        assert len(drawn) == len(picture.panels) and "a &lt;caption&gt;" in piece.data and "<image" not in piece.data
        assert len(re.findall(r' id="[^"]+"', piece.data)) == len(set(re.findall(r' id="[^"]+"', piece.data)))
        known = set(re.findall(r' id="([^"]+)"', piece.data))
        assert set(re.findall(r'(?:url\(#|href="#|labelledby=")([^)"]+)', piece.data)) <= known
        for panel in drawn:
            assert int(panel.get("width")) <= 322 and len(panel.find(f"{SVG}title").text) > 20
            assert panel.get("aria-labelledby") == panel.find(f"{SVG}title").get("id")
            texts = list(panel.iter(f"{SVG}text"))
            assert not any("$" in "".join(text.itertext()) for text in texts)
            sizes = [float(re.search(r"font-size: ([\d.]+)px", text.get("style"))[1]) * 4 / 3 for text in texts]
            assert texts and min(sizes) >= 9, sizes  # pixels on the screen
    words = [text.text for text in panels_of(show.figure(maps.verdict_map(cells), ""))[0].iter(f"{SVG}text")]
    assert "C-1  c∘o" in words and "hate" in words and any("▲" in word for word in words)


def test_what_a_picture_draws_is_drawn_the_same_twice_and_small(results):
    both = [re.sub(r"p\d+-", "p-", show.figure(maps.forest(multiple.cells(results)), "").data) for _ in range(2)]
    assert both[0] == both[1] and len(both[0]) < 30_000


def test_hostile_and_foreign_names_are_text_in_a_picture_and_nobody_is_warned(results, recwarn):
    odd = "a$\\frac$ <b> 日本 🙂"
    piece = show.figure(maps.forest(multiple.cells(results.replace({"dataset": {"mlma": odd}}))), odd)
    *_, panel = panels_of(piece)
    assert odd in "".join(panel.itertext()) and "<b>" not in piece.data and not [w for w in recwarn if "Glyph" in str(w.message)]


def test_a_number_that_is_read_is_not_rounded_as_one_that_is_drawn():
    figure = Figure(figsize=(2, 2))
    figure.text(0.123456, 0.5, "0.00012 and 3.14159")
    [panel] = panels_of(show.figure(figure, "caption", "two numbers, each with all of its decimals"))
    [text] = panel.iter(f"{SVG}text")
    assert text.text == "0.00012 and 3.14159" and len(text.get("x")) <= 6


def test_a_plain_figure_is_a_picture_too():
    figure = Figure(figsize=(2, 2))
    figure.subplots().plot([1, 2])
    [panel] = panels_of(show.figure(figure, "caption", "a line that rises from one to two"))
    assert panel.find(f"{SVG}title").text == "a line that rises from one to two"


@pytest.mark.parametrize(
    "cell, plain, latex",
    [("C-4", "c + c∘h", r"c + c \circ h"), ("C-12", "h∘tanh(c)", r"h \circ \tanh(c)"), ("H-3", "c∘σ(h)", r"c \circ \sigma(h)"), ("none", "", ""), ("c = c * o", "", ""),
     ("C-12+H-2", "h∘tanh(c), h∘σ(c)", r"h \circ \tanh(c),\ h \circ \sigma(c)"), ("O-1", "o∘σ(c_prev)", r"o \circ \sigma(c_{t-1})"), ("G-2", "g∘σ(g)", r"\tilde{c} \circ \sigma(\tilde{c})")],
)  # fmt: skip
def test_the_formula_beside_an_id(cell, plain, latex):
    assert (formulas.plain(cell), formulas.latex(cell)) == (plain, latex)


def test_every_id_has_its_formula_and_is_found_in_a_text():
    assert all(formulas.plain(cell) and formulas.latex(cell) and "_t" not in formulas.latex(cell) for cell in TABLE_1)
    assert formulas.ID.findall("C-1, (C-12), H-2; not AC-1, C-13, C-1-x or C-0") == ["C-1", "C-12", "H-2"]
    assert formulas.ID.findall("C-1+H-2, O-1 and C-1+H-9; not O-4, C-12+H-6") == ["C-1+H-2", "O-1"]
    assert formulas.name("C-12+H-2") == "C-12+H-2\nh∘tanh(c), h∘σ(c)" and formulas.name("O-1") == "O-1  o∘σ(c_prev)"
    text = show.with_formulas("C-1 and <b>, then C-1 again")
    assert text.count("<math>") == 1 and "C-1 (<math>" in text and "&lt;b&gt;, then C-1 again" in text


# === Names that no font here has, or that mathematics would read ===

NAMES = (
    "😂",
    "悲しみ",
    "गुस्सा",
    "a$\\frac{1}{0}$b",
    "$x$",
    "\x07 bell",
    "a very long name of a class that goes on, one",
    "a very long name of a class that goes on, two",
)


def drawn(picture):
    """The texts of a picture as its SVG has them; a warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        html = show.figure(picture, "caption").data
    return re.findall(r"<text[^>]*>([^<]*)</text>", html)


def test_odd_class_names_are_drawn_as_they_are_and_told_apart():
    labels = np.eye(8, dtype=np.uint8)[np.arange(16) % 8]
    texts = tuple(f"robots lift heavy boxes {'again ' * (n % 3)}number{n}" for n in range(16))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        picture = plots.classes_and_lengths(prepare(Dataset("a$\\frac$", texts, labels, NAMES), Preparation(min_words=1, min_tokens=1)))
    found = drawn(picture)
    assert {"😂", "悲しみ", "गुस्सा", "a$\\frac{1}{0}$b", "$x$", "\\x07 bell"} <= set(found)
    assert len({text for text in found if text.startswith("a very long name")}) == 2


@pytest.mark.parametrize("draw", [maps.verdict_map, maps.forest])
def test_odd_names_of_sets_are_drawn_as_they_are(draw):
    name, other = "a$\\frac$ 😂", "a$\\frac$ 悲"
    results = study({name: {"C-1": 3.0}, other: {"C-1": -3.0}}, (name, other))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        picture = draw(multiple.cells(results))
    assert {name, other} <= set(drawn(picture))
