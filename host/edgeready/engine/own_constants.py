"""Gives each use of a shared constant a constant of its own, where the uses need integers of different scales.

TensorFlow's float converter keeps one copy of equal constants; LiteRT's quantizer writes one integer form of each.
Measured with ai-edge-litert 2.3: two convolutions that share a bias both get the scale of one of them, so the other
adds a wrong bias, and nothing says so.
"""

from __future__ import annotations

import copy
from typing import Any

from edgeready.engine.flatbuffer_objects import read_objects, write_objects
from edgeready_device.tflite.graph import Graph, Op, read_graph

_WEIGHTS = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "FULLY_CONNECTED": 1, "TRANSPOSE_CONV": 1}
_BIAS = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}
Use = tuple[int, int]  # the number of an op, and the place among its inputs


def own_constants(data: bytes) -> bytes:
    """Returns the float32 .tflite `data` in which no two uses with different scales share a constant or its bytes.

    A file without such constants comes back as it is.
    """
    graph = read_graph(data)
    copies = [use for uses in _shared_uses(graph) for use in uses]
    if not copies and not _share_bytes(graph):
        return data
    model = read_objects(data)
    main = model.subgraphs[0]
    for number, place in copies:
        op = main.operators[number]
        tensor = copy.copy(main.tensors[op.inputs[place]])
        main.tensors.append(tensor)
        op.inputs = [*op.inputs]
        op.inputs[place] = len(main.tensors) - 1
    _separate_buffers(model)
    return write_objects(model)


def _shared_uses(graph: Graph) -> list[list[Use]]:
    """Returns the uses of each shared constant that need a copy; the first kind of use keeps the constant itself."""
    kinds: dict[int, dict[Any, list[Use]]] = {}
    for op in graph.ops:
        for place, index in enumerate(op.inputs):
            if index >= 0 and graph.tensors[index].constant and graph.tensors[index].dtype == "float32":
                kinds.setdefault(index, {}).setdefault(_kind(op, place), []).append((op.index, place))
    return [use for uses in kinds.values() for use in list(uses.values())[1:]]


def _kind(op: Op, place: int) -> Any:
    """Returns what the integers of a constant depend on besides its values: the axis of scales, or the op itself."""
    if place == _BIAS.get(op.name):
        return op.index
    if place == _WEIGHTS.get(op.name):
        return op.name
    return "operand"


def _share_bytes(graph: Graph) -> bool:
    """Returns whether two float32 constants lie at the same place in the file."""
    places = [
        tensor.values().__array_interface__["data"][0]
        for tensor in graph.tensors
        if tensor.constant and tensor.dtype == "float32" and tensor.elements
    ]
    return len(set(places)) < len(places)


def _separate_buffers(model: Any) -> None:
    """Gives each constant of `model` a buffer of its own; buffer 0 is the empty one of all activations."""
    numbers: set[int] = set()
    for tensor in (tensor for graph in model.subgraphs for tensor in graph.tensors):
        if tensor.buffer in numbers and model.buffers[tensor.buffer].data is not None:
            model.buffers.append(copy.copy(model.buffers[tensor.buffer]))
            tensor.buffer = len(model.buffers) - 1
        numbers.add(tensor.buffer)
