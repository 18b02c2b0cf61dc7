"""Adds the best constant answer to editions that were exported before there was such a kind of model.

    python data/protocol/add_constant.py reports/first-edition/results.parquet

A row for every fold of the unaltered cell: its data set, run, number and seed, under the edition's own protocol and preparation. Rows
that are there stay as they are, byte for byte. Needs the files themselves (LSTMCS_DATA names their folder), and stops where a data set
or its prepared documents are not those of the edition.
"""

import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from lstmcs import environment, load_dataset
from lstmcs.datasets.preparation import Preparation
from lstmcs.datasets.preprocess import Prepared, prepare
from lstmcs.errors import DataError
from lstmcs.fold import Fold
from lstmcs.study.archive import Archive
from lstmcs.study.records import row
from lstmcs.training.constant import Constant

COUNTS = ("train_rows", "test_rows")  # of a fold, that its documents are the edition's


def beside(head: dict, data: dict[str, Prepared]) -> dict:
    """The constant answer's record on the fold of another one. data: prepared sets by name, filled on demand. Raises DataError."""
    other = Fold.of(head["config"], head["protocol"])
    if other.dataset not in data:
        data[other.dataset] = prepare(load_dataset(other.dataset), Preparation.of(dict(other.preparation)))
    prepared = data[other.dataset]
    if prepared.config() != {name: head["config"][name] for name in prepared.config()}:
        raise DataError(f"{other.dataset}: the data set at hand is not the edition's")
    fold = replace(other, model="constant", sizes={}, training={}, padding=None)
    record = Constant(prepared, fold).fold(fold).record
    if wrong := [name for name in COUNTS if record["cost"][name] != head["cost"][name]]:
        raise DataError(f"{fold.label}: {wrong[0]} {record['cost'][wrong[0]]}, in the edition {head['cost'][wrong[0]]}")
    return {**record, "config": fold.config, "protocol": fold.protocol, "key": fold.key}


def add(file: Path) -> int:
    """The rows that are missing, into the edition; returns how many."""
    heads, data = Archive(file).heads(), {}
    there = {head["key"] for head in heads}
    unaltered = [head for head in heads if (fold := Fold.of(head["config"], head["protocol"])).model == "lstm" and fold.cell == "none"]
    new = [head for head in (beside(head, data) for head in unaltered) if head["key"] not in there]
    if new:
        with environment.whole(file) as temporary:
            joined(pd.read_parquet(file), new).to_parquet(temporary, compression="zstd", index=False)
    return len(new)


def joined(table: pd.DataFrame, heads: Iterable[dict]) -> pd.DataFrame:
    """An edition's table with more records, in the order of an export."""
    heads = list(heads)
    rows = pd.DataFrame([row(head) for head in heads]).assign(record=[json.dumps(head, sort_keys=True) for head in heads])
    both = pd.concat([table, rows[list(table.columns)].astype(table.dtypes.to_dict())], ignore_index=True)
    return both.sort_values(["dataset", "model", "run", "fold", "alteration"], kind="stable", ignore_index=True)


if __name__ == "__main__":
    environment.prepare()
    for name in sys.argv[1:]:
        print(f"{name}: {add(Path(name))} records added")
