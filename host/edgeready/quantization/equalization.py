"""Cross-layer equalization: gives the channels of a tensor similar sizes, and the layers around it undo the change.

It works on the float32 .tflite, where batch normalization is folded and activations are fused: the arithmetic is that
of the Keras model, and every source profits. After Nagel et al. 2019 (arXiv:1906.04721), with the sizes of the
activations in place of those of the weights, as in SmoothQuant (arXiv:2211.10438).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from edgeready.quantization.activations import trace_activations
from edgeready.quantization.channels import ChannelGroup, find_channel_groups
from edgeready.quantization.samples import Samples
from edgeready_device.tflite.graph import Graph, Op, Tensor, read_graph

_LEAST = 2.0**-16  # of the largest channel; chosen: a smaller channel is nearly dead, and new data would overflow it
_WEIGHTS, _BIAS = 1, 2
Sizes = NDArray[np.float64]


def equalize_channels(float_model: bytes, samples: Samples) -> bytes:
    """Returns `float_model` with its channels rescaled so that 8 bits serve each, and with the same results.

    The sizes of the channels are those on `samples`. Only weights and biases change in the bytes.
    """
    changed = bytearray(float_model)
    graph = read_graph(memoryview(changed))
    groups = find_channel_groups(graph)
    sizes = _sizes(float_model, groups, samples)
    for group in groups:
        factors = _factors(graph, group, sizes)
        for op in group.writers:
            _divide(graph, op, factors)
        for op in group.readers:
            _multiply(graph, op, factors)
    return bytes(changed)


def _factors(graph: Graph, group: ChannelGroup, sizes: Mapping[int, Sizes]) -> Sizes:
    """Returns the divisor of each channel: the geometric mean of the divisors that serve each shared grid best.

    The channels share the grid of the tensors, that of a reader's weights (which has a scale per output only) and
    that of a dense writer's weights (which has one scale). Depthwise readers and other writers have a scale per
    channel.
    """
    divisors = [np.max([_relative(sizes[index]) for index in group.tensors], axis=0)]
    for op in group.readers:
        if op.name != "DEPTHWISE_CONV_2D":
            divisors.append(1 / _relative(_read_by(graph, op, group.count)))
    for op in group.writers:
        if op.name == "FULLY_CONNECTED":
            divisors.append(_relative(_written_by(graph, op, group.count)))
    alive = np.max([sizes[index] for index in group.tensors], axis=0) > 0
    if not alive.any():
        return np.ones(group.count)
    factors = np.exp(np.mean(np.log(divisors), axis=0))
    factors[~alive] = np.median(factors[alive])
    return np.asarray(factors / factors.max())


def _relative(sizes: Sizes) -> Sizes:
    largest = sizes.max()
    return np.maximum(sizes / largest, _LEAST) if largest > 0 else np.ones_like(sizes)


def _sizes(float_model: bytes, groups: Iterable[ChannelGroup], samples: Samples) -> dict[int, Sizes]:
    """Returns the largest absolute value of each channel of each tensor."""
    counts = {index: group.count for group in groups for index in group.tensors}
    sizes = {index: np.zeros(count) for index, count in counts.items()}
    for values in trace_activations(float_model, samples, sorted(counts)):
        for index, size in sizes.items():
            np.maximum(size, np.abs(values[index]).reshape(-1, counts[index]).max(axis=0), out=size)
    return sizes


def _read_by(graph: Graph, op: Op, count: int) -> Sizes:
    """Returns the largest absolute weight of a convolution or dense layer for each of its `count` input channels."""
    weights = np.abs(graph.tensors[op.inputs[_WEIGHTS]].values())
    return np.asarray(weights.reshape(-1, count).max(axis=0), np.float64)


def _written_by(graph: Graph, op: Op, count: int) -> Sizes:
    """Returns the largest absolute weight of each of the `count` output channels of a dense layer."""
    weights = np.abs(graph.tensors[op.inputs[_WEIGHTS]].values())
    rows = weights.max(axis=1).reshape(-1, count)
    return np.asarray(rows.max(axis=0), np.float64)


def _divide(graph: Graph, op: Op, factors: Sizes) -> None:
    """Divides the output channels of a layer, in place."""
    weights = _writable(graph.tensors[op.inputs[_WEIGHTS]])
    if op.name == "DEPTHWISE_CONV_2D":
        divisors = np.tile(factors, weights.shape[-1] // len(factors))
        weights /= divisors  # (1, height, width, channels)
    else:
        divisors = np.tile(factors, len(weights) // len(factors))
        weights /= divisors.reshape(-1, *[1] * (weights.ndim - 1))  # (channels, ...)
    for bias in graph.of(op.inputs[_BIAS:]):
        values = _writable(bias)
        values /= divisors


def _multiply(graph: Graph, op: Op, factors: Sizes) -> None:
    """Multiplies the input channels of a layer, in place."""
    weights = _writable(graph.tensors[op.inputs[_WEIGHTS]])
    if op.name == "DEPTHWISE_CONV_2D":
        inputs = graph.tensors[op.inputs[0]].shape[-1]
        weights *= np.repeat(np.tile(factors, inputs // len(factors)), weights.shape[-1] // inputs)
    else:
        rows = weights.reshape(-1, len(factors))  # a view: the last axis is that of the input
        rows *= factors


def _writable(tensor: Tensor) -> NDArray[np.float32]:
    """Returns a view of the file's bytes, which are a bytearray here."""
    values: NDArray[np.float32] = tensor.values()
    return values
