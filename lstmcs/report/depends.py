"""What a page says of choices that nobody knows to be right, and of what the answer hangs on: the epoch that is read, the protocol, and what an
earlier edition chose; and of how much of the past a formula leaves.

Figures of the statistics in, words out, as in wording.py.
"""

import math
from collections.abc import Mapping

import pandas as pd

from .. import protocols, rules
from ..fold import is_reseed, label
from ..metrics import METRICS
from ..paper.claims import NOT_ASKED, WORDS, check_claims
from ..stats import curves as speeds
from ..stats import multiple, multiverse, single

FEW_CELLS = 5  # below it a rank correlation is not told


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


# === Protocols ===


def in_protocols(shares: pd.DataFrame) -> tuple[str, dict[str, int]]:
    """The answer for everybody: a sentence, and in how many comparisons an altered cell was better, worse, or neither.

    shares: stats.multiverse.shares.
    """
    altered, null = _parted(shares)
    total, better, worse = (int(altered[word].sum()) for word in ("answered", "better", "worse"))
    if not total:
        return "Nothing can be said yet: no two folds of an alteration and of the unaltered cell are on record under any protocol.", {}
    ways = int(shares["planned"].max())
    told = f"We trained a network that sorts texts in {ways} plausible ways, each with and without one more line: in {better or 'none'} of {total} "
    told += f"comparisons it sorted better with it, in {worse or 'none'} worse."
    if seeds := int(null["answered"].sum()):
        told += f" Other seeds alone came out better in {int(null['better'].sum()) or 'none'} of {seeds}, worse in {int(null['worse'].sum()) or 'none'}."
    if missing := int(altered["missing"].sum()):
        told += f" Another {missing} comparison{'s are' if missing > 1 else ' is'} planned and not on record."
    if idle := int(altered["unlearned"].sum()):
        told += f" In another {idle} nothing was learned, so nothing is compared."
    return told, {"better": better, "worse": worse, "no difference seen": total - better - worse}


def _parted(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of alterations, and those of the unaltered cell with other seeds."""
    null = is_reseed(table["alteration"])
    return table[~null], table[null]


def survives(shares: pd.DataFrame, metric: str = "macro_f1") -> list[str]:
    """In how many protocols each alteration raises and lowers the score, beside other seeds alone: a line an alteration.

    shares: stats.multiverse.shares.
    """
    altered, null = _parted(shares)
    beside = null.groupby("dataset")[["better", "worse", "higher", "answered"]].sum()
    lines = []
    for cell, rows in altered.groupby("alteration", sort=False):
        parts, silent = [], list(rows.loc[rows["answered"] == 0, "dataset"])
        for row in rows[rows["answered"] > 0].itertuples():
            text = f"in {row.better} of {row.answered} protocols on {row.dataset} and lowers it in {row.worse} (its mean is above 0 in {row.higher}"
            if row.dataset in beside.index and (seeds := beside.loc[row.dataset])["answered"]:
                text += f"; other seeds alone: {seeds['better']}, {seeds['worse']} and {seeds['higher']} of {seeds['answered']}"
            parts.append(text + ")")
        told = f"{cell} raises {METRICS[metric]} {'; '.join(parts)}." if parts else f"{cell}:"
        lines.append(told + f" No protocol answers on {', '.join(silent)}." * bool(silent))
    return lines


def together(joint: pd.DataFrame) -> str:
    """What all protocols of a comparison say together, and what the flips of so many folds can say. joint: stats.multiverse.joint_tests."""
    altered, null = _parted(joint[joint["protocols"] > 0])
    if altered.empty:
        return "No protocol has two paired folds on record yet."
    limit, count = 1 - single.LEVEL, len(altered)
    words = []
    for word in single.VERDICTS:
        rows = altered[altered["verdict"] == word]
        named = f" ({_some([f'{r.alteration} on {r.dataset}' for r in rows.itertuples()], 8)})" if word != "undecided" else ""
        words += [f"{len(rows)} {word}{named}"] if len(rows) else []
    text = f"Averaged over the protocols, {count} comparison{'s' * (count != 1)}: {', '.join(words)}."
    if (least := altered["p_least"].min()) > limit:
        return f"{text} With {int(altered['folds'].max())} folds no p by flips can be below {least:.2g}, so the flips decide nothing here."
    means, largest = (int((altered[name] <= limit).sum()) for name in ("p_mean", "p_largest"))
    text += (
        f" By flips of whole folds the average differs from 0 in {means or 'none'} of them, and some protocol does in {largest or 'none'}"
    )
    if len(null):
        found = [int((null[name] <= limit).sum()) or "none" for name in ("p_mean", "p_largest")]
        text += f"; with other seeds alone in {found[0]} and {found[1]} of {len(null)}"
    return text + " (about one in twenty does by chance)."


def moving(differences: pd.DataFrame, scores: pd.DataFrame) -> list[str]:
    """Which choice moves the unaltered cell's score, and which the difference to it: two lines, one less where nothing is on record.

    differences, scores: stats.multiverse.moved of the differences, and of the scores.
    """
    lines, limit = [], 1 - single.LEVEL
    if len(scores := scores.dropna(subset="sd")):
        first = scores.drop_duplicates("dataset")  # the most moving first
        most = [
            f"{r.dataset}: {_words(r.dimension)} (SD {r.sd:.1f} points over its levels, {r.sd_low:.1f} to {r.sd_high:.1f})"
            if r.sd >= 0.05
            else f"{r.dataset}: none beyond the folds' noise"
            for r in first.itertuples()
        ]
        lines.append(f"The choice that moves the unaltered cell's own score most, on {'; '.join(most)}.")
    if len(differences := differences.dropna(subset="sd")):
        altered, null = _parted(differences)
        named = []
        for (dimension, level), rows in altered[altered["p"] < limit].groupby(["dimension", "level"], sort=False):
            cells = _some([f"{r.alteration} on {r.dataset} by {r.mean:+.1f} points" for r in rows.itertuples()], 6)
            named.append(f"{_words(dimension, level)} moves {cells}")
        count = altered.groupby(["dataset", "alteration"]).ngroups
        text = f"Of the difference to it, in {count} comparison{'s' * (count != 1)}: "
        text += "; ".join(named) if named else "no choice can be named that moves it, by Holm's method over all levels of a comparison"
        if len(null):
            seeds, of = int((null["p"] < limit).sum()), null.groupby(["dataset", "alteration"]).ngroups
            text += f"; with other seeds alone {seeds or 'none'} is named in {of}"
        lines.append(text + ".")
    return lines


def _words(dimension: str, level=None) -> str:
    """ "learning rate", or with its level "learning rate 0.002"."""
    text = dimension.replace("_", " ")
    return text if level is None else f"{text} {level:g}" if isinstance(level, float) else f"{text} {level}"


def claims_by_protocol(results: pd.DataFrame, levels: pd.DataFrame) -> pd.DataFrame:
    """`claims_under` each protocol on record; "no data" for one without a row."""
    return claims_under(dict(list(results.groupby("choices", sort=False)))).reindex(columns=levels.index).fillna(multiverse.MISSING)


def claims_under(results: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The paper's claims that can be asked, under each rule or protocol: a row a claim, a column a name of `results`."""
    table = pd.DataFrame({name: check_claims(rows).set_index("claim")["verdict"] for name, rows in results.items()})
    return table[(table != NOT_ASKED).all(axis=1)]


def claims_counted(table: pd.DataFrame, names: int = 4) -> pd.DataFrame:
    """How many protocols answer each claim, and which: a row a claim. table: `claims_by_protocol`."""
    words = [WORDS[True], WORDS[False], WORDS[None], multiverse.MISSING]
    shown = pd.DataFrame({word: (table == word).sum(axis=1) for word in words}, index=table.index)
    for word in words[:2]:
        shown[f"{word} under"] = [_some(row.index[row == word], names) for _, row in table.iterrows()]
    return shown.rename(columns={multiverse.MISSING: "missing"}).rename_axis("claim").reset_index()


def _some(names, most: int) -> str:
    names = list(map(str, names))
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def claims_told(table: pd.DataFrame, under: str = "protocols") -> str:
    """How many claims are answered under any of them, and whether some are answered both ways. table: `claims_under` so many rules or protocols."""
    there = table.loc[:, (table != multiverse.MISSING).any()]
    if there.empty:
        return "No claim can be asked yet."
    yes, no = ((there == WORDS[answer]).any(axis=1) for answer in (True, False))
    if not (yes | no).any():
        return f"None of {len(there)} claims can be told under any of the {there.shape[1]} {under}."
    every = ((there == WORDS[True]).all(axis=1) | (there == WORDS[False]).all(axis=1)).sum()
    text = f"Of {len(there)} claims, asked under {there.shape[1]} {under}, {int(yes.sum()) or 'none'} are confirmed under some, {int(no.sum()) or 'none'} not confirmed under some, "
    both = list(there.index[yes & no])
    return text + f"{every or 'none'} answered alike under all." + (f" Answered both ways: {'; '.join(both)}." if both else "")


def not_tried(levels: pd.DataFrame, cells: pd.DataFrame, twins=(), names: int = 6) -> list[str]:
    """What the multiverse leaves out: protocols without data, levels that none on record has, combinations, dimensions that it does not vary.

    cells: stats.multiverse.cells. twins: stats.multiverse.twins.
    """
    cells = cells[~is_reseed(cells["alteration"])]
    told, varied = [], multiverse.varied(levels)
    there = cells[cells["verdict"] != multiverse.MISSING].groupby("protocol").size().reindex(levels.index, fill_value=0)
    whole = cells.groupby("protocol").size().max() if len(cells) else 1
    if len(gone := levels.index[there == 0]):
        told.append(f"{len(gone)} of {len(levels)} planned protocols have nothing on record that can be compared: {_some(gone, names)}")
    if len(part := levels.index[(there > 0) & (there < whole)]):
        told.append(f"{len(part)} have only part of their comparisons: {_some(part, names)}")
    known = levels[there > 0]
    lost = [_words(name, level) for name, values in varied.items() for level in values if not (known[name] == level).any()]
    if lost and len(known):
        told.append(f"No protocol on record has: {_some(lost, names)}")
    told += [f"One and the same in every score, and counted as {len(same)}: {_some(same, names)}" for same in twins]
    if (count := math.prod(map(len, varied.values()))) > len(levels):
        told.append(
            f"{len(levels)} of the {count} combinations of these levels are planned; what two changes do together and neither alone is seen in those at most"
        )
    alone = [name for name in (*protocols.RANGES, "padding", "rule") if name not in varied]
    options = [name for name in protocols.OPTIONS if name not in varied]
    if alone:
        told.append(f"Not varied: {', '.join(map(_words, alone))}")
    told.append(f"Of the preparation {len(options)} of {len(protocols.OPTIONS)} options are not varied")
    told.append("Nobody can vary the optimiser here (Adam). Dimensions, levels and default are a choice: another grid may answer otherwise")
    return told


def changed(before: pd.DataFrame, now: pd.DataFrame) -> str:
    """How the verdicts of an edition differ from those of an earlier one. before, now: multiple.cells of the two."""
    both = multiple.compared(before).merge(multiple.compared(now), on=["dataset", "alteration"], suffixes=("_before", "_now"))
    if both.empty:
        return "No comparison is in both editions."
    turned = both[both["verdict_before"] != both["verdict_now"]]
    many = f"{len(both)} comparison{'s' * (len(both) != 1)}"
    if turned.empty:
        return f"Of {many} in both editions, none has another verdict now."
    words = turned.groupby(["verdict_before", "verdict_now"]).size().sort_values(ascending=False, kind="stable")
    told = ", ".join(f"{count} from {old} to {new}" for (old, new), count in words.items())
    return f"Of {many} in both editions, {len(turned)} ha{'ve' if len(turned) != 1 else 's'} another verdict now: {told}."


def on_memory(correlation: pd.Series, counts: Mapping[str, int]) -> str:
    """Whether cells that leave more gradient end higher: data set -> rank correlation over so many altered cells, and how many."""
    known = {name: r for name, r in correlation.items() if counts[name] >= FEW_CELLS and not math.isnan(r)}
    if not known:
        return "Too few altered cells are on record to say whether those end higher that leave more gradient."
    told = ", ".join(f"{r:+.2f} on {name} ({counts[name]} cells)" for name, r in known.items())
    return f"Do cells end higher that leave more gradient after ten steps? Rank correlation: {told}; seen afterwards, a hint and no test."
