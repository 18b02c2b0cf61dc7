"""Settings and the plan that follows from them: presets, wrong parameters, which rows, which keys."""

from dataclasses import replace

import pytest

from lstmcs import ALTERATIONS
from lstmcs.study.plan import Settings, plan


def test_presets_and_defaults():
    assert Settings().alterations == tuple(ALTERATIONS) and Settings().folds == 10
    assert [(Settings(p).runs, Settings(p).folds) for p in ("smoke", "quick", "standard", "paper")] == [(1, 2), (1, 10), (3, 10), (10, 10)]
    assert len(plan(Settings("paper")).folds) == 19 * 100  # 17 alterations, the unaltered cell, and it again with other seeds
    assert Settings(alterations=("H-2",)).alterations == ("none", "H-2")  # the comparison is always with "none"
    assert Settings(alterations="C-1, none C-1").alterations == ("none", "C-1")
    assert Settings(alterations="none | c = clip(c, -1, 1) | c=c*o").alterations == ("none", "c = clip(c, -1, 1)", "C-1")
    again = Settings.of(**Settings(preset="smoke", datasets="robo hate").parameters())
    assert again == Settings(preset="smoke", datasets=("robo", "hate"))


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
        ({"models": []}, "models is empty"),
        ({"checkpoint": None}, "checkpoint must be a name or a folder, not None"),
    ],
)
def test_wrong_settings_stop_before_anything(parameters, says):
    with pytest.raises(ValueError) as error:
        Settings.of(**parameters)
    assert says in str(error.value)


@pytest.mark.parametrize(
    "change",
    [{"preset": "smoke"}, {"datasets": ["robo"], "seed": 1}, {"alterations": ["C-1"]}, {"runs": 2}, {"folds": 3}, {"reseeds": 2}],
)
def test_every_parameter_changes_the_plan(change):
    assert plan(Settings.of(**change)).folds != plan(Settings()).folds


def test_reseeds_add_rows_and_leave_every_other_key_alone():
    without, two = plan(Settings(reseeds=0)), plan(Settings(reseeds=2))
    assert Settings("smoke").reseeds == 0 and Settings().reseeds == Settings("paper").reseeds == 1
    assert not any("repeat" in fold.config for fold in without.folds)
    keys, more = {fold.key for fold in without.folds}, {fold.key: fold for fold in two.folds}
    added = [fold for key, fold in more.items() if key not in keys]
    assert keys < set(more) and sorted(fold.reseed for fold in added) == sorted(fold.config["repeat"] for fold in added) == 10 * [
        1
    ] + 10 * [2]
    assert {fold.alteration for fold in added} == {"none"} and {fold.cell for fold in added} == {"reseed-1", "reseed-2"}
    assert {replace(fold, reseed=0).key for fold in added} < keys  # but for that the unaltered cell's


def test_models_and_their_rows():
    cells = ("none", "C-1", "C-2", "H-2")
    settings = Settings(alterations=cells, models="lstm simple,tfidf", folds=1, reseeds=1)
    rows = [(fold.model, fold.cell) for fold in plan(settings).folds]
    assert rows == [("lstm", c) for c in (*cells, "reseed-1")] + [("simple", c) for c in cells] + [("tfidf", "none")]
    every = plan(Settings(models=["simple"], folds=1)).folds  # of all 18: those of Tables 12 and 15
    assert [fold.cell for fold in every] == ["none", "C-1", "H-2"]
    alone = {fold.key for fold in plan(Settings(alterations=cells, folds=1)).folds}
    assert alone == {fold.key for fold in plan(settings).folds if fold.model == "lstm"}  # other models change no key
    padded = plan(Settings(models=["tfidf"], folds=1, padding="mask")).folds
    assert padded == plan(Settings(models=["tfidf"], folds=1)).folds  # what does not matter to a model is not in its key


def test_a_plan_costs_no_preparation_and_its_data_are_prepared_once(monkeypatch):
    prepared = []
    monkeypatch.setattr("lstmcs.study.plan.prepare", lambda dataset: prepared.append(dataset.name) or dataset)
    work = plan(Settings())
    assert not prepared and work.data["robo"] is work.data["robo"] and prepared == ["robo"]
    assert work.folds == plan(Settings()).folds and len({fold.key for fold in work.folds}) == len(work.folds) == 190
