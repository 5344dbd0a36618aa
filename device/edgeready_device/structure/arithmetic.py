"""Rules of the ops that compute value by value: shapes that meet, and scales that a kernel can hold."""

from __future__ import annotations

import math
from collections.abc import Iterator

from edgeready_device.structure.node import QUANTIZED, Node, Rule

_MOST_BROADCAST_DIMENSIONS = 6
# Found by trying (both runtimes, each scale of 45 models at the ends of float32): with a scale below the normal
# floats LiteRT's 8-bit QUANTIZE leaves its memory; above 2^100 a sum's multiplier becomes 0, and both give up.
_LEAST_SCALE, _LARGEST_SCALE = 2.0**-126, 2.0**100
# Of the scales that come in to the scale that goes out. Kernels hold the ratio in 31 bits and a shift; those of sums
# shift left first, by 20 or 15 bits, and give up where it is more; LiteRT's matrix product crashes from 256 on.
_LARGEST_RATIO = 2.0**30
_LARGEST_RATIOS = {(op, kind): 2.0**19 for op in ("ADD", "SUB") for kind in ("uint8", "int8")}
_LARGEST_RATIOS.update({("ADD", "int16"): 2.0**14, ("SUB", "int16"): 2.0**14, ("BATCH_MATMUL", "int8"): 256.0})
_PRODUCTS = ("MUL", "CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "BATCH_MATMUL")


def _together(node: Node) -> Iterator[str]:
    left, right = node.given(0).shape, node.given(1).shape
    if not node.settled:
        return
    rank = max(len(left), len(right))
    wide = [(1,) * (rank - len(shape)) + shape for shape in (left, right)]
    if any(a != b and 1 not in (a, b) for a, b in zip(*wide)):
        yield f"joins {list(left)} and {list(right)}"
    elif left != right and rank > _MOST_BROADCAST_DIMENSIONS:
        yield f"stretches {list(left)} or {list(right)}, more than {_MOST_BROADCAST_DIMENSIONS} dimensions"
    else:
        expected = tuple(b if a == 1 else a for a, b in zip(*wide))
        if node.outputs[0].shape != expected:
            yield f"makes {list(expected)}, and its output is {list(node.outputs[0].shape)}"


def _alike(node: Node) -> Iterator[str]:
    taken, made = node.given(0).shape, node.outputs[0].shape
    if node.settled and taken != made:
        yield f"makes {list(taken)}, and its output is {list(made)}"


def _softmax(node: Node) -> Iterator[str]:
    yield from _alike(node)
    data, beta = node.given(0), float(node.op.option(0, "f"))
    if node.op.name == "SOFTMAX" and not 0 < beta < math.inf:
        yield f"has the beta {beta:g}, and it is a positive number"
    if not 1 <= len(data.shape) <= 4 or 0 in data.shape:
        yield f"takes {list(data.shape)}, and it has 1 to 4 dimensions"


def _leaky_relu(node: Node) -> Iterator[str]:
    yield from _alike(node)
    if not abs(float(node.op.option(0, "f"))) < _LARGEST_RATIO:
        yield f"has the slope {node.op.option(0, 'f'):g}"


def _matmul(node: Node) -> Iterator[str]:
    left, right = node.given(0).shape, node.given(1).shape
    if min(len(left), len(right)) < 2 or max(len(left), len(right)) > 5:
        yield f"multiplies {list(left)} and {list(right)}, and takes 2 to 5 dimensions"
    elif node.settled:
        inner = left[-2 if node.op.option(0, "?", False) else -1]
        if inner != right[-1 if node.op.option(1, "?", False) else -2]:
            yield f"multiplies {list(left)} and {list(right)}"


def scale_problems(node: Node) -> Iterator[str]:
    """What is wrong with the scales of the quantized tensors that an op takes and makes."""
    taken, made = ([t for t in ts if t is not None and t.dtype in QUANTIZED] for ts in (node.inputs, node.outputs))
    for tensor in (*taken, *made):
        if tensor.per_axis and not tensor.constant and node.op.name not in ("QUANTIZE", "DEQUANTIZE", "CUSTOM"):
            yield f"has {len(tensor.scales)} scales for {tensor.name!r:.60}, and takes one"
            return
    if node.op.name not in COMPUTED or not taken or not made:
        return
    if any(not tensor.scales for tensor in (*taken, *made)):
        yield "has a quantized tensor without a scale"
        return
    for tensor in (*taken, *made):
        low = 0.0 if tensor.constant or tensor.dtype == "int16" else _LEAST_SCALE
        if not low <= min(tensor.scales) <= max(tensor.scales) <= _LARGEST_SCALE:
            yield f"has the scale {min(tensor.scales):g} for {tensor.name!r:.60}, which no kernel can hold"
            return
    largest, smallest = [max(tensor.scales) for tensor in taken], min(made[0].scales)
    factor = math.prod(largest) if node.op.name in _PRODUCTS else max(largest)
    limit = _LARGEST_RATIOS.get((node.op.name, made[0].dtype), _LARGEST_RATIO)
    sum_of_nothing = node.op.name in ("ADD", "SUB") and min(largest) <= 0
    if sum_of_nothing or not factor < limit * smallest:
        yield f"has the scale {factor:g} for what it takes and {smallest:g} for what it makes"


_PAIRS = "ADD SUB MUL DIV MAXIMUM MINIMUM SQUARED_DIFFERENCE POW FLOOR_DIV FLOOR_MOD ATAN2 LESS LESS_EQUAL GREATER"
_PAIRS += " GREATER_EQUAL EQUAL NOT_EQUAL LOGICAL_AND LOGICAL_OR PRELU"
_SINGLES = "RELU RELU6 RELU_N1_TO_1 RELU_0_TO_1 LOGISTIC TANH ELU HARD_SWISH GELU EXP ABS NEG SQRT RSQRT SQUARE FLOOR"
_SINGLES += " CEIL ROUND LOG SIN COS SIGN ZEROS_LIKE LOGICAL_NOT QUANTIZE DEQUANTIZE CAST L2_NORMALIZATION FAKE_QUANT"
_SINGLES += " LOCAL_RESPONSE_NORMALIZATION"
COMPUTED = frozenset(
    "ADD SUB MUL SQUARED_DIFFERENCE CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV FULLY_CONNECTED RELU RELU6 RELU_N1_TO_1 "
    "LEAKY_RELU PRELU LOGISTIC TANH HARD_SWISH SOFTMAX MEAN SUM AVERAGE_POOL_2D QUANTIZE BATCH_MATMUL".split()
)
ARITHMETIC: dict[str, Rule] = {
    **dict.fromkeys(_PAIRS.split(), _together),
    **dict.fromkeys(_SINGLES.split(), _alike),
    **dict.fromkeys(("SOFTMAX", "LOG_SOFTMAX"), _softmax),
    "BATCH_MATMUL": _matmul,
    "LEAKY_RELU": _leaky_relu,
}
