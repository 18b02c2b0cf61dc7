"""What another run says: is a verdict that rests on one run of ten folds found again in a run with other splits?

Replicability as Bouckaert and Frank have it (2004, "Evaluating the replicability of significance tests for comparing
learning algorithms"): the share of pairs of runs of one comparison that have the same outcome. Here the outcome is a
verdict of stats.py, made from each run alone. Runs differ in splits, batch order, initial weights and dropout masks;
documents and settings are the same, so this says nothing of other data. That two runs are undecided counts as the same
outcome; how often a decided one is found again is counted by itself.
"""

from itertools import permutations

import pandas as pd

from . import across, stats

DECIDED = ("better", "worse")


def by_run(results: pd.DataFrame, metric: str = "macro_f1") -> pd.DataFrame:
    """Verdicts from each run alone and from all runs: columns dataset, alteration, "run 1", ..., "all runs".

    results: of one model. Rows are the comparisons of the data sets that have two runs or more. A run with fewer than
    across.MIN_FOLDS paired folds of a cell has no verdict of it (NaN). The yardstick is left out.
    """
    several = results.groupby("dataset")["run"].transform("nunique") > 1
    frame = results[several & ~stats.is_null(results["alteration"])]
    parts = {f"run {run}": rows for run, rows in frame.groupby("run")} | {"all runs": frame}
    columns = {}
    for name, rows in parts.items():
        cells = across.cells(rows, metric).set_index(["dataset", "alteration"])
        columns[name] = cells["verdict"].where(cells["folds"] >= across.MIN_FOLDS)
    table = pd.DataFrame(columns, columns=[*parts], index=columns["all runs"].index)
    return table.dropna(how="all").reset_index()


def of_sets(table: pd.DataFrame) -> pd.DataFrame:
    """How far the runs of `by_run` agree, a row a data set.

    Columns: dataset, runs, pairs (of runs with a verdict of one comparison), same (of these), decided (verdicts better or
    worse of one run beside another run's), again (the other has the same), opposite (the other has the opposite).
    """
    runs, rows = [name for name in table if name.startswith("run ")], []
    for dataset, group in table.groupby("dataset", sort=False):
        beside = [
            (a, b)
            for row in group[runs].itertuples(index=False)
            for a, b in permutations(row, 2)
            if isinstance(a, str) and isinstance(b, str)
        ]
        decided = [(a, b) for a, b in beside if a in DECIDED]
        rows.append({
            "dataset": dataset, "runs": int(group[runs].notna().any().sum()), "pairs": len(beside) // 2, "same": sum(a == b for a, b in beside) // 2,
            "decided": len(decided), "again": sum(a == b for a, b in decided), "opposite": sum(b in DECIDED and a != b for a, b in decided),
        })  # fmt: skip
    return pd.DataFrame(rows, columns=["dataset", "runs", "pairs", "same", "decided", "again", "opposite"])


def differing(table: pd.DataFrame) -> pd.DataFrame:
    """The comparisons of `by_run` whose runs do not all have the same verdict."""
    runs = [name for name in table if name.startswith("run ")]
    return table[table[runs].nunique(axis=1) > 1].reset_index(drop=True)


def sentence(table: pd.DataFrame) -> str:
    """How far one run can be trusted, in a few words."""
    count = of_sets(table).query("pairs > 0")
    pairs, same, decided, again, opposite = count[["pairs", "same", "decided", "again", "opposite"]].sum()
    if not pairs:
        return "No comparison has two runs on record; a study with --runs 2 trains a second one, with other splits."
    return (
        f"Two runs of one comparison have the same verdict in {same} of {pairs} pairs ({', '.join(count['dataset'])}); a verdict of better or worse "
        f"from one run is found again in another in {again} of {decided} cases, and its opposite in {opposite}."
    )
