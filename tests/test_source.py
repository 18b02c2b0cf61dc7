"""The language of "name?key=value", of data sets and checkpoints; whatever the text, a valid value or the one documented error."""

import os
import string
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstmcs import DataError, load_dataset
from lstmcs.datasets.loading import OPTIONS, Dataset
from lstmcs.datasets.preparation import Preparation
from lstmcs.errors import CheckpointError, InputError, SettingsError
from lstmcs.models import checkpoints
from lstmcs.source import Source, split
from lstmcs.study.plan import Settings

EXAMPLES = int(os.environ.get("LSTMCS_EXAMPLES", 150))  # by hand: 20,000
HARD = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize="LSTMCS_EXAMPLES" not in os.environ
)
ALLOWED = (*OPTIONS, *Preparation.__dataclass_fields__)
#: Any text, half surrogate pairs and NULs included, and texts that look like what is meant.
ANY = st.text(st.characters()) | st.text(st.characters(codec=None, categories=None))
VALUES = ANY | st.sampled_from(
    ["1", "0", "no", "True", "none", "sklearn", "drop", "space", "0.5", "text", "label", "|", "9" * 5000, "{[]}", "%", "%ff", "a%26b"]
)
QUERIES = st.lists(st.tuples(st.sampled_from(ALLOWED) | ANY, VALUES), max_size=5).map(lambda pairs: "&".join(f"{k}={v}" for k, v in pairs))


def texts(name):
    return ANY | QUERIES.map(lambda query: f"{name}?{query}") | st.tuples(ANY, ANY).map(lambda pair: f"{name}?{'?'.join(pair)}")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sets") / "my file.csv"
    pd.DataFrame({"text": [f"word{n} other{n % 3} third" for n in range(12)], "label": list("ab") * 6}).to_csv(path, index=False)
    return path


# === Worked by hand ===


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ("robo", "robo", ()),
        ("my.csv?text=body&label=a&label=b", "my.csv", (("text", "body"), ("label", "a"), ("label", "b"))),
        ("my.csv?separator=%26&text=a+b%2Bc%3D", "my.csv", (("separator", "&"), ("text", "a b+c="))),
        ("my.csv?", "my.csv", ()),
        ("my.csv?text=a&&label=b&", "my.csv", (("text", "a"), ("label", "b"))),
        ("?", "?", ()),
        ("", "", ()),
    ],
)
def test_parts(text, name, options):
    assert Source.read(text, ALLOWED, ("label",)) == Source(name, options)


def test_what_exists_wins(tmp_path, monkeypatch):
    """The longest name that is there; a name is a file's or a folder's."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "a.csv?text=b", "what?"):
        Path(name).touch()
    assert Source.read("a.csv?text=b") == Source("a.csv?text=b")
    assert Source.read("a.csv?text=b?text=c", ("text",)) == Source("a.csv?text=b", (("text", "c"),))
    assert Source.read("a.csv?text=c", ("text",)) == Source("a.csv", (("text", "c"),))
    assert Source.read("what??text=c", ("text",)) == Source("what?", (("text", "c"),))


def test_an_option_is_put(file):
    source = Source("my.csv", (("text", "a b"), ("min_words", "3")))
    assert str(source.put(min_words=1, label="x&y")) == "my.csv?text=a%20b&min_words=1&label=x%26y"
    assert source.values("text") == ["a b"] and source.values("label") == []


@pytest.mark.parametrize(
    ("text", "says"),
    [("a?txt=b", "unknown option 'txt' (did you mean 'text'?)"), ("a?text=", "text= needs a value"), ("a?text=b&text=c", "text= needs one value only"),
     ("a?text", "bad query field 'text'"), ("a\0b", "is no text"), ("a\udcff", "is no text"), ("a?" + "x" * 10_000, "bad query field")],
)  # fmt: skip
def test_what_is_wrong_is_named(text, says):
    with pytest.raises(CheckpointError) as error:
        Source.read(text, ALLOWED, ("label",), CheckpointError)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("hate robo", ["hate", "robo"]), ("hate, robo", ["hate", "robo"]), ("hate|robo", ["hate", "robo"]),
        ("my file.csv", ["my file.csv"]), ("robo my,file.csv hate", ["robo", "my,file.csv", "hate"]), ("gone file.csv", ["gone file.csv"]),
        ("my file.csv?text=a|robo", ["my file.csv?text=a", "robo"]), ("a.csv,b.csv", ["a.csv", "b.csv"]),
        ("my.csv?label=a&separator=||robo", ["my.csv?label=a&separator=|", "robo"]),
        ("hatee robo my.csv", ["hatee", "robo", "my.csv"]), ("two words.csv here robo", ["two words.csv here", "robo"]), (" , ", []), ("", []),
    ],
)  # fmt: skip
def test_names_in_one_text(text, names, tmp_path, monkeypatch):
    """A file that is there wins over spaces and commas, and so does what ends as a file does."""
    monkeypatch.chdir(tmp_path)
    for name in ("my file.csv", "my,file.csv", "two words.csv here"):
        Path(name).touch()
    assert split(text, lambda name: name in ("hate", "robo") or (not set(name) & set(" ,") and name.endswith(".csv"))) == names
    wanted = [name for name in Settings(datasets=text).datasets] if names else []
    assert wanted == names


def test_cells_and_models_are_no_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("none C-1", "lstm tfidf"):
        Path(name).touch()
    assert Settings(alterations="none C-1", models="lstm tfidf").models == ("lstm", "tfidf")


# === Any text ===


@HARD
@given(text=texts("my.csv"))
def test_any_text_is_a_source_or_one_error_and_reads_as_it_prints(text):
    try:
        source = Source.read(text, ALLOWED, ("label",), DataError)
    except DataError:
        return
    again = Source.read(str(source), ALLOWED, ("label",), DataError)
    assert again == source and str(again) == str(source)
    assert str(source.put(text="x y")).endswith("text=x%20y")


@HARD
@given(
    name=st.text(string.ascii_letters + "._/-", min_size=1),
    options=st.dictionaries(st.sampled_from(ALLOWED), st.text(min_size=1), max_size=6),
)
def test_whatever_is_put_is_read_again(name, options):
    source = Source(name).put(**options)
    try:
        again = Source.read(str(source), ALLOWED)
    except InputError as error:  # a NUL is no part of a text
        assert "is no text" in str(error) and any("\0" in value or not value for value in options.values()), error
    else:
        assert again == source


@HARD
@given(data=st.data())
def test_any_text_is_a_data_set_or_one_error(file, data):
    text = data.draw(texts(str(file)))
    try:
        found = load_dataset(text)
    except DataError as error:
        assert str(error)
    else:
        assert isinstance(found, Dataset)
        options = Preparation.of(found.preparation)
        for name, value in found.preparation.items():  # off is off
            if isinstance(getattr(options, name), bool):
                assert getattr(options, name) is (value.lower() in ("true", "yes", "on", "1"))


@HARD
@given(text=texts("all-MiniLM-L6-v2"))
def test_any_text_is_a_checkpoint_or_one_error(text):
    try:
        checkpoints.identity(text)
        training = checkpoints.training(text)
    except CheckpointError as error:
        assert str(error)
    else:
        assert all(checkpoints.OPTIONS[name][1] <= value <= checkpoints.OPTIONS[name][2] for name, value in training.items())


@HARD
@given(text=ANY)
def test_any_text_is_names_of_data_sets_or_one_error(text):
    try:
        names = Settings(datasets=text).datasets
    except SettingsError as error:
        assert "datasets is empty" in str(error)
    else:
        assert all(name and name == name.strip() for name in names)
