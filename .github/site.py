"""The web site of a repository: reports/ as it is, a front page, and two notebooks that Colab can open.

    python .github/site.py FOLDER

The workflow pages.yml runs it and pushes FOLDER as branch gh-pages. Needs mistune and nbformat; GITHUB_REPOSITORY (owner/name) and
GITHUB_SHA say which repository it is of, so a fork's site is the fork's own.
"""

import os
import re
import shutil
import sys
from pathlib import Path

import mistune
import nbformat

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ("00_quickstart", "02_cell")
ABSENT = ("latex2mathml", "pooch", "distributed")  # what these notebooks import and Colab does not have


def install(repository: str, commit: str) -> str:
    """The line that brings the layer and the little else which Colab lacks; TensorFlow and pandas stay Colab's own."""
    study = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]["study"]
    others = [line for line in study if re.match(r"[\w-]+", line)[0] in ABSENT]
    return f'%pip install --quiet "lstmcs @ git+https://github.com/{repository}@{commit}" ' + " ".join(f'"{line}"' for line in others)


def for_colab(notebook: Path, line: str, target: Path) -> None:
    """The notebook with a first cell that installs."""
    read = nbformat.read(notebook, 4)
    note = "# on Colab: once, about a minute; if it asks for a restart, restart and go on below\n"
    read.cells.insert(0, nbformat.v4.new_code_cell(note + line, id="install"))
    nbformat.write(read, target)


def front(repository: str, commit: str) -> str:
    """reports/README.md as a page. Links to texts of the repository lead there; those to pages are relative."""
    text = (ROOT / "reports" / "README.md").read_text(encoding="utf-8")
    colab = f"https://colab.research.google.com/github/{repository}/blob/gh-pages/colab"
    badges = " · ".join(f"[Open `{name}` in Colab]({colab}/{name}.ipynb)" for name in there())
    text = text.replace("<!-- colab -->", f"Try it without installing anything: {badges}." if badges else "")

    def at_home(found: re.Match) -> str:
        path = (ROOT / "reports" / found[1]).resolve().relative_to(ROOT).as_posix()
        return f"](https://github.com/{repository}/blob/{commit}/{path}{found[2]})"

    body = mistune.html(re.sub(r"\]\(([^):#]+\.md)(#?[^)]*)\)", at_home, text))
    style = (ROOT / "lstmcs" / "report" / "templates" / "style.css").read_text(encoding="utf-8")
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Altered LSTM cells</title><style>{style}
img {{ max-width: 100%; height: auto; }} td, th {{ text-align: left; white-space: normal; }}</style></head><body><main>
{body}</main></body></html>
"""


def there() -> list[str]:
    return [name for name in NOTEBOOKS if (ROOT / "notebooks" / f"{name}.ipynb").is_file()]


def main(target: Path) -> None:
    repository, commit = os.environ["GITHUB_REPOSITORY"], os.environ["GITHUB_SHA"]
    shutil.copytree(ROOT / "reports", target)
    (target / "index.html").write_text(front(repository, commit), encoding="utf-8")
    (target / ".nojekyll").touch()  # names that begin with "_" are files too
    (target / "colab").mkdir()
    for name in there():
        for_colab(ROOT / "notebooks" / f"{name}.ipynb", install(repository, commit), target / "colab" / f"{name}.ipynb")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
