"""The paper's published numbers, as typed in from its tables (data/paper/)."""

import pandas as pd

from . import paths


def table_2() -> pd.DataFrame:
    """Table 2: documents, classes, max_len and tokens of each set, stage "original" and "prepared"."""
    return pd.read_csv(paths.shared("data", "paper", "table_02.csv"))


def tables_3_to_9() -> pd.DataFrame:
    """Tables 3-9. Row "Baseline" is the unaltered cell's score in percent; the other rows are improvements over it,
    in percent of the baseline's value. Columns: table, dataset, row, accuracy, macro_f1, micro_f1, weighted_f1."""
    return pd.read_csv(paths.shared("data", "paper", "tables_03_09.csv"))
