"""What a record and a report say of the machine and the software they come from. Imports no TensorFlow."""

import platform
import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

from . import __version__, paths

PACKAGES = ("tensorflow-cpu", "keras", "numpy", "scikit-learn", "pandas")


@lru_cache
def describe() -> dict:
    """Versions, commit (with "+" when files differ from it; None outside a checkout) and platform."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "lstmcs": __version__, "python": platform.python_version(), **found,
        "commit": _commit(), "platform": f"{platform.system()} {platform.machine()}",
    }  # fmt: skip


def _commit() -> str | None:
    def git(*words):
        return subprocess.run(["git", *words], cwd=paths.shared(), capture_output=True, text=True, timeout=10, check=True).stdout

    try:
        if not (paths.shared() / ".git").exists():
            return None
        return git("rev-parse", "--short=10", "HEAD").strip() + ("+" if git("status", "--porcelain").strip() else "")
    except (OSError, subprocess.SubprocessError):
        return None
