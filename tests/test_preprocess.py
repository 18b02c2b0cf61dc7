"""Preparation step by step, on texts whose outcome is worked out by hand."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

from lstmcs import DataError, environment, load_dataset
from lstmcs.datasets import describe, preparation
from lstmcs.datasets.loading import Dataset
from lstmcs.datasets.preparation import Preparation
from lstmcs.datasets.preprocess import common_terms, encode, frequent_terms, prepare, remove_terms, text_steps, tf_idf_terms

#: every option said, so that no default decides what a test expects
PLAIN = Preparation(
    stop_words="none", stop_words_at="end", decode=False, mentions="keep", links="keep", hashtags="keep", contractions=False,
    punctuation="space", numbers="keep", min_letters=1, duplicates="keep", min_words=1, min_documents=1, min_occurrences=1, max_terms=None,
    tf_idf_terms=None, min_tokens=1, min_class=1, pad_side="pre",
)  # fmt: skip


def dataset(texts, labels=None):
    labels = labels or ["ab"[k % 2] for k in range(len(texts))]
    classes = tuple(sorted(set(labels)))
    return Dataset("t", tuple(texts), np.array([[c == label for c in classes] for label in labels], np.uint8), classes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("don't", "do not"), ("won’t can't ain`t", "will not can not is not"), ("i'm you're we've they'll he'd", "i am you are we have they will he would"),
        ("it's that's what's", "it is that is what is"), ("the robot's arm", "the robot arm"), ("let's go", "let us go"),
        ("shouldn't've", "should not have"), ("rock 'n' roll", "rock 'n' roll"), ("no apostrophe", "no apostrophe"),
    ],
)  # fmt: skip
def test_contractions(text, expected):
    assert preparation.expand_contractions(text) == expected


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [
        (preparation.space_non_alphanumeric, "a-b_c!! 3.5 😀 é", "a b c 3 5 é"), (preparation.delete_non_alphanumeric, "a-b_c!! 3.5 😀 é", "abc 35 é"),
        (preparation.drop_mentions, "hi @Tom_1, and bob@home", "hi , and bob"), (preparation.drop_hashtags, "so #sad now", "so now"),
        (preparation.drop_links, "see https://t.co/a1?b=c, www.x.org/y end. http is a word", "see end. http is a word"),
        (preparation.decode_escapes, "a &amp; b &lt;3 &#39;s #39;s quot;x quot; R&amp;amp;B", "a & b <3 's 's \"x \" R&amp;B"),
        (preparation.decode_escapes, r"i\u2019m \ud83d\ude02 Union\are \retarded\ ok;", "i’m 😂 Union are retarded ok;"),
        (preparation.remove_numbers, "r2d2 is 42 years ²", "is years"), (lambda text: preparation.remove_short(text, 2), "a bc d ef", "bc ef"),
        (lambda text: preparation.remove_words(text, preparation.STOP_WORDS["sklearn"]), "the robot is not here", "robot"),
        (lambda text: preparation.remove_words(text, preparation.STOP_WORDS["nltk"]), "the robot shouldn't cry here", "robot cry"),
    ],
)  # fmt: skip
def test_steps_inside_a_text(step, text, expected):
    assert " ".join(step(text).split()) == expected


def test_stop_word_lists_have_their_published_sizes():
    assert {name: len(list_) for name, list_ in preparation.STOP_WORDS.items()} == {"none": 0, "sklearn": 318, "nltk": 179}


def test_the_stop_words_are_scikit_learns_kept_in_a_file_of_our_own():
    """Each once, in order, so that a list of another version changes a test, not a study."""
    text = environment.shared("data", "stop_words.txt").read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if not line.startswith("#")]
    assert kept == sorted(ENGLISH_STOP_WORDS) and preparation.STOP_WORDS["sklearn"] == ENGLISH_STOP_WORDS


def test_no_preparation_of_any_set_asks_scikit_learn_but_the_tf_idf_reduction(tmp_path):
    """In an interpreter that refuses to import it: the ids of the bundled set, and the common preparation with each list of stop words."""
    program = """
import builtins, sys
real = builtins.__import__
def guard(name, *more, **named):
    assert not name.startswith("sklearn"), name
    return real(name, *more, **named)
builtins.__import__ = guard
from lstmcs.datasets.loading import load_dataset
from lstmcs.datasets.preparation import Preparation
from lstmcs.datasets.preprocess import prepare
import hashlib
for words in ("sklearn", "nltk", "none"):
    found = prepare(load_dataset("robo"), Preparation(stop_words=words))
    print(words, hashlib.sha256(found.ids.tobytes()).hexdigest(), len(found.vocabulary))
assert not any(name.startswith("sklearn") for name in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        words, digest, terms = line.split()
        found = prepare(load_dataset("robo"), Preparation(stop_words=words))
        assert (digest, int(terms)) == (hashlib.sha256(found.ids.tobytes()).hexdigest(), len(found.vocabulary))
    assert len(done.stdout.splitlines()) == 3


def test_the_first_example_runs_through_every_option():
    text = "I don't like @bob's well-known #robots &amp; 2 R2D2s, www.x.org"
    for options, expected in (
        ({}, "i don t like bob s well known robots amp 2 r2d2s www x org"),
        ({"punctuation": "delete"}, "i dont like bobs wellknown robots amp 2 r2d2s wwwxorg"),
        ({"contractions": True}, "i do not like bob well known robots amp 2 r2d2s www x org"),
        ({"decode": True, "mentions": "drop", "links": "drop", "hashtags": "drop"}, "i don t like s well known 2 r2d2s"),
        ({"numbers": "drop", "min_letters": 2}, "don like bob well known robots amp www org"),
        ({"stop_words": "nltk", "contractions": True}, "like bob well known robots amp 2 r2d2s www x org"),
        ({"stop_words": "nltk", "stop_words_at": "start"}, "i like bob s well known robots amp 2 r2d2s www x org"),
    ):  # fmt: skip
        result = text
        for _, step in chain(*text_steps(replace(PLAIN, **options))):
            result = step(result)
        assert " ".join(result.split()) == expected, options


def test_steps_treat_each_word_alone():
    """What preparation_search relies on: cleaning word by word gives what cleaning the text gives."""
    texts = [*load_dataset("robo").texts, "it's @a @b#c x&nbsp;y a\\b &#64;name ..ok.. #x@y 3.5", "“don’t” I\u0307 Σ ΑΣ ß"]
    options = [{}, {"stop_words": "nltk", "stop_words_at": "start"}, {"punctuation": "space", "hashtags": "drop", "numbers": "drop"}]
    for steps in ([*chain(*text_steps(Preparation(**o)))] for o in options):
        for text in texts:
            whole, parts = text, text.split()
            for _, step in steps:
                whole, parts = step(whole), [step(part) for part in parts]
            assert whole.split() == " ".join(parts).split()


def test_uncommon_terms():
    texts = ["a b", "a c c", "a b", "d"]
    assert common_terms(texts, 2, 1) == {"a", "b"} and common_terms(texts, 1, 2) == {"a", "b", "c"}
    assert common_terms(texts, 0.5, 1) == {"a", "b"} and common_terms(texts, 0.75, 1) == {"a"}  # shares of four documents
    assert frequent_terms(texts, 2) == {"a", "b"} and frequent_terms(texts, 3) == {"a", "b", "c"}
    assert remove_terms(texts, {"a", "c"}) == ["a", "a c c", "a", ""]


def test_tf_idf_reduction_by_hand():
    """Sum of TF-IDF over documents of length 1: idf = ln((1 + n) / (1 + df)) + 1, as scikit-learn documents it."""
    texts = ["a b", "a", "a c c"]
    idf = {term: np.log(4 / (1 + df)) + 1 for term, df in {"a": 3, "b": 1, "c": 1}.items()}
    weights = {}
    for text in texts:
        row = {term: text.split().count(term) * idf[term] for term in set(text.split())}
        for term, weight in row.items():
            weights[term] = weights.get(term, 0) + weight / np.sqrt(sum(w * w for w in row.values()))
    order = sorted(weights, key=lambda term: -weights[term])
    assert order == ["a", "c", "b"]
    for count in (1, 2, 3):
        assert tf_idf_terms(texts, count) == set(order[:count])


def test_ids_and_padding():
    texts = ["b a", "a", "c a b"]
    ids, vocabulary = encode(texts, "pre")
    assert vocabulary == ("a", "b", "c")  # by frequency, then by name
    np.testing.assert_array_equal(ids, [[0, 2, 1], [0, 0, 1], [3, 1, 2]])
    np.testing.assert_array_equal(encode(texts, "post")[0], [[2, 1, 0], [1, 0, 0], [3, 1, 2]])


def test_prepare_drops_and_counts():
    """Worked by hand: the second text is stop words only, the last but one loses all but one term."""
    texts = ["Robots can't fly!", "the a of", "ROBOTS fly; <b>fast</b>", "robots never said so", "fly fast", "fly fast"]
    prepared = prepare(
        dataset(texts, list("cbaaba")),
        replace(PLAIN, stop_words="sklearn", contractions=True, min_documents=2, min_tokens=2, duplicates="drop"),
    )
    assert prepared.vocabulary == ("fly", "fast", "robots")  # 3, 2, 2 occurrences in what is left
    assert [" ".join(prepared.vocabulary[i - 1] for i in ids if i) for ids in prepared.ids] == ["robots fly", "robots fly fast", "fly fast"]
    np.testing.assert_array_equal(prepared.rows, [0, 2, 4])
    assert prepared.classes == ("a", "b", "c") and prepared.labels.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    counts = prepared.counts.set_index("step")
    assert counts.loc["original"].tolist() == [6, 3, 4, 15]
    assert counts.loc["repeated texts dropped"].tolist() == [5, 3, 4, 15]
    assert counts.loc["lower case"].tolist() == [5, 3, 4, 13]
    assert counts.loc["stop words removed"].tolist() == [4, 3, 5, 5]  # robots fly b fast said
    assert counts.loc["uncommon terms removed"].tolist() == [4, 3, 3, 3]
    assert counts.loc["documents under 2 terms dropped"].tolist() == [3, 3, 3, 3]
    assert prepared.max_len == 3 and prepared.vocab_size == 4


def test_lost_and_rare_classes_are_counted_and_named():
    texts = ["robot arm", "blue robot", "the of", "green arm", "red robot", "red arm"]
    prepared = prepare(dataset(texts, list("abcabd")), PLAIN)
    assert prepared.counts["classes"].tolist()[-1] == 4 and not prepared.lost_classes
    prepared = prepare(dataset(texts, list("abcabd")), replace(PLAIN, stop_words="nltk"))
    assert prepared.counts["classes"].tolist() == [4] * (len(prepared.counts) - 1) + [3] and prepared.lost_classes == ("c",)
    prepared = prepare(dataset(texts, list("abcabd")), replace(PLAIN, min_class=2))
    assert prepared.lost_classes == ("c", "d") and prepared.counts.iloc[-1].tolist() == ["classes under 2 documents dropped", 4, 2, 2, 5]


def test_a_rare_class_takes_no_document_with_it_where_documents_have_several():
    labels = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 0], [0, 1, 0]], np.uint8)
    prepared = prepare(Dataset("m", ("robot", "arm", "robot arm", "arm"), labels, ("a", "b", "rare")), replace(PLAIN, min_class=2))
    assert prepared.classes == ("a", "b") and prepared.labels.tolist() == labels[:, :2].tolist()


@pytest.mark.parametrize("min_documents", [2, 0.01])
def test_vocabulary_equals_scikit_learn(min_documents):
    """An independent reading of "terms in at least so many documents, without stop words"."""
    options = replace(PLAIN, stop_words="sklearn", contractions=True, min_documents=min_documents)
    prepared = prepare(load_dataset("robo"), options)
    texts = [preparation.space_non_alphanumeric(preparation.expand_contractions(t.lower())) for t in load_dataset("robo").texts]
    theirs = CountVectorizer(stop_words="english", min_df=min_documents, token_pattern=r"\S+").fit(texts)
    assert set(prepared.vocabulary) == set(theirs.get_feature_names_out())
    assert (prepared.ids > 0).sum() == theirs.transform(texts).sum()


def test_the_registry_can_add_options_and_they_enter_the_key():
    plain = load_dataset("robo")
    reduced = prepare(replace(plain, preparation={"tf_idf_terms": 20, "min_tokens": 1}))
    assert len(reduced.vocabulary) == 20 and reduced.config()["preparation"]["tf_idf_terms"] == 20
    assert reduced.config() != prepare(plain).config()
    with pytest.raises(DataError, match=r"unknown option 'tfidf_terms' \(did you mean 'tf_idf_terms'\?\)"):
        prepare(replace(plain, preparation={"tfidf_terms": 20}))


def test_long_documents_are_cut_by_an_option_that_leaves_keys_alone():
    """By hand; the first terms stay, and a term that only stood behind them is none of the vocabulary."""
    texts = ["one two three four five", "one two", "two three four", "one"]
    cut = prepare(dataset(texts), replace(PLAIN, max_len=2))
    assert cut.terms() == ["one two", "one two", "two three", "one"] and cut.max_len == 2 and set(cut.vocabulary) == {"one", "two", "three"}
    assert cut.counts.iloc[-1].tolist() == ["documents cut after 2 terms", 4, 2, 2, 3]
    whole = prepare(dataset(texts), PLAIN)
    assert "max_len" not in whole.config()["preparation"] and cut.config()["preparation"] == whole.config()["preparation"] | {"max_len": 2}
    assert prepare(dataset(texts), replace(PLAIN, max_len=5)).terms() == texts == whole.terms()
    assert Preparation.of({"max_len": "7"}).max_len == 7 and Preparation.of({"max_len": "none"}) == Preparation()


def test_more_ids_than_memory_takes_is_an_error_that_names_the_way_out(monkeypatch):
    monkeypatch.setattr("lstmcs.datasets.preprocess.MAX_IDS", 100)
    texts = ["x " * 60, "a b"]
    with pytest.raises(
        DataError, match="2 documents, all padded to the longest one's 60 terms, are too many ids for memory; the option max_len"
    ):
        prepare(dataset(texts), PLAIN)
    assert prepare(dataset(texts), replace(PLAIN, max_len=10)).max_len == 10


@pytest.mark.parametrize("punctuation", ["delete", "space"])
@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("दिन दीन", ["दिन", "दीन"]),  # day, poor: told apart by their vowel signs
        ("cafe\u0301 caf\u00e9", ["caf\u00e9"] * 2), ("x\u0301y", ["x\u0301y"]), ("\u0301abc", ["abc"]),  # an accent alone is no letter
        ("good ❤\ufe0f day", ["good", "day"]), ("press 1\ufe0f\u20e3 now", ["press", "1", "now"]), ("\u20e3 \ufe0f ☀\ufe0e", []),
        ("क्\u200dष می\u200cروم Schiff\u00adfahrt a\U000e0100b", ["क्ष", "میروم", "schifffahrt", "ab"]),
        ("👨\u200d👩\u200d👧 ok", ["ok"]),
    ],
)  # fmt: skip
def test_marks_belong_to_their_letters_and_what_only_draws_leaves_nothing(text, terms, punctuation):
    for _, step in chain(*text_steps(replace(PLAIN, punctuation=punctuation))):
        text = step(text)
    assert text.split() == terms


@pytest.mark.parametrize(
    ("texts", "spaces"),
    [
        (("今日はとても良い天気ですね", "我爱北京天安门。", "วันนี้อากาศดีมาก ไปเดินเล่นกัน"), False),  # Japanese, Chinese, Thai
        (("ကျွန်တော် နေကောင်းပါတယ်", "ខ្ញុំចូលចិត្តមនុស្សយន្ត"), False),  # Burmese, Khmer
        (("आज मौसम बहुत अच्छा है", "오늘 날씨가 정말 좋네요", "اليوم الجو جميل جدا", "Сегодня хорошая погода"), True),
        (("ThisIsAllOneWordWithoutAnySpace", "averyveryverylongtokenthatgoeson"), False),
        (("https://example.org/a/very/long/address", "ok", "no", ""), True),
        (("我爱北京", "the robot moves", "it stops"), True),  # not most of them
    ],
)
def test_scripts_without_spaces_are_told(texts, spaces):
    assert preparation.without_spaces(texts) is not spaces


def test_nothing_left_and_one_class_left():
    with pytest.raises(DataError, match="none of 3 documents has the 5 words that min_words asks for"):
        prepare(dataset(["the", "of", "!!!"]))
    with pytest.raises(DataError, match="none of 3 documents has the 1 terms"):
        prepare(dataset(["the", "of", "!!!"]), replace(PLAIN, stop_words="sklearn"))
    with pytest.raises(
        DataError, match=r"none of 2 documents has the 5 words .*; most texts come out as one term each: scripts without spaces"
    ):
        prepare(dataset(["今日はとても良い天気です", "我爱北京天安门"]))
    options = replace(PLAIN, stop_words="sklearn")
    with pytest.raises(DataError, match="only one class has documents left"):
        prepare(dataset(["robot arm", "the", "robot arm", "of"]), options)


@pytest.mark.parametrize(
    "options",
    [{"pad_side": "both"}, {"min_documents": 0}, {"min_documents": 1.5}, {"min_documents": True}, {"stop_words": "spacy"}, {"min_tokens": 0},
     {"max_terms": 0}, {"tf_idf_terms": "4730"}, {"punctuation": None}, {"min_class": 2.0}],
)  # fmt: skip
def test_options_are_checked(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Preparation(**options)


def test_a_giant_token_and_control_characters_pass_through():
    prepared = prepare(dataset(["x" * 100_000 + " robot\x00\x07 arm", "robot arm", "x" * 100_000]), PLAIN)
    assert max(map(len, prepared.vocabulary)) == 100_000
    shown = describe.examples(prepared, 3)["text"]
    assert len(shown) > 6 and max(map(len, shown)) <= 160 and all(text.isprintable() for text in shown)


def test_visible():
    assert preparation.visible("a\x00b\tc\u202ed\n\u200b é 😀 $x$ <b>") == r"a\x00b c\u202ed \u200b é 😀 $x$ <b>"
    assert preparation.cut("x" * 10, 5) == "xxxx…" and preparation.cut("xxxxx", 5) == "xxxxx" and preparation.cut("\x07" * 9, 5) == "\\x07…"


def test_long_names_stay_apart():
    names = ["a long name of a class, one", "a long name of a class, two", "a\tb", "a b", "😀", "😁", "short"]
    assert preparation.apart(names, 12) == ["a long … (1)", "a long … (2)", "a b (1)", "a b (2)", "😀", "😁", "short"]
    assert preparation.apart(names, 40) == [*names[:2], "a b (1)", "a b (2)", *names[4:]]
