"""How the protocol was chosen: what data/protocol/ has on record of the searches, and the choice that follows from it.

The preparation is the setting nearest to Table 2 (preparation_search.py); the training is that with which the unaltered cell comes
nearest to the Baseline rows of Tables 3 to 9 (baseline_search.py). No altered cell had a part in either.
"""

import pandas as pd

from . import paper, paths
from .metrics import METRICS

#: Training of the sets whose epochs take longest was tried with the first setting only; they choose no more than their epochs.
FIRST_ONLY = ("hate", "crowd", "ag-subset")
#: Points by which another setting must be nearer than the first: a fold's scores differ as much from seed to seed.
MARGIN = 1.0


def searched() -> pd.DataFrame:
    """What baseline_search.py noted: setting, dataset, fold, epoch, seconds, the four metrics on the test part in percent."""
    return pd.read_csv(paths.shared("data", "protocol", "baseline_search.csv"))


def preparation_steps() -> pd.DataFrame:
    """What preparation_search.py noted: start, step, change, distance (mean |ln(ours / paper)| over Table 2), the options."""
    return pd.read_csv(paths.shared("data", "protocol", "preparation_search.csv")).fillna({"change": ""})


def distances(table: pd.DataFrame) -> pd.DataFrame:
    """Means over the folds, with a column distance: mean |ours - paper| over the four metrics, in points."""
    table = table.drop(columns="fold").groupby(["setting", "dataset", "epoch"], sort=False, as_index=False).mean()
    theirs = _published().loc[table["dataset"].map(_published_as)].to_numpy()
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
    ours = results.query("model == 'lstm' and alteration == 'none' and state == 'done' and dataset != 'robo'")
    ours = ours[ours["dataset"].map(_published_as).isin(_published().index)]
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


def _published() -> pd.DataFrame:
    """The paper's Baseline rows: data sets x metrics, percent."""
    return paper.tables_3_to_9().query("row == 'Baseline'").set_index("dataset")[list(METRICS)]


def _beside_paper(dataset: str, epochs: int, folds: int, ours) -> dict:
    theirs = _published().loc[_published_as(dataset)]
    scores = {f"{name}, {whose}": of[metric] for metric, name in METRICS.items() for whose, of in (("paper", theirs), ("ours", ours))}
    return {"dataset": dataset, "epochs": epochs, "folds": folds, **scores}


def _published_as(dataset: str) -> str:
    return dataset.removesuffix("-subset")
