"""What a page says of choices that nobody knows to be right, and of what the answer hangs on: the epoch that is read of a training.

Figures of the statistics in, words out, as in wording.py.
"""

from collections.abc import Mapping

import pandas as pd

from .. import rules
from ..fold import is_reseed, label
from ..stats import curves as speeds
from ..stats import single


def depending(table: pd.DataFrame, rule: str) -> str:
    """Which verdicts hang on the epoch that is read. table: stats.curves.under_rules; rule: the one the page goes by."""
    table = table[~is_reseed(table["alteration"])]
    others = [column for column in table if column not in ("dataset", "alteration", "depends", rule)]
    known = table[table[rule].isin(single.VERDICTS)]
    if known.empty or not others:
        return "Only one way of reading is on record."
    opposite = known[[{"better", "worse"} <= set(row) for row in known[[rule, *others]].itertuples(index=False)]]
    count = int(known["depends"].sum())
    told = f"Of {len(known)} verdict{'s' * (len(known) != 1)}, read at {_read_at(rule)} (rule {rule}), {count or 'none'} hang{'s' * (count < 2)} on that choice: "
    told += f"another rule ({', '.join(others)}) gives another" if count else f"the other rules ({', '.join(others)}) give the same"
    if opposite.empty:
        return told + ("; none turns from better to worse or back." if count else ".")
    named = ", ".join(f"{row.alteration} on {row.dataset}" for row in opposite.itertuples())
    return f"{told}; better by one rule and worse by another: {named}."


def _read_at(rule: str) -> str:
    if found := rules.fixed(rule):
        return f"epoch {found}"
    return {
        "best": "the epoch that is best on validation", "loss": "the epoch of lowest validation loss",
        "accuracy": "the epoch of highest validation accuracy", "last": "the last epoch",
    }.get(rule, rules.COMMON.get(rule, rule))  # fmt: skip


def read_alike(results: Mapping[str, pd.DataFrame]) -> str:
    """Why nothing can be said of other epochs, where every rule reads the same epoch of each fold; nothing where they differ.

    results: rule -> frame of results read by it.
    """
    if speeds.rules_differ(results):
        return ""
    frame = next(iter(results.values()))
    if len(frame) and (frame["protocol"] == 1).all():
        return (
            "Every rule reads the last epoch: these records are of protocol 1, which kept test scores of no other, so they cannot tell "
            "whether the answer hangs on the epoch."
        )
    return "Every rule reads the same epoch of each fold, so nothing hangs on that choice here."


def by_rules(results: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One data set under each rule, to be read: a row a cell; the mean difference as each rule reads it, the verdicts, depends."""
    means = speeds.differences_under_rules(results).pivot(index="alteration", columns="rule", values="mean")
    words = verdicts_by_rules(speeds.under_rules(results)).drop(columns="dataset").set_index("alteration")
    means = means.rename(index=label, columns="by {}".format).reindex(words.index, columns=[f"by {rule}" for rule in results])
    return means.join(words.rename(columns=lambda name: f"verdict {name}" if name in means else name)).rename_axis(index=None, columns=None)


def verdicts_by_rules(table: pd.DataFrame) -> pd.DataFrame:
    """stats.curves.under_rules to be read: columns "by best", ... for the rules, which have names of scores too."""
    shown = table.assign(alteration=table["alteration"].map(label), depends=table["depends"].map({True: "yes", False: "no"}))
    return shown.rename(columns=lambda name: name if name in ("dataset", "alteration", "depends") else f"by {name}")
