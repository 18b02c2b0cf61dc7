"""Where the paper disagrees with itself: what it says in one place, and what its own tables show in another.

Each entry's `shows` is computed from data/paper/ and says whether the disagreement stands, with the figures. Rounding is
allowed for: nothing is listed that the printed digits can explain. Sections are those of the accepted manuscript.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from ..metrics import METRICS
from . import comparison, tables

F1 = ("macro_f1", "micro_f1", "weighted_f1")


@dataclass(frozen=True)
class Contradiction:
    """`says` is the paper's wording at `where`; `shows()` returns (whether `elsewhere` disagrees, what it shows)."""

    id: str
    where: str
    says: str
    elsewhere: str
    shows: Callable[[], tuple[bool, str]]


def contradictions() -> pd.DataFrame:
    """All of CONTRADICTIONS, evaluated: columns id, where, says, elsewhere, shows, stands (bool)."""
    rows = []
    for item in CONTRADICTIONS:
        stands, shows = item.shows()
        rows.append({"id": item.id, "where": item.where, "says": item.says, "elsewhere": item.elsewhere, "shows": shows, "stands": stands})
    return pd.DataFrame(rows)


def _rows(dataset: str, state: str) -> pd.DataFrame:
    """The rows of one state ("C" | "H") in a set's table, indexed by row, metrics as columns."""
    table = tables.tables_3_to_9().query("dataset == @dataset").set_index("row")[list(METRICS)]
    return table[table.index.str.startswith(f"{state}-")]


def _averages(state: str = "") -> pd.DataFrame:
    table = tables.tables_10_11().set_index("row")[list(METRICS)]
    return table[table.index.str.startswith(state)]


def _documents() -> pd.Series:
    counts = tables.table_2().pivot(index="dataset", columns="stage", values="documents")
    return 100 * (counts["prepared"] / counts["original"] - 1)


def crowd_seconds():
    a = tables.table_13().query("dataset == 'crowd'").set_index("model")["seconds"]
    b = tables.table_14().set_index("model")["seconds"]
    return bool((a != b.loc[a.index]).all()), ", ".join(f"{m} {a[m]:g} s against {b[m]:g} s" for m in a.index)


def hidden_that_improve_all():
    table = _averages("H")
    names = table.index[(table[[*F1]] > 0).all(axis=1)]
    return len(names) != 1, f"{len(names)} do: {', '.join(names)}"


def hidden_without_any():
    table = _averages("H")
    names = table.index[(table <= 0).all(axis=1)]
    h4 = table.loc["H-4"]
    return len(names) != 2, f"{len(names)}: {', '.join(names)}; H-4 raises weighted F1 by {h4['weighted_f1']:g} %"


def documents_unaffected():
    change = _documents()
    return bool((change < 0).any()), "all sets lose documents: " + ", ".join(f"{d} {c:.0f} %" for d, c in change.sort_values().items())


def documents_slightly():
    change = _documents().drop("crowd").sort_values()
    half = change[change < -50]
    return len(half) > 0, "lost more than half: " + ", ".join(f"{d} {c:.0f} %" for d, c in half.items())


def mlma_classes():
    classes = tables.table_2().query("dataset == 'mlma'").set_index("stage")["classes"]
    differ = bool(classes["original"] != classes["prepared"])
    return differ, (f"Table 2 goes from {classes['original']} to {classes['prepared']} classes; in the public file the column `sentiment` "
                    "has 48 values before any preparation, and 71 is the count of another column, `annotator_sentiment`")  # fmt: skip


def six_of_seven():
    falls = [d for d in tables.baselines().index if (pd.concat([_rows(d, "C"), _rows(d, "H")])["accuracy"] < 0).all()]
    crowd = tables.published().query("dataset == 'crowd' and row == 'C-1' and metric == 'accuracy'").iloc[0]
    return len(falls) != 1, (f"accuracy falls in every row of {len(falls)} sets: {', '.join(falls)} (Tables 3, 7); "
                             f"C-1, which is not in Table 7, raises it on crowd by {crowd['improvement']:.3f} % ({crowd['source']})")  # fmt: skip


def crowd_two_hidden():
    table = _rows("crowd", "H")
    names = table.index[(table[[*F1]] > 0).all(axis=1)]
    return len(names) < 2, f"of the best three only {', '.join(names)} raises all three F1; accuracy falls in all three"


def crowd_up_to():
    table = _rows("crowd", "C")[[*F1]]
    return bool(table.max().max() > 0.655), f"{table.max(axis=1).idxmax()} {table.max(axis=1).max():g} % macro F1"


def semeval_hidden():
    table = _rows("semeval", "H")[[*F1]]
    return bool(table.max().max() > 0.285), f"{table.max(axis=1).idxmax()} {table.max(axis=1).max():g} % macro F1"


def hasoc_file():
    files = comparison.hasoc_files()
    theirs, test, training = (files.loc[name] for name in ("the paper", "test file", "training file"))
    stands = abs(test["largest"] - theirs["largest"]) < 1 < abs(training["largest"] - theirs["largest"])
    return bool(stands), (f"prepared by us, the test file has {int(test['documents']):,} documents and {test['largest']:.1f} % in one class, the training "
                          f"file {int(training['documents']):,} and {training['largest']:.1f} %: the study ran on the test file, most likely")  # fmt: skip


def robo_same_alterations():
    hasoc, robo = (pd.concat([_rows(d, "C"), _rows(d, "H")]) for d in ("hasoc", "robo"))
    shared = [name for name in hasoc.index if name in robo.index]
    worse = robo.loc[shared].min(axis=1)
    c1 = tables.scores_of_top().query("dataset == 'robo' and row == 'C-1' and metric == 'macro_f1'").iloc[0]
    stands = len(shared) < len(hasoc) and bool((worse < 0).any()) and c1["score"] < c1["baseline"]
    return stands, (f"the two tables share {', '.join(shared)} only; {worse.idxmin()} has {worse.min():g} % accuracy on robo, and C-1, "
                    f"first of Table 3, lowers its macro F1 from {c1['baseline']:g} to {c1['score']:g} (Table 15)")  # fmt: skip


def no_times_of_alterations():
    table = tables.table_13()
    return "row" not in table, f"one time a set and model ({', '.join(table['model'].unique())}), none an alteration"


def three_of_twelve():
    cells = {(d, metric): which for metric in ("accuracy", "macro_f1") for d, which in tables.models(metric).idxmax(axis=1).items()}
    best = [f"{d} {METRICS[metric]}" for (d, metric), which in cells.items() if which.endswith("top current")]
    sets = len({d for d, _ in cells})
    found = f"C-1, in LSTM-CS or SIMPLE, is best in {len(best)} of {len(cells)} set x metric cells: {', '.join(best)}"
    return sets != 12, f"{sets} sets; {found}"


def bert_averages():
    lead = {}
    for metric in ("accuracy", "macro_f1"):
        table = tables.models(metric)
        altered = table[[name for name in table if "top" in name]].max(axis=1)
        lead[metric] = (100 * (table["bert none"] / altered - 1)).mean()
    stands = round(lead["accuracy"], 2) == 0.93 and round(lead["macro_f1"], 2) != 16.43
    return stands, (f"0.93 % is the mean relative lead over the best altered row of each set ({lead['accuracy']:.3f}); "
                    f"the same rule gives {lead['macro_f1']:.2f} % in macro F1")  # fmt: skip


def lead_over_lstm():
    table = tables.models("macro_f1").drop("robo")
    lead = 100 * (table["bert none"] / table["lstm none"] - 1)
    return bool(
        lead.mean() > 20
    ), f"over unaltered LSTM-CS it is {lead.mean():.1f} % on average without ROBO ({lead.min():.0f} to {lead.max():.0f} %)"


def outperformed_on():
    behind = {}
    for metric in ("accuracy", "macro_f1"):
        table = tables.models(metric)
        lstm = [name for name in table if name.startswith("lstm top")]
        behind[metric] = int((table.drop(columns=[*lstm, "lstm none"]).max(axis=1) > table[lstm].max(axis=1)).sum())
    return behind[
        "macro_f1"
    ] != 4, f"a Transformer is ahead on {behind['accuracy']} of 6 sets in accuracy, on {behind['macro_f1']} of 6 in macro F1"


def simple_average():
    accuracy, f1 = ((table["simple none"] - table["lstm none"]).mean() for table in map(tables.models, ("accuracy", "macro_f1")))
    return accuracy < 0, f"SIMPLE has {accuracy:+.2f} points of mean accuracy and {f1:+.2f} of mean macro F1"


def improves_upon_simple():
    accuracy, f1 = (int((table["lstm top current"] > table["simple none"]).sum()) for table in map(tables.models, ("accuracy", "macro_f1")))
    return f1 < 3, f"C-1 beats SIMPLE on {accuracy} of 6 sets in accuracy, but on {f1} of 6 in macro F1"


def hundred_times():
    table = tables.table_13().query("bound == ''").pivot(index="dataset", columns="model", values="seconds")
    ratio = (table["bert"] / table["lstm"]).dropna().sort_values(ascending=False)
    return bool((ratio < 100).any()), "times LSTM-CS: " + ", ".join(f"{d} {r:.0f}" for d, r in ratio.items())


def majority_in_each_task():
    falls = (_averages()["accuracy"] < 0).sum()
    return bool(falls > 8), f"averages over six sets, no task and no test; accuracy falls for {falls} of 17"


CONTRADICTIONS = [
    Contradiction("crowd-seconds", "Table 13", "CROWD: 54, 224 and 5,410 s a fold", "Table 14", crowd_seconds),
    Contradiction("hidden-all-f1", "Section 4.1", "Only one of our proposed alterations improved across all F1 metrics", "Table 11", hidden_that_improve_all),
    Contradiction("hidden-none", "Section 4.1", "while two alterations did not produce any improvement at all", "Table 11", hidden_without_any),
    Contradiction("documents-unaffected", "Section 3.4", "significantly reduced without affecting the number of documents", "Table 2", documents_unaffected),
    Contradiction("documents-slightly", "Section 3.4", "Excluding CROWD, ... slightly decreased the number of documents", "Table 2", documents_slightly),
    Contradiction("mlma-classes", "Table 2", "MLMA: 71 classes, 48 after pre-processing", "the public file", mlma_classes),
    Contradiction("hasoc-file", "Table 2, section 4.1", "HASOC: 5,852 documents, the organisers' training file; prepared 1,120, 74.3 % with the same class", "the public files", hasoc_file),
    Contradiction("six-of-seven", "Section 4.1", "In six of the seven datasets, our ... cell improves F1 performance and accuracy", "Tables 3-9", six_of_seven),
    Contradiction("crowd-hidden", "Section 4.1", "Two out of five Hidden state alterations result in a consistent ... improvement", "Table 7", crowd_two_hidden),
    Contradiction("crowd-up-to", "Section 4.1", "Current state alterations increase F1 score by up to 0.65%", "Table 7", crowd_up_to),
    Contradiction("semeval-hidden", "Section 4.1", "best-performing ... 0.28% for Hidden states", "Table 9", semeval_hidden),
    Contradiction("robo-same", "Section 4.1", "the same alterations in ROBO significantly increase performance across all metrics", "Tables 3, 4, 15", robo_same_alterations),
    Contradiction("majority", "Section 4.1", "the majority ... significant improvements in each classification task, as presented in Tables 10 and 11", "Tables 10, 11", majority_in_each_task),
    Contradiction("alteration-times", "Section 5", "we present in Table 13 the increased training time per state alteration", "Table 13", no_times_of_alterations),
    Contradiction("three-of-twelve", "Section 6", "better performance in 3 out of 12 datasets", "Tables 12, 15", three_of_twelve),
    Contradiction("bert-averages", "Section 6", "by 0.93% on average ... accuracy. Similarly, the macro F1 ... 16.43%", "Tables 12, 15", bert_averages),
    Contradiction("simple-average", "Section 6", "the small improvement (0.668%) of SIMPLE compared to our LSTM-CS", "Tables 12, 15", simple_average),
    Contradiction("bert-over-lstm", "Section 7", "BERT demonstrated a 16% F1 improvement over the LSTM cell", "Table 15", lead_over_lstm),
    Contradiction("four-of-six", "Abstract", "outperformed in classification metrics in 4/6 datasets", "Tables 12, 15", outperformed_on),
    Contradiction("improves-upon-simple", "Abstract", "improves upon the simple Transformer model", "Tables 12, 15", improves_upon_simple),
    Contradiction("hundred-times", "Section 6", "more than a hundred times the training time needed for our best Current state LSTM modification", "Table 13", hundred_times),
]  # fmt: skip
