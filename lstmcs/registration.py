"""So that Keras knows the layers of a saved model after `import lstmcs` alone, and `import lstmcs` still loads no Keras.

Keras finds a class of ours by its registered name ("lstmcs>LSTMCS"), and a class is registered when its module is imported. In a
process that has Keras those modules are imported at once; in one that has not, right after the first `import keras`, by a finder
at the head of sys.meta_path that looks for that one name, changes nothing of how it is imported, and is gone afterwards.
"""

import importlib
import sys
import warnings

#: The modules with registered classes. None of them imports another: one that is itself being imported is as good as done.
MODULES = ("cell", "models.layers")


def register() -> None:
    """Now, or as soon as Keras is imported."""
    if "keras" in sys.modules:
        _import_all()
    elif not any(isinstance(finder, _WhenKerasIs) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WhenKerasIs())


def _import_all() -> None:
    for name in MODULES:
        try:
            importlib.import_module(f".{name}", __package__)
        except Exception as error:  # a Keras that is none of ours must not stop `import keras`; lstmcs.LSTMCS raises it
            warnings.warn(f"lstmcs has not registered its layers with Keras: {type(error).__name__}: {error}", ImportWarning, stacklevel=2)


class _WhenKerasIs:
    """Finder that imports the modules above after keras."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        others = (finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec"))
        spec = next((found for finder in others if (found := finder.find_spec(name, path, target)) is not None), None)
        if spec is None or not hasattr(spec.loader, "exec_module"):
            return spec
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            if self in sys.meta_path:  # once
                sys.meta_path.remove(self)
                _import_all()

        spec.loader.exec_module = exec_module  # of this one loader, made for this one import
        return spec
