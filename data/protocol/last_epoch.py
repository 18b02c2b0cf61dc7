"""To which last epoch is a data set trained? The rule, applied to the unaltered cell alone.

    LSTMCS_DATA=... python data/protocol/last_epoch.py [SET ...]         an hour or more of two cores, a minute of a GPU; goes on where it stopped

Nobody knows the paper's number of epochs, so no result may hang on one. Each set is trained to a generous last epoch, scores of every
epoch are kept, and a rule (lstmcs/rules.py) reads them. The last epoch follows from a rule fixed beforehand: the unaltered cell is
trained to 40 epochs, ten folds of the first run; the mean validation macro F1 is highest at some epoch b; training goes to half as many
epochs again, so that the unaltered cell no longer improves in the last third, 20 at least, because altered cells learn more slowly,
and 40 at most (stats.curves.last_epoch). No test score and no altered cell has a part in it. The mean curves are kept in last_epoch.csv; data/datasets.toml has the outcome.
"""

import sys
from pathlib import Path

import pandas as pd

from lstmcs import run_study
from lstmcs.metrics import METRICS
from lstmcs.paper import comparison
from lstmcs.study.plan import Settings, plan

TABLE = Path(__file__).with_suffix(".csv")
SETS = ("robo", "hasoc-test", "hasoc", "semeval", "mlma", "hate", "crowd")
MOST = 40


def curve(name: str) -> pd.DataFrame:
    """Mean curve of the unaltered cell: dataset, epoch, folds, loss, val_loss and the four validation scores."""
    options = {"preset": "quick", "datasets": [name], "alterations": ["none"], "models": ["lstm"], "reseeds": 0, "epochs": MOST}
    run_study(**options, yes=True)
    found = plan(Settings.of(**options)).curves()
    groups = found.groupby(["dataset", "epoch"])
    columns = ["loss", "val_loss", *(f"val_{metric}" for metric in METRICS)]
    return groups[columns].mean().round(5).assign(folds=groups.size()).reset_index()


def main(names: list[str]) -> None:
    known = pd.read_csv(TABLE) if TABLE.exists() else pd.DataFrame(columns=["dataset"])
    for name in names or SETS:
        known = pd.concat([known[known["dataset"] != name], curve(name)], ignore_index=True)
        known.to_csv(TABLE, index=False)
    print(comparison.last_epochs().to_string(index=False))


if __name__ == "__main__":
    main(sys.argv[1:])
