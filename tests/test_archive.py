"""An edition: the records of a study as one file, from which the same pages are made; and back to records."""

import json
import os
import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import answer
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from made_up import records_of

from lstmcs import ALTERATIONS, load_dataset
from lstmcs.__main__ import main
from lstmcs.errors import DataError, EditionError
from lstmcs.fold import Fold, is_reseed, label
from lstmcs.report import depends, pages, run
from lstmcs.rules import RULES
from lstmcs.stats import multiple, single
from lstmcs.study import archive, records, worker
from lstmcs.study.archive import Archive, store
from lstmcs.study.plan import Settings, plan

ROOT = Path(__file__).parent.parent
COMMITTED, SECOND = (ROOT / "reports" / f"{name}-edition" / "results.parquet" for name in ("first", "second"))
NOTEBOOKS = run.notebooks()
COLUMNS = {"accuracy": "Accuracy", "macro_f1": "Macro F1", "micro_f1": "Micro F1", "weighted_f1": "Weighted F1"}


@pytest.fixture
def work(home):
    """A study of two runs with one fold missing and one failed."""
    work = plan(Settings(datasets=["robo"], alterations=["C-1"], models=["lstm", "tfidf", "constant"], runs=2, folds=3))
    records_of(work, all_but=1)
    record = {"state": "failed", "error": {"type": "Diverged", "message": "loss is nan in epoch 1"}, "env": {}}
    work.store.file(work.folds[0]).unlink()
    work.store.write(work.folds[0], record, {})
    return work


@pytest.fixture
def file(work, home):
    file = home / "edition" / "results.parquet"
    assert main(["records", "export", str(file)]) == 0
    return file


def as_edition(work, file):
    return plan(Settings.of(**work.settings.parameters() | {"records_dir": str(file)}))


def test_it_says_what_the_records_say(work, file):
    other = as_edition(work, file)
    assert [fold.key for fold in other.folds] == [fold.key for fold in work.folds]
    assert list(other.states().values()) == list(work.states().values()) and set(other.states().values()) == {"done", "failed", "missing"}
    pd.testing.assert_frame_equal(other.results(), work.results())
    pd.testing.assert_frame_equal(other.curves(), work.curves())
    for rule in (*RULES, "epoch=1"):
        pd.testing.assert_frame_equal(other.results(rule=rule), work.results(rule=rule))
    best, last = other.results(), other.results(rule="last")
    assert (best["epoch"].dropna() < last["epoch"].dropna()).any() and not best["macro_f1"].equals(last["macro_f1"])
    loose, packed = (store(place).rows().sort_values("key", ignore_index=True) for place in (work.store.path, file))
    pd.testing.assert_frame_equal(packed, loose)
    tidy = pd.read_parquet(file)  # readable without this package, too
    assert len(tidy) == len(work.folds) - 1 and tidy["macro_f1"].notna().all() and tidy["macro_f1"].min() == 0  # what diverged scores 0
    assert tidy["macro_f1"].max() == work.results()["macro_f1"].max()
    assert Archive(file).extent() == {
        "datasets": ["robo"], "models": ["lstm", "tfidf", "constant"], "alterations": ["none", "C-1"], "folds": 3, "runs": 2, "seed": 0,
    }  # fmt: skip


def test_its_cells_are_those_that_it_holds(home):
    """More than a first study has: all of Table 1 are shown, without a word on the command line."""
    for number, cells in enumerate((["C-1"], ["C-1", "C-2"], ["C-2", "c = 0.9 * c"])):
        work = plan(Settings(alterations=cells, folds=1, reseeds=0))
        folder = home / f"r{number}"
        records_of(plan(Settings(alterations=cells, folds=1, reseeds=0, records_dir=str(folder))))
        file = home / f"{number}.parquet"
        assert main(["records", "export", str(file), "--records-dir", str(folder)]) == 0
        settings = Settings.of(**Archive(file).extent())
        assert set(cells) <= set(settings.alterations) and settings.preset == ("quick" if number == 1 else "start")
        assert {fold.cell for fold in work.folds} <= set(settings.alterations)
    settings = Settings.of(**Archive(COMMITTED).extent())
    assert settings.preset == "quick" and settings.alterations == tuple(ALTERATIONS)


def test_its_models_are_those_that_it_holds(work, file):
    """Empty means these, in the order of their table, and not the preset's; those that are named stay."""
    assert Settings(records_dir=str(file)).models == Settings("smoke", records_dir=str(file)).models == ("lstm", "tfidf", "constant")
    assert Settings(records_dir=str(file), models=["simple"]).models == ("simple",)
    held = Settings(records_dir=str(COMMITTED))
    assert set(held.models) == {head["config"]["model"] for head in Archive(COMMITTED).heads()} and held.models[0] == "lstm"


def test_it_is_found_again_whatever_the_study_was(home):
    """Seed, own formulas and rows with other seeds are read from the edition: nothing need be repeated on the command line."""
    asked = {"datasets": ["robo"], "alterations": ["C-1", "c = 0.9 * c"], "folds": 2, "seed": 7, "reseeds": 3}
    work = plan(Settings(**asked))
    records_of(work)
    assert main(["records", "export", str(home / "x.parquet")]) == 0
    other = plan(Settings.of(**Archive(home / "x.parquet").extent() | {"folds": 2, "records_dir": str(home / "x.parquet")}))
    assert sorted(fold.key for fold in other.folds) == sorted(fold.key for fold in work.folds)
    pd.testing.assert_frame_equal(other.results(), work.results())


def test_more_runs_of_one_set_leave_the_others_whole(home):
    """More runs where they buy most: the sets and models with fewer are complete, not half missing."""
    own = home / "own.csv"
    own.write_text("text,label\n" + "".join(f"the quick brown fox jumps {'good' if n % 2 else 'bad'},{n % 2}\n" for n in range(40)))
    asked = {"alterations": ["C-1"], "folds": 2, "reseeds": 0}
    for dataset, model, runs in (("robo", "lstm", 3), ("robo", "tfidf", 1), (str(own), "lstm", 1)):
        records_of(plan(Settings(**asked, datasets=[dataset], models=[model], runs=runs)))
    file = home / "x.parquet"
    assert main(["records", "export", str(file)]) == 0
    other = plan(Settings.of(**Archive(file).extent() | asked | {"records_dir": str(file)}))
    assert Counter((fold.dataset, fold.model, fold.run) for fold in other.folds) == {
        ("robo", "lstm", 1): 4, ("robo", "lstm", 2): 4, ("robo", "lstm", 3): 4, ("robo", "tfidf", 1): 2, ("own", "lstm", 1): 4
    }  # fmt: skip
    assert set(other.states().values()) == {"done"} and other.size == "1 to 3 runs x 2 folds"


@pytest.mark.parametrize(
    ("other", "says"), [({"padding": "mask"}, "padding"), ({"preset": "smoke"}, "sizes, training"), ({"seed": 1}, "seeds 0 and 1")]
)
def test_two_studies_are_not_one_edition(other, says, home, capsys):
    """One of them would hide the other. Files that hold two are refused as well."""
    for more in ({}, other):
        records_of(plan(Settings.of(datasets=["robo"], alterations=["C-1"], folds=1, **more)))
    assert main(["records", "export", str(home / "x.parquet")]) == 2
    error = capsys.readouterr().err
    assert says in error and "an edition is of one" in error and error.count("\n") == 1 and not (home / "x.parquet").exists()


def test_records_of_another_protocol_do_not_become_this_ones(file, home, monkeypatch, capsys):
    assert main(["records", "restore", str(COMMITTED), "--records-dir", str(home / "new")]) == 2
    assert "holds records of protocol 1; this is protocol 2" in capsys.readouterr().err and not (home / "new").exists()
    monkeypatch.setattr(archive, "PROTOCOL", 3)
    assert main(["records", "restore", str(file), "--records-dir", str(home / "new")]) == 2
    assert "holds records of protocol 2; this is protocol 3" in capsys.readouterr().err and not (home / "new").exists()


def test_an_export_touches_no_other_file(work, home):
    (home / "thesis.tmp").write_text("mine")
    assert main(["records", "export", str(home / "thesis.parquet")]) == 0
    assert (home / "thesis.tmp").read_text() == "mine" and not list(home.glob(".*.tmp"))


def test_it_needs_neither_records_nor_data(work, file, monkeypatch):
    expected, keys = work.results(), [fold.key for fold in work.folds]
    shutil.rmtree(work.store.path)

    def gone(name, entry):
        raise AssertionError(f"{name} was asked for")

    monkeypatch.setattr("lstmcs.datasets.registry.at_hand", lambda name, entry: None)
    monkeypatch.setattr("lstmcs.datasets.loading.read", gone)
    other = as_edition(work, file)
    assert [fold.key for fold in other.folds] == keys
    pd.testing.assert_frame_equal(other.results(), expected)
    with pytest.raises(DataError, match="robo: only results are at hand"):
        other.data["robo"]


def test_nothing_is_trained_for_it(work, file, monkeypatch, capsys):
    monkeypatch.setattr(worker, "train", lambda *_: 1 / 0)
    assert as_edition(work, file).settings.train is False
    monkeypatch.setattr("lstmcs.__main__._build", lambda settings: 0)
    assert main(["study", "--records-dir", str(file), "--alterations", "C-1", "--folds", "3"]) == 1  # one fold failed, and is named
    assert "0 to train" in capsys.readouterr().out


def test_back_to_records_without_predictions(work, file, home):
    folder = home / "elsewhere"
    assert main(["records", "restore", str(file), "--records-dir", str(folder)]) == 0
    again = plan(Settings.of(**work.settings.parameters() | {"records_dir": str(folder)}))
    pd.testing.assert_frame_equal(again.results(), work.results())
    assert again.results("subset")["accuracy"].isna().all()  # no predictions to read again
    assert Archive(file).restore(work.store) == 0  # what is on record stays, with its predictions
    assert work.store.predictions(work.folds[1])["rows"].size


def only(monkeypatch, *names):
    """Run no other notebooks than these."""
    monkeypatch.setattr(run, "notebooks", lambda: {name: about for name, about in NOTEBOOKS.items() if name in names})
    assert set(names) == set(run.notebooks())


def test_its_pages_lie_beside_it_and_a_page_of_data_that_are_away_stays(file, work, monkeypatch, home):
    only(monkeypatch, "01_data", "03_alterations")
    asked = ["report", "--records-dir", str(file), "--alterations", "C-1", "--folds", "3"]
    assert main(asked) == 0
    assert {p.name for p in file.parent.glob("*.html")} == {"01_data--robo.html", "03_alterations--robo--start.html", "index.html"}
    page = (file.parent / "03_alterations--robo--start.html").read_text()
    assert "loss is nan in epoch 1" in page and "partial" in page
    shutil.rmtree(work.store.path)
    monkeypatch.setattr("lstmcs.datasets.registry.at_hand", lambda name, entry: None)
    said = []
    settings = Settings.of(**Archive(file).extent() | {"alterations": ["C-1"], "folds": 3, "records_dir": str(file)})
    assert run.build(settings, said.append)[1] == []
    assert any("the page that is there stays" in text for text in said)
    assert (file.parent / "01_data--robo.html").is_file()


def test_no_page_of_alterations_without_an_lstm_on_record(home, monkeypatch):
    work = plan(Settings(datasets=["robo"], models=["tfidf"]))
    records_of(work)
    file = home / "x.parquet"
    assert main(["records", "export", str(file)]) == 0
    only(monkeypatch, "03_alterations")
    for models in (["tfidf"], ["lstm", "tfidf"]):
        said = []
        run.build(Settings(datasets=["robo"], models=models, records_dir=str(file)), said.append)
        assert not list(home.glob("03*.html")) and said == ["03_alterations--robo--start: the edition holds no fold of lstm; no page"] * (
            len(models) - 1
        )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such file"),
        (b"", "is no edition"),
        (b"PAR1 and no more", "is no edition"),
        ("other", "is no edition"),
        ([json.dumps({"config": {}}), "[]"], "row 1: the record has no 'state'"),
        ([], "holds no record"),
        (["[" * 10**5], "row 1: maximum recursion depth"),
        ([5, 6], "row 1: a record is a text"),
        (["{}", None], "row 1: the record has no 'config'"),
        (["\x1b[31m"], "row 1: Expecting value"),
        ("folder", "(it is a folder, not a plain file)"),
        ("pipe", "(it is a named pipe, not a plain file)"),
    ],
)
def test_wrong_files_are_one_clear_line(content, says, tmp_path, capsys, home):
    file = tmp_path / "x.parquet"
    if isinstance(content, bytes):
        file.write_bytes(content)
    if content == "other":
        pd.DataFrame({"a": [1]}).to_parquet(file)
    if isinstance(content, list):
        pd.DataFrame({"record": content}).to_parquet(file)
    if content == "folder":
        file.mkdir()
        pd.DataFrame({"record": ["{}"]}).to_parquet(file / "part.parquet")
    if content == "pipe":
        os.mkfifo(file)
    assert main(["status", "--records-dir", str(file)]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
    assert main(["records", "restore", str(file)]) == 2


def test_wrong_names(file, tmp_path, capsys):
    assert main(["status", "--records-dir", str(file), "--datasets", "rob"]) == 2
    assert "holds no data set 'rob' (did you mean 'robo'?)" in capsys.readouterr().err
    assert main(["records", "export", str(tmp_path / "x.csv")]) == 2 and "a .parquet file" in capsys.readouterr().err
    assert main(["records", "export", str(tmp_path / "x.parquet"), "--records-dir", str(tmp_path)]) == 2
    assert "nothing to export" in capsys.readouterr().err
    with pytest.raises(ValueError, match="holds no predictions"):
        Archive(file).rows(reading="argmax")
    assert len(load_dataset("robo")) == 525


FOREIGN = {
    "no env": (lambda head: head.pop("env"), "the record has no 'env'"),
    "no state": (lambda head: head.pop("state"), "the record has no 'state'"),
    "no key": (lambda head: head.pop("key"), "the record has no 'key'"),
    "no protocol": (lambda head: head.pop("protocol"), "the record has no 'protocol'"),
    "scores null": (lambda head: head.update(scores=None), "the record's 'scores' is no dict"),
    "test scores null": (lambda head: head.update(scores={"test": None}), "the record's 'scores' are no numbers"),
    "curve of words": (lambda head: head.update(curve=[{"epoch": 1, "val_loss": "low"}]), "the record's 'curve' is no list of epochs"),
    "error a string": (lambda head: head.update(state="failed", error="boom"), "the record's 'error' is no dict"),
    "another state": (lambda head: head.update(state="half"), "the record's state is 'half', neither done nor failed"),
    "config of another": (lambda head: head.update(config={"colour": "red"}), "no fold's configuration"),
    "no such alteration": (lambda head: head["config"].update(alteration="c = nonsense("), "no fold's configuration"),
    "key of another": (lambda head: head.update(key="0" * 20), "does not match its configuration"),
    "a list": (None, "a record is an object"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_row_is_named_and_nothing_of_the_file_is_believed(kind, file, home, capsys):
    """One that was not written by an export: one clear line from every command, and no page of the rest of it."""
    change, says = FOREIGN[kind]
    table = pd.read_parquet(file)
    head = json.loads(table.loc[3, "record"])
    if change:
        change(head)
    table.loc[3, "record"] = json.dumps(head if change else [])
    table.to_parquet(file)
    for words in (["status", "--records-dir", str(file)], ["records", "restore", str(file), "--records-dir", str(home / "new")]):
        assert main(words) == 2
        error = capsys.readouterr().err
        assert says in error and str(file) in error and "is no edition of this study" in error and error.count("\n") == 1
    with pytest.raises(EditionError, match="is no edition of this study"):
        Archive(file)
    assert not (home / "new").exists()


def test_a_row_that_is_there_twice_and_two_protocols_are_no_edition(file, capsys):
    table = pd.read_parquet(file)
    pd.concat([table, table[2:3]]).to_parquet(file)
    assert main(["status", "--records-dir", str(file)]) == 2
    assert re.search(rf"row {len(table) + 1}: .* is there twice", capsys.readouterr().err)
    pd.concat([table, pd.read_parquet(COMMITTED)[:1]]).to_parquet(file)
    assert main(["status", "--records-dir", str(file)]) == 2
    assert f"{file}: records of protocols 1 and 2 lie together" in capsys.readouterr().err


def test_a_restore_takes_nothing_from_a_study_beside_it(work, file, home, monkeypatch):
    """While it writes, a study trains the same folds: what it has written stays, predictions and all."""
    folder = records.Folder(home / "elsewhere")
    keep = [fold for fold, state in work.states().items() if state == "done"]
    real = records.Folder.write

    def meanwhile(self, fold, record, predictions):
        """Between the decision for a fold and its record, the study writes it."""
        if fold in keep:
            self.file(fold).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(work.store.file(fold), self.file(fold))
        return real(self, fold, record, predictions)

    monkeypatch.setattr(records.Folder, "write", meanwhile)
    Archive(file).restore(folder)
    assert len(keep) == len(work.folds) - 2 and all(folder.worth(fold) == records.DONE + 1 for fold in keep)


def test_an_export_leaves_a_foreign_record_out_and_names_it(work, home, capsys):
    path = work.store.file(work.folds[1])
    head, body = records.load(path)
    head["scores"] = None
    path.write_text(records.text_of(head, body.decode()))
    assert main(["records", "export", str(home / "x.parquet")]) == 0
    assert f"{path.name}: the record's 'scores' is no dict; left out" in capsys.readouterr().err
    assert len(Archive(home / "x.parquet").heads()) == len(work.folds) - 2
    assert Archive(home / "x.parquet").states(work.folds[:2]) == {work.folds[0]: "failed", work.folds[1]: "missing"}


def test_the_first_edition_is_read_as_it_was_written():
    """Records from before folds had a type: each row's key is its fold's."""
    heads, rows = Archive(COMMITTED).heads(), Archive(COMMITTED).rows()
    tidy = pd.read_parquet(COMMITTED)
    assert len(heads) == len(rows) == len(tidy) > 1000
    folds = [Fold.of(head["config"], head["protocol"]) for head in heads]
    assert [fold.key for fold in folds] == [head["key"] for head in heads] == tidy["key"].tolist()
    assert [fold.config for fold in folds] == [head["config"] for head in heads]
    assert set(Archive(COMMITTED).states(folds).values()) == set(tidy["state"])
    repeats = {head["key"] for head in heads if "repeat" in head["config"]}
    named = rows[rows["alteration"] == "reseed-1"]
    assert set(named["key"]) == repeats and len(repeats) > 50 and (named["formula"] == "none").all()
    assert not rows["alteration"].str.startswith("null-").any()
    again = rows.set_index("key").loc[tidy["key"]].reset_index()
    assert (again.loc[tidy["macro_f1"].isna().to_numpy(), "macro_f1"] == 0).all()  # the edition gave what diverged no score
    again["macro_f1"] = again["macro_f1"].where(again["state"] == "done")
    for column in ("dataset", "model", "run", "fold", "seed", "state", "macro_f1", "loss", "train_seconds"):
        assert [None if pd.isna(value) else value for value in again[column]] == [
            None if pd.isna(value) else value for value in tidy[column]
        ]


def test_the_first_edition_is_read_at_its_last_epoch_whatever_the_rule():
    """It has the test scores of that epoch alone; nothing in it would look different."""
    first = Archive(COMMITTED)
    last = first.rows(rule="last")
    trained = last[(last["state"] == "done") & last["epoch"].notna()]
    assert len(trained) > 1000 and (trained["epoch"] == trained["epochs"]).all() and (last["protocol"] == 1).all()
    for rule in ("best", "loss", "accuracy", "epoch=1", {"robo": 1}):
        pd.testing.assert_frame_equal(first.rows(rule=rule), last)
    tidy = pd.read_parquet(COMMITTED).set_index("key")
    assert last.set_index("key")["macro_f1"].sub(tidy["macro_f1"]).abs().max() == 0


def test_a_fold_of_the_first_edition_is_found_by_what_was_planned_then():
    """From data to key: the data of ROBO as they are prepared now, what was trained then, and the records of then."""
    first = Archive(COMMITTED)
    today = plan(
        Settings(preset="quick", datasets=["robo"], models="lstm", epochs=first.models("robo")["lstm"][0].training["epochs"])
    ).folds
    then = [replace(fold, protocol=1) for fold in today]
    assert set(first.states(then).values()) == {"done"} and len(then) == 190
    assert set(first.states(today).values()) == {"missing"}  # they are other trainings
    assert plan(Settings(preset="quick", datasets=["robo"], models=["lstm"], runs=1, records_dir=str(COMMITTED))).folds == tuple(then)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("edition", [COMMITTED, SECOND], ids=lambda file: file.parent.name)
def test_a_cell_of_the_committed_tables_recomputed_from_the_tidy_results(edition, seed):
    """Tables 3 to 9: improvement in percent of the unaltered cell's mean of each run, of a set, an alteration and a score drawn at random."""
    frame = pd.read_parquet(edition).query("model == 'lstm' and state == 'done'")
    rng = np.random.default_rng([seed, len(frame)])
    pairs = frame.groupby(["dataset", "alteration"]).size().drop(index="none", level="alteration")
    dataset, alteration = pairs.index[pairs >= 2][rng.integers((pairs >= 2).sum())]
    metric = list(COLUMNS)[rng.integers(4)]
    table = (
        frame[frame["dataset"] == dataset].pivot(index=["run", "fold"], columns="alteration", values=metric)[["none", alteration]].dropna()
    )
    means = table.groupby("run").mean()  # as the paper: a figure a run, averaged over runs
    expected = 100 * (means[alteration] / means["none"] - 1).mean()
    shown = shown_on(edition.parent / f"03_alterations--{dataset}--quick.html", rf"{dataset}: (ours|improvement over)")
    assert float(shown.loc[label(alteration), COLUMNS[metric]]) == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize("seed", range(3))
def test_what_the_curves_say_on_the_second_editions_pages_recomputed_from_its_records(seed):
    """Of a set and an alteration drawn at random: the difference as read at the lowest validation loss, and in how many folds the validation
    score comes within a point of the unaltered cell's best."""
    frame = pd.read_parquet(SECOND).query("model == 'lstm'")
    cells = frame.groupby(["dataset", "alteration"]).size().drop(index="none", level="alteration").index
    dataset, alteration = cells[np.random.default_rng([seed, len(frame)]).integers(len(cells))]
    curves = {
        cell: {(row.run, row.fold): json.loads(row.record)["curve"] for row in rows.itertuples()}
        for cell, rows in frame[frame["dataset"] == dataset].groupby("alteration")
    }
    folds = [fold for fold in curves[alteration] if curves[alteration][fold] and fold in curves["none"]]
    scores = [[min(curves[cell][fold], key=lambda at: at["val_loss"])["test_macro_f1"] for fold in folds] for cell in (alteration, "none")]
    reached = sum(
        max(at["val_macro_f1"] for at in curves[alteration][fold]) >= max(at["val_macro_f1"] for at in curves["none"][fold]) - 0.01
        for fold in folds
    )
    page = SECOND.parent / f"03_alterations--{dataset}--quick.html"
    rules, speed = (shown_on(page, rf"{dataset}: {caption}") for caption in ("mean difference in points", "epochs to within a point"))
    assert float(rules.loc[label(alteration), "by loss"]) == pytest.approx(100 * np.subtract(*scores).mean(), abs=5.1e-3)
    assert speed.loc[label(alteration), ["folds", "reached"]].tolist() == [str(len(folds)), str(reached)]


def shown_on(page, caption):
    """The table on a page whose caption begins so, as text: a row an alteration."""
    page = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    shown = next(figure for figure in page.find_all("figure") if re.search(caption, figure.get_text()))
    heads = [re.sub(r"\W+$", "", head.get_text()) for head in shown.find_all("th", scope="col")]
    rows = [[cell.get_text().strip() for cell in row.find_all(["td", "th"])] for row in shown.find_all("tr")]
    table = pd.DataFrame(rows[1:], columns=heads)
    return table.set_index(table[heads[0]].str.replace(r"^([CH]-\d+).*", r"\1", regex=True))


def test_the_committed_notebooks_name_no_folder_of_a_machine():
    for path in (COMMITTED.parent / "notebooks").glob("*.ipynb"):
        assert not re.search(r'"/(home|root|tmp|work|Users)/', path.read_text(encoding="utf-8")), path.name


def test_the_answers_tables_are_those_of_the_records():
    """Every figure of the second edition's tables, column by column, and what README says of the first edition."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    page = (answer.RECORDS.parent / "README.md").read_text(encoding="utf-8")
    _, *tables = [table.splitlines() for table in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)]
    for columns, lines, cells in zip(answer.TABLES, tables, (19, 19), strict=True):
        assert lines[2:] == answer.markdown(columns).splitlines()[2:] and len(lines) == 2 + cells
    told = answer.controls()
    for said in ("unaltered, TensorFlow minus JAX", "C-2, both to epoch 54, three folds"):
        assert f"{told[said]} points" in " ".join(page.split())
    assert all(float(told[f"{cell}, minus the unaltered cell by TensorFlow"].split()[0]) < -2.3 for cell in answer.FORGET)
    rows = Archive(COMMITTED).rows().query("model == 'lstm'")
    cells = multiple.cells(rows[~single.diverged(rows)])  # as the edition had it: what diverged counted as missing
    verdicts = cells.loc[~is_reseed(cells["alteration"]), "verdict"].value_counts()
    known = {"better", "same", "worse", "undecided"}
    worse, all_of_them = verdicts["worse"], sum(count for verdict, count in verdicts.items() if verdict in known)
    assert f'called {worse} of {all_of_them} comparisons "worse"' in " ".join(readme.split())


def test_the_index_of_an_edition_that_corrects_another_has_both_maps_of_what_both_have(home):
    before, now = home / "before", home / "now"
    for folder, cells, seed in ((before, ["C-1"], 0), (now, ["C-1", "H-2"], 1)):
        asked = plan(Settings(alterations=cells, models=["lstm"], folds=3, seed=seed, records_dir=str(folder / "records")))
        records_of(asked, seed=seed)
        archive.export(asked.store, folder / "results.parquet")
    (now / "edition.toml").write_text('earlier = "../before/results.parquet"\nwhy = "It was read <too> early."')
    page = BeautifulSoup(pages.index(now).read_text(encoding="utf-8"), "html.parser")
    section = page.find("h2", id="changed")
    told, why, both = section.find_next_siblings(["p", "div"], limit=3)
    was, became = (
        multiple.cells(store(place).rows().query("model == 'lstm'")).set_index("alteration")
        for place in (before / "results.parquet", now / "results.parquet")
    )
    assert depends.changed(was.reset_index(), became.reset_index()) == told.text and "Of 1 comparison in both editions" in told.text
    assert why.text == "It was read <too> early."
    names = [[text.text for text in figure.find_all("text")] for figure in both.find_all("figure")]
    assert len(names) == 2 and all("C-1  c∘o" in one and "H-2  h∘σ(c)" not in one for one in names)
    for table, one in zip((was, became), names):
        assert any(text.startswith(f"{table.loc['C-1', 'mean']:+.1f}") for text in one)


@pytest.mark.parametrize("text", ["", "earlier = 'x'", "earlier = 3\nwhy = 'x'", "earlier = 'a'\nwhy = 'b'\nmore = 1", "[[["])
def test_an_edition_toml_that_says_something_else_is_one_error(home, text):
    (home / "edition.toml").write_text(text)
    with pytest.raises(EditionError, match="has two texts, earlier"):
        pages.index(home)
