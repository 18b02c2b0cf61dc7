"""Settings and the plan that follows from them: presets, wrong parameters, which rows, which keys."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from made_up import records_of

from lstmcs import ALTERATIONS
from lstmcs.datasets import registry
from lstmcs.errors import EditionError, SettingsError
from lstmcs.metrics import METRICS
from lstmcs.models import kinds
from lstmcs.paper import baselines
from lstmcs.report import wording
from lstmcs.study.plan import PRESETS, TRAINING, Settings, plan

ROOT = Path(__file__).resolve().parent.parent

#: What may be varied of a training, each off its default.
VARIED = {
    "epochs": 7,
    "learning_rate": 0.01,
    "batch_size": 8,
    "embedding": 16,
    "units": 12,
    "dropout": 0.0,
    "patience": 3,
    "rule": "epoch=4",
}


def test_presets_and_defaults():
    sizes = {name: (Settings(name).runs, Settings(name).folds) for name in PRESETS}
    assert sizes == {"start": (1, 10), "smoke": (1, 2), "quick": (1, 10), "standard": (3, 10), "paper": (10, 10)}
    assert Settings().preset == "start" and Settings().alterations == ("none", "C-1", "C-4", "H-1", "H-2", "H-3") == kinds.START
    assert all(Settings(name).alterations == tuple(ALTERATIONS) for name in ("quick", "standard", "paper"))
    assert len(plan(Settings()).folds) == (7 + 2) * 10  # a row more: the unaltered cell with other seeds; and the plain references
    assert len(plan(Settings("paper")).folds) == (19 + 2) * 100  # 17 alterations, the unaltered cell, and it again with other seeds
    assert all(Settings(name).models == ("lstm", "constant", "tfidf") for name in PRESETS if name != "smoke")
    assert [Settings("smoke", models=nothing).models for nothing in ((), [], " ", None)] == [("lstm",)] * 4
    assert Settings("smoke", models="constant").models == Settings(models=["constant"]).models == ("constant",)
    assert Settings(alterations=("H-2",)).alterations == ("none", "H-2")  # the comparison is always with "none"
    assert Settings(alterations="C-1, none C-1").alterations == ("none", "C-1")
    assert Settings(alterations="none | c = clip(c, -1, 1) | c=c*o").alterations == ("none", "c = clip(c, -1, 1)", "C-1")
    again = Settings.of(**Settings(preset="smoke", datasets="robo hate").parameters())
    assert again == Settings(preset="smoke", datasets=("robo", "hate"))
    assert Settings.of(**Settings.of(**VARIED).parameters()) == Settings.of(**VARIED) == replace(Settings(), **VARIED)
    assert Settings(learning_rate=1, dropout=0).given("learning_rate", "dropout", "units") == {"learning_rate": 1.0, "dropout": 0.0}


def first(**settings):
    return plan(Settings.of(**settings)).folds[0]


def test_what_is_trained_by_default_and_what_may_be_varied():
    """The values reach the fold's configuration, and none of them changes anything else in it."""
    usual = first()
    assert usual.training == {"epochs": registry.entries()["robo"]["epochs"], "batch_size": 32, "learning_rate": 0.001}
    assert usual.sizes == kinds.LSTM == {"embedding": 256, "units": 104, "dropout": 0.2} and usual.padding == "fixed"
    varied = first(**VARIED)
    assert varied.training == {"epochs": 7, "batch_size": 8, "learning_rate": 0.01, "patience": 3}
    assert varied.sizes == {"embedding": 16, "units": 12, "dropout": 0.0}
    assert replace(varied, training=usual.training, sizes=usual.sizes) == usual
    assert first(**VARIED, models="simple").sizes == varied.sizes | kinds.ENCODER


def test_the_last_epoch_is_the_arguments_the_presets_the_data_sets_or_the_most(tmp_path):
    own = tmp_path / "own.csv"
    own.write_text("text,label\n" + "".join(f"the quick brown fox jumps {n % 2},{n % 2}\n" for n in range(20)))
    assert first(datasets=[str(own)]).training["epochs"] == TRAINING["epochs"] == 40
    assert first(datasets=[str(own)], epochs=3).training["epochs"] == first(epochs=3).training["epochs"] == 3
    assert first(preset="smoke").training["epochs"] == 1 and first(preset="smoke", epochs=2).training["epochs"] == 2


@pytest.mark.parametrize("name", VARIED)
def test_each_value_that_is_varied_is_another_record_but_for_the_rule(name):
    """Which epoch is read is decided when it is read: the same records, other scores."""
    usual, other = plan(Settings(models="lstm")), plan(Settings.of(models="lstm", **{name: VARIED[name]}))
    keys, others = ({fold.key for fold in work.folds} for work in (usual, other))
    assert len(keys) == len(others) == 70
    assert keys == others if name == "rule" else not keys & others
    assert {fold.build for fold in usual.folds} & {fold.build for fold in other.folds} == (
        {fold.build for fold in usual.folds} if name == "rule" else set()
    )


def test_what_is_varied_is_no_matter_of_models_that_read_no_ids():
    """A BERT's training is an option of its checkpoint, the plain references have none."""
    varied = {name: value for name, value in VARIED.items() if name != "rule"}
    for model in ("tfidf", "constant"):
        assert plan(Settings(models=[model])).folds == plan(Settings.of(models=[model], **varied)).folds


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"prest": "quick"}, "unknown parameter 'prest' (did you mean 'preset'?)"),
        ({"preset": "quik"}, "did you mean 'quick'"),
        ({"reseeds": -1}, "reseeds must be a whole number from 0 to 17, not -1"),
        ({"runs": 0}, "runs must be a whole number from 1 to 1000, not 0"),
        ({"folds": 11}, "folds must be a whole number from 1 to 10"),
        ({"folds": 2.5}, "folds must be"),
        ({"workers": -1}, "workers must be"),
        ({"seed": True}, "seed must be"),
        ({"datasets": []}, "datasets is empty"),
        ({"datasets": 3}, "datasets must be a list of names"),
        ({"alterations": ["C-1", "C-77"]}, "unknown alteration 'C-77'"),
        ({"models": ["lstm", "brt"]}, "unknown model 'brt' (did you mean 'bert'?)"),
        ({"models": 3}, "models must be a list of names, not 3"),
        ({"checkpoint": None}, "checkpoint must be a name or a folder, not None"),
        ({"rule": "bset"}, "unknown rule 'bset' (did you mean 'best'?); rules are best, loss, accuracy, last, paper, epoch=k"),
        ({"rule": "epoch=0"}, "unknown rule 'epoch=0'"),
        ({"rule": None}, "unknown rule None"),
        ({"epoch": 3}, "unknown parameter 'epoch' (did you mean 'epochs'?)"),
        ({"learning_rte": 0.1}, "did you mean 'learning_rate'?"),
    ],
)
def test_wrong_settings_stop_before_anything(parameters, says):
    with pytest.raises(ValueError) as error:
        Settings.of(**parameters)
    assert says in str(error.value)


EDITIONS = ROOT / "reports"


def test_an_edition_is_shown_as_it_is_and_found_from_anywhere(tmp_path, monkeypatch):
    """Data sets, cells, models and runs that nobody names are those that it holds, not the defaults of a study to be trained."""
    monkeypatch.chdir(tmp_path)  # a notebook's folder, say
    for name in ("first-edition", "second-edition"):
        tidy = pd.read_parquet(EDITIONS / name / "results.parquet", columns=["dataset", "model", "alteration", "run"])
        settings = Settings(records_dir=f"reports/{name}/results.parquet")
        assert set(settings.datasets) == set(tidy["dataset"]) and set(settings.models) == set(tidy["model"])
        assert set(settings.alterations) == set(tidy["alteration"]) & set(ALTERATIONS)
        assert settings.runs == tidy["run"].max() and not settings.train
        assert Settings.of(**settings.parameters()) == settings
        assert len(plan(settings).results()) == len(tidy)
    one = Settings(records_dir="reports/second-edition/results.parquet", datasets=["hasoc"], alterations=["C-1"], runs=1)
    assert (one.datasets, one.alterations, one.runs) == (("hasoc",), ("none", "C-1"), 1)
    assert (Settings().datasets, Settings().models, Settings().seed) == (("robo",), kinds.MODELS, 0)
    with pytest.raises(EditionError) as problem:
        Settings(records_dir="reports/secnd-edition/results.parquet")
    said, known = str(problem.value).split("; the editions of this project are ")
    assert said == "no such file: reports/secnd-edition/results.parquet (did you mean 'reports/second-edition/results.parquet'?)"
    assert {f"reports/{name}/results.parquet" for name in ("first-edition", "second-edition", "protocols", "beyond")} <= set(
        known.split(", ")
    )


CELL = 'preset = "start"\ndatasets = ["robo"]\nepochs = None'


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([CELL, "# Parameters\nepoch = 3\n"], "unknown parameter 'epoch' (did you mean 'epochs'?)"),
        ([CELL, "# Parameters\nepochs = 3\n"], None),
        ([CELL, "# Parameters\npadding = 'mask'\n"], None),  # no parameter that this notebook names, and one of a study
        ([CELL + "\nepohcs = 3"], "unknown parameter 'epohcs' (did you mean 'epochs'?)"),
        ([CELL + "\nepohcs = 3", CELL], None),  # mended, and run again
        ([CELL, "x = 3", "import os\nepoch = 3", "%matplotlib inline", "a, b = 1, 2", "x.y = 1", "f(3)"], None),
        ([], None),
    ],
)
def test_a_notebook_refuses_a_parameter_that_it_does_not_have(cells, says):
    """From what was run in it: its cell of parameters, and the one that papermill puts behind it."""
    names = {"In": ["", *cells], "preset": "smoke", "epochs": 2, "display": print}
    if says is None:
        assert Settings.named(names) == Settings(preset="smoke", epochs=2)
        return
    with pytest.raises(SettingsError) as error:
        Settings.named(names)
    assert says in str(error.value)


RANGES = {
    "epochs": "a whole number from 1 to 1000", "batch_size": "a whole number from 1 to 4096", "embedding": "a whole number from 1 to 4096",
    "units": "a whole number from 1 to 4096", "patience": "a whole number from 1 to 1000", "learning_rate": "a number from 1e-07 to 1",
    "dropout": "a number from 0 to 0.95",
}  # fmt: skip


@pytest.mark.parametrize("name", RANGES)
def test_a_value_out_of_its_range_is_one_error_that_names_the_range(name):
    whole = "whole" in RANGES[name]
    words = RANGES[name].split()
    low, high = float(words[-3]), float(words[-1])
    for value in (int(low), int(high)) if whole else (low, high):
        assert getattr(Settings.of(**{name: value}), name) == value
    outside = [
        low - 1 if whole else -1e-9,
        high + 1 if whole else high * 1.01,
        -1,
        10**400,
        float("nan"),
        float("inf"),
        "3",
        "",
        True,
        [3],
        {},
    ]
    for value in [int(v) if whole and isinstance(v, float) and v == v and abs(v) < 1e9 else v for v in outside] + ([2.5] if whole else []):
        with pytest.raises(SettingsError) as error:
            Settings.of(**{name: value})
        assert str(error.value) == f"{name} must be {RANGES[name]}, not {value!r}"


@pytest.mark.parametrize(
    "change",
    [
        {"preset": "smoke"},
        {"preset": "quick"},
        {"datasets": ["robo"], "seed": 1},
        {"alterations": ["C-1"]},
        {"runs": 2},
        {"folds": 3},
        {"reseeds": 2},
    ],
)
def test_every_parameter_changes_the_plan(change):
    assert plan(Settings.of(**change)).folds != plan(Settings()).folds


def test_reseeds_add_rows_and_leave_every_other_key_alone():
    without, two = plan(Settings(reseeds=0)), plan(Settings(reseeds=2))
    assert Settings("smoke").reseeds == 0 and Settings().reseeds == Settings("paper").reseeds == 1
    assert not any({"repeat", "reseed"} & set(fold.config) for fold in without.folds)
    keys, more = {fold.key for fold in without.folds}, {fold.key: fold for fold in two.folds}
    added = [fold for key, fold in more.items() if key not in keys]
    numbers = 10 * [1] + 10 * [2]
    assert keys < set(more) and sorted(fold.reseed for fold in added) == sorted(fold.config["reseed"] for fold in added) == numbers
    assert {fold.alteration for fold in added} == {"none"} and {fold.cell for fold in added} == {"reseed-1", "reseed-2"}
    assert {replace(fold, reseed=0).key for fold in added} < keys  # but for that the unaltered cell's


def test_models_and_their_rows():
    cells = ("none", "C-1", "C-2", "H-2")
    settings = Settings(alterations=cells, models="lstm simple,tfidf", folds=1, reseeds=1)
    rows = [(fold.model, fold.cell) for fold in plan(settings).folds]
    assert rows == [("lstm", c) for c in (*cells, "reseed-1")] + [("simple", c) for c in cells] + [("tfidf", "none")]
    every = plan(Settings(preset="quick", models=["simple"], folds=1)).folds  # of all 18: those of Tables 12 and 15
    assert [fold.cell for fold in every] == ["none", "C-1", "H-2"]
    assert [fold.cell for fold in plan(Settings(models=["simple"], folds=1)).folds] == list(kinds.START)
    alone = {fold.key for fold in plan(Settings(alterations=cells, models="lstm", folds=1)).folds}
    assert alone == {fold.key for fold in plan(settings).folds if fold.model == "lstm"}  # other models change no key
    padded = plan(Settings(models=["tfidf"], folds=1, padding="mask")).folds
    assert padded == plan(Settings(models=["tfidf"], folds=1)).folds  # what does not matter to a model is not in its key


def test_the_trainings_of_a_plan_are_a_frame(home):
    """Before anything is trained, and with what is on record since; a model without epochs has none."""
    work = plan(Settings(preset="smoke", models=["lstm", "constant"]))
    table = work.frame()
    assert list(table["state"].unique()) == ["missing"] and len(table) == len(work.folds) == 8
    assert [tuple(row) for row in table.query("model == 'lstm'")[["alteration", "fold"]].to_numpy()] == [
        (cell, fold) for cell in ("none", "C-1", "H-2") for fold in (1, 2)
    ]
    assert set(table.query("model == 'lstm'")["epochs"]) == {1} and table.query("model == 'constant'")["epochs"].isna().all()
    records_of(work, all_but=2)
    assert work.frame()["state"].tolist() == ["done"] * 6 + ["missing"] * 2
    assert wording.origin(work, table) == "Of 8 planned folds 0 read from record, 6 trained now, 2 missing."
    assert wording.origin(work, work.frame()) == "Of 8 planned folds 6 read from record, 0 trained now, 2 missing."
    assert wording.origin(work, table.query("model == 'lstm'")) == "Of 6 planned folds 0 read from record, 6 trained now."
    edition = plan(
        Settings(records_dir="reports/second-edition/results.parquet", datasets=["hasoc"], alterations=["C-1"], reseeds=0, models=["lstm"])
    )
    assert wording.origin(edition, edition.frame()) == "Read from record: 60 of 60 planned folds, of second-edition/results.parquet."


def test_a_plan_costs_no_preparation_and_its_data_are_prepared_once(monkeypatch):
    prepared = []
    monkeypatch.setattr("lstmcs.study.plan.prepare", lambda dataset: prepared.append(dataset.name) or dataset)
    work = plan(Settings())
    assert not prepared and work.data["robo"] is work.data["robo"] and prepared == ["robo"]
    assert work.folds == plan(Settings()).folds and len({fold.key for fold in work.folds}) == len(work.folds) == 90


def test_the_rules_that_are_set_beside_each_other():
    """Of the second edition: the settings' rule first, and the paper's, whose epochs are those nearest to the Baseline rows."""
    edition = ROOT / "reports" / "second-edition" / "results.parquet"
    work = plan(Settings(datasets=("hasoc", "semeval"), runs=2, rule="last", records_dir=str(edition)))
    assert list(work.results_by_rule()) == ["last", "best", "loss", "accuracy", "paper"]
    curves = work.curves().query("alteration == 'none'")
    for name, epoch in work.epochs_of_paper().items():
        theirs = baselines().loc[name]
        means = curves[curves["dataset"] == name].groupby("epoch")[[f"val_{metric}" for metric in METRICS]].mean()
        far = {e: abs(100 * row.to_numpy() - theirs.to_numpy()).mean() for e, row in means.iterrows()}
        assert epoch == min(far, key=far.get) and registry.entries()[name]["baseline"] == theirs.to_dict()
        assert set(work.results(rule="paper").query("dataset == @name and model == 'lstm'")["epoch"]) == {epoch}
    assert set(work.epochs_of_paper()) == {"hasoc", "semeval"}
