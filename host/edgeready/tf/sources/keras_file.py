"""Reads a saved Keras model with Keras 3, or with tf_keras where Keras 2 wrote the file."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from edgeready.config.extras import install_command
from edgeready.errors import MissingExtraError, ModelSourceError, fit_reason
from edgeready.tf.convert import freeze
from edgeready.tf.sources.keras_code import GIVE, LAMBDA, find_code, find_stranger
from edgeready.tf.sources.keras_content import KerasContent, read_content
from edgeready.tf.sources.network import Network
from edgeready_device.tflite.structure.tensors import MOST_BYTES

# Weights that a network may make for each one in its file, and more: a layer may keep some that are not saved.
_MOST_PER_WEIGHT, _MORE = 4, 1 << 20


_NOT_LOADED = (ValueError, TypeError, OSError, KeyError, AttributeError)  # what the libraries raise for such a file


_UNTRAINED = "that is no trained model"


class _TooManyWeightsError(Exception):
    """The layers ask for more weights than their file holds; no ValueError, which a library takes for its own."""


def load_keras_file(path: Path) -> keras.Model | Network:
    """Returns the Keras 3 model in the file `path`; a Network where only tf_keras loads it.

    Keras 3 reads many files of Keras 2, but no MobileNet and no model in a model, as Teachable Machine writes.

    Raises ModelSourceError with Keras' reason, or for code and names of files in the model, and MissingExtraError
    when tf_keras is needed and not installed.
    """
    content = read_content(path)
    if code := find_code(content.config):
        raise ModelSourceError(f"{path}: the model is not loaded ({code})")
    try:
        model = _load(path, content, keras)
    except _NOT_LOADED as error:
        if content.version.startswith("2."):
            return _legacy(path, content, error)
        raise ModelSourceError(_say(f"{path}: Keras {keras.__version__} does not load it (", error)) from error
    _check_sizes(path, model)
    return model


def _load(path: Path, content: KerasContent, library: Any) -> Any:
    """Returns the model as `library` (keras or tf_keras) loads it; raises one of _NOT_LOADED."""
    if stranger := find_stranger(content.config, library):
        raise ValueError(stranger)
    try:
        with _bounded_weights(library, content.weights):
            return library.models.load_model(path, compile=False)
    except _TooManyWeightsError as error:
        raise ValueError(str(error)) from error


def _legacy(path: Path, content: KerasContent, why: BaseException) -> Network:
    version = content.version
    try:
        import tf_keras  # noqa: PLC0415  (an extra, and 2 s)
        from tf_keras.src.saving.serialization_lib import SafeModeScope  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError(
            fit_reason(
                f"{path} was written by Keras {version}, and Keras {keras.__version__} does not load it (",
                _own_words(why) or why,
                f"): run {install_command('legacy')}",
            )
        ) from error
    try:
        with SafeModeScope(True):
            model = _load(path, content, tf_keras)
    except _NOT_LOADED as error:
        raise ModelSourceError(
            _say(
                f"{path} was written by Keras {version}, and tf_keras {tf_keras.__version__} does not load it (",
                error,
            )
        ) from error
    return Network(name=path.stem, function=freeze(model), versions=(("tf_keras", str(tf_keras.__version__)),))


@contextmanager
def _bounded_weights(library: Any, weights: int) -> Iterator[None]:
    """Ends the loading of a model whose layers ask for more weights than its file, which holds `weights`, could fill.

    The libraries make them all before they look into the file.
    """
    original = library.layers.Layer.add_weight
    signature, most, count = inspect.signature(original), _MOST_PER_WEIGHT * weights + _MORE, 0

    def add_weight(layer: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal count
        shape: Any = signature.bind(layer, *arguments, **options).arguments.get("shape") or ()
        sizes = tuple(shape) if isinstance(shape, Iterable) else (shape,)
        count += math.prod(int(size) for size in sizes)
        if count > most:
            raise _TooManyWeightsError(
                f"the layers up to {str(layer.name)[:80]!r} ask for {count:,} weights, and the file holds "
                f"{weights:,}: {_UNTRAINED}"
            )
        return original(layer, *arguments, **options)

    library.layers.Layer.add_weight = add_weight
    try:
        yield
    finally:
        library.layers.Layer.add_weight = original


def _check_sizes(path: Path, model: Any) -> None:
    """Raises ModelSourceError for a layer whose result no .tflite may hold: rewriting the model would compute it."""
    waiting = [model]
    while waiting:
        operation = waiting.pop()
        waiting.extend(getattr(operation, "_operations", ()))  # of a functional model and of a Sequential one
        waiting.extend(getattr(operation, "_layers", ()) if isinstance(operation, keras.Sequential) else ())
        for node in getattr(operation, "_inbound_nodes", ()):
            for tensor in node.output_tensors:
                size = 4 * math.prod(int(size) for size in tensor.shape if size is not None)
                if size > MOST_BYTES:
                    raise ModelSourceError(
                        f"{path}: the layer {operation.name[:80]!r} gives {list(tensor.shape)}, {size:,} bytes of "
                        f"float32, and a .tflite has {MOST_BYTES:,} at most: use a smaller input"
                    )


def _say(before: str, error: BaseException) -> str:
    """Returns `before`, why the file does not load, and what to do."""
    own = _own_words(error)
    if own:
        return f"{before}{own})"
    return fit_reason(before, error, "): give FILE.py:FUNCTION that builds it, or the folder of model.export")


def _own_words(error: BaseException) -> str:
    """Returns our own reason with what to do, where `error` is one; "" for a library's."""
    text = str(error)
    if "Python lambda" in text.replace("`", ""):
        return LAMBDA
    return text if text.endswith((GIVE, _UNTRAINED)) else ""
