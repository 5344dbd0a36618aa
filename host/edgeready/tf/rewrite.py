"""Rewrites layers that the Edge TPU has no form for into ones that it has, where the result stays the same.

Each rewrite is a function that takes a layer and gives the function that replaces it, or None; its docstring is the
sentence that the user sees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeready.errors import ConversionError
from edgeready.quantization.samples import Feeds
from edgeready.tf.rewrites import REWRITES, Apply, proposal
from edgeready_device.preprocess import Normalization

FRAMES = 8
_TOLERANCE = 1e-4
Samples = Sequence[Sequence[NDArray[Any]]]


@dataclass(frozen=True)
class Mended:
    """A model that gives the same results, and what was rewritten in it; `proposed` would change the results."""

    model: keras.Model
    rewritten: tuple[str, ...] = ()
    proposed: tuple[str, ...] = ()


class Replacement(keras.layers.Layer):  # type: ignore[misc]
    """A layer that applies `function`, whose weights belong to the layer that it stands for."""

    def __init__(self, name: str, function: Apply) -> None:
        super().__init__(name=name, trainable=False)
        self._function = function

    def call(self, image: Any) -> Any:
        """What the function makes of `image`."""
        return self._function(image)


def mend(model: keras.Model, calibration: NDArray[np.uint8], normalization: Normalization) -> Mended:
    """`mend_on` the first frames of `calibration`, uint8 pixels in the rank of the model."""
    return mend_on(model, list(Feeds((np.asarray(calibration[:FRAMES]),), normalization)()))


def mend_on(model: keras.Model, samples: Samples) -> Mended:
    """`model` with every layer rewritten for which there is an exact mapped form; itself where there is none.

    Raises ConversionError when the rewritten model does not give the same on `samples`, each a list of one array
    per input, with batch 1.
    """
    layers = [layer for layer in model._flatten_layers() if layer is not model]
    proposed = tuple(f"{layer.name}: {advice}" for layer in layers if (advice := proposal(layer)))
    found = {id(layer): pair for layer in layers if (pair := _rewrite(layer)) is not None}
    if not found or not _can_be_cloned(model):
        return Mended(model, (), proposed)

    def replace(layer: keras.layers.Layer) -> keras.layers.Layer:
        if id(layer) not in found:
            return layer  # with its weights
        return Replacement(f"{layer.name}_mended", found[id(layer)][1])

    mended = keras.models.clone_model(model, clone_function=replace, recursive=True)
    rewritten = tuple(sentence for sentence, _ in found.values())
    _prove_same(model, mended, samples, rewritten)
    return Mended(mended, rewritten, proposed)


def _rewrite(layer: keras.layers.Layer) -> tuple[str, Apply] | None:
    """The first rewrite that fits `layer`: the sentence for the user, and the function in its place."""
    for rewrite in REWRITES:
        function = rewrite(layer)
        if function is not None:
            return f"{layer.name}: {_sentence(rewrite)}", function
    return None


def _can_be_cloned(model: keras.Model) -> bool:
    """Whether `model` and the models in it are what Keras itself makes; one with a call of its own would lose it."""
    inner = [layer for layer in model._flatten_layers() if isinstance(layer, keras.Model)]
    return all(type(each).__module__.startswith("keras.") for each in (model, *inner))


def _prove_same(model: keras.Model, mended: keras.Model, samples: Samples, rewritten: tuple[str, ...]) -> None:
    before, after = (_answers(each, samples) for each in (model, mended))
    distance = float(np.max(np.abs(before - after), initial=0.0))
    size = float(np.max(np.abs(before), initial=0.0))
    if not distance <= _TOLERANCE * max(size, 1e-3):
        raise ConversionError(
            f"the rewritten model differs by {distance:g} from the given one, whose largest output is {size:g} "
            f"({'; '.join(rewritten)}): convert with --no-fix, and report this model"
        )


def _answers(model: keras.Model, samples: Samples) -> NDArray[np.float32]:
    """All outputs of `model` on all `samples` in one row."""
    rows = []
    for sample in samples:
        inputs = [tf.constant(array) for array in sample]
        answers = model(inputs[0] if len(inputs) == 1 else inputs, training=False)
        rows += [np.asarray(answer).reshape(-1) for answer in tf.nest.flatten(answers)]
    return np.concatenate(rows) if rows else np.zeros(0, np.float32)


def _sentence(rewrite: Callable[..., Any]) -> str:
    return " ".join((rewrite.__doc__ or "").split("\n\n")[0].split()).rstrip(".")
