"""What can be wrong with the user's input or install, as types, and the hint that every such error ends with.

Each message names the bad value, what is allowed, and the nearest match. In a notebook such an error is one line.
"""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """The user's input cannot be used; the message is written for them."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback: where the package looked is no help to who wrote the input."""
        return [f"{type(self).__name__}: {self}"]


class FormulaError(InputError):
    """A formula or an alteration's name that cannot be used."""


class SettingsError(InputError):
    """An unknown parameter of a study, or a value it cannot take."""


class DataError(InputError):
    """A data set that cannot be found, fetched, read or prepared."""


class CheckpointError(InputError):
    """A checkpoint that is not there, not a BERT, or damaged."""


class RecordError(InputError):
    """A record file that is truncated, edited, foreign or not a record at all."""


class EditionError(InputError):
    """A file that is no edition, or does not hold what is asked of it."""


class SchedulerError(InputError):
    """An address at which no scheduler can be, or none answers."""


class MissingPackage(ImportError):
    """A part of lstmcs whose packages are not installed; the message says what to install."""

    _render_traceback_ = InputError._render_traceback_


class Stopped(RuntimeError):
    """The sweep could not go on: full disk, lost scheduler. What was finished is on record."""


class Diverged(ArithmeticError):
    """The loss or the predictions became NaN or infinite."""


def visible(text: object) -> str:
    """Text in which nothing acts or hides: control, formatting and unassigned characters as escapes (\\x07, \\u202e), white space as a
    space. A name or a message of others must not steer the terminal that shows it."""
    text = str(text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c.isspace() else c.encode("unicode_escape").decode() for c in text)


def missing(error: ModuleNotFoundError, part: str) -> ImportError:
    """What to tell who asked for `part`, a public name or a command, when a package was not found."""
    package = (error.name or "").partition(".")[0]
    if package == "lstmcs":
        return error  # no package of others: a fault of ours
    if package in ("tensorflow", "jax", "torch"):
        help = "a backend of Keras: pip install tensorflow-cpu, or jax or torch with the environment's KERAS_BACKEND=jax or KERAS_BACKEND=torch"
    else:
        help = "pip install lstmcs[study]"
    return MissingPackage(f"{part} needs {help} (no package {package} here)", name=error.name)


def nearest(name: object, known: Iterable[object], cutoff: float = 0.4) -> str:
    """ " (did you mean 'x'?)", or nothing when no known name is near: a part of an error message."""
    by_text, word = {str(item).lower(): str(item) for item in known}, str(name).lower()
    found = difflib.get_close_matches(word, by_text, n=9, cutoff=cutoff)
    # of those as near the one that begins alike: for "max" not softmax but maximum
    found.sort(key=lambda text: (-difflib.SequenceMatcher(None, text, word).ratio(), not text.startswith(word)))
    return f" (did you mean {by_text[found[0]]!r}?)" if found else ""
