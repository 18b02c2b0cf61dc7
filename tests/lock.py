"""Writes constraints.txt: the exact versions that `[dev]` brings, for every Python of pyproject.toml.

    python tests/lock.py python3.10 python3.11 python3.12 python3.13

Each interpreter's pip resolves and installs nothing. Give the oldest patch release of each that is in use (Debian 12 has 3.11.2): a
newer one may take packages that the older cannot have. Packages that only other platforms than this one need are not in it, and stay free.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
HEAD = """\
# What [dev] brings, to the version, on Linux x86_64 and each Python: `pip install -c constraints.txt -e ".[dev]"`, as make does.
# Written by tests/lock.py. PyTorch is not in it.
"""
#: TensorFlow has another name on ARM, where this was not resolved.
ELSEWHERE = {"tensorflow": "tensorflow-cpu"}


def resolved(python: str) -> tuple[str, dict[str, str]]:
    """(its version, package -> version) of what an interpreter's pip would install."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [python, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", str(report), ".[dev]"]
        subprocess.run(command, cwd=ROOT, check=True)
        found = json.loads(report.read_text(encoding="utf-8"))
    packages = {canonicalize_name(item["metadata"]["name"]): item["metadata"]["version"] for item in found["install"]}
    del packages["lstmcs"]
    return found["environment"]["python_version"], packages


def lines(by_python: dict[str, dict[str, str]]) -> list[str]:
    """A line a package, or several with markers where versions differ."""
    pythons = sorted(by_python, key=lambda version: [int(part) for part in version.split(".")])
    for packages in by_python.values():
        packages |= {name: packages[other] for name, other in ELSEWHERE.items()}
    found = []
    for name in sorted(set().union(*by_python.values())):
        runs = []  # (version, first Python that has it)
        for python in pythons:
            version = by_python[python].get(name)
            if version and (not runs or runs[-1][0] != version):
                runs.append((version, python))
        for (version, first), (_, after) in zip(runs, [*runs[1:], (None, None)]):
            bounds = [f"python_version >= '{first}'"] * (first != runs[0][1]) + [f"python_version < '{after}'"] * bool(after)
            found.append(f"{name}=={version}" + (f"; {' and '.join(bounds)}" if bounds else ""))
    return found


if __name__ == "__main__":
    locked = lines(dict(map(resolved, sys.argv[1:])))
    (ROOT / "constraints.txt").write_text(HEAD + "\n".join(locked) + "\n", encoding="utf-8")
