"""BERT's forward pass in NumPy from its papers, on arrays named as a Hugging Face checkpoint names them; and a tiny checkpoint."""

import json

import numpy as np
from safetensors.numpy import save_file
from scipy.special import erf

CONFIG = {"model_type": "bert", "vocab_size": 24, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12,
          "max_position_embeddings": 16, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0}  # fmt: skip
WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *"robot arm wheel lamp door stair glass table phone garden kitchen battery".split(),
    "##s",
    "a",
]


def tensors(seed: int = 0, config: dict = CONFIG) -> dict[str, np.ndarray]:
    """Random weights under Hugging Face's names."""
    rng, width, wide = np.random.default_rng(seed), config["hidden_size"], config["intermediate_size"]
    shapes = {"embeddings.word_embeddings.weight": (config["vocab_size"], width), "embeddings.token_type_embeddings.weight": (2, width),
              "embeddings.position_embeddings.weight": (config["max_position_embeddings"], width), "pooler.dense.weight": (width, width)}  # fmt: skip
    norms, dense = ["embeddings.LayerNorm"], {"pooler.dense": width}
    for n in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{n}"
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            shapes[f"{layer}.attention.{name}.weight"], dense[f"{layer}.attention.{name}"] = (width, width), width
        shapes[f"{layer}.intermediate.dense.weight"], dense[f"{layer}.intermediate.dense"] = (wide, width), wide
        shapes[f"{layer}.output.dense.weight"], dense[f"{layer}.output.dense"] = (width, wide), width
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    shapes |= {f"{name}.bias": (n,) for name, n in dense.items()}
    shapes |= {f"{name}.{part}": (width,) for name in norms for part in ("weight", "bias")}
    return {name: rng.normal(scale=0.5, size=shape).astype(np.float32) for name, shape in shapes.items()}


def pooled(t: dict[str, np.ndarray], ids: list[int], heads: int = 2) -> np.ndarray:
    """The pooled output of one row without padding, float64 (width,)."""
    t = {name: array.astype(float) for name, array in t.items()}

    def linear(x, name):
        return x @ t[f"{name}.weight"].T + t[f"{name}.bias"]

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12) * t[f"{name}.weight"] + t[f"{name}.bias"]

    x = t["embeddings.word_embeddings.weight"][ids] + t["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + t["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for n in range(sum("attention.self.query.weight" in name for name in t)):
        layer = f"encoder.layer.{n}"
        q, k, v = (np.split(linear(x, f"{layer}.attention.self.{part}"), heads, -1) for part in ("query", "key", "value"))
        attended = []
        for a, b, c in zip(q, k, v):
            weights = np.exp(a @ b.T / np.sqrt(a.shape[-1]))
            attended.append(weights / weights.sum(-1, keepdims=True) @ c)
        x = norm(x + linear(np.concatenate(attended, -1), f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm")
        wide = linear(x, f"{layer}.intermediate.dense")
        x = norm(x + linear(wide * (1 + erf(wide / np.sqrt(2))) / 2, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    return np.tanh(linear(x[0], "pooler.dense"))


def write(folder, weights: dict[str, np.ndarray] | None = None, **changes):
    """A tiny checkpoint: config.json, model.safetensors, vocab.txt. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG | changes))
    (folder / "vocab.txt").write_text("\n".join(WORDS + [f"w{n}" for n in range(CONFIG["vocab_size"] - len(WORDS))]))
    save_file(weights or tensors(), folder / "model.safetensors")
    return folder
