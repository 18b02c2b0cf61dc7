"""run_study: resume, failures, shards, progress and the command line; training itself is replaced by a made-up fold where it can be."""

import re
import shlex
import sys
from collections import Counter

import numpy as np
import pytest
import reference_bert
from pretend import fake_fold, fake_train

from lstmcs.__main__ import main
from lstmcs.errors import EditionError, SettingsError, Stopped
from lstmcs.models import checkpoints, kinds
from lstmcs.study import progress, sweep, worker
from lstmcs.study.plan import Settings, plan
from lstmcs.study.sweep import curves, results, run_study


@pytest.fixture
def trained(monkeypatch, home):
    """Counts the folds that are trained."""
    calls = []
    monkeypatch.setattr(progress, "EVERY", 0)  # a line a fold
    monkeypatch.setattr(worker, "train", lambda prepared, folds: calls.extend(folds) or fake_train(prepared, folds))
    return calls


def test_reseeds_are_shown_as_what_they_are(trained, capsys):
    frame = run_study(alterations=["H-2"], models=["lstm"], folds=3, workers=0)
    assert frame["alteration"].value_counts().to_dict() == {"none": 3, "H-2": 3, "reseed-1": 3}
    assert "same cell, other seeds run 1 fold 3" in capsys.readouterr().out
    main(["status", "--alterations", "H-2", "--models", "lstm", "--folds", "3", "--reseeds", "2"])
    out = capsys.readouterr().out
    assert "9 of 12 folds done" in out and "same cell, other seeds   done 3" in out and "same cell, other seeds 2 done 0" in out
    assert plan(Settings(alterations=["H-2"], folds=3)).results(reading="subset")["accuracy"].eq(1).all()  # from the predictions


def test_resume_trains_only_what_is_missing(trained, home, capsys):
    options = {"alterations": ["H-2"], "folds": 4, "reseeds": 0, "workers": 0, "models": ["lstm"]}
    first = run_study(**options)
    assert len(trained) == 8 and len(first) == 8 and (first["state"] == "done").all()
    again = run_study(**options)
    assert len(trained) == 8 and again.equals(first)
    assert "8 on record, 0 to train" in capsys.readouterr().out
    run_study(**options | {"folds": 5})
    assert len(trained) == 10
    next((home / "data" / "records" / "robo").glob("*.json")).write_text("damaged")
    run_study(**options | {"folds": 5})
    assert len(trained) == 11 and len(list((home / "data" / "records" / "robo").glob("*.bad"))) == 1
    assert "set aside" in capsys.readouterr().err
    run_study(**options | {"seed": 7, "train": False})
    assert len(trained) == 11


def test_failed_folds_stay_visible_and_are_trained_again_only_on_request(trained, capsys):
    options = {"alterations": ["C-1"], "folds": 3, "reseeds": 0, "workers": 0, "models": ["lstm"]}
    frame = run_study(**options)
    assert frame["state"].value_counts().to_dict() == {"done": 5, "failed": 1}
    assert frame.loc[frame["state"] == "failed", "error"].tolist() == ["loss is nan in epoch 1"]
    assert "failed: robo C-1 run 1 fold 2: loss is nan" in capsys.readouterr().out
    run_study(**options)
    assert len(trained) == 6
    run_study(**options, retry_failed=True)
    assert len(trained) == 7


def test_skip_finished_resume_unfinished_and_retry_failed_are_three_things(trained):
    options = {"alterations": ["C-1"], "folds": 3, "reseeds": 0, "workers": 0, "models": ["lstm"]}
    run_study(**options)  # C-1 fold 2 fails
    del trained[:]

    def asked(folds=4, **how):
        run_study(**options | {"folds": folds}, **how)
        found = sorted((fold.cell, fold.fold) for fold in trained)
        del trained[:]
        return found

    both = [("C-1", 4), ("none", 4)]
    assert asked(resume_unfinished=False) == []
    assert asked(resume_unfinished=False, retry_failed=True) == [("C-1", 2)]
    assert asked() == both
    assert asked() == []
    assert asked(skip_finished=False) == [("C-1", 1), ("C-1", 3), ("C-1", 4), *(("none", fold) for fold in range(1, 5))]
    assert asked(folds=5, retry_failed=True) == [("C-1", 2), ("C-1", 5), ("none", 5)]


@pytest.mark.parametrize(("words", "trains"), [([], True), (["--shard", "1/2"], False), (["--no-resume-unfinished"], False)])
def test_the_pages_of_a_part_train_nothing_more(words, trains, trained, monkeypatch):
    """The notebooks call run_study themselves: they would train the other shard's folds, and those that were to be left."""
    built = []
    monkeypatch.setattr("lstmcs.__main__._build", lambda settings: built.append(settings) or 0)
    assert main(["study", "--alterations", "none", "--folds", "2", "--reseeds", "0", "--workers", "0", *words]) == 0
    assert [settings.train for settings in built] == [trains] and built[0].folds == 2


def test_the_same_by_command_line(trained, monkeypatch, capsys):
    monkeypatch.setattr("lstmcs.__main__._build", lambda settings: 0)
    words = ["study", "--alterations", "C-1", "--models", "lstm", "--folds", "3", "--reseeds", "0", "--workers", "0"]
    assert main(words) == 1 and len(trained) == 6
    err = capsys.readouterr().err
    assert "failed: robo C-1 run 1 fold 2: loss is nan" in err and "1 of 6 folds failed" in err and "--retry-failed" in err
    for more, count in (
        (["--retry-failed"], 1),
        (["--no-skip-finished"], 5),
        (["--folds", "4", "--no-resume-unfinished"], 0),
        (["--folds", "4"], 2),
    ):
        del trained[:]
        main([*words, *more])
        assert len(trained) == count, more


def test_fail_fast_stops_at_the_first_failure(trained, capsys):
    assert (
        main(["study", "--alterations", "C-1", "--models", "lstm", "--folds", "9", "--reseeds", "0", "--workers", "0", "--fail-fast"]) == 1
    )
    assert [fold.cell for fold in trained] == ["none", "C-1", "none", "C-1"] and len(results()) == 4
    out = capsys.readouterr().out
    assert "stopped at the first failure" in out and "14 left" in out and "report:" not in out


@pytest.mark.parametrize("of", [1, 2, 3, 7, 40])
def test_shards_part_the_folds_and_keep_the_cells_of_a_fold_together(of):
    work = plan(Settings(preset="quick", runs=2))
    shards = [sweep.in_shard(list(work.folds), sweep.check_shard(f"{number}/{of}")) for number in range(1, of + 1)]
    assert sorted(fold.key for shard in shards for fold in shard) == sorted(fold.key for fold in work.folds)
    for shard in shards:
        groups = {(fold.run, fold.fold) for fold in shard}
        assert len(shard) == (19 + 2) * len(groups) and len(groups) in (20 // of, -(-20 // of))


def test_a_fold_that_another_study_finished_is_neither_trained_nor_overwritten_by_a_failure(trained, home, monkeypatch, capsys):
    options = {"alterations": ["H-2"], "folds": 3, "reseeds": 0, "workers": 0, "models": ["lstm"]}
    work = plan(Settings.of(**options))

    def meanwhile(prepared, folds):
        """While the first fold is trained, another study finishes all."""
        trained.extend(folds)
        if len(trained) == 1:
            for other in work.folds:
                work.store.write(*fake_fold(None, other))
        return [worker.failure(fold, "WorkerLost", "gone") for fold in folds]

    monkeypatch.setattr(worker, "train", meanwhile)
    frame = run_study(**options)
    assert len(trained) == 1 and (frame["state"] == "done").all() and len(frame) == 6
    assert "5 done by another study" in capsys.readouterr().out


def test_a_plan_and_a_status_prepare_no_data_and_import_no_tensorflow(home):
    import subprocess
    import sys

    program = """
import sys
from lstmcs.datasets import preprocess
preprocess.prepare = None
from lstmcs.__main__ import main
assert main(["status"]) == 0 and "tensorflow" not in sys.modules and "distributed" not in sys.modules
"""
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    assert "0 of 90 folds done" in out.stdout


def test_one_worker_and_two_workers_give_the_same_bits(home, monkeypatch, capsys):
    """Real training, on the smallest preset; test_cluster.py compares this process with workers of a cluster."""
    monkeypatch.setattr(progress, "EVERY", 0)
    found = []
    for count in (1, 2):
        options = {"preset": "smoke", "alterations": ["C-1"], "epochs": 2, "workers": count, "records_dir": str(home / f"r{count}")}
        work = plan(Settings.of(**options))
        found.append((run_study(**options)[["alteration", "fold", "epoch", "macro_f1", "loss", "val_loss", "key"]], work.curves()))
        said = Counter(re.findall(r"compiling (\S+) for robo", capsys.readouterr().out))
        assert set(said) == {"none", "C-1"} and max(said.values()) <= count  # a worker that compiles says so, once
    assert len(found[0][0]) == 4 and len(found[0][1]) == 8 and all(one.equals(two) for one, two in zip(*found))


VARIED = {
    "epochs": 3, "learning_rate": 0.01, "batch_size": 8, "embedding": 16, "units": 12, "dropout": 0.1, "patience": 2, "rule": "last", "padding": "mask",
}  # fmt: skip


@pytest.mark.parametrize("command", ["study", "status", "report"])
def test_what_is_varied_on_the_command_line_reaches_the_settings(command, trained, monkeypatch, capsys):
    """Each option alone, and all together."""
    shown = []
    monkeypatch.setattr("lstmcs.__main__._build", lambda settings: shown.append(settings) or 0)
    monkeypatch.setattr("lstmcs.__main__.plan", lambda settings, plan=plan: shown.append(settings) or plan(settings))
    for asked in [*({name: value} for name, value in VARIED.items()), VARIED]:
        del shown[:], trained[:]
        words = [command, "--alterations", "none", "--models", "lstm", "--folds", "1", "--reseeds", "0", "--workers", "0"]
        assert main([*words, *(word for name, value in asked.items() for word in (f"--{name.replace('_', '-')}", str(value)))]) == 0
        settings = Settings(alterations=("none",), models="lstm", folds=1, reseeds=0, workers=0, train=command != "report", **asked)
        assert shown and all(one == settings for one in shown), asked
        if command == "study" and asked != {"rule": "last"}:  # other records than those of the study before
            assert trained == list(plan(settings).folds), asked


def test_the_engine_on_the_command_line_reaches_the_study(trained, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr("lstmcs.__main__._build", lambda settings: 0)
    monkeypatch.setattr(worker, "engine", lambda name, models=(): asked.append((name, tuple(models))) or "tensorflow")
    words = ["study", "--alterations", "none", "--folds", "1", "--reseeds", "0", "--workers", "0"]
    for more in ([], ["--engine", "jax-tf32"], ["--engine", "tensorflow", "--models", "tfidf"]):
        assert main([*words, *more]) == 0
    assert asked == [("auto", kinds.MODELS), ("jax-tf32", kinds.MODELS), ("tensorflow", ("tfidf",))] and len(trained) == 3


def test_jax_trains_side_by_side_in_this_process_and_a_scheduler_is_for_tensorflow(trained, monkeypatch):
    """Which engine was asked for is what trains; the rest of the sweep is the same."""
    how = []

    def side_by_side(data, queue, tf32, compiling):
        how.append(tf32)
        while folds := queue.take("here", worker.ALL):
            compiling(folds[0])
            yield from fake_train(None, folds)

    monkeypatch.setattr(worker, "engine", lambda name, models=(): name)
    monkeypatch.setattr(worker, "side_by_side", side_by_side)
    for name in ("jax", "jax-tf32"):
        frame = run_study(alterations=["H-2"], models=["lstm"], folds=2, engine=name, seed=len(how), workers=2)
        assert (frame["state"] == "done").all() and len(frame) == 6
    assert how == [False, True] and not trained
    with pytest.raises(SettingsError, match="engine 'jax' trains in this process; a scheduler's workers train with TensorFlow"):
        run_study(alterations=["H-2"], folds=3, engine="jax", scheduler="tcp://127.0.0.1:8786")


def test_the_rule_of_the_settings_is_what_a_study_returns(trained):
    """The same records, whatever is read of them."""
    options = {"alterations": ["none"], "folds": 2, "reseeds": 0, "workers": 0, "models": ["lstm"]}
    best, never = run_study(**options), run_study(**options, rule="epoch=2")
    assert len(trained) == 2 and best["macro_f1"].notna().all() and never["macro_f1"].isna().all()
    assert best["key"].tolist() == never["key"].tolist() and (best["epoch"] == 1).all()
    assert results()["macro_f1"].tolist() == best["macro_f1"].tolist() and results(rule="epoch=2")["macro_f1"].isna().all()
    assert results(rule={"robo": 1})["macro_f1"].tolist() == best["macro_f1"].tolist()
    assert len(curves()) == 2 and curves()["test_macro_f1"].tolist() == best["macro_f1"].tolist()
    with pytest.raises(SettingsError, match="rule 'paper' is for a plan"):
        results(rule="paper")
    with pytest.raises(SettingsError, match="did you mean 'last'"):
        results(rule="lst")
    for read in (results, curves):  # the study's own folder may be empty; one that is asked for by name is there
        with pytest.raises(EditionError, match="no such folder of records: 'recrods'"):
            read("recrods")
    assert run_study(**options, rule="paper", train=False)["macro_f1"].isna().all()  # the stand-in has no row of the paper's


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["study", "--preset", "quikc"], "did you mean 'quick'"),
        (["study", "--datasets", "robbo"], "did you mean 'robo'"),
        (["status", "--alterations", "C-13"], "unknown alteration 'C-13'"),
        (["study", "--alterations", "c = c * import"], "cannot read formula"),
        (["report", "--folds", "12"], "folds must be"),
        (["study", "--epochs", "0"], "epochs must be a whole number from 1 to 1000, not 0"),
        (["study", "--learning-rate", "2"], "learning_rate must be a number from 1e-07 to 1, not 2.0"),
        (["study", "--learning-rate", "fast"], "learning_rate must be a number from 1e-07 to 1, not 'fast'"),
        (["status", "--batch-size", "0.5"], "batch_size must be a whole number from 1 to 4096, not '0.5'"),
        (["study", "--dropout", "1"], "dropout must be a number from 0 to 0.95, not 1.0"),
        (["report", "--embedding", "0"], "embedding must be"),
        (["study", "--units", "9999"], "units must be"),
        (["study", "--patience", "-1"], "patience must be"),
        (["report", "--rule", "bset"], "unknown rule 'bset' (did you mean 'best'?)"),
        (["study", "--engine", "jaks"], "unknown engine 'jaks' (did you mean 'jax'?)"),
        (["status", "--engine", "jax"], "unrecognized arguments: --engine"),
        (["study", "--epoch", "3"], "did you mean '--epochs'"),
        (["study", "--folds", "two"], "folds must be a whole number from 1 to 10, not 'two'"),
        (["study", "--reps", "2"], "unrecognized arguments: --reps"),
        (["data", "show"], "needs one name"),
        (["data", "show", "nothing.csv"], "no such file"),
        (["dance"], "invalid choice: 'dance' (choose from"),
        (["stady", "--folds", "2"], "(did you mean 'study'?)"),
        (["records", "exprot", "a.parquet"], "(did you mean 'export'?)"),
        (["--versio"], "unrecognized arguments: --versio (did you mean '--version'?)"),
        ([], "a command is required: study | status | report | records | data"),
    ],
)
def test_wrong_command_lines_say_so_in_one_line(arguments, says, capsys, home):
    try:
        code = main(arguments)
    except SystemExit as exit:
        code = exit.code
    error = capsys.readouterr().err
    assert code == 2 and says in error and "Traceback" not in error
    assert not list(home.iterdir())


def test_status_and_data_commands(trained, capsys):
    assert main(["status", "--alterations", "C-1", "--models", "lstm", "--folds", "3", "--reseeds", "0"]) == 0
    assert "0 of 6 folds done, 0 failed, 6 missing" in capsys.readouterr().out
    run_study(alterations=["C-1"], models=["lstm"], folds=3, reseeds=0, workers=0)
    main(["status", "--alterations", "C-1", "--models", "lstm", "--folds", "3", "--reseeds", "0"])
    out = capsys.readouterr().out
    assert "5 of 6 folds done, 1 failed, 0 missing" in out and re.search(r"robo +C-1 +done 2  failed 1  missing 0\n", out)
    main(["status", "--alterations", "C-1", "--models", "lstm", "--folds", "6", "--reseeds", "0", "--workers", "1"])
    assert "about 10 seconds left with 1 worker(s)" in capsys.readouterr().out  # 6 folds of 1 s, 2 cells to compile of 2 s each
    assert main(["data", "list"]) == 0 and "stand-in" in capsys.readouterr().out
    assert main(["data", "show", "robo"]) == 0 and "525 documents, 5 classes" in capsys.readouterr().out


def test_a_report_of_nothing_says_so_before_its_pages_are_made(trained, monkeypatch, capsys):
    monkeypatch.setattr("lstmcs.report.run.build", lambda settings: ("index.html", []))
    options = ["--alterations", "C-1", "--models", "lstm", "--folds", "1", "--reseeds", "0"]
    assert main(["report", *options, "--records-dir", "recrods"]) == 0
    assert capsys.readouterr().err == "nothing of this study is on record in recrods; its pages will say so\n"
    run_study(alterations=["C-1"], models=["lstm"], folds=1, reseeds=0, workers=0)
    assert main(["report", *options]) == 0 and capsys.readouterr().err == ""


def test_ctrl_c_keeps_what_is_done(trained, monkeypatch, capsys):
    def interrupted(prepared, folds):
        if folds[0].fold == 3:
            raise KeyboardInterrupt
        return fake_train(prepared, folds)

    monkeypatch.setattr(worker, "train", interrupted)
    assert main(["study", "--alterations", "none", "--models", "lstm", "--workers", "0"]) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert len(results()) == 4  # two folds of the unaltered cell and of its reseed


def test_progress_and_status_name_the_model(trained, capsys):
    options = ["--alterations", "none", "--models", "lstm", "tfidf", "--folds", "1", "--reseeds", "0"]
    run_study(alterations=["none"], models=["lstm", "tfidf"], folds=1, reseeds=0, workers=0)
    assert "robo tfidf none run 1 fold 1" in capsys.readouterr().out
    main(["status", *options])
    out = capsys.readouterr().out
    assert "2 of 2 folds done" in out and "robo       none " in out and "robo       tfidf none" in out


def test_a_reference_bert_is_measured_once_where_another_stands_in(home, trained, monkeypatch, tmp_path, capsys):
    """The page of models says what BERT-base would cost; it is measured by the study, never by a page."""
    measured = []
    monkeypatch.setattr("lstmcs.training.bert.cost_of_base", lambda prepared, fold: measured.append(fold) or {"parameters": 7})
    options = {"models": ["tfidf", "bert"], "folds": 2, "workers": 0, "checkpoint": str(reference_bert.write(tmp_path / "tiny"))}
    for _ in range(2):
        run_study(**options)
    [fold] = measured
    work = plan(Settings(**options))
    assert (fold.model, fold.run, fold.fold) == ("bert", 1, 1) and work.store.cost(fold) == {"parameters": 7}
    assert "measuring what BERT-base would cost on robo" in capsys.readouterr().out
    assert work.costs_of_base()[["dataset", "parameters"]].values.tolist() == [["robo", 7]]
    run_study(**options | {"seed": 1, "train": False})
    run_study(**options | {"seed": 2}, resume_unfinished=False)
    assert len(measured) == 1  # nothing is trained, nothing is measured
    assert not checkpoints.stands_in("bert", {"name": "google-bert/bert-base-uncased"}) and not checkpoints.stands_in("tfidf", None)


def rows_of(path, count, short=0):
    """A file of so many documents, some of them of three words, which preparation drops."""
    long = [f"robots lift heavy boxes number{n} here" for n in range(count - short)]
    text = [*long, *(f"three words {n}" for n in range(short))]
    path.write_text("text,label\n" + "".join(f"{line},{'ab'[n % 2]}\n" for n, line in enumerate(text)))
    return str(path)


@pytest.mark.parametrize(
    ("count", "short", "says"),
    [(9, 0, "lstmcs: few: 9 documents are too few for 10 folds"),
     (30, 21, "lstmcs: few: 9 documents are too few for 10 folds; the file has 30, preparation drops the rest"),
     (30, 30, "lstmcs: few: none of 30 documents has the 5 words that min_words asks for")],
)  # fmt: skip
@pytest.mark.parametrize("models", ["lstm", "tfidf"])
def test_too_few_documents_are_one_error_before_anything(models, count, short, says, trained, home, tmp_path, capsys):
    words = ["study", "--preset", "smoke", "--workers", "0", "--models", models, "--datasets", rows_of(tmp_path / "few.csv", count, short)]
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.startswith(says) and len(err.splitlines()) == 1 and not trained
    assert not (home / "data").exists() and not (home / "reports").exists()


def test_a_study_says_at_once_what_preparation_drops(trained, tmp_path, capsys):
    """Of a file of one's own: of a registered set the registry says it."""
    run_study(preset="smoke", workers=0, datasets=[rows_of(tmp_path / "own.csv", 30, 18), "robo"])
    lines = capsys.readouterr().out.splitlines()
    at = lines.index(
        "own: preparation leaves 12 of 30 documents (40 %); most go with the step 'documents under 5 words dropped', 18 of them (min_words=1 keeps them)"
    )
    assert at < next(number for number, line in enumerate(lines) if line.startswith("estimated"))
    assert not any(line.startswith("robo: ") for line in lines)


def test_a_file_whose_name_has_spaces_and_commas_is_one_data_set(trained, home, tmp_path, capsys, monkeypatch):
    """One shell word, a list, or papermill's text; and what a page says of it can be given again."""
    from lstmcs.report import pages

    monkeypatch.chdir(tmp_path)
    rows_of(tmp_path / "my file, new.csv", 20)
    monkeypatch.setattr("lstmcs.__main__._build", lambda settings: 0)
    for command, more in (("study", ["--workers", "0"]), ("status", []), ("report", [])):
        assert main([command, "--preset", "smoke", "--alterations", "H-2", "--datasets", "my file, new.csv", *more]) == 0
    assert "4 of 4 folds done" in capsys.readouterr().out
    settings = Settings("smoke", datasets="robo my file, new.csv")
    assert settings.datasets == ("robo", "my file, new.csv")
    words = shlex.split(pages.command(Settings("smoke", datasets=["my file, new.csv"]).parameters()))
    monkeypatch.chdir(home.parent)  # where the file is not
    from lstmcs.__main__ import _parser, _settings

    assert _settings(_parser().parse_args(words[3:])).datasets == ("my file, new.csv",)


@pytest.mark.parametrize("name", ["skip_finished", "resume_unfinished", "retry_failed", "fail_fast", "yes"])
@pytest.mark.parametrize("value", ["x", "no", [], 0, 1, "", np.array(True)], ids=repr)
def test_a_switch_is_true_or_false_and_nothing_that_counts_as_either(name, value, home):
    with pytest.raises(SettingsError, match=f"^{name} must be True or False, not "):
        run_study(alterations=["none"], folds=1, workers=0, **{name: value})
    assert not list(home.iterdir())


@pytest.mark.parametrize("name, right", [("engin", "engine"), ("shards", "shard"), ("fold", "folds"), ("alteration", "alterations")])
def test_a_misspelt_option_is_told_the_nearest_of_all_that_there_are(name, right, home):
    with pytest.raises(
        SettingsError, match=rf"^unknown parameter '{name}' \(did you mean '{right}'\?\); parameters are preset, .*engine, yes$"
    ):
        run_study(**{name: "x"})
    assert not list(home.iterdir())


def test_a_folder_taken_away_stops_the_study_and_is_not_made_again(trained, home, monkeypatch, capsys):
    """39 folds trained and 32 on record was exit code 0."""
    monkeypatch.setattr("lstmcs.__main__._build", lambda settings: 0)
    folder = home / "data" / "records"
    real = worker.train

    def moved(prepared, folds):
        if len(trained) == 3:
            folder.rename(home / "elsewhere")
        return real(prepared, folds)

    monkeypatch.setattr(worker, "train", moved)
    assert main(["study", "--alterations", "H-2", "--folds", "4", "--reseeds", "0", "--models", "lstm", "--workers", "0"]) == 1
    assert "the folder has been taken away while the study ran" in capsys.readouterr().err and not folder.exists() and len(trained) == 4
    (home / "elsewhere").rename(folder)
    assert len(run_study(alterations=["H-2"], folds=4, reseeds=0, models=["lstm"], workers=0)) == 8 and len(trained) == 9


def test_records_taken_away_are_counted_at_the_end(trained, home, monkeypatch):
    real = worker.train

    def taken(prepared, folds):
        if len(trained) == 5:
            for path in home.glob("data/records/robo/*.json"):
                path.unlink()
        return real(prepared, folds)

    monkeypatch.setattr(worker, "train", taken)
    with pytest.raises(
        Stopped, match=r"5 of the 8 records that were written to .* are not there any more, that of robo none run 1 fold 1 for one"
    ):
        run_study(alterations=["H-2"], folds=4, reseeds=0, models=["lstm"], workers=0)


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(("kind", "says"), [("link", "is a link to a place that is not there"), ("file", "is a file, not a folder")])
def test_what_is_no_folder_is_said_before_anything_is_trained(kind, says, inside, trained, home):
    """In the place of the records, or of the records of one data set."""
    place = home / "mine" / "robo" if inside else home / "mine"
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(home / "nowhere") if kind == "link" else place.write_text("")
    with pytest.raises(SettingsError, match=re.escape(f"{place} {says}") if kind == "link" or inside else "is a file, not a folder"):
        run_study(alterations=["H-2"], folds=1, reseeds=0, workers=0, records_dir=str(home / "mine"))
    assert not trained and not (home / "nowhere").exists()


def test_status_looks_at_damage_and_a_study_sets_it_aside(trained, home, capsys):
    options = ["--alterations", "H-2", "--folds", "2", "--reseeds", "0", "--models", "lstm"]
    run_study(alterations=["H-2"], folds=2, reseeds=0, models=["lstm"], workers=0)
    bad, inside, *_ = sorted((home / "data" / "records" / "robo").glob("*.json"))
    bad.write_text("damaged")
    inside.unlink()
    inside.mkdir()
    (inside / "mine.txt").write_text("")
    for _ in range(2):
        capsys.readouterr()
        assert main(["status", *options]) == 0
        said = capsys.readouterr()
        assert "2 of 4 folds done, 0 failed, 2 missing" in said.out and said.err.count("its fold counts as missing") == 2
        assert bad.read_text() == "damaged" and inside.is_dir()
    assert len(run_study(alterations=["H-2"], folds=2, reseeds=0, models=["lstm"], workers=0)) == 4 and len(trained) == 6
    assert capsys.readouterr().err.count("set aside as") == 2 and (inside.with_suffix(".bad") / "mine.txt").exists()


def test_names_and_messages_of_others_do_not_steer_the_terminal(trained, home, monkeypatch, capsys):
    monkeypatch.setattr("lstmcs.__main__._build", lambda settings: 0)
    monkeypatch.setattr(worker, "train", lambda prepared, folds: [worker.failure(fold, "E", "\x1b[31mred\udcff") for fold in folds])
    file = home / "\x1b[2Jset.csv"
    file.write_text("text,label\n" + "".join(f"the quick brown fox jumps {'good' if n % 2 else 'bad'},{n % 2}\n" for n in range(40)))
    words = ["--datasets", str(file), "--alterations", "none", "--folds", "1", "--reseeds", "0", "--models", "lstm"]
    assert main(["study", "--workers", "0", *words]) == 1 and main(["status", *words]) == 0
    assert main(["status", "--records-dir", str(home / "\x1b[31m.parquet")]) == 2
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err and said.err.count("\\x1b[31mred\\udcff") == 1 and "\\x1b[31m.parquet" in said.err


def test_a_machine_without_the_packages_of_reports_says_so_when_all_is_trained(trained, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "nbformat", None)
    monkeypatch.delitem(sys.modules, "lstmcs.report.run", raising=False)
    monkeypatch.delattr("lstmcs.report.run", raising=False)
    assert main(["study", "--preset", "smoke", "--models", "lstm", "--workers", "0"]) == 1 and len(trained) > 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "lstmcs: every finished fold is on record; a report of them needs pip install lstmcs[study] (no package nbformat here)"
