"""What the paper claims, as data, and a check of each claim against our own folds.

`check` asks Evidence (evidence.py has the rules) and answers confirmed, not confirmed or cannot tell, by the claim's
direction; its size stands beside ours. What needs a set or a model that is not on record cannot be told.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from ..alterations import TABLE_1
from ..metrics import METRICS
from . import tables
from .contradictions import CONTRADICTIONS, F1
from .evidence import COMPARED, NOTHING, SETS, STEADY, Answer, Evidence, at_least, every, in_words, opposite

WORDS = {True: "confirmed", False: "not confirmed", None: "cannot tell"}
UNSTEADY = "no set on which the unaltered cell with other seeds took as long as without"
SIX = ("C-3", "C-6", "C-7", "H-2", "H-3", "H-4")  # the rows of Table 9
CURRENT, HIDDEN = ([name for name in TABLE_1 if name.startswith(state)] for state in "CH")


@dataclass(frozen=True)
class Claim:
    """rests_on: the paper's tables. published(): what these tables give, as text. check(evidence): the answer and our figure."""

    id: str
    section: str
    text: str
    rests_on: str
    published: Callable[[], str]
    check: Callable[[Evidence], Answer]


def counted(answers) -> str:
    """How many answers are yes, no and open (below 95 % either way, or not on record)."""
    answers = list(answers)
    return f"{answers.count(True)} yes, {answers.count(False)} no, {answers.count(None)} open"


def any_of(answers) -> bool | None:
    return at_least(1, answers)


def majority(count: int, answers, figure: str) -> Answer:
    answers = list(answers)
    return at_least(count, answers), f"{figure}; {counted(answers)}"


def on_set(e: Evidence, dataset: str, cells, answers, metrics=F1, told: Callable = every) -> Answer:
    """What `told` makes of the answers; the figure is the highest of the means, as `best_of` has it of the paper's."""
    answers, known = list(answers), {}
    for cell, metric in product(cells, metrics):
        percent, points = e.mean(dataset, [cell], [metric])
        if not np.isnan(percent):
            known[cell, metric] = percent, points
    if not known:
        return told(answers), NOTHING
    (cell, metric), (percent, points) = max(known.items(), key=lambda item: item[1])
    without = [cell for cell in cells if (cell, metrics[0]) not in known]
    figure = f"{cell} {percent:+.2f} % ({points:+.2f} points of {METRICS[metric]})" + (
        f", no fold of {', '.join(without)}" if without else ""
    )
    return told(answers), f"{figure}; {counted(answers)}"


def improves(e: Evidence, dataset: str, cells, metrics, of: int = 1) -> list[bool | None]:
    return [e.higher(dataset, cell, metric, of=of) for cell in cells for metric in metrics]


def six_of_seven(e: Evidence) -> Answer:
    metrics = ("accuracy", *F1)
    found = [any_of(every(improves(e, d, [c], metrics, of=17)) for c in TABLE_1) for d in SETS]
    means = {d: [[e.mean(d, [c], [m])[1] for m in metrics] for c in TABLE_1] for d in SETS}
    known = {d: (np.array(rows) > 0).all(axis=1).any() for d, rows in means.items() if not np.isnan(rows).all()}
    above = [d for d, any_row in known.items() if any_row]
    figure = f"{len(above)} of {len(known)} sets on record have a row above 0 in all four" + (f": {', '.join(above)}" if above else "")
    found.append(e.not_public())
    return at_least(6, found), f"{figure if known else NOTHING}; {counted(found)} (ROBO is not public)"


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
    answers = [opposite(e.average(["H-1"], [m])[0]) for m in ("accuracy", *F1)]
    return every(answers), f"{in_words(e.improvements(['H-1'], F1))}; {counted(answers)}"


def lead_of(e: Evidence, model: str, base_model: str, metric: str, cell: str = "none", base: str = "none") -> tuple[list[bool | None], str]:
    """An answer for each of the six sets of Tables 12 and 15 (ROBO's is open), and the mean differences."""
    models = {"base": base, "model": model, "base_model": base_model}
    answers = [*(e.higher(d, cell, metric, **models) for d in COMPARED), e.not_public()]
    found = {d: e.differences(d, cell, metric, **models) for d in COMPARED}
    points = [f"{d} {difference.mean():+.2f}" for d, difference in found.items() if len(difference)]
    return answers, f"{', '.join(points)} points" if points else e.nothing.get(model, NOTHING)


def outperformed(e: Evidence) -> Answer:
    (simple, first), (bert, second) = (lead_of(e, model, "lstm", "accuracy", base="C-1") for model in ("simple", "bert"))
    return majority(4, map(any_of, zip(simple, bert)), f"SIMPLE minus C-1: {first}; BERT: {second}")


def times(e: Evidence, model: str, factor: float, cell: str = "C-1") -> Answer:
    ratios = {d: e.times_as_long(d, model, base=cell) if e.steady(d) else np.nan for d in COMPARED}
    known = {d: r for d, r in ratios.items() if not np.isnan(r)}
    answers = [r > factor if d in known else None for d, r in ratios.items()]
    none = e.nothing.get(model, f"{NOTHING} that can be compared")
    return every(answers), ", ".join(f"{d} x {r:.3g}" for d, r in known.items()) or none


def within_ten_percent(e: Evidence) -> Answer:
    found = np.array(e.slower([*TABLE_1]))
    known = found[~np.isnan(found)]
    answer = every(x < 110 if not np.isnan(x) else None for x in found)
    return answer, f"{min(known):.0f} to {max(known):.0f} % of the unaltered cell's time" if len(known) else UNSTEADY


def shorter(e: Evidence) -> Answer:
    """Current against Hidden; a difference below STEADY is none."""
    c, h = (np.array(e.slower(cells)) for cells in (CURRENT, HIDDEN))
    if np.isnan([*c, *h]).any():
        return None, UNSTEADY if np.isnan([*c, *h]).all() else "not every alteration is on record"
    c, h = np.median(c), np.median(h)
    if abs(c / h - 1) <= STEADY:
        e.gaps.remark(f"a difference of up to {100 * STEADY:.0f} % is none: the same program's times differ as much")
    answer = None if abs(c / h - 1) <= STEADY else bool(c < h)
    return answer, f"C {c:.0f} %, H {h:.0f} % of the unaltered cell's time"


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
          lambda e: majority(4, *lead_of(e, "lstm", "simple", "macro_f1", cell="C-1"))),
    Claim("cheaper", "Abstract", "It costs less than both Transformers", "Tables 13, 14", seconds_of_crowd,
          lambda e: (every(times(e, m, 1)[0] for m in ("simple", "bert")), "; ".join(f"{m}: {times(e, m, 1)[1]}" for m in ("simple", "bert")))),
    Claim("six-of-seven", "4.1", "On six of seven sets the cell improves F1 and accuracy", "Tables 3-9", lambda: shown("six-of-seven"), six_of_seven),
    Claim("hasoc", "4.1", "On HASOC no alteration raises accuracy or micro F1", "Table 3", lambda: best_of("hasoc", metrics=("accuracy", "micro_f1")),
          lambda e: on_set(e, "hasoc", TABLE_1, map(opposite, improves(e, "hasoc", TABLE_1, ("accuracy", "micro_f1"), of=34)), ("accuracy", "micro_f1"))),
    Claim("robo", "4.1", "On ROBO the alterations raise every metric, by up to 96 %", "Table 4", lambda: best_of("robo"),
          lambda e: (e.not_public(), "nothing that could answer")),
    Claim("mlma", "4.1", "On MLMA Current alterations raise F1 by up to 1.9 %", "Table 5", lambda: best_of("mlma", "C"),
          lambda e: on_set(e, "mlma", CURRENT, improves(e, "mlma", CURRENT, F1, of=36), told=any_of)),
    Claim("ag", "4.1", "On AG Current alterations raise F1 by up to 1 %", "Table 6", lambda: best_of("ag", "C"),
          lambda e: on_set(e, "ag", CURRENT, improves(e, "ag", CURRENT, F1, of=36), told=any_of)),
    Claim("current-over-hidden", "4.1", "Hidden alterations are slightly outperformed by Current ones", "Tables 10, 11", states,
          lambda e: e.average(CURRENT, F1, minus=HIDDEN)),
    Claim("crowd", "4.1", "On CROWD C-5, C-7 and C-11 raise every F1 while accuracy falls", "Table 7", lambda: best_of("crowd", "C"),
          lambda e: on_set(e, "crowd", ("C-5", "C-7", "C-11"), [*improves(e, "crowd", ("C-5", "C-7", "C-11"), F1),
                            *map(opposite, improves(e, "crowd", ("C-5", "C-7", "C-11"), ("accuracy",), of=3))])),
    Claim("hate-current", "4.1", "On HATE C-2, C-6 and C-8 improve every metric", "Table 8", lambda: best_of("hate", "C"),
          lambda e: on_set(e, "hate", ("C-2", "C-6", "C-8"), improves(e, "hate", ("C-2", "C-6", "C-8"), ("accuracy", *F1)))),
    Claim("hate-hidden", "4.1", "On HATE H-4 and H-5, and no other Hidden alteration, improve F1", "Table 8", lambda: best_of("hate", "H"),
          lambda e: on_set(e, "hate", HIDDEN, [*improves(e, "hate", ("H-4", "H-5"), F1), *map(opposite, improves(e, "hate", ("H-1", "H-2", "H-3"), ("macro_f1",), of=3))])),
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
    """Every claim: columns id, section, claim, rests_on, paper (what its tables give), ours (the figure), verdict (WORDS), why
    (why it cannot be told; empty for the others)."""
    evidence, rows = Evidence(results, bert_base=True), []
    for claim in CLAIMS:
        evidence.gaps.clear()
        answer, figure = claim.check(evidence)
        rows.append({"id": claim.id, "section": claim.section, "claim": claim.text, "rests_on": claim.rests_on,
                     "paper": claim.published(), "ours": figure, "verdict": WORDS[answer], "why": evidence.gaps.words() if answer is None else ""})  # fmt: skip
    return pd.DataFrame(rows)


def tally(claims: pd.DataFrame) -> str:
    """How many claims of `check_claims` have which verdict, as a part of a sentence."""
    count = claims["verdict"].value_counts()
    return f"of {len(claims)} claims of the paper {', '.join(f'{count.get(word, 0)} {word}' for word in WORDS.values())}"
