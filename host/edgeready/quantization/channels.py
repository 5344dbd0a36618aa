"""Finds the tensors of a float32 .tflite that carry the same channels, and the layers that write and read them.

A channel can be divided by a positive number where it is written and multiplied by it where it is read, with the same
results, if everything in between is positively homogeneous: f(a x) = a f(x) for a > 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeready_device.tflite.graph import Graph, Op, Tensor

LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_FUSED = {  # the field of the op's options that names its fused activation
    **{"CONV_2D": 3, "DEPTHWISE_CONV_2D": 4, "FULLY_CONNECTED": 0},
    **{"ADD": 0, "MAX_POOL_2D": 5, "AVERAGE_POOL_2D": 5},
}
_LINEAR, _RELU = 0, 1  # of the schema's ActivationFunctionType; ReLU6 is not homogeneous
_HOMOGENEOUS = (
    *("MAX_POOL_2D", "AVERAGE_POOL_2D", "RELU", "LEAKY_RELU", "PAD", "RESHAPE", "SQUEEZE", "ADD", "MEAN"),
    *("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"),
)


@dataclass(frozen=True, kw_only=True)
class ChannelGroup:
    """The `tensors` that carry the same `count` channels; the channel of a value is its flat index modulo `count`.

    `writers` are the layers whose outputs, `readers` those whose inputs are among the tensors.
    """

    count: int
    tensors: tuple[int, ...]
    writers: tuple[Op, ...]
    readers: tuple[Op, ...]


def find_channel_groups(graph: Graph) -> list[ChannelGroup]:
    """Returns the groups whose channels can be rescaled, in the order of the graph."""
    shared = _shared_constants(graph)
    groups = []
    for tensors in _tie_tensors(graph):
        writers = tuple(op for op in graph.ops if tensors.intersection(op.outputs))
        readers = tuple(op for op in graph.ops if tensors.intersection(op.inputs))
        count = min((graph.tensors[index].shape or (0,))[-1] for index in tensors)
        layers = [op for op in (*writers, *readers) if op.name in LAYERS]
        outside = tensors.intersection((*graph.inputs, *graph.outputs))
        homogeneous = all(_may_write(graph, op) for op in writers) and all(
            _may_read(graph, op, tensors) for op in readers
        )
        fitting = count > 1 and all((graph.tensors[index].shape or (1,))[-1] % count == 0 for index in tensors)
        if homogeneous and fitting and not outside and not any(shared.intersection(op.inputs) for op in layers):
            writing, reading = (tuple(op for op in ops if op.name in LAYERS) for ops in (writers, readers))
            if writing and reading:
                groups.append(
                    ChannelGroup(count=count, tensors=tuple(sorted(tensors)), writers=writing, readers=reading)
                )
    return groups


def fused_activation(op: Op) -> int:
    """Returns the number of the activation that is fused into `op`; 0 where there is none."""
    return int(op.option(_FUSED[op.name], "b")) if op.name in _FUSED else 0


def _tie_tensors(graph: Graph) -> list[set[int]]:
    """Returns the activations in sets; a set holds those between which ops only pass channels on."""
    sets = {tensor.index: {tensor.index} for tensor in graph.tensors if not tensor.constant}
    for op in graph.ops:
        if _passes_on(graph, op):
            union = set().union(*(sets[i] for i in (*op.inputs, *op.outputs) if i in sets))
            for index in union:
                sets[index] = union
    return list({id(members): members for members in sets.values()}.values())


def _passes_on(graph: Graph, op: Op) -> bool:
    if op.name not in _HOMOGENEOUS or fused_activation(op) not in (_LINEAR, _RELU):
        return False
    if op.name == "MEAN":
        return _keeps_last_axis(graph, op)
    if op.name == "PAD":
        return graph.tensors[op.inputs[1]].constant and not np.any(_padding(graph, op)[-1])
    if op.name == "ADD":
        left, right = graph.of(op.inputs)
        return left.shape == right.shape and not left.constant and not right.constant
    return True


def _may_write(graph: Graph, op: Op) -> bool:
    if op.name in LAYERS:
        return fused_activation(op) in (_LINEAR, _RELU) and _plain_weights(graph, op)
    return _passes_on(graph, op)


def _may_read(graph: Graph, op: Op, tensors: set[int]) -> bool:
    if op.name in LAYERS:
        return op.inputs[0] in tensors and not tensors.intersection(op.inputs[1:]) and _plain_weights(graph, op)
    return _passes_on(graph, op)


def _plain_weights(graph: Graph, op: Op) -> bool:
    """Returns whether weights and bias of a layer are float32 constants, and a convolution is not grouped."""
    constants = graph.of(op.inputs[1:])
    if not constants or not all(tensor.constant and tensor.dtype == "float32" for tensor in constants):
        return False
    return op.name != "CONV_2D" or constants[0].shape[-1] == graph.tensors[op.inputs[0]].shape[-1]


def _keeps_last_axis(graph: Graph, op: Op) -> bool:
    source, axes = graph.tensors[op.inputs[0]], graph.tensors[op.inputs[1]]
    if not axes.constant:
        return False
    rank = len(source.shape)
    return rank - 1 not in {int(axis) % rank for axis in axes.values().ravel()}


def _padding(graph: Graph, op: Op) -> NDArray[np.int64]:
    return np.asarray(graph.tensors[op.inputs[1]].values(), np.int64)


def _shared_constants(graph: Graph) -> set[int]:
    """Returns the constants that have several uses and one copy in the file, except zeros, which stay zero."""
    used: dict[int, list[Tensor]] = {}
    for tensor in _uses(graph):
        used.setdefault(tensor.values().__array_interface__["data"][0], []).append(tensor)
    shared = [tensor for tensors in used.values() if len(tensors) > 1 for tensor in tensors]
    return {tensor.index for tensor in shared if np.any(tensor.values())}


def _uses(graph: Graph) -> Iterator[Tensor]:
    for op in graph.ops:
        for tensor in graph.of(op.inputs):
            if tensor.constant and tensor.dtype == "float32":
                yield tensor
