"""Reports: papermill runs the notebooks for a study's settings; pages.py makes HTML of them and the index.

A page whose notebook, settings, records and code are unchanged is not run again.
"""

import hashlib
import json
import logging
import os
import re
import shutil
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

import nbformat
import pandas as pd
import papermill
import psutil
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from papermill.exceptions import PapermillExecutionError

from .. import environment, families, files
from ..errors import visible
from ..fold import Fold
from ..study.plan import Plan, Settings, plan
from .pages import about_of, index, render, write

ENGINES = {"tensorflow": "TensorFlow", "jax": "JAX", "jax-tf32": "JAX with TF32"}


def notebooks() -> dict[str, dict]:
    """Notebook -> what its metadata says of its pages (metadata["lstmcs"]), in the order of their numbers.

    pages: one a data set ("each"), one for all sets ("all"), one that needs no set ("one"), or no page ("none"). models: the kinds it shows, the
    first of which it is about; all of the study's where it names none. texts: whether it quotes documents, and so needs the data themselves.
    protocols: whether it is about a grid of protocols; a study has either these pages or the others. families: those that it is about
    (families.py); a study without a cell of them has no such page.
    """
    found = {}
    for file in sorted(environment.shared("notebooks").glob("[0-9]*.ipynb")):
        about = json.loads(file.read_text(encoding="utf-8"))["metadata"].get("lstmcs", {})
        found[file.stem] = {"pages": "all", "models": [], "texts": False, "protocols": False, "families": []} | about
    return found


def build(settings: Settings, say=print) -> tuple[Path, list[str]]:
    """Run and render every notebook for `settings`, then the index: (path of the index, names of failed pages)."""
    folder = (
        environment.reports_dir() if settings.store.trains else settings.store.path.resolve().parent
    )  # an edition's pages lie beside it
    for part in ("notebooks", "tables"):
        files.folder(folder / part)
    _clear_leftovers(folder)
    failed = []
    for notebook, about in notebooks().items():
        if about["pages"] == "none" or about["protocols"] != bool(settings.protocols):
            continue
        if about["families"] and not {cell for name in about["families"] for cell in families.members(name)} & set(settings.alterations):
            continue
        models = [model for model in settings.models if model in about["models"]] if about["models"] else list(settings.models)
        if about["models"] and about["models"][0] not in models:
            continue
        for dataset in settings.datasets if about["pages"] == "each" else [None]:
            chosen = {"models": models} | ({"datasets": [dataset]} if dataset else {})
            if _page(notebook, about, Settings.of(**settings.parameters() | chosen), folder, say) == "failed":
                failed.append(notebook)
    return index(folder), failed


def _page(notebook: str, kind: dict, settings: Settings, folder: Path, say) -> str:
    """One page: executed notebook, HTML, and the tidy table behind it. Returns its state."""
    work = plan(settings)
    name = _name(notebook, kind, work)
    executed = folder / "notebooks" / f"{name}.ipynb"
    about = about_of(executed)
    if kind["texts"] and not all(map(work.data.at_hand, work.data)):
        say(f"{name}: only results are at hand, not the data; " + ("the page that is there stays" if about else "no page"))
        return about.get("state", "complete")
    if kind["pages"] == "each" and kind["models"] and not any(fold.model == kind["models"][0] for fold in work.folds):
        say(f"{name}: the edition holds no fold of {kind['models'][0]}; no page")
        return "complete"
    fingerprint = _fingerprint(notebook, work)
    if about.get("fingerprint") != fingerprint or about.get("state") == "failed":
        say(f"running {notebook}" + (f" on {', '.join(work.data)}" if kind["pages"] != "one" else "") + " ...")
        about = _execute(notebook, kind, work, executed) | {"fingerprint": fingerprint}
        about["why"] = without_places(about["why"])
        if kind["pages"] != "one" and not (results := work.results()).empty:
            about |= {"table": f"tables/{name}.csv"} | (
                {} if kind["texts"] else {"engine": trained_by(results), "padding": masked(work.folds)}
            )
            results.to_csv(folder / about["table"], index=False)
        _store(executed, about)
    write(folder / f"{name}.html", render(executed))
    return about["state"]


def _execute(notebook: str, kind: dict, work: Plan, target: Path) -> dict:
    """Run a notebook with papermill under a temporary name; a failed one is kept too, and says so."""
    temporary = target.with_suffix(f".{os.getpid()}.running.ipynb")
    logging.getLogger("papermill").setLevel(logging.ERROR)  # it repeats the progress of each cell
    source = environment.shared("notebooks", f"{notebook}.ipynb")
    started, why, state = time.perf_counter(), "", "complete"
    try:
        papermill.execute_notebook(
            source, temporary, parameters=_parameters(source, work.settings), kernel_name="python3", kernel_manager_class=ThisPython,
            cwd=Path.cwd(), progress_bar=False, extra_arguments=["--log-level=50"],  # what a cell raises is in the notebook
        )  # fmt: skip
    except PapermillExecutionError as error:
        state, why = "failed", f"{error.ename}: {error.evalue}"
    except Exception as error:  # the kernel is gone (killed, out of memory), or never came: this page failed, others need not
        state, why = "failed", f"{type(error).__name__}: {visible(error)[:300]}"
        if not temporary.exists():
            shutil.copyfile(source, temporary)
    except BaseException:  # Ctrl-C
        temporary.unlink(missing_ok=True)
        raise
    temporary.replace(target)
    count = Counter(work.states().values())
    of_folds = kind["pages"] != "one" and not kind["texts"]
    if state == "complete" and of_folds and count["done"] < len(work.folds):
        state, why = "partial", f"{count['done']} of {len(work.folds)} planned folds are on record, {count['failed']} failed"
    heading = nbformat.read(source, 4).cells[0].source.splitlines()[0]  # of the source: papermill puts a failure first
    return {
        "title": heading.lstrip("# "), "notebook": notebook, "pages": kind["pages"], "dataset": ", ".join(work.data) if kind["pages"] != "one" else "",
        "preset": work.settings.preset, "size": work.size if of_folds else "", "state": state, "why": why,
        "done": count["done"], "failed": count["failed"], "planned": len(work.folds),
        "made": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"), "seconds": round(time.perf_counter() - started, 1),
        "parameters": work.settings.parameters(), "env": environment.describe(),
    }  # fmt: skip


def trained_by(results: pd.DataFrame) -> str:
    """Which engine trained the networks on record, on which device, in words; by data set where they differ. Cells of one fold that several
    trained are counted: a part of what differs between them is the engines'."""
    rows = results[results["engine"].notna() & (results["state"] == "done")]
    by = rows["engine"].map(ENGINES).fillna(rows["engine"]) + (" on " + rows["device"].astype("string")).fillna("")
    sets = rows["dataset"].groupby(by, sort=False).unique()
    if sets.empty:
        return ""
    several = by.groupby([rows[name] for name in ("dataset", "model", "run", "fold")]).nunique() > 1
    named = [f"{name} ({', '.join(names)})" if len(sets) > 1 else name for name, names in sets.items()]
    mixed = f"; the cells of {several.sum()} of {len(several)} folds by more than one of these" if several.any() else ""
    return f"trained by {' and '.join(named)}{mixed}"


def masked(folds: Iterable[Fold]) -> str:
    """On which data sets the networks pass over the padding, in words; nothing where none does, or where a grid of protocols tries both."""
    of_sets = {}
    for fold in folds:
        if fold.padding is not None:
            of_sets.setdefault(fold.dataset, set()).add(fold.padding)
    found = [name for name, ways in of_sets.items() if ways == {"mask"}]
    return "padding masked" + (f" ({', '.join(found)})" if len(found) < len(of_sets) else "") if found else ""


def _clear_leftovers(folder: Path, older_than: float = 3600) -> None:
    """Remove what reports that were killed left behind: unfinished files, and notebooks whose process is gone."""
    environment.clear([*folder.glob(environment.LEFTOVER), *folder.glob(f"*/{environment.LEFTOVER}")], older_than)
    running = [path for path in folder.glob("notebooks/*.running.ipynb") if re.search(r"\.\d{1,9}\.running\.ipynb$", path.name)]
    environment.clear([path for path in running if not psutil.pid_exists(int(path.name.split(".")[-3]))], older_than)


def _parameters(source: Path, settings: Settings) -> dict:
    """What a notebook is given: the parameters that its own cell names, and whatever else is not left to its default."""
    given, own = settings.parameters(), papermill.inspect_notebook(source)
    usual = Settings(**{name: given[name] for name in ("preset", "records_dir", "protocols", "design") if name in own}).parameters()
    return {name: value for name, value in given.items() if name in own or value != usual[name]}


class ThisPython(AsyncKernelManager):
    """A kernel of the Python that runs the study, whatever kernels are installed on the machine."""

    @property
    def kernel_spec(self):
        return KernelSpec(argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], language="python")


def _name(notebook: str, kind: dict, work: Plan) -> str:
    if kind["pages"] == "one":
        return notebook
    names = "_".join(work.data)
    slug = re.sub(r"[^A-Za-z0-9_-]+", "_", names)[:60]
    if slug != names:  # two names may come to the same one
        slug += "-" + hashlib.sha256(names.encode()).hexdigest()[:6]
    return f"{notebook}--{slug}" + ("" if kind["texts"] else f"--{work.settings.preset}")


def _fingerprint(notebook: str, work: Plan) -> str:
    """Hash of all that a page depends on: notebook, settings, data, what the records say, the paper's tables and the package's own files."""
    about = work.settings.parameters(), sorted({fold.data_sha256 for fold in work.folds}), sorted(work.states().values())
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    tables = [file for part in ("paper", "protocol") for file in sorted(environment.shared("data", part).glob("*.csv"))]
    code = sorted(Path(__file__).resolve().parent.parent.rglob("*.py"))
    for file in [environment.shared("notebooks", f"{notebook}.ipynb"), environment.shared("data", "datasets.toml"), *tables, *code]:
        digest.update(file.read_bytes())
    digest.update(work.results().to_csv(index=False).encode())
    return digest.hexdigest()[:20]


def without_places(text: str) -> str:
    """A warning, an error or its traceback without the folders of this machine, which are nobody else's business."""
    python, home = sysconfig.get_paths(), os.path.expanduser("~")
    places = {
        str(Path(__file__).resolve().parent.parent): "lstmcs", python["purelib"]: "site-packages", python["stdlib"]: "python", sys.prefix: "python",
        str(environment.home()): ".", str(Path.cwd()): ".",
    }  # fmt: skip
    places |= {
        "~" + place.removeprefix(home): name for place, name in places.items() if place.startswith(home + os.sep)
    }  # as IPython has them
    places[home] = "~"
    for place in sorted(places, key=len, reverse=True):
        if len(Path(place).parts) > 1:  # not the root, where a study in a container may be
            text = text.replace(place + os.sep, places[place] + "/")
    return re.sub(r"\S*[/\\]ipykernel_\d+[/\\]\d+\.py", "cell", text)


def _store(executed: Path, about: dict) -> None:
    notebook = nbformat.read(executed, 4)
    notebook.metadata["lstmcs"] = about
    for output in (output for cell in notebook.cells for output in cell.get("outputs", ())):
        for name in {"text", "evalue"} & set(output):
            output[name] = without_places(output[name])
        if "traceback" in output:
            output["traceback"] = [without_places(line) for line in output["traceback"]]
    for where in ("input_path", "output_path"):  # folders of this machine, which are nobody else's business
        notebook.metadata.get("papermill", {}).pop(where, None)
    write(executed, nbformat.writes(notebook))
