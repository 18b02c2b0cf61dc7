"""The frames behind the data report, on a small set whose figures are worked out by hand, and `data check`."""

import re
import unicodedata

import numpy as np
import pandas as pd
import pytest

from lstmcs import environment, load_dataset
from lstmcs.__main__ import main
from lstmcs.datasets import describe, registry
from lstmcs.datasets.loading import Dataset
from lstmcs.datasets.preparation import Preparation
from lstmcs.datasets.preprocess import prepare
from lstmcs.paper import tables
from lstmcs.report import show

HOSTILE = "<script>alert(1)</script> $\\frac{1}{0}$ \x07\u202e" + "x" * 100_000


@pytest.fixture
def prepared():
    """Five documents, three classes, the third class lost with the only text of stop words."""
    texts = ("The red robot", "a blue robot arm", "the of", "red robot", HOSTILE + " robot arm")
    labels = np.eye(3, dtype=np.uint8)[[0, 1, 2, 0, 1]]
    options = Preparation(stop_words="nltk", punctuation="space", min_words=1, min_tokens=1, min_documents=1, min_letters=1)
    return prepare(Dataset("small", texts, labels, ("a", "b", "<i>c</i>")), options)


def test_class_balance(prepared):
    frame = describe.class_balance(prepared)
    assert (
        frame["class"].tolist() == ["a", "b", "<i>c</i>"]
        and frame["original"].tolist() == [2, 2, 1]
        and frame["prepared"].tolist() == [2, 2, 0]
    )
    assert frame["original_share"].tolist() == [0.4, 0.4, 0.2] and frame["prepared_share"].tolist() == [0.5, 0.5, 0.0]


def test_lengths_and_growth(prepared):
    lengths = describe.lengths(prepared)
    original = lengths[lengths["stage"] == "original"]
    assert dict(zip(original["length"], original["documents"])) == {2: 2, 3: 1, 4: 1, 5: 1}
    after = lengths[lengths["stage"] == "prepared"]
    assert after["documents"].sum() == 4 and after["length"].max() == prepared.max_len
    growth = describe.vocabulary_growth(prepared)
    original = growth[growth["stage"] == "original"]
    assert original[["documents", "tokens", "distinct"]].values.tolist() == [[1, 3, 3], [2, 7, 6], [3, 9, 8], [4, 11, 8], [5, 16, 11]]
    assert growth.iloc[-1]["distinct"] == len(prepared.vocabulary) and len(describe.vocabulary_growth(prepared, points=2)) == 4


def test_examples_show_every_step_and_nothing_in_them_acts(prepared):
    frame = describe.examples(prepared, count=5)
    assert frame["document"].unique().tolist() == [0, 1, 2, 3, 4]
    first = frame[frame["document"] == 0].set_index("step")["text"]
    assert first["original"] == "The red robot" and first["lower case"] == "the red robot" and first["prepared"] == "red robot"
    assert frame[frame["document"] == 2]["text"].iloc[-1] == "(dropped)"
    assert all(text.isprintable() and len(text) <= 160 for text in frame["text"])
    page = show.table(frame, "examples", index=False).data
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page and "mathjax_ignore" in page and len(page) < 20_000
    assert "<i>c</i>" not in show.table(describe.class_balance(prepared), "classes").data


def test_sources_and_options(prepared):
    frame = describe.sources()
    assert set(tables.table_2()["dataset"]) <= set(frame["dataset"]) and (frame["licence"] != "").all()
    assert set(describe.options(prepared)["option"]) == set(Preparation.__dataclass_fields__)


def test_check_without_any_data(home, monkeypatch, capsys):
    """Only the bundled set is at hand; that is no error, a missing set that was asked for by name is."""
    monkeypatch.delenv("LSTMCS_DATA", raising=False)
    assert main(["data", "check"]) == 0
    out = capsys.readouterr().out
    assert "1 right, 0 wrong" in out and out.count("not at hand") >= 9
    assert "documents 5647" not in out  # a set that is not at hand has no counts to differ from Table 2's
    assert main(["data", "check", "robo"]) == 0 and main(["data", "check", "hate"]) == 1
    assert main(["data", "check", "hatee"]) == 2 and "did you mean 'hate'?" in capsys.readouterr().err


def test_check_downloads_nothing_for_a_damaged_file(home, monkeypatch, capsys):
    monkeypatch.delenv("LSTMCS_DATA", raising=False)
    monkeypatch.setattr("pooch.HTTPDownloader", lambda **_: pytest.fail("a download"))
    entry = registry.entries()["hate"]
    damaged = home / "data" / "downloads" / "hate" / entry["file"]
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"half of i")
    assert main(["data", "check", "hate"]) == 1
    assert "WRONG: hate" in (out := capsys.readouterr().out) and "is not the expected file" in out and damaged.read_bytes() == b"half of i"


@pytest.mark.parametrize("wrong", ["content", "counts", "kind"])
def test_check_finds_a_wrong_set(wrong, home, monkeypatch, tmp_path, capsys):
    entry = registry.entries()["robo"] | {"bundled": False}
    text = environment.shared("data", "robo.csv").read_text(encoding="utf-8")
    if wrong == "counts":
        entry = entry | {"counts": entry["counts"] | {"tokens": 471}}
    if wrong == "kind":
        entry = entry | {"kind": "multi-label"}
    (tmp_path / "sets" / "robo").mkdir(parents=True)
    (tmp_path / "sets" / "robo" / "robo.csv").write_text(text + "one more,ask\n" * (wrong == "content"), encoding="utf-8", newline="")
    monkeypatch.setenv("LSTMCS_DATA", str(tmp_path / "sets"))
    for place in ("describe.registered", "loading.registered", "registry.entries"):
        monkeypatch.setattr(f"lstmcs.datasets.{place}", lambda: {"robo": entry})
    assert main(["data", "check"]) == 1
    says = {"content": "is not the expected file", "counts": "tokens is 470, should be 471", "kind": "its entry says multi-label"}[wrong]
    out = capsys.readouterr().out
    assert says in out and "WRONG: robo" in out and "0 right, 1 wrong" in out


@pytest.mark.real_data
def test_check_verifies_the_real_sets(capsys):
    """Six of the paper's sets but for ag's training part, whose file may not be at hand."""
    frame = describe.check().set_index("dataset")
    assert frame.loc[["mlma", "semeval", "hasoc", "hate", "crowd", "ag-test", "robo"], "state"].eq("right").all()
    assert not frame["state"].eq("wrong").any()
    assert main(["data", "check"]) == 0
    assert isinstance(frame, pd.DataFrame)


def shown(tmp_path, capsys, rows, query=""):
    """Notes of `data show` on a file of these rows."""
    path = tmp_path / "my.csv"
    pd.DataFrame(rows, columns=["text", "label"]).to_csv(path, index=False)
    assert main(["data", "show", f"{path}{query}"]) == 0
    out = capsys.readouterr().out
    return out, [line.removeprefix("note: ") for line in out.splitlines() if line.startswith("note: ")]


LONG_ENOUGH = "robots lift heavy boxes every single morning"


def test_preparation_that_drops_most_documents_says_so(tmp_path, capsys):
    """6 of 26 rows have the five words; with min_words=1 the four terms of `min_tokens` are next."""
    rows = [(f"{LONG_ENOUGH} {n}", "ab"[n % 2]) for n in range(6)] + [(f"robots lift boxes{n}", "ab"[n % 2]) for n in range(20)]
    _, notes = shown(tmp_path, capsys, rows)
    assert (
        notes[0]
        == "preparation leaves 6 of 26 documents (23 %); most go with the step 'documents under 5 words dropped', 20 of them (min_words=1 keeps them)"
    )
    _, notes = shown(tmp_path, capsys, rows, "?min_words=1")
    assert notes[0].endswith("'documents under 4 terms dropped', 20 of them (min_tokens=1 keeps them)")
    _, notes = shown(tmp_path, capsys, rows, "?min_words=1&min_tokens=1")
    assert not notes


def test_one_long_document_and_too_few_of_them(tmp_path, capsys):
    rows = [(LONG_ENOUGH, "ab"[n % 2]) for n in range(200)] + [("robots lift boxes " * 300, "a")]
    _, notes = shown(tmp_path, capsys, rows)
    assert notes[1].startswith(
        "all documents are padded to the longest one's 900 terms, of which 99 in 100 need 6 at most: training takes 150 times"
    )
    assert len(shown(tmp_path, capsys, rows, "?max_len=6")[1]) == 1  # repeated texts alone
    assert shown(tmp_path, capsys, rows[:9])[1][-1] == "9 documents are too few for ten folds"


def test_texts_without_spaces_are_told(tmp_path, capsys):
    rows = [
        (text * 2, "ab"[n % 2])
        for n, text in enumerate(["今日はとても良い天気ですね", "私はロボットが好きです", "この箱はとても重いです"] * 4)
    ]
    _, notes = shown(tmp_path, capsys, rows, "?min_words=1&min_tokens=1")
    assert any(note.startswith("most texts come out as one term each: scripts without spaces between words") for note in notes)


HINDI = (
    "आज का दिन बहुत अच्छा रहा।",
    "वह दीन आदमी सड़क पर बैठा था।",
    "रोबोट ने भारी डिब्बा ऊपर उठाया!",
    "मेरी बहन को नयी किताब पसंद आयी।",
    "क्या तुम कल बाज़ार जाओगे मेरे साथ?",
    "बारिश में सारे रास्ते बंद हो गये।",
    "इस मशीन की आवाज़ मुझे अच्छी लगती है।",
    "पिताजी सुबह जल्दी उठकर अख़बार पढ़ते हैं।",
    "बच्चे मैदान में गेंद से खेल रहे थे।",
    "उसने गुस्से में दरवाज़ा ज़ोर से पटका!",
)
#: Letters with a nukta as one character; Unicode's NFC writes them as two.
NUKTA = {"\u0921\u093c": "\u095c", "\u0922\u093c": "\u095d", "\u091c\u093c": "\u095b", "\u0916\u093c": "\u0959"}


def test_hindi_words_stay_words(tmp_path, capsys):
    """Vowel signs, nukta and virama belong to the letters before them: each word is what stands between the spaces, less danda and marks.

    "दिन" (day) and "दीन" (poor) are two words; a nukta is one letter with its base or two, as it was typed.
    """
    parted = [unicodedata.normalize("NFC", text) for text in HINDI]
    joined = [re.sub("|".join(NUKTA), lambda letter: NUKTA[letter[0]], text) for text in parted]
    typed = parted + [text for text in joined if text not in parted]
    assert len(typed) == 15
    out, notes = shown(tmp_path, capsys, [(text, "ab"[n % 2]) for n, text in enumerate(typed)])
    words = [[word for part in unicodedata.normalize("NFC", text).split() if (word := part.strip("।!?"))] for text in typed]
    prepared = prepare(load_dataset(tmp_path / "my.csv"))
    assert prepared.terms() == [" ".join(line) for line in words] and {"दिन", "दीन"} <= set(prepared.vocabulary) and not notes
    counted = out.splitlines()[-1].split()  # documents, classes, longest, distinct terms after the last step
    assert counted[-4:] == ["15", "2", str(max(map(len, words))), str(len({word for line in words for word in line}))]
