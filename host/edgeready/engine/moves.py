"""Takes out TRANSPOSE and RESHAPE where what they do together can be had without them.

PyTorch's networks have the channels first. What a converter leaves of that around layers with the channels last is
an order of the values that an Edge TPU should not have to make: in front of a dense layer, in a channel shuffle, or
twice so that it is the same as before. A chain of such ops is followed with the number of each value; what counts is
the order at its end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.engine.fixed_batch import drop_unused_codes
from edgeready.engine.flatbuffer_objects import add_tensor, make_operator, read_objects, write_objects
from edgeready_device.tflite.graph import Graph, Op, read_graph

_MOST_VALUES = 1 << 26  # chosen: the numbers of so many values take half a gigabyte
NOTHING, DENSE, MEAN, SHUFFLE = (
    "moves of axes that change nothing are left out",
    "an order of the values in front of a dense layer is put into its weights",
    "a mean is taken over the axes as they were before they were moved",
    "a channel shuffle is written as a 1x1 convolution with a permutation",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Chain:
    """Ops that only move values: value number i of `result` is value number `order[i]` of `source`."""

    ops: tuple[Op, ...]
    source: int
    result: int
    order: NDArray[np.int64] = field(repr=False)


def settle_moves(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Returns the float32 .tflite `data` without the moves that it can do without, and a sentence about each kind.

    A file without such moves comes back as it is.
    """
    graph = read_graph(data)
    model, kinds = None, []
    kernels: dict[bytes, int] = {}
    for chain in _chains(graph):
        kind = _kind(graph, chain)
        if kind:
            model = model or read_objects(data)
            if kind == SHUFFLE:
                _as_convolution(model, graph, chain, kernels)
            else:
                _REPLACE[kind](model, graph, chain)
            kinds.append(kind)
    if model is None:
        return data, ()
    model.subgraphs[0].operators = [op for op in model.subgraphs[0].operators if op is not None]
    drop_unused_codes(model)
    return write_objects(model), tuple(f"{kind}, {kinds.count(kind)}x" for kind in dict.fromkeys(kinds))


def _chains(graph: Graph) -> list[_Chain]:
    """Returns the longest chains of moves of which nothing else reads a result in between, a TRANSPOSE among them."""
    makers = {op.outputs[0]: op for op in graph.ops if _is_move(graph, op)}
    inner = {
        op.inputs[0]
        for op in makers.values()
        if op.inputs[0] in makers and op.inputs[0] not in graph.outputs and len(_readers(graph, op.inputs[0])) == 1
    }
    chains = []
    for result in makers:
        ops, source = [makers[result]], makers[result].inputs[0]
        while source in inner:
            ops.insert(0, makers[source])
            source = makers[source].inputs[0]
        if result not in inner and any(op.name == "TRANSPOSE" for op in ops):
            chains.append(_Chain(ops=tuple(ops), source=source, result=result, order=_order(graph, ops, source)))
    return chains


def _is_move(graph: Graph, op: Op) -> bool:
    if op.name not in ("TRANSPOSE", "RESHAPE"):
        return False
    source, result = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    if source.dtype != "float32" or source.constant or not (source.static and result.static):
        return False
    return source.elements <= _MOST_VALUES and all(tensor.constant for tensor in graph.of(op.inputs[1:]))


def _readers(graph: Graph, tensor: int) -> list[Op]:
    return [op for op in graph.ops if tensor in op.inputs]


def _order(graph: Graph, ops: list[Op], source: int) -> NDArray[np.int64]:
    numbers = np.arange(graph.tensors[source].elements).reshape(graph.tensors[source].shape)
    for op in ops:
        if op.name == "TRANSPOSE":
            numbers = numbers.transpose(graph.tensors[op.inputs[1]].values())
        numbers = numbers.reshape(graph.tensors[op.outputs[0]].shape)
    return numbers.reshape(-1)


def _kind(graph: Graph, chain: _Chain) -> str:
    """Returns what is to be done with `chain`; "" where it stays."""
    if (np.diff(chain.order) == 1).all():
        source, result = graph.of((chain.source, chain.result))
        stays = chain.result in graph.outputs and source.shape == result.shape
        return "" if stays or [op.name for op in chain.ops] == ["RESHAPE"] else NOTHING
    readers = _readers(graph, chain.result)
    if readers and chain.result not in graph.outputs and all(_takes_columns(graph, op, chain) for op in readers):
        return DENSE
    if readers and chain.result not in graph.outputs and all(_mean_axes(graph, op, chain) for op in readers):
        return MEAN
    return SHUFFLE if _channel_order(graph, chain) is not None else ""


def _takes_columns(graph: Graph, op: Op, chain: _Chain) -> bool:
    """Returns whether `op` is a dense layer with a column of constant weights for each value of the chain."""
    if op.name != "FULLY_CONNECTED" or op.inputs[0] != chain.result or chain.result in op.inputs[1:]:
        return False
    weights = graph.tensors[op.inputs[1]]
    return weights.constant and weights.dtype == "float32" and weights.shape[1:] == (len(chain.order),)


def _mean_axes(graph: Graph, op: Op, chain: _Chain) -> list[int] | None:
    """Returns the axes of the chain's source that the mean `op` is taken over; None where it is no such mean.

    What is left must be in the order that it had before, and without axes of size 1 in place of the others.
    """
    if op.name != "MEAN" or op.option(0, "?", False) or any(move.name != "TRANSPOSE" for move in chain.ops):
        return None
    axes = graph.tensors[op.inputs[1]]
    moved = np.arange(len(graph.tensors[chain.source].shape))
    for move in chain.ops:
        moved = moved[graph.tensors[move.inputs[1]].values()]
    if not axes.constant:
        return None
    own = [int(moved[axis]) for axis in np.asarray(axes.values()).reshape(-1)]
    rest = [int(axis) for axis in moved if axis not in own]
    return sorted(own) if own and rest == sorted(rest) else None


def _channel_order(graph: Graph, chain: _Chain) -> NDArray[np.int64] | None:
    """Returns which channel of the map in front becomes each channel; None where the chain does something else."""
    shape = graph.tensors[chain.source].shape
    if len(shape) != 4 or graph.tensors[chain.result].shape != shape:
        return None
    numbers = chain.order.reshape(-1, shape[3])
    channels = numbers[0]
    pixels = np.arange(0, len(chain.order), shape[3])[:, np.newaxis]
    return channels if channels.max() < shape[3] and (numbers == pixels + channels).all() else None


def _leave_out(model: Any, graph: Graph, chain: _Chain) -> None:
    """Lets the readers of the chain read its source, by a RESHAPE where the two have other shapes."""
    operators = model.subgraphs[0].operators
    for op in chain.ops:
        operators[op.index] = None
    shape = graph.tensors[chain.result].shape
    if graph.tensors[chain.source].shape == shape:
        for reader in _readers(graph, chain.result):
            if operators[reader.index] is not None:
                inputs = operators[reader.index].inputs
                operators[reader.index].inputs = [chain.source if i == chain.result else int(i) for i in inputs]
        return
    name = f"{graph.tensors[chain.result].name}/shape"
    sizes = add_tensor(model, name, (len(shape),), np.array(shape, np.int32))
    operators[chain.ops[-1].index] = make_operator(
        model, "RESHAPE", [chain.source, sizes], chain.result, newShape=[*shape]
    )


def _into_columns(model: Any, graph: Graph, chain: _Chain) -> None:
    """Puts the order of the chain into the weights behind it, which get the order of its source."""
    main = model.subgraphs[0]
    for reader in _readers(graph, chain.result):
        weights = graph.tensors[reader.inputs[1]]
        columns = np.empty_like(weights.values())
        columns[:, chain.order] = weights.values()
        inputs = [int(index) for index in main.operators[reader.index].inputs]
        inputs[1] = add_tensor(model, f"{weights.name}/columns", weights.shape, columns)
        main.operators[reader.index].inputs = inputs
    _leave_out(model, graph, chain)


def _over_source_axes(model: Any, graph: Graph, chain: _Chain) -> None:
    """Takes the means behind the chain over the axes of its source."""
    operators = model.subgraphs[0].operators
    for reader in _readers(graph, chain.result):
        axes = np.array(_mean_axes(graph, reader, chain), np.int32)
        name = f"{graph.tensors[reader.outputs[0]].name}/axes"
        operators[reader.index].inputs = [chain.source, add_tensor(model, name, axes.shape, axes)]
    for op in chain.ops:
        operators[op.index] = None


def _as_convolution(model: Any, graph: Graph, chain: _Chain, kernels: dict[bytes, int]) -> None:
    """Writes the chain as a convolution; equal permutations share their weights, which are in `kernels`."""
    channels = _channel_order(graph, chain)
    assert channels is not None  # seen by _kind
    name, count = graph.tensors[chain.result].name, len(channels)
    kernel = np.eye(count, dtype=np.float32)[channels].reshape(count, 1, 1, count)
    if channels.tobytes() not in kernels:
        kernels[channels.tobytes()] = add_tensor(model, f"{name}/order", kernel.shape, kernel)
    inputs = [
        chain.source,
        kernels[channels.tobytes()],
        add_tensor(model, f"{name}/bias", (count,), np.zeros(count, np.float32)),
    ]
    operators = model.subgraphs[0].operators
    for op in chain.ops:
        operators[op.index] = None
    steps = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}
    operators[chain.ops[-1].index] = make_operator(model, "CONV_2D", inputs, chain.result, **steps)


_REPLACE = {NOTHING: _leave_out, DENSE: _into_columns, MEAN: _over_source_axes}
