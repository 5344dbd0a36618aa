"""The exact rewrites: one function a kind of layer, named as its sentence in edgeready.readiness.rewrites."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

Apply = Callable[[Any], Any]
_MEAN_VALUES = 64 * 128  # the largest image of which the Edge TPU takes a mean: the rule `mean-size`
_LAST = "channels_last"


def nearest_upsampling(layer: keras.layers.Layer) -> Apply | None:
    """Returns the function that replaces an UpSampling2D by repetition; None for other layers."""
    if not isinstance(layer, keras.layers.UpSampling2D) or layer.interpolation != "nearest":
        return None
    if layer.data_format != _LAST or tuple(layer.size) == (1, 1):
        return None
    steps = _steps(*layer.size)

    def apply(image: Any) -> Any:
        for height, width in steps or ():
            size = [image.shape[1] * height, image.shape[2] * width]
            image = tf.raw_ops.ResizeNearestNeighbor(
                images=image, size=tf.constant(size), align_corners=False, half_pixel_centers=False
            )
        return image

    return apply if steps else None


def grouped_convolution(layer: keras.layers.Layer) -> Apply | None:
    """Returns the function that replaces a Conv2D of several groups; None for other layers."""
    if type(layer) is not keras.layers.Conv2D or layer.groups == 1 or layer.data_format != _LAST:
        return None
    kernel, groups = layer.kernel, layer.groups
    padding = layer.padding.upper()
    height, width, depth, filters = kernel.shape
    finish = _finish(layer)
    if depth == 1 and layer.strides[0] == layer.strides[1] and layer.dilation_rate[0] == layer.dilation_rate[1]:
        if layer.strides[0] > 1 and layer.dilation_rate[0] > 1:
            return None
        shape = (height, width, groups, filters // groups)
        strides = (1, *layer.strides, 1)

        def channelwise(image: Any) -> Any:
            weights = tf.reshape(kernel, shape)
            return finish(
                tf.nn.depthwise_conv2d(image, weights, strides, padding=padding, dilations=layer.dilation_rate)
            )

        return channelwise

    def apply(image: Any) -> Any:
        parts = []
        for i in range(groups):
            weights = kernel[..., i * filters // groups : (i + 1) * filters // groups]
            part = image[..., i * depth : (i + 1) * depth]
            parts.append(tf.nn.conv2d(part, weights, layer.strides, padding=padding, dilations=layer.dilation_rate))
        return finish(tf.concat(parts, -1))

    return apply


def dense_on_images(layer: keras.layers.Layer) -> Apply | None:
    """Returns the function that replaces a Dense layer on an image; None for other layers."""
    if type(layer) is not keras.layers.Dense or len(_input_shape(layer)) != 4:
        return None
    finish = _finish(layer)
    return lambda image: finish(tf.nn.conv2d(image, layer.kernel[tf.newaxis, tf.newaxis], 1, padding="VALID"))


def mean_in_parts(layer: keras.layers.Layer) -> Apply | None:
    """Returns the function that replaces the mean of an image too large for one MEAN; None for other layers."""
    if not isinstance(layer, keras.layers.GlobalAveragePooling2D) or layer.data_format != _LAST:
        return None
    height, width = (*_input_shape(layer), None, None, None)[1:3]
    if None in (height, width) or height * width <= _MEAN_VALUES:
        return None
    part = next(
        (n for n in (2, 4, 8) if not height % n and not width % n and height * width <= n * n * _MEAN_VALUES), 0
    )
    keep = layer.keepdims
    if not part:
        return None
    return lambda image: tf.reduce_mean(tf.nn.avg_pool2d(image, part, part, padding="VALID"), [1, 2], keepdims=keep)


def leaky_relu(layer: keras.layers.Layer) -> Apply | None:
    """Returns the function that replaces a LeakyReLU, or a ReLU with a slope; None for other layers."""
    plain = isinstance(layer, keras.layers.ReLU) and layer.max_value is None and layer.threshold == 0
    if not isinstance(layer, keras.layers.LeakyReLU) and not (plain and layer.negative_slope):
        return None
    return _leaky(float(layer.negative_slope))


def activation(layer: keras.layers.Layer) -> Apply | None:
    """Returns the function that replaces an Activation that has a mapped form; None for other layers."""
    if type(layer) is not keras.layers.Activation:
        return None
    return _SAME.get(_activation_name(layer))


def activated_layer(layer: keras.layers.Layer) -> Apply | None:
    """Returns the function that replaces a layer whose activation has a mapped form; None for other layers."""
    after = _SAME.get(_activation_name(layer))
    if after is None or not isinstance(
        layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)
    ):
        return None
    return None if getattr(layer, "data_format", _LAST) != _LAST else lambda image: after(_linear(layer, image))


REWRITES: tuple[Callable[[keras.layers.Layer], Apply | None], ...] = (
    nearest_upsampling,
    grouped_convolution,
    dense_on_images,
    mean_in_parts,
    leaky_relu,
    activation,
    activated_layer,
)

_PROPOSED = {
    "gelu": "gelu has no mapped form: swish (silu) comes near, train again",
    "elu": "elu has no mapped form: use relu, train again",
    "selu": "selu has no mapped form: use relu, train again",
    "celu": "celu has no mapped form: use relu, train again",
    "softplus": "softplus has no mapped form: use relu, train again",
    "softsign": "softsign has no mapped form: use tanh, train again",
    "mish": "mish has no mapped form: use swish (silu), train again",
    "exponential": "exp has no mapped form: leave it to the program that reads the output",
}


def proposal(layer: keras.layers.Layer) -> str:
    """Returns the change that would make `layer` mapped with other results; "" where none is known."""
    kind = type(layer).__name__
    if kind in ("LayerNormalization", "GroupNormalization"):
        return f"{kind} has no mapped form: use BatchNormalization, train again"
    if kind == "PReLU" and not set(range(1, len(_input_shape(layer)) - 1)) <= set(layer.shared_axes or ()):
        return "PReLU with slopes of their own for each pixel is not mapped: use shared_axes=[1, 2], train again"
    return _PROPOSED.get(kind.lower() if kind in ("ELU",) else _activation_name(layer), "")


def _input_shape(layer: keras.layers.Layer) -> tuple[Any, ...]:
    """Returns the input shape of `layer`; () when it was not called, or was called with several shapes."""
    shapes = {tuple(node.input_tensors[0].shape) for node in layer._inbound_nodes if node.input_tensors}
    return shapes.pop() if len(shapes) == 1 else ()


def _activation_name(layer: keras.layers.Layer) -> str:
    return str(getattr(getattr(layer, "activation", None), "__name__", ""))


def _steps(height: int, width: int) -> list[tuple[int, int]] | None:
    """Returns factors of 2 and 3 whose products are `height` and `width`; None where there are none.

    The compiler was seen to map a resize by 2; what it does with one by 3 is not known.
    """
    rows, columns = _factors(height), _factors(width)
    if rows is None or columns is None:
        return None
    count = max(len(rows), len(columns))
    return list(zip(rows + [1] * (count - len(rows)), columns + [1] * (count - len(columns))))


def _factors(number: int) -> list[int] | None:
    factors = []
    for factor in (2, 3):
        while number % factor == 0:
            factors.append(factor)
            number //= factor
    return factors or [1] if number == 1 else None


def _leaky(slope: float) -> Apply:
    def apply(image: Any) -> Any:
        alpha = tf.constant(np.full((1,) * (len(image.shape) - 2) + (image.shape[-1],), -slope, np.float32))
        return tf.nn.relu(image) + alpha * tf.nn.relu(-image)  # the converter makes PRELU of this

    return apply


def _hard_swish(image: Any) -> Any:
    return (image * (1 / 6)) * tf.nn.relu6(image + 3.0)  # in this order; in the usual one it becomes HARD_SWISH


def _hard_sigmoid(image: Any) -> Any:
    return tf.nn.relu6(image + 3.0) * (1 / 6)


_SAME: dict[str, Apply] = {
    "hard_swish": _hard_swish,
    "hard_silu": _hard_swish,
    "hard_sigmoid": _hard_sigmoid,
    "leaky_relu": _leaky(0.2),
}
"""Activations by Keras' name and their mapped forms; Keras' leaky_relu as a name has the slope 0.2."""


def _finish(layer: Any) -> Apply:
    """Returns the function that adds the bias of `layer` and applies its activation, in a mapped form."""
    after = _SAME.get(_activation_name(layer), layer.activation)

    def apply(image: Any) -> Any:
        return after(image + layer.bias if layer.use_bias else image)

    return apply


def _linear(layer: Any, image: Any) -> Any:
    """Returns what `layer` computes before its activation."""
    activation, layer.activation = layer.activation, keras.activations.linear
    try:
        return layer(image)
    finally:
        layer.activation = activation
