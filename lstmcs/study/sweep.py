"""The sweep: settings -> plan -> workers -> records. Records are asked before TensorFlow is imported.

Three things that "again" may mean have three names: skip finished (a fold on record as done is not trained), resume
unfinished (a fold that is not on record is trained) and retry failed (a fold on record as failed is trained again).
"""

import errno
import inspect
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from .. import environment, files, rules
from ..datasets import describe, registry
from ..errors import DataError, EditionError, SettingsError, Stopped, visible
from ..fold import SPLITS, Fold
from ..models import checkpoints
from ..models.kinds import KINDS
from ..training.trainer import Trained
from . import cluster, worker
from .archive import Archive, store
from .plan import Plan, Settings, plan
from .progress import Progress, place_of, where
from .records import Folder
from .schedule import Estimate, Queue, duration

ASK_ABOVE = 3600.0  # estimated seconds above which a study asks before it starts


def run_study(
    *, skip_finished: bool = True, resume_unfinished: bool = True, retry_failed: bool = False, fail_fast: bool = False,
    scheduler: str | None = None, shard: str | None = None, engine: str = "auto", yes: bool | None = None, **parameters,
) -> pd.DataFrame:  # fmt: skip
    """Train the folds of the plan that are not on record yet; returns all its results, a row a fold.

    skip_finished      leave folds alone that are on record as done; False trains them again
    resume_unfinished  train what is not on record
    retry_failed       train again what is on record as failed; else failed folds are kept as such
    fail_fast          stop at the first fold that fails
    scheduler          address of a running dask cluster, whose workers are used instead of local ones
    shard              "2/5" trains the second fifth of the folds; all cells of a fold are in one shard
    engine             "tensorflow": one fold after the other, on processors; "jax": all folds of a cell as one program, which pays on
                       an accelerator; "jax-tf32": the same with matrix products in TF32; "auto": JAX where it sees an accelerator.
                       A fold gets the same initial weights, order and masks from either
    yes                True starts whatever it takes; False asks before more than an hour; None asks where somebody can be asked
    parameters         what is trained: every option of Settings, by its name

    Raises SettingsError (also where nobody can be asked, or the answer is no), DataError, Stopped. Ctrl-C loses only the folds under way.
    """
    switches = {
        "skip_finished": skip_finished,
        "resume_unfinished": resume_unfinished,
        "retry_failed": retry_failed,
        "fail_fast": fail_fast,
    }
    for name, value in (switches | ({} if yes is None else {"yes": yes})).items():
        if not isinstance(value, bool):  # "no" would count as True, [] as False
            raise SettingsError(f"{name} must be True or False, not {value!r}")
    own = [name for name in inspect.signature(run_study).parameters if name != "parameters"]
    settings = Settings.of(*own, **parameters)
    part = check_shard(shard)
    if scheduler is not None:
        cluster.check_address(scheduler)
    by = worker.engine(engine, settings.models if settings.train else ())
    if by != "tensorflow" and scheduler is not None:
        raise SettingsError(f"engine {by!r} trains in this process; a scheduler's workers train with TensorFlow")
    environment.prepare()
    work = plan(settings)
    states = work.states(set_aside=settings.train and resume_unfinished)
    again = [state for state, wanted in (("done", not skip_finished), ("missing", resume_unfinished), ("failed", retry_failed)) if wanted]
    mine = in_shard(work.folds, part)
    pending = [fold for fold in mine if settings.train and states[fold] in again]
    count = Counter(states[fold] for fold in mine)
    print(
        f"{len(mine)} folds planned{f' in shard {shard}' if shard else ''}: {count['done']} on record, {len(pending)} to train",
        end="",
        flush=True,
    )
    print(f", {count['failed']} failed earlier" if count["failed"] else "")
    if pending:
        _train(work, pending, states, fail_fast, scheduler, by, yes)
    if settings.train:
        _measure_costs(work)
    return work.results()


def results(
    records_dir: str | Path | None = None, reading: str = "paper", macro: str = "mean", rule: str | Mapping[str, int] = rules.DEFAULT
) -> pd.DataFrame:  # fmt: skip
    """All records of a folder (default: the study's own) or of an edition as one tidy frame, a row a fold.

    rule: which epoch is read: best | loss | accuracy | last | epoch=k, or data set -> epoch ("paper" needs a plan: Plan.results).
    reading, macro: as in metrics.scores. See records.Folder.rows, and record.frame for the columns.
    Raises EditionError for a folder or a file that is not there, SettingsError for a rule.
    """
    if isinstance(rule, str) and rules.check(rule) == "paper":
        raise SettingsError("rule 'paper' is for a plan: plan(settings).results(rule='paper')")
    return _kept(records_dir).rows(None, reading, macro, rule)


def curves(records_dir: str | Path | None = None) -> pd.DataFrame:
    """The learning curves of all records of a folder (default: the study's own) or of an edition, a row a fold and epoch.

    Columns: see record.CURVE; scores are fractions. Raises EditionError for a folder or a file that is not there.
    """
    return _kept(records_dir).curves()


def _kept(records_dir: str | Path | None) -> Folder | Archive:
    """The store of that name, which must be there; the study's own is empty before it has trained."""
    found = store(records_dir)
    if records_dir and found.trains and not found.path.is_dir():
        raise EditionError(f"no such folder of records: {str(records_dir)!r}")
    return found


def _train(
    work: Plan, pending: list[Fold], states: dict[Fold, str], fail_fast: bool, scheduler: str | None, by: str, yes: bool | None
) -> None:
    settings, records = work.settings, work.store
    _check_data(work, pending)
    checkpoints.ready([fold.checkpoint for fold in pending if fold.checkpoint])
    _check_folder(work, pending)
    records.clear_leftovers()
    estimate = Estimate(work, by)
    if by != "tensorflow":
        print(f"engine: {by}, all folds of a cell side by side", flush=True)
    if by == "tensorflow" or not estimate.guess:  # of an accelerator nothing is known before it has trained
        seconds = estimate.seconds(pending, 1 if scheduler else settings.workers)
        many = " of one worker's time" if scheduler else f" with {settings.workers or 'no'} worker(s)"
        text = f"about {duration(seconds)}" + (many if by == "tensorflow" else "")
        print(f"estimated: {text}" + (f" (a guess: no fold by {by} is on record yet)" if estimate.guess else ""), flush=True)
        if seconds > ASK_ABOVE:
            _ask(text, yes)
    again = {fold for fold in pending if states[fold] == "done"}
    planned = Counter(map(place_of, work.folds))
    done = Counter(place_of(fold) for fold in work.folds if states[fold] == "done" and fold not in again)
    progress, written = Progress(pending, planned, done, about=work.names_of_protocols), []

    def wanted(fold: Fold) -> bool:  # another study may have trained it meanwhile
        if fold in again or not records.finished(fold):
            return True
        progress.skip(fold)
        return False

    compiled = next((fold for fold in reversed(pending) if KINDS[fold.model].network), pending[-1])
    compiling = estimate.compiling / max(estimate.fold(compiled), 0.1)
    try:
        for trained in _trained(work, Queue(pending, os.getpid(), wanted, compiling, records.claim), len(pending), scheduler, by, progress):
            failed = trained.record["state"] == "failed"
            _write(trained, work)
            written.append(trained.fold)
            progress.show(trained.fold, trained.record)
            if fail_fast and failed:
                progress.note("stopped at the first failure")
                break
    except cluster.ClusterLost as problem:
        raise Stopped(f"{problem}; every finished fold is on record, the same command goes on from there") from problem
    finally:
        records.unclaim()
        progress.end()
    if gone := [fold for fold in written if not records.file(fold).exists()]:
        raise Stopped(f"{len(gone)} of the {len(written)} records that were written to {visible(records)} are not there any more, that of "
                      f"{gone[0].label} for one: something else takes files away there; the same command trains these folds again")  # fmt: skip


def _measure_costs(work: Plan) -> None:
    """Measure what BERT-base would cost where another BERT is fine-tuned (minutes, once a data set); the page of models shows it."""
    folds = {fold.dataset: fold for fold in reversed(work.folds) if checkpoints.stands_in(fold.model, fold.checkpoint)}
    for dataset, fold in folds.items():
        if work.store.finished(fold) and work.store.cost(fold) is None:
            print(f"measuring what BERT-base would cost on {dataset} ...", flush=True)
            environment.prepare(training=True)
            from ..training.bert import cost_of_base

            work.store.write_cost(fold, cost_of_base(work.data[dataset], fold))


@contextmanager
def _client(work: Plan, count: int, scheduler: str | None, say) -> Iterator:
    with cluster.running(scheduler) if scheduler else cluster.local(min(work.settings.workers, count), say) as client:
        if link := cluster.dashboard(client):
            print(f"dashboard: {link}", flush=True)
        yield client


def _trained(work: Plan, queue: Queue, count: int, scheduler: str | None, by: str, progress: Progress) -> Iterator[worker.Trained]:
    if by != "tensorflow":
        environment.prepare(training=True, engine="jax")
        yield from worker.side_by_side(work.data.of, queue, by == "jax-tf32", progress.compiling)
        return
    if work.settings.workers == 0 and not scheduler:
        yield from worker.in_process(work.data.of, queue, progress.compiling)
        return
    with _client(work, count, scheduler, progress.note) as client:
        yield from cluster.on_cluster(work.data.of, queue, client, scheduler is None, progress.note, progress.compiling)


def _write(trained: Trained, work: Plan) -> None:
    try:
        if not work.store.path.is_dir():  # a folder of that name made now would hold the rest of the study alone
            raise OSError(errno.ENOENT, "the folder has been taken away while the study ran")
        work.store.write(*trained)
    except OSError as problem:
        what = "the disk is full" if problem.errno in (errno.ENOSPC, errno.EDQUOT) else f"{problem.strerror or problem}"
        raise Stopped(f"cannot write a record to {work.store}: {what}; every record written so far is whole, "
                      "the same command goes on from there") from problem  # fmt: skip


def _check_data(work: Plan, pending: list[Fold]) -> None:
    """Before anything is trained: is there enough to learn from? Of a file of one's own, what is odd about it is said, too."""
    for fold in {fold.reads: fold for fold in reversed(pending)}.values():
        name, prepared = fold.dataset, work.data.of(fold)
        if (left := len(prepared.ids)) < SPLITS:
            of = f"; the file has {len(prepared.dataset)}, preparation drops the rest" if left < len(prepared.dataset) else ""
            raise DataError(f"{name}: {left} documents are too few for {SPLITS} folds{of}")
        if name not in registry.entries():
            for remark in (*prepared.dataset.notes, *describe.remarks(prepared)):
                print(visible(f"{name}: {remark}"), flush=True)


def _check_folder(work: Plan, pending: list[Fold]) -> None:
    """Before anything is trained: can records be written at all?"""
    try:
        for folder in dict.fromkeys([work.store.path, *(work.store.file(fold).parent for fold in pending)]):
            files.folder(folder)
        if not os.access(work.store.path, os.W_OK):
            raise PermissionError(errno.EACCES, "no permission to write there")
    except OSError as problem:
        raise SettingsError(f"records_dir {str(work.store)!r}: {problem.strerror or problem}") from None


def _ask(text: str, yes: bool | None) -> None:
    if yes:
        return
    place = where()
    if place == "notebook" or (sys.stdin is not None and sys.stdin.isatty()):
        try:
            if input(f"This will take {text}. Go on? [y/N] ").strip().lower() in ("y", "yes"):
                return
            raise SettingsError("not started; --yes starts it without a question (yes=True in Python)")
        except (EOFError, NotImplementedError):  # a notebook that papermill runs: nobody is there
            pass
    if yes is False:
        raise SettingsError(f"this will take {text}, and nobody is there to be asked; --yes starts it (yes=True in Python)")


def check_shard(shard: str | None) -> tuple[int, int]:
    """ "2/5" -> (2, 5); None -> (1, 1). Raises SettingsError."""
    if shard is None:
        return 1, 1
    found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", shard) if isinstance(shard, str) else None
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise SettingsError(f"shard must be i/n with i from 1 to n, for example 2/5, not {shard!r}")
    return int(found[1]), int(found[2])


def in_shard(folds: Iterable[Fold], part: tuple[int, int]) -> list[Fold]:
    """The part's folds. Cells are compared fold by fold, so all of a fold are trained in one shard, on one class of machine."""
    number, of = part
    folds = list(folds)
    mine = set(list(dict.fromkeys(fold.comparison for fold in folds))[number - 1 :: of])
    return [fold for fold in folds if fold.comparison in mine]
