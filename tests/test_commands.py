"""A hundred and more random wrong command lines and parameter sets: one clear line, exit code 2, no traceback, nothing written."""

import os
import random
import subprocess
import sys

import pytest

from lstmcs.__main__ import main
from lstmcs.study.sweep import run_study

NUMBERS = ("runs", "folds", "seed", "reseeds", "workers")
WORDS = (
    "",
    " ",
    "quik",
    "1e3",
    "-1",
    "99999999999999999999",
    "ten",
    "None",
    "☃",
    "a\tb",
    "../..",
    "0x10",
    "nan",
    "'; rm",
    "%s%n{}",
    "--",
    "x" * 5000,
)
FORMULAS = ("c =", "c = c *", "q = 1", "c = __import__('os')", "c = c.real", "c = foo(c)", "h = exp(c, h)", "c = lambda: 1", "(" * 300 + "c",
            "c = " + "-" * 5000 + "c", "C-99", "i = c", "pairs-13", "c = 'text'", "c = c if h else o", "c == c", "c = c @ h", "c = \0")  # fmt: skip
FILES = (
    "no.csv",
    "no.parquet?text=a",
    "no.csv?txt=a",
    "no.csv?text=",
    "x.docx",
    "robo?text=a",
    "\0.csv",
    "rob",
    "?",
    "&=",
    "a.csv?text=a&text=b",
)
ADDRESSES = ("localhost", "tcp://", "tcp://h", "http://h:1", "tcp://h:0", "tcp://h:123456", "8786", "tcp:/h:1")
SHARDS = ("0/2", "3/2", "1/0", "a/b", "1", "1/2/3", "-1/2", "1.5/2", "/", "")


def wrong_command(rng):
    """A random command line with one thing wrong, among things that are right."""
    right = rng.sample(
        [["--preset", "smoke"], ["--folds", "1"], ["--seed", "3"], ["--reseeds", "0"], ["--workers", "0"]], rng.randint(0, 3)
    )
    command = rng.choice(["study", "status", "report"])
    wrong = rng.choice(
        [
            lambda: ["--preset", rng.choice(WORDS)],
            lambda: [f"--{rng.choice(NUMBERS)}", rng.choice([w for w in WORDS if w.strip() != "--"])],
            lambda: ["--alterations", rng.choice(FORMULAS)],
            lambda: ["--datasets", rng.choice(FILES)],
            lambda: ["--padding", rng.choice(WORDS)],
            lambda: [rng.choice(["--presett", "--fold", "--Seed", "-p", "--worker=2", "--schedule", "extra", "--no-yes"])],
            lambda: ["--records-dir", __file__],
            lambda: ["--shard", rng.choice(SHARDS)],
            lambda: ["--scheduler", rng.choice(ADDRESSES)],
        ]
    )()
    if wrong[0] in ("--shard", "--scheduler"):
        command = "study"
    options = [*(option for option in right if option[0] != wrong[0]), wrong]  # the last of two would win
    rng.shuffle(options)
    return [command, *(word for option in options for word in option)]


@pytest.mark.parametrize("seed", range(100))
def test_a_wrong_command_line_is_one_clear_line(seed, home, capsys):
    words = wrong_command(random.Random(seed))
    try:
        code = main(words)
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    assert code == 2, (words, out, err)
    assert err.count("\n") == 1 and err.startswith("lstmcs: ") and len(err) < 1000 and "Traceback" not in out + err, (words, err)
    assert not list(home.iterdir()), words


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "required"),
        (["dance"], "invalid choice: 'dance'"),
        (["stdy"], "did you mean 'study'"),
        (["study", "--fold", "2"], "did you mean '--folds'"),
        (["study", "--retry-faild"], "did you mean '--retry-failed'"),
        (["data", "lst"], "did you mean 'list'"),
        (["study", "--shard", "3/2"], "for example 2/5, not '3/2'"),
        (["study", "--scheduler", "localhost"], "such as tcp://127.0.0.1:8786"),
    ],
)
def test_wrong_words_name_the_nearest(words, says, home, capsys):
    with pytest.raises(SystemExit) as stop:
        raise SystemExit(main(words))
    assert stop.value.code == 2 and says in capsys.readouterr().err


VALUES = (None, True, -1, 0.5, float("nan"), 10**30, "", "x", b"x", [], [1], {}, {"a": 1}, (), object(), lambda: 0, "\0", ["\0"], [None])
GOOD = {"preset": ("smoke", "quick"), "datasets": ("robo",), "padding": ("fixed",)}
ALLOWED = {  # values above that are no mistake for a parameter
    "alterations": (None, "", [], (), {}), "runs": (None,), "folds": (None,), "seed": (None,), "datasets": (None,), "reseeds": (None,), "workers": (None,),
    "records_dir": (None, "x", ""), "train": (True,), "scheduler": (None,), "shard": (None,),
}  # fmt: skip


@pytest.mark.parametrize("seed", range(100))
def test_a_wrong_parameter_is_a_value_error_that_names_it(seed, home):
    rng = random.Random(seed)
    name = rng.choice(["preset", "padding", *ALLOWED, "epochz"])
    value = rng.choice([v for v in VALUES if not any(v is a or (type(v) is type(a) and v == a) for a in ALLOWED.get(name, ()))])
    others = {k: rng.choice(v) for k, v in GOOD.items() if k != name} | {"workers": 0, "folds": 1, "train": False}
    with pytest.raises(ValueError) as error:
        run_study(**others | {name: value})
    assert 0 < len(str(error.value)) < 1000


# === Where the output goes ===


def started(*words, **more):
    """`python -m lstmcs` as a shell starts it."""
    return subprocess.Popen([sys.executable, "-m", "lstmcs", *words], stderr=subprocess.PIPE, **more)


@pytest.mark.parametrize(
    ("command", "unbuffered"),
    [
        (("data", "list"), ""),
        (("data", "list"), "1"),
        (("status", "--preset", "smoke"), ""),
        (("study", "--preset", "smoke", "--workers", "0"), ""),
    ],
)
def test_output_that_nobody_reads_ends_quietly(command, unbuffered, home):
    """As behind `| head -0`: the reader has gone before anything is written."""
    with started(*command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONUNBUFFERED": unbuffered}) as process:
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait(60) == 141
    assert not list(home.iterdir())


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_cannot_be_written_is_one_line(unbuffered):
    with (
        open("/dev/full", "wb") as full,
        started("data", "list", stdout=full, env=os.environ | {"PYTHONUNBUFFERED": unbuffered}) as process,
    ):
        assert process.stderr.read() == b"lstmcs: the output cannot be written: No space left on device\n" and process.wait(60) == 1


def test_names_that_the_terminal_cannot_show_are_escaped(tmp_path):
    """Emoji and CJK as classes, a file name and a note on a terminal of ASCII; the words before and after them are there."""
    path = tmp_path / "gefühle😀.csv"
    rows = [f"robots lift heavy boxes number{n} here,{'😀悲'[n % 2]}" for n in range(12)]
    path.write_text("text,label\n" + "\n".join(rows) + "\nthe of,rare😀\n", encoding="utf-8")
    with started("data", "show", str(path), stdout=subprocess.PIPE, env=os.environ | {"PYTHONIOENCODING": "ascii"}) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and err == b""
    assert rb"gef\xfchle\U0001f600.csv" in out and rb"classes without a prepared document: rare\U0001f600" in out
