"""Reading data: repairs are counted, everything else wrong is a clear error."""

import gzip
import json
import os
import re
import zipfile

import numpy as np
import pandas as pd
import pytest

from lstmcs import DataError, load_dataset

ROWS = "text,label\nhello there,a\ngood bye,b\n"


def write(path, content, encoding="utf-8"):
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def test_bundled_stand_in_has_the_shape_it_claims():
    robo = load_dataset("robo")
    tokens = [text.split() for text in robo.texts]
    assert len(robo) == 525 and len(robo.classes) == 5 and max(map(len, tokens)) == 29
    assert 460 <= len({t for ts in tokens for t in ts}) <= 480
    assert len({t.lower() for t in robo.texts}) == 525 and not robo.multi_label and not robo.notes
    sizes = robo.labels.sum(axis=0)
    assert sizes.max() > 2.5 * sizes.min() > 100
    assert "stand-in" in robo.title


@pytest.mark.parametrize(
    ("name", "documents", "classes", "max_len", "tokens"),
    [("mlma", 5647, 48, 35, 14969), ("semeval", 6838, 11, 33, None), ("hasoc", 5852, 4, 93, None), ("hate", 1011, 3, 611, None),
     ("crowd", 40000, 13, 34, 83297)],
)  # fmt: skip
@pytest.mark.real_data
def test_real_sets_hold_table_2(name, documents, classes, max_len, tokens):
    """Paper, Table 2, left half (white-space tokens). MLMA has 48 classes there in the right half; CROWD's file has 13, the paper 11."""
    dataset = load_dataset(name)
    split = [text.split() for text in dataset.texts]
    assert (len(dataset), len(dataset.classes), max(map(len, split))) == (documents, classes, max_len)
    assert tokens is None or len({t for ts in split for t in ts}) == tokens
    assert dataset.multi_label == (name == "semeval")


@pytest.mark.real_data
def test_hate_tokens_are_parts_between_single_spaces():
    """Table 2's 6356 for HATE: split(" "), which leaves line breaks inside tokens."""
    assert len({token for text in load_dataset("hate").texts for token in text.split(" ")}) == 6356


@pytest.mark.parametrize(("name", "documents"), [("ag-test", 7600), ("ag-subset", 40986), ("ag-clean", 33437)])
@pytest.mark.real_data
def test_ag_parts(name, documents):
    dataset = load_dataset(name)
    assert len(dataset) == documents and sorted(dataset.classes) == ["Business", "Sci/Tech", "Sports", "World"]
    assert not dataset.multi_label and dataset.preparation
    shares = dict(zip(dataset.classes, dataset.labels.mean(axis=0)))
    assert all(0.15 < share < 0.4 for share in shares.values())
    if name == "ag-test":  # 1,900 a class (its readme), and class 2 is sport
        assert set(shares.values()) == {0.25}
        sport = [text for text, row in zip(dataset.texts, dataset.labels) if row[dataset.classes.index("Sports")]]
        assert sum("team" in text or "game" in text for text in sport) > 400


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_own_files_of_every_format_read_the_same(suffix, tmp_path):
    frame = pd.DataFrame({"body": ['one, "two"', "drei ü 🤖", "<script>alert(1)</script>"], "tag": ["x", "y", "x"], "other": [1, 2, 3]})
    path = tmp_path / f"own.{suffix}"
    {"csv": lambda: frame.to_csv(path, index=False), "tsv": lambda: frame.to_csv(path, sep="\t", index=False, quoting=3),
     "jsonl": lambda: frame.to_json(path, orient="records", lines=True), "parquet": lambda: frame.to_parquet(path)}[suffix]()  # fmt: skip
    for dataset in (load_dataset(path, text="body", label="tag"), load_dataset(f"{path}?text=body&label=tag")):
        assert dataset.name == "own" and dataset.texts == tuple(frame["body"]) and dataset.classes == ("x", "y")
        np.testing.assert_array_equal(dataset.labels, [[1, 0], [0, 1], [1, 0]])


def test_words_that_look_like_gaps_or_numbers_stay_words(tmp_path):
    dataset = load_dataset(write(tmp_path / "a.csv", "text,label\nNA,001\nnull,None\n12,001\n"))
    assert dataset.texts == ("NA", "null", "12") and dataset.classes == ("001", "None")


def test_multi_label_columns(tmp_path):
    path = write(tmp_path / "m.csv", "text,joy,fear\nhello,1,0\nbye,1,1\nhm,0,0\n")
    dataset = load_dataset(f"{path}?label=joy&label=fear")
    assert dataset.multi_label and dataset.classes == ("joy", "fear")
    np.testing.assert_array_equal(dataset.labels, [[1, 0], [1, 1], [0, 0]])
    with pytest.raises(DataError, match="'joy' holds values other than 0 and 1"):
        load_dataset(write(tmp_path / "n.csv", "text,joy,fear\nhello,7,0\n"), label=["joy", "fear"])


@pytest.mark.parametrize("separator", ["|", ";", ", ", "/ "])
def test_several_classes_in_one_column(separator, tmp_path):
    """An empty cell is a row with no class; blanks, empty parts and repetitions do not count."""
    cells = ["joy", f"joy{separator}fear", "", f"fear{separator}{separator} joy{separator}fear"]
    path = tmp_path / "tags.csv"
    pd.DataFrame({"body": ["one", "two", "three", "four"], "tags": cells}).to_csv(path, index=False)
    quoted = separator.replace(";", "%3B").replace(" ", "%20")
    for dataset in (load_dataset(path, text="body", label="tags", separator=separator),
                    load_dataset(f"{path}?text=body&label=tags&separator={quoted}")):  # fmt: skip
        assert dataset.multi_label and dataset.classes == ("fear", "joy") and dataset.notes == ("1 row(s) have no class",)
        np.testing.assert_array_equal(dataset.labels, [[0, 1], [1, 1], [0, 0], [1, 1]])


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_lists_of_classes(suffix, tmp_path):
    frame = pd.DataFrame({"text": ["one", "two", "three"], "label": [["a", "b"], [], ["b"]]})
    path = tmp_path / f"lists.{suffix}"
    frame.to_parquet(path) if suffix == "parquet" else frame.to_json(path, orient="records", lines=True)
    np.testing.assert_array_equal(load_dataset(path).labels, [[1, 1], [0, 0], [0, 1]])


def test_one_datasets_argument_is_a_study_of_it(tmp_path, home):
    """A file, multi-label with "|", as the one word of --datasets: loaded, prepared and planned under its own name."""
    from lstmcs.__main__ import _parser, _settings
    from lstmcs.study.plan import plan

    path = tmp_path / "my.csv"
    pd.DataFrame({"body": ["red robot arm", "blue robot", "green arm"] * 9, "tags": ["a|b", "b", ""] * 9}).to_csv(path, index=False)
    options = _parser().parse_args(
        ["study", "--preset", "smoke", "--datasets", f"{path}?text=body&label=tags&separator=|&min_words=1&min_tokens=1"]
    )
    work = plan(_settings(options))
    assert list(work.data) == ["my"] and work.data["my"].classes == ("a", "b") and work.data["my"].dataset.multi_label
    assert len(work.data["my"].ids) == 27 and work.folds[0].preparation["min_tokens"] == 1  # in every record's key
    both = _parser().parse_args(["study", "--datasets", f"robo|{path}?text=body&label=tags&separator=|"])
    assert _settings(both).datasets == ("robo", f"{path}?text=body&label=tags&separator=|")


def test_two_sets_of_one_name_and_files_named_like_a_registered_set(tmp_path):
    from lstmcs.errors import SettingsError
    from lstmcs.study.plan import Settings, plan

    (tmp_path / "x").mkdir()
    for path in (tmp_path / "my.csv", tmp_path / "x" / "my.csv", tmp_path / "hate.csv"):
        write(path, ROWS)
    with pytest.raises(SettingsError, match="two data sets are named 'my'"):
        plan(
            Settings(datasets=[f"{tmp_path / 'my.csv'}?min_words=1&min_tokens=1", f"{tmp_path / 'x' / 'my.csv'}?min_words=1&min_tokens=1"])
        )
    assert load_dataset(tmp_path / "hate.csv").name == "hate.csv"  # never taken for the registered set


def test_repairs_are_counted(tmp_path):
    dataset = load_dataset(write(tmp_path / "a.csv", ROWS + ",a\n   ,b\nno label,\nhello there,b\n"))
    assert dataset.texts == ("hello there", "good bye", "hello there")
    assert dataset.notes == ("2 row(s) without text left out", "1 row(s) without a label left out", "1 row(s) repeat an earlier text")  # fmt: skip


def test_byte_order_mark_and_line_breaks_in_quotes(tmp_path):
    dataset = load_dataset(write(tmp_path / "a.csv", b'\xef\xbb\xbftext,label\r\n"two\nlines",a\r\nx,b\r\n'))
    assert dataset.texts == ("two\nlines", "x")


def test_gaps_in_typed_columns(tmp_path):
    """JSON and Parquet have numbers, null and NaN: a gap is a row left out, 1.0 beside a gap is the integer it was."""
    rows = [{"text": "one", "label": 1}, {"text": None, "label": 2}, {"text": "two", "label": None}, {"text": 3, "label": 2}]
    path = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)))
    dataset = load_dataset(path)
    assert dataset.texts == ("one", "3") and dataset.classes == ("1", "2")
    assert dataset.notes == ("1 row(s) without text left out", "1 row(s) without a label left out")
    frame = pd.DataFrame({"text": ["a", "b", "c"], "x": [1.0, float("nan"), 0.0], "y": [True, False, True]})
    frame.to_parquet(tmp_path / "b.parquet")
    dataset = load_dataset(tmp_path / "b.parquet", label=["x", "y"])
    assert dataset.texts == ("a", "c") and dataset.notes == ("1 row(s) without a label left out",)
    np.testing.assert_array_equal(dataset.labels, [[1, 1], [0, 1]])


def test_a_class_without_a_row_is_left_out_and_said(tmp_path):
    dataset = load_dataset(write(tmp_path / "a.csv", "text,x,y,z\nhello,1,0,0\nbye,0,1,0\n"), label=["x", "y", "z"])
    assert dataset.classes == ("x", "y") and dataset.notes == ("no row has class 'z'; left out",)


HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>", "$\\href{javascript:alert(1)}{x}$ \\input{/etc/passwd}", "{{7*7}} {% include 'x' %} ${HOME} `id`",
    "=cmd|' /C calc'!A0", "'; DROP TABLE texts; --", "\x00\x07\x1b[31m red \u202e gnp.exe \u2066", "a" * 100_000, "__import__('os').system('id')", "%s %n \\x41",
)  # fmt: skip


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_hostile_text_stays_text(suffix, tmp_path):
    """Markup, LaTeX, templates, formulas, control characters, 100 kB words: read as they are, from every format."""
    frame = pd.DataFrame({"text": HOSTILE, "label": [f"c{i % 2}" for i in range(len(HOSTILE))]})
    path = tmp_path / f"h.{suffix}"
    {"csv": lambda: frame.to_csv(path, index=False), "jsonl": lambda: frame.to_json(path, orient="records", lines=True),
     "tsv": lambda: frame.to_csv(path, sep="\t", index=False, quoting=3), "parquet": lambda: frame.to_parquet(path)}[suffix]()  # fmt: skip
    assert load_dataset(path).texts == tuple(text.strip() for text in HOSTILE)


def test_half_a_surrogate_pair_becomes_a_question_mark(tmp_path):
    """JSON can hold it; no file, hash or page can."""
    path = write(tmp_path / "a.jsonl", '{"text": "so \\ud83d sad", "label": "a"}\n{"text": "ok", "label": "b\\udc00"}\n')
    dataset = load_dataset(path)
    assert dataset.texts == ("so ? sad", "ok") and dataset.classes == ("a", "b?")


@pytest.mark.parametrize(
    ("file", "content", "options", "says"),
    [
        ("gone.csv", None, {}, "no such file"),
        ("a.csv", b"", {}, "a.csv is empty"),
        ("a.csv", b"  \n\n", {}, "a.csv is empty"),
        ("a.csv", b"text,label\n", {}, "no row has both a text and a label"),
        ("a.csv", b"text,label\n,a\n", {}, "no row has both a text and a label"),
        ("a.csv", ROWS.encode(), {"label": "lable"}, "no column 'lable' (did you mean 'label'?). Columns are 'text', 'label'"),
        ("a.csv", b"body,tag\nx,y\n", {}, "no column 'text'. Columns are 'body', 'tag'"),
        ("a.csv", "text,label\ncafé,a\nx,b\n".encode("latin-1"), {}, "not UTF-8 (byte 0xe9 in line 2)"),
        ("a.csv", b"text,label\nx,a\ny,a\n", {}, "only one class, 'a'"),
        ("a.csv", "text,label\ncaf\u00e9,a\n".encode("utf-16"), {}, "a.csv is UTF-16 (byte 0xff in line 1); save it as UTF-8"),
        ("a.csv", b"text;label\nx;a\n", {}, "no column 'text'. Columns are 'text;label' (one column: are they parted by ';'?)"),
        ("a.csv", b"text,label\nx,a,more\ny,b,more\n", {}, "cannot be read as csv: line 2 has 3 fields, the header 2"),
        (
            "a.csv",
            b"text,label\nx,a\ny,b,more\n",
            {},
            "cannot be read as csv: line 3 has 3 fields, the header 2",
        ),
        ("a.csv", b"text,label\nx,\ny,\n", {}, "no row has both a text and a label"),
        ("a.csv", b"text,label\nx,NaN\ny,NaN\n", {}, "only one class, 'NaN'"),
        ("a.csv", b"text,x,y\nx,0,0\ny,0,0\n", {"label": ["x", "y"]}, "only one class, or none"),
        ("a.csv", b"text,x,y\nx,1,yes\ny,0,1\n", {"label": ["x", "y"]}, "'y' holds values other than 0 and 1, for example 'yes'"),
        ("a.csv", b"text,label\nx,a;b\ny,b\n", {"separator": "|"}, "no cell of 'label' holds the separator '|'; one of them is 'a;b'"),
        ("a.csv", b"text,x,y\nx,1,0\ny,0,1\n", {"label": ["x", "y"], "separator": "|"}, "separator= goes with one label column"),
        ("a.csv", ("text,label\n" + "".join(f"t{i},c{i}\n" for i in range(1001))).encode(), {}, "'label' holds 1001 different values"),
        ("a.jsonl", b'{"text": {"a": 1}, "label": "x"}', {}, "column 'text' holds a dict, not text"),
        ("a.jsonl", b'{"text": "x", "label": "a"}\n{"text": "y", "la', {}, "cannot be read as jsonl: line 2: Unterminated string"),
        ("a.jsonl", b'["x", "a"]\n', {}, "cannot be read as jsonl: line 1 is no object"),
        (
            "a.csv",
            b'text,label\n"two\nlines",a\n"never closed,a\nx,b\n',
            {},
            "cannot be read as csv: line 4 begins a cell in quotes that never ends",
        ),
        ("a.jsonl", b'{"text": "x"', {}, "cannot be read as jsonl"),
        ("a.parquet", b"PAR1 no parquet", {}, "cannot be read as parquet"),
        ("a.xlsx", b"x", {}, "unknown data set"),
        ("a.pkl", b"cos\nsystem\n(S'touch hacked'\ntR.", {}, "unknown data set"),
    ],
)
def test_wrong_files_are_clear_errors(file, content, options, says, tmp_path):
    path = tmp_path / file
    if content is not None:
        write(path, content)
    with pytest.raises(DataError) as error:
        load_dataset(path, **options)
    assert says in str(error.value)


def test_wrong_names_and_options():
    with pytest.raises(DataError, match=r"unknown data set 'hatee' \(did you mean 'hate'\?\)"):
        load_dataset("hatee")
    with pytest.raises(DataError, match="unknown option 'txt'"):
        load_dataset("my.csv?txt=a")
    with pytest.raises(DataError, match="columns are fixed"):
        load_dataset("robo", text="text")
    for query, says in (
        ("label=", "label= needs a value"),
        ("text=a&text=b", "text= needs one value only"),
        ("seperator=|", "(did you mean 'separator'?)"),
        ("min_tokns=1", "(did you mean 'min_tokens'?)"),
    ):
        with pytest.raises(DataError, match=re.escape(says)):
            load_dataset(f"my.csv?{query}")


# === TSV: quotes that wrap cells, and quotes that are characters ===

CELLS = ('she said "no"', '"all of it"', "two\nlines", 'tab\there "and" there', '"', "plain", "a\r\nb", '"open')


def both(frame, tmp_path, **options):
    """The same frame as pandas writes it in CSV and in TSV."""
    frame.to_csv(tmp_path / "a.csv", index=False, **options)
    frame.to_csv(tmp_path / "b.tsv", index=False, sep="\t", **options)
    return load_dataset(tmp_path / "a.csv"), load_dataset(tmp_path / "b.tsv")


@pytest.mark.parametrize("quoting", [0, 1, 2], ids=["minimal", "all", "non-numeric"])
@pytest.mark.parametrize("cells", [CELLS, *[(cell, "x y") for cell in CELLS if cell not in ('"', '"open')]])
def test_a_tsv_that_pandas_wrote_holds_the_texts_of_the_csv(cells, quoting, tmp_path):
    csv, tsv = both(pd.DataFrame({"text": cells, "label": ["a", "b"] * (len(cells) // 2)}), tmp_path, quoting=quoting)
    assert tsv.texts == csv.texts == tuple(cell.strip() for cell in cells) and tsv.classes == csv.classes
    np.testing.assert_array_equal(tsv.labels, csv.labels)


def test_a_raw_tsv_keeps_its_quotes(tmp_path):
    """Posts as they were: quotes that open in one row and close in another, or wrap a whole text, belong to the texts."""
    rows = ['"she said no\ta', 'he said "no"\tb', '"all of it"\ta', '5" screen\tb', 'more"\ta']
    for chosen in (rows, [rows[0], "x\tb", rows[4]], [rows[2], "x\tb"]):
        dataset = load_dataset(write(tmp_path / "raw.tsv", "text\tlabel\n" + "\n".join(chosen) + "\n"))
        assert dataset.texts == tuple(row.partition("\t")[0] for row in chosen) and not dataset.notes


def test_a_tsv_in_quotes_says_so(tmp_path):
    dataset = load_dataset(write(tmp_path / "a.tsv", 'text\tlabel\n"two\nlines"\ta\nx\tb\n'))
    assert dataset.texts == ("two\nlines", "x") and dataset.notes == ("tab-separated with cells in quotes, which are read as in CSV",)


def test_a_tsv_that_is_neither_names_the_line(tmp_path):
    with pytest.raises(DataError, match=r"a\.tsv: line 3 begins a cell in quotes and has 1 of 2 fields, but elsewhere quotes stand alone"):
        load_dataset(write(tmp_path / "a.tsv", 'text\tlabel\n5" screen\ta\n"two\nlines"\tb\n'))


@pytest.mark.parametrize(("suffix", "sign"), [("csv", ","), ("tsv", "\t")])
def test_a_row_that_is_too_long_names_its_line(suffix, sign, tmp_path):
    """Counted in lines of the file, as an editor shows them: the cell above it has two."""
    path = write(tmp_path / f"a.{suffix}", sign.join(("text", "label")) + f'\n"two\nlines ""x"""{sign}a\nx{sign}b{sign}c{sign}d\n')
    with pytest.raises(DataError, match=f"a.{suffix} cannot be read as {suffix}: line 4 has 4 fields, the header 2"):
        load_dataset(path)
    trailing = write(tmp_path / f"b.{suffix}", sign.join(("text", "label")) + f"\nx{sign}a{sign}\ny{sign}b{sign}\n")
    assert load_dataset(trailing).texts == ("x", "y")  # a sign too many at each end, and nothing behind it


def test_a_carriage_return_inside_a_cell_tears_no_row_apart(tmp_path):
    r"""pandas leaves a lone \r without quotes; where \n ends the lines, it is white space in the cell. An old Mac's file still has lines."""
    pd.DataFrame({"text": ["one\rtwo", "x"], "label": ["a", "b"]}).to_csv(tmp_path / "a.csv", index=False, lineterminator="\n", quoting=0)
    assert load_dataset(write(tmp_path / "b.csv", b"text,label\none\rtwo,a\nx,b\n")).texts == ("one\rtwo", "x")
    assert load_dataset(tmp_path / "a.csv").texts == ("one\rtwo", "x")
    assert load_dataset(write(tmp_path / "c.csv", b"text,label\rone,a\rx,b\r")).texts == ("one", "x")


# === Columns ===


@pytest.mark.parametrize(
    ("file", "content", "query", "says"),
    [
        ("a.csv", "text,text,label\nx,y,a\nz,w,b\n", "", "a.csv has 2 columns 'text'; rename all but one of them"),
        ("a.csv", "text,text ,label\nx,y,a\nz,w,b\n", "", "a.csv has 2 columns 'text'"),
        ("a.tsv", "text\tlabel\tlabel \nx\ta\tb\nz\tb\tc\n", "", "a.tsv has 2 columns 'label'"),
        ("a.jsonl", '{"text": "x", "label": "a", "label ": "b"}\n{"text": "y", "label": "b"}\n', "", "a.jsonl has 2 columns 'label'"),
        ("a.jsonl", '{"text": "x", "label": "a", "label": "b"}\n', "", "a.jsonl cannot be read as jsonl: line 1: 'label' is there twice"),
        ("a.csv", "text,a,b\nx,1,0\nz,0,1\n", "?label=a&label=a", "a: column 'a' is named twice"),
        ("a.csv", "text,label\nx,1\nz,0\n", "?text=label", "a: column 'label' is named twice"),
    ],
)
def test_a_column_that_is_there_twice_is_an_error(file, content, query, says, tmp_path):
    with pytest.raises(DataError) as error:
        load_dataset(f"{write(tmp_path / file, content)}{query}")
    assert says in str(error.value)


def test_a_column_twice_in_parquet(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table([["x", "y"], ["z", "w"], ["a", "b"]], names=["text", "text", "label"]), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet has 2 columns 'text'"):
        load_dataset(tmp_path / "a.parquet")


def test_columns_that_nobody_asks_for_may_be_there_twice(tmp_path):
    assert load_dataset(write(tmp_path / "a.csv", "id,id,text,label\n1,2,x,a\n3,4,y,b\n")).texts == ("x", "y")


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_true_and_false_are_1_and_0_in_every_format(suffix, tmp_path):
    frame, path = (
        pd.DataFrame({"text": ["one", "two", "three"], "x": [True, False, True], "y": [False, True, True]}),
        tmp_path / f"a.{suffix}",
    )
    {"csv": lambda: frame.to_csv(path, index=False), "tsv": lambda: frame.to_csv(path, sep="\t", index=False),
     "jsonl": lambda: frame.to_json(path, orient="records", lines=True), "parquet": lambda: frame.to_parquet(path)}[suffix]()  # fmt: skip
    np.testing.assert_array_equal(load_dataset(path, label=["x", "y"]).labels, [[1, 0], [0, 1], [1, 1]])


def test_large_integers_beside_a_gap_stay_themselves(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": list("abcd"), "label": [2**53, 2**53 + 1, None, 2**53]}), tmp_path / "a.parquet")
    assert load_dataset(tmp_path / "a.parquet").classes == ("9007199254740992", "9007199254740993")


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_null_is_no_label_and_an_empty_list_no_class(suffix, tmp_path):
    frame, path = pd.DataFrame({"text": ["one", "two", "three", "four"], "label": [["a", "b"], [], None, ["b"]]}), tmp_path / f"a.{suffix}"
    frame.to_parquet(path) if suffix == "parquet" else frame.to_json(path, orient="records", lines=True)
    dataset = load_dataset(path)
    assert dataset.texts == ("one", "two", "four") and dataset.notes == ("1 row(s) without a label left out", "1 row(s) have no class")
    np.testing.assert_array_equal(dataset.labels, [[1, 1], [0, 0], [0, 1]])


def test_lists_written_as_text_are_noted(tmp_path):
    pd.DataFrame({"text": ["one", "two", "three"], "label": [["a", "b"], ["b"], ["b"]]}).to_csv(tmp_path / "a.csv", index=False)
    [note] = load_dataset(tmp_path / "a.csv").notes
    assert note.startswith("""2 of 2 classes look like lists written as text, for example "['a', 'b']"; each is one class""")
    assert not load_dataset(write(tmp_path / "b.csv", "text,label\nx,[other]\ny,(none)\n")).notes


# === Packed files, addresses, what is no file ===


def test_packed_files_are_read_as_they_are(tmp_path):
    (tmp_path / "my.csv.gz").write_bytes(gzip.compress(ROWS.encode()))
    (tmp_path / "my.tsv.gz").write_bytes(gzip.compress(ROWS.replace(",", "\t").encode()))
    with zipfile.ZipFile(tmp_path / "my.zip", "w") as archive:
        archive.writestr("folder/rows.csv", ROWS)
        archive.writestr("__MACOSX/folder/._rows.csv", "x")
        archive.writestr("readme.txt", "x")
    for name in ("my.csv.gz", "my.tsv.gz", "my.zip"):
        dataset = load_dataset(tmp_path / name)
        assert dataset.texts == ("hello there", "good bye") and dataset.name == "my" and dataset.title == name
    (tmp_path / "hate.csv.gz").write_bytes(gzip.compress(ROWS.encode()))
    assert load_dataset(tmp_path / "hate.csv.gz").name == "hate.csv.gz"


def test_what_would_unpack_to_too_much_is_refused(tmp_path, monkeypatch):
    from lstmcs.datasets import formats

    monkeypatch.setattr(formats, "LIMIT", 100_000)
    bomb = b"text,label\n" + b"x" * 1_000_000 + b",a\n"
    (tmp_path / "my.csv.gz").write_bytes(gzip.compress(bomb))
    with zipfile.ZipFile(tmp_path / "my.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", bomb)
    pd.DataFrame({"text": ["x" * 1000] * 5000, "label": ["a", "b"] * 2500}).to_parquet(tmp_path / "my.parquet")
    write(tmp_path / "my.csv", bomb)
    assert all((tmp_path / name).stat().st_size < 100_000 for name in ("my.csv.gz", "my.zip", "my.parquet"))
    for name, says in (("my.csv.gz", "unpacked it would be more than 100000 bytes"), ("my.zip", "unpacked it would be more than 100000 bytes"),
                       ("my.parquet", "unpacked it would be more than 100000 bytes"), ("my.csv", "it has 1 MB; at most 100000 bytes are read")):  # fmt: skip
        with pytest.raises(DataError, match=f"{re.escape(name)}.*{says}"):
            load_dataset(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv.gz", b"no gzip", "a.csv.gz cannot be unpacked"),
        ("a.csv.gz", gzip.compress(ROWS.encode(), mtime=0)[:-12], "a.csv.gz cannot be unpacked"),
        ("a.zip", b"no zip", "a.zip cannot be unpacked"),
        ("a.json", b"[]", '.json: an object a line is read: frame.to_json("my.jsonl", orient="records", lines=True)'),
        ("a.xlsx", b"x", ".xlsx: save the sheet as CSV"),
        ("a.csv.xz", b"x", ".xz: unpack it first (.gz and .zip are read as they are)"),
        ("a.pkl", b"x", ".pkl: a pickle can hold code, so none is read"),
    ],
)
def test_other_kinds_of_files_have_a_hint(name, content, says, tmp_path):
    with pytest.raises(DataError) as error:
        load_dataset(write(tmp_path / name, content))
    assert says in str(error.value)


def test_a_zip_of_several_or_of_none(tmp_path):
    for number, (names, says) in enumerate(
        ((("a.csv", "b.csv"), "holds 2 files of a table, 'a.csv', 'b.csv'"), (("a.txt",), "holds no file that ends in .csv"))
    ):
        with zipfile.ZipFile(tmp_path / f"{number}.zip", "w") as archive:
            for name in names:
                archive.writestr(name, ROWS)
        with pytest.raises(DataError, match=re.escape(says)):
            load_dataset(tmp_path / f"{number}.zip")


@pytest.mark.parametrize("address", ["https://example.org/my.csv", "s3://bucket/my.parquet", "HTTP://x/y.csv?text=a"])
def test_an_address_is_said_to_be_one(address):
    with pytest.raises(DataError, match="is an address; download the file and name it"):
        load_dataset(address)


def test_only_plain_files_are_opened(tmp_path):
    """None of these is waited for or read without end."""
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    write(tmp_path / "real.csv", ROWS)
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    for name, says in (
        ("pipe", "it is a named pipe, not a plain file"),
        ("zero", "it is a device, not a plain file"),
        ("loop", "cannot be read"),
    ):
        with pytest.raises(DataError, match=says):
            load_dataset(tmp_path / f"{name}.csv")
    assert len(load_dataset(tmp_path / "link.csv")) == 2


# === The name and its options ===


def test_a_query_may_be_longer_than_a_file_name(tmp_path):
    """28 columns of labels, as the Jigsaw and GoEmotions sets have."""
    names = [f"emotion number {n}" for n in range(28)]
    frame = pd.DataFrame(np.eye(28, dtype=int), columns=names).assign(text=[f"text {n}" for n in range(28)])
    frame.to_csv(tmp_path / "my.csv", index=False)
    query = "&".join(f"label={name.replace(' ', '+')}" for name in names)
    assert len(query) > 255 and load_dataset(f"{tmp_path / 'my.csv'}?{query}").classes == tuple(names)


def test_a_file_whose_name_has_a_question_mark(tmp_path):
    write(tmp_path / "what?.csv", ROWS.replace("text", "body"))
    for name in ("what?.csv?text=body", "what?.csv?text=body&min_words=1"):
        assert len(load_dataset(tmp_path / name)) == 2


@pytest.mark.parametrize("off", ["false", "False", "no", "off", "0", "NO"])
def test_off_is_off(off, tmp_path):
    """In the options, and in what a record's key is made of."""
    from lstmcs.datasets.preprocess import prepare

    path = write(
        tmp_path / "a.csv", "text,label\n" + "".join(f"don&amp;t they're red robots number {n},{'ab'[n % 2]}\n" for n in range(10))
    )
    common = "min_words=1&min_tokens=1&min_documents=1&stop_words=none"
    prepared = prepare(load_dataset(f"{path}?contractions={off}&decode={off}&{common}"))
    assert prepared.options.contractions is False and prepared.options.decode is False
    assert prepared.config()["preparation"]["contractions"] is False and "theyre" in prepared.vocabulary
    for on in ("true", "yes", "on", "1"):
        assert prepare(load_dataset(f"{path}?contractions={on}&{common}")).config()["preparation"]["contractions"] is True
    with pytest.raises(DataError, match=r"contractions must be True or False \(yes or no, on or off\), not 'maybe'"):
        load_dataset(f"{path}?contractions=maybe")


@pytest.mark.parametrize(
    ("query", "says"),
    [("min_words={[]}", "min_words must be a whole number, at least 1, not '{[]}'"), ("min_words=" + "(" * 5000, "min_words must be a whole number"),
     ("min_words=1.5", "not '1.5'"), ("min_words=True", "not 'True'"), ("min_words=" + "9" * 5000, "min_words must be a whole number"),
     ("min_documents=nan", "min_documents must be"), ("max_terms=0", "max_terms must be a whole number"), ("max_len=-1", "max_len must be a whole number"),
     ("stop_words=None", "stop_words must be"), ("text", "bad query field 'text': an option is name=value")],
)  # fmt: skip
def test_no_value_of_an_option_is_more_than_a_clear_error(query, says, tmp_path):
    with pytest.raises(DataError) as error:
        load_dataset(f"{write(tmp_path / 'a.csv', ROWS)}?{query}")
    assert says in str(error.value)


def test_the_home_of_nobody():
    with pytest.raises(DataError, match=r"~nosuchuser/x\.csv cannot be read: "):
        load_dataset("~nosuchuser/x.csv")
    with pytest.raises(DataError, match="'robo' is a registered data set and takes no options"):
        load_dataset("robo?min_words=1")


def test_truncated_binary_file_and_unreadable_path(tmp_path):
    pd.DataFrame({"text": ["x", "y"], "label": ["a", "b"]}).to_parquet(tmp_path / "a.parquet")
    write(tmp_path / "a.parquet", (tmp_path / "a.parquet").read_bytes()[:-20])
    with pytest.raises(DataError, match=r"a\.parquet cannot be read as parquet"):
        load_dataset(tmp_path / "a.parquet")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match=r"folder\.csv cannot be read"):
        load_dataset(tmp_path / "folder.csv")


def test_a_question_mark_in_a_file_name(tmp_path):
    assert len(load_dataset(write(tmp_path / "why?.csv", ROWS))) == 2
