"""Rows of a prepared set as the fixed-shape batches that a compiled program takes.

padding "fixed" (the paper-faithful way, without a mask): every batch is as long as the set's longest document.
padding "mask": rows of like length share a batch, cut to one of a few lengths; the model masks what padding is left.
"""

from collections.abc import Iterator

import numpy as np

CHUNK = 64  # training steps in one call of the compiled program
PREDICT_ROWS = 64  # rows a prediction batch
SHORTEST = 8  # compiled lengths of padding "mask" are MaxLen, a quarter of it, ... down to this


class Batches:
    """Cuts `ids` (documents, max_len) and `labels` (documents, classes) into batches of `size` rows.

    padding: "fixed" or "mask". dropout, width: rate and channels of the spatial dropout whose masks are drawn here.
    pad_side: on which side of a document its padding zeros are.
    """

    def __init__(self, ids: np.ndarray, labels: np.ndarray, size: int, padding: str, dropout: float, width: int, pad_side: str = "pre"):
        self.ids, self.labels, self.size, self.dropout, self.width, self.pad_side = ids, labels, size, dropout, width, pad_side
        self.row_lengths = (ids > 0).sum(axis=1)
        self.lengths = [ids.shape[1]]
        while padding == "mask" and self.lengths[0] > SHORTEST:
            self.lengths.insert(0, max(SHORTEST, -(-self.lengths[0] // 4)))

    def epoch(self, rows: np.ndarray, rng: np.random.Generator) -> Iterator[tuple]:
        """All `rows` once, as `drawn` has them, as arrays for one call of a compiled program each (see `chunk`)."""
        for length, batches, keep in self.drawn(rows, rng):
            yield self.chunk(batches, length, keep)

    def drawn(self, rows: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[int, list[np.ndarray], np.ndarray]]:
        """All `rows` once, in an order and with dropout masks drawn from `rng`.

        Yields (length, at most CHUNK batches of row numbers, what their dropout keeps [batches, B, E], bool).
        """
        order = rng.permutation(rows)
        if len(self.lengths) == 1:
            batches = [order[k : k + self.size] for k in range(0, len(order), self.size)]
        else:
            order = order[np.argsort(self.row_lengths[order], kind="stable")]
            batches = [order[k : k + self.size] for k in range(0, len(order), self.size)]
            batches = [batches[k] for k in rng.permutation(len(batches))]
        for length in rng.permutation(self.lengths):
            mine = [rows for rows in batches if self._length(rows) == length]
            for start in range(0, len(mine), CHUNK):
                part = mine[start : start + CHUNK]
                yield length, part, rng.random((len(part), self.size, self.width), np.float32) >= self.dropout

    def prediction(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """`rows` in batches: (positions in `rows`, ids [PREDICT_ROWS, L]); the ids' last rows may be filler."""
        order = np.argsort(self.row_lengths[rows], kind="stable") if len(self.lengths) > 1 else np.arange(len(rows))
        for start in range(0, len(rows), PREDICT_ROWS):
            positions = order[start : start + PREDICT_ROWS]
            ids = self._cut(rows[positions], self._length(rows[positions]))
            yield positions, np.concatenate([ids, np.zeros((PREDICT_ROWS - len(ids), ids.shape[1]), np.int32)])

    def _length(self, rows: np.ndarray) -> int:
        longest = self.row_lengths[rows].max(initial=0)
        return next(length for length in self.lengths if len(self.lengths) == 1 or longest <= length)

    def _cut(self, rows: np.ndarray, length: int) -> np.ndarray:
        return self.ids[rows, -length:] if self.pad_side == "pre" else self.ids[rows, :length]

    def chunk(self, batches: list[np.ndarray], length: int, keep: np.ndarray) -> tuple:
        """Batches of row numbers as arrays, cut to `length`: (ids [S, B, L], labels [S, B, C], row weights [S, B], what dropout
        keeps [S, B, E] as 0 and 1, number of steps). S is the same for every chunk of a length; steps beyond the number and rows of
        weight 0 are filler.
        """
        shape = (min(CHUNK, self.max_steps), self.size)
        ids = np.zeros((*shape, length), np.int32)
        labels = np.zeros((*shape, self.labels.shape[1]), np.float32)
        weights = np.zeros(shape, np.float32)
        masks = np.zeros((*shape, self.width), np.uint8)
        for step, rows in enumerate(batches):
            ids[step, : len(rows)], labels[step, : len(rows)] = self._cut(rows, length), self.labels[rows]
            weights[step, : len(rows)] = 1
        masks[: len(batches)] = keep
        return ids, labels, weights, masks, np.int32(len(batches))

    def empty(self, length: int) -> tuple:
        """A chunk of no step, all filler."""
        return self.chunk([], length, np.zeros((0, self.size, self.width), bool))

    @property
    def scale(self) -> np.float32:
        """What dropout multiplies the values by that it keeps."""
        return np.float32(1) / np.float32(1 - self.dropout)

    @property
    def max_steps(self) -> int:
        return -(-len(self.ids) // self.size)
