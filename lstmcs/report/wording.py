"""Every sentence that a page says: figures of the statistics in, words out.

results: a frame of records (study/records.py). Nothing is computed here that a function of stats or paper does not give.
"""

from collections.abc import Mapping

import pandas as pd

from .. import families
from ..datasets import registry
from ..fold import is_reseed, label
from ..metrics import METRICS
from ..models.dynamics import Dynamics
from ..models.kinds import KINDS
from ..paper import comparison
from ..paper.claims import check_claims, tally
from ..stats import cost, multiple, pairs, seeds, single
from ..stats import curves as speeds
from ..stats.multiple import MIN_SETS
from ..study.plan import Plan

#: The claim of the paper's abstract: the best alteration of each state, and by how much it is said to raise F1.
CENTRAL = {"c1-average": "C-1 by 0.5 %", "h2-average": "H-2 by 0.3 %"}
#: Plain references that stand as rows beside the alterations.
REFERENCES = {"constant": "best constant answer", "tfidf": "TF-IDF + logistic regression"}
_IS = {
    "confirmed": "is confirmed{}",
    "not confirmed": "is not confirmed{} (it falls)",
    "cannot tell": "can neither be confirmed nor refuted so far{}",
}


def in_short(cells: pd.DataFrame) -> tuple[str, dict[str, int]]:
    """The answer for everybody: a sentence, and how many comparisons found the altered cell better, worse, or neither. cells: multiple.cells."""
    table = multiple.compared(cells)
    if table.empty:
        return "Nothing can be said yet: no fold of an alteration and of the unaltered cell is on record.", {}
    words, total = table["verdict"].value_counts(), len(table)
    better, worse = int(words.get("better", 0)), int(words.get("worse", 0))
    many = f"{total} comparisons" if total > 1 else "one comparison"
    found = "it sorted better" if better else "did it sort better"
    told = f"in {better or 'none'} of {many} {found} than before, in {worse or 'none'} worse"
    if not better and not worse:
        could = "none of " + many + " could we" if total > 1 else many + " could we not"
        told = f"in {could} see that it sorted better or worse than before"
    counts = {"better": better, "worse": worse, "no difference seen": total - better - worse}
    return f"We added one line to a network that sorts texts: {told}.", counts


def headline(results: pd.DataFrame) -> str:
    """Two sentences from a results frame (a row a fold, all models); one that says so if nothing can be compared yet."""
    idle = multiple.unlearned(results)
    cells = multiple.compared(multiple.cells(results[results["model"] == "lstm"], idle=idle))
    if cells.empty:
        nothing = f"nothing is learned on {', '.join(idle)}" if idle else "no fold of an alteration and of the unaltered cell is on record"
        return f"Nothing can be said yet: {nothing}."
    claims = check_claims(results)
    words, sets = cells["verdict"].value_counts(), list(cells["dataset"].unique())
    stand_ins = registry.stand_ins()
    names = ", ".join(f"{name} (a stand-in)" if name in stand_ins else name for name in sets)
    told = ", ".join(f"{words.get(word, 0)} {word}" for word in single.VERDICTS)
    return (
        f"The paper's claim that one more line in the LSTM cell raises F1 ({', '.join(CENTRAL.values())} on average) {_central(claims.set_index('id')['verdict'])}. "
        f"Evidence: {len(cells)} comparison{'s' * (len(cells) != 1)} with the unaltered cell on {len(sets)} data set{'s' * (len(sets) != 1)} "
        f"({names}; up to {cells['folds'].max()} folds each): {told}; {tally(claims)}."
        + (f" Nothing is learned on {', '.join(idle)}, which decides nothing." if idle else "")
    )


def _central(claims: pd.Series) -> str:
    found = {name: claims[name] for name in CENTRAL}
    if len(set(found.values())) == 1:
        return _IS[next(iter(found.values()))].format("")
    return " and ".join(_IS[word].format(f" for {CENTRAL[name].split()[0]}") for name, word in found.items())


def one_set(results: pd.DataFrame, name: str, metric: str = "macro_f1") -> str:
    """What the folds say of one data set, in one or two sentences for a reader in a hurry."""
    table = single.differences_table(results, metric)
    table = table[~is_reseed(table.index)]
    if table.empty:
        return f"{name}: no fold of an alteration and the unaltered cell is on record yet."
    better, worse = table.index[table["low"] > 0], table.index[table["high"] < 0]
    baseline = single.improvements(results).loc["Baseline", metric]
    count = f"{table['folds'].min()} to {table['folds'].max()}" if table["folds"].min() < table["folds"].max() else table["folds"].max()
    text = f"{name}: of {len(table)} alterations, {len(better)} score higher than the unaltered cell"
    text += f" ({', '.join(better)})" if len(better) else ""
    text += f" and {len(worse)} lower" + (f" ({', '.join(worse)})" if len(worse) else "")
    text += f" in {METRICS[metric]} by a corrected 95 % interval that excludes 0, on {count} paired folds; the unaltered cell scores {baseline:.1f} %."
    return text + " With this many comparisons about one in twenty such intervals excludes 0 by chance."


#: Which state a formula alters, in words.
STATES = {"c": "the current state c", "h": "the hidden state h", "both": "both states", "gates": "gates, not the states",
          "mixed": "gates and states"}  # fmt: skip


def one_cell(results: pd.DataFrame, name: str, metric: str = "macro_f1") -> str:
    """What is known of one cell on one data set, however few the folds: the verdict first."""
    table = single.verdicts(results, metric)
    failed = int(((results["state"] == "failed") & (results["alteration"] == name)).sum())
    lost = f" {failed} of its folds failed." * (failed > 0)
    if name not in table.index or not table.loc[name, "folds"]:
        return f"No verdict yet: no fold of {label(name)} and of the unaltered cell is on record.{lost}"
    row, folds = table.loc[name], int(table.loc[name, "folds"])
    where = "above" if row["mean"] > 0 else "below"
    told = f"{label(name)} is {abs(row['mean']):.2f} points of {METRICS[metric]} {where} the unaltered cell"
    if folds < 2:
        return f"No verdict yet: in the one fold that both have, {told}.{lost}"
    return (
        f"{row['verdict'].capitalize()}: over {folds} folds {told} (corrected 95 % interval {row['low']:+.2f} to {row['high']:+.2f}).{lost}"
    )


def over_steps(found: Mapping[str, Dynamics], step: int = 20) -> list[str]:
    """How far the states go and how much gradient is left, in two sentences. found: id -> models.dynamics.over_steps, "none" among them."""
    told = []
    for what, at, name in (("c", -1, "mean |c|"), ("gradient", step - 1, "the gradient left of the first step's state")):
        values = {cell: getattr(course, what)[at] for cell, course in found.items()}
        most, least = max(values, key=values.get), min(values, key=values.get)
        steps = len(found["none"].c) if at < 0 else step
        told.append(
            f"After {steps} steps {name} is {values['none']:.2g} in the unaltered cell, largest with {most} ({values[most]:.2g}), "
            f"smallest with {least} ({values[least]:.2g})."
        )
    return told


def origin(work: Plan, planned: pd.DataFrame) -> str:
    """Whether what is shown was trained now or read from record. planned: rows of Plan.frame as they were before the training."""
    read = int((planned["state"] != "missing").sum())
    if not work.store.trains:
        return f"Read from record: {read} of {len(planned)} planned folds, of {work.store.path.parent.name}/{work.store.path.name}."
    now = int((work.frame().loc[planned.index, "state"] != "missing").sum()) - read
    left = len(planned) - read - now
    return f"Of {len(planned)} planned folds {read} read from record, {now} trained now" + (f", {left} missing." if left else ".")


def trial(done: int, total: int, before: int, running: bool, printed: str = "") -> str:
    """How far a training is: what was on record, what was trained now, and what it says itself."""
    told = f"{done} of {total} folds on record: {before} read from there, {done - before} trained now"
    if running:
        return f"{told}. {printed}"
    return f"{told}." if done == total else f"{told}; stopped. The button goes on from there."


def beside_references(results: pd.DataFrame, name: str) -> str:
    """What the plain references score on one data set beside the unaltered cell, and whether anything is learned there; nothing where
    none of them is on record. results: of all models."""
    rows = results[results["dataset"] == name]
    found = multiple.references(rows, REFERENCES).set_index("alteration").query("folds > 0")
    if found.empty:
        return ""
    told = ", ".join(f"{other} {row['mean']:+.1f} points ({row['low']:+.1f} to {row['high']:+.1f})" for other, row in found.iterrows())
    text, [row] = (
        f"{name}: against the unaltered cell, in {METRICS['macro_f1']}: {told}.",
        multiple.beside_constant(rows).to_dict("records"),
    )
    if row["learned"] is False:
        text += (f" Nothing is learned here: the unaltered cell scores {row['unaltered']:.1f} %, the best constant answer {row['constant']:.1f} %. "
                 "Cells that answer one class to everything, or nothing, differ by chance, so this set decides nothing.")  # fmt: skip
    return text


def beyond(cells: pd.DataFrame) -> tuple[str, dict[str, int]]:
    """The answer of pairs and gates for everybody: a sentence, and the counts behind it, as `in_short`. cells: multiple.cells of these alone."""
    table = multiple.compared(cells)
    if table.empty:
        return "Nothing can be said yet: no fold of a pair or a gate and of the unaltered cell is on record.", {}
    many = {what: table[table["alteration"].isin(ids)]["alteration"].nunique()
            for what, ids in (("both states of its cells at once", families.PAIRS), ("the gates of its cells", families.GATES))}  # fmt: skip
    parts = [f"{what} ({count} way{'s' * (count > 1)})" for what, count in many.items() if count]
    total, better, worse = len(table), *(int((table["verdict"] == word).sum()) for word in ("better", "worse"))
    places = table.loc[table["verdict"] == "worse", "dataset"].value_counts().items()
    where = f" ({', '.join(f'{count} on {name}' for name, count in places)})" if worse and table["dataset"].nunique() > 1 else ""
    told = f"it sorted better than before in {better or 'none'} of {total} comparisons, worse in {worse or 'none'}{where}"
    counts = {"better": better, "worse": worse, "no difference seen": total - better - worse}
    return f"In a network that sorts texts we altered {' and '.join(parts)}: {told}.", counts


def more_than_parts(table: pd.DataFrame) -> str:
    """Whether pairs are more than the sum of their parts. table: stats.pairs.interactions."""
    if table.empty:
        return "Whether a pair is more than its parts cannot be said: no pair is on record with both of its parts."
    count = {word: f"{number}" if (number := int((table["verdict"] == word).sum())) else "none" for word in set(pairs.WORDS.values())}
    text = (f"Of {len(table)} pair{'s' * (len(table) > 1)} on record with both parts, {count['more']} gain more than the sum of these, {count['less']} less, "
            f"{count['as the sum']} as much, within half a point of macro F1; {count['undecided']} cannot be told.")  # fmt: skip
    decided = table[table["p_holm"] < 1 - single.LEVEL]
    named = ", ".join(f"{r.alteration} on {r.dataset} {r.mean:+.1f} points ({r.low:+.1f} to {r.high:+.1f})" for r in decided.itertuples())
    return f"{text} With Holm's method over the pairs of a set, {named or 'none'} differ{'s' * (len(decided) < 2)} from the sum."


def best_of_families(table: pd.DataFrame) -> list[str]:
    """The best of each family beside the best that seeds alone give, in brackets, a line a data set. table: stats.pairs.best."""
    lines = []
    for dataset, rows in table.groupby("dataset", sort=False):
        parts = []
        for row in rows.itertuples():
            what = "of Table 1" if row.family == "table-1" else row.family[: -1 if row.count == 1 else None]
            beside = f" (chance {row.bound:.1f})" if row.bound == row.bound else ""
            parts.append(f"{row.best}, the best of {row.count} {what}, has {row.mean:+.1f} points{beside}")
        if rows["bound"].notna().any():
            parts.append(f"more than chance: {', '.join(rows.loc[rows['passes'].fillna(False), 'best']) or 'none'}")
        lines.append(f"{dataset}: {'; '.join(parts)}.")
    return lines


def elsewhere(cells: set[str]) -> list[str]:
    """That so many cells are no rows of this page; nothing for none. cells: families.apart."""
    return [f"{len(cells)} pairs and gates are no rows here: they have the page 08_beyond"] if cells else []


def beyond_on_record(cells: pd.DataFrame) -> list[str]:
    """How many pairs and gates each data set has on record, a line a data set. cells: multiple.cells."""
    known = cells[cells["folds"] > 0].groupby("dataset", sort=False)["alteration"]
    whole = {"pairs": families.PAIRS, "gates": families.GATES}
    return [
        f"{name}: " + ", ".join(f"{names.isin(ids).sum()} of {len(ids)} {what}" for what, ids in whole.items()) for name, names in known
    ]


def loss_and_score(cells: pd.DataFrame) -> str:
    """Where test loss and macro F1 disagree, and what that means; nothing where they never do. cells: stats.multiple.cells."""
    told = []
    for row in multiple.disagreement(cells).query("both > 0 or more_loss > 0").itertuples():
        parts = [
            f"{many} loss and {many} macro F1 for {count}" for many, count in (("lower", row.both), ("higher", row.more_loss)) if count
        ]
        told.append(f"{row.dataset} ({' and '.join(parts)} of {row.alterations})")
    if not told:
        return ""
    return (f"Test loss and macro F1 disagree on {', '.join(told)}. The loss looks at every probability, F1 only at the side of 0.5 on which it "
            "lies: a cell whose probabilities are smaller but in the same order loses F1 by its calibration, not by its ranking. The reading "
            '"ranking" of the stored predictions (average precision) needs no threshold.')  # fmt: skip


def spreads(results: pd.DataFrame) -> str:
    """Whether an alteration's differences spread more than those of other seeds. results: of one model."""
    table = seeds.spread(results)
    if table.empty:
        return "The unaltered cell with other seeds is not on record, so the spread that seeds alone give is not known."
    told = [
        f"{row.dataset} {row.larger} of {row.alterations} (SD {row.altered:.1f} beside {row.reseed:.1f} points)"
        for row in table.itertuples()
    ]
    return f"Alterations whose differences spread more over the folds than those of the unaltered cell with other seeds: {', '.join(told)}."


def diverged(results: pd.DataFrame) -> list[str]:
    """Which cells diverged in how many folds, a line each; these folds count with F1 of 0. results: of one model."""
    gone = results[single.diverged(results)]
    planned = results.groupby(["dataset", "alteration"]).size()
    return [
        f"{label(cell)} on {dataset} diverged in {len(rows)} of {planned[dataset, cell]} folds, which count as an answer that says nothing (F1 0)"
        for (dataset, cell), rows in gone.groupby(["dataset", "alteration"])
    ]


def by_set(results: pd.DataFrame, metric: str = "macro_f1") -> pd.DataFrame:
    """A row a data set, to be read: the unaltered cell, which alterations differ by their interval, what other seeds do, the best one."""
    rows = []
    for name, frame in results.groupby("dataset", sort=False):
        table = single.differences_table(frame, metric)
        altered, null = table[~is_reseed(table.index)], table[is_reseed(table.index)]
        if altered.empty:
            continue
        row = {"dataset": name, "folds": int(altered["folds"].max()), "unaltered %": single.improvements(frame).loc["Baseline", metric]}
        for side, cells in (("higher", altered.index[altered["low"] > 0]), ("lower", altered.index[altered["high"] < 0])):
            row[side] = ", ".join(cells) or "none" if len(cells) < 6 else f"{len(cells)} of {len(altered)}"
        bound, best = seeds.best_of_null(frame, metric, len(altered))["bound"], altered["mean"].idxmax()
        row |= {"other seeds": null["mean"].iloc[0] if len(null) else None, "chance": bound.iloc[-1] if len(bound) else None}
        row |= {"best": best, "gain": altered.loc[best, "mean"], "detectable": single.detectable(altered["sd"].median(), row["folds"])}
        rows.append(row)
    return pd.DataFrame(rows)


def learning(curves: pd.DataFrame, name: str) -> str:
    """How fast the cells of one data set learn, in words. curves: of one data set and model."""
    table = speeds.speed(curves).set_index("alteration")
    reseed, table = table[is_reseed(table.index)].query("folds > 0"), table[~is_reseed(table.index)]
    if "none" not in table.index or table["later"].drop("none").dropna().empty:
        return f"{name}: no curve of an alteration and the unaltered cell is on record yet."
    base, altered = table.loc["none"], table.drop("none").dropna(subset="later").sort_values("later", kind="stable")
    text = f"{name}: trained to epoch {base['last']:g}, the unaltered cell comes within a point of its best validation {METRICS['macro_f1']} after {base['epochs']:g} epoch{'s' if base['epochs'] != 1 else ''} (median). "
    never = altered[altered["later"] == float("inf")]
    there = altered.drop(never.index)
    far = there[(there["later"] >= 1.5) | (there["later"] <= 1 / 1.5)]
    parts = []
    if len(far):
        first, *others = [f"{label(cell)} {{}}{row['later']:.1f} times" for cell, row in far.iterrows()]
        parts.append(", ".join([first.format("takes ") + " as many epochs to get there", *(one.format("") for one in others)]))
    if len(never):
        folds = [f"{label(cell)} ({row['reached']:g} of {row['folds']:g} do)" for cell, row in never.iterrows()]
        parts.append("at least half of the folds do not get there with " + ", ".join(folds))
    if rest := len(there) - len(far):
        many = f"the other{f' {rest}' * (rest > 1)}" if parts else f"all {rest} alterations" if rest > 1 else "the one alteration"
        parts.append(f"{many} take{'s' * (rest == 1)} about as long")
    if len(reseed):
        parts.append(
            f"the unaltered cell with other seeds gets there in {reseed['reached'].iloc[0]:g} of {reseed['folds'].iloc[0]:g} folds"
        )
    words = "; ".join(parts)
    return text + words[0].upper() + words[1:] + "."


def all_sets(results: pd.DataFrame, metric: str = "macro_f1", without=()) -> str:
    """What all sets but those in `without` say together, in two sentences."""
    results = results[~results["dataset"].isin(without)]
    table = multiple.compared(multiple.cells(results, metric))
    if table.empty:
        return "No fold of an alteration and the unaltered cell is on record yet."
    count = table["verdict"].value_counts()
    words = ", ".join(f"{count.get(word, 0)} {word}" for word in single.VERDICTS)
    sets = table["dataset"].unique()
    text = f"Of {len(table)} comparisons with the unaltered cell on {len(sets)} set{'s' if len(sets) > 1 else ''} ({', '.join(sets)}): {words} "
    text += f"(half a point of {METRICS[metric]} either way counts as the same)."
    together = multiple.tests(results, metric)
    together = together[~is_reseed(together.index)]
    if together["sets"].max() < MIN_SETS:
        return text + f" Fewer than {MIN_SETS} sets say nothing together."
    together = together[together["sets"] >= MIN_SETS]
    told = [f"{name} {row['verdict']}" for name, row in together.iterrows() if row["verdict"] != "undecided"]
    return text + (f" Over the sets together: {', '.join(told)}." if told else " Over the sets together no alteration is decided.")


def cannot_be_seen(results: pd.DataFrame, gain: float = 1.0, metric: str = "macro_f1") -> str:
    """On which sets an effect of the paper's size could not be seen with any number of folds of these documents.

    gain: percent of the unaltered cell's score; the paper claims 0.1 to 0.5 on average. results: of one model.
    """
    blind = []
    for dataset, rows in results.groupby("dataset", sort=False):
        sd = single.differences_table(rows, metric).query("folds > 1")["sd"]
        if len(sd):
            effect = gain / 100 * single.improvements(rows).loc["Baseline", metric]
            floor = single.least_half_width(sd.median())
            if floor > effect:
                blind.append(f"{dataset} ({floor:.1f} points; {gain:g} % of the score is {effect:.2f})")
    if not blind:
        return ""
    return (f"Effects of the paper's size cannot be seen with any number of folds on {', '.join(blind)}: folds of one set of documents share "
            "their training rows, so the interval's half-width has a floor. Only more documents, or more sets, would do.")  # fmt: skip


def settled(table: pd.DataFrame) -> str:
    """How many open claims more folds of what is on record would settle. table: paper.completion.settle, by id."""
    if table.empty:
        return "No claim is open."
    sure = int((table.max(axis=1) >= 50).sum())
    some = int(table.any(axis=1).sum())
    return (f"Of {len(table)} open claims {some or 'none'} would be answered by some completion of the folds on record, {sure or 'none'} by half of the completions or "
            f"more; {len(table) - some} need more than folds.")  # fmt: skip


def hasoc(table: pd.DataFrame) -> str:
    """Which file the paper's HASOC is, and whether its Baseline row is met. table: paper.comparison.hasoc_files."""
    theirs, test, training = (table.loc[name] for name in ("the paper", "test file", "training file"))
    return (f"The paper's prepared HASOC ({int(theirs['documents']):,} documents, {theirs['largest']:.1f} % in one class) is most likely the organisers' test file "
            f"({int(test['documents']):,}, {test['largest']:.1f} %), not the training file ({int(training['documents']):,}, {training['largest']:.1f} %) whose counts Table 2 has as the original. "
            f"No epoch meets its Baseline row in all four scores: on the test file the unaltered cell comes within {test['apart']:.1f} points on average "
            f"(epoch {int(test['epoch'])}), on the training file within {training['apart']:.1f} (epoch {int(training['epoch'])}).")  # fmt: skip


def agreement(pairs: pd.DataFrame) -> str:
    """In how many rows of `paper.comparison.against_paper` both improvements have the same sign, as a sentence."""
    if pairs.empty:
        return "No improvement of the paper's has one of ours on record beside it."
    same = 100 * comparison.same_sign(pairs)
    return f"{len(pairs)} pairs of improvements; in {same:.0f} % of them the paper's and ours have the same sign."


def runs_agree(table: pd.DataFrame) -> str:
    """How far one run can be trusted, in a few words."""
    count = seeds.of_sets(table).query("pairs > 0")
    pairs, same, decided, again, opposite = count[["pairs", "same", "decided", "again", "opposite"]].sum()
    if not pairs:
        return "No comparison has two runs on record; a study with --runs 2 trains a second one, with other splits."
    return (
        f"Two runs of one comparison have the same verdict in {same} of {pairs} pairs ({', '.join(count['dataset'])}); a verdict of better or worse "
        f"from one run is found again in another in {again} of {decided} cases, and its opposite in {opposite}."
    )


def models(results: pd.DataFrame, named: dict[str, str]) -> str:
    """How each other model on record does against LSTM-CS, over the data sets: one sentence."""
    table, parts = cost.verdicts(results), []
    for model in KINDS:
        words = table[(table["model"] == model) & (table["alteration"] == "none")]["verdict"].value_counts()
        if count := int(words.sum()):
            told = ", ".join(f"{word} on {words[word]}" for word in single.VERDICTS if word in words)
            parts.append(f"{named[model]} {told} of {count} set{'s' * (count > 1)}")
    if not parts:
        return "Only one kind of model is on record; models = [] trains the plain references too."
    return f"Against LSTM-CS with the unaltered cell, in macro F1: {'; '.join(parts)}."


def models_by_set(results: pd.DataFrame, named: dict[str, str]) -> list[str]:
    """What the models on record score and cost beside LSTM-CS, a line a data set. Of what has no time none is told."""
    table, words = cost.rows(results), cost.verdicts(results)
    table["spent"] = [f" in {seconds:.3g} s" if seconds == seconds else "" for seconds in table["seconds"]]
    parts = []
    for dataset, group in table[table["alteration"] == "none"].groupby("dataset", sort=False):
        base, others = group[group["model"] == "lstm"], group[group["model"] != "lstm"]
        if base.empty or others.empty:
            continue
        base, mine = base.iloc[0], words[(words["dataset"] == dataset) & (words["alteration"] == "none")].set_index("model")
        spent = base["spent"] and f"{base['spent']} a fold"
        text = f"{dataset}: LSTM-CS {base[cost.SCORE]:.1f} % macro F1{spent} ({base['folds']} folds)"
        for row in others.itertuples():
            word = "{verdict} on {folds} folds".format(**mine.loc[row.model]) if row.model in mine.index else "no paired fold"
            text += f"; {named[row.model]} {getattr(row, cost.SCORE):.1f} %{row.spent} ({word})"
        parts.append(text + ".")
    return parts


def training(work: Plan) -> list[str]:
    """How each kind of model is trained, a line each; a set's own number of epochs is named with it."""
    named, lines = work.names(), {}
    for fold in work.folds:
        training = dict(fold.training)
        epochs = training.pop("epochs", None)
        text = f"{named[fold.model]}: " + (
            ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in training.items()) or "nothing to set"
        )
        lines.setdefault(text, {})[fold.dataset] = epochs
    return [
        text + (f"; epochs: {', '.join(f'{d} {e}' for d, e in sets.items())}" if any(sets.values()) else "") for text, sets in lines.items()
    ]


def verdicts_of_models(results: pd.DataFrame) -> pd.DataFrame:
    """stats.cost.verdicts to be read: columns dataset, model, against, and the figures."""
    table = cost.verdicts(results)
    names = [[_row(model, cell) for model, cell in zip(table[m], table[c])] for m, c in (("model", "alteration"), ("base_model", "base"))]
    shown = table.drop(columns=["model", "alteration", "base_model", "base"])
    shown.insert(1, "model", names[0])
    shown.insert(2, "against", names[1])
    return shown


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """A table with cells as its index, for readers: "reseed-1" becomes "same cell, other seeds"."""
    return table.rename(index=label)


def _row(model: str, cell: str) -> str:
    title = KINDS[model].title
    return title if cell == "none" else f"{title}, {label(cell)}"
