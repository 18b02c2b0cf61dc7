"""Reports: papermill runs the notebooks, nbconvert renders them, reports/index.html lists them.

Each page is one file without scripts that opens from disk and fetches nothing. The index is made from the metadata
of the executed notebooks alone. A page whose notebook, settings, records and code are unchanged is not run again.
"""

import hashlib
import json
import logging
import re
import time
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import jinja2
import nbformat
import papermill
from nbconvert import HTMLExporter
from papermill.exceptions import PapermillExecutionError

from . import __version__, environment, paths
from .plan import Plan, Settings, plan

#: Notebook -> what its pages are about: one page a data set ("each"), one for all sets ("all"), one that needs none ("").
NOTEBOOKS = {"01_data": "each", "02_cell": "", "03_alterations": "each", "04_summary": "all", "05_transformers": "all"}
_TEMPLATES = Path(__file__).resolve().parent / "templates"


def build(settings: Settings, say=print) -> tuple[Path, list[str]]:
    """Run and render every notebook for `settings`, then the index: (path of the index, names of failed pages)."""
    folder = paths.reports_dir()
    for part in ("notebooks", "tables"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    failed = []
    for notebook, about in NOTEBOOKS.items():
        for dataset in settings.datasets if about == "each" else [None]:
            chosen = Settings.of(**settings.parameters() | ({"datasets": [dataset]} if dataset else {}))
            if _page(notebook, chosen, folder, say) == "failed":
                failed.append(notebook)
    return index(folder), failed


def _page(notebook: str, settings: Settings, folder: Path, say) -> str:
    """One page: executed notebook, HTML, and the tidy table behind it. Returns its state."""
    work = plan(settings)
    name = _name(notebook, work)
    executed = folder / "notebooks" / f"{name}.ipynb"
    fingerprint = _fingerprint(notebook, work)
    about = _about(executed)
    if about.get("fingerprint") != fingerprint or about.get("state") == "failed":
        say(f"running {notebook}" + (f" on {', '.join(work.data)}" if NOTEBOOKS[notebook] else "") + " ...")
        about = _execute(notebook, work, executed) | {"fingerprint": fingerprint}
        if NOTEBOOKS[notebook] and not (results := work.results()).empty:
            about["table"] = f"tables/{name}.csv"
            results.to_csv(folder / about["table"], index=False)
        _store(executed, about)
    _write(folder / f"{name}.html", render(executed))
    return about["state"]


def _execute(notebook: str, work: Plan, target: Path) -> dict:
    """Run a notebook with papermill under a temporary name; a failed one is kept too, and says so."""
    temporary = target.with_suffix(".running.ipynb")
    logging.getLogger("papermill").setLevel(logging.ERROR)  # it repeats the progress of each cell
    source = paths.shared("notebooks", f"{notebook}.ipynb")
    started, why, state = time.perf_counter(), "", "complete"
    try:
        papermill.execute_notebook(
            source, temporary, parameters=work.settings.parameters(),
            kernel_name="python3", cwd=paths.home(), progress_bar=False, extra_arguments=["--log-level=40"],
        )  # fmt: skip
    except PapermillExecutionError as error:
        state, why = "failed", f"{error.ename}: {error.evalue}"
    temporary.replace(target)
    count = Counter(work.states().values())
    if state == "complete" and NOTEBOOKS[notebook] and notebook != "01_data" and count["done"] < len(work.folds):
        state, why = "partial", f"{count['done']} of {len(work.folds)} planned folds are on record, {count['failed']} failed"
    heading = nbformat.read(source, 4).cells[0].source.splitlines()[0]  # of the source: papermill puts a failure first
    return {
        "title": heading.lstrip("# "), "notebook": notebook, "dataset": ", ".join(work.data) if NOTEBOOKS[notebook] else "",
        "preset": work.settings.preset, "state": state, "why": why, "done": count["done"], "planned": len(work.folds),
        "made": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"), "seconds": round(time.perf_counter() - started, 1),
        "parameters": work.settings.parameters(), "env": environment.describe(),
    }  # fmt: skip


def render(executed: Path) -> str:
    """An executed notebook as one self-contained HTML page."""
    notebook = nbformat.read(executed, 4)
    about = notebook.metadata["lstmcs"]
    for cell in notebook.cells:  # progress lines are for the one who waits, not for the reader
        if "progress" in cell.metadata.get("tags", []):
            cell.outputs = [o for o in cell.outputs if o.output_type != "stream"]
    title = about["title"] + (f": {about['dataset']}" if about["dataset"] else "")
    exporter = HTMLExporter(extra_loaders=[jinja2.FileSystemLoader(_TEMPLATES)], template_file="page.html.j2")
    resources = {"lstmcs": {**about, "title": title, "style": _style(), "footer": _footer(about)}}
    return exporter.from_notebook_node(notebook, resources)[0]


def index(folder: Path | None = None) -> Path:
    """Write reports/index.html from the executed notebooks' metadata; returns its path."""
    folder = folder or paths.reports_dir()
    reports = []
    for executed in sorted((folder / "notebooks").glob("*.ipynb")):
        if about := _about(executed):
            folds = f"{about['done']} of {about['planned']}" if about["dataset"] else ""
            reports.append({**about, "folds": folds, "html": f"{executed.stem}.html", "notebook": f"notebooks/{executed.name}"})
    loader = jinja2.Environment(loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=False)
    text = loader.get_template("index.html.j2").render(
        reports=reports, style=_style(), version=__version__, commit=environment.describe()["commit"] or "unknown"
    )
    return _write(folder / "index.html", text)


def _name(notebook: str, work: Plan) -> str:
    if not NOTEBOOKS[notebook]:
        return notebook
    slug = re.sub(r"[^A-Za-z0-9_-]+", "_", "_".join(work.data))[:60]
    return f"{notebook}--{slug}" + ("" if notebook == "01_data" else f"--{work.settings.preset}")


def _fingerprint(notebook: str, work: Plan) -> str:
    """Hash of all that a page depends on: notebook, settings, data, records and the package's own files."""
    package = Path(__file__).resolve().parent
    digest = hashlib.sha256(json.dumps(work.settings.parameters(), sort_keys=True).encode())
    for file in [paths.shared("notebooks", f"{notebook}.ipynb"), *sorted(package.glob("*.py"))]:
        digest.update(file.read_bytes())
    for prepared in work.data.values():
        digest.update(prepared.dataset.sha256.encode())
    for path, state in sorted(work.states().items()):
        digest.update(f"{Path(path).name} {state}".encode())
    return digest.hexdigest()[:20]


def _footer(about: dict) -> list[str]:
    env = about["env"]
    options = {k: v for k, v in about["parameters"].items() if k not in ("records_dir", "train") and v not in (None, [])}
    versions = ", ".join(f"{k} {v}" for k, v in env.items() if k not in ("commit", "platform", "xla_flags"))
    return [
        f"Made {about['made']} in {about['seconds']} s. Preset {about['preset']}; {about['done']} of {about['planned']} folds on record.",
        f"Parameters: {json.dumps(options)}",
        f"{versions}; {env['platform']}; commit {env['commit'] or 'unknown'}",
    ]


def _about(executed: Path) -> dict:
    try:
        return dict(nbformat.read(executed, 4).metadata.get("lstmcs", {}))
    except (OSError, ValueError, nbformat.reader.NotJSONError):
        return {}


def _store(executed: Path, about: dict) -> None:
    notebook = nbformat.read(executed, 4)
    notebook.metadata["lstmcs"] = about
    _write(executed, nbformat.writes(notebook))


def _write(target: Path, text: str) -> Path:
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    return temporary.replace(target)


def _style() -> str:
    return (_TEMPLATES / "style.css").read_text(encoding="utf-8")
