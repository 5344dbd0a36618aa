"""Multiply-accumulates of one op; ops without weights or matrices (sums, pooling, activations) count none."""

from __future__ import annotations

from collections.abc import Callable

from edgeready.readiness.operands import elements
from edgeready_device.tflite.graph import Graph, Op

Shape = tuple[int, ...]


def macs(graph: Graph, op: Op) -> int:
    """The multiply-accumulates that one inference spends on `op`; 0 where its shapes make no sense."""
    count = _COUNTS.get(op.name)
    if count is None or not op.outputs:
        return 0
    shapes = [graph.tensors[index].shape if index >= 0 else () for index in op.inputs]
    return min(count(shapes, graph.tensors[op.outputs[0]].shape, op), 1 << 62)


def _conv(inputs: list[Shape], result: Shape, op: Op) -> int:
    """Weights [out, height, width, in]: each result sees all but the first."""
    return elements(result) * elements(inputs[1][1:]) if len(inputs) > 1 and inputs[1] else 0


def _depthwise(inputs: list[Shape], result: Shape, op: Op) -> int:
    """Weights [1, height, width, channels]: each result sees one channel."""
    return elements(result) * elements(inputs[1][1:3]) if len(inputs) > 1 and len(inputs[1]) == 4 else 0


def _dense(inputs: list[Shape], result: Shape, op: Op) -> int:
    """Weights [out, in]."""
    return elements(result) * inputs[1][-1] if len(inputs) > 1 and inputs[1] else 0


def _transpose_conv(inputs: list[Shape], result: Shape, op: Op) -> int:
    """Size, weights [out, height, width, in], image: each input value goes to all but the last."""
    return elements(inputs[2]) * elements(inputs[1][:-1]) if len(inputs) > 2 and inputs[1] else 0


def _conv_3d(inputs: list[Shape], result: Shape, op: Op) -> int:
    """Weights [depth, height, width, in, out]."""
    return elements(result) * elements(inputs[1][:-1]) if len(inputs) > 1 and inputs[1] else 0


def _matrices(inputs: list[Shape], result: Shape, op: Op) -> int:
    """A result's element sums over the left matrix's last dimension, or the one before where it is transposed."""
    if not inputs or len(inputs[0]) < 2:
        return 0
    return elements(result) * inputs[0][-2 if op.option(0, "?", False) else -1]


def _lstm(inputs: list[Shape], result: Shape, op: Op) -> int:
    """A step multiplies all weights of the four gates and of the recurrence (operands 1 to 8) once."""
    if not inputs or len(inputs[0]) < 2:
        return 0
    steps = elements(inputs[0][:-1])
    return steps * sum(elements(shape) for shape in inputs[1:9] if shape)


_COUNTS: dict[str, Callable[[list[Shape], Shape, Op], int]] = {
    "BATCH_MATMUL": _matrices,
    "CONV_2D": _conv,
    "CONV_3D": _conv_3d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
    "TRANSPOSE_CONV": _transpose_conv,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
}
