"""Command line: lstmcs (or python -m lstmcs) study | status | report | records | data. Exit codes: 0 fine, 1 something failed, 2 wrong input, 130
interrupted, 141 the output was no longer read."""

from __future__ import annotations  # the types of a study that may not be installed

import argparse
import os
import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from . import environment
from ._version import __version__
from .errors import DataError, InputError, MissingPackage, Stopped, missing, nearest, visible
from .fold import Fold, label
from .models.kinds import KINDS
from .rules import COMMON, RULES

MISSING = None
try:
    from .protocols import DEFAULT, DESIGNS
    from .study.archive import ENDING, Archive, export, store
    from .study.plan import PRESETS, Settings, plan
    from .study.records import Folder
    from .study.schedule import Estimate, duration
    from .study.sweep import run_study
    from .study.worker import ENGINES
except ModuleNotFoundError as error:  # the layer is installed without the study
    MISSING = missing(error, "the command lstmcs")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code. Wrong input is one line on stderr, never a traceback."""
    if MISSING:
        print(f"lstmcs: {MISSING}", file=sys.stderr)
        return 2
    if hasattr(sys.stdout, "reconfigure"):  # a name that the terminal's encoding lacks is shown as an escape
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()
    except OSError as error:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python would try once more at its end
        if isinstance(error, BrokenPipeError):  # whoever read the output has gone, as `head` does once it has its lines
            return 141
        print(f"lstmcs: the output cannot be written: {error.strerror or error}", file=sys.stderr)
        return 1


def _run(arguments: list[str] | None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.error(f"a command is required: {' | '.join(COMMANDS)}")
    environment.prepare()
    before = None
    try:
        if options.command is study and threading.current_thread() is threading.main_thread():
            before = signal.signal(signal.SIGTERM, _interrupt)  # how a batch system says that time is up
        return options.command(options)
    except KeyboardInterrupt:
        print("\nstopped; every finished fold is on record, the same command goes on from there", file=sys.stderr)
        return 130
    except ValueError as error:  # SettingsError, FormulaError, DataError: the user's input, said in their own words
        print(f"lstmcs: {_line(error)}", file=sys.stderr)
        return 2
    except (Stopped, MissingPackage, OSError) as error:  # full disk, lost scheduler, a file that cannot be read or written
        if isinstance(error, OSError):
            print(flush=True)  # fails again, if it was the output
        print(f"lstmcs: {_line(error)}", file=sys.stderr)
        return 1
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def _interrupt(*_) -> None:
    raise KeyboardInterrupt


def _line(error: Exception) -> str:
    text = visible(" ".join(str(error).split())) or type(error).__name__
    return text if len(text) < 900 else text[:600] + " ... " + text[-300:]


def study(options) -> int:
    settings = _settings(options)
    print(f"preset {settings.preset}; data sets {visible(', '.join(settings.datasets))}; models {', '.join(settings.models)}; {len(settings.alterations)} cells"
          f"{f' and {settings.reseeds} with other seeds' if settings.reseeds else ''}{_grid(settings)}, {settings.runs} run(s) x {settings.folds} folds; {settings.workers or 'no'} worker(s)", flush=True)  # fmt: skip
    results = run_study(**_how(options), **settings.parameters())
    failed = results[results["state"] == "failed"]
    for row in failed.itertuples():
        print(visible(f"failed: {row.dataset} {label(row.alteration)} run {row.run} fold {row.fold}: {row.error}"), file=sys.stderr)
    if len(failed):
        print(
            f"{len(failed)} of {len(results)} folds failed; each record keeps its error and log; --retry-failed trains them again",
            file=sys.stderr,
        )
        if options.fail_fast:
            return 1
    if options.shard or not options.resume_unfinished:  # the rest is not for this command to train, nor for a notebook's kernel
        settings = _showing(settings)
    return max(_build(settings), int(len(failed) > 0))


def _grid(settings: Settings) -> str:
    if not settings.grid:
        return ""
    of = settings.grid.protocols
    trained = len({tuple(level for name, level in one.levels.items() if name != "rule") for one in of})
    return f" under {len(of)} protocols ({settings.grid.design}; {trained} to train)"


def _how(options) -> dict:
    """How the folds are trained: what of the command line is no Settings."""
    names = ("skip_finished", "resume_unfinished", "retry_failed", "fail_fast", "scheduler", "shard", "engine", "yes")
    return {name: getattr(options, name) for name in names}


def report(options) -> int:
    settings = _showing(_settings(options))
    work = plan(settings)  # wrong data end here, before there is a page
    if set(work.states().values()) == {"missing"}:
        print(f"nothing of this study is on record in {visible(work.store)}; its pages will say so", file=sys.stderr)
    return _build(settings)


def _showing(settings: Settings) -> Settings:
    return Settings.of(**settings.parameters() | {"train": False})


def status(options) -> int:
    work = plan(_settings(options))
    states = work.states()

    def row(fold: Fold) -> tuple[str, str]:
        return visible(fold.dataset), work.names_of_protocols[fold] or DEFAULT if work.protocols else label(fold.row)

    count = Counter((*row(fold), states[fold]) for fold in work.folds)
    total = Counter(states.values())
    print(
        f"{total['done']} of {len(work.folds)} folds done, {total['failed']} failed, {total['missing']} missing; records in {visible(work.store)}"
    )
    rows = dict.fromkeys(map(row, work.folds))
    width = max(24, *(len(name) for _, name in rows))
    for dataset, name in rows:
        cells = {state: count[dataset, name, state] for state in ("done", "failed", "missing")}
        print(f"  {dataset:<10} {name:<{width}} " + "  ".join(f"{state} {n}" for state, n in cells.items()))
    missing = [fold for fold in work.folds if states[fold] == "missing"]
    if missing and total["done"]:
        estimate = Estimate(work)
        if all(estimate.knows(fold) or not KINDS[fold.model].network for fold in missing):  # else data would be prepared
            by = f"with {max(1, work.settings.workers)} worker(s)" if estimate.engine == "tensorflow" else f"by engine {estimate.engine}"
            print(f"about {duration(estimate.seconds(missing, work.settings.workers))} left {by}")
    return 0


def pack(options) -> int:
    folder = Folder(options.records_dir or environment.records_dir())
    if not options.file.endswith(ENDING):
        raise InputError(f"an edition is a {ENDING} file, not {options.file!r}")
    if options.action == "export":
        print(f"{export(folder, options.file, options.several)} records exported to {options.file}, without their predictions")
    else:
        print(f"{Archive(options.file, several=True).restore(folder)} records of {options.file} restored to {folder}")
    return 0


def data(options) -> int:
    from .datasets import registry

    entries = registry.entries()
    if options.action == "list":
        for name, entry in entries.items():
            print(f"{name:<9} {'at hand' if registry.at_hand(name, entry) else '-':<8} {entry['title']}  [{entry['licence']}]")
        return 0
    return {"check": _check, "fetch": _fetch, "show": _show}[options.action](options.names, entries)


def _check(names: list[str], entries: dict) -> int:
    """Verify the sets at hand; exit code 1 if one is wrong, or was asked for by name and is not at hand."""
    from .datasets import describe
    from .paper.comparison import differs_from_table_2

    frame = describe.check(names)
    frame["differs"] = differs_from_table_2(frame)
    shown = frame.drop(columns="detail").rename(columns={"differs": "Table 2 has"}).astype("string").fillna("")
    print(shown.to_string(index=False))
    for row in frame.itertuples():
        if row.detail:
            print(f"{'WRONG: ' if row.state == 'wrong' else ''}{row.dataset}: {row.detail}")
    count = Counter(frame["state"])
    print(f"{count['right']} right, {count['wrong']} wrong, {count['not at hand']} not at hand")
    return int(count["wrong"] > 0 or bool(names and count["not at hand"]))


def _fetch(names: list[str], entries: dict) -> int:
    """Download what is not at hand; without names, all that has an address."""
    from .datasets.registry import locate, read

    failed = 0
    for name in names or [name for name, entry in entries.items() if "url" in entry]:
        if name not in entries:
            raise DataError(f"unknown data set {name!r}{nearest(name, entries)}. Known: {', '.join(entries)}")
        try:
            read(name, entries[name])
            print(f"{name}: {locate(name, entries[name])}")
        except DataError as error:
            failed += 1
            print(f"failed: {error}", file=sys.stderr)
    return int(failed > 0)


def _show(names: list[str], entries: dict) -> int:
    from .datasets import describe
    from .datasets.loading import load_dataset
    from .datasets.preprocess import prepare

    if len(names) != 1:
        raise ValueError(f"data show needs one name or file; names are {', '.join(entries)}")
    dataset = load_dataset(names[0])
    print(f"{dataset.title}\n{len(dataset)} documents, {len(dataset.classes)} classes" + (", multi-label" if dataset.multi_label else ""))
    entry = entries.get(dataset.name, {})
    print(*(f"{key}: {entry[key]}" for key in ("licence", "citation", "remark") if key in entry), sep="\n", end="\n" if entry else "")
    print(*(f"note: {note}" for note in dataset.notes), sep="\n", end="\n" if dataset.notes else "")
    prepared = prepare(dataset)
    print(prepared.counts.to_string(index=False))
    for remark in [] if entry else describe.remarks(prepared):  # of a registered set the registry says what differs, and why
        print(f"note: {remark}")
    if prepared.lost_classes:
        print(f"classes without a prepared document: {', '.join(prepared.lost_classes)}")
    return 0


def _build(settings: Settings) -> int:
    try:
        from .report import run as reports
    except ModuleNotFoundError as error:  # a machine that trains for another
        raise missing(error, "every finished fold is on record; a report of them") from None

    index, failed = reports.build(settings)
    print(f"report: {index}")
    for name in failed:
        print(f"failed: notebook {name}; its page shows where", file=sys.stderr)
    return int(bool(failed))


def _settings(options) -> Settings:
    given = {name: getattr(options, name) for name in Settings.__dataclass_fields__ if getattr(options, name, None) is not None}
    for name in ("datasets", "alterations", "models"):  # one word is a list of names; several words are the names themselves
        if name in given:
            words = given[name]
            given[name] = words[0] if len(words) == 1 else words
    if (
        options.records_dir and not (place := store(options.records_dir, several=bool(options.protocols))).trains
    ):  # what an edition holds is what is shown
        given = place.extent() | given
    return Settings.of(**given)


class _Parser(argparse.ArgumentParser):
    """Wrong input is one line that names what is wrong and what is near, not a page of usage."""

    def error(self, message: str):
        if found := re.search(r"(?:unrecognized arguments: |invalid choice: ')([^' =]+)", message):
            known = []
            if choices := re.search(r"\(choose from (.*)\)", message):
                known = re.findall(r"[\w-]+", choices[1])
            elif found[1].startswith("-"):
                commands = [one for action in self._actions if isinstance(action.choices, dict) for one in action.choices.values()]
                known = [name for parser in (self, *commands) for name in parser._option_string_actions]
            message += nearest(found[1], known)
        self.exit(2, f"lstmcs: {' '.join(message.split())[:700]}; {self.prog} --help lists what there is\n")


COMMANDS = ("study", "status", "report", "records", "data")
PAGES = "Stopping, going on, retrying, other models: docs/study.md; data of your own: docs/data.md; several machines: docs/cluster.md."


def _number(kind: type) -> Callable[[str], float | str]:
    """How a number is read: what is none stays text, of which Settings say what is allowed."""

    def read(text: str) -> float | str:
        with suppress(ValueError):
            return kind(text)
        return text

    return read


WHOLE, DECIMAL = _number(int), _number(float)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="lstmcs", description="A study of altered LSTM cells.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=__version__)
    parser.set_defaults(command=None)  # not required: an option that is wrong is told before a command that is missing
    commands = parser.add_subparsers(metavar=" | ".join(COMMANDS))
    for command, what in (
        (study, "train what is missing, then write the reports"),
        (status, "what is done, failed and missing"),
        (report, "write the reports from what is on record, train nothing"),
    ):
        sub = commands.add_parser(command.__name__, help=what, description=what, epilog=PAGES, allow_abbrev=False)
        sub.set_defaults(command=command)
        sub.add_argument("--preset", metavar="P", help=f"{' | '.join(PRESETS)} (default: start)")
        sub.add_argument("--datasets", nargs="+", metavar="D", help="names, or files: 'my.csv?text=body&label=tag' (default: robo)")
        sub.add_argument(
            "--alterations",
            nargs="+",
            metavar="A",
            help="ids of Table 1 or formulas ('c = 0.9 * c'), or families: table-1, pairs, pairs-12, gates, gates-6 (default: the preset's)",
        )
        sub.add_argument("--models", nargs="+", metavar="M", help=f"{' | '.join(KINDS)} (default: the preset's)")
        sub.add_argument(
            "--checkpoint",
            metavar="C",
            help="where BERT starts: a hub name, all-MiniLM-L6-v2, or a folder (default: google-bert/bert-base-uncased)",
        )
        sub.add_argument("--runs", type=WHOLE, help="runs, each with its own split (default: the preset's)")
        sub.add_argument("--folds", type=WHOLE, help="folds of ten to do (default: the preset's)")
        sub.add_argument("--seed", type=WHOLE, help="default: 0")
        sub.add_argument(
            "--reseeds",
            type=WHOLE,
            help="rows of the unaltered cell with other seeds, which show what chance alone does (default: 1; smoke: 0)",
        )
        sub.add_argument("--workers", type=WHOLE, help="processes (default: 2, or the number of cores; 0: this process)")
        sub.add_argument("--padding", help="fixed (as the paper, default) | mask (padding changes no state and enters no pool)")
        sub.add_argument("--epochs", type=WHOLE, metavar="N", help="the last epoch that is trained (default: each data set's own)")
        sub.add_argument("--learning-rate", type=DECIMAL, metavar="X", help="of Adam (default: 0.001)")
        sub.add_argument("--batch-size", type=WHOLE, metavar="N", help="rows a step (default: 32)")
        sub.add_argument("--embedding", type=WHOLE, metavar="N", help="width of the embedding (default: 256)")
        sub.add_argument("--units", type=WHOLE, metavar="N", help="width of each LSTM (default: 104)")
        sub.add_argument("--dropout", type=DECIMAL, metavar="X", help="spatial dropout after the embedding (default: 0.2)")
        sub.add_argument("--patience", type=WHOLE, metavar="N", help="stop where validation has not improved for N epochs (default: never)")
        sub.add_argument("--rule", metavar="R", help=f"which epoch is read: {' | '.join([*RULES, *COMMON])} (default: best)")
        sub.add_argument("--protocols", metavar="FILE", help="a grid of what the paper leaves open, such as data/protocols.toml")
        sub.add_argument("--design", metavar="D", help=f"{' | '.join(DESIGNS)} (default: that of the grid's file)")
        sub.add_argument(
            "--records-dir", metavar="DIR", help="where fold records are kept (default: data/records), or an edition: FILE.parquet"
        )
        if command is study:
            switch = argparse.BooleanOptionalAction
            sub.add_argument("--skip-finished", action=switch, default=True, help="leave folds alone that are on record as done (default)")
            sub.add_argument("--resume-unfinished", action=switch, default=True, help="train folds that are not on record (default)")
            sub.add_argument("--retry-failed", action=switch, default=False, help="train folds on record as failed again")
            sub.add_argument("--fail-fast", action="store_true", help="stop at the first fold that fails")
            sub.add_argument("--scheduler", metavar="ADDRESS", help="use the workers of a running dask cluster: tcp://host:8786")
            sub.add_argument("--shard", metavar="I/N", help="train only part I of N of the folds, for example 2/5")
            sub.add_argument(
                "--engine", metavar="E", default="auto", help=f"{' | '.join(ENGINES)} (default: auto, JAX where it sees an accelerator)"
            )
            sub.add_argument("--yes", action="store_true", help="start without a question, however long it will take")
    sub = commands.add_parser("records", help="all records as one file, an edition, and back", allow_abbrev=False)
    sub.set_defaults(command=pack)
    sub.add_argument("action", choices=("export", "restore"))
    sub.add_argument("file", metavar="FILE.parquet")
    sub.add_argument("--records-dir", metavar="DIR", help="folder of the records (default: data/records)")
    sub.add_argument("--several", action="store_true", help="export the records of a grid of protocols together")
    sub = commands.add_parser("data", help="the data sets: list, fetch, check, show", allow_abbrev=False)
    sub.set_defaults(command=data)
    sub.add_argument("action", choices=("list", "fetch", "check", "show"))
    sub.add_argument("names", nargs="*", help="registered names (none: all), or for show one name or file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
