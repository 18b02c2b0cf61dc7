"""Notebooks under nbval and papermill, and the pages made of them. All of it with the smoke preset, in a folder of its own."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import papermill
import pytest
from bs4 import BeautifulSoup
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook
from sklearn.metrics import accuracy_score, f1_score

from lstmcs import ALTERATIONS
from lstmcs.__main__ import main
from lstmcs.fold import Fold
from lstmcs.record import unpack
from lstmcs.report import run
from lstmcs.stats import single
from lstmcs.study.plan import Settings, plan
from lstmcs.study.records import Folder, load

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A home in which `python -m lstmcs study --preset smoke` has run, once for all tests here."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSTMCS_HOME", str(home))
        assert main(["study", "--preset", "smoke", "--workers", "0"]) == 0
        yield home


def test_a_study_makes_every_page_and_says_nothing_of_the_machine(built):
    pages = sorted(p.name for p in (built / "reports").glob("*.html"))
    assert pages == [
        "01_data--robo.html",
        "02_cell.html",
        "03_alterations--robo--smoke.html",
        "04_summary--robo--smoke.html",
        "05_transformers--robo--smoke.html",
        "06_claims--robo--smoke.html",
        "index.html",
    ]
    for name in pages:
        text = (built / "reports" / name).read_text(encoding="utf-8")
        assert "Traceback" not in text and "Warning" not in text and str(built) not in re.sub(r'href="[^"]*"', "", text)
        assert "widget" not in text.lower()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("reading", ["paper", "argmax"])
def test_a_random_cell_of_the_tables_is_what_the_raw_predictions_give(built, reading, seed):
    """From a report's figure back to the records: scikit-learn on the stored predictions of both cells, fold by fold."""
    rng = np.random.default_rng(seed)
    name, metric = rng.choice(["C-1", "H-2"]), rng.choice(["accuracy", "macro_f1", "micro_f1", "weighted_f1"])
    kept = list((built / "data" / "records" / "robo").glob("*.json"))
    raw = {(head["config"]["alteration"], head["config"]["fold"]): (head["curve"], unpack(body)) for head, body in map(load, kept)}

    def score(cell, fold):
        curve, arrays = raw[cell, fold]
        best = max(curve, key=lambda at: at["val_macro_f1"])["epoch"]  # the first of equals
        labels, probabilities = arrays["labels"], arrays["probabilities"][list(arrays["epochs"]).index(best)]
        if reading == "paper":
            truth, found = labels, (probabilities > 0.5).astype(int)
        else:
            truth, found = labels.argmax(axis=1), probabilities.argmax(axis=1)
        if metric == "accuracy":
            return accuracy_score(truth.ravel(), found.ravel())
        return f1_score(truth, found, average=metric.removesuffix("_f1"), zero_division=0, labels=range(labels.shape[1]))

    altered, plain = ([score(cell, fold) for fold in (1, 2)] for cell in (ALTERATIONS[name].formula, "none"))
    tables = [Folder(built / "data" / "records").rows(reading=reading)]
    if reading == "paper":  # the table that lies beside the page
        tables.append(pd.read_csv(next((built / "reports" / "tables").glob("03*.csv"))))
    for table in tables:
        assert single.improvements(table).loc["Baseline", metric] == pytest.approx(100 * np.mean(plain)), (name, metric)
        difference = single.differences_table(table, metric).loc[name, "mean"]
        assert difference == pytest.approx(100 * (np.mean(altered) - np.mean(plain)), abs=1e-9), (name, metric)


def test_a_second_run_trains_and_executes_nothing(built, capsys):
    before = {p: p.stat().st_mtime_ns for p in (built / "reports" / "notebooks").iterdir()}
    assert main(["study", "--preset", "smoke", "--workers", "0"]) == 0
    out = capsys.readouterr().out
    assert "6 on record, 0 to train" in out and "running" not in out and "index.html" in out
    assert before == {p: p.stat().st_mtime_ns for p in (built / "reports" / "notebooks").iterdir()}


def test_a_fold_that_was_trained_again_is_on_its_page_again(built, capsys):
    """Its name and state are what they were; what it says is not."""
    again = ["report", "--preset", "smoke", "--workers", "0"]
    assert main(again) == 0 and main(again) == 0
    assert "running 03_alterations" not in capsys.readouterr().out.split("report:")[1]
    executed = next((built / "reports" / "notebooks").glob("03*.ipynb"))
    folder = Folder(built / "data" / "records")
    fold = next(fold for head in folder.heads() if (fold := Fold.of(head["config"])).alteration == "none")
    path = folder.file(fold)
    before, record = path.read_bytes(), folder.read(fold)
    fingerprint = run.about_of(executed)["fingerprint"]
    record["cost"]["train_seconds"] += 1
    folder.write(fold, record, folder.predictions(fold))
    assert main(again) == 0
    assert "running 03_alterations" in capsys.readouterr().out and run.about_of(executed)["fingerprint"] != fingerprint
    path.write_bytes(before)


def test_a_page_names_the_engine_and_folds_whose_cells_have_several(built):
    top = BeautifulSoup((built / "reports" / "03_alterations--robo--smoke.html").read_text(encoding="utf-8"), "html.parser")
    assert "· trained by TensorFlow ·" in top.find("p", class_="about").text
    assert all(
        "trained by" not in (built / "reports" / f"{name}.html").read_text(encoding="utf-8") for name in ("01_data--robo", "02_cell")
    )
    rows = pd.DataFrame([
        {"dataset": dataset, "model": "lstm", "run": 1, "fold": fold, "alteration": cell, "state": "done", "engine": engine, "device": device}
        for dataset, engine, device in (("a", "tensorflow", None), ("b", "jax", "H100")) for fold in (1, 2) for cell in ("none", "C-1")
    ])  # fmt: skip
    assert run.trained_by(rows) == "trained by TensorFlow (a) and JAX on H100 (b)"
    assert run.trained_by(rows[rows["dataset"] == "b"]) == "trained by JAX on H100"
    rows.loc[1, ["engine", "device"]] = "jax-tf32", "H100"
    assert run.trained_by(rows) == (
        "trained by TensorFlow (a) and JAX with TF32 on H100 (a) and JAX on H100 (b); the cells of 1 of 4 folds by more than one of these"
    )
    rows[["engine", "device"]] = None
    assert run.trained_by(rows) == run.trained_by(rows.iloc[:0]) == ""


def test_a_page_names_the_sets_whose_padding_is_masked():
    bare = Fold.of({"dataset": "a", "data_sha256": "0", "preparation": {}, "model": "lstm", "sizes": {}, "training": {}, "alteration": "none",
                    "run": 1, "fold": 1, "seed": 0, "padding": "fixed"})  # fmt: skip
    fixed, mask, plain = bare, replace(bare, dataset="b", padding="mask"), replace(bare, model="constant", padding=None)
    assert run.masked([fixed, plain]) == run.masked([plain]) == run.masked([fixed, replace(fixed, padding="mask")]) == ""
    assert run.masked([mask, plain]) == "padding masked" and run.masked([fixed, mask, plain]) == "padding masked (b)"


def test_a_partial_study_renders_and_says_so(built):
    assert main(["report", "--preset", "smoke", "--folds", "3", "--workers", "0"]) == 0
    text = (built / "reports" / "03_alterations--robo--smoke.html").read_text()
    assert "<strong>partial</strong>" in text and "6 of 9 planned folds are on record" in text
    assert "partial" in (built / "reports" / "index.html").read_text()


@pytest.mark.parametrize("notebook", ["03_alterations", "04_summary"])
def test_pages_of_the_first_edition_say_that_every_rule_reads_the_last_epoch(home, notebook):
    """Its records are of protocol 1: a table of rules would have equal columns."""
    edition = Path(shutil.copy(NOTEBOOKS.parent / "reports" / "first-edition" / "results.parquet", home))
    for part in ("notebooks", "tables"):
        (home / part).mkdir()
    settings = Settings(preset="quick", datasets=["robo"], models=["lstm"], runs=1, records_dir=str(edition))
    assert run._page(notebook, run.notebooks()[notebook], settings, home, print) == "complete"
    text = next(home.glob("*.html")).read_text(encoding="utf-8")
    told = "Every rule reads the last epoch: these records are of protocol 1"
    assert text.count(told) == 2  # with the answer or its evidence, and in place of the table of rules
    assert "by best" not in text and "hang on that choice" not in text and "curve of an alteration" not in text


@pytest.mark.parametrize("notebook", ["03_alterations", "05_transformers", "06_claims"])
def test_pages_of_folds_without_a_time(notebook, home):
    """HATE's in the second edition: its processors were shared with other work."""
    for part in ("notebooks", "tables"):
        (home / part).mkdir()
    settings = Settings(preset="quick", datasets=["hate"], records_dir="reports/second-edition/results.parquet")
    assert run._page(notebook, run.notebooks()[notebook], settings, home, print) == "partial"  # not all cells are on record
    assert "padding masked" in next(home.glob("*.html")).read_text(encoding="utf-8")


def test_a_failing_notebook_is_named_and_the_rest_goes_on(built, monkeypatch, capsys):
    broken = nbformat.read(NOTEBOOKS / "02_cell.ipynb", 4)
    broken.cells[-1].source = "raise RuntimeError('boom')"
    folder = built / "shared" / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(broken, folder / "02_cell.ipynb")
    real = run.environment.shared
    monkeypatch.setattr(run.environment, "shared", lambda *parts: folder / parts[-1] if parts[-1] == "02_cell.ipynb" else real(*parts))
    assert main(["report", "--preset", "smoke", "--workers", "0"]) == 1
    said = capsys.readouterr()
    assert "failed: notebook 02_cell" in said.err and "running 04_summary" in said.out
    assert "<strong>failed</strong>" in (built / "reports" / "02_cell.html").read_text()


def test_ctrl_c_leaves_no_half_a_notebook(built, monkeypatch):
    def stopped(source, target, **_):
        Path(target).write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(run.papermill, "execute_notebook", stopped)
    assert main(["report", "--preset", "smoke", "--seed", "5", "--workers", "0"]) == 130
    assert not list((built / "reports" / "notebooks").glob("*.running.ipynb"))


def test_metadata_of_the_executed_notebook_is_enough_for_the_index(built):
    for path in (built / "reports" / "notebooks").glob("03*.ipynb"):
        about = json.loads(path.read_text())["metadata"]["lstmcs"]
        assert {"title", "dataset", "preset", "state", "done", "planned", "made", "seconds", "parameters", "env"} <= set(about)


def test_a_page_depends_on_every_file_of_the_package_those_in_wings_too(home, monkeypatch):
    read = []
    real = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path) or real(path))
    run._fingerprint("02_cell", plan(Settings(preset="smoke", train=False)))
    package = Path(run.__file__).parent.parent
    wanted = {"fold.py", "stats/single.py", "datasets/preparation.py", "report/wording.py", "training/lstm.py", "__init__.py"}
    assert wanted <= {str(path.relative_to(package)) for path in read if path.is_relative_to(package)}
    assert {"datasets.toml", "table_02.csv", "02_cell.ipynb"} <= {path.name for path in read}


def test_the_pages_of_a_notebook_are_its_own_affair(tmp_path, monkeypatch):
    """Its metadata says how many it makes, of which models, and whether it quotes documents; one that says nothing makes one of all."""
    found = run.notebooks()
    assert list(found) == [
        "00_quickstart",
        "01_data",
        "02_cell",
        "03_alterations",
        "04_summary",
        "05_transformers",
        "06_claims",
        "07_protocols",
        "08_beyond",
    ]
    assert {name for name, about in found.items() if about["texts"]} == {"01_data"}
    assert {name: about["pages"] for name, about in found.items()} == {
        "00_quickstart": "none", "01_data": "each", "02_cell": "one", "03_alterations": "each", "04_summary": "all", "05_transformers": "all", "06_claims": "all", "07_protocols": "all", "08_beyond": "all"}  # fmt: skip
    for name, metadata in (("10_own", {}), ("9_mine", {"lstmcs": {"pages": "each", "models": ["bert"]}}), ("notes", {})):
        nbformat.write(nbformat.v4.new_notebook(metadata=metadata), tmp_path / f"{name}.ipynb")
    monkeypatch.setattr(run.environment, "shared", lambda *parts: tmp_path)
    assert run.notebooks() == {
        "10_own": {"pages": "all", "models": [], "texts": False, "protocols": False, "families": []}, "9_mine": {"pages": "each", "models": ["bert"], "texts": False, "protocols": False, "families": []}}  # fmt: skip


def test_papermill_by_itself_stops_at_a_parameter_that_is_none_and_says_so_in_a_line(home, tmp_path):
    with pytest.raises(papermill.PapermillExecutionError, match="unknown parameter 'dataset'"):
        papermill.execute_notebook(
            NOTEBOOKS / "01_data.ipynb", tmp_path / "x.ipynb", {"dataset": "robo"}, kernel_manager_class=run.ThisPython, progress_bar=False
        )
    [error] = [o for cell in nbformat.read(tmp_path / "x.ipynb", 4).cells for o in cell.get("outputs", []) if o.output_type == "error"]
    [line] = error.traceback
    assert line.startswith("SettingsError: unknown parameter 'dataset' (did you mean 'datasets'?); parameters are preset, datasets, ")


def test_notebooks_run_under_nbval(tmp_path):
    """Copies with the smoke preset, as a reader would run them cell by cell."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = parameterize_notebook(load_notebook_node(str(path)), {"preset": "smoke", "folds": 2, "workers": 0})
        nbformat.write(notebook, tmp_path / path.name)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        env=os.environ | {"LSTMCS_HOME": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.fixture
def own_notebooks(home, monkeypatch):
    """Reports of these notebooks alone: name -> source of its one code cell."""
    real = run.environment.shared

    def make(**sources):
        for name, source in sources.items():
            title = nbformat.v4.new_markdown_cell("# A title\n\n**A question?**")
            parameters = nbformat.v4.new_code_cell('preset = "start"', metadata={"tags": ["parameters"]})
            made = nbformat.v4.new_notebook(
                cells=[title, parameters, nbformat.v4.new_code_cell("print('begun')"), nbformat.v4.new_code_cell(source)]
            )
            made.metadata |= {
                "lstmcs": {"pages": "one"},
                "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            }
            nbformat.write(made, home / f"{name[1:]}.ipynb")
        shared = {"notebooks": home} | {path.name: path for path in home.glob("*.ipynb")}
        monkeypatch.setattr(run.environment, "shared", lambda *parts: shared.get(parts[-1] if parts else None) or real(*parts))
        return home / "reports"

    return make


def test_warnings_and_failures_on_a_page_name_no_folder_of_the_machine(own_notebooks):
    """What a library warns of and what a cell raises is shown; where this machine keeps Python, the package, the study and the cell is not."""
    warns = "import json, warnings, numpy as np\nnp.array([1.0]) / 0\nwarnings.warn('odd')\nprint(json.__file__)\n"
    reports = own_notebooks(_01_fails=warns + "from lstmcs.report import show\nshow.table(None, json.loads('{'))")
    assert main(["report", "--preset", "smoke", "--workers", "0"]) == 1
    package, python = str(Path(run.__file__).parent.parent), os.path.dirname(json.__file__)
    for file in ("01_fails.html", "notebooks/01_fails.ipynb"):
        text = (reports / file).read_text()
        assert all(
            words in text for words in ("RuntimeWarning", "odd", "JSONDecodeError", "python/json/decoder.py", "python/json/__init__.py")
        ), file
        assert not any(
            place in text
            for place in (f"{reports.parent}/", f"{package}/", f"{sys.prefix}/", f"{python}/", f"{Path.home()}/", "ipykernel_")
        ), file


def test_a_kernel_that_is_killed_fails_its_page_and_the_rest_goes_on(own_notebooks, capsys):
    """As when the machine runs out of memory: nobody raises anything."""
    reports = own_notebooks(_01_dies="import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", _02_lives="print(6 * 7)")
    assert main(["report", "--preset", "smoke", "--workers", "0"]) == 1
    said = capsys.readouterr()
    assert "failed: notebook 01_dies" in said.err and "02_lives" not in said.err and "running 02_lives" in said.out
    page = (reports / "01_dies.html").read_text()
    assert "<strong>failed</strong>: DeadKernelError" in page and "begun" in page
    assert "42" in (reports / "02_lives.html").read_text() and "DeadKernelError" in (reports / "index.html").read_text()
    assert not list(reports.glob("*/*running*"))
    assert main(["report", "--preset", "smoke", "--workers", "0"]) == 1 and "running 02_lives" not in capsys.readouterr().out


def test_a_kernel_that_never_comes_fails_its_page(own_notebooks, monkeypatch, capsys):
    reports = own_notebooks(_01_first="1")
    monkeypatch.setattr(run.sys, "executable", "/nowhere/python")
    assert main(["report", "--preset", "smoke", "--workers", "0"]) == 1
    assert "<strong>failed</strong>" in (reports / "01_first.html").read_text() and "failed: notebook 01_first" in capsys.readouterr().err


def test_leftovers_of_killed_reports_go_and_those_of_living_ones_stay(own_notebooks):
    reports = own_notebooks(_01_first="1")
    (reports / "notebooks").mkdir(parents=True)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = {
        f"notebooks/x.{dead.pid}.running.ipynb": False, f"notebooks/x.{os.getpid()}.running.ipynb": True, "notebooks/my.running.ipynb": True,
        "notebooks/.lstmcs-1.tmp": False, ".lstmcs-2.tmp": False, "mine.tmp": True,
    }  # fmt: skip
    for name in names:
        (reports / name).write_text("{}")
        os.utime(reports / name, (0, 0))
    (new := reports / "notebooks" / ".lstmcs-3.tmp").write_text("")
    assert main(["report", "--preset", "smoke", "--workers", "0"]) == 0
    assert {name: (reports / name).exists() for name in names} == names and new.exists()


FOREIGN = {
    "list": "[]", "null": "null", "text": "hello", "empty": "", "no cells": '{"metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
    "deep": "[" * 10**5, "another's": json.dumps(nbformat.v4.new_notebook()), "old": '{"worksheets": [], "nbformat": 3, "metadata": {"lstmcs": {}}}',
    "cells null": '{"cells": null, "metadata": {"lstmcs": {"state": "complete"}}, "nbformat": 4, "nbformat_minor": 5}',
}  # fmt: skip


def test_a_foreign_notebook_does_not_stop_the_index(own_notebooks):
    reports = own_notebooks(_01_first="1")
    assert main(["report", "--preset", "smoke", "--workers", "0"]) == 0
    before = (reports / "index.html").read_text()
    other = reports / "notebooks" / "00_other.ipynb"
    (reports / "00_other.html").write_text("")
    for kind, text in FOREIGN.items():
        other.write_text(text)
        assert run.index(reports).read_text() == before, kind
    ours = json.loads((reports / "notebooks" / "01_first.ipynb").read_text())
    about = ours["metadata"]["lstmcs"]
    for changed in (
        {"state": "half"},
        {"done": "3"},
        {"parameters": {}},
        {"env": None},
        {"title": 5},
        {"parameters": {"datasets": "robo"}},
    ):
        other.write_text(json.dumps(ours | {"metadata": ours["metadata"] | {"lstmcs": about | changed}}))
        assert run.index(reports).read_text() == before, changed
    ours["cells"][0]["metadata"]["tags"] = [["answer"]]  # somebody's hand in one of ours: listed, and no answer of it
    other.write_text(json.dumps(ours))
    assert "00_other.html" in run.index(reports).read_text()
    for make in (other.mkdir, lambda: os.mkfifo(other)):
        shutil.rmtree(other) if other.is_dir() else other.unlink()
        make()
        assert run.index(reports).read_text() == before
