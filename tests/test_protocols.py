"""Grids of protocols: designs counted by hand, folds beside those of a study with the same options, bad files, and a study from plan to edition."""

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from made_up import records_of

from lstmcs import protocols, run_study
from lstmcs.__main__ import main
from lstmcs.errors import EditionError, SettingsError
from lstmcs.study.plan import Settings, plan
from lstmcs.study.schedule import Estimate, Queue, reference

ROOT = Path(__file__).parent.parent


@pytest.fixture
def grid(tmp_path):
    """Writes a grid's file; its name."""

    def written(levels: str, design: str = "") -> str:
        file = tmp_path / "grid.toml"
        file.write_text(f"{design and f'design = {design!r}'}\n[levels]\n{levels}\n", encoding="utf-8")
        return str(file)

    return written


def settings(file, **more) -> Settings:
    return Settings.of(
        **{"protocols": file, "alterations": ["C-1"], "reseeds": 0, "folds": 2, "datasets": ["robo"], "models": ["lstm"]} | more
    )


THREE = "learning_rate = [0.001, 0.0005, 0.002]\nunits = [104, 64]\nrule = ['best', 'last']"


def test_the_three_designs(grid):
    one = protocols.read(grid(THREE)).protocols
    assert [p.name for p in one] == ["default", "learning_rate=0.0005", "learning_rate=0.002", "units=64", "rule=last"]
    assert one[3].levels == {"learning_rate": 0.001, "units": 64, "rule": "best"}
    full = protocols.read(grid(THREE), "full").protocols
    assert len(full) == len({p.name for p in full}) == 12 and full[0].name == "default"
    assert full[-1].name == "learning_rate=0.002; units=64; rule=last"
    frame = protocols.frame(full)
    assert list(frame) == ["learning_rate", "units", "rule"] and frame.loc["units=64"].tolist() == [0.001, 64, "best"]


@pytest.mark.parametrize(("sizes", "count"), [((3, 2, 3, 2, 2), 36), ((2, 2, 2), 4), ((2,) * 7, 8), ((3, 3, 3, 3), 9), ((2, 4), 32)])
def test_in_a_balanced_design_any_two_levels_meet_equally_often(grid, sizes, count):
    names = ["learning_rate", "units", "batch_size", "embedding", "epochs", "patience", "min_letters"]
    levels = "\n".join(f"{name} = {[1, 2, 3, 4][:size]}" for name, size in zip(names, sizes) if name != "learning_rate")
    levels += f"\nlearning_rate = {[0.1, 0.2, 0.3, 0.4][: sizes[0]]}\nrule = ['best', 'loss', 'last']"
    found = protocols.read(grid(levels, f"balanced {count}")).protocols
    assert len(found) == 3 * count and found[0].name == "default"
    for a, b in combinations(found[0].levels, 2):
        meet = Counter((p.levels[a], p.levels[b]) for p in found)
        assert len(set(meet.values())) == 1 and len(meet) == len({p.levels[a] for p in found}) * len({p.levels[b] for p in found})


def test_a_number_that_no_array_has_is_an_error_that_names_those_that_have(grid):
    with pytest.raises(SettingsError, match=r"no balanced design of 12 .* 3, 2 levels; 36, 54 can"):
        protocols.read(grid("units = [8, 16, 32]\nbatch_size = [32, 64]"), "balanced 12")
    with pytest.raises(SettingsError, match="no number can; dimensions of 2 and 3"):
        protocols.read(grid(f"units = {list(range(1, 8))}"), "balanced 49")


@pytest.mark.parametrize(
    ("level", "options"),
    [
        ("learning_rate = [0.001, 0.0005]", {"learning_rate": 0.0005}), ("units = [104, 64]", {"units": 64}), ("dropout = [0.2, 0]", {"dropout": 0.0}),
        ("batch_size = [32, 64]", {"batch_size": 64}), ("padding = ['pre', 'mask']", {"padding": "mask"}), ("embedding = [256, 8]", {"embedding": 8}),
        ("epochs = [20, 3]", {"epochs": 3}), ("patience = [9, 4]", {"patience": 4}),
    ],
)  # fmt: skip
def test_a_protocol_is_the_study_with_that_option(grid, level, options):
    """Also in its records' keys: what was trained for one is on record for the other."""
    work = plan(settings(grid(level)))
    alone = plan(Settings(alterations=["C-1"], reseeds=0, folds=2, models=["lstm"], **options))
    default, other = work.protocols.values()
    assert [f.key for f in other] == [f.key for f in alone.folds] and work.folds == (*default, *other)
    assert work.names_of_protocols[other[0]] == next(iter(p.name for p in work.protocols if p.name != "default"))


def test_the_study_itself_is_the_default_protocol(grid):
    work = plan(settings(grid("learning_rate = [0.001, 0.002]\npadding = ['pre', 'post']\nstop_words = ['sklearn', 'none']")))
    usual = plan(Settings(alterations=["C-1"], reseeds=0, folds=2, models=["lstm"]))
    assert [f.key for f in next(iter(work.protocols.values()))] == [f.key for f in usual.folds] and len(work.folds) == 16


def test_a_model_that_reads_no_ids_is_trained_once_for_all_protocols_of_one_preparation(grid):
    levels = "units = [104, 64]\npadding = ['pre', 'mask']\nstop_words = ['sklearn', 'none']"
    work = plan(settings(grid(levels), models=["lstm", "constant"], folds=1))
    constant = {p.name: [f for f in folds if f.model == "constant"] for p, folds in work.protocols.items()}
    assert constant["default"] == constant["units=64"] == constant["padding=mask"] != constant["stop_words=none"]
    assert sum(f.model == "constant" for f in work.folds) == 2 and all(f.training == {} for (f,) in constant.values())
    assert Settings(protocols=grid(levels)).models == ("lstm", "constant")


def test_texts_are_prepared_as_the_protocol_says(grid, tmp_path):
    (tmp_path / "my.csv").write_text("text,label\n" + "a dog runs and runs there all day long,b\nthe cat sits on a mat,a\n" * 10)
    name = f"{tmp_path / 'my.csv'}?min_tokens=1&min_letters=1"
    work = plan(settings(grid("stop_words = ['sklearn', 'none']\npadding = ['pre', 'post']"), datasets=[name]))
    usual, kept, after = (work.data.of(folds[0]) for folds in work.protocols.values())
    assert "the" in kept.vocabulary and "the" not in usual.vocabulary and usual is work.data["my"]
    assert usual.ids[1, 0] == 0 < usual.ids[1, -1] and after.ids[1, -1] == 0 < after.ids[1, 0] and work.data.of(work.folds[-1]) is after
    alone = plan(Settings(datasets=[f"{name}&stop_words=none"], alterations=["C-1"], reseeds=0, folds=2, models=["lstm"]))
    assert [f.key for f in list(work.protocols.values())[1]] == [f.key for f in alone.folds]


def test_a_rule_costs_no_training_and_reads_another_epoch(grid, home):
    work = plan(settings(grid("rule = ['best', 'last', 'epoch=1']\nunits = [104, 64]")))
    assert len(work.folds) == 8 and len(work.protocols) == 4
    records_of(work)
    found = work.results()
    assert found.groupby("choices", sort=False)["epoch"].unique().map(list).to_dict() == {
        "default": [3.0], "rule=last": [4.0], "rule=epoch=1": [1.0], "units=64": [3.0],
    }  # fmt: skip
    assert len(found) == 16 and list(found)[-1] == "choices"
    curves = work.curves()  # 8 trainings of 4 epochs, four of them under three names
    assert curves.groupby("choices", sort=False).size().to_dict() == {"default": 16, "rule=last": 16, "rule=epoch=1": 16, "units=64": 16}
    assert set(work.results_by_rule()) == {"best", "loss", "accuracy", "last"}
    with pytest.raises(SettingsError, match="rule 'paper' reads one protocol"):
        work.results(rule="paper")
    pd.testing.assert_frame_equal(work.levels(), protocols.frame(work.protocols))


def test_results_of_a_grid_of_which_half_is_missing(grid, home):
    work = plan(settings(grid(THREE)))
    assert work.results().empty and "choices" in work.results()
    records_of(work, all_but=len(work.folds) // 2)
    assert work.results()["choices"].unique().tolist() == ["default", "learning_rate=0.0005", "rule=last"]
    assert len(work.levels()) == 5


def test_protocols_are_trained_one_after_the_other_each_with_all_its_cells(grid):
    work = plan(settings(grid("units = [104, 64]\nbatch_size = [32, 64]"), runs=2))
    queue, order = Queue(work.folds), []
    while folds := queue.take("here"):
        order += folds
    assert [(f.run, work.names_of_protocols[f]) for f in order[::4]] == [
        (run, n) for run in (1, 2) for n in ("", "units=64", "batch_size=64")
    ]
    assert all(len({(f.run, f.setting) for f in order[k : k + 4]}) == 1 for k in range(0, 24, 4))


def test_the_time_of_a_protocol_that_is_not_on_record_comes_from_those_that_are(grid, home):
    work = plan(settings(grid("batch_size = [32, 64]\nepochs = [40, 20]")))
    records_of(work, all_but=8)  # the default's four: 2 s each
    estimate = Estimate(work)
    default, larger, shorter = (folds[0] for folds in work.protocols.values())
    assert estimate.knows(default) and not estimate.knows(larger)
    assert estimate.fold(default) == 2.0 and estimate.fold(shorter) == pytest.approx(1.0, rel=0.05)
    work_of = [reference(work.data["robo"], fold) for fold in (default, larger)]
    assert estimate.fold(larger) == pytest.approx(2.0 * work_of[1] / work_of[0])


def test_trained_exported_and_read_again(grid, home, capsys):
    """The preset smoke, really trained: two cells, two folds, under three protocols."""
    file = grid("padding = ['pre', 'post']\nlearning_rate = [0.001, 0.01]")
    results = run_study(preset="smoke", protocols=file, alterations=["C-1"], models=["lstm"], workers=0)
    assert results.groupby("choices").size().to_dict() == dict.fromkeys(["default", "padding=post", "learning_rate=0.01"], 4)
    assert (results["state"] == "done").all() and "C-1 run 1 fold 2, learning_rate=0.01" in capsys.readouterr().out
    assert main(["records", "export", str(home / "all.parquet")]) == 2
    assert "name the grid of protocols" in capsys.readouterr().err
    assert main(["records", "export", str(home / "all.parquet"), "--several"]) == 0
    edition = plan(Settings.of(protocols=file, records_dir=str(home / "all.parquet")))
    pd.testing.assert_frame_equal(edition.results()[list(results)], results, check_dtype=False)
    assert set(edition.states().values()) == {"done"} and len(edition.folds) == 12
    with pytest.raises(EditionError, match="lie together"):
        Settings.of(records_dir=str(home / "all.parquet"))
    capsys.readouterr()
    assert main(["status", "--records-dir", str(home / "all.parquet"), "--protocols", file]) == 0
    assert re.search(r"robo +padding=post +done 4  failed 0  missing 0", capsys.readouterr().out)
    assert main(["records", "restore", str(home / "all.parquet"), "--records-dir", str(home / "again")]) == 0
    assert "12 records" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("levels", "says"),
    [
        ("learning_rat = [0.1]", "unknown dimension 'learning_rat' (did you mean 'learning_rate'?)"),
        ("pad_side = ['post']", "the side is a level of padding: pre, post, mask"),
        ("units = 64", "units must be a list of levels, the default first, not 64"), ("units = []", "units must be a list of levels"),
        ("units = [64, 64]", "units has the level 64 twice"), ("dropout = [0, 0.0]", "dropout has the level 0.0 twice"),
        ("units = [0]", "units must be a whole number from 1 to 4096, not 0"), ("units = ['64']", "not '64'"), ("units = [true]", "not True"),
        ("learning_rate = [nan]", "learning_rate must be a number from 1e-07 to 1, not nan"), ("epochs = [1e3]", "epochs must be a whole number"),
        ("padding = ['left']", "padding must be pre, post, mask, not 'left'"), ("padding = [['pre']]", "padding must be pre, post, mask"),
        ("rule = ['bst']", "unknown rule 'bst' (did you mean 'best'?)"), ("rule = ['paper']", "rule 'paper' is no level"), ("rule = [3]", "unknown rule 3"),
        ("stop_words = ['nltkk']", "stop_words must be 'none' or 'sklearn' or 'nltk', not 'nltkk' (did you mean 'nltk'?)"),
        ("min_tokens = [-1]", "min_tokens must be a whole number"), ("units = [[1]]", "not [1]"), ("units = [{a = 1}]", "units must be a whole number"),
    ],
)  # fmt: skip
def test_a_wrong_level_is_one_line_that_names_it(grid, levels, says, capsys):
    assert main(["status", "--protocols", (file := grid(levels))]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"lstmcs: {file}: ") and says in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "a grid has a table [levels]"), (b"[levels]", "a grid has a table [levels]"), (b"levels = 3", "a grid has a table [levels]"),
        (b"[level]\nunits = [1]", "unknown key 'level' (did you mean 'levels'?)"), (b"[levels", "is no TOML file"), (b"\xff\xfe", "is no TOML file"),
        (b"design = 3\n[levels]\nunits = [1, 2]", "unknown design 3"), (b"design = 'balanced'\n[levels]\nunits = [1, 2]", "(did you mean 'balanced N'?)"),
        (b"a = " + b"[" * 100_000, "is no TOML file"), (b"design = 'balanced 0'\n[levels]\nunits = [1, 2]", "unknown design 'balanced 0'"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_grid_is_one_line(tmp_path, content, says, capsys):
    (file := tmp_path / "g.toml").write_bytes(content)
    assert main(["status", "--protocols", str(file)]) == 2
    error = capsys.readouterr().err
    assert says in error and str(file) in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--protocols", "nowhere.toml"], "no such grid of protocols: nowhere.toml"), (["--protocols", "."], "it is a folder"),
        (["--design", "full"], "design 'full' is of a grid of protocols"), (["--protocols", "data/protocols.toml", "--design", "fulll"], "(did you mean 'full'?)"),
        (["--protocols", "data/protocols.toml", "--units", "64"], "units is a dimension of data/protocols.toml"),
        (["--protocols", "data/protocols.toml", "--models", "bert"], "bert has none of the dimensions of data/protocols.toml; models of a grid are lstm, simple, tfidf, constant"),
        (["--protocols", "data/protocols.toml", "--rule", "last"], "rule is a dimension of data/protocols.toml"),
        (["--protocols", "a\nb"], "no such grid of protocols: a b"),
    ],
)  # fmt: skip
def test_a_grid_and_the_other_options(words, says, capsys, home):
    assert main(["status", *words]) == 2
    assert says in (error := capsys.readouterr().err) and error.count("\n") == 1


def test_the_full_design_has_a_limit(grid):
    with pytest.raises(SettingsError, match="the full design has 4000 protocols; at most 2000 are allowed"):
        protocols.read(grid(f"units = {list(range(1, 101))}\nbatch_size = {list(range(1, 41))}"), "full")


def test_the_grid_that_comes_with_the_study():
    """Each first level is the study's own, so that its default protocol is the study."""
    work = plan(Settings(protocols="data/protocols.toml", datasets=["robo"], models=["lstm"], folds=1, reseeds=0))
    assert len(work.protocols) == 14 and len({f.setting for f in work.folds}) == 11
    usual = plan(Settings(models=["lstm"], folds=1, reseeds=0))
    default = next(iter(work.protocols.values()))
    assert [f.key for f in default] == [f.key for f in usual.folds]


def test_the_page_of_the_committed_grid_from_its_records_by_hand():
    """Each protocol's name and mean differences, from the configurations that its records hold and nothing else."""
    folder = ROOT / "reports" / "protocols"
    tidy = pd.read_parquet(folder / "results.parquet").query("model == 'lstm' and state == 'done'")
    usual = {"learning_rate": 0.001, "units": 104, "dropout": 0.2, "batch_size": 32, "stop_words": "sklearn", "min_documents": 0.00015}
    names = []
    for text in tidy["record"]:
        about = json.loads(text)["config"]
        found = about["training"] | about["sizes"] | about["preparation"]
        changed = [f"{name}={found[name]}" for name, level in usual.items() if found[name] != level]
        padding = "mask" if about["padding"] == "mask" else about["preparation"]["pad_side"]
        names.append("; ".join(changed + [f"padding={padding}"] * (padding != "pre")) or "default")
    scores = tidy.assign(protocol=names).pivot(index=["protocol", "dataset", "run", "fold"], columns="alteration", values="macro_f1")
    by_hand = {
        (protocol, dataset, cell): f"{100 * (rows[cell] - rows['none']).dropna().mean():.2f}"
        for (protocol, dataset), rows in scores.groupby(["protocol", "dataset"])
        for cell in ("C-1", "H-2", "reseed-1") if (rows[cell] - rows["none"]).notna().sum() > 1
    }  # fmt: skip
    page = BeautifulSoup(next(folder.glob("07_protocols*.html")).read_text(encoding="utf-8"), "html.parser")
    table = next(figure for figure in page.find_all("figure", "table") if figure.figcaption.text.startswith("Macro F1, points."))
    shown = {}
    for row in table.tbody.find_all("tr"):
        protocol, dataset, cell, folds, mean = [found.get_text(" ", strip=True) for found in row.find_all("td")[:5]]
        if "rule=" not in protocol and int(folds) > 1:
            shown[protocol, dataset, "reseed-1" if cell.startswith("same cell") else cell.split()[0]] = mean
    assert shown == by_hand and len(shown) > 20
