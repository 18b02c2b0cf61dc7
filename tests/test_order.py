"""The queue: balanced at any moment, each cell compiled once, every fold handed out once; workers simulated, nothing trained."""

from collections import Counter

import pytest

from lstmcs.study.plan import Settings, plan
from lstmcs.study.records import build_of
from lstmcs.study.schedule import Queue
from lstmcs.study.sweep import records


def folds(**changes):
    return list(plan(Settings.of(**{"preset": "quick", **changes})).folds)


class Workers:
    """Simulated workers that ask in turn; each keeps the last `capacity` compiled models."""

    def __init__(self, count, capacity=100, patience=()):
        self.capacity, self.kept, self.compiled, self.trained = capacity, {f"w{n}": [] for n in range(count)}, Counter(), []
        self.turns = [name for number, name in enumerate(self.kept) for _ in range(patience[number] if patience else 1)]

    def run(self, queue, stop=10**9):
        while len(self.trained) < stop:
            busy = False
            for name in self.turns:
                if (config := queue.take(name)) is None:
                    continue
                busy, build, kept = True, build_of(config), self.kept[name]
                if build not in kept:
                    self.compiled[build] += 1
                    del kept[: max(0, len(kept) + 1 - self.capacity)]
                else:
                    kept.remove(build)
                kept.append(build)
                queue.kept(name, len(kept))
                self.trained.append(config)
            if not busy:
                return self
        return self


@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_every_fold_is_handed_out_once(count):
    work = folds(runs=2)
    done = Workers(count).run(Queue(work)).trained
    assert sorted(map(records.key, done)) == sorted(map(records.key, work))


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("stop", [18, 19, 57, 100, 133])
def test_whenever_it_stops_all_cells_have_the_same_folds_but_for_those_under_way(count, stop):
    done = Workers(count).run(Queue(folds(reseeds=0)), stop).trained
    by_cell = Counter(records.cell_of(config) for config in done)
    assert len(by_cell) == 18 and max(by_cell.values()) - min(by_cell.values()) <= 2
    one = folds(runs=2, reseeds=0)
    runs = [config["run"] for config in Workers(count).run(Queue(one)).trained]
    assert runs.index(2) >= 180 - count  # the second run begins when the first ends


def test_fold_1_of_every_cell_comes_first_and_the_unaltered_cell_is_the_very_first():
    order = Workers(1).run(Queue(folds(reseeds=0))).trained
    assert {c["fold"] for c in order[:18]} == {1} and order[0]["alteration"] == "none"
    assert [c["fold"] for c in order] == sorted(c["fold"] for c in order)


@pytest.mark.parametrize(("count", "patience"), [(1, ()), (2, ()), (3, ()), (2, (3, 1))])
def test_each_cell_is_compiled_once_but_for_help_at_the_end(count, patience):
    """Cells stay with the worker that compiled them, also when one worker is three times as fast."""
    work = folds(runs=3)
    half = Workers(count, patience=patience).run(Queue(work), len(work) // 2)
    assert set(half.compiled.values()) == {1}
    workers = Workers(count, patience=patience).run(Queue(work))
    cells = len({build_of(config) for config in work})
    assert cells == 18 and set(workers.compiled.values()) >= {1}
    assert sum(workers.compiled.values()) <= cells + (5 * (count - 1) if not patience else 12)


def test_a_worker_that_cannot_keep_all_cells_finishes_those_it_holds():
    """Room for 4 of 18: fold 1 of each (18 compilations), then the rest, each compiled once more at most; not once a fold (180)."""
    workers = Workers(1, capacity=4).run(Queue(folds(reseeds=0)))
    assert {c["fold"] for c in workers.trained[:18]} == {1}
    assert sum(workers.compiled.values()) <= 18 + 18


def test_a_lost_fold_is_the_next_and_its_worker_forgotten():
    queue = Queue(folds())
    first, second = queue.take("a"), queue.take("b")
    assert build_of(first) == build_of(second) or first["fold"] == second["fold"] == 1
    left = len(queue)
    queue.left("a", first)
    assert len(queue) == left + 1 and queue.take("c") == first
    queue.left("c", None)
    assert len(queue) == left


def test_folds_done_elsewhere_are_not_handed_out():
    asked = []
    queue = Queue(folds(reseeds=0), wanted=lambda config: asked.append(config) or config["fold"] > 9)
    assert {c["fold"] for c in Workers(2).run(queue).trained} == {10}
    assert len(asked) == 180


def test_two_studies_take_the_cells_in_different_orders():
    first = [[c["alteration"] for c in Workers(1).run(Queue(folds(reseeds=0), seed), 18).trained] for seed in (1, 2, 1)]
    assert first[0] == first[2] != first[1] and sorted(first[0]) == sorted(first[1]) and first[1][0] == "none"


def test_data_sets_follow_each_other_within_a_run(tmp_path):
    rows = "text,label\n" + "".join(f"word{n % 7} other{n % 3},{'ab'[n % 2]}\n" for n in range(40))
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text(rows + f"extra {name},a\n")
    work = folds(datasets=[str(tmp_path / "one.csv"), str(tmp_path / "two.csv")], runs=2, folds=3, alterations=["C-1"], reseeds=0)
    seen = list(dict.fromkeys((c["run"], c["dataset"]) for c in Workers(1).run(Queue(work)).trained))
    assert seen == [(1, "one"), (1, "two"), (2, "one"), (2, "two")]
