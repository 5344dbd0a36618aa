"""Cross-layer equalization: the channels of a tensor are brought to like sizes, which the layers around it undo.

Done in the float32 .tflite, where batch normalization is folded and activations are fused: the same arithmetic as on
the Keras model, and it serves every source alike. After Nagel et al. 2019 (arXiv:1906.04721), with the sizes of the
activations in place of those of the weights, as in SmoothQuant (arXiv:2211.10438).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from edgeready.quantization.activations import activations
from edgeready.quantization.channels import ChannelGroup, channel_groups
from edgeready.quantization.samples import Feeds
from edgeready_device.tflite.graph import Graph, Op, Tensor, read_graph

_LEAST = 2.0**-16  # of the largest channel: a smaller one is nearly dead, and new data would overflow it
_WEIGHTS, _BIAS = 1, 2
Sizes = NDArray[np.float64]


def equalized(float_model: bytes, feeds: Feeds) -> bytes:
    """`float_model` with its channels rescaled so that 8 bits serve each, and the same results.

    `feeds` show how large each channel gets. The bytes are those of `float_model` but for weights and biases.
    """
    changed = bytearray(float_model)
    graph = read_graph(memoryview(changed))
    groups = channel_groups(graph)
    sizes = _sizes(float_model, groups, feeds)
    for group in groups:
        factors = _factors(graph, group, sizes)
        for op in group.writers:
            _divide(graph, op, factors)
        for op in group.readers:
            _multiply(graph, op, factors)
    return bytes(changed)


def _factors(graph: Graph, group: ChannelGroup, sizes: Mapping[int, Sizes]) -> Sizes:
    """What each channel is divided by: the geometric mean of what evens out each grid that the channels share.

    These are the grid of the tensors, that of the weights of a reader (a scale per output, so that its inputs share
    one), and that of a dense writer (one scale). Depthwise readers and other writers have a scale per channel.
    """
    wanted = [_relative(sizes[index]) for index in group.tensors]
    wanted = [np.max(wanted, axis=0)]
    for op in group.readers:
        if op.name != "DEPTHWISE_CONV_2D":
            wanted.append(1 / _relative(_read_by(graph, op, group.count)))
    for op in group.writers:
        if op.name == "FULLY_CONNECTED":
            wanted.append(_relative(_written_by(graph, op, group.count)))
    alive = np.max([sizes[index] for index in group.tensors], axis=0) > 0
    if not alive.any():
        return np.ones(group.count)
    factors = np.exp(np.mean(np.log(wanted), axis=0))
    factors[~alive] = np.median(factors[alive])
    return np.asarray(factors / factors.max())


def _relative(sizes: Sizes) -> Sizes:
    largest = sizes.max()
    return np.maximum(sizes / largest, _LEAST) if largest > 0 else np.ones_like(sizes)


def _sizes(float_model: bytes, groups: Iterable[ChannelGroup], feeds: Feeds) -> dict[int, Sizes]:
    """The largest absolute value of each channel of each tensor."""
    counts = {index: group.count for group in groups for index in group.tensors}
    found = {index: np.zeros(count) for index, count in counts.items()}
    for values in activations(float_model, feeds, sorted(counts)):
        for index, size in found.items():
            np.maximum(size, np.abs(values[index]).reshape(-1, counts[index]).max(axis=0), out=size)
    return found


def _read_by(graph: Graph, op: Op, count: int) -> Sizes:
    """The largest absolute weight that a convolution or dense layer has for each of its `count` input channels."""
    weights = np.abs(graph.tensors[op.inputs[_WEIGHTS]].values())
    return np.asarray(weights.reshape(-1, count).max(axis=0), np.float64)


def _written_by(graph: Graph, op: Op, count: int) -> Sizes:
    """The largest absolute weight of each of the `count` output channels of a dense layer."""
    weights = np.abs(graph.tensors[op.inputs[_WEIGHTS]].values())
    rows = weights.max(axis=1).reshape(-1, count)
    return np.asarray(rows.max(axis=0), np.float64)


def _divide(graph: Graph, op: Op, factors: Sizes) -> None:
    """Divides the output channels of a layer, in place."""
    weights = _writable(graph.tensors[op.inputs[_WEIGHTS]])
    if op.name == "DEPTHWISE_CONV_2D":
        each = np.tile(factors, weights.shape[-1] // len(factors))
        weights /= each  # (1, height, width, channels)
    else:
        each = np.tile(factors, len(weights) // len(factors))
        weights /= each.reshape(-1, *[1] * (weights.ndim - 1))  # (channels, ...)
    for bias in graph.of(op.inputs[_BIAS:]):
        values = _writable(bias)
        values /= each


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
    """A view of the file's bytes, which are a bytearray here."""
    values: NDArray[np.float32] = tensor.values()
    return values
