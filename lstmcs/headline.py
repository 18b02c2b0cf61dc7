"""The study in two sentences: what holds of the paper's claim, and on what evidence."""

import pandas as pd

from . import across, stats
from .claims import check_claims, tally

#: The claim of the paper's abstract: the best alteration of each state, and by how much it is said to raise F1.
CENTRAL = {"c1-average": "C-1 by 0.5 %", "h2-average": "H-2 by 0.3 %"}
STAND_IN = "robo"
_IS = {
    "confirmed": "is confirmed{}",
    "not confirmed": "is not confirmed{} (it falls)",
    "cannot tell": "can neither be confirmed nor refuted so far{}",
}


def sentences(results: pd.DataFrame) -> str:
    """Two sentences from a results frame (a row a fold, all models); one that says so if nothing can be compared yet."""
    cells = across.compared(across.cells(results[results["model"] == "lstm"]))
    if cells.empty:
        return "Nothing can be said yet: no fold of an alteration and of the unaltered cell is on record."
    claims = check_claims(results)
    words, sets = cells["verdict"].value_counts(), list(cells["dataset"].unique())
    names = ", ".join(f"{name} (a stand-in)" if name == STAND_IN else name for name in sets)
    told = ", ".join(f"{words.get(word, 0)} {word}" for word in stats.VERDICTS)
    return (
        f"The paper's claim that one more line in the LSTM cell raises F1 ({', '.join(CENTRAL.values())} on average) {_central(claims.set_index('id')['verdict'])}. "
        f"Evidence: {len(cells)} comparison{'s' * (len(cells) != 1)} with the unaltered cell on {len(sets)} data set{'s' * (len(sets) != 1)} "
        f"({names}; up to {cells['folds'].max()} folds each): {told}; {tally(claims)}."
    )


def _central(claims: pd.Series) -> str:
    found = {name: claims[name] for name in CENTRAL}
    if len(set(found.values())) == 1:
        return _IS[next(iter(found.values()))].format("")
    return " and ".join(_IS[word].format(f" for {CENTRAL[name].split()[0]}") for name, word in found.items())
