"""The queue: balanced at any moment, each cell compiled once, every fold handed out once; workers simulated, nothing trained."""

from collections import Counter

import pytest

from lstmcs.study.plan import Settings, plan
from lstmcs.study.schedule import Queue


def folds(**changes):
    return list(plan(Settings.of(**{"preset": "quick", "models": "lstm", **changes})).folds)


class Workers:
    """Simulated workers that ask in turn for `batch` folds; each keeps the last `capacity` compiled models."""

    def __init__(self, count, capacity=100, patience=(), batch=1):
        self.batch, self.capacity, self.kept, self.compiled, self.trained = (
            batch,
            capacity,
            {f"w{n}": [] for n in range(count)},
            Counter(),
            [],
        )
        self.turns = [name for number, name in enumerate(self.kept) for _ in range(patience[number] if patience else 1)]

    def run(self, queue, stop=10**9):
        while len(self.trained) < stop:
            busy = False
            for name in self.turns:
                if not (taken := queue.take(name, self.batch)):
                    continue
                [build] = {fold.build for fold in taken}
                busy, kept = True, self.kept[name]
                if build not in kept:
                    self.compiled[build] += 1
                    del kept[: max(0, len(kept) + 1 - self.capacity)]
                else:
                    kept.remove(build)
                kept.append(build)
                queue.kept(name, len(kept))
                self.trained += taken
            if not busy:
                return self
        return self


@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_every_fold_is_handed_out_once(count):
    work = folds(runs=2, models=[])  # those of all models that a study has
    done = Workers(count).run(Queue(work)).trained
    assert sorted(fold.key for fold in done) == sorted(fold.key for fold in work)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("stop", [18, 19, 57, 100, 133])
def test_whenever_it_stops_all_cells_have_the_same_folds_but_for_those_under_way(count, stop):
    done = Workers(count).run(Queue(folds(reseeds=0)), stop).trained
    by_cell = Counter(fold.cell for fold in done)
    assert len(by_cell) == 18 and max(by_cell.values()) - min(by_cell.values()) <= 2
    one = folds(runs=2, reseeds=0)
    runs = [fold.run for fold in Workers(count).run(Queue(one)).trained]
    assert runs.index(2) >= 180 - count  # the second run begins when the first ends


def test_fold_1_of_every_cell_comes_first_and_the_unaltered_cell_is_the_very_first():
    order = Workers(1).run(Queue(folds(reseeds=0))).trained
    assert {fold.fold for fold in order[:18]} == {1} and order[0].alteration == "none"
    assert [fold.fold for fold in order] == sorted(fold.fold for fold in order)


@pytest.mark.parametrize(("count", "patience"), [(1, ()), (2, ()), (3, ()), (2, (3, 1))])
def test_each_cell_is_compiled_once_but_for_help_at_the_end(count, patience):
    """Cells stay with the worker that compiled them, also when one worker is three times as fast."""
    work = folds(runs=3)
    half = Workers(count, patience=patience).run(Queue(work), len(work) // 2)
    assert set(half.compiled.values()) == {1}
    workers = Workers(count, patience=patience).run(Queue(work))
    cells = len({fold.build for fold in work})
    assert cells == 18 and set(workers.compiled.values()) >= {1}
    assert sum(workers.compiled.values()) <= cells + (5 * (count - 1) if not patience else 12)


def test_a_worker_that_cannot_keep_all_cells_finishes_those_it_holds():
    """Room for 4 of 18: fold 1 of each (18 compilations), then the rest, each compiled once more at most; not once a fold (180)."""
    workers = Workers(1, capacity=4).run(Queue(folds(reseeds=0)))
    assert {fold.fold for fold in workers.trained[:18]} == {1}
    assert sum(workers.compiled.values()) <= 18 + 18


def test_a_lost_fold_is_the_next_and_its_worker_forgotten():
    queue = Queue(folds())
    [first], [second] = queue.take("a"), queue.take("b")
    assert first.build == second.build or first.fold == second.fold == 1
    left = len(queue)
    queue.left("a", [first])
    assert len(queue) == left + 1 and queue.take("c") == [first]
    queue.left("c")
    assert len(queue) == left


def test_a_batch_is_of_one_build():
    work = folds(reseeds=0, runs=2)
    queue = Queue(work)
    batch = queue.take("a", 5)
    assert [(fold.run, fold.fold) for fold in batch] == [(1, number) for number in range(1, 6)]
    assert {fold.alteration for fold in batch} == {"none"} and len({fold.build for fold in batch}) == 1
    other = queue.take("b", 5)
    assert len(other) == 5 and len({fold.build for fold in other}) == 1 and other[0].build != batch[0].build
    assert len(queue) == len(work) - 10 and not set(batch) & set(other)
    assert len(queue.take("c", 1000)) == 20 and len(queue.take("a", 1)) == 1  # no more than there are of a build, nor than was asked for


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("batch", [5, 7, 100])
def test_batches_hand_every_fold_out_once(count, batch):
    work = folds(runs=2)
    workers = Workers(count, batch=batch).run(Queue(work))
    assert sorted(fold.key for fold in workers.trained) == sorted(fold.key for fold in work)


def test_the_rows_with_other_seeds_are_in_the_batches_of_the_unaltered_cell():
    """They are one build: what is compiled for one trains the other."""
    assert {fold.cell for fold in Queue(folds(alterations=["C-1"], reseeds=2)).take("a", 30)} == {"none", "reseed-1", "reseed-2"}


def test_the_folds_of_a_lost_batch_go_back():
    work = folds(reseeds=0)
    queue = Queue(work)
    first, second = queue.take("a", 5), queue.take("b", 5)
    queue.left("a", first)
    assert len(queue) == len(work) - 5
    assert queue.take("c", 5) == first  # in front of everything else, as they were
    queue.left("b", second[2:])  # two of them were done, or given up
    queue.left("c", first)
    rest = Workers(2, batch=5).run(queue).trained
    assert sorted(fold.key for fold in [*second[:2], *rest]) == sorted(fold.key for fold in work)
    assert {fold.build for fold in rest[:5]} <= {first[0].build, second[0].build}


def test_folds_done_elsewhere_are_left_out_of_a_batch_too():
    queue = Queue(folds(reseeds=0), wanted=lambda fold: fold.fold % 2 == 0)
    assert [fold.fold for fold in queue.take("a", 3)] == [2, 4, 6]
    queue.left("a")
    assert len(Workers(1, batch=4).run(queue).trained) == 87


def test_folds_done_elsewhere_are_not_handed_out():
    asked = []
    queue = Queue(folds(reseeds=0), wanted=lambda fold: asked.append(fold) or fold.fold > 9)
    assert {fold.fold for fold in Workers(2).run(queue).trained} == {10}
    assert len(asked) == 180


def test_two_studies_take_the_cells_in_different_orders():
    first = [[fold.alteration for fold in Workers(1).run(Queue(folds(reseeds=0), seed), 18).trained] for seed in (1, 2, 1)]
    assert first[0] == first[2] != first[1] and sorted(first[0]) == sorted(first[1]) and first[1][0] == "none"


def test_data_sets_follow_each_other_within_a_run(tmp_path):
    rows = "text,label\n" + "".join(f"word{n % 7} other{n % 3},{'ab'[n % 2]}\n" for n in range(40))
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text(rows + f"extra {name},a\n")
    work = folds(datasets=[str(tmp_path / "one.csv"), str(tmp_path / "two.csv")], runs=2, folds=3, alterations=["C-1"], reseeds=0)
    seen = list(dict.fromkeys((fold.run, fold.dataset) for fold in Workers(1).run(Queue(work)).trained))
    assert seen == [(1, "one"), (1, "two"), (2, "one"), (2, "two")]


@pytest.mark.parametrize(("count", "batch"), [(1, 1), (2, 1), (1, 5), (1, 1000)])
def test_what_another_study_has_in_hand_comes_last_and_is_handed_out_once(count, batch):
    work = folds(reseeds=0)
    theirs = set(work[::3])
    done = Workers(count, batch=batch).run(Queue(work, free=lambda fold: fold not in theirs)).trained
    assert sorted(fold.key for fold in done) == sorted(fold.key for fold in work)
    assert not theirs & set(done[: len(work) - len(theirs)])


def test_what_another_study_has_finished_meanwhile_is_not_handed_out():
    work, asked = folds(reseeds=0), []
    done = (
        Workers(1)
        .run(Queue(work, free=lambda fold: fold not in work[:5], wanted=lambda fold: not (fold in asked or asked.append(fold))))
        .trained
    )
    assert set(done) == set(work[5:]) and len(done) == len(work) - 5
