"""Which tensors of a float32 .tflite carry the same channels, and which layers write and read them.

A channel may be divided by a positive number where it is written, and multiplied by it where it is read, without a
change of the results, if everything in between is positively homogeneous: f(a x) = a f(x) for a > 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeready_device.tflite.graph import Graph, Op, Tensor

LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_FUSED = {  # the field of the op's options that names it
    **{"CONV_2D": 3, "DEPTHWISE_CONV_2D": 4, "FULLY_CONNECTED": 0},
    **{"ADD": 0, "MAX_POOL_2D": 5, "AVERAGE_POOL_2D": 5},
}
_LINEAR, _RELU = 0, 1  # of the schema's ActivationFunctionType; ReLU6 is not homogeneous
_HOMOGENEOUS = (
    *("MAX_POOL_2D", "AVERAGE_POOL_2D", "RELU", "LEAKY_RELU", "PAD", "RESHAPE", "SQUEEZE", "ADD", "MEAN"),
    *("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"),
)


@dataclass(frozen=True)
class ChannelGroup:
    """`count` channels, channel = flat index modulo `count`, in all of `tensors`.

    `writers` and `readers` are layers: their outputs, and their inputs, are among the tensors.
    """

    count: int
    tensors: tuple[int, ...]
    writers: tuple[Op, ...]
    readers: tuple[Op, ...]


def channel_groups(graph: Graph) -> list[ChannelGroup]:
    """The groups whose channels may be rescaled, in the order of the graph."""
    shared = _shared_constants(graph)
    found = []
    for tensors in _tied(graph):
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
            one, two = ([op for op in ops if op.name in LAYERS] for ops in (writers, readers))
            if one and two:
                found.append(ChannelGroup(count, tuple(sorted(tensors)), tuple(one), tuple(two)))
    return found


def fused(op: Op) -> int:
    """The number of the activation that is fused into `op`; 0 is none."""
    return int(op.option(_FUSED[op.name], "b")) if op.name in _FUSED else 0


def _tied(graph: Graph) -> list[set[int]]:
    """The activations, those together between which an op only hands channels on."""
    sets = {tensor.index: {tensor.index} for tensor in graph.tensors if not tensor.constant}
    for op in graph.ops:
        if _hands_on(graph, op):
            union = set().union(*(sets[i] for i in (*op.inputs, *op.outputs) if i in sets))
            for index in union:
                sets[index] = union
    return list({id(tied): tied for tied in sets.values()}.values())


def _hands_on(graph: Graph, op: Op) -> bool:
    if op.name not in _HOMOGENEOUS or fused(op) not in (_LINEAR, _RELU):
        return False
    if op.name == "MEAN":
        return _keeps_last_axis(graph, op)
    if op.name == "PAD":
        return graph.tensors[op.inputs[1]].constant and not np.any(_padding(graph, op)[-1])
    if op.name == "ADD":
        one, two = graph.of(op.inputs)
        return one.shape == two.shape and not one.constant and not two.constant
    return True


def _may_write(graph: Graph, op: Op) -> bool:
    if op.name in LAYERS:
        return fused(op) in (_LINEAR, _RELU) and _plain_weights(graph, op)
    return _hands_on(graph, op)


def _may_read(graph: Graph, op: Op, tensors: set[int]) -> bool:
    if op.name in LAYERS:
        return op.inputs[0] in tensors and not tensors.intersection(op.inputs[1:]) and _plain_weights(graph, op)
    return _hands_on(graph, op)


def _plain_weights(graph: Graph, op: Op) -> bool:
    """Whether all that a layer multiplies with and adds is float32 and in the file, and no convolution is grouped."""
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
    """Constants of which the file has one copy for several uses, unless all zeros, which stay zero."""
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
