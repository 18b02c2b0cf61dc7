"""The process that trains, and what a record says of it. Imports no TensorFlow."""

import os
import platform
import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

import psutil

from . import paths

#: Whatever process imports lstmcs: start-up notes are not for the reader, warnings and errors stay. (oneDNN's note goes
#: only with oneDNN itself, which the compiled loop does not use.)
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "1", "TF_ENABLE_ONEDNN_OPTS": "0"}
#: TensorFlow 2.21: without YNNPACK XLA's tall matrix products are a third faster; 512-bit vectors help the loops.
XLA_FLAGS = "--xla_cpu_experimental_ynn_fusion_type= --xla_cpu_prefer_vector_width=512"
#: A process that trains, before TensorFlow is imported: one thread; malloc keeps its pages from step to step.
TRAINING = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": "536870912",
    "MALLOC_MMAP_THRESHOLD_": "536870912",
}
PACKAGES = ("tensorflow-cpu", "keras", "numpy", "scikit-learn", "pandas", "transformers")


def prepare(training: bool = False) -> dict[str, str]:
    """Set what is not set yet in os.environ, and return it. XLA reads its flags when it first compiles.

    The same flags in every process mean the same bits. An XLA that does not know a flag ends the process, so only the
    TensorFlow and the platform they were tried with get them.
    """
    wanted = QUIET | (TRAINING if training else {})
    tried = (platform.system(), platform.machine()) == ("Linux", "x86_64")
    if tried and any(_version(name).startswith("2.21.") for name in ("tensorflow-cpu", "tensorflow")):
        wanted["XLA_FLAGS"] = XLA_FLAGS
    for name, value in wanted.items():
        os.environ.setdefault(name, value)
    return {name: os.environ[name] for name in wanted}


@lru_cache
def describe() -> dict:
    """Versions, commit (with "+" when files differ from it; None outside a checkout), platform and class of host."""
    from . import __version__

    return {
        "lstmcs": __version__, "python": platform.python_version(), **{p: v for p in PACKAGES if (v := _version(p))},
        "commit": _commit(), "platform": f"{platform.system()} {platform.machine()}", "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "host": host(),
    }  # fmt: skip


def host() -> str:
    """The class of this machine, not its name: processor, cores, memory. Float results may differ in the last bits between classes."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), model)
    except OSError:  # not Linux
        pass
    return f"{model}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _commit() -> str | None:
    def git(*words):
        return subprocess.run(["git", *words], cwd=paths.shared(), capture_output=True, text=True, timeout=10, check=True).stdout

    try:
        if not (paths.shared() / ".git").exists():
            return None
        return git("rev-parse", "--short=10", "HEAD").strip() + ("+" if git("status", "--porcelain").strip() else "")
    except (OSError, subprocess.SubprocessError):
        return None
