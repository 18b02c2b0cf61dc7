"""A record: what became of one fold, as plain values. What it must hold, the row of results it gives, its curve and its predictions.

Where its text lies, in a file of its own (study/records.py) or in a row of an edition (study/archive.py), is no matter here. Its shape
is checked in `check` and nowhere else: all that reads a record may rely on it. JSON has no NaN and no infinity: where a number is
neither finite nor needed, null stands for it, and is NaN again when the record is read.
"""

import base64
import json
import math
import zlib
from collections.abc import Iterable, Mapping
from itertools import chain
from operator import itemgetter, lt

import numpy as np
import pandas as pd

from . import metrics
from .errors import Diverged, RecordError
from .fold import Fold, cell_of

SCORES = (*metrics.METRICS, "loss")
_FOLD = ["dataset", "model", "alteration", "formula", "run", "fold", "seed"]
READ = ["epoch", *SCORES, *(f"val_{name}" for name in SCORES)]  # what a rule decides
#: What a record says in numbers beside its scores.
NUMBERS = ["epochs", "train_rows", "test_rows", "train_seconds", "seconds_per_epoch", "compile_seconds", "parameters", "largest_c"]
#: Of no meaning where other work had a share of the card, or of the processors.
_TIMES = ("train_seconds", "seconds_per_epoch", "compile_seconds")
_ABOUT = [*NUMBERS, "engine", "device", "loop", "failure", "error", "key", "commit", "protocol"]
#: A row of the results; see `frame`.
COLUMNS = [*_FOLD, "state", *READ, *_ABOUT]
#: What no rule changes of a row.
COMMON = [*_FOLD, "state", *_ABOUT]
#: A row of the curves: a fold and epoch.
CURVE = [*_FOLD, "state", "epoch", "loss", *(f"{part}_{name}" for part in ("val", "test") for name in SCORES)]
_SCORED = [*(f"test_{name}" for name in SCORES), *(f"val_{name}" for name in SCORES)]  # an epoch's names of READ

#: What a record must hold, and of which type; all else may be missing.
_SHAPE = {"config": dict, "state": str, "key": str, "protocol": int, "env": dict}
_OPTIONAL = {"scores": dict, "curve": list, "health": dict, "cost": dict, "error": dict}
#: Scores of a training that diverged where its record has none (protocol 1 kept no accuracy of the all-zero answer).
NOTHING_SAID = {name: 0.0 for name in metrics.METRICS if name != "accuracy"}
_LARGEST = 2**53  # a whole number that is a float as well
#: Predictions, as they are stored: kind of number and axes.
_ARRAYS = {"rows": ("iu", 1), "labels": ("u", 2), "epochs": ("i", 1), "probabilities": ("f", 3)}
_MOST = 2**31  # bytes of one of them


def check(head: object) -> Fold:
    """The fold of a record, under whose key it is. Raises RecordError that names what is wrong; null numbers of `head` become NaN."""
    if type(head) is not dict:
        raise RecordError("a record is an object")
    for name, kind in _SHAPE.items():
        if name not in head:
            raise RecordError(f"the record has no {name!r}")
        if type(head[name]) is not kind:
            raise RecordError(f"the record's {name!r} is no {kind.__name__}")
    for name, kind in _OPTIONAL.items():
        if name in head and type(head[name]) is not kind:
            raise RecordError(f"the record's {name!r} is no {kind.__name__}")
    if head["state"] not in ("done", "failed"):
        raise RecordError(f"the record's state is {head['state'][:40]!r}, neither done nor failed")
    if head["state"] == "done" and "error" in head:
        raise RecordError("the record is done, and has an error")
    for part in head.get("scores", {}).values():
        if type(part) is not dict or not numbers(_without_null(part).values()):
            raise RecordError("the record's 'scores' are no numbers")
    for part in ("health", "cost"):
        about = {name: value for name, value in _without_null(head.get(part, {})).items() if name in NUMBERS}
        if not numbers(about.values()):
            raise RecordError(f"the record's {part!r} are no numbers")
    texts = [(name, head["env"]) for name in ("engine", "device", "precision", "loop", "commit")]
    for name, of in [*texts, *((name, head.get("error", {})) for name in ("message", "type"))]:
        if not isinstance(text := of.get(name), str | None):
            raise RecordError(f"the record's {name!r} is no text")
        if text and not text.isascii():  # half of a pair of surrogates, as a message about a file's name may have, is no text
            of[name] = text.encode("utf-8", "backslashreplace").decode()
    if not isinstance(head["env"].get("shared", False), bool):
        raise RecordError("the record's 'shared' is neither true nor false")
    if not _is_curve(head.get("curve", [])):
        raise RecordError("the record's 'curve' is no list of epochs with numbers")
    if (fold := Fold.of(head["config"], head["protocol"])).key != head["key"]:
        raise RecordError(f"its key does not match its configuration, which is that of {fold.label}")
    return fold


def numbers(values: Iterable) -> bool:
    """Whether all are floats, or whole numbers that are floats as well."""
    return all(type(value) is float or (type(value) is int and -_LARGEST <= value <= _LARGEST) for value in values)


def _without_null(values: dict) -> dict:
    """The same dict, with NaN for null where it may hold a number."""
    for name, value in values.items():
        if value is None:
            values[name] = math.nan
    return values


def _is_curve(curve: list) -> bool:
    """Whether it is a list of dicts of numbers whose epochs ascend; null becomes NaN. (40 epochs have 480 numbers: few steps in Python.)"""
    try:
        kinds = list(map(type, chain.from_iterable(map(dict.values, curve))))
        epochs = list(map(itemgetter("epoch"), curve))
        if kinds.count(float) + len(epochs) < len(kinds):  # more than the epochs is no float
            if not numbers(value for at in curve for value in _without_null(at).values()):
                return False
    except (TypeError, KeyError):
        return False
    return set(map(type, epochs)) <= {int} and all(map(lt, [0, *epochs], epochs)) and (not epochs or epochs[-1] <= _LARGEST)


def common(head: dict) -> list:
    """What no rule changes of a record's row, in the order of COMMON."""
    env = head["env"]
    unknown = dict.fromkeys(_TIMES, math.nan) if env.get("shared") else {}
    values = {
        **head.get("cost", {}), **unknown, **head.get("health", {}), "engine": _engine(env), **{name: env.get(name) for name in ("device", "loop", "commit")},
        "failure": head.get("error", {}).get("type"), "error": head.get("error", {}).get("message"), **_of_fold(head), "key": head["key"], "protocol": head["protocol"],
    }  # fmt: skip
    return [values.get(column, math.nan) for column in COMMON]


def _engine(env: dict) -> str | None:
    """What trained a network: "tensorflow", "jax" or "jax-tf32". Where a record with a time loop names none it was TensorFlow."""
    name = env.get("engine") or ("tensorflow" if env.get("loop") else None)
    return f"{name}-tf32" if name and env.get("precision") == "tensorfloat32" else name


def read(head: dict, epoch: int | None) -> list:
    """What is read of a record at an epoch, in the order of READ."""
    at = next((at for at in head["curve"] if at["epoch"] == epoch), {}) if epoch is not None else {}
    if head.get("error", {}).get("type") == Diverged.__name__:
        at = {f"test_{name}": value for name, value in (NOTHING_SAID | head.get("scores", {}).get("test", {})).items()}
    elif head["state"] != "done":
        at = {}
    elif head["protocol"] == 1 and at:
        at = at | {f"test_{name}": value for name, value in head.get("scores", {}).get("test", {}).items()}
    return [math.nan if epoch is None else epoch, *(at.get(name, math.nan) for name in _SCORED)]


def _of_fold(head: dict) -> dict:
    config = head["config"]
    cell = cell_of(config["alteration"], config.get("repeat" if head["protocol"] == 1 else "reseed", 0))
    named = {name: config[name] for name in ("dataset", "model", "run", "fold")}
    return named | {"alteration": cell, "formula": config["alteration"], "seed": config.get("seed", 0), "state": head["state"]}


def frame(rows: Iterable[dict]) -> pd.DataFrame:
    """Rows as the tidy frame that every statistic takes; an empty one has the same columns.

    dataset, model, alteration ("reseed-1": the unaltered cell with other seeds), formula, run, fold, seed, state, epoch (which is
    read), the scores on test and validation at that epoch (fractions), epochs (trained), rows, seconds (NaN where the card or
    the processors were shared with other work), parameters, largest |c|, engine ("tensorflow", "jax" or "jax-tf32"; none of what is
    no network), device (of JAX), loop (over time: "readable", "fast", or "kernel", the fast one as one kernel of a card), failure (the
    kind of error; "Diverged" by the cell), error, key, commit, protocol.
    """
    found = pd.DataFrame(list(rows), columns=COLUMNS)
    return found.sort_values(["dataset", "model", "run", "fold"], kind="stable", ignore_index=True)


def curve_frame(heads: Iterable[dict]) -> pd.DataFrame:
    """The curves of records, a row a fold and epoch: columns CURVE, scores as fractions."""
    rows = [
        {**at, **about}
        for head in heads for about in [_of_fold(head)] for at in head.get("curve", [])
    ]  # fmt: skip
    found = pd.DataFrame(rows, columns=CURVE)
    return found.sort_values(["dataset", "model", "run", "fold"], kind="stable", ignore_index=True)


def line(head: dict, sort: bool = False) -> str:
    """A record as one line of JSON that any reader takes: null stands for NaN and infinities. sort: the keys."""
    try:
        return json.dumps(head, allow_nan=False, sort_keys=sort)
    except ValueError:
        return json.dumps(_finite(head), allow_nan=False, sort_keys=sort)


def _finite(value):
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def pack(arrays: Mapping[str, np.ndarray]) -> str:
    """Test predictions as one line of JSON."""
    return json.dumps({
        name: {"dtype": array.dtype.str, "shape": array.shape,
               "data": base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes())).decode()}
        for name, array in arrays.items()
    })  # fmt: skip


def unpack(body: bytes) -> dict[str, np.ndarray]:
    """Test predictions as `pack` wrote them, none or all four. Raises RecordError for anything else."""
    try:
        arrays = {name: _array(packed, *_ARRAYS[name]) for name, packed in json.loads(body).items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, zlib.error) as error:
        raise RecordError(f"the predictions are none ({type(error).__name__}: {str(error)[:80]})") from None
    if arrays and (set(arrays) != set(_ARRAYS) or not _belong_together(**arrays)):
        raise RecordError("the predictions' rows, labels, epochs and probabilities do not belong together")
    return arrays


def _array(packed: dict, kinds: str, axes: int) -> np.ndarray:
    dtype, shape = np.dtype(str(packed["dtype"])), packed["shape"]
    if dtype.kind not in kinds or len(shape) != axes or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"{dtype} with shape {shape}")
    size = math.prod(shape) * dtype.itemsize
    if size > _MOST:
        raise ValueError(f"{size} bytes")
    data = zlib.decompressobj().decompress(base64.b64decode(packed["data"]), size + 1)  # no more of it than it may hold
    return np.frombuffer(data, dtype).reshape(shape)


def _belong_together(rows: np.ndarray, labels: np.ndarray, epochs: np.ndarray, probabilities: np.ndarray) -> bool:
    if not len(epochs) == len(probabilities) or not len(rows) == len(labels) == probabilities.shape[1]:
        return False
    return (not len(epochs) or probabilities.shape[2] == labels.shape[1]) and bool((labels <= 1).all())


def at_epoch(arrays: dict[str, np.ndarray], epoch: int | None) -> dict[str, np.ndarray]:
    """Stored predictions at one epoch: rows, labels, probabilities. Raises RecordError where none are kept of it."""
    kept = list(arrays.get("epochs", ()))
    if epoch not in kept:
        known = f"; they are of epoch {', '.join(map(str, kept))}" if kept else ""
        raise RecordError(f"no predictions of epoch {epoch} are on record{known}")
    return {"rows": arrays["rows"], "labels": arrays["labels"], "probabilities": arrays["probabilities"][kept.index(epoch)]}
