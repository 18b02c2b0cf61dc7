"""README and the pages it leads to: their code runs, their links lead somewhere, their commands do what they say.

Run for real, in a folder of its own: every `python -m lstmcs` command, and Dask's scheduler and worker. Those that train are made small
(smoke preset, one fold, the unaltered cell alone unless they name others, no worker) and write no pages, which test_report.py does; those
that need a real set do so where it is at hand. Scripts that take minutes are asked for their --help, or imported where they take no options.
Not run but read: `make` (what it would do, by `make -n`), `pip`, `conda`.
"""

import os
import re
import runpy
import shlex
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
import yaml
from architecture import MAY_IMPORT, TOP

from lstmcs import __main__, families, run_study
from lstmcs.datasets import registry
from lstmcs.study import archive
from lstmcs.study.plan import Settings
from lstmcs.study.records import Folder

ROOT = Path(__file__).parent.parent
HERE = ("README.md", "CONTRIBUTING.md", "docs/*.md", "data/**/*.md", "reports/README.md", "reports/*/README.md", "tests/**/*.md")
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for part in HERE for path in sorted(ROOT.glob(part))}
README, CONTRIBUTING, EVERYWHERE = PAGES["README.md"], PAGES["CONTRIBUTING.md"], "\n".join(PAGES.values())
COMMANDS = sorted(set(re.findall(r"python -m lstmcs ([^#`\n]*[^#`\s])", EVERYWHERE)))
MAKE = sorted(set(re.findall(r"^    make ([^#\n]*[^#\s])", EVERYWHERE, re.M)))
SCRIPTS = sorted(set(re.findall(r"python ((?:tests|data)/[\w/]+\.py(?: --\w+)?)", EVERYWHERE)))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """One home for all commands, with the file that the README calls my.csv; folds trained for one need not be for the next."""
    place = tmp_path_factory.mktemp("readme")
    rows = [f'"{word} answer number{k} sounds {word}",{word},"{word},all"' for k in range(20) for word in ("good", "bad")]
    (place / "my.csv").write_text("\n".join(["body,tag,tags", *rows]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSTMCS_HOME", str(place))
        patch.chdir(place)
        yield place


def test_the_commands_are_there():
    assert {"study", "status", "report", "data list", "data check"} <= set(COMMANDS) and len(COMMANDS) >= 10
    assert {"study", "test", "lab"} <= {line.split()[0] for line in MAKE} and len(SCRIPTS) >= 8
    assert {
        "README.md",
        "docs/study.md",
        "docs/data.md",
        "docs/cluster.md",
        "data/protocol/README.md",
        "tests/benchmarks/README.md",
    } <= set(PAGES)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_runs_small(command, place, monkeypatch, capsys):
    words = [str(ROOT / word) if word.startswith("reports/") else word for word in shlex.split(command)]
    if "edition.parquet" in words:  # of what a study has on record
        run_study(preset="smoke", folds=1, alterations=["none"], workers=0)
        archive.export(Folder(place / "data" / "records"), place / "edition.parquet")
        capsys.readouterr()
    asked = __main__._parser().parse_args(words)
    if words[0] in ("study", "report"):
        settings = __main__._settings(asked)  # as it stands it is understood
        entries = registry.entries()
        if away := [d for d in settings.datasets if d in entries and not registry.at_hand(d, entries[d])]:
            pytest.skip(f"not at hand: {', '.join(away)}")
        if "--checkpoint" in words:  # fine-tuning costs minutes: test_bert and test_price do it
            words[words.index("bert")] = "tfidf"
        words = [name for word in words for name in families.members(word)[:1]]  # of a family its first
        if "--protocols" in words:
            (place / "grid.toml").write_text("[levels]\nbatch_size = [32, 64]")
            words[words.index("--protocols") + 1] = str(place / "grid.toml")
        small = {"--preset": ["smoke"], "--workers": ["0"], "--folds": ["1"], "--alterations": ["none"]}
        words += [word for name, values in small.items() if name == "--preset" or name not in words for word in [name, *values]]
    if "--scheduler" in words:  # a running cluster is for test_cluster
        at = words.index("--scheduler")
        del words[at : at + 2]
    pages = []
    monkeypatch.setattr(__main__, "_build", lambda settings: pages.append(settings) or 0)
    assert __main__.main(words) == 0
    said = capsys.readouterr()
    assert said.err == ""
    match words[0]:
        case "study":
            asked_for = set(asked.datasets or ["robo"])
            assert {str(d) for d in pages[0].datasets} == asked_for and "folds planned" in said.out
            assert pages[0].train == ("--shard" not in words)  # the rest of a shard is another machine's
            assert list((place / "data" / "records").glob("*/*.json"))
        case "report":
            assert not pages[0].train
        case "status":
            assert "folds done" in said.out
        case "records":
            assert "records exported" in said.out
        case "data":
            assert "robo" in said.out or "my" in said.out


@pytest.mark.skipif(not shutil.which("make"), reason="no make")
@pytest.mark.parametrize("line", MAKE)
def test_make_would_do_what_is_said(line):
    done = subprocess.run(["make", "-n", *shlex.split(line)], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    target = line.split()[0]
    if target == "study":
        words = shlex.split(next(text for text in done if "-m lstmcs study" in text).split("-m lstmcs ")[1])
        found = __main__._settings(__main__._parser().parse_args(words))
        given = dict(word.split("=", 1) for word in shlex.split(line)[1:])
        expected = {name.lower(): int(value) if value.isdigit() else value for name, value in given.items()}
        assert found == Settings.of(**expected)
    else:
        wanted = {"test": ["ruff check", "ruff format --check", "-m pytest"], "lab": ["jupyter lab notebooks"]}[target]
        assert all(any(piece in text for text in done) for piece in wanted)


@pytest.mark.skipif(not shutil.which("make"), reason="no make")
@pytest.mark.parametrize("name", ["my file, new.csv", "it's.csv", 'a "b" `c`.csv', "c = 0.9 * c", "x;y|z&.csv"])
def test_a_variable_of_make_reaches_the_command_as_it_is(name):
    done = subprocess.run(
        ["make", "-n", "study", f"DATASETS={name}", f"ALTERATIONS={name}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    words = shlex.split(
        next(line for line in done.stdout.splitlines() if "-m lstmcs study" in line)
    )  # a make within make says where it is, too
    assert words[-4:] == ["--datasets", name, "--alterations", name]


def test_the_ways_without_make_are_those_of_make():
    makefile = (ROOT / "Makefile").read_text()
    assert 'pip install -c constraints.txt -e ".[dev]"' in README and '-c constraints.txt --editable ".[dev]"' in makefile
    assert all(f'".[{extra}]"' in README for extra in ("study", "lab", "dev"))
    assert "conda env create -f environment.yml" in README and yaml.safe_load((ROOT / "environment.yml").read_text())["name"] == "lstmcs"


@pytest.mark.parametrize("command", SCRIPTS)
def test_each_script_starts(command, place):
    """A script without options of its own is seconds of work, or not begun: it trains for an hour. The others list their options."""
    script, *words = command.split()
    text = (ROOT / script).read_text(encoding="utf-8")
    if "argparse" in text and not words:
        words = ["--help"]
    elif not words:
        assert 'if __name__ == "__main__":' in text and runpy.run_path(str(ROOT / script), run_name="read")
        return
    done = subprocess.run([sys.executable, str(ROOT / script), *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout, done.stderr


@pytest.fixture
def background():
    """Starts a command that runs until the test ends."""
    started = []
    yield lambda words: started.append(subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    for process in started:
        for part in [*psutil.Process(process.pid).children(recursive=True), process] if process.poll() is None else []:
            part.kill()
        process.wait()


def test_a_scheduler_and_a_worker_as_they_are_said_train_a_study(place, background, monkeypatch, capsys):
    """docs/cluster.md's three commands; of a free port, on this machine alone, with one process."""
    monkeypatch.setattr(__main__, "_build", lambda settings: 0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    said = re.findall(r"^    (dask [^#\n]*[^#\s])", PAGES["docs/cluster.md"], re.M)
    assert [line.split()[1] for line in said] == ["scheduler", "worker"] * 2  # the second two with keys: tests/test_cluster.py
    host, port = address.split(":")
    for line in said[:2]:
        words = [word.replace("HOST:8786", address).replace("HOST", host) for word in line.replace("--nworkers 4", "--nworkers 1").split()]
        words += ["--port", port, "--no-dashboard"] if "scheduler" in words else ["--no-dashboard"]
        background([sys.executable, "-m", *words])
    for _ in range(600):  # the scheduler takes a second or two to listen; the study waits for its first worker
        with socket.socket() as listening:
            if listening.connect_ex((host, int(port))) == 0:
                break
        time.sleep(0.1)
    line = next(command for command in COMMANDS if "--scheduler tcp:" in command).replace("HOST:8786", address)
    small = ["--preset", "smoke", "--folds", "1", "--alterations", "none", "--seed", "8"]
    assert __main__.main([*shlex.split(line), *small]) == 0
    out = capsys.readouterr().out
    assert "1 folds planned" in out or "1 fold planned" in out, out


def test_the_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
        assert len([line for line in block.splitlines() if line.strip()]) <= 6
    assert (tmp_path / "altered.keras").is_file()


def test_the_altered_line_is_quoted_as_it_stands_and_linked():
    quoted = re.search(r"```py\n(.*?)```", README, re.S)[1]
    cell = (ROOT / "lstmcs" / "cell.py").read_text()
    assert textwrap.indent(quoted, " " * 8) in cell and "# NEW" in quoted
    number = int(re.search(r"lstmcs/cell\.py#L(\d+)", README)[1])
    assert "# NEW" in cell.splitlines()[number - 1]


def anchors(text):
    return {re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-") for head in re.findall(r"^#+ (.+)$", text, re.M)}


@pytest.mark.parametrize("name", PAGES)
def test_links_and_paths_lead_somewhere(name):
    text = PAGES[name]
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if re.match(r"https://(doi\.org|docs\.dask\.org|github\.com)/", link):
            continue  # no network here
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), link
        assert not (anchor and target.suffix == ".md") or anchor in anchors(target.read_text(encoding="utf-8")), link
    for image in re.findall(r"!\[([^\]]*)\]", text):
        assert len(image) > 30
    for path in re.findall(r"`((?:lstmcs|data|tests|notebooks|reports)/[\w./]*)`", text):
        assert (ROOT / path).exists() or path in ("data/downloads/", "data/records/", "reports/index.html", ".venv-backends/"), path


def test_the_map_has_every_wing_and_the_house_every_module():
    wings = {path.parent.name for path in (ROOT / "lstmcs").glob("*/__init__.py")}
    assert wings == set(re.findall(r"^\| `lstmcs/(\w+)/`", README, re.M))
    top = {path.stem for path in (ROOT / "lstmcs").glob("*.py")} - {"__init__", "__main__"}
    assert top | wings == set(MAY_IMPORT) - {"__main__"}
    folders = set(re.findall(r"^\| `(\w+)/`", README, re.M))
    assert folders == {"notebooks", "reports", "data", "tests", "docs"}


def test_the_house_is_the_table_of_imports():
    rows = {}
    for names, allowed in re.findall(r"^\| ((?:`\w+/?`(?:, )?)+) \|[^|]*\| ([^|]+) \|$", CONTRIBUTING, re.M):
        for name in re.findall(r"`(\w+)/?`", names):
            rows[name] = set(re.findall(r"`([\w.]+)`", allowed)) | (set(TOP) if "the top" in allowed else set())
    rows["report"] = set(MAY_IMPORT["report"])  # said in words
    assert rows == {name: set(allowed) for name, allowed in MAY_IMPORT.items() if name != "__main__"}


def test_first_screen():
    """One line that says what it is, then the question, the picture, the answer, and the two commands."""
    marks = [README.index(mark) for mark in ("# lstmcs:", "**Does ", "](reports/", "**The answer", "make study", "make test")]
    assert marks == sorted(marks) and len(README.splitlines()[0]) < 80
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_readme_is_read_in_five_minutes():
    assert len(README.splitlines()) <= 110 and len(README.split()) <= 900


def test_the_help_of_a_study_names_the_pages_about_it(capsys):
    with pytest.raises(SystemExit):
        __main__.main(["study", "--help"])
    named = re.findall(r"docs/\w+\.md", capsys.readouterr().out)
    assert {"docs/study.md", "docs/cluster.md"} <= set(named) <= set(PAGES)  # the layer's page is not about a study
