"""A record's shape: whatever is changed in one, it is a record still, or is refused for a reason that is written down, and nothing else."""

import json
import math
import os
import re
import tempfile
from contextlib import redirect_stderr
from copy import deepcopy
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pretend import arrays, scores

from lstmcs import metrics
from lstmcs.errors import EditionError, RecordError, visible
from lstmcs.fold import PROTOCOL, Fold
from lstmcs.record import COLUMNS, CURVE, check, curve_frame, frame, line, pack, unpack
from lstmcs.rules import RULES
from lstmcs.study import records
from lstmcs.study.archive import Archive
from lstmcs.study.records import Folder, read_epoch, row

EXAMPLES = int(os.environ.get("LSTMCS_EXAMPLES", 150))  # by hand: 20,000
HARD = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize="LSTMCS_EXAMPLES" not in os.environ
)
#: Every reason for which a file in a record's place is none.
REASONS = re.compile(
    r"not a whole record \(truncated, empty or foreign\)|written under protocol -?\d+, this is protocol 2|checksum differs"
    r"|a record is an object|the record has no '(config|state|key|protocol|env)'|the record's '(config|state|key|protocol|env|scores|curve|"
    r"health|cost|error)' is no (dict|list|str|int)|the record's state is .*, neither done nor failed|the record is done, and has an error|the record's '(scores|health|cost)' are no "
    r"numbers|the record's '(loop|commit|message|type)' is no text|the record's 'curve' is no list of epochs with numbers"
    r"|the record's 'shared' is neither true nor false|no fold's configuration: |its key does not match its configuration|the record of another fold, [0-9a-f]{20}, under this name"
)
PREDICTIONS = re.compile(r"the predictions are none|the predictions' rows, labels, epochs and probabilities do not belong together")

BARE = {"dataset": "t", "data_sha256": "00", "preparation": {"min_words": 5, "decode": False}, "model": "lstm", "sizes": {"units": 8},
        "training": {"epochs": 3, "learning_rate": 0.001}, "alteration": "c = c * o", "run": 1, "fold": 2, "seed": 0, "padding": "fixed"}  # fmt: skip
EPOCHS = [{"epoch": e, "loss": 1 / e} | scores("val", 0.3 + e / 10) | scores("test", 0.2 + e / 10) for e in (1, 2, 3)]
ABOUT = {
    "health": {"largest_c": 1.5, "nan": False, "epochs": 3}, "env": {"loop": "fast", "commit": None, "host": "here"},
    "cost": {"train_rows": 80, "test_rows": 4, "train_seconds": 2.0, "seconds_per_epoch": 0.5, "compile_seconds": 5.0, "parameters": 93},
}  # fmt: skip
STORED = arrays(np.eye(3, dtype=np.uint8)[[0, 1, 2, 0]], np.full((2, 4, 3), 0.25, np.float32), (2, 3))


def head_of(state="done", **config):
    fold = Fold.of(BARE | config)
    more = {"error": {"type": "Diverged", "message": "loss is nan in epoch 3"}} if state == "failed" else {}
    return deepcopy(ABOUT | {"curve": EPOCHS, "state": state, "config": fold.config, "protocol": PROTOCOL, "key": fold.key} | more)


WHOLE = [head_of(), head_of("failed"), head_of(reseed=1, alteration="none"),
         head_of(model="bert", checkpoint={"name": "tiny", "revision": None}, alteration="none")]  # fmt: skip
WORDS = st.sampled_from(["done", "failed", "none", "c = c * o", "c = ", "\x1b[31m", "\ud800", "é", "", "nan", "3", "0" * 20, "x" * 500])
NUMBERS = st.one_of(
    st.integers(-3, 12), st.floats(), st.sampled_from([2**31, 2**53 + 1, 10**40, -(10**400), 1e308, -0.0, True, False, None])
)
LEAVES = st.one_of(NUMBERS, WORDS, st.fixed_dictionaries({"name": st.just(5)}))
JSON = st.recursive(LEAVES, lambda part: st.lists(part, max_size=3) | st.dictionaries(WORDS, part, max_size=3), max_leaves=6)
NAMES = st.sampled_from(["dataset", "run", "reseed", "repeat", "padding", "checkpoint", "protocol", "epoch", "state", "error", "loop", "scores",
                         "val_macro_f1", "test_loss", "macro_f1", "more", "message", "commit", "largest_c", "key", "seed"])  # fmt: skip


def places(value, way=()):
    """Every way into nested lists and dicts."""
    yield way
    for name, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(part, (*way, name))


@st.composite
def changed(draw):
    """A whole record with one to three things changed, at any depth."""
    head = deepcopy(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(1, 3))):
        way = draw(st.sampled_from(list(places(head))))
        what = draw(st.sampled_from(["put", "put", "take", "add"]))
        if not way:
            head = draw(JSON) if what == "put" and draw(st.booleans()) else head
            if not isinstance(head, dict):
                return head
            head[draw(NAMES)] = draw(JSON)
            continue
        inside = head
        for name in way[:-1]:
            inside = inside[name]
        if what == "take":
            del inside[way[-1]]
        elif what == "add" and isinstance(inside[way[-1]], dict):
            inside[way[-1]][draw(NAMES)] = draw(JSON)
        else:
            inside[way[-1]] = draw(JSON)
    return head


def key_of(head):
    """That of the configuration, whatever it is, as Fold takes it."""
    try:
        return Fold(**head["config"], protocol=head["protocol"]).key
    except Exception:
        return None


def readable(head):
    """All that is made of a record that is one."""
    rows = [row(head, rule) for rule in (*RULES, "epoch=2", {"t": 3})]
    assert all(list(found) == COLUMNS for found in rows)
    table = frame([row(WHOLE[0]), *rows])
    assert table[[*metrics.METRICS, "val_loss", "train_seconds", "largest_c"]].dtypes.eq("float64").all(), table.dtypes
    assert table["epoch"].dtype.kind in "if" and set(table["state"]) <= {"done", "failed"}
    table.to_csv().encode()
    curve = curve_frame([WHOLE[0], head])
    assert list(curve.columns) == CURVE and curve[CURVE[8:]].dtypes.map(lambda kind: kind.kind in "if").all()
    curve.groupby(["dataset", "alteration", "fold"])["epoch"].max()
    text = line(head)
    assert json.loads(text, parse_constant=lambda name: 1 / 0) is not None  # what strict readers take
    assert check(json.loads(text)).label == check(head).label


@pytest.mark.parametrize(
    ("env", "engine"),
    [
        ({"loop": "fast"}, "tensorflow"),  # as records were before there was another
        ({"engine": "tensorflow", "loop": None}, "tensorflow"),
        ({"engine": "jax", "loop": "fast", "precision": "float32"}, "jax"),
        ({"engine": "jax", "loop": "fast", "precision": "tensorfloat32"}, "jax-tf32"),
        ({"engine": None, "loop": None}, None),
        ({"precision": "tensorfloat32"}, None),
    ],
)
def test_a_row_names_the_engine(env, engine):
    head = WHOLE[0] | {"env": env | {"device": "a card"}}
    found = row(head)
    assert (found["engine"], found["device"]) == (engine, "a card") and {"engine", "device"} <= set(frame([found]))


def test_a_card_that_was_shared_tells_no_time():
    alone, shared = (row(WHOLE[0] | {"env": WHOLE[0]["env"] | {"shared": said}}) for said in (False, True))
    assert alone == row(WHOLE[0]) and alone["train_seconds"] > 0
    changed = {name for name in alone if str(alone[name]) != str(shared[name])}
    assert changed == {"train_seconds", "seconds_per_epoch", "compile_seconds"} and all(np.isnan(shared[name]) for name in changed)


@HARD
@given(head=changed(), rename=st.booleans())
def test_a_changed_record_is_one_or_is_refused_for_a_reason(head, rename):
    if rename and isinstance(head, dict) and (key := key_of(head)):
        head["key"] = key
    with tempfile.TemporaryDirectory() as place:
        folder, fold = Folder(place), Fold.of(BARE)
        name = head["key"] if isinstance(head, dict) and re.fullmatch("[0-9a-f]{20}", str(head.get("key"))) else fold.key
        path = folder.path / "t" / f"{name}.json"
        path.parent.mkdir()
        said = json.dumps(head)[:-1].encode()
        body = pack(STORED).encode()
        path.write_bytes(said + records.CHECKSUM + records._checksum(said, body) + b'"}\n' + body + b"\n")
        try:
            found = records.load(path)[0]
        except RecordError as problem:
            assert str(problem).startswith(f"{name}.json: ") and REASONS.search(str(problem)) and visible(problem) == str(problem)
            assert folder.rows().empty and not list(folder.path.glob("*/*bad"))
            return
        readable(found)
        one = check(found)
        again = Folder(place)
        assert folder.states([one]) == again.states([one]) == {one: found["state"]} or one.dataset != "t"  # read, and from the index
        table = again.rows()
        assert len(table) == 1 and table.equals(folder.rows(rule="best")) and table["key"].tolist() == [one.key]
        folder.rows(reading="argmax")


@HARD
@given(cut=st.integers(0, 10**6), byte=st.integers(0, 255), what=st.sampled_from(["put", "cut", "add"]))
def test_a_file_with_one_byte_changed_is_never_believed(cut, byte, what):
    with tempfile.TemporaryDirectory() as place, redirect_stderr(StringIO()) as said:
        folder, fold = Folder(place), Fold.of(BARE)
        path = folder.write(fold, {name: value for name, value in WHOLE[0].items() if name not in ("config", "key", "protocol")}, STORED)
        before = path.read_bytes()
        at = cut % len(before)
        after = before[:at] + {"put": bytes([byte]) + before[at + 1 :], "cut": b"", "add": bytes([byte]) + before[at:]}[what]
        path.write_bytes(after)
        state = folder.states([fold])[fold]
        if after.split(b"\n")[:2] == before.split(b"\n")[:2] and after.count(b"\n") > 1:
            assert state == "done"
        else:
            assert state == "missing" and REASONS.search(said.getvalue()) and said.getvalue().count("\n") == 1
        assert path.read_bytes() == after


BODIES = {name: part for name, part in json.loads(pack(STORED)).items()}


@HARD
@given(
    name=st.sampled_from([*BODIES, "more"]),
    part=st.sampled_from(["dtype", "shape", "data", None]),
    value=st.one_of(
        JSON,
        st.sampled_from(["|O", "<U4", "<f4", "<i8", "|u1", "3i4", "<M8[s]"]),
        st.lists(st.integers(-1, 2**40), max_size=4),
        st.sampled_from([BODIES["rows"]["data"], BODIES["rows"], BODIES["labels"]]),
    ),
)
def test_changed_predictions_are_some_or_are_refused_for_a_reason(name, part, value):
    body = deepcopy(BODIES)
    if part is None:
        body[name] = value
    else:
        body.setdefault(name, {})[part] = value
    try:
        found = unpack(json.dumps(body).encode())
    except RecordError as problem:
        assert PREDICTIONS.search(str(problem))
        return
    for epoch in range(len(found["epochs"])):
        metrics.scores(found["labels"], found["probabilities"][epoch])


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"5", b"[" * 10**5, b'{"rows": 3}', b'"rows"'])
def test_predictions_that_are_none_at_all(body):
    with pytest.raises(RecordError, match=PREDICTIONS):
        unpack(body)
    assert unpack(b"{}") == {}


def test_predictions_that_would_fill_the_memory_are_not_unpacked():
    """A kilobyte that unpacks to a megabyte where eight bytes are due."""
    import base64
    import zlib

    body = deepcopy(BODIES)
    body["rows"]["data"] = base64.b64encode(zlib.compress(bytes(10**6))).decode()
    with pytest.raises(RecordError, match="the predictions are none"):
        unpack(json.dumps(body).encode())
    body["rows"] = {"dtype": "<i8", "shape": [2**40], "data": ""}
    with pytest.raises(RecordError, match="bytes"):
        unpack(json.dumps(body).encode())


@HARD
@given(head=changed(), rename=st.booleans())
def test_a_changed_row_of_an_edition_is_one_or_is_refused_for_a_reason(head, rename):
    if rename and isinstance(head, dict) and (key := key_of(head)):
        head["key"] = key
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "x.parquet"
        pd.DataFrame({"record": [line(head_of(fold=9)), json.dumps(head)]}).to_parquet(file)
        try:
            edition = Archive(file)
        except EditionError as problem:
            text = str(problem)
            assert str(file) in text and (
                " lie together" in text or ("is no edition of this study (row 2: " in text and REASONS.search(text))
            )
            return
        assert len(edition.rows()) == len(edition.heads()) == 2 and len(edition.curves()) >= 3
        readable(edition.heads()[1])
        edition.extent()


def test_a_record_is_what_strict_readers_take(tmp_path):
    """NaN and infinities are no JSON: null, and NaN when read again."""
    curve = [EPOCHS[0], {"epoch": 2, "loss": math.inf}]
    head = head_of("failed") | {"curve": curve, "health": {"largest_c": math.nan, "nan": True, "epochs": 2}}
    fold = Fold.of(BARE)
    path = Folder(tmp_path).write(fold, {name: head[name] for name in head if name not in ("config", "key", "protocol")}, {})
    for text in path.read_text().splitlines():
        json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    found = Folder(tmp_path).read(fold)
    assert math.isnan(found["health"]["largest_c"]) and math.isnan(found["curve"][1]["loss"]) and found["curve"][0] == EPOCHS[0]
    assert found["env"]["commit"] is None and Folder(tmp_path).states([fold]) == {fold: "failed"}
    old = json.dumps(head)  # as it was written before
    assert "NaN" in old and check(json.loads(old)) == fold and read_epoch(json.loads(old), "last") == 2


def test_a_message_that_is_no_text_is_shown_as_one(tmp_path):
    """A file name that is no UTF-8 reaches an error's text as half of a pair of surrogates."""
    fold = Fold.of(BARE)
    folder = Folder(tmp_path)
    folder.write(fold, {"state": "failed", "error": {"message": "no file b\udcff.csv"}, "env": {"commit": "\ud800"}}, {})
    table = folder.rows()
    assert table.loc[0, "error"] == "no file b\\udcff.csv" and table.loc[0, "commit"] == "\\ud800"
    table.to_csv(tmp_path / "x.csv", index=False)
    assert visible("b\udcff \x1b[31m\n\u202ex é 🙂 दिन") == "b\\udcff \\x1b[31m \\u202ex é 🙂 दिन"


@pytest.mark.parametrize(
    "more", [{"protocol": 0}, {"sizes": {"units": math.inf}}, {"preparation": {"cut": math.nan}}, {"colour": "\x1b[31m"}]
)
def test_a_configuration_with_more_than_a_study_writes_is_no_folds(more):
    """Each was believed, or was another error, once: a protocol of its own, numbers that are no JSON, unknown names."""
    for _ in range(2):
        with pytest.raises(RecordError, match="no fold's configuration"):
            Fold.of(BARE | more)
