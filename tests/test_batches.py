"""Batches hold every row once, in full shapes, and the masked way cuts nothing but padding."""

import numpy as np
import pytest

from lstmcs.training.batches import PREDICT_ROWS, Batches

RNG = np.random.default_rng(0)
LENGTHS = RNG.geometric(0.1, 200).clip(1, 100)
LENGTHS[0] = 100


def made_up(padding, side="pre", dropout=0.25):
    ids = np.zeros((200, 100), np.int32)
    for row, n in enumerate(LENGTHS):
        ids[row, slice(100 - n, 100) if side == "pre" else slice(n)] = row + 1
    return Batches(ids, np.eye(4, dtype=np.uint8)[RNG.integers(0, 4, 200)], 16, padding, dropout, 6, side)


@pytest.mark.parametrize("side", ["pre", "post"])
@pytest.mark.parametrize("padding", ["fixed", "mask"])
def test_an_epoch_is_every_row_once(padding, side):
    batches, rows, seen, shapes = made_up(padding, side), np.arange(5, 170), [], set()
    for ids, labels, weights, masks, steps in batches.epoch(rows, np.random.default_rng(1)):
        shapes.add(ids.shape)
        assert ids.shape[:2] == labels.shape[:2] == weights.shape == masks.shape[:2] and (weights[steps:] == 0).all()
        for document, label in zip(ids[weights > 0], labels[weights > 0]):
            row = document.max() - 1
            assert (document > 0).sum() == LENGTHS[row]  # no word is cut off
            np.testing.assert_array_equal(label, batches.labels[row])
            seen.append(row)
    assert sorted(seen) == list(rows) and seen != list(rows)
    assert len({s[:2] for s in shapes}) == 1 and {s[2] for s in shapes} <= set(batches.lengths)
    assert batches.lengths == ([100] if padding == "fixed" else [8, 25, 100])


def test_fixed_order_is_the_generators_permutation():
    (ids, _, weights, *_), = made_up("fixed").epoch(np.arange(40), np.random.default_rng(3))  # fmt: skip
    np.testing.assert_array_equal(ids[weights > 0].max(axis=1) - 1, np.random.default_rng(3).permutation(np.arange(40)))


def test_masked_batches_save_most_of_the_padding():
    cells = {p: sum(int(s) * ids.shape[1] * ids.shape[2] for ids, *_, s in made_up(p).epoch(np.arange(200), np.random.default_rng(1)))
             for p in ("fixed", "mask")}  # fmt: skip
    assert cells["mask"] * 3 < cells["fixed"]


def test_dropout_masks_are_spatial_and_scaled():
    """A 0 or a 1 for a row's channel, whatever the time step; the program scales what is kept."""
    batches = made_up("fixed")
    (_, _, _, masks, steps), = batches.epoch(np.arange(160), np.random.default_rng(0))  # fmt: skip
    assert masks.shape[1:] == (16, 6) and masks.dtype == np.uint8 and set(np.unique(masks[:steps])) == {0, 1}
    assert not masks[steps:].any() and batches.scale == np.float32(1 / 0.75) and made_up("fixed", dropout=0.0).scale == 1
    assert (masks[:steps] * batches.scale).mean() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("padding", ["fixed", "mask"])
def test_an_epoch_is_what_is_drawn_as_arrays(padding):
    """One way to draw for all programs: row numbers and masks first, arrays made of them for whoever wants them."""
    batches, rows = made_up(padding), np.arange(5, 170)
    chunks = list(batches.epoch(rows, np.random.default_rng(1)))
    drawn = list(batches.drawn(rows, np.random.default_rng(1)))
    assert len(chunks) == len(drawn) and sorted(np.concatenate([row for _, part, _ in drawn for row in part])) == list(rows)
    for (ids, labels, weights, masks, steps), (length, part, keep) in zip(chunks, drawn):
        assert steps == len(part) == len(keep) and ids.shape[2] == length and keep.dtype == bool
        for step, mine in enumerate(part):
            np.testing.assert_array_equal(weights[step], np.arange(16) < len(mine))
            np.testing.assert_array_equal(labels[step, : len(mine)], batches.labels[mine])
            assert (ids[step, : len(mine)].max(axis=1) == mine + 1).all() and not ids[step, len(mine) :].any()
        np.testing.assert_array_equal(masks[:steps], keep)


@pytest.mark.parametrize("padding", ["fixed", "mask"])
def test_an_empty_chunk_has_the_shapes_of_every_other_and_no_step(padding):
    batches = made_up(padding)
    for length in batches.lengths:
        ids, labels, weights, masks, steps = batches.empty(length)
        assert steps == 0 and not any(array.any() for array in (ids, labels, weights, masks)) and ids.shape[2] == length
        for chunk in batches.epoch(np.arange(200), np.random.default_rng(2)):
            if chunk[0].shape[2] == length:
                assert [(a.shape, a.dtype) for a in chunk] == [(a.shape, a.dtype) for a in (ids, labels, weights, masks, steps)]


@pytest.mark.parametrize("padding", ["fixed", "mask"])
def test_prediction_batches_cover_the_rows(padding):
    rows, found = np.arange(30, 200), {}
    for positions, ids in made_up(padding).prediction(rows):
        assert len(ids) == PREDICT_ROWS
        found |= {int(p): int(document.max()) - 1 for p, document in zip(positions, ids)}
    assert found == dict(enumerate(rows))
