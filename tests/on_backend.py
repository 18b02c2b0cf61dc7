"""What a layer user does, on the backend that KERAS_BACKEND names: python tests/on_backend.py. Needs lstmcs' light install and that backend.

The answers are compared with the cell in NumPy (reference_cell.py), with keras.layers.LSTM, and with what is loaded again.
"""

import json
import os
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import reference_cell

import lstmcs

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 6, 5)).astype("float32")
#: Functions of the formula language that Table 1 does not use.
MORE = {
    "c = clip(c, -0.1, 0.2); h = softmax(h)": lambda c, h, o: (np.clip(c, -0.1, 0.2), np.exp(h) / np.exp(h).sum(-1, keepdims=True)),
    "c = 0.9 * relu(c) + minimum(c, h); h = h - softplus(o) / 2 + abs(softsign(c))": lambda c, h, o: (
        (new := 0.9 * np.maximum(c, 0) + np.minimum(c, h)), h - np.log1p(np.exp(o)) / 2 + np.abs(new / (1 + np.abs(new)))),
}  # fmt: skip
reference_cell.TABLE_1 |= MORE


def readme():
    """README's example, in a folder of its own."""
    text = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```python\n(.*?)```", text, re.S)
    exec(compile(block, "README.md", "exec"), {})
    assert Path("altered.keras").is_file()


def forward():
    """The layer against the cell written out in NumPy; the unaltered one against Keras' own, with its weights."""
    import keras

    for formula in [*reference_cell.TABLE_1, "C-1+H-2", "C-12+H-5", "O-1", "F-3", "G-2"]:
        layer = lstmcs.LSTMCS(3, formula, return_sequences=True)
        found = keras.ops.convert_to_numpy(layer(X))
        np.testing.assert_allclose(found, reference_cell.run(X, layer.get_weights(), formula)[0], atol=2e-6, err_msg=formula)
        if formula not in (*MORE, "O-1"):
            continue
        cell = keras.layers.RNN(lstmcs.LSTMCSCell(3, formula), return_sequences=True)
        cell.build(X.shape)
        cell.set_weights(layer.get_weights())
        np.testing.assert_allclose(keras.ops.convert_to_numpy(cell(X)), found, atol=2e-6, err_msg=formula)
    stock = keras.layers.LSTM(3, go_backwards=True, return_state=True)
    ours = lstmcs.LSTMCS(3, go_backwards=True, return_state=True)
    expected = stock(X)
    ours.build(X.shape)
    ours.set_weights(stock.get_weights())
    for a, b in zip(ours(X), expected, strict=True):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b), atol=2e-6)


def both_directions():
    """A masked bidirectional model: trains a step, and is the same model once saved and loaded."""
    import keras

    ids = RNG.integers(0, 20, (8, 6)).astype("int32")
    for wrapper in (keras.layers.Bidirectional, lstmcs.Bidirectional):
        model = keras.Sequential([
            keras.Input((None,), dtype="int32"), keras.layers.Embedding(20, 4, mask_zero=True),
            wrapper(lstmcs.LSTMCS(3, "h = h * sigmoid(c)", return_sequences=True)),
            lstmcs.LSTMCS(3, "C-1", dropout=0.1, recurrent_dropout=0.1), keras.layers.Dense(2, "sigmoid"),
        ])  # fmt: skip
        learns(model, ids, 2)
        with tempfile.TemporaryDirectory() as folder:
            model.save(Path(folder) / "model.keras")
            again = keras.saving.load_model(Path(folder) / "model.keras")
        np.testing.assert_allclose(again.predict(ids, verbose=0), model.predict(ids, verbose=0), atol=1e-6)
        assert again.layers[-2].alteration.formula == "c = c * o"


def models():
    """build_model's kinds, BERT with random weights; masked padding and the paper's."""
    ids = RNG.integers(0, 20, (8, 6)).astype("int32")
    small = {"embedding": 4, "units": 3}
    learns(lstmcs.build_model("lstm", vocab_size=20, max_len=6, n_classes=2, alteration="H-2", padding="mask", seed=1, **small), ids, 2)
    sizes = small | {"heads": 2, "head_width": 2, "feed_forward": 4}
    learns(lstmcs.build_model("simple", vocab_size=20, max_len=6, n_classes=2, seed=1, **sizes), ids, 2)
    tiny = {"model_type": "bert", "vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8,
            "max_position_embeddings": 8, "type_vocab_size": 2}  # fmt: skip
    learns(lstmcs.build_model("bert", n_classes=2, checkpoint=tiny, dense=4), ids, 2)


def learns(model, ids, classes):
    """One step of `fit` changes every weight that has a gradient, and leaves finite ones."""
    before = [weight.copy() for weight in model.get_weights()]
    model.compile("adam", "binary_crossentropy")
    loss = model.fit(ids, RNG.integers(0, 2, (len(ids), classes)), batch_size=4, verbose=0).history["loss"]
    after = model.get_weights()
    assert np.isfinite(loss).all() and all(np.isfinite(weight).all() for weight in after)
    assert sum(not np.array_equal(a, b) for a, b in zip(before, after, strict=True)) >= len(after) - 2


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    for part in (readme, forward, both_directions, models):
        part()
    import keras

    others = {"tensorflow", "jax", "torch"} - {keras.backend.backend()}
    print(
        json.dumps(
            {"backend": keras.backend.backend(), "foreign": sorted((others | {"pandas", "sklearn", "distributed"}) & set(sys.modules))}
        )
    )
