"""Cuts what is read out of a tensor with slices, where an op cuts it into pieces some of which nothing reads.

TensorFlow's quantizer makes such a SPLIT, SPLIT_V or UNPACK integer, or leaves it in floats, by chance. Measured with
TensorFlow 2.21, 25 runs in one process on each of 45 networks: with every piece read the file was the same each time;
with one of eight read the op stayed float32 in 94 of 100 runs. An unrolled LSTM has such a piece in its first step,
the forget gate of a state that is 0. Slices have one result each, and gave one file. The Edge TPU compiler takes
them, and neither SPLIT_V nor UNPACK.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeready.config.engine import TRY_LITERT
from edgeready.engine.fixed_batch import drop_unused_codes
from edgeready.engine.flatbuffer_objects import read_objects, write_objects
from edgeready.errors import ConversionError
from edgeready_device.tflite.graph import Graph, Op, Tensor, read_graph

SLICED = "the pieces of SPLIT, SPLIT_V or UNPACK that are read are slices: nothing reads the others"
"""What a report says of the rewrite."""
CUTTING = ("SPLIT", "SPLIT_V", "UNPACK")
# Chosen: ten runs take seconds even for a large network, and 36 of 39 networks with a piece that nothing reads came
# out whole within 25; for the others another engine is the better way.
_RUNS = 10
_MOST_DIMENSIONS = 5  # that the kernels of SLICE and STRIDED_SLICE take


@dataclass(frozen=True, kw_only=True)
class _Slice:
    """One piece of `source`: `sizes` numbers from `begin` on; `dropped` is the axis of one element that goes, if any.

    `result` is the tensor that it becomes.
    """

    source: int
    result: int
    begin: tuple[int, ...]
    sizes: tuple[int, ...]
    dropped: int | None = None


def slice_pieces(data: bytes) -> bytes:
    """Returns the float32 .tflite `data` with a slice for each piece that is read, where another one is not.

    A file whose ops have every piece read comes back as it is. Every result stays the same.
    """
    graph = read_graph(data)
    slices = {op.index: tuple(_slices_of(graph, op)) for op in unread_cuts(graph) if _may_be_sliced(graph, op)}
    if not slices:
        return data
    model = read_objects(data)
    main = model.subgraphs[0]
    operators = []
    for number, operator in enumerate(main.operators):
        if number in slices:
            operators += [_operator_of(model, piece) for piece in slices[number]]
        else:
            operators.append(operator)
    main.operators = operators
    drop_unused_codes(model)
    return write_objects(model)


def unread_cuts(graph: Graph) -> list[Op]:
    """Returns the ops of `graph` that cut a tensor into pieces some of which nothing reads."""
    read = {index for op in graph.ops for index in op.inputs} | set(graph.outputs)
    return [op for op in graph.ops if op.name in CUTTING and not read.issuperset(op.outputs)]


def make_whole(quantize: Callable[[], bytes]) -> bytes:
    """Returns the first result of `quantize` in which no op is float32 by chance.

    Raises ConversionError where none of ten is.
    """
    for _ in range(_RUNS):
        integer = quantize()
        graph = read_graph(integer)
        left = [op for op in unread_cuts(graph) if any(t.dtype == "float32" for t in graph.of(op.outputs))]
        if not left:
            return integer
    raise ConversionError(
        f"op {left[0].index} {left[0].name}: nothing reads one of its pieces, and then TensorFlow's quantizer leaves "
        f"it float32 by chance, here in {_RUNS} runs of {_RUNS}: {TRY_LITERT}, or slices (x[:, :, :, a:b])"
    )


def _may_be_sliced(graph: Graph, op: Op) -> bool:
    """Returns whether all is known that slices in place of `op` need."""
    source, arguments = _operands(graph, op)
    return (
        source.static
        and len(source.shape) <= _MOST_DIMENSIONS
        and all(argument.constant for argument in arguments)
        and all(tensor.static for tensor in graph.of(op.outputs))
    )


def _operands(graph: Graph, op: Op) -> tuple[Tensor, list[Tensor]]:
    """Returns the tensor that `op` cuts, and its arguments: the axis, for SPLIT_V the sizes, too."""
    operands = list(graph.of(op.inputs))
    return operands.pop(1 if op.name == "SPLIT" else 0), operands


def _slices_of(graph: Graph, op: Op) -> Iterator[_Slice]:
    """Returns a slice for each piece of `op` that is read."""
    source, arguments = _operands(graph, op)
    rank = len(source.shape)
    # An argument of no dimensions is the axis: the last one of SPLIT_V, the only one of SPLIT.
    axis = op.option(1, "i") if op.name == "UNPACK" else int(np.ravel(arguments[-1].values())[0])
    axis %= rank
    read = {index for other in graph.ops for index in other.inputs} | set(graph.outputs)
    start = 0
    for index in op.outputs:
        length = 1 if op.name == "UNPACK" else graph.tensors[index].shape[axis]
        begin, sizes = [0] * rank, list(source.shape)
        begin[axis], sizes[axis] = start, length
        start += length
        if index in read:
            yield _Slice(
                source=source.index,
                result=index,
                begin=tuple(begin),
                sizes=tuple(sizes),
                dropped=axis if op.name == "UNPACK" else None,
            )


def _operator_of(model: Any, piece: _Slice) -> Any:
    """Returns the SLICE that cuts `piece`, or the STRIDED_SLICE where an axis goes; its constants join `model`."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415  (slow to load)

    operator = schema.OperatorT()
    operator.outputs = [piece.result]
    if piece.dropped is None:
        operator.opcodeIndex = _add_code(model, schema.BuiltinOperator.SLICE)
        operator.builtinOptionsType, operator.builtinOptions = (
            schema.BuiltinOptions.SliceOptions,
            schema.SliceOptionsT(),
        )
        numbers = [piece.begin, piece.sizes]
    else:
        operator.opcodeIndex = _add_code(model, schema.BuiltinOperator.STRIDED_SLICE)
        options = schema.StridedSliceOptionsT()
        options.shrinkAxisMask = 1 << piece.dropped
        operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.StridedSliceOptions, options
        ends = tuple(start + size for start, size in zip(piece.begin, piece.sizes))
        numbers = [piece.begin, ends, (1,) * len(ends)]
    operator.inputs = [piece.source, *(_add_constant(model, values) for values in numbers)]
    return operator


def _add_code(model: Any, builtin: int) -> int:
    """Returns the index of the operator code of version 1 for `builtin`, a new one if need be."""
    for index, code in enumerate(model.operatorCodes):
        if (code.builtinCode, code.version) == (builtin, 1):
            return index
    code = type(model.operatorCodes[0])()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _add_constant(model: Any, values: tuple[int, ...]) -> int:
    """Returns the index of a new int32 tensor with `values`."""
    from ai_edge_litert.schema_py_generated import TensorType  # noqa: PLC0415  (slow to load)

    main = model.subgraphs[0]
    buffer, tensor = type(model.buffers[0])(), type(main.tensors[0])()
    buffer.data = np.frombuffer(np.array(values, np.int32).tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor.shape, tensor.type, tensor.buffer = [len(values)], TensorType.INT32, len(model.buffers) - 1
    tensor.name = f"slice_{len(main.tensors)}".encode()
    main.tensors.append(tensor)
    return len(main.tensors) - 1
