"""Pictures of several sets: what they show is read back from the axes and held against the figures they were made of."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from made_up import study

from lstmcs.paper import comparison
from lstmcs.report import plots
from lstmcs.stats import curves as speeds
from lstmcs.stats import multiple

EFFECTS = {"hate": {"C-1": 3.0, "H-2": 0.0}, "mlma": {"C-1": -3.0, "reseed-1": 0.0}}


@pytest.fixture
def results():
    yield study(EFFECTS, ("hate", "mlma"))
    plt.close("all")


def test_the_map_has_a_number_and_a_sign_for_what_is_on_record_and_nothing_else(results):
    ax = plots.verdict_map(multiple.cells(results)).axes[0]
    shown = [text.get_text() for text in ax.texts]
    # row by row; H-2 is on hate alone, reseed-1 on mlma alone
    assert [text[-1:] for text in shown] == ["▲", "▼", "=", "="]
    assert [float(text.split()[0]) for text in shown[:2]] == pytest.approx([3.0, -3.0], abs=0.15)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["C-1", "H-2", "same cell, other seeds"]
    assert ax.get_title(loc="left").endswith("✗ failed  blank: not on record")
    whole = multiple.cells(results[results["alteration"].isin(["none", "C-1"])])
    assert plots.verdict_map(whole).axes[0].get_title(loc="left").endswith("✗ failed")


def test_a_cell_whose_folds_all_failed_has_a_cross(results):
    results.loc[(results["dataset"] == "mlma") & (results["alteration"] == "C-1"), "state"] = "failed"
    ax = plots.verdict_map(multiple.cells(results)).axes[0]
    [cross] = [text for text in ax.texts if text.get_text() == "✗"]
    assert cross.get_position() == (1.5, 0.5)  # second set, first row
    assert len(ax.texts) == 4  # hate's C-1 and H-2, mlma's reseed-1


def test_the_forest_draws_each_interval_in_its_sets_panel(results):
    cells = multiple.cells(results)
    axes = plots.forest(cells).axes
    assert [ax.get_title(loc="left") for ax in axes] == ["hate", "mlma"]
    for ax in axes:
        rows = cells[(cells["dataset"] == ax.get_title(loc="left")) & (cells["folds"] > 0)]
        drawn = [tuple(line.get_xdata()) for line in ax.lines if len(line.get_xdata()) == 2][1:]  # the first is the zero line
        assert drawn == [pytest.approx((row.low, row.high)) for row in rows.itertuples()]


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
    plots.verdict_map(multiple.cells(nothing))
    plots.forest(multiple.cells(nothing).assign(low=[], high=[]))
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
    yield pd.DataFrame(rows)
    plt.close("all")


def lines(ax):
    """What is drawn as lines, in percent: a pair of x and y each."""
    return [(line.get_xdata().tolist(), line.get_ydata().tolist()) for line in ax.lines]


def test_learning_curves_are_the_means_and_bands_of_the_folds(curves):
    mine = curves[curves["dataset"] == "a"]
    read = mine[mine["epoch"] == mine["fold"]].assign(state="done")  # fold 1 is read at epoch 1, ...
    read.loc[(read["alteration"] == "C-1") & (read["fold"] == 4), "epoch"] = np.nan  # a failed one at none
    fig = plots.learning_curves(mine, read)
    panels = [ax for ax in fig.axes if ax.axison]
    assert [ax.get_title(loc="left") for ax in panels] == ["C-1", "H-1", "same cell, other seeds"]
    table = speeds.band(mine)
    for ax, cell in zip(panels, ("C-1", "H-1", "reseed-1")):
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
    panels = plots.learning_by_set(curves, ("none", "C-1", "H-1")).axes
    assert [ax.get_title(loc="left") for ax in panels] == ["a", "b"]
    for ax, name in zip(panels, "ab"):
        table = speeds.band(curves[curves["dataset"] == name])
        for cell, (epochs, values) in zip(("none", "C-1", "H-1"), lines(ax)):
            part = table[table["alteration"] == cell]
            assert (epochs, values) == (part["epoch"].tolist(), pytest.approx((100 * part["mean"]).tolist()))
    assert [text.get_text() for text in panels[0].get_legend().get_texts()] == ["none", "C-1", "H-1"]


def test_no_curve_gives_an_empty_picture(curves):
    nothing = curves.iloc[:0]
    for fig in (
        plots.learning_curves(nothing, nothing),
        plots.learning_curves(curves.query("alteration == 'none'"), nothing),
        plots.learning_curves(curves.query("alteration == 'C-1'"), nothing),
        plots.learning_by_set(nothing),
    ):
        assert [text.get_text() for text in fig.axes[0].texts] == ["nothing on record yet"]
