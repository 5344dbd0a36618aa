"""Rewrites layers that the Edge TPU does not map into layers that it maps, where the result stays the same.

Each rewrite is a function that takes a layer and returns the function that replaces it, or None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeready.errors import ConversionError
from edgeready.readiness.rewrites import SENTENCES
from edgeready.tf.rewrites import REWRITES, Apply, proposal

FRAMES = 8  # whose results are compared; chosen: few, because a wrong rewrite shows on every image
# Of the largest output; chosen: ten times what the tests allow for sums in another order.
_TOLERANCE = 1e-4
_LEAST_OUTPUT = 1e-3  # chosen: smaller outputs are compared as if they were this large
Sample = Sequence[NDArray[Any]]  # one array per input, with batch 1


@dataclass(frozen=True, kw_only=True)
class RewrittenModel:
    """A model with the same results, its `rewrites`, and `proposals` that would change the results."""

    model: keras.Model
    rewrites: tuple[str, ...] = ()
    proposals: tuple[str, ...] = ()


class Replacement(keras.layers.Layer):  # type: ignore[misc]
    """A layer that applies `function`, whose weights belong to the replaced layer."""

    def __init__(self, name: str, function: Apply) -> None:
        super().__init__(name=name, trainable=False)
        self._function = function

    def call(self, image: Any) -> Any:
        """Returns the result of the function for `image`."""
        return self._function(image)


def rewrite(model: keras.Model, samples: Sequence[Sample]) -> RewrittenModel:
    """Returns `model` with every layer rewritten that has an exact mapped form; `model` itself where none has one.

    Raises ConversionError when the rewritten model has other results on `samples`.
    """
    layers = [layer for layer in model._flatten_layers() if layer is not model]
    proposals = tuple(f"{layer.name}: {advice}" for layer in layers if (advice := proposal(layer)))
    replacements = {id(layer): pair for layer in layers if (pair := _replacement(layer)) is not None}
    if not replacements or not _can_be_cloned(model):
        return RewrittenModel(model=model, proposals=proposals)

    def replace(layer: keras.layers.Layer) -> keras.layers.Layer:
        if id(layer) not in replacements:
            return layer  # with its weights
        return Replacement(f"{layer.name}_rewritten", replacements[id(layer)][1])

    copy = keras.models.clone_model(model, clone_function=replace, recursive=True)
    rewrites = tuple(sentence for sentence, _ in replacements.values())
    _prove_same(model, copy, samples, rewrites)
    return RewrittenModel(model=copy, rewrites=rewrites, proposals=proposals)


def _replacement(layer: keras.layers.Layer) -> tuple[str, Apply] | None:
    """Returns the first rewrite that fits `layer`: the sentence for the user, and the function in its place."""
    for find_replacement in REWRITES:
        function = find_replacement(layer)
        if function is not None:
            sentence = SENTENCES[find_replacement.__name__].rstrip(".")
            return f"{layer.name}: {sentence}", function
    return None


def _can_be_cloned(model: keras.Model) -> bool:
    """Returns whether `model` and its inner models are of Keras' own classes; a clone of another loses its `call`."""
    models = [model, *(layer for layer in model._flatten_layers() if isinstance(layer, keras.Model))]
    return all(type(part).__module__.startswith("keras.") for part in models)


def _prove_same(model: keras.Model, copy: keras.Model, samples: Sequence[Sample], rewrites: tuple[str, ...]) -> None:
    before, after = _outputs(model, samples), _outputs(copy, samples)
    distance = float(np.max(np.abs(before - after), initial=0.0))
    size = float(np.max(np.abs(before), initial=0.0))
    if not distance <= _TOLERANCE * max(size, _LEAST_OUTPUT):
        raise ConversionError(
            f"the rewritten model differs by {distance:g} from the given one, whose largest output is {size:g} "
            f"({'; '.join(rewrites)}): convert with --no-fix, and report this model"
        )


def _outputs(model: keras.Model, samples: Sequence[Sample]) -> NDArray[np.float32]:
    """Returns all outputs of `model` on all `samples` in one row."""
    rows = []
    for sample in samples:
        inputs = [tf.constant(array) for array in sample]
        outputs = model(inputs[0] if len(inputs) == 1 else inputs, training=False)
        rows += [np.asarray(output).reshape(-1) for output in tf.nest.flatten(outputs)]
    return np.concatenate(rows) if rows else np.zeros(0, np.float32)
