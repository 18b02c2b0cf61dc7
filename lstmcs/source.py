"""What data sets and checkpoints are called: a name or a path, and options behind it, "my.csv?text=body&label=tag".

Options are written as in a web address: parted by &, and what would be a sign of the language (& # + % and the like) as %26,
%23 and so on; + is a space. A path may hold a "?": what exists under the longest such name is meant.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote_plus

from .errors import InputError, nearest

_SIGNS = re.compile(r"[%&#+=?|\x00-\x20\x7f]")


@dataclass(frozen=True)
class Source:
    """name: of a registered set or a hub's checkpoint, or a path. options: (option, value) in their order, decoded."""

    name: str
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, text: str, allowed: Iterable[str] = (), several: Iterable[str] = (), error: type[InputError] = InputError) -> "Source":
        """`text` in parts. allowed: the options there are; several: those that may be given more than once. Raises `error`."""
        if any("\ud800" <= sign <= "\udfff" for sign in text) or "\0" in text:
            raise error(f"{text!r} is no text: it holds a byte or half a character that no name can have")
        places = [len(text), *(place for place in reversed(range(1, len(text))) if text[place] == "?")]
        end = next((place for place in places if exists(text[:place])), text.find("?", 1) if "?" in text[1:] else len(text))
        source = cls(text[:end], tuple(_option(field, text, error) for field in text[end + 1 :].split("&") if field))
        source._check(text, tuple(allowed), tuple(several), error)
        return source

    def _check(self, text: str, allowed: tuple[str, ...], several: tuple[str, ...], error: type[InputError]) -> None:
        names = [name for name, _ in self.options]
        for name, value in self.options:
            if name not in allowed:
                raise error(f"in {shown(text)}: unknown option {name!r}{nearest(name, allowed)}; allowed: {', '.join(allowed)}")
            if not value:
                raise error(f"in {shown(text)}: {name}= needs a value")
            if names.count(name) > 1 and name not in several:
                raise error(f"in {shown(text)}: {name}= needs one value only")

    def __str__(self) -> str:
        query = "&".join(f"{_quote(name)}={_quote(value)}" for name, value in self.options)
        return f"{self.name}?{query}" if query else self.name

    def values(self, option: str) -> list[str]:
        """All that is given for `option`, in order."""
        return [value for name, value in self.options if name == option]

    def put(self, **options: object) -> "Source":
        """The same with these options set, each to one value."""
        kept = tuple((name, value) for name, value in self.options if name not in options)
        return replace(self, options=kept + tuple((name, str(value)) for name, value in options.items()))


def split(text: str, known: Callable[[str], bool] | None = None) -> list[str]:
    """The names in one text: parted by spaces or commas, or by | where one of them has = or ?.

    The | of "my.csv?label=tags&separator=|" parts nothing. known: where names may be of files, whether some words are a name. Then a space
    or a comma parts nothing inside the name of a file that is there, nor before the ending of a file: "my file.csv" is one name, there or not.
    """
    if known and exists(text.strip()):
        return [text.strip()]
    if any(sign in text for sign in "=|?"):
        return re.split(r"(?<!separator=)\|", text)
    words, found = list(re.finditer(r"[^\s,]+", text)), []
    while words:
        count = _words_of_a_name(text, words, known) if known else 1
        found.append(text[words[0].start() : words[count - 1].end()])
        words = words[count:]
    return found


def _words_of_a_name(text: str, words: list[re.Match], known: Callable[[str], bool]) -> int:
    """How many of the words are the first name."""
    for count in range(len(words), 1, -1):
        if exists(name := text[words[0].start() : words[count - 1].end()]) or known(name):
            return count
    place = next((place for place, word in enumerate(words) if known(word[0])), 0)
    return place + 1 if Path(words[place][0]).suffix else 1


def exists(path: str) -> bool:
    """Whether a path is there; what no path can be is not."""
    try:
        return bool(path) and Path(path).expanduser().exists()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, the home of nobody
        return False


def shown(text: str, width: int = 120) -> str:
    """A source in quotes, its middle left out where it is long."""
    return repr(text if len(text) <= width else f"{text[: width // 2]} ... {text[-width // 3 :]}")


def _option(field: str, text: str, error: type[InputError]) -> tuple[str, str]:
    name, sign, value = field.partition("=")
    if not sign:
        raise error(f"in {shown(text)}: bad query field {field!r}: an option is name=value")
    return unquote_plus(name), unquote_plus(value)


def _quote(text: str) -> str:
    return _SIGNS.sub(lambda sign: f"%{ord(sign[0]):02X}", text)
