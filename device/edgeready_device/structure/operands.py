"""Which options, how many inputs and outputs, and which types each built-in operator has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgeready_device.reading.schema import OPTIONS
from edgeready_device.structure.node import Node

# Operator, its options ("!": it cannot do without; "-": it reads none), least and most inputs, outputs ("*": any
# number), and what its types obey: `same`, all are one; a number, the outputs are of that input's type; `free`.
_OPERATORS = """
ADD Add 2 2 1 same, SUB Sub 2 2 1 same, MUL Mul 2 2 1 same, DIV Div 2 2 1 same
MAXIMUM - 2 2 1 same, MINIMUM - 2 2 1 same, SQUARED_DIFFERENCE - 2 2 1 same, POW - 2 2 1 same
FLOOR_DIV - 2 2 1 same, FLOOR_MOD - 2 2 1 same, ATAN2 - 2 2 1 same
LESS - 2 2 1 free, LESS_EQUAL - 2 2 1 free, GREATER - 2 2 1 free, GREATER_EQUAL - 2 2 1 free
EQUAL - 2 2 1 free, NOT_EQUAL - 2 2 1 free
LOGICAL_AND - 2 2 1 same, LOGICAL_OR - 2 2 1 same, LOGICAL_NOT - 1 1 1 same
CONV_2D Conv2D! 2 3 1 free, DEPTHWISE_CONV_2D DepthwiseConv2D! 2 3 1 free, TRANSPOSE_CONV TransposeConv! 3 4 1 free
FULLY_CONNECTED FullyConnected! 2 3 1 free, BATCH_MATMUL BatchMatMul! 2 2 1 free
AVERAGE_POOL_2D Pool2D! 1 1 1 same, MAX_POOL_2D Pool2D! 1 1 1 same, L2_POOL_2D Pool2D! 1 1 1 same
CONCATENATION Concatenation! 1 * 1 same, PACK Pack! 1 * 1 same, UNPACK Unpack! 1 1 * same
SPLIT Split! 2 2 * 1, SPLIT_V SplitV! 3 3 * 0
RESHAPE Reshape 1 2 1 0, SQUEEZE Squeeze! 1 1 1 same, EXPAND_DIMS - 2 2 1 0, TRANSPOSE - 2 2 1 0
PAD - 2 2 1 0, PADV2 - 3 3 1 0, MIRROR_PAD MirrorPad! 2 2 1 0
SLICE - 3 3 1 0, STRIDED_SLICE StridedSlice! 4 4 1 0, GATHER Gather! 2 2 1 0, TILE - 2 2 1 0, BROADCAST_TO - 2 2 1 0
SPACE_TO_DEPTH SpaceToDepth! 1 1 1 same, DEPTH_TO_SPACE DepthToSpace! 1 1 1 same
SPACE_TO_BATCH_ND - 3 3 1 0, BATCH_TO_SPACE_ND - 3 3 1 0
RESIZE_BILINEAR ResizeBilinear! 2 2 1 0, RESIZE_NEAREST_NEIGHBOR ResizeNearestNeighbor! 2 2 1 0
MEAN Reducer! 2 2 1 0, SUM Reducer! 2 2 1 0, REDUCE_MAX Reducer! 2 2 1 0, REDUCE_MIN Reducer! 2 2 1 0
REDUCE_PROD Reducer! 2 2 1 0, REDUCE_ANY Reducer! 2 2 1 0, REDUCE_ALL Reducer! 2 2 1 0
SOFTMAX Softmax! 1 1 1 free, LOG_SOFTMAX - 1 1 1 free, LOGISTIC - 1 1 1 free, TANH - 1 1 1 same
RELU - 1 1 1 same, RELU6 - 1 1 1 same, RELU_N1_TO_1 - 1 1 1 same, RELU_0_TO_1 - 1 1 1 same
LEAKY_RELU LeakyRelu 1 1 1 same, PRELU - 2 2 1 0, ELU - 1 1 1 same, HARD_SWISH - 1 1 1 same, GELU Gelu! 1 1 1 same
EXP - 1 1 1 same, ABS - 1 1 1 same, NEG - 1 1 1 same, SQRT - 1 1 1 same, RSQRT - 1 1 1 same, SQUARE - 1 1 1 same
FLOOR - 1 1 1 same, CEIL - 1 1 1 same, ROUND - 1 1 1 same, LOG - 1 1 1 same, SIN - 1 1 1 same, COS - 1 1 1 same
SIGN - 1 1 1 same, ZEROS_LIKE - 1 1 1 same, L2_NORMALIZATION L2Norm! 1 1 1 same
LOCAL_RESPONSE_NORMALIZATION LocalResponseNormalization! 1 1 1 same
QUANTIZE - 1 1 1 free, DEQUANTIZE - 1 1 1 free, CAST - 1 1 1 free, FAKE_QUANT FakeQuant! 1 1 1 same
ARG_MAX ArgMax! 2 2 1 free, ARG_MIN ArgMin! 2 2 1 free, SHAPE Shape 1 1 1 free, RANK - 1 1 1 free
SELECT - 3 3 1 1, SELECT_V2 - 3 3 1 1, REVERSE_V2 - 2 2 1 0, GATHER_ND - 2 2 1 0, FILL - 2 2 1 1, WHERE - 1 1 1 free
CUMSUM Cumsum! 2 2 1 0, TOPK_V2 - 2 2 2 free, ONE_HOT OneHot! 4 4 1 free, RANGE - 3 3 1 same
IF If! 1 * * free, WHILE While! 1 * * free, CALL_ONCE CallOnce! 0 0 0 free
"""
# Where the options of an op have its activation. What is not in the table is left to the first run.
_ACTIVATION = {"ADD": 0, "SUB": 0, "MUL": 0, "DIV": 0, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 4, "FULLY_CONNECTED": 0}
_ACTIVATION.update({"AVERAGE_POOL_2D": 5, "MAX_POOL_2D": 5, "L2_POOL_2D": 5, "CONCATENATION": 1, "TRANSPOSE_CONV": 3})
_ACTIVATIONS = 6  # of the enum ActivationFunctionType


@dataclass(frozen=True)
class Operands:
    """What one operator takes: number of its options in the union (0: none), counts (None: any), the types' rule."""

    options: int
    needed: bool
    least: int
    most: int | None
    outputs: int | None
    types: str


def _read(line: str) -> tuple[str, Operands]:
    name, options, least, most, outputs, types = line.split()
    number = 0 if options == "-" else OPTIONS.index(options.rstrip("!")) + 1
    most_inputs, given = (None if count == "*" else int(count) for count in (most, outputs))
    return name, Operands(number, options.endswith("!"), int(least), most_inputs, given, types)


OPERATORS = dict(_read(line) for line in _OPERATORS.replace("\n", ",").split(",") if line.strip())


def operand_problems(node: Node) -> Iterator[str]:
    """What is wrong with an op's options, with the number of its inputs and outputs, and with their types."""
    op = node.op
    if op.name == "CUSTOM" and not op.custom_code:
        yield "has no name of its own"
    known = OPERATORS.get(op.name)
    if known is None:
        return
    if known.options and op.options_type != known.options and (known.needed or op.options_type):
        yield f"has options of kind {op.options_type}, and its own are kind {known.options}"
    count = len(op.inputs)
    if count < known.least or (known.most is not None and count > known.most) or -1 in op.inputs[: known.least]:
        yield f"has the inputs {list(op.inputs[:20])}, and takes {known.least} to {known.most or 'any number'}"
    elif len(op.outputs) != (known.outputs if known.outputs is not None else len(op.outputs)):
        yield f"has {len(op.outputs)} outputs, and gives {known.outputs}"
    else:
        yield from _type_problems(node, known.types)
        if op.name in _ACTIVATION and not 0 <= op.option(_ACTIVATION[op.name], "b") < _ACTIVATIONS:
            yield f"has the activation {op.option(_ACTIVATION[op.name], 'b')}, and there are {_ACTIVATIONS}"


def _type_problems(node: Node, rule: str) -> Iterator[str]:
    if rule == "free":
        return
    inputs = node.inputs if rule == "same" else (node.given(int(rule)),)
    types = {tensor.dtype for tensor in (*inputs, *node.outputs) if tensor is not None}
    if len(types) > 1:
        yield f"mixes {' and '.join(sorted(types))}"
