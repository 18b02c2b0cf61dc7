"""Where things are: files that travel with the package, and the folder in which a study is kept.

In a checkout (or `pip install -e`) both are the top-level folders `data/`, `notebooks/`, `reports/`. In a wheel the
read-only files lie inside the package and a study is kept below the working folder.
Environment: LSTMCS_HOME moves the study's folder; LSTMCS_DATA names a folder of data sets, one sub-folder each.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent if (_PACKAGE.parent / "data" / "datasets.toml").is_file() else None

LEFTOVER = ".lstmcs-*.tmp"  # what `whole` calls its files


def shared(*parts: str) -> Path:
    """A file that travels with the package: shared("data", "robo.csv"), shared("notebooks", "01_data.ipynb")."""
    return (_CHECKOUT or _PACKAGE / "shared").joinpath(*parts)


def home() -> Path:
    """The folder that holds records, downloads and reports."""
    return Path(os.environ.get("LSTMCS_HOME") or _CHECKOUT or Path.cwd()).expanduser().resolve()


def records_dir() -> Path:
    """Run records, one file a fold."""
    return home() / "data" / "records"


def downloads_dir() -> Path:
    """Downloaded data sets."""
    return home() / "data" / "downloads"


def reports_dir() -> Path:
    """Rendered reports and the tables behind them."""
    return home() / "reports"


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A name beside `target` to write to: it becomes `target` when the block ends well, and is removed otherwise.

    The name is nobody else's, so that two processes may write one file at once; a killed one leaves a file LEFTOVER.
    """
    temporary = Path(target).with_name(f".lstmcs-{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def local_datasets() -> Path | None:
    """LSTMCS_DATA, or None. Raises ValueError when it is set but names no folder."""
    value = os.environ.get("LSTMCS_DATA")
    if not value:
        return None
    folder = Path(value).expanduser().resolve()
    if not folder.is_dir():
        raise ValueError(f"LSTMCS_DATA names no folder: {value!r}")
    return folder
