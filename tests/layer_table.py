"""What is drop-in about the layer, tried on this machine's TensorFlow, and the table of it in docs/layer.md: python tests/layer_table.py

Each trial runs with keras.layers.LSTM and with lstmcs.LSTMCS of the same weights. test_layer_page.py holds the page to what it finds.
"""

import logging
import os
import re
import tempfile
import warnings
from pathlib import Path

import numpy as np

PAGE = Path(__file__).resolve().parent.parent / "docs" / "layer.md"
BEGIN, END = "<!-- tried by tests/layer_table.py -->\n", "<!-- end -->\n"
X = np.random.default_rng(1).normal(size=(2, 3, 4)).astype("float32")
MASK = np.array([[1, 1, 1], [1, 1, 0]], bool)


def _options():
    """Option -> what a layer is made and called with."""
    return {
        "the defaults": ({}, {}), "`return_sequences`, `return_state`": ({"return_sequences": True, "return_state": True}, {}),
        "`go_backwards`": ({"go_backwards": True}, {}), "`stateful`": ({"stateful": True}, {}), "a mask": ({}, {"mask": MASK}),
        "`initial_state`": ({}, {"initial_state": [np.ones((2, 2), "float32")] * 2}), "`dropout`, in training": ({"dropout": 0.5, "seed": 1}, {"training": True}),
        "`recurrent_dropout`, in training": ({"recurrent_dropout": 0.5, "seed": 1}, {"training": True}), "`unroll`": ({"unroll": True}, {}),
        "`activation` or `recurrent_activation` of another kind": ({"activation": "relu", "recurrent_activation": "hard_sigmoid"}, {}),
        "`use_bias=False`": ({"use_bias": False}, {}), "`implementation=1`": ({"implementation": 1}, {}), "`use_cudnn=False`": ({"use_cudnn": False}, {}),
    }  # fmt: skip


DTYPES = ("float32", "float64", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16")


def _calls():
    """How a layer is differentiated or used -> a function of layer and x that gives tensors."""
    import tensorflow as tf

    def slopes(f, x, variables, order=1):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum((f(x) if order == 1 else slopes(f, x, variables, order - 1)[0]) ** 2)
        return tape.gradient(y, [x, *variables])

    def of(order=1, jit=None, around=lambda f, x: f(x)):
        def call(layer, x):
            weights = layer.trainable_variables
            return tf.function(lambda x: slopes(lambda x: around(layer, x), x, weights, order), jit_compile=jit)(x)

        return call

    def forward(layer, x):
        with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
            y = layer(x)
        return [accumulator.jvp(y)]

    def cond(f, x):
        return tf.cond(x[0, 0, 0] > -9, lambda: f(x), lambda: tf.zeros([2, 2]))

    return {
        "gradients": of(), "gradients, `jit_compile=True`": of(jit=True), "gradients inside `tf.cond`": of(around=cond),
        "second-order gradients, eagerly": lambda layer, x: slopes(layer, x, layer.trainable_variables, 2),
        "second-order gradients in `tf.function`": of(2), "second-order gradients, `jit_compile=True`": of(2, True),
        "forward mode, eagerly": forward, "forward mode in `tf.function`": lambda layer, x: tf.function(lambda x: forward(layer, x))(x),
        "`tf.vectorized_map`": lambda layer, x: [tf.vectorized_map(layer, tf.stack([x, 2 * x]))],
        "input of integers": lambda layer, x: [layer(tf.cast(9 * x, tf.int32))],
    }  # fmt: skip


def _exports():
    """Format -> a function of a model and a folder that gives what the loaded model makes of X."""
    import keras
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    def file(name):
        def through(model, folder):
            model.save(folder / name)
            return keras.models.load_model(folder / name, compile=False)(X)

        return through

    def weights(model, folder):
        model.save_weights(folder / "of.weights.h5")
        again = keras.models.clone_model(model)
        again.load_weights(folder / "of.weights.h5")
        return again(X)

    def json(model, folder):
        again = keras.models.model_from_json(model.to_json())
        again.set_weights(model.get_weights())
        return again(X)

    def saved_model(model, folder):
        model.export(folder / "exported", verbose=False)
        loaded = tf.saved_model.load(folder / "exported")
        return loaded.serve(X)

    def tflite(model, folder):
        fixed = tf.function(lambda x: model(x), input_signature=[tf.TensorSpec(X.shape)]).get_concrete_function()
        content = tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(fixed)]).convert()
        interpreter = tf.lite.Interpreter(model_content=content)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], X)
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    return {"`.keras`": file("m.keras"), "`.h5`": file("m.h5"), "JSON of the model": json, "`.weights.h5`": weights,
            "SavedModel (`model.export`)": saved_model, "TFLite, of a fixed batch and frozen variables": tflite}  # fmt: skip


def tried() -> list[tuple[str, str, str, str]]:
    """Rows: what was tried, with keras.layers.LSTM, with ours, and in which time loop."""
    import keras
    import tensorflow as tf

    import lstmcs

    def pair(**options):
        stock, ours = (kind(2, recurrent_initializer="uniform", **options) for kind in (keras.layers.LSTM, lstmcs.LSTMCS))
        for layer in (stock, ours):
            layer.build(X.shape)
        rng = np.random.default_rng(2)
        stock.set_weights([rng.normal(size=w.shape, scale=0.5) for w in stock.get_weights()])
        ours.set_weights(stock.get_weights())
        for layer in (stock, ours):
            if options.get("seed"):
                layer.cell.seed_generator.state.assign([1, 0])
        return stock, ours

    def attempt(call, *arguments):
        try:
            return [np.asarray(tf.cast(tf.convert_to_tensor(part), tf.float64)) for part in tf.nest.flatten(call(*arguments))]
        except Exception as error:
            return type(error).__name__

    def compared(what, call, stock, ours, tolerance=1e-5):
        expected, found = attempt(call, stock), attempt(call, ours)
        if isinstance(found, str) or isinstance(expected, str):
            said = tuple(
                "works" if isinstance(r, list) else "an error" if r != "NotImplementedError" else "an error that says so"
                for r in (expected, found)
            )
        else:
            same = all(np.allclose(a, b, tolerance, tolerance) for a, b in zip(expected, found, strict=True))
            said = "works", "the same" if same else "DIFFERENT"
        return what, *said, getattr(ours, "loop", "")

    rows = [compared(what, lambda layer, kw=call: layer(X, **kw), *pair(**made)) for what, (made, call) in _options().items()]
    for name in DTYPES:
        rows.append(
            compared(
                f"dtype {name}",
                lambda layer, name=name: layer(tf.cast(X, name.removeprefix("mixed_"))),
                *pair(dtype=name),
                2e-2 if "16" in name else 1e-6,
            )
        )
    rows += [compared(what, lambda layer, call=call: call(layer, tf.constant(X)), *pair()) for what, call in _calls().items()]
    for what, through in _exports().items():
        models = [keras.Sequential([keras.Input((3, 4), batch_size=2), layer]) for layer in pair()]
        models[1](X)
        with tempfile.TemporaryDirectory() as folder:
            row = compared(what, lambda model, f=through, folder=folder: f(model, Path(tempfile.mkdtemp(dir=folder))), *models)
        rows.append((*row[:3], models[1].layers[0].loop))
    return rows


def table(rows) -> str:
    lines = [
        "| tried | `keras.layers.LSTM` | `lstmcs.LSTMCS` | time loop |",
        "|---|---|---|---|",
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def of_page() -> str:
    return re.search(f"{re.escape(BEGIN)}\n(.*?)\n{re.escape(END)}", PAGE.read_text(encoding="utf-8"), re.S)[1] + "\n"


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    made = table(tried())
    print(made, flush=True)
    if PAGE.is_file():
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(text.replace(of_page(), made), encoding="utf-8")
