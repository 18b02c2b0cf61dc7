"""What the paper claims, as data, and a check of each claim against our own folds.

`check` asks Evidence (evidence.py has the rules) and answers confirmed, not confirmed or cannot tell, by the claim's
direction; its size stands beside ours. What needs a set or a model that is not on record cannot be told. ROBO, which nobody else
has, cannot be asked; where a claim counts sets, it counts as the paper's own table has it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from ..alterations import TABLE_1
from ..metrics import METRICS
from ..stats import seeds, single
from . import tables
from .contradictions import CONTRADICTIONS, F1
from .evidence import (
    COMPARED,
    NOTHING,
    SETS,
    STEADY,
    UNKNOWN,
    Answer,
    Chance,
    Evidence,
    any_of,
    at_least,
    every,
    in_words,
    opposite,
    sure,
)

WORDS = {True: "confirmed", False: "not confirmed", None: "cannot tell"}
NOT_ASKED = "cannot be asked"
UNSTEADY = "no set on which the unaltered cell with other seeds took as long as without"
SIX = ("C-3", "C-6", "C-7", "H-2", "H-3", "H-4")  # the rows of Table 9
CURRENT, HIDDEN = ([name for name in TABLE_1 if name.startswith(state)] for state in "CH")


@dataclass(frozen=True)
class Claim:
    """rests_on: the paper's tables. published(): what these tables give, as text. check(evidence): the chance of yes and no (None for what
    cannot be asked) and our figure."""

    id: str
    section: str
    text: str
    rests_on: str
    published: Callable[[], str]
    check: Callable[[Evidence], Answer]


def counted(chances) -> str:
    """How many questions, each by itself, are yes, no and open (below 95 % either way, or not on record)."""
    answers = [chance.answer for chance in chances]
    return f"{answers.count(True)} yes, {answers.count(False)} no, {answers.count(None)} open"


def majority(count: int, chances, figure: str) -> Answer:
    chances = list(chances)
    return at_least(count, chances), f"{figure}; {counted(chances)}"


def on_set(e: Evidence, dataset: str, cells, chances, metrics=F1, told: Callable = every) -> Answer:
    """What `told` makes of the chances; the figure is the highest of the means, as `best_of` has it of the paper's."""
    chances = list(chances)
    figure = highest(e, dataset, cells, metrics)
    return told(chances), f"{figure}; {counted(chances)}" if figure != NOTHING else NOTHING


def highest(e: Evidence, dataset: str, cells, metrics) -> str:
    """The highest mean improvement of `cells` and `metrics`, in words; NOTHING without a fold."""
    known = {}
    for cell, metric in product(cells, metrics):
        percent, points = e.mean(dataset, [cell], [metric])
        if not np.isnan(percent):
            known[cell, metric] = percent, points
    if not known:
        return NOTHING
    (cell, metric), (percent, points) = max(known.items(), key=lambda item: item[1])
    without = [cell for cell in cells if (cell, metrics[0]) not in known]
    return f"{cell} {percent:+.2f} % ({points:+.2f} points of {METRICS[metric]})" + (
        f", no fold of {', '.join(without)}" if without else ""
    )


def improves(e: Evidence, dataset: str, cells, metrics) -> list[Chance]:
    return [e.higher(dataset, cell, metric) for cell in cells for metric in metrics]


def none_raises(e: Evidence) -> Answer:
    """HASOC: is the largest of all improvements below half a point? One bound on the largest, not a verdict on each."""
    metrics, found = ("accuracy", "micro_f1"), {}
    for dataset in dict.fromkeys((e.place("hasoc"), "hasoc")):
        parts = {key: e.differences(dataset, *key) for key in product(TABLE_1, metrics)}
        if all(len(d) > 1 for d in parts.values()) and not e.silent(dataset):
            found[dataset] = seeds.bound_on_largest(list(parts.values()))
    figures = [
        f"{dataset}: {highest(e, dataset, TABLE_1, metrics)}, none above {high:+.2f} points and the best above {low:+.2f} (95 %)"
        for dataset, (low, high) in found.items()
    ]
    if not found:
        figure = highest(e, e.place("hasoc"), TABLE_1, metrics)
        return UNKNOWN, figure
    low, high = next(iter(found.values()))
    e.gaps.remark(f"the bound on the largest, {high:+.2f} points, is above {single.ROPE:g}")
    return sure(True if high <= single.ROPE else False if low > 0 else None), "; ".join(figures)


def as_printed(metric: str, a: tuple[str, ...], b: str) -> bool:
    """Whether one of the rows `a` is above row `b` of Tables 12 and 15 for ROBO."""
    row = tables.models(metric).loc["robo"]
    return bool(row[list(a)].max() > row[b])


def six_of_seven(e: Evidence) -> Answer:
    metrics = ("accuracy", *F1)
    sets = [e.place(d) for d in SETS]
    found = [any_of(every(improves(e, d, [c], metrics)) for c in TABLE_1) for d in sets]
    means = {d: [[e.mean(d, [c], [m])[1] for m in metrics] for c in TABLE_1] for d in sets}
    known = {d: (np.array(rows) > 0).all(axis=1).any() for d, rows in means.items() if not np.isnan(rows).all()}
    above = [d for d, any_row in known.items() if any_row]
    figure = f"{len(above)} of {len(known)} sets on record have a row above 0 in all four" + (f": {', '.join(above)}" if above else "")
    return at_least(5, found), f"{figure if known else NOTHING}; {counted(found)} (ROBO as the paper has it: yes)"


def above_zero(e: Evidence, cells, *groups) -> tuple[int, list[str]]:
    """How many cells have an average on record, and which of them are above 0 on average in each group of metrics."""
    found = {c: [e.improvements([c], metrics)[:, 0] for metrics in groups] for c in cells}
    known = {c: row for c, row in found.items() if all(map(len, row))}
    return len(known), [c for c, row in known.items() if all(percent.mean() > 0 for percent in row)]


def most_improve(e: Evidence) -> Answer:
    count, names = above_zero(e, TABLE_1, F1)
    return majority(9, [e.average([c], F1)[0] for c in TABLE_1], f"{len(names)} of {count} averages above 0" if count else NOTHING)


def one_hidden(e: Evidence) -> Answer:
    found = [every(e.average([h], [m])[0] for m in F1) for h in HIDDEN]
    count, names = above_zero(e, HIDDEN, *([m] for m in F1))
    figure = f"{len(names)} of {count} above 0{': ' if names else ''}{', '.join(names)}" if count else NOTHING
    return every([any_of(found), opposite(at_least(2, found))]), f"{figure}; {counted(found)}"


def h1_reduces(e: Evidence) -> Answer:
    chances = [opposite(e.average(["H-1"], [m])[0]) for m in ("accuracy", *F1)]
    return every(chances), f"{in_words(e.improvements(['H-1'], F1))}; {counted(chances)}"


def lead_of(e: Evidence, model: str, base_model: str, metric: str, cell: str = "none", base: str = "none") -> tuple[list[Chance], str]:
    """A chance for each of the five sets of Tables 12 and 15 that can be had, and the mean differences."""
    models, sets = {"base": base, "model": model, "base_model": base_model}, [e.place(d) for d in COMPARED]
    chances = [e.higher(d, cell, metric, **models) for d in sets]
    found = {d: e.differences(d, cell, metric, **models) for d in sets}
    points = [f"{d} {difference.mean():+.2f}" for d, difference in found.items() if len(difference)]
    return chances, f"{', '.join(points)} points" if points else e.nothing.get(model, NOTHING)


def outperformed(e: Evidence) -> Answer:
    (simple, first), (bert, second) = (lead_of(e, model, "lstm", "accuracy", base="C-1") for model in ("simple", "bert"))
    robo = as_printed("accuracy", ("simple none", "bert none"), "lstm top current")
    return majority(4 - robo, map(any_of, zip(simple, bert)), f"SIMPLE minus C-1: {first}; BERT: {second}; ROBO as printed: {_yes(robo)}")


def beats_simple(e: Evidence) -> Answer:
    chances, figure = lead_of(e, "lstm", "simple", "macro_f1", cell="C-1")
    robo = as_printed("macro_f1", ("lstm top current",), "simple none")
    return majority(4 - robo, chances, f"{figure}; ROBO as printed: {_yes(robo)}")


def _yes(answer: bool) -> str:
    return "yes" if answer else "no"


def times(e: Evidence, model: str, factor: float, cell: str = "C-1") -> Answer:
    sets = [e.place(d) for d in COMPARED]
    ratios = {d: e.times_as_long(d, model, base=cell) if e.steady(d) else np.nan for d in sets}
    known = {d: r for d, r in ratios.items() if not np.isnan(r)}
    chances = [sure(r > factor if d in known else None) for d, r in ratios.items()]
    none = e.nothing.get(model, f"{NOTHING} that can be compared")
    return every(chances), ", ".join(f"{d} x {r:.3g}" for d, r in known.items()) or none


def within_ten_percent(e: Evidence) -> Answer:
    found = np.array(e.slower([*TABLE_1]))
    known = found[~np.isnan(found)]
    chance = every(sure(x < 110 if not np.isnan(x) else None) for x in found)
    return chance, f"{min(known):.0f} to {max(known):.0f} % of the unaltered cell's time" if len(known) else UNSTEADY


def shorter(e: Evidence) -> Answer:
    """Current against Hidden, fold by fold, on most of the steady sets: shorter by more than STEADY is yes, anything else is no."""
    found = {d: e.log_times(d, CURRENT, HIDDEN) for d in map(e.place, SETS) if e.steady(d)}
    found = {d: ratios for d, ratios in found.items() if len(ratios) > 1}
    if not found:
        return UNKNOWN, UNSTEADY
    less = [single.posterior(ratios, np.log1p(STEADY))[0] for ratios in found.values()]
    chance = at_least(len(found) // 2 + 1, [Chance(p, 1 - p) for p in less])
    times = ", ".join(f"{d} {100 * np.exp(ratios.mean()):.1f} %" for d, ratios in found.items())
    return chance, f"C takes of H's time: {times}; within {100 * STEADY:.0f} % is the same, as one program's times differ as much"


def f1_average(row: str) -> str:
    table = tables.tables_10_11().set_index("row")
    return f"{table.loc[row, [*F1]].mean():+.2f} % of F1"


def best_of(dataset: str, state: str = "", metrics=F1) -> str:
    rows = tables.tables_3_to_9().query("dataset == @dataset and row != 'Baseline'").set_index("row")[[*metrics]]
    rows = rows[rows.index.str.startswith(state)]
    return f"{rows.max(axis=1).idxmax()} {rows.max().max():+.3f} %"


def wins(a: str, b: str | None = None) -> str:
    """On how many sets row `a` of Tables 12 and 15 is above row `b` (None: all other rows)."""
    both = {metric: tables.models(metric) for metric in ("accuracy", "macro_f1")}
    count = {m: (t[a] > (t[b] if b else t.drop(columns=a).max(axis=1))).sum() for m, t in both.items()}
    return ", ".join(f"{METRICS[m]} {n} of {len(both[m])} sets" for m, n in count.items())


def states() -> str:
    table = tables.tables_10_11().set_index("row")[[*F1]].mean(axis=1)
    return f"C {table[CURRENT].mean():+.2f} %, H {table[HIDDEN].mean():+.2f} % of F1"


def shown(id: str) -> str:
    """What the tables show where the claim is one of the paper's contradictions."""
    return next(item for item in CONTRADICTIONS if item.id == id).shows()[1]


def raised() -> str:
    table = tables.tables_10_11().set_index("row")[[*F1]].mean(axis=1)
    return f"{(table > 0).sum()} of {len(table)} averages above 0"


def seconds_of_crowd() -> str:
    return ", ".join(f"{row.model} {row.seconds:g} s" for row in tables.table_14().itertuples())


CLAIMS = [
    Claim("c1-average", "Abstract", "The best Current alteration, C-1, raises F1 by 0.5 % on average", "Tables 10, 16", lambda: f1_average("C-1"),
          lambda e: e.average(["C-1"], F1)),
    Claim("h2-average", "Abstract", "The best Hidden alteration, H-2, raises F1 by 0.3 % on average", "Tables 11, 16", lambda: f1_average("H-2"),
          lambda e: e.average(["H-2"], F1)),
    Claim("outperformed", "Abstract", "Transformers outperform the altered cell on 4 of 6 sets", "Table 12", lambda: "BERT first in " + wins("bert none"), outperformed),
    Claim("beats-simple", "Abstract", "The altered cell improves upon the simple Transformer", "Tables 12, 15", lambda: wins("lstm top current", "simple none"),
          beats_simple),
    Claim("cheaper", "Abstract", "It costs less than both Transformers", "Tables 13, 14", seconds_of_crowd,
          lambda e: (every(times(e, m, 1)[0] for m in ("simple", "bert")), "; ".join(f"{m}: {times(e, m, 1)[1]}" for m in ("simple", "bert")))),
    Claim("six-of-seven", "4.1", "On six of seven sets the cell improves F1 and accuracy", "Tables 3-9", lambda: shown("six-of-seven"), six_of_seven),
    Claim("hasoc", "4.1", "On HASOC no alteration raises accuracy or micro F1", "Table 3", lambda: best_of("hasoc", metrics=("accuracy", "micro_f1")),
          none_raises),
    Claim("robo", "4.1", "On ROBO the alterations raise every metric, by up to 96 %", "Table 4", lambda: best_of("robo"),
          lambda e: (None, "nothing that could answer: ROBO is not public, and ours is a stand-in")),
    Claim("mlma", "4.1", "On MLMA Current alterations raise F1 by up to 1.9 %", "Table 5", lambda: best_of("mlma", "C"),
          lambda e: on_set(e, "mlma", CURRENT, improves(e, "mlma", CURRENT, F1), told=any_of)),
    Claim("ag", "4.1", "On AG Current alterations raise F1 by up to 1 %", "Table 6", lambda: best_of("ag", "C"),
          lambda e: on_set(e, "ag", CURRENT, improves(e, "ag", CURRENT, F1), told=any_of)),
    Claim("current-over-hidden", "4.1", "Hidden alterations are slightly outperformed by Current ones", "Tables 10, 11", states,
          lambda e: e.average(CURRENT, F1, minus=HIDDEN)),
    Claim("crowd", "4.1", "On CROWD C-5, C-7 and C-11 raise every F1 while accuracy falls", "Table 7", lambda: best_of("crowd", "C"),
          lambda e: on_set(e, "crowd", ("C-5", "C-7", "C-11"), [*improves(e, "crowd", ("C-5", "C-7", "C-11"), F1),
                            *map(opposite, improves(e, "crowd", ("C-5", "C-7", "C-11"), ("accuracy",)))])),
    Claim("hate-current", "4.1", "On HATE C-2, C-6 and C-8 improve every metric", "Table 8", lambda: best_of("hate", "C"),
          lambda e: on_set(e, "hate", ("C-2", "C-6", "C-8"), improves(e, "hate", ("C-2", "C-6", "C-8"), ("accuracy", *F1)))),
    Claim("hate-hidden", "4.1", "On HATE H-4 and H-5, and no other Hidden alteration, improve F1", "Table 8", lambda: best_of("hate", "H"),
          lambda e: on_set(e, "hate", HIDDEN, [*improves(e, "hate", ("H-4", "H-5"), F1), *map(opposite, improves(e, "hate", ("H-1", "H-2", "H-3"), ("macro_f1",)))])),
    Claim("semeval", "4.1", "On SEMEVAL the improvement is marginal (here: within half a point)", "Table 9", lambda: best_of("semeval"),
          lambda e: on_set(e, "semeval", SIX, [e.same("semeval", cell, m) for cell in SIX for m in F1])),
    Claim("majority", "4.1", "The majority of the 17 alterations improve F1 on average", "Tables 10, 11", raised,
          most_improve),
    Claim("c9-least", "4.1", "Even the least effective Current alteration, C-9, raises F1 by 0.1 %", "Table 10", lambda: f1_average("C-9"),
          lambda e: e.average(["C-9"], F1)),
    Claim("one-hidden", "4.1", "Only one Hidden alteration improves all F1 averages", "Table 11", lambda: shown("hidden-all-f1"), one_hidden),
    Claim("h1-worst", "4.1", "H-1 reduces all metrics", "Table 11", lambda: f1_average("H-1"),
          h1_reduces),
    Claim("ten-percent", "7", "An alteration takes less than 10 % more training time", "none (Table 13 has no time of an alteration)", lambda: "not given", within_ten_percent),
    Claim("current-shorter", "7", "Current alterations typically train in less time than Hidden ones", "none", lambda: "not given", shorter),
    Claim("bert-accuracy", "6", "BERT leads all in accuracy, by 0.93 % on average", "Table 12", lambda: "first in " + wins("bert none"),
          lambda e: e.average(["none"], ["accuracy"], sets=COMPARED, model="bert", base="C-1")),
    Claim("bert-f1", "6", "BERT leads all in macro F1, by 16.43 % on average", "Table 15", lambda: "first in " + wins("bert none"),
          lambda e: e.average(["none"], ["macro_f1"], sets=COMPARED, model="bert", base="C-1")),
    Claim("simple-small", "6", "SIMPLE improves slightly (0.668 %) on LSTM-CS", "Tables 12, 15", lambda: shown("simple-average"),
          lambda e: e.average(["none"], ["macro_f1"], sets=COMPARED, model="simple", base="C-1")),
    Claim("simple-c1", "6", "C-1 improves the simple Transformer too", "Tables 12, 15", lambda: wins("simple top current", "simple none"),
          lambda e: e.average(["C-1"], ["macro_f1"], sets=COMPARED, model="simple", base_model="simple")),
    Claim("hundred-times", "6", "BERT takes more than a hundred times as long as C-1", "Tables 13, 14", lambda: shown("hundred-times"), lambda e: times(e, "bert", 100)),
]  # fmt: skip


def check_claims(results: pd.DataFrame) -> pd.DataFrame:
    """Every claim: columns id, section, claim, rests_on, paper (what its tables give), ours (the figure), verdict (WORDS, or NOT_ASKED),
    seen (the smallest effect that its questions could have seen four times in five, the median), why (why it cannot be told; empty for the others)."""
    evidence, rows = Evidence(results, bert_base=True), []
    for claim in CLAIMS:
        evidence.gaps.clear()
        chance, figure = claim.check(evidence)
        verdict = NOT_ASKED if chance is None else WORDS[chance.answer]
        rows.append({"id": claim.id, "section": claim.section, "claim": claim.text, "rests_on": claim.rests_on,
                     "paper": claim.published(), "ours": figure, "verdict": verdict, "seen": evidence.gaps.seen(),
                     "why": evidence.gaps.words() if verdict == WORDS[None] else ""})  # fmt: skip
    return pd.DataFrame(rows)


def tally(claims: pd.DataFrame) -> str:
    """How many claims of `check_claims` have which verdict, as a part of a sentence."""
    count = claims["verdict"].value_counts()
    return f"of {len(claims)} claims of the paper {', '.join(f'{count.get(word, 0)} {word}' for word in WORDS.values())}" + (
        f" ({count[NOT_ASKED]} cannot be asked)" if NOT_ASKED in count else ""
    )
