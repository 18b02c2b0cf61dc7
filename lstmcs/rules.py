"""Which epoch of a training is read: rules that see the training and validation scores of one fold, and never its test scores.

A record holds the scores of every epoch. "Two epochs", "the last", "the best on validation" are readings of one training, not
trainings of their own.
"""

import math
import re
from collections.abc import Sequence
from operator import itemgetter

from .errors import SettingsError, nearest

#: Rule -> what it reads. The first is the default: it is what a validation tenth is for.
RULES = {
    "best": "the highest validation macro F1",
    "loss": "the lowest validation loss",
    "accuracy": "the highest validation accuracy (the paper trains on accuracy)",
    "last": "the last epoch",
}
#: Rules that are one number of epochs for all folds and cells of a data set.
COMMON = {
    "paper": "the epoch at which the unaltered cell's validation scores are nearest to the paper's Baseline row",
    "epoch=k": "epoch k, for example epoch=5",
}
_COLUMN = {"best": "val_macro_f1", "loss": "val_loss", "accuracy": "val_accuracy"}
DEFAULT = "best"


def check(rule: str) -> str:
    """The rule, if there is such a one. Raises SettingsError."""
    if isinstance(rule, str) and (rule in RULES or rule == "paper" or fixed(rule)):
        return rule
    known = [*RULES, *COMMON]
    raise SettingsError(f"unknown rule {rule!r}{nearest(rule, known)}; rules are {', '.join(known)}")


def fixed(rule: str) -> int | None:
    """k of "epoch=k"; None for another rule."""
    found = re.fullmatch(r"epoch=([1-9]\d{0,5})", rule)
    return int(found[1]) if found else None


def choose(curve: Sequence[dict], rule: str = DEFAULT) -> int | None:
    """The number of the epoch that `rule` reads of a fold's curve (one of RULES, or "epoch=k"); the first of equals.

    curve: a dict an epoch with epoch, val_loss, val_macro_f1, ... None where it has no such epoch. Raises SettingsError for a
    rule that does not exist, and for "paper", which no fold's curve alone can tell.
    """
    if check(rule) == "paper":
        raise SettingsError("rule 'paper' reads all folds of a data set: plan(settings).results(rule='paper')")
    if not curve:
        return None
    if rule == "last":
        return curve[-1]["epoch"]
    if (column := _COLUMN.get(rule)) is None:
        return number if any(row["epoch"] == (number := fixed(rule)) for row in curve) else None
    pick = min if rule == "loss" else max
    try:
        values = list(map(itemgetter(column), curve))
        if (total := sum(values)) == total:  # no NaN: thousands of curves are chosen from
            return curve[values.index(pick(values))]["epoch"]  # the first of equals
    except KeyError:
        values = [row.get(column, math.nan) for row in curve]
    known = [value for value in values if value == value]
    return curve[values.index(pick(known))]["epoch"] if known else None
