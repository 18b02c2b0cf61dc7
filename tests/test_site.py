"""What the workflow puts on the web: every link of it leads somewhere, and a notebook for Colab brings what it imports."""

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from test_packaging import EXTRAS

ROOT = Path(__file__).parent.parent
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "pages.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder that the workflow's own line makes."""
    lines = "\n".join(step.get("run", "") for step in WORKFLOW["jobs"]["pages"]["steps"]).splitlines()
    [line] = [line for line in lines if line.startswith("python ")]
    target = tmp_path_factory.mktemp("web") / "_site"
    words = [str(target) if word == "_site" else word for word in shlex.split(line)[1:]]
    about = {"GITHUB_REPOSITORY": "someone/their-fork", "GITHUB_SHA": "abc123"}
    subprocess.run([sys.executable, *words], cwd=ROOT, env=os.environ | about, check=True)
    return target


def test_the_site_is_the_folder_of_reports_and_its_links_are_relative_or_the_repositorys(site):
    away = re.compile(
        r"https://(github\.com/someone/their-fork/blob/abc123|colab\.research\.google\.com/github/someone/their-fork/blob/gh-pages)/(.+)"
    )
    text = (site / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'(?:href|src)="([^"]+)"', text)
    assert {"second-edition/index.html", "first-edition/index.html", "answer.png"} <= set(links)
    for link in links:
        if found := away.fullmatch(link):
            assert ((ROOT if found[1].startswith("github") else site) / found[2].partition("#")[0]).is_file(), link
        else:
            assert (site / link).is_file(), link
    assert (
        "<!-- colab" not in text
        and re.search(r'<meta name="viewport"', text)
        and all("alt=" in tag for tag in re.findall(r"<img[^>]*>", text))
    )
    for page in site.rglob("*.html"):  # pages of an edition know nothing of the web
        assert not re.search(r'(?:href|src)="/', page.read_text(encoding="utf-8")), page.name


def test_a_notebook_for_colab_installs_first_and_is_the_repositorys_otherwise(site):
    names = [path.stem for path in (site / "colab").glob("*.ipynb")]
    assert "02_cell" in names and set(names) <= {"00_quickstart", "02_cell"}
    for name in names:
        ours, theirs = (nbformat.read(folder / f"{name}.ipynb", 4) for folder in (ROOT / "notebooks", site / "colab"))
        first, *others = theirs.cells
        assert [cell.source for cell in others] == [cell.source for cell in ours.cells]
        words = shlex.split(first.source.splitlines()[-1])
        assert words[:2] == ["%pip", "install"] and "lstmcs @ git+https://github.com/someone/their-fork@abc123" in words
        assert {str(Requirement(word)) for word in words[4:]} <= {
            str(Requirement(line)) for line in EXTRAS["study"] if "lstmcs[" not in line
        }
        for cell in ours.cells:  # what it imports by name: the standard library, Colab's own, or what is installed
            if cell.cell_type == "code" and "%" not in cell.source:
                for node in ast.walk(ast.parse(cell.source)):
                    names = (
                        [alias.name for alias in node.names]
                        if isinstance(node, ast.Import)
                        else [node.module]
                        if isinstance(node, ast.ImportFrom)
                        else []
                    )
                    tops = {name.partition(".")[0] for name in names}
                    assert tops <= {
                        *sys.stdlib_module_names,
                        "lstmcs",
                        "keras",
                        "numpy",
                        "pandas",
                        "IPython",
                        "ipywidgets",
                        "matplotlib",
                    }, tops


def test_a_push_of_reports_makes_it_and_nothing_more_is_allowed_than_to_push():
    assert WORKFLOW["permissions"] == {"contents": "write"} and "reports/**" in WORKFLOW[True]["push"]["paths"]  # YAML reads "on" as True
