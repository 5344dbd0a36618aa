"""Makes a trained network take pictures as data sets hold them: (height, width, channels), float32, of one size."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from edgeready.errors import ModelSourceError, fit_reason
from edgeready.tf.architectures import Shape
from edgeready.tf.convert import freeze_call

_HALVES = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16")
_PIXELS = "uint8"


def fit_keras(model: keras.Model, frame: Shape, name: str) -> keras.Model:
    """Returns `model`, in float32, for frames of the shape `frame`; the same one where it takes them already.

    Open sizes become those of the frame; a flat input, or one with the channels first, gets a reshape or a
    permutation in front. Raises ModelSourceError where a model in half precision cannot be built again.
    """
    if len(getattr(model, "inputs", None) or ()) != 1:
        return model
    model = _in_float32(model, name)
    shape, picture = tuple(model.inputs[0].shape[1:]), _picture(frame)
    front = _front(shape, picture)
    if front is None:
        return model
    image = keras.Input(picture if front != "open" or len(shape) == 3 else picture[:2])
    pixels = image
    if front == "flat":
        pixels = keras.layers.Reshape((math.prod(picture),))(image)
    elif front == "channels first":
        pixels = keras.layers.Permute((3, 1, 2))(image)
    return keras.Model(image, model(pixels), name=model.name)


def fit_function(function: Any, frame: Shape) -> Any:
    """Returns the frozen `function` for frames of the shape `frame`, as `fit_keras` does."""
    if len(function.inputs) != 1:
        return function
    picture = _picture(frame)
    front = _front(tuple(function.inputs[0].shape[1:]), picture)
    if front in (None, "open"):
        return function

    graph, names = function.graph.as_graph_def(), [tensor.name for tensor in function.outputs]

    def call(image: tf.Tensor) -> Any:
        flat = front == "flat"
        pixels = tf.reshape(image, (1, math.prod(picture))) if flat else tf.transpose(image, (0, 3, 1, 2))
        inputs = {function.inputs[0].name: pixels}
        return tf.graph_util.import_graph_def(graph, input_map=inputs, return_elements=names, name="network")

    return freeze_call(call, [tf.TensorSpec((1, *picture), function.inputs[0].dtype, name="image")])


def _picture(frame: Shape) -> tuple[int, ...]:
    return tuple(frame) if len(frame) == 3 else (*frame, 1)


def _front(shape: tuple[int | None, ...], picture: tuple[int, ...]) -> str | None:
    """Returns what an input of `shape`, without the batch, needs in front of it for a `picture`; None for nothing."""
    if shape == (math.prod(picture),):
        return "flat"
    channels_first = (picture[2], *picture[:2])
    if len(shape) == 3 and shape == channels_first and shape != picture:
        return "channels first"
    fits = len(shape) in (2, 3) and all(size in (None, has) for size, has in zip(shape, picture))
    return "open" if None in shape and fits else None


def _in_float32(model: keras.Model, name: str) -> keras.Model:
    """Returns `model` with layers that compute, and an input that is, float32; the weights are float32 already."""
    halves = any(layer.dtype_policy.compute_dtype in _HALVES for layer in model._flatten_layers(include_self=False))
    if not halves and model.inputs[0].dtype == "float32":
        return model
    words = {*_HALVES, _PIXELS} if model.inputs[0].dtype == _PIXELS else set(_HALVES)
    try:
        config = _replace(keras.saving.serialize_keras_object(model), words)
        copy = keras.saving.deserialize_keras_object(config)
        copy.set_weights(model.get_weights())
    except (ValueError, TypeError, KeyError, NotImplementedError) as error:
        raise ModelSourceError(
            fit_reason(
                f"{name}: build it with keras.config.set_dtype_policy('float32') and load its weights: its "
                "halves stay (",
                error,
                ")",
            )
        ) from error
    return copy


def _replace(value: Any, words: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _replace(item, words) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_replace(item, words) for item in value)
    return "float32" if isinstance(value, str) and value in words else value
