"""Which file is the paper's HASOC? The organisers' training and test file, prepared as the study prepares them, beside Table 2.

    LSTMCS_DATA=... python data/protocol/hasoc.py

Table 2's original row is the training file's; its prepared row, and the share of the largest class that section 4.1 names, are nearly
the test file's. Kept in hasoc.csv: set, documents, classes, max_len, tokens, largest (percent of the documents).
"""

from pathlib import Path

import pandas as pd

from lstmcs import load_dataset
from lstmcs.datasets.preprocess import prepare

TABLE = Path(__file__).with_suffix(".csv")


def row(name: str) -> dict:
    """What preparation leaves of a set."""
    prepared = prepare(load_dataset(name))
    last, counts = prepared.counts.iloc[-1], prepared.labels.sum(axis=0)
    found = {column: int(last[column]) for column in ("documents", "classes", "max_len", "tokens")}
    return {"set": name} | found | {"largest": round(100 * counts.max() / len(prepared.labels), 1)}


if __name__ == "__main__":
    pd.DataFrame([row(name) for name in ("hasoc-test", "hasoc")]).to_csv(TABLE, index=False)
    print(TABLE.read_text())
