"""Files from outside: only plain ones are read, and none beyond a size that is said beforehand."""

import os
import stat
import sys
from pathlib import Path

from .errors import visible

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_OTHERS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode), "a device"),
)


class NotPlain(OSError):
    """What is at a path is no plain file, or too large a one."""

    def __init__(self, what: str):
        super().__init__(what)
        self.strerror = what


def check(path: str | Path, limit: int | None = None) -> os.stat_result:
    """What the system says of the plain file that `path` names or leads to, of at most `limit` bytes. Raises OSError: NotPlain for
    a folder, a pipe, a device or a larger file, which are not opened."""
    about = os.stat(path)
    if not stat.S_ISREG(about.st_mode):
        raise NotPlain(f"it is {next((what for test, what in _OTHERS if test(about.st_mode)), 'something else')}, not a plain file")
    if limit is not None and about.st_size > limit:
        raise NotPlain(f"it has {size(about.st_size)}; at most {size(limit)} are read")
    return about


def read(path: str | Path, limit: int) -> bytes:
    """The bytes of a plain file, `limit` of them at most. Raises OSError, NotPlain."""
    size_now = check(path, limit).st_size
    # opened without waiting: a pipe put there since would wait for a writer
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
        content = up_to(file, limit, piece=size_now + 1)
    if len(content) > limit:
        raise NotPlain(f"it has more than {size(limit)}")
    return content


def toml(path: str | Path, limit: int = 2**20) -> dict:
    """What a TOML file holds. Raises OSError, NotPlain, and ValueError for what is no TOML."""
    try:
        return tomllib.loads(read(path, limit).decode("utf-8"))
    except RecursionError as problem:
        raise ValueError(str(problem)) from None


def up_to(file, limit: int, piece: int = 2**20) -> bytes:
    """What a stream holds, or its first `limit` + 1 bytes. It is asked for a piece at a time: Python sets aside all that it asks for."""
    pieces, left = [], limit + 1
    while left and (found := file.read(min(left, piece))):
        pieces.append(found)
        left -= len(found)
    return b"".join(pieces)


def folder(path: str | Path) -> Path:
    """A folder, made if it is not there. Raises OSError whose strerror says what is in its place."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        place = next(part for part in (Path(path), *Path(path).parents) if os.path.lexists(part))
        what = "a link to a place that is not there" if place.is_symlink() and not place.exists() else "a file, not a folder"
        raise OSError(error.errno, f"{visible(place)} is {what}") from None
    return Path(path)


def size(count: int) -> str:
    """In words: "3 bytes", "40 MB", "2.1 GB"."""
    if count < 1e6:
        return f"{count} bytes"
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"
