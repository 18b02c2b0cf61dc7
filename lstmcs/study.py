"""The sweep: settings -> plan -> workers -> records. What is on record is not trained again.

Records are asked before TensorFlow is imported; the folds that are missing go to `workers` processes of one thread each.
"""

from collections import Counter

import pandas as pd

from . import checkpoints, records, workers
from .plan import Settings, plan
from .progress import Progress


def run_study(*, retry_failed: bool = False, **parameters) -> pd.DataFrame:
    """Train every fold of the plan that is not on record yet; returns all its results, a row a fold.

    parameters: see Settings. Failed folds are kept as such and left alone unless retry_failed. Ctrl-C loses only the
    folds under way.
    """
    work = plan(Settings.of(**parameters))
    states = work.states()
    again = ("missing", "failed") if retry_failed else ("missing",)
    pending = [config for config in work.folds if work.settings.train and states[str(work.path(config))] in again]
    count = Counter(states.values())
    print(f"{len(work.folds)} folds planned: {count['done']} on record, {len(pending)} to train", end="", flush=True)
    print(f", {count['failed']} failed earlier" if count["failed"] else "")
    if pending:
        checkpoints.ready(pending)
        progress = Progress(len(pending))
        execute = workers.in_process if work.settings.workers == 0 else workers.in_workers
        for record, predictions in execute(work, pending):
            records.write(record, predictions, work.folder)
            progress.show(record)
        progress.end()
    return work.results()
