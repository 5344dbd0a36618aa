"""Holds the integers of each activation against the range that calibration has seen: a quantizer may cut it off."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgeready.errors import ConversionError
from edgeready.quantization.matching import match_layers
from edgeready.quantization.ranges import Range, read_ranges
from edgeready_device.tflite.graph import Graph, Tensor, read_graph

# Ops whose result has a fixed scale by format; what lies beyond it is rounding (1 of a SOFTMAX is 255 of 256 steps).
_FIXED = ("SOFTMAX", "LOG_SOFTMAX", "LOGISTIC", "TANH", "L2_NORMALIZATION")
# Ops for which it is the same to cut off their input or their result.
_CUTTING = ("MAXIMUM", "MINIMUM", "MAX_POOL_2D", "REDUCE_MAX", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1")
# Steps by which a range may reach beyond the integers; chosen: zero points are rounded, which moves an end by one.
_ROUNDING = 1.5


def check_coverage(calibrated: bytes, integer: bytes, engine: str, otherwise: str) -> None:
    """Raises ConversionError unless the integers of each activation of `integer` hold its range in `calibrated`.

    The quantizers give some tensors the scale of a neighbour. Measured with ai-edge-litert 2.3: the sum over an axis
    is cut off at the largest single value. Measured with TensorFlow 2.21: what goes into MAXIMUM or MINIMUM is cut
    off at the range of its result, also for whatever else reads it. `engine` is whose quantizer it was, `otherwise`
    what helps.

    Raises ModelFileError when the layers of the two do not match.
    """
    ranges = read_ranges(calibrated)
    match = match_layers(read_graph(calibrated), read_graph(integer), same_training=True)
    for pair in match.pairs:
        for ours, theirs in zip(pair.float32.outputs, pair.integer.outputs):
            tensor = match.integer.tensors[theirs]
            if ours not in ranges or not tensor.scales or pair.integer.name in _FIXED:
                continue
            problem = _lack(tensor, ranges[ours].with_zero)
            if problem and not _is_cut_anyway(match.float32, ours, tensor, ranges):
                name = match.float32.tensors[ours].name
                place = f"op {pair.float32.index} {pair.float32.name}: tensor {name!r}"
                raise ConversionError(f"{place} {problem.format(engine)}: {otherwise}")


def _is_cut_anyway(graph: Graph, number: int, tensor: Tensor, ranges: Mapping[int, Range]) -> bool:
    """Returns whether the cut of float32 tensor `number` to the integers of `tensor` changes no op's result.

    Only ops read it that cut off, as MAXIMUM of x and 0 does, and the integers hold the range of each one's result.
    """
    readers = [op for op in graph.ops if number in op.inputs]
    if not readers or number in graph.outputs:
        return False
    return all(
        op.name in _CUTTING and op.outputs[0] in ranges and not _lack(tensor, ranges[op.outputs[0]].with_zero)
        for op in readers
    )


def _lack(tensor: Tensor, values: Range) -> str:
    """Returns what is wrong with the integers of `tensor` for `values`; "" where they hold them."""
    limits, scale, zero_point = np.iinfo(tensor.dtype), tensor.scales[0], tensor.zero_points[0]
    low, high = scale * (limits.min - zero_point), scale * (limits.max - zero_point)
    if values.low >= low - _ROUNDING * scale and values.high <= high + _ROUNDING * scale:
        return ""
    return (
        f"goes from {values.low:.4g} to {values.high:.4g}, and {{}}'s quantizer gives it integers from {low:.4g} to "
        f"{high:.4g}"
    )
