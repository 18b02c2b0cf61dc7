"""Why a claim cannot be told: what its check asked of the records and did not get, and what stays below 95 % either way."""

import pandas as pd

from . import across
from .kinds import KINDS

NOT_PUBLIC = "ROBO is not public, and ours is a stand-in"


class Gaps:
    """Notes of one check at a time: call `clear`, run the check on Evidence (evidence.py), read `words`.

    results: a frame of records.results. stand_in: a BERT other than BERT-base is on record, and left out of results.
    """

    def __init__(self, results: pd.DataFrame, stand_in: bool = False):
        counts = results.groupby(["dataset", "model", "alteration", "state"]).size().unstack(fill_value=0)
        self._done, self._failed = (counts[state].to_dict() if state in counts else {} for state in ("done", "failed"))
        self._models = set(zip(results["dataset"], results["model"]))
        self._sets = set(results["dataset"])
        self._stand_in = stand_in
        self.clear()

    def clear(self) -> None:
        self._missing, self._remarks, self._asked, self._open = {}, {}, 0, 0

    def needs(self, dataset: str, model: str, cell: str) -> None:
        """A check asks for the folds of a cell; fewer than across.MIN_FOLDS are a gap."""
        if self._done.get((dataset, model, cell), 0) < across.MIN_FOLDS:
            self._missing[dataset, model, cell] = True

    def answered(self, answer: bool | None) -> bool | None:
        """The answer to a question that had folds behind it; None is below 95 % either way."""
        self._asked, self._open = self._asked + 1, self._open + (answer is None)
        return answer

    def remark(self, words: str) -> None:
        """A reason in the check's own words."""
        self._remarks[words] = True

    def words(self) -> str:
        """All reasons in one line, none of them twice."""
        below = f"{self._open} of {self._asked} answers are below 95 % either way" if self._asked > 1 else "below 95 % either way"
        return "; ".join([*([below] if self._open else []), *self._remarks, *self._not_on_record()])

    def _not_on_record(self) -> list[str]:
        """Sets, then models, then single cells: what is missing as a whole is named as a whole, what is missing alike together."""
        found = {}
        for key in self._missing:
            rank, before, name, after = self._missing_part(*key)
            found.setdefault((rank, before, after), []).append(name)
        return [f"{before}{', '.join(dict.fromkeys(found[rank, before, after]))}{after}" for rank, before, after in sorted(found)]

    def _missing_part(self, dataset: str, model: str, cell: str) -> tuple[int, str, str, str]:
        """What is missing, as a rank, and words before and after a name."""
        if model == "bert" and self._stand_in:
            return 2, "the BERT on record is not ", "BERT-base", ""
        if dataset not in self._sets:
            subset = f"{dataset}-subset"
            return (0, f"of {dataset} only a part, ", subset, ", is on record") if subset in self._sets else (1, "nothing on ", dataset, "")
        if (dataset, model) not in self._models:
            return 3, f"no {KINDS[model].title} on ", dataset, ""
        done, failed = (part.get((dataset, model, cell), 0) for part in (self._done, self._failed))
        where = "" if model == "lstm" else f" with {KINDS[model].title}"
        return (
            4,
            f"{done or 'no'} fold{'s' if done > 1 else ''} of ",
            cell,
            f" on {dataset}{where}" + (f" ({failed} failed)" if failed else ""),
        )
