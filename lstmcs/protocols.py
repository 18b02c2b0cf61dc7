"""Protocols: what the paper leaves open of a training, as a table of plausible levels, and the designs that pick some of their combinations.

A grid is a TOML file; data/protocols.toml is one::

    design = "one-at-a-time"              # or "full", or "balanced 36"

    [levels]                              # the first level of each dimension is the default protocol's
    learning_rate = [0.001, 0.0005, 0.002]
    padding = ["pre", "post", "mask"]     # zeros before a text, after it, or masked
    stop_words = ["sklearn", "none"]      # any option of datasets.preparation.Preparation
    rule = ["best", "last"]               # which epoch is read (rules.py): costs no training

full: every combination. one-at-a-time: the default, and each of its single changes. balanced N: N combinations among which any two levels of
two dimensions meet equally often (an orthogonal array of pyDOE), so that no dimension's effect is taken for another's; each is
read by every rule, which costs nothing.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from . import environment, files, rules
from .datasets.preparation import Preparation
from .errors import DataError, SettingsError, nearest, visible
from .fold import Fold

#: What may be varied of a training: type, lowest and highest value.
RANGES = {
    "epochs": (int, 1, 1000), "learning_rate": (float, 1e-7, 1.0), "batch_size": (int, 1, 4096), "embedding": (int, 1, 4096),
    "units": (int, 1, 4096), "dropout": (float, 0.0, 0.95), "patience": (int, 1, 1000),
}  # fmt: skip
SIZES = ("embedding", "units", "dropout")  # the others of RANGES are of the training
#: How a text is filled up to the longest one: the side of its zeros, and whether the model masks them.
PADDINGS = {"pre": ("pre", "fixed"), "post": ("post", "fixed"), "mask": ("pre", "mask")}
OPTIONS = tuple(name for name in Preparation.__dataclass_fields__ if name != "pad_side")
DIMENSIONS = (*RANGES, "padding", *OPTIONS, "rule")
DESIGNS = ("one-at-a-time", "full", "balanced N")
DEFAULT = "default"  # the protocol of all first levels
MOST = 2000  # protocols of a design


def in_range(name: str, value):
    """`value` as `name` of RANGES takes it. Raises SettingsError."""
    kind, low, high = RANGES[name]
    if kind is float and type(value) is int and low <= value <= high:
        value = float(value)
    if not (type(value) is kind and low <= value <= high):
        what = "a whole number" if kind is int else "a number"
        raise SettingsError(f"{name} must be {what} from {low:g} to {high:g}, not {value!r}")
    return value


@dataclass(frozen=True)
class Protocol:
    """One combination of levels. name: "default", or what differs from it: "units=64; rule=last". levels: dimension -> level, of all."""

    name: str
    levels: Mapping = field(compare=False)

    @property
    def rule(self) -> str | None:
        """Which epoch is read; None where the grid does not say."""
        return self.levels.get("rule")

    def of(self, fold: Fold) -> Fold:
        """The training that `fold` is under this protocol; of a model that reads no ids only the preparation changes."""
        reads_ids, options = fold.padding is not None, dict(fold.preparation)
        varied = {"sizes": dict(fold.sizes), "training": dict(fold.training), "padding": fold.padding}
        for name, level in self.levels.items():
            if name in OPTIONS:
                options[name] = level
            elif name == "padding" and reads_ids:
                options["pad_side"], varied["padding"] = PADDINGS[level]
            elif name in RANGES and reads_ids:
                varied["sizes" if name in SIZES else "training"][name] = level
        return replace(fold, **varied, preparation=Preparation.of(options).config())


@dataclass(frozen=True)
class Grid:
    """Dimensions and their levels, the default first, and a design. file: for messages."""

    file: str
    levels: Mapping[str, tuple]
    design: str

    @cached_property
    def protocols(self) -> tuple[Protocol, ...]:
        """The design's protocols, the default first. Raises SettingsError for a design that these levels do not allow."""
        names, levels = list(self.levels), list(self.levels.values())
        if self.design == "one-at-a-time":
            first = [of[0] for of in levels]
            changed = [[*first[:k], level, *first[k + 1 :]] for k, of in enumerate(levels) for level in of[1:]]
            combinations = [first, *changed]
        elif self.design == "full":
            if (count := math.prod(map(len, levels))) > MOST:
                raise SettingsError(
                    f"{self.file}: the full design has {count} protocols; at most {MOST} are allowed, 'balanced N' takes some of them"
                )
            combinations = itertools.product(*levels)
        else:
            trained = [of if name != "rule" else of[:1] for name, of in self.levels.items()]
            combinations = [
                [level if name != "rule" else rule for name, level in zip(names, row)]
                for row in _balanced(trained, int(self.design.split()[1]), self.file)
                for rule in self.levels.get("rule", (None,))
            ]
        return tuple(self._protocol(dict(zip(names, combination))) for combination in combinations)

    def _protocol(self, levels: dict) -> Protocol:
        changed = [f"{name}={level}" for name, level in levels.items() if level != self.levels[name][0]]
        return Protocol("; ".join(changed) or DEFAULT, levels)


def read(file: "str | Path", design: str | None = None) -> Grid:
    """A grid from its TOML file, which is looked for from the working folder, then beside the package. design: in place of the file's.

    Raises SettingsError, whose message names the file and what is wrong in it.
    """
    path = Path(file)
    if not path.exists() and (shared := environment.shared(str(file))).exists():
        path = shared
    shown = visible(file)
    try:
        found = files.toml(path)
    except FileNotFoundError:
        raise SettingsError(f"no such grid of protocols: {shown}; data/protocols.toml is one") from None
    except OSError as problem:
        raise SettingsError(f"the grid of protocols {shown} cannot be read: {problem.strerror or problem}") from None
    except ValueError as problem:
        raise SettingsError(f"{shown} is no TOML file: {visible(problem)[:200]}") from None
    if unknown := [key for key in found if key not in ("design", "levels")]:
        raise SettingsError(
            f"{shown}: unknown key {unknown[0]!r}{nearest(unknown[0], ('design', 'levels'))}; a grid has 'design' and a table [levels]"
        )
    levels = found.get("levels")
    if not isinstance(levels, dict) or not levels:
        raise SettingsError(f"{shown}: a grid has a table [levels], such as: learning_rate = [0.001, 0.0005]")
    try:
        grid = Grid(shown, {name: _levels(name, of) for name, of in levels.items()}, _design(design or found.get("design", DESIGNS[0])))
    except (SettingsError, DataError) as problem:
        raise SettingsError(f"{shown}: {problem}") from None
    grid.protocols  # noqa: B018 - for its errors
    return grid


def _levels(name: str, found) -> tuple:
    if name not in DIMENSIONS:
        near = nearest(name, DIMENSIONS) if name != "pad_side" else " (the side is a level of padding: pre, post, mask)"
        raise SettingsError(f"unknown dimension {name!r}{near}; dimensions are {', '.join(DIMENSIONS)}")
    if not isinstance(found, list) or not found:
        raise SettingsError(f"{name} must be a list of levels, the default first, not {found!r}")
    levels = []
    for level in found:
        if name in RANGES:
            level = in_range(name, level)
        elif name == "padding":
            if level not in tuple(PADDINGS):
                raise SettingsError(f"padding must be {', '.join(PADDINGS)}, not {level!r}{nearest(level, PADDINGS)}")
        elif name == "rule":
            if level == "paper":
                raise SettingsError("rule 'paper' is no level: it reads all folds of a protocol at once")
            level = rules.check(level)
        else:
            level = getattr(Preparation.of({name: level}), name)
        if level in levels:
            raise SettingsError(f"{name} has the level {level!r} twice")
        levels.append(level)
    return tuple(levels)


def _design(text) -> str:
    if isinstance(text, str):
        words = " ".join(text.split())
        if words in DESIGNS[:2]:
            return words
        if found := re.fullmatch(r"balanced ([1-9]\d{0,5})", words):
            return f"balanced {found[1]}"
    raise SettingsError(
        f"unknown design {text!r}{nearest(text, DESIGNS)}; designs are {', '.join(DESIGNS)} (a number, such as balanced 36)"
    )


def _balanced(levels: list[tuple], count: int, file: str) -> list[list]:
    """`count` combinations: those of an orthogonal array that has a column of as many levels for each dimension."""
    arrays = dict(_arrays([len(of) for of in levels]))
    if count not in arrays:
        can = f"{', '.join(map(str, arrays))} can" if arrays else "no number can; dimensions of 2 and 3 levels go best together"
        raise SettingsError(
            f"{file}: no balanced design of {count} protocols is known for dimensions of {', '.join(str(len(of)) for of in levels)} levels; {can}"
        )
    return [[of[k] for of, k in zip(levels, row)] for row in arrays[count]]


def _arrays(sizes: list[int]) -> Iterable[tuple[int, list]]:
    """(number of rows, rows of level numbers) of the arrays that have the columns, the smallest first; the first row is all zeros."""
    from pyDOE3 import get_orthogonal_array, list_orthogonal_arrays  # here: it takes a second, and few studies ask for it

    for array in sorted(map(get_orthogonal_array, list_orthogonal_arrays()), key=len):
        array = array.astype(int)
        left, chosen = list(range(array.shape[1])), []
        for size in sizes:
            column = next((j for j in left if len(set(array[:, j])) == size), None) if size > 1 else -1
            if column is None:
                break
            if column >= 0:
                left.remove(column)
            chosen.append(column)
        else:
            rows = [[0 if j < 0 else int(row[j]) for j in chosen] for row in array]
            if _meet_equally(rows, sizes):
                yield len(rows), rows


def _meet_equally(rows: list[list[int]], sizes: list[int]) -> bool:
    """Whether any two levels of two dimensions meet equally often (one of the published arrays is misprinted)."""
    for i, j in itertools.combinations(range(len(sizes)), 2):
        count = Counter((row[i], row[j]) for row in rows)
        if len(count) != sizes[i] * sizes[j] or len(set(count.values())) > 1:
            return False
    return rows[0] == [0] * len(sizes)


def frame(protocols: Iterable[Protocol]) -> pd.DataFrame:
    """The levels of protocols: a row a protocol, by its name, and a column a dimension."""
    protocols = list(protocols)
    names = pd.Index([one.name for one in protocols], name="choices")
    return pd.DataFrame([dict(one.levels) for one in protocols], index=names, dtype=object)  # 3 beside 0.00015 stays 3
