"""The paper's published numbers, as typed in from its tables (data/paper/): one reader a table, tidy frames.

Rows are named as lstmcs.ALTERATIONS ("C-1"), data sets as data/datasets.toml ("ag" for AG and AGNEWS), models as
`build_model` ("lstm" for LSTM-CS). Scores are in percent, improvements in percent of the baseline's value.
Where the paper contradicts itself: contradictions.py; what it claims: claims.py.
"""

import pandas as pd

from .. import environment
from ..metrics import METRICS

#: "Top current / hidden state mod" of Tables 12 and 15. The paper does not say which these are; on every set that has the
#: row in Tables 3-9 the scores are those of C-1 and H-2 (tests/test_tables.py).
TOP = {"top current": "C-1", "top hidden": "H-2"}
_SYMBOLS = {r"\circ": "*", r"\sigma_g": "sigmoid", r"\sigma_c": "tanh", "_t": ""}


def table_1() -> pd.DataFrame:
    """Table 1: row, latex (as printed), formula (the same as formula text: the paper's sigma_g is the sigmoid, sigma_c tanh)."""
    table = _read("table_01")
    return table.assign(formula=[formula_text(latex) for latex in table["latex"]])


def formula_text(latex: str) -> str:
    r"""The paper's notation as formula text: r"c_t = c_t \circ \sigma_g(o_t)" is "c = c * sigmoid(o)"."""
    for printed, text in _SYMBOLS.items():
        latex = latex.replace(printed, text)
    return latex


def table_2() -> pd.DataFrame:
    """Table 2: documents, classes, max_len and tokens of each set, stage "original" and "prepared"."""
    return _read("table_02")


def tables_3_to_9() -> pd.DataFrame:
    """Tables 3-9. Row "Baseline" is the unaltered cell's score in percent; the other rows are improvements over it,
    in percent of the baseline's value: for each set the best three of C and of H, chosen by the sum of the four metrics.
    Columns: table, dataset, row, accuracy, macro_f1, micro_f1, weighted_f1."""
    return _read("tables_03_09")


def tables_10_11() -> pd.DataFrame:
    """Tables 10 (C) and 11 (H): improvement averaged over the six sets without ROBO. Columns: table, row, the metrics."""
    return _read("tables_10_11")


def table_12() -> pd.DataFrame:
    """Table 12: accuracy in percent. Columns: model, modification ("none" | "top current" | "top hidden" |
    "not applicable"), dataset, accuracy. SEMEVAL is left out by the paper."""
    return _read("table_12")


def table_13() -> pd.DataFrame:
    """Table 13: training seconds a fold. Columns: dataset, model, seconds, bound ("below" where "<1" is printed)."""
    return _read("table_13").fillna({"bound": ""})


def table_14() -> pd.DataFrame:
    """Table 14, CROWD: model, parameters (trainable), seconds (training, a fold)."""
    return _read("table_14")


def table_15() -> pd.DataFrame:
    """Table 15: macro F1 in percent; columns as table_12, with macro_f1."""
    return _read("table_15")


def table_16() -> pd.DataFrame:
    """Table 16: average improvement of the best alteration of each state. Columns: row, latex, formula, the metrics."""
    table = _read("table_16")
    table.insert(2, "formula", [formula_text(latex) for latex in table["latex"]])
    return table


def baselines() -> pd.DataFrame:
    """The unaltered cell's scores in percent (Tables 3-9), a row a data set, a column a metric."""
    return tables_3_to_9().query("row == 'Baseline'").set_index("dataset")[list(METRICS)]


def published() -> pd.DataFrame:
    """Every improvement of one alteration on one set that the paper gives, in percent of the baseline's value.

    Columns: dataset, row, metric, improvement, source. Tables 3-9 give the best six rows of a set; for C-1 and H-2
    Tables 12 and 15 give scores on six sets, turned into improvements here where Tables 3-9 lack the row.
    """
    long = tables_3_to_9().query("row != 'Baseline'").melt(["table", "dataset", "row"], list(METRICS), "metric", "improvement")
    long["source"] = "Table " + long.pop("table").astype(str)
    scores = scores_of_top()
    scores["improvement"] = 100 * (scores["score"] / scores["baseline"] - 1)
    both = pd.concat([long, scores[[*long.columns]]], ignore_index=True)
    return both.drop_duplicates(["dataset", "row", "metric"], ignore_index=True)


def scores_of_top() -> pd.DataFrame:
    """C-1 and H-2 of Tables 12 and 15 in LSTM-CS: dataset, row, metric, score and baseline (percent), source."""
    parts = []
    for number, table, metric in ((12, table_12(), "accuracy"), (15, table_15(), "macro_f1")):
        lstm = table.query("model == 'lstm'").rename(columns={metric: "score"})
        altered = lstm[lstm["modification"] != "none"].assign(row=lstm["modification"].map(TOP), metric=metric, source=f"Table {number}")
        baseline = lstm[lstm["modification"] == "none"].set_index("dataset")["score"].rename("baseline")
        parts.append(altered.join(baseline, on="dataset")[["dataset", "row", "metric", "score", "baseline", "source"]])
    return pd.concat(parts, ignore_index=True)


def models(metric: str) -> pd.DataFrame:
    """Table 12 ("accuracy") or 15 ("macro_f1"): data sets x rows, a row named by model and modification ("lstm top current")."""
    table = {"accuracy": table_12, "macro_f1": table_15}[metric]()
    named = table.assign(which=table["model"] + " " + table["modification"].replace("not applicable", "none"))
    return named.pivot(index="dataset", columns="which", values=metric)


def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(environment.shared("data", "paper", f"{name}.csv"))
