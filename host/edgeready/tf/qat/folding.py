"""Folds layers that only scale and shift (batch normalization, rescaling) into the layer before them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from edgeready.tf.qat.calls import Call, Calls, read_calls, refuse

layers = keras.layers
WEIGHTED = (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense, layers.Conv2DTranspose)
_AFFINE = (layers.BatchNormalization, layers.Rescaling, layers.Normalization)
Affine = tuple[NDArray[np.float32], NDArray[np.float32]]


def fold(model: keras.Model) -> keras.Model:
    """Returns a functional model with the same inference results, without normalization layers and inner models.

    Batch normalization (with its inference statistics), rescaling and normalization go into the convolution or
    dense layer in front of them, and become a 1x1 depthwise convolution where there is none. A separable convolution
    becomes its two convolutions. The weights are copies.

    Raises ConversionError, naming the layer, when it cannot fold a layer.
    """
    calls = read_calls(model)
    followers = _followers(calls)
    skipped = {id(call) for call in followers.values()}
    first = keras.Input(tuple(model.inputs[0].shape[1:]), name="image")
    values: dict[int, Any] = {calls.entry: first}
    copies = _Copies()
    for call in calls.calls:
        if id(call) in skipped:
            continue
        follower = followers.get(id(call))
        inputs = [values[number] for number in call.inputs]
        value = inputs[0] if len(inputs) == 1 else inputs
        for layer in copies.of(call.layer, None if follower is None else follower.layer, inputs[0].shape):
            value = layer(value)
        values[call.output if follower is None else follower.output] = value
    copies.fill()
    return keras.Model(first, values[calls.exit], name=model.name)


def _followers(calls: Calls) -> dict[int, Call]:
    """Returns by the id of a weighted call without activation the affine call that is the only user of its result."""
    makers = {call.output: call for call in calls.calls}
    uses = calls.uses
    followers: dict[int, Call] = {}
    for call in calls.calls:
        maker = makers.get(call.inputs[0])
        if isinstance(call.layer, _AFFINE) and maker is not None and uses[maker.output] == 1:
            plain = isinstance(maker.layer, (*WEIGHTED, layers.SeparableConv2D))
            if plain and maker.layer.activation is keras.activations.linear:
                followers[id(maker)] = call
    return followers


class _Copies:
    """Copies of layers; a layer with several calls has one copy, so that its weights stay shared."""

    def __init__(self) -> None:
        self._layers: dict[tuple[int, int], list[Any]] = {}
        self._weights: list[tuple[Any, list[NDArray[np.float32]]]] = []
        self._names: Counter[str] = Counter()

    def of(self, layer: Any, follower: Any, shape: tuple[Any, ...]) -> list[Any]:
        """Returns the layers that replace `layer`, with the affine `follower` in them, on a tensor of `shape`."""
        key = (id(layer), id(follower))
        if key not in self._layers:
            self._layers[key] = self._copy(layer, follower, shape)
        return self._layers[key]

    def fill(self) -> None:
        """Sets the weights of the copies, which must have been called."""
        for layer, weights in self._weights:
            layer.set_weights(weights)

    def _copy(self, layer: Any, follower: Any, shape: tuple[Any, ...]) -> list[Any]:
        if getattr(layer, "data_format", "channels_last") == "channels_first":
            refuse(layer, "its channels come first", "build the model with channels_last")
        if isinstance(layer, layers.SeparableConv2D):
            return self._split_separable(layer, follower)
        if isinstance(layer, WEIGHTED):
            return [self._copy_weighted(layer, follower)]
        if isinstance(layer, _AFFINE):
            return [self._depthwise(layer, shape)]
        if layer.weights:
            refuse(layer, "its weights have no grid here", f"use {', '.join(kind.__name__ for kind in WEIGHTED)}")
        try:
            return [type(layer).from_config({**layer.get_config(), "name": self._name(layer.name)})]
        except NotImplementedError:
            refuse(layer, "Keras cannot copy it", "give its class a get_config")

    def _copy_weighted(self, layer: Any, follower: Any) -> Any:
        weights = _weights(layer)
        config = layer.get_config()
        for key in ("kernel", "depthwise", "bias"):
            for extra in ("regularizer", "constraint"):
                config.pop(f"{key}_{extra}", None)
        if follower is not None:
            axis = 2 if isinstance(layer, layers.Conv2DTranspose) else -1
            weights = _scale_weights(weights, affine(follower, _outputs(layer)), layer, axis=axis)
            config["use_bias"] = True
        copy = type(layer).from_config({**config, "name": self._name(layer.name), "dtype": "float32"})
        self._weights.append((copy, weights))
        return copy

    def _split_separable(self, layer: Any, follower: Any) -> list[Any]:
        depthwise, pointwise, *bias = _weights(layer)
        first = layers.DepthwiseConv2D(
            layer.kernel_size,
            strides=layer.strides,
            padding=layer.padding,
            depth_multiplier=layer.depth_multiplier,
            dilation_rate=layer.dilation_rate,
            use_bias=False,
            name=self._name(f"{layer.name}_depthwise"),
        )
        weights = [pointwise, *bias]
        if follower is not None:
            weights = _scale_weights(weights, affine(follower, layer.filters), layer, axis=-1)
        second = layers.Conv2D(
            layer.filters, 1, activation=layer.activation, use_bias=len(weights) == 2, name=self._name(layer.name)
        )
        self._weights += [(first, [depthwise]), (second, weights)]
        return [first, second]

    def _depthwise(self, layer: Any, shape: tuple[Any, ...]) -> Any:
        """Returns the 1x1 depthwise convolution that does the same as an affine layer with nothing before it."""
        if len(shape) != 4:
            refuse(layer, "nothing before it can hold it", "put it directly after a Dense layer without activation")
        scale, offset = affine(layer, shape[-1])
        convolution = layers.DepthwiseConv2D(1, name=self._name(layer.name))
        self._weights.append((convolution, [scale.reshape(1, 1, -1, 1), offset]))
        return convolution

    def _name(self, name: str) -> str:
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name}_{self._names[name]}"


def affine(layer: Any, channels: int) -> Affine:
    """Returns (scale, offset), each (channels,), of a layer that computes x * scale + offset in inference."""
    if isinstance(layer, layers.Rescaling):
        scale, offset = np.asarray(layer.scale), np.asarray(layer.offset)
    elif isinstance(layer, layers.Normalization):
        spread = np.maximum(np.sqrt(np.asarray(layer.variance)), keras.config.epsilon())
        scale, offset = 1 / spread, -np.asarray(layer.mean) / spread
        if layer.invert:
            scale, offset = spread, np.asarray(layer.mean)
    else:
        scale = 1 / np.sqrt(np.asarray(layer.moving_variance) + layer.epsilon)
        scale = scale * np.asarray(layer.gamma) if layer.scale else scale
        offset = -np.asarray(layer.moving_mean) * scale
        offset = offset + np.asarray(layer.beta) if layer.center else offset
    rank = layer.input_spec.ndim if isinstance(layer, layers.BatchNormalization) else 0
    if any(values.size not in (1, channels) for values in (scale, offset)) or (rank and (layer.axis + 1) % rank):
        refuse(layer, "it does not work on the last axis", "use axis=-1")
    return tuple(np.broadcast_to(values.ravel().astype(np.float32), (channels,)) for values in (scale, offset))  # type: ignore[return-value]


def _weights(layer: Any) -> list[NDArray[np.float32]]:
    weights = [np.asarray(weight, np.float32) for weight in layer.get_weights()]
    if not all(np.isfinite(weight).all() for weight in weights):
        refuse(layer, "its weights are not finite", "train it again")
    return weights


def _outputs(layer: Any) -> int:
    if isinstance(layer, layers.DepthwiseConv2D):
        return int(np.prod(layer.kernel.shape[-2:]))
    return int(layer.units if isinstance(layer, layers.Dense) else layer.filters)


def _scale_weights(
    weights: list[NDArray[np.float32]], by: Affine, layer: Any, axis: int
) -> list[NDArray[np.float32]]:
    """Returns kernel and bias of a layer that computes the same as `layer` followed by `by`."""
    kernel, bias = weights[0], weights[1] if len(weights) > 1 else np.float32(0)
    scale, offset = by
    if isinstance(layer, layers.DepthwiseConv2D):
        return [kernel * scale.reshape(kernel.shape[-2:]), bias * scale + offset]
    shape = [1] * kernel.ndim
    shape[axis] = len(scale)
    return [kernel * scale.reshape(shape), bias * scale + offset]
