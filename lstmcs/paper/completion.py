"""What would settle a claim that is open: the records completed to more folds, many times over, and asked again.

The folds that are not there are drawn from those that are by Polya's urn (each draw goes back twice), which is the Bayesian
bootstrap's picture of what further folds would bring (Rubin 1981): neither new data sets nor cells that were never trained.
"""

import zlib

import numpy as np
import pandas as pd

from . import claims
from .evidence import Evidence

SIZES = {"3 x 10": 30, "10 x 10": 100}
DRAWS = 20


class Urn:
    """Completes the folds of every comparison to `total`. Comparisons on the same folds of a set draw the same ones.

    number: which of many completions.
    """

    def __init__(self, total: int, number: int):
        self.total, self._number, self._known = total, number, {}

    def folds(self, dataset: str, count: int) -> np.ndarray:
        """Positions among the `count` folds on record: all of them, and then those drawn; all once where there are enough."""
        if (dataset, count) not in self._known:
            rng = np.random.default_rng([self._number, zlib.crc32(dataset.encode())])
            found = list(range(count))
            for _ in range(self.total - count):
                found.append(found[int(rng.random() * len(found))])
            self._known[dataset, count] = np.array(found)
        return self._known[dataset, count]


def settle(results: pd.DataFrame, table: pd.DataFrame, draws: int = DRAWS) -> pd.DataFrame:
    """How often the open claims of `table` (claims.check_claims) would be answered with more folds of what is on record.

    A row a claim that cannot be told: id, and for each of SIZES the share of completions, in percent, with the answer yes and with no.
    """
    open_ids = set(table.loc[table["verdict"] == claims.WORDS[None], "id"])
    asked, rows, evidence = [claim for claim in claims.CLAIMS if claim.id in open_ids], {}, Evidence(results, bert_base=True)
    for size, total in SIZES.items():
        for number in range(draws):
            completed = evidence.completed(Urn(total, number))
            for claim in asked:
                answer = claim.check(completed)[0].answer
                row = rows.setdefault(claim.id, {"id": claim.id} | {f"{s}, {word}": 0.0 for s in SIZES for word in ("yes", "no")})
                if answer is not None:
                    row[f"{size}, {'yes' if answer else 'no'}"] += 100 / draws
    return pd.DataFrame(rows.values(), columns=["id", *(f"{s}, {word}" for s in SIZES for word in ("yes", "no"))])
