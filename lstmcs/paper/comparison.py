"""Ours beside the paper's: Table 2, the Baseline rows and the protocol they led to, improvements, Tables 12 to 15.

How the protocol was chosen: data/protocol/ has on record what was searched. The preparation is the setting nearest to Table 2
(preparation_search.py); the training that with which the unaltered cell comes nearest to the Baseline rows of Tables 3 to 9
(baseline_search.py). No altered cell had a part in either.
"""

import pandas as pd

from .. import environment
from ..datasets import registry
from ..datasets.describe import COUNTS, counts_of
from ..datasets.preprocess import Prepared
from ..metrics import METRICS
from ..models.kinds import KINDS
from ..stats import cost, curves, single
from . import tables

#: Parameters of our models for the paper's shape of CROWD (1458 terms, MaxLen 11, 11 classes); a test builds and counts them.
PARAMETERS = {"lstm": 938_859, "simple": 1_197_787, "bert": 109_881_611}
#: Training of the sets whose epochs take longest was tried with the first setting only; they choose no more than their epochs.
FIRST_ONLY = ("hate", "crowd", "ag-subset")
#: Points by which another setting must be nearer than the first: a fold's scores differ as much from seed to seed.
MARGIN = 1.0


def searched() -> pd.DataFrame:
    """What baseline_search.py noted: setting, dataset, fold, epoch, seconds, the four metrics on the test part in percent."""
    return pd.read_csv(environment.shared("data", "protocol", "baseline_search.csv"))


def preparation_steps() -> pd.DataFrame:
    """What preparation_search.py noted: start, step, change, distance (mean |ln(ours / paper)| over Table 2), the options."""
    return pd.read_csv(environment.shared("data", "protocol", "preparation_search.csv")).fillna({"change": ""})


def last_epochs() -> pd.DataFrame:
    """What last_epoch.py noted: data set, folds, the epoch with the unaltered cell's highest mean validation macro F1 (best), and the
    last epoch that is trained by the rule of stats.curves.last_epoch (last)."""
    table = pd.read_csv(environment.shared("data", "protocol", "last_epoch.csv"))
    rows = [
        {"dataset": name, "folds": int(part["folds"].max()), "best": int(part.loc[part["val_macro_f1"].idxmax(), "epoch"]),
         "last": curves.last_epoch(part.assign(alteration="none"))}
        for name, part in table.groupby("dataset", sort=False)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def hasoc_files() -> pd.DataFrame:
    """The paper's prepared HASOC beside what the study's preparation leaves of the organisers' test and training file (data/protocol/
    hasoc.py), a row each: documents, classes, max_len, tokens, largest (percent of the documents in the largest class), and how near
    the unaltered cell comes to the paper's Baseline row (last_epoch.py): epoch, apart (mean of the four absolute differences in points),
    and its four validation scores there. largest of the paper is section 4.1's."""
    files = pd.read_csv(environment.shared("data", "protocol", "hasoc.csv")).set_index("set")
    counts = _counts_of_paper("hasoc", "prepared")
    theirs = {"largest": 74.3, **counts, **tables.baselines().loc["hasoc", list(METRICS)]}
    means = pd.read_csv(environment.shared("data", "protocol", "last_epoch.csv"))
    rows = {"the paper": theirs}
    for name, title in (("hasoc-test", "test file"), ("hasoc", "training file")):
        part = means[means["dataset"] == name].set_index("epoch")[[f"val_{metric}" for metric in METRICS]].mul(100)
        apart = abs(part - [theirs[metric] for metric in METRICS]).mean(axis=1)
        nearest = {"epoch": int(apart.idxmin()), "apart": apart.min(), **dict(zip(METRICS, part.loc[apart.idxmin()]))}
        rows[title] = files.loc[name].to_dict() | nearest
    columns = ["documents", "classes", "max_len", "tokens", "largest", "epoch", "apart", *METRICS]
    return pd.DataFrame(rows).T[columns].astype(dict.fromkeys(["documents", "classes", "max_len", "tokens", "epoch"], "Int64"))


def distances(table: pd.DataFrame) -> pd.DataFrame:
    """Means over the folds, with a column distance: mean |ours - paper| over the four metrics, in points."""
    table = table.drop(columns="fold").groupby(["setting", "dataset", "epoch"], sort=False, as_index=False).mean()
    theirs = tables.baselines().loc[table["dataset"].map(_published_as)].to_numpy()
    return table.assign(distance=abs(table[list(METRICS)].to_numpy() - theirs).mean(axis=1))


def choose(table: pd.DataFrame) -> tuple[str, dict[str, int], pd.DataFrame]:
    """The nearest setting, the number of epochs of each set, and the distances: a row a setting, a column a set.

    A setting is as far as its sets are on average, each with the number of epochs that suits it best; only settings
    tried on all sets but FIRST_ONLY are compared. The first setting gives way only to one nearer by more than MARGIN.
    """
    best = distances(table).sort_values("distance", kind="stable").drop_duplicates(["setting", "dataset"])
    far = best[~best["dataset"].isin(FIRST_ONLY)].pivot(index="setting", columns="dataset", values="distance").dropna()
    far["mean"] = far.mean(axis=1)
    setting = far["mean"].idxmin() if far["mean"].min() < far.loc["first", "mean"] - MARGIN else "first"
    alone = (best["setting"] == "first") & best["dataset"].isin(FIRST_ONLY)
    chosen = best[alone | ((best["setting"] == setting) & ~best["dataset"].isin(FIRST_ONLY))]
    return setting, dict(zip(chosen["dataset"], chosen["epoch"].astype(int))), far.sort_values("mean")


def baseline(table: pd.DataFrame | None = None) -> pd.DataFrame:
    """The unaltered cell under the chosen protocol beside the paper's Baseline rows, in percent: dataset, epochs, folds, and
    each metric of the paper and of ours. Sets in the order of the search."""
    table = searched() if table is None else table
    setting, epochs, _ = choose(table)
    rows = []
    for dataset, epoch in sorted(epochs.items(), key=lambda item: list(table["dataset"]).index(item[0])):
        used = "first" if dataset in FIRST_ONLY else setting
        ours = table[(table["setting"] == used) & (table["dataset"] == dataset) & (table["epoch"] == epoch)]
        rows.append(_beside_paper(dataset, epoch, len(ours), ours[list(METRICS)].mean()))
    return pd.DataFrame(rows)


def trained(results: pd.DataFrame) -> pd.DataFrame:
    """As `baseline`, of the unaltered cell's folds on record: means over runs. The stand-in for ROBO has no row to come near to."""
    ours = results.query("model == 'lstm' and alteration == 'none' and state == 'done'")
    ours = ours[~ours["dataset"].isin(registry.stand_ins())]
    ours = ours[ours["dataset"].map(_published_as).isin(tables.baselines().index)]
    rows = [
        _beside_paper(dataset, int(group["epochs"].max()), len(group), 100 * group.groupby("run")[list(METRICS)].mean().mean())
        for dataset, group in ours.groupby("dataset")
    ]
    return pd.DataFrame(
        rows, columns=["dataset", "epochs", "folds", *(f"{name}, {whose}" for name in METRICS.values() for whose in ("paper", "ours"))]
    )


def side_by_side(table: pd.DataFrame | None = None, decimals: int = 1) -> pd.DataFrame:
    """`baseline` or `trained` to be read: cells "84.0 / 83.0", the paper's figure first."""
    table = baseline() if table is None else table
    cells = {
        name: [f"{paper:.{decimals}f} / {ours:.{decimals}f}" for paper, ours in zip(table[f"{name}, paper"], table[f"{name}, ours"])]
        for name in METRICS.values()
    }
    return table[["dataset", "epochs", "folds"]].assign(**cells)


def _beside_paper(dataset: str, epochs: int, folds: int, ours) -> dict:
    theirs = tables.baselines().loc[_published_as(dataset)]
    scores = {f"{name}, {whose}": of[metric] for metric, name in METRICS.items() for whose, of in (("paper", theirs), ("ours", ours))}
    return {"dataset": dataset, "epochs": epochs, "folds": folds, **scores}


def _published_as(dataset: str) -> str:
    return dataset.removesuffix("-subset")


def _counts_of_paper(name: str, stage: str) -> dict[str, int]:
    """A row of the paper's Table 2; empty for a set that is not in it."""
    table = tables.table_2()
    rows = table[(table["dataset"] == name) & (table["stage"] == stage)]
    return {count: int(rows[count].iloc[0]) for count in COUNTS} if len(rows) else {}


def table_2(sets: list[Prepared]) -> pd.DataFrame:
    """The paper's Table 2 beside ours, a row a figure: dataset, stage ("original", "prepared"), count, paper, ours, exact.

    paper and exact are missing for a set that Table 2 does not have, exact also for a stand-in of one.
    """
    rows, stand_ins = [], registry.stand_ins()
    for prepared in sets:
        name = prepared.dataset.name
        last = prepared.counts.iloc[-1]
        for stage, ours in (("original", counts_of(prepared.dataset)), ("prepared", {c: int(last[c]) for c in COUNTS})):
            published = _counts_of_paper(name, stage)
            for count in COUNTS:
                theirs = published.get(count, pd.NA)
                exact = pd.NA if name in stand_ins or theirs is pd.NA else theirs == ours[count]
                rows.append({"dataset": name, "stage": stage, "count": count, "paper": theirs, "ours": ours[count], "exact": exact})
    return pd.DataFrame(rows).astype({"paper": "Int64", "ours": "Int64", "exact": "boolean"})


def table_2_wide(tidy: pd.DataFrame) -> pd.DataFrame:
    """`table_2` to be read: a row a set and stage, cells "5647 =" where exact, "4154 (4138)" with the paper's figure where not."""

    def cell(row) -> str:
        if row.paper is pd.NA:
            return f"{row.ours}"
        return f"{row.ours} =" if row.exact is not pd.NA and row.exact else f"{row.ours} ({row.paper})"

    cells = tidy.assign(cell=[cell(row) for row in tidy.itertuples()])
    wide = cells.pivot(index=["dataset", "stage"], columns="count", values="cell")[list(COUNTS)]
    return wide.reindex(pd.MultiIndex.from_frame(tidy[["dataset", "stage"]].drop_duplicates())).reset_index().rename_axis(columns=None)


def differs_from_table_2(checked: pd.DataFrame) -> pd.Series:
    """Where the counts of datasets.describe.check are not those of Table 2, in words: "tokens 24449", a text a row."""

    def words(row) -> str:
        theirs = _counts_of_paper(row["dataset"], "original") if pd.notna(row["tokens"]) else {}
        return ", ".join(f"{count} {theirs[count]}" for count in COUNTS if theirs and theirs[count] != row[count])

    return pd.Series([words(row) for _, row in checked.iterrows()], checked.index, dtype=str)


def as_published(results: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One data set as Tables 3 to 9 print it, in percent: the unaltered cell's scores, and each alteration's change relative to them.

    Where the paper has the same set, its row of scores is the second, and its changes are columns beside ours ("Macro F1, paper"); a
    stand-in's set is another one, so nothing stands beside it. Columns of the changes: folds, then the metrics.
    """
    [name] = results["dataset"].unique()
    ours, rows = single.improvements(results), tables.tables_3_to_9().query("dataset == @name").set_index("row")[list(METRICS)]
    if ours.empty:
        return ours[list(METRICS)], ours
    scores, changes = ours.loc[["Baseline"], list(METRICS)].rename(index={"Baseline": "ours"}), ours.drop("Baseline")
    if rows.empty or name in registry.stand_ins():
        return scores, changes
    scores = pd.concat([scores, rows.loc[["Baseline"]].rename(index={"Baseline": "the paper"})])
    for metric in METRICS:
        at = list(changes.columns).index(metric) + 1
        changes.insert(at, f"{METRICS[metric]}, paper", rows[metric].reindex(changes.index))
    return scores, changes


def against_paper(results: pd.DataFrame) -> pd.DataFrame:
    """The paper's improvements beside ours, both in percent of the baseline's value.

    Columns: dataset, row, metric, improvement (the paper's), source, ours. Only what both have; no rows of a stand-in.
    """
    ours = [
        single.improvements(group).drop("Baseline", errors="ignore").rename_axis("row").reset_index().assign(dataset=name)
        .melt(["dataset", "row"], list(METRICS), "metric", "ours")
        for name, group in results.groupby("dataset", sort=False) if name not in registry.stand_ins()
    ]  # fmt: skip
    ours = pd.concat(ours, ignore_index=True) if ours else pd.DataFrame(columns=["dataset", "row", "metric", "ours"])
    return tables.published().merge(ours.dropna(subset="ours"), on=["dataset", "row", "metric"])


def same_sign(pairs: pd.DataFrame) -> float:
    """In which share of `against_paper`'s rows both improvements have the same sign; NaN for none."""
    return float(((pairs["improvement"] > 0) == (pairs["ours"] > 0)).mean())


def beside_paper(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Tables 12 (metric "accuracy") and 15 ("macro_f1"): rows model and cell; for each data set the paper's figure and ours."""
    table = {"accuracy": tables.table_12, "macro_f1": tables.table_15}[metric]()
    cell = table["modification"].map(tables.TOP | {"none": "none", "not applicable": "none"})
    printed = table.assign(alteration=cell).pivot(index=["model", "alteration"], columns="dataset", values=metric)
    ours = cost.rows(results).pivot(index=["model", "alteration"], columns="dataset", values=metric)
    both = pd.concat({"paper": printed, "ours": ours}, axis=1).astype(float)
    order = [(name, which) for name in printed.columns.union(ours.columns, sort=False) for which in ("paper", "ours")]
    both = both.reindex(columns=[(which, name) for name, which in order])
    both.columns = [f"{name} {which}" for name, which in order]
    both = both.dropna(axis=1, how="all").reset_index()
    return cost.in_order(both)


def table_13(results: pd.DataFrame) -> pd.DataFrame:
    """Table 13: seconds a fold with the unaltered cell, the paper's and ours, and our seconds an epoch and compiling."""
    ours = cost.rows(results).query("alteration == 'none'").set_index(["dataset", "model"])[["seconds", "per_epoch", "compile"]]
    printed = tables.table_13().set_index(["dataset", "model"])
    bounds = printed["bound"].map({"below": "<"}).fillna("")
    text = (bounds + printed["seconds"].map("{:g}".format)).rename("paper, seconds")
    both = cost.in_order(ours.join(text, how="outer").reset_index())
    return both[both["dataset"].isin(results["dataset"].unique())].fillna({"paper, seconds": "–"})


def table_14(results: pd.DataFrame) -> pd.DataFrame:
    """Table 14, CROWD: parameters of our models for the paper's shape of it, beside the paper's; seconds where on record."""
    table = tables.table_14().rename(columns={"parameters": "paper, parameters", "seconds": "paper, seconds"})
    table["ours, parameters"] = table["model"].map(PARAMETERS)
    crowd = cost.rows(results).query("dataset == 'crowd' and alteration == 'none'").set_index("model")["seconds"]
    table["ours, seconds"] = table["model"].map(crowd).astype(float)
    table["model"] = table["model"].map({kind: row.title for kind, row in KINDS.items()})
    table["difference, %"] = 100 * (table["ours, parameters"] / table["paper, parameters"] - 1)
    return table
