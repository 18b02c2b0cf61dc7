"""Environments with lstmcs' light install and one backend of Keras each, for test_backends.py: python tests/backend_venvs.py

They go to .venv-backends/<backend>, or below the folder that LSTMCS_BACKEND_VENVS names; what is there and up to date stays.
Needs nothing but Python. A backend that cannot be installed is said, and left out.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(os.environ.get("LSTMCS_BACKEND_VENVS") or ROOT / ".venv-backends")
#: What each backend is installed by. PyTorch by the version that is small where a build without CUDA is at hand.
BACKENDS = {
    "tensorflow": ["tensorflow-cpu==2.21.*; platform_machine == 'x86_64'", "tensorflow==2.21.*; platform_machine != 'x86_64'"],
    "jax": ["jax>=0.6"],
    "torch": ["torch==2.13.0"],
}
LIMIT = 300  # seconds a backend


def program(backend: str, name: str = "python") -> Path:
    return FOLDER / backend / ("Scripts" if os.name == "nt" else "bin") / name


def prepare(backend: str) -> str:
    """Build the environment of a backend unless it is there: "" or why there is none."""
    made_of = [(ROOT / name).read_text(encoding="utf-8") for name in ("pyproject.toml", "constraints.txt")]
    stamp = FOLDER / backend / "made-of"
    digest = hashlib.sha256("".join([*made_of, *BACKENDS[backend], sys.version]).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest:
        return ""
    shutil.rmtree(FOLDER / backend, ignore_errors=True)
    command = [program(backend), "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", ROOT, *BACKENDS[backend]]
    try:
        venv.create(FOLDER / backend, with_pip=True)
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=LIMIT)
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        return f"{backend} cannot be installed here: {said[-1][:200]}"
    stamp.write_text(digest)
    return ""


if __name__ == "__main__":
    for name in BACKENDS:
        if why := prepare(name):
            print(f"{why}; its tests are skipped")
