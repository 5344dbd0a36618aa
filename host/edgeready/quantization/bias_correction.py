"""Bias correction: rounding the weights of a layer shifts the mean of its outputs, and its bias undoes the shift.

After Nagel et al. 2019 (arXiv:1906.04721, section 4.2), with the mean of each input value measured instead of
estimated. A layer is linear in front of its activation, so the mean of its outputs follows exactly from those means.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeready.quantization.activations import trace_activations
from edgeready.quantization.channels import LAYERS
from edgeready.quantization.matching import LayerPair, match_layers, real_values
from edgeready.quantization.samples import Samples
from edgeready_device.tflite.graph import Graph, Op, read_graph

_STRIDE_WIDTH, _STRIDE_HEIGHT, _PADDING, _SAME = 1, 2, 0, 0  # fields of Conv2DOptions and DepthwiseConv2DOptions
_DILATION = {"CONV_2D": (4, 5), "DEPTHWISE_CONV_2D": (5, 6)}  # width, height
_DATA, _WEIGHTS, _BIAS = 0, 1, 2
Values = NDArray[np.float64]


def correct_biases(float_model: bytes, quantized: bytes, samples: Samples) -> bytes:
    """Returns `quantized` with the biases of its int8 layers changed: each output channel has its float32 mean again.

    `float_model` is the float32 model of `quantized`; `samples` give the inputs of its layers.
    """
    changed = bytearray(quantized)
    graph, integer = read_graph(float_model), read_graph(memoryview(changed))
    pairs = [
        pair
        for pair in match_layers(graph, integer, same_training=True).pairs
        if _has_own_bias(integer, pair.integer)
    ]
    means = _tap_means(float_model, graph, [pair.float32 for pair in pairs], samples)
    corrections = [_correction(graph, integer, pair, mean) for pair, mean in zip(pairs, means, strict=True)]
    for pair, steps in zip(pairs, corrections, strict=True):
        bias = integer.tensors[pair.integer.inputs[_BIAS]].values()  # a view of the bytes
        limits = np.iinfo(bias.dtype)
        bias[:] = np.clip(steps, limits.min, limits.max).astype(bias.dtype)
    return bytes(changed)


def _has_own_bias(integer: Graph, op: Op) -> bool:
    """Returns whether `op` has int8 weights and an int32 bias that no other op uses."""
    if op.name not in LAYERS or len(op.inputs) <= _BIAS or op.inputs[_BIAS] < 0:
        return False
    weights, bias = integer.tensors[op.inputs[_WEIGHTS]], integer.tensors[op.inputs[_BIAS]]
    address = bias.data if bias.data is None else bias.values().__array_interface__["data"][0]
    users = [
        other
        for other in integer.ops
        for tensor in integer.of(other.inputs)
        if tensor.dtype == "int32" and tensor.constant and tensor.values().__array_interface__["data"][0] == address
    ]
    return weights.dtype == "int8" and weights.constant and bias.dtype == "int32" and len(users) == 1


def _correction(graph: Graph, integer: Graph, pair: LayerPair, mean: Values) -> Values:
    """Returns the bias, in its own steps, with which the integer layer has the mean of the float32 one."""
    exact = real_values(graph.tensors[pair.float32.inputs[_WEIGHTS]])
    rounded = real_values(integer.tensors[pair.integer.inputs[_WEIGHTS]])
    shift = _mean_output(pair.float32, rounded - exact, mean)
    bias = integer.tensors[pair.integer.inputs[_BIAS]]
    float_bias = np.zeros(bias.shape)
    if len(pair.float32.inputs) > _BIAS and pair.float32.inputs[_BIAS] >= 0:
        float_bias = graph.tensors[pair.float32.inputs[_BIAS]].values().astype(np.float64)
    return np.asarray(np.rint((float_bias - shift) / np.asarray(bias.scales)))


def _mean_output(op: Op, weights: Values, mean: Values) -> Values:
    """Returns the mean of each output channel for `weights` without bias, from the `mean` of each weight's input."""
    if op.name == "DEPTHWISE_CONV_2D":
        multiplier = weights.shape[-1] // mean.shape[-1]
        return np.asarray((weights[0] * np.repeat(mean, multiplier, axis=-1)).sum(axis=(0, 1)))
    return weights.reshape(len(weights), -1) @ mean.ravel()


def _tap_means(float_model: bytes, graph: Graph, ops: Sequence[Op], samples: Samples) -> list[Values]:
    """Returns for each of `ops` the mean input of each weight: (height, width, channels), or (inputs,)."""
    sums = [np.zeros(_tap_shape(graph, op)) for op in ops]
    sources = sorted({op.inputs[_DATA] for op in ops})
    count = 0
    for values in trace_activations(float_model, samples, sources):
        count += 1
        for op, total in zip(ops, sums, strict=True):
            total += _taps(graph, op, values[op.inputs[_DATA]].astype(np.float64))
    return [total / max(count, 1) for total in sums]


def _tap_shape(graph: Graph, op: Op) -> tuple[int, ...]:
    weights = graph.tensors[op.inputs[_WEIGHTS]].shape
    if op.name == "FULLY_CONNECTED":
        return (weights[1],)
    channels = weights[3] if op.name == "CONV_2D" else graph.tensors[op.inputs[_DATA]].shape[3]
    return (*weights[1:3], channels)


def _taps(graph: Graph, op: Op, values: Values) -> Values:
    """Returns the mean, over the places of the output, of the input value under each weight."""
    if op.name == "FULLY_CONNECTED":
        return np.asarray(values.reshape(-1, _tap_shape(graph, op)[0]).mean(axis=0))
    height, width, _ = shape = _tap_shape(graph, op)
    places = graph.tensors[op.outputs[0]].shape[1:3]
    strides = int(op.option(_STRIDE_HEIGHT, "i", 1)), int(op.option(_STRIDE_WIDTH, "i", 1))
    across, down = (int(op.option(number, "i", 1)) for number in _DILATION[op.name])
    reach = ((height - 1) * down + 1, (width - 1) * across + 1)
    padded = _pad(op, values[0], places, strides=strides, kernel=reach)
    means = np.empty(shape)
    for row in range(height):
        for column in range(width):
            window = padded[row * down :, column * across :]
            means[row, column] = window[: places[0] * strides[0] : strides[0], : places[1] * strides[1] : strides[1]][
                : places[0], : places[1]
            ].mean(axis=(0, 1))
    return means


def _pad(
    op: Op, values: Values, places: tuple[int, ...], *, strides: tuple[int, int], kernel: tuple[int, int]
) -> Values:
    """Returns `values` (height, width, channels) with the zeros that the op's padding puts around them."""
    if int(op.option(_PADDING, "b")) != _SAME:
        return values
    missing = [
        max((place - 1) * stride + size - extent, 0)
        for place, stride, size, extent in zip(places, strides, kernel, values.shape)
    ]
    return np.pad(values, [(whole // 2, whole - whole // 2) for whole in missing] + [(0, 0)])
