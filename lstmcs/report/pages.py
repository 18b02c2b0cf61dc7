"""Pages: an executed notebook as one HTML file, and reports/index.html over all of them.

A page opens from disk and fetches nothing: style and pictures are inside, formulas are MathML, and the one script, which sorts tables and
gives them and pictures away as files, is the only one that the page's content policy lets run. Everything shown comes from the executed
notebook and its metadata["lstmcs"]. Cells tagged "answer" are put first, then those tagged "picture". The index is made of the summary with
most folds on record: its answer, one of its pictures (the first, a map of all sets, or for one or two sets the last, their intervals),
and, folded, what its cells tagged "evidence" say. An edition that corrects an earlier one says so in a file edition.toml beside it: `earlier`, the
path of that one's records from there, and `why`, a sentence or two; its index then has both maps side by side.
"""

import base64
import hashlib
import html
import json
import re
import shlex
from pathlib import Path

import jinja2
import nbformat
import pandas as pd
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from .. import environment, families, files
from .._version import __version__
from ..errors import EditionError
from ..stats import multiple
from ..study.archive import Archive
from ..study.plan import Settings
from . import depends, maps, show

_TEMPLATES = Path(__file__).resolve().parent / "templates"
_WIDGET = "application/vnd.jupyter.widget-view+json"
#: What run.py notes in an executed notebook, beside what may be missing: size, engine, why, table, fingerprint.
ABOUT = {**dict.fromkeys(("title", "notebook", "dataset", "preset", "state", "made"), str), **dict.fromkeys(("done", "failed", "planned"), int),
         "seconds": (int, float), "parameters": dict, "env": dict}  # fmt: skip
#: From best to worst; the study's state is the worst of its pages'.
STATES = ("complete", "partial", "failed")


def render(executed: Path) -> str:
    """An executed notebook as one self-contained HTML page."""
    notebook = nbformat.read(executed, 4)
    about = dict(notebook.metadata["lstmcs"]) | {"notice": notice(executed.parent.parent)}
    notebook.cells = _arranged(notebook.cells, about)
    exporter = HTMLExporter(extra_loaders=[jinja2.FileSystemLoader(_TEMPLATES)], template_file="page.html.j2")
    exporter.register_filter("markdown2html", lambda source: MarkdownWithMath(renderer=_Markdown(escape=False)).render(source))
    commit = about["env"]["commit"] or ""
    extra = {"title": _title(about), "footer": _footer(about), "command": command(about["parameters"]), "checkout": commit.rstrip("+")}
    text = exporter.from_notebook_node(notebook, {"lstmcs": {**about, **extra, **_frame()}})[0]
    text = text.replace("</h1>", html.escape(_of(about)) + "</h1>", 1)
    heads = re.findall(r'<h2 id="([^"]+)">(.*?)</h2>', text)
    links = "".join(f'<li><a href="#{name}">{heading}</a></li>' for name, heading in heads if name != "answer")
    contents = f'<nav class="contents" aria-label="Contents"><ol>{links}</ol></nav>' if links else ""
    return text.replace("<!--contents-->", contents, 1)


class _Markdown(IPythonRenderer):
    """Markdown whose headings can be linked to and whose formulas need no script."""

    def heading(self, text, level, **attrs):
        name = re.sub(r"[^a-z0-9]+", "-", html.unescape(re.sub("<[^>]+>", "", text)).lower()).strip("-")
        return f'<h{level} id="{name}">{text}</h{level}>\n'

    def inline_math(self, body):
        return show.math(body)

    def block_math(self, body):
        return f'<div class="scroll">{show.math(body, block=True)}</div>'


def _arranged(cells: list, about: dict) -> list:
    """Title and question, the answer, the contents, then the notebook in its order; progress is for the one who waits."""
    for cell in cells:
        cell.metadata = {"tags": cell.metadata.get("tags", [])}
        if cell.cell_type == "code":
            progress = "progress" in cell.metadata["tags"]
            cell.outputs = [o for o in cell.outputs if not (progress and o.output_type == "stream") and _WIDGET not in o.get("data", {})]
    first = next((i for i, cell in enumerate(cells) if cell.source.startswith("# ")), None)
    if first is None:
        raise ValueError(f"{about['notebook']}: no cell begins with a title, '# ...'")
    title, *rest = cells[first].source.split("\n\n")
    question = rest.pop(0) if rest and rest[0].startswith("**") else ""
    top = nbformat.v4.new_markdown_cell(title, metadata={"after": _top(question.strip("*"), about)})
    hint = nbformat.v4.new_markdown_cell("\n\n".join(rest), metadata={"before": '<!--contents--><div class="hint">', "after": "</div>"})
    others = cells[:first] + cells[first + 1 :]
    answers, pictures = ([cell for cell in others if tag in cell.metadata["tags"]] for tag in ("answer", "picture"))
    for cell in answers:
        if cell.cell_type == "markdown":  # its own heading is for JupyterLab
            cell.source = re.sub(r"^## .*\n*", "", cell.source)
            cell.metadata |= {"before": '<div class="aside">', "after": "</div>"}
    if answers:
        answers[0].metadata["before"] = '<section class="answer"><h2 id="answer">The answer</h2>' + answers[0].metadata.get("before", "")
        answers[-1].metadata["after"] = answers[-1].metadata.get("after", "") + "</section>"
    return [top, *answers, *pictures, hint, *(cell for cell in others if cell not in answers and cell not in pictures)]


def notice(folder: Path) -> str:
    """What is to be said at the top of every page of a folder of reports: the text of its notice.html, written by us."""
    try:
        return f'<p class="banner notice">{(folder / "notice.html").read_text(encoding="utf-8").strip()}</p>'
    except FileNotFoundError:
        return ""


def _top(question: str, about: dict) -> str:
    facts = [
        about["dataset"],
        f"preset {about['preset']}",
        about.get("size"),
        _folds(about, " folds on record"),
        about.get("engine"),
        about.get("padding"),
        f"made {about['made']}",
        f"commit {about['env']['commit'] or 'unknown'}",
    ]
    parts = [f'<p class="question">{html.escape(question)}</p>' if question else ""]
    parts.append(f'<p class="about">{" · ".join(html.escape(fact) for fact in facts if fact)}</p>')
    parts.insert(0, about["notice"])
    if about["state"] != "complete":
        parts.insert(0, f'<p class="banner {about["state"]}"><strong>{about["state"]}</strong>: {html.escape(about["why"])}</p>')
    return "".join(parts)


def _folds(about: dict, words: str = "") -> str:
    """Folds done of planned, where the page is about them."""
    speaks = about["dataset"] and (about["state"] != "complete" or about["done"] == about["planned"])
    return f"{about['done']} of {about['planned']}{words}" if speaks else ""


def command(parameters: dict) -> str:
    """The command line that makes a page of these parameters again; what is the preset's own is left out."""
    plain = Settings(preset=parameters["preset"]).parameters()
    words = ["python", "-m", "lstmcs", "study", "--preset", parameters["preset"]]
    for name, value in parameters.items():
        if name not in ("preset", "train") and value not in (None, []) and value != plain.get(name):
            words.append("--" + name.replace("_", "-"))
            several = value if isinstance(value, list) else [value]
            several = families.named(several) if name == "alterations" else several
            words += (
                [f"{several[0]}|"] if isinstance(value, list) and len(value) == 1 and re.search(r"[\s,]", value[0]) else map(str, several)
            )  # one name with spaces or commas
    return shlex.join(words)


def _footer(about: dict) -> list[str]:
    env = about["env"]
    options = {k: v for k, v in about["parameters"].items() if k not in ("records_dir", "train") and v not in (None, [])}
    versions = ", ".join(f"{k} {v}" for k, v in env.items() if k not in ("commit", "platform", "xla_flags"))
    return [
        f"Made {about['made']} in {about['seconds']} s. Preset {about['preset']}; {about['done']} of {about['planned']} folds on record.",
        f"Parameters: {json.dumps(options, ensure_ascii=False)}",
        f"{versions}; {env['platform']}; commit {env['commit'] or 'unknown'}",
    ]


def index(folder: Path | None = None) -> Path:
    """Write reports/index.html from the executed notebooks; returns its path."""
    folder = folder or environment.reports_dir()
    reports, front = [], {}
    for executed in sorted((folder / "notebooks").glob("*.ipynb")):
        page = folder / f"{executed.stem}.html"
        if (about := about_of(executed)) and page.is_file():
            extra = {
                "heading": about["title"] + _of(about),
                "folds": _folds(about),
                "html": page.name,
                "notebook": f"notebooks/{executed.name}",
            }
            reports.append({**about, **extra})
            shown = _front(executed)
            rank = not about["parameters"].get("protocols"), about["done"]  # a grid of protocols comes first where there is nothing else
            if shown["answer"] and shown["picture"] and rank > front.get("rank", (False, -1)):
                front = {**about, **shown, "html": page.name, "rank": rank}
    reports.sort(key=lambda r: r["html"] != front.get("html"))  # the summary first, the others as they are numbered
    beside = [r for r in reports if front and r["html"] != front["html"] and _study(r) == _study(front)]
    state = max((r["state"] for r in reports), key=STATES.index, default="")
    loader = jinja2.Environment(loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True)
    text = loader.get_template("index.html.j2").render(
        reports=reports, front=front, beside=beside, changed=jinja2.utils.markupsafe.Markup(_changed(folder)), notice=jinja2.utils.markupsafe.Markup(notice(folder)), state=state, count={word: sum(r["state"] == word for r in reports) for word in STATES},
        version=__version__, commit=environment.describe()["commit"] or "unknown", **{k: jinja2.utils.markupsafe.Markup(v) for k, v in _frame().items()},
    )  # fmt: skip
    return write(folder / "index.html", text)


def _changed(folder: Path) -> str:
    """What an edition changes of an earlier one, as HTML: the verdicts, both maps of what both have, and why. "" where it names none.

    Raises EditionError for an edition.toml that cannot be used.
    """
    if not (about := folder / "edition.toml").exists():
        return ""
    try:
        found = files.toml(about)
        earlier, why = found["earlier"], found["why"]
        if set(found) != {"earlier", "why"} or not (isinstance(earlier, str) and isinstance(why, str)):
            raise ValueError
    except (OSError, KeyError, ValueError):
        raise EditionError(f"{about}: it has two texts, earlier (a path) and why") from None
    cells = []
    for place in (folder / earlier, folder / "results.parquet"):
        results = Archive(place).rows()
        cells.append(multiple.cells(results[results["model"] == "lstm"], idle=multiple.unlearned(results)))
    known = [pd.MultiIndex.from_frame(one.loc[one["folds"] > 0, ["dataset", "alteration"]]) for one in cells]
    shared = known[0].intersection(known[1])
    before, now = (one[pd.MultiIndex.from_frame(one[["dataset", "alteration"]]).isin(shared)] for one in cells)
    pictures = show.figure(maps.verdict_map(before, beside=now), "Before: the earlier edition.").data
    pictures += show.figure(maps.verdict_map(now, beside=before), "Now: this edition.").data
    told = html.escape(depends.changed(*cells))
    return f'<p>{told}</p><p>{html.escape(why)}</p><div class="beside">{pictures}</div>'


def _study(about: dict) -> dict:
    """What the pages of one study have in common; a page may be of some of its models."""
    return {name: value for name, value in about["parameters"].items() if name != "models"}


def _front(executed: Path) -> dict[str, str]:
    """What a summary gives to the index, as HTML: answer, picture, evidence; empty texts where a notebook has none."""
    shown = {"answer": [], "picture": [], "evidence": []}
    try:
        notebook = nbformat.read(executed, 4)
        few = len(notebook.metadata["lstmcs"]["parameters"]["datasets"]) < 3
        for cell in notebook.cells:
            for tag in shown.keys() & set(cell.metadata.get("tags", [])):
                shown[tag] += [str(o["data"]["text/html"]) for o in cell.get("outputs", []) if "text/html" in o.get("data", {})]
    except (TypeError, AttributeError, KeyError):  # a notebook of ours that somebody has edited
        return dict.fromkeys(shown, "")
    chosen = {
        "answer": shown["answer"][:1],
        "picture": shown["picture"][-1:] if few else shown["picture"][:1],
        "evidence": shown["evidence"],
    }
    return {name: jinja2.utils.markupsafe.Markup("".join(pieces)) for name, pieces in chosen.items()}  # show.py has escaped what is in them


def about_of(executed: Path) -> dict:
    """What run.py noted in an executed notebook; empty if there is none, or if the file is no such notebook."""
    try:
        files.check(executed)
        about = dict(nbformat.read(executed, 4).metadata["lstmcs"])
        datasets, known = about["parameters"]["datasets"], all(isinstance(about[name], kind) for name, kind in ABOUT.items())
        return about if known and about["state"] in STATES and isinstance(datasets, list) and "commit" in about["env"] else {}
    except Exception:  # whatever a reader of notebooks makes of a file that is none
        return {}


def write(target: Path, text: str) -> Path:
    """Write a file whole or not at all."""
    with environment.whole(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return target


def _of(about: dict) -> str:
    """What a page's heading adds to its notebook's, where the page is of one data set: ": hasoc"."""
    return f": {about['dataset']}" if about.get("pages") == "each" else ""


def _title(about: dict) -> str:
    """A page's title in a browser's tab or a list of bookmarks, where two studies' pages may stand together."""
    return f"{about['title']}: {about['dataset']} ({about['preset']})" if about["dataset"] else about["title"]


def _frame() -> dict[str, str]:
    """Style, script, and the policy that lets this script alone run and nothing be fetched."""
    style, script = ((_TEMPLATES / name).read_text(encoding="utf-8") for name in ("style.css", "page.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    return {"style": style, "script": script, "policy": policy}
