"""How often every rule decides when nothing is there, and how often it finds what the paper claims: a simulation.

    python tests/error_rates.py            prints the tables of lstmcs/stats/README.md (ten minutes); --write puts them there

The noise is the study's own: a set's standard deviation of fold differences is that of the first edition (median over the
alterations), and so is the correlation of two alterations' differences on the same folds. Any two folds of a set correlate with 1/9, as the
corrected tests have it. `nothing` is no effect on any set; `mixed` is effects that differ from set to set (standard deviation of a point)
and are nothing on average.
"""

import argparse
import re
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats as scipy_stats

from lstmcs import stats
from lstmcs.paper.evidence import Chance, any_of, every
from lstmcs.stats import hierarchical, multiple, multiverse, seeds, single
from lstmcs.study.archive import Archive

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "lstmcs" / "stats" / "README.md"
EDITION = ROOT / "reports" / "first-edition" / "results.parquet"
DESIGNS = {"1 x 10": 10, "3 x 10": 30, "10 x 10": 100}
RHO = single.TEST_TO_TRAIN / (1 + single.TEST_TO_TRAIN)
SETS = ("hasoc", "semeval", "hate", "crowd", "ag-subset", "mlma", "robo")  # in this order; the first three, four, ... are taken
CELLS = 17
#: A multiverse: each dimension's levels, the default's first. One protocol a single change makes nine.
DIMENSIONS = {"learning_rate": (0.001, 0.0005, 0.002), "units": (64, 104), "dropout": (0.2, 0.0, 0.4), "batch_size": (32, 64), "padding": ("pre", "post", "mask")}  # fmt: skip
MANY_PROTOCOLS = {
    f"{told}, r {alike:g}": (count, alike) for told, count in {"3 folds": 3, **DESIGNS}.items() if count < 100 for alike in (0.0, 0.8)
}


def noise() -> dict[str, tuple[float, float]]:
    """Data set -> standard deviation of a fold's difference in points, and the unaltered cell's score in percent."""
    rows = Archive(EDITION).rows()
    rows = rows[(rows["model"] == "lstm") & (rows["state"] == "done")]
    return {
        name: (float(stats.differences_table(group)["sd"].median()), float(stats.improvements(group).loc["Baseline", "macro_f1"]))
        for name in SETS for group in [rows[rows["dataset"] == name]]
    }  # fmt: skip


def between_cells() -> float:
    """Correlation of two alterations' differences on the same folds, the mean over pairs and sets."""
    rows, found = Archive(EDITION).rows().query("model == 'lstm' and state == 'done'"), []
    for _, group in rows.groupby("dataset"):
        table = (
            single.paired_differences(group, "macro_f1")
            .pivot(index=["run", "fold"], columns="alteration", values="difference")
            .dropna(axis=1)
        )
        if table.shape[1] > 2:
            matrix = np.corrcoef(table.to_numpy().T)
            found.append(matrix[np.triu_indices_from(matrix, 1)].mean())
    return float(np.mean(found))


def folds(rng, sd: float, count: int, cells: int = 1, alike: float = 0.0) -> np.ndarray:
    """(cells, count) differences: two folds of a cell correlate with RHO, two cells on a fold with `alike`."""

    def normal(size):
        return np.sqrt(alike) * rng.normal(size=(1, size)) + np.sqrt(1 - alike) * rng.normal(size=(cells, size))

    return sd * (np.sqrt(RHO) * normal(1) + np.sqrt(1 - RHO) * normal(count))


def one_set(trials: int) -> dict[str, dict[str, float]]:
    """Rule -> design -> percent of trials on one set (HASOC's noise) in which it decides, with nothing there."""
    sd, score = noise()["hasoc"]
    alike, found = between_cells(), {}
    for design, count in DESIGNS.items():
        rng, decided = np.random.default_rng(1), {}
        for _ in range(trials):
            many = folds(rng, sd, count, CELLS, alike)
            d, reseed = many[0], folds(rng, sd, count)[0]
            p = np.array([single.corrected_ttest(one)[1] for one in many])
            seeds_alone, texts_too = (
                np.quantile(_largest(count), single.LEVEL) * single.standard_error(reseed, q) for q in seeds.ROWS.values()
            )
            chances = [Chance(better, worse) for worse, _, better in (single.posterior(one, rope=0) for one in many)]
            for rule, answer in {
                "naive 95 % interval (folds taken as independent) excludes 0": not _around(single.corrected_interval(d, ratio=0.0)),
                "corrected 95 % interval excludes 0": p[0] < 0.05,
                "verdict better or worse, ROPE half a point": single.verdict(*single.posterior(d)) in ("better", "worse"),
                "verdict better or worse, ROPE 1 % of the score": single.verdict(*single.posterior(d, score / 100)) in ("better", "worse"),
                "some corrected interval of 17 excludes 0": (p < 0.05).any(),
                "some p of 17 is below 0.05 by Holm's method": (single.holm(p) < 0.05).any(),
                "the best of 17 passes the bound of other seeds alone": many.mean(axis=1).max() > seeds_alone,
                "the best of 17 passes the bound of other seeds and texts": many.mean(axis=1).max() > texts_too,
                'claim "any of 17 is higher": yes': any_of(chances).answer is True,
                'claim "all 17 are higher": no': every(chances).answer is False,
            }.items():
                decided[rule] = decided.get(rule, 0) + bool(answer)
        for rule, times in decided.items():
            found.setdefault(rule, {})[design] = 100 * times / trials
    return found


_LARGEST = {}


def _largest(count: int) -> np.ndarray:
    """Largest of 17 t values, as seeds.best_of_null has it."""
    return _LARGEST.setdefault(count, seeds.largest(CELLS, count - 1))


def _around(interval) -> bool:
    return interval[1] <= 0 <= interval[2]


def signed_rank(d: np.ndarray, rng) -> float:
    """P(better) of the Bayesian signed-rank test (Benavoli et al. 2014) with ROPE 0: the rule of the first edition."""
    z = np.concatenate([[0.0], d])
    above = np.heaviside(z[:, None] + z, 0.5)
    weights = rng.dirichlet([0.5, *np.ones(len(d))], 1000)
    return float(np.mean(np.einsum("si,ij,sj->s", weights, above, weights) > 0.5))


def several_sets(trials: int, designs=DESIGNS, counts=(3, 4, 5, 6, 7)) -> dict[tuple[str, str, str], dict[int, float]]:
    """(rule, case, design) -> number of sets -> percent of trials in which it decides."""
    known, found = [sd for sd, _ in noise().values()], {}
    for design, count in designs.items():
        for case, spread in (("nothing", 0.0), ("mixed", 1.0)):
            for sets in counts:
                rng, decided = np.random.default_rng([count, sets]), {}
                for _ in range(trials):
                    parts = [folds(rng, sd, count)[0] + spread * rng.normal() for sd in known[:sets]]
                    means = np.array([d.mean() for d in parts])
                    better = signed_rank(means, rng)
                    for rule, answer in {
                        "Wilcoxon, p < 0.05": multiple.wilcoxon(means) < 0.05,
                        "Bayesian signed-rank, P >= 0.95 (first edition)": max(better, 1 - better) >= single.LEVEL,
                        "hierarchical, P >= 0.95": max(hierarchical.posterior(parts)) >= single.LEVEL,
                        "hierarchical, verdict better or worse (ROPE half a point)": single.verdict(*hierarchical.posterior(parts, single.ROPE)) in ("better", "worse"),
                    }.items():  # fmt: skip
                        decided[rule] = decided.get(rule, 0) + bool(answer)
                for rule, times in decided.items():
                    found.setdefault((rule, case, design), {})[sets] = 100 * times / trials
    return found


def power(trials: int, sets: int = 6) -> dict[str, dict[str, float]]:
    """Effect on every set -> design -> percent of trials in which the hierarchical model finds it over `sets` sets (P >= 0.95)."""
    known, found = list(noise().values())[:sets], {}
    for told, percent in (
        ("0.3 % of the score (H-2's claim)", 0.3),
        ("0.5 % (C-1's claim)", 0.5),
        ("1 %", 1.0),
        ("2 %", 2.0),
        ("5 %", 5.0),
    ):
        for design, count in DESIGNS.items():
            rng, times = np.random.default_rng(count), 0
            for _ in range(trials):
                parts = [folds(rng, 100 * sd / score, count)[0] + percent for sd, score in known]
                times += hierarchical.posterior(parts)[2] >= single.LEVEL
            found.setdefault(told, {})[design] = 100 * times / trials
    return found


def grid() -> pd.DataFrame:
    """The protocols of DIMENSIONS, as multiverse.py has its levels: the default, and each single change of it."""
    default = {name: values[0] for name, values in DIMENSIONS.items()}
    changes = {f"{name}={level}": default | {name: level} for name, values in DIMENSIONS.items() for level in values[1:]}
    return pd.DataFrame.from_dict({"default": default} | changes, orient="index").astype(object)


def protocols(trials: int, cases=MANY_PROTOCOLS, effect: float = 0.0) -> dict[str, dict[str, float]]:
    """Rule -> case -> percent of trials in which it decides of one comparison under nine protocols, HASOC's noise, nothing there but
    `effect` (points) where the learning rate is doubled. r: correlation of two protocols' differences on a fold."""
    (sd, _), levels, found = noise()["hasoc"], grid(), {}
    for case, (count, alike) in cases.items():
        rng, decided = np.random.default_rng(count), {}
        named = pd.MultiIndex.from_product([range(1, -(-count // 10) + 1), range(1, min(count, 10) + 1)], names=["run", "fold"])
        for _ in range(trials):
            matrix = pd.DataFrame(folds(rng, sd, count, len(levels), alike), levels.index, named)
            matrix.loc["learning_rate=0.002"] += effect
            together, naive, moving = multiverse.joint(matrix), multiverse.joint(matrix, ratio=0.0), multiverse.by_dimension(matrix, levels)
            told = moving[moving["p"] < 0.05]
            for rule, answer in {
                "some corrected interval of nine protocols excludes 0": any(not _around(single.corrected_interval(row)) for row in matrix.to_numpy()),
                "protocols above 0, counted as if independent (binomial p < 0.05)": scipy_stats.binomtest(together["above"], len(levels)).pvalue < 0.05,
                "mean over the protocols, corrected interval excludes 0": not _around((together["mean"], together["low"], together["high"])),
                "mean over the protocols, verdict better or worse": together["verdict"] in ("better", "worse"),
                "flips of folds taken as independent, mean, p <= 0.05": naive["p_mean"] <= 0.05,
                "flips, mean, p <= 0.05": together["p_mean"] <= 0.05,
                "flips, largest of nine, p <= 0.05": together["p_largest"] <= 0.05,
                "flips, protocols above 0, p <= 0.05": together["p_above"] <= 0.05,
                "a dimension is named (Holm's p < 0.05)": len(told) > 0,
                "... and it is the learning rate, doubled": ((told["dimension"] == "learning_rate") & (told["level"] == 0.002)).any(),
                "a dimension moves it most, probability 95 %": moving["most"].max() >= single.LEVEL,
            }.items():  # fmt: skip
                decided[rule] = decided.get(rule, 0) + bool(answer)
        for rule, times in decided.items():
            found.setdefault(rule, {})[case] = 100 * times / trials
    return found


def floors() -> dict[str, tuple[float, float, float, float]]:
    """Data set -> SD of a fold's difference, half-width of the 95 % interval at 1 x 10 and 10 x 10 and with ever more folds, points."""
    found = {}
    for name, (sd, _) in noise().items():
        half = [scipy_stats.t.ppf(0.975, n - 1) * np.sqrt(1 / n + single.TEST_TO_TRAIN) * sd for n in (10, 100)]
        found[name] = sd, *half, single.least_half_width(sd)
    return found


def rows(head, lines) -> str:
    """A Markdown table."""
    return "\n".join(
        ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|", *("| " + " | ".join(line) + " |" for line in lines)]
    )


def many_protocols(trials: int) -> dict[str, str]:
    """Name -> Markdown table of `protocols`: with nothing there, and with an effect in one level."""
    return {
        name: rows([head, *MANY_PROTOCOLS], [[rule, *(f"{value:.0f}" for value in row.values())] for rule, row in protocols(trials, effect=effect).items()])
        for name, head, effect in (("protocols", "rule, % of cases decided with nothing there", 0.0), ("one-level", "6 points where the learning rate is doubled", 6.0))
    }  # fmt: skip


def tables(trials: int, several: int) -> dict[str, str]:
    """Name -> Markdown table."""
    sets = several_sets(several)
    return many_protocols(several) | {
        "one": rows(["rule, % of cases decided with nothing there", *DESIGNS], [[rule, *(f"{value:.1f}" for value in row.values())] for rule, row in one_set(trials).items()]),
        "sets": rows(["rule", "case", "design", *(f"{n} sets" for n in (3, 4, 5, 6, 7))],
                     [[*key, *(f"{value:.0f}" for value in row.values())] for key, row in sorted(sets.items(), key=lambda item: (item[0][0], item[0][1] == "mixed", DESIGNS[item[0][2]]))]).replace("|---|---:|---:|", "|---|---|---|", 1),
        "power": rows(["effect on each of six sets, % of cases found", *DESIGNS], [[told, *(f"{value:.0f}" for value in row.values())] for told, row in power(several).items()]),
        "floors": rows(["set", "SD of a fold", "half-width, 1 x 10", "10 x 10", "ever more"], [[name, *(f"{value:.1f}" for value in row)] for name, row in floors().items()]),
    }  # fmt: skip


def into(page: str, found: dict[str, str]) -> str:
    """The page with its tables, each between <!-- name --> and <!-- /name -->."""
    for name, table in found.items():
        page = re.sub(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", lambda m, table=table: f"{m[1]}\n{table}\n\n{m[2]}", page, flags=re.S)
    return page


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=2000, help="on one set")
    parser.add_argument("--several", type=int, default=400, help="over several sets")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.relative_to(ROOT)}")
    given = parser.parse_args()
    found = tables(given.trials, given.several)
    if given.write:
        PAGE.write_text(into(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
    print("\n\n".join(found.values()))
