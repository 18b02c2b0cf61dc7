"""Where a study is kept, and the process that trains it: folders, versions, flags. Imports no TensorFlow.

In a checkout (or `pip install -e`) both are the top-level folders `data/`, `notebooks/`, `reports/`. In a wheel the
read-only files lie inside the package and a study is kept below the working folder.
Environment: LSTMCS_HOME moves the study's folder; LSTMCS_DATA names a folder of data sets, one sub-folder each; LSTMCS_COMMIT
says which commit a copy without a .git folder is of; LSTMCS_COMPILED says where compiled programs are kept.

Importing the package changes nothing in a process. `prepare` does, and only a study, its workers, the command line and the
notebooks call it.
"""

import hashlib
import json
import os
import platform
import subprocess
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ._version import __version__

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent if (_PACKAGE.parent / "data" / "datasets.toml").is_file() else None

LEFTOVER = ".lstmcs-*.tmp"  # what `whole` calls its files


def shared(*parts: str) -> Path:
    """A file that travels with the package: shared("data", "robo.csv"), shared("notebooks", "01_data.ipynb")."""
    return (_CHECKOUT or _PACKAGE / "shared").joinpath(*parts)


def home() -> Path:
    """The folder that holds records, downloads and reports. Raises ValueError where LSTMCS_HOME can name none."""
    return _named("LSTMCS_HOME") or (_CHECKOUT or Path.cwd()).resolve()


def _named(variable: str) -> Path | None:
    """The path that a variable of the environment names, if it is set. Raises ValueError for the home of nobody and the like."""
    value = os.environ.get(variable)
    try:
        return Path(value).expanduser().resolve() if value else None
    except (OSError, RuntimeError):
        raise ValueError(f"{variable} names no folder: {value!r}") from None


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


def clear(paths: Iterable[Path], older_than: float) -> int:
    """Remove those of the files that nobody has written to for so many seconds; how many."""
    removed = 0
    for path in paths:
        with suppress(OSError):  # gone meanwhile, or not ours to remove
            if time.time() - path.stat().st_mtime > older_than:
                path.unlink()
                removed += 1
    return removed


def local_datasets() -> Path | None:
    """LSTMCS_DATA, or None. Raises ValueError when it is set but names no folder."""
    folder = _named("LSTMCS_DATA")
    if folder and not folder.is_dir():
        raise ValueError(f"LSTMCS_DATA names no folder: {os.environ['LSTMCS_DATA']!r}")
    return folder


#: Every process of a study: start-up notes are not for the reader, warnings and errors stay. (oneDNN's note goes
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
PACKAGES = ("tensorflow-cpu", "jax", "keras", "numpy", "scikit-learn", "pandas", "transformers")


#: JAX: the same bits twice on one device, nearly all of its memory for one process, and every program kept.
JAX = {
    "KERAS_BACKEND": "jax",
    "XLA_FLAGS": "--xla_gpu_deterministic_ops=true",
    "XLA_PYTHON_CLIENT_MEM_FRACTION": "0.92",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "TF_CPP_MIN_LOG_LEVEL": "2",
}


def prepare(training: bool = False, engine: str = "tensorflow") -> dict[str, str]:
    """Set what is not set yet in os.environ, and return it. XLA reads its flags when it first compiles.

    training: this process, or those that inherit its environment, will train. engine: "tensorflow" or "jax".
    The same flags in every process of a study mean the same bits. An XLA that does not know a flag ends the process, so only the
    TensorFlow and the platform they were tried with get them.
    """
    folder = compiled_dir() if training else None
    if training and engine == "jax":
        if os.environ.get("XLA_FLAGS") == XLA_FLAGS:  # set here, for the other engine; another XLA may not know them
            del os.environ["XLA_FLAGS"]
        wanted = JAX | ({"JAX_COMPILATION_CACHE_DIR": str(folder)} if folder else {})
    else:
        wanted = QUIET | (TRAINING if training else {})
        tried = (platform.system(), platform.machine()) == ("Linux", "x86_64") and os.environ.get(
            "KERAS_BACKEND", "tensorflow"
        ) == "tensorflow"
        if tried and any(_version(name).startswith("2.21.") for name in ("tensorflow-cpu", "tensorflow")):
            wanted["XLA_FLAGS"] = XLA_FLAGS
            if folder:
                if os.environ.get("TF_CPP_MIN_LOG_LEVEL") in (None, QUIET["TF_CPP_MIN_LOG_LEVEL"]):
                    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # each program read from there is greeted with three harmless error lines
                wanted["TF_XLA_FLAGS"] = f"--tf_xla_persistent_cache_directory={folder} --tf_xla_persistent_cache_device_types=CPU"
    for name, value in wanted.items():
        os.environ.setdefault(name, value)
    return {name: os.environ[name] for name in wanted}


def compiled_dir() -> Path | None:
    """Where compiled programs are kept from one process to the next, so that a cell is compiled once a machine; None for nowhere.

    The folder goes by versions and kind of processor, since a program of another one may end the process. LSTMCS_COMPILED names
    another place than the user's cache folder, or is "off".
    """
    place = os.environ.get("LSTMCS_COMPILED", "")
    if place.lower() == "off":
        return None
    about = json.dumps([_version("tensorflow-cpu") or _version("tensorflow"), _version("jax"), _processor()])
    try:
        root = Path(place or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lstmcs").expanduser()
        folder = root / hashlib.sha256(about.encode()).hexdigest()[:12]
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # a home that cannot be written to, or none at all
        return None
    return folder if os.access(folder, os.W_OK) and " " not in str(folder) else None


@lru_cache
def _processor() -> str:
    """Model and instructions of the processor."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            lines = (line.split(":", 1) for line in file if line.startswith(("model name", "flags")))
            return json.dumps(sorted({key.strip(): value.strip() for key, value in lines}.items()))
    except OSError:  # not Linux
        return f"{platform.machine()} {platform.processor()}"


@lru_cache
def describe() -> dict:
    """Versions, commit (with "+" when files differ from it; None outside a checkout), platform and class of host."""
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
    import psutil  # here: a layer alone does without

    return f"{model}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _commit() -> str | None:
    def git(*words):
        return subprocess.run(["git", *words], cwd=shared(), capture_output=True, text=True, timeout=10, check=True).stdout

    try:
        if not (shared() / ".git").exists():
            return os.environ.get("LSTMCS_COMMIT") or None
        return git("rev-parse", "--short=10", "HEAD").strip() + ("+" if git("status", "--porcelain").strip() else "")
    except (OSError, subprocess.SubprocessError):
        return None
