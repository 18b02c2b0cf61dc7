"""What a full edition costs, from the committed records: prints a table for reports/README.md.

    LSTMCS_DATA=... python tests/edition_costs.py [--runs 10] [--core 0.05] [--card 3.00]

A full edition: the unaltered cell, 17 alterations and a row with other seeds, ten folds a run, protocol 2, on every set. A core's seconds an
epoch are those on record (medians, one fold a core, both cores of the machine busy); a card's seconds a fold are those of HASOC and
SEMEVAL on one H100, 20 to 40 folds at once. What was not measured on a set is the work of its steps (study/schedule.py) at
HASOC's rate: the columns `core` and `card` say which. Prices are assumptions, of an hour.
"""

import argparse
from pathlib import Path

import pandas as pd

import lstmcs
from lstmcs.study.plan import Settings, plan
from lstmcs.study.schedule import EVALUATION, reference

ROOT = Path(__file__).resolve().parent.parent
EDITIONS = [ROOT / "reports" / name / "results.parquet" for name in ("first-edition", "second-edition")]
SETS = ("hasoc-test", "robo", "semeval", "mlma", "hasoc", "hate", "crowd", "ag-subset")
CARD = "NVIDIA H100 80GB HBM3"
AT = "hasoc"  # at whose rate the time of a set is scaled that was not measured


def measured() -> pd.DataFrame:
    """(set, whether on the card) -> medians of the networks on record: seconds an epoch, seconds of compiling a cell. Other cards are left out."""
    rows = pd.concat(map(lstmcs.results, EDITIONS)).query("model == 'lstm' and state == 'done'")
    rows = rows.assign(card=rows["device"].notna())
    rows = rows[~rows["card"] | (rows["device"] == CARD)]
    return rows.groupby(["dataset", "card"])[["seconds_per_epoch", "compile_seconds"]].median()


def table(runs: int, core: float, card: float) -> pd.DataFrame:
    """A row a set, and their sum."""
    known, rows = measured(), []
    work = {name: plan(Settings(datasets=(name,), alterations=("none",), models=("lstm",))) for name in SETS}
    fold = {name: work[name].folds[0] for name in SETS}
    step = {name: reference(work[name].data[name], fold[name]) / EVALUATION for name in SETS}
    for name in SETS:
        epochs, folds = fold[name].training["epochs"], 19 * 10 * runs
        seconds, said, compiling = {}, {}, 0.0
        for on_card in (False, True):
            known_here = (name, on_card) in known.index
            a_epoch, compiling = known.loc[(name if known_here else AT), on_card]
            said[on_card] = "measured" if known_here else "scaled"
            seconds[on_card] = epochs * a_epoch if known_here else fold[AT].training["epochs"] * a_epoch * step[name] / step[AT]
        rows.append({
            "set": name, "MaxLen": work[name].data[name].max_len, "epochs": epochs, "trainings": folds, "a fold, one core (s)": seconds[False],
            "two cores (h)": folds * seconds[False] / 2 / 3600, "sixteen cores (h)": folds * seconds[False] / 16 / 3600, "core": said[False],
            "a fold, H100 (s)": seconds[True], "one H100 (h)": (folds * seconds[True] + 19 * compiling) / 3600, "card": said[True],
        })  # fmt: skip
    found = pd.DataFrame(rows)
    total = found.sum(numeric_only=True)[["trainings", "two cores (h)", "sixteen cores (h)", "one H100 (h)"]].to_dict()
    price = {"set": "dollars", "two cores (h)": 2 * core * total["two cores (h)"], "sixteen cores (h)": 16 * core * total["sixteen cores (h)"],
             "one H100 (h)": card * total["one H100 (h)"]}  # fmt: skip
    return pd.concat([found, pd.DataFrame([{"set": "all"} | total, price])], ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10, help="runs of ten folds (default: the paper's 10)")
    parser.add_argument("--core", type=float, default=0.05, help="dollars an hour of a core")
    parser.add_argument("--card", type=float, default=3.0, help="dollars an hour of an H100")
    options = parser.parse_args()
    print(table(options.runs, options.core, options.card).to_string(index=False, na_rep="-", float_format="{:,.1f}".format))


if __name__ == "__main__":
    main()
