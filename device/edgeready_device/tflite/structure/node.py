"""One op as the rules of this folder look at it: its tensors, and what its operator takes and gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeready_device.tflite.graph import Graph, Op, Tensor
from edgeready_device.tflite.options import OPTION_NUMBERS

QUANTIZED = ("uint8", "int8", "int16")
_ACTIVATIONS = 6  # of the enum ActivationFunctionType
# Least and most inputs, outputs ("*": any number), what the types obey, and the rule of the shapes; then operators.
# Types: `same`, all are one; a number, the outputs are of that input's type; `free`. Rules: `own` has the operator's
# name; "-" is none. Operators: "!" cannot do without its options, "?" can, others read none; a slash names options
# that are not named as the operator is, a digit is the activation's place in them; "*" holds scales against each
# other. What is not in the table is left to the first run.
_OPERATORS = """
2 2 1 same joined: ADD?0* SUB?0* MUL?0* DIV?0 MAXIMUM MINIMUM SQUARED_DIFFERENCE* POW FLOOR_DIV FLOOR_MOD ATAN2
2 2 1 same joined: LOGICAL_AND LOGICAL_OR
2 2 1 free joined: LESS LESS_EQUAL GREATER GREATER_EQUAL EQUAL NOT_EQUAL
2 2 1 0 joined: PRELU*
1 1 1 same kept: LOGICAL_NOT TANH* RELU* RELU6* RELU_N1_TO_1* RELU_0_TO_1 ELU HARD_SWISH* GELU! EXP ABS NEG SQRT RSQRT
1 1 1 same kept: SQUARE FLOOR CEIL ROUND LOG SIN COS SIGN ZEROS_LIKE L2_NORMALIZATION/L2Norm!
1 1 1 same kept: LOCAL_RESPONSE_NORMALIZATION! FAKE_QUANT!
1 1 1 free kept: LOGISTIC* QUANTIZE* DEQUANTIZE CAST
1 1 1 free softmax: SOFTMAX!* LOG_SOFTMAX
1 1 1 same leaky: LEAKY_RELU?*
2 2 1 free matmul: BATCH_MATMUL/BatchMatMul!*
2 3 1 free conv: CONV_2D!3* DEPTHWISE_CONV_2D!4*
3 4 1 free transposed: TRANSPOSE_CONV!3*
2 3 1 free dense: FULLY_CONNECTED!0*
1 1 1 same pool: AVERAGE_POOL_2D/Pool2D!5* MAX_POOL_2D/Pool2D!5 L2_POOL_2D/Pool2D!5
2 2 1 free arg: ARG_MAX! ARG_MIN!
3 3 1 0 batches: SPACE_TO_BATCH_ND BATCH_TO_SPACE_ND
1 1 1 same blocks: SPACE_TO_DEPTH! DEPTH_TO_SPACE!
2 2 1 0 own: BROADCAST_TO EXPAND_DIMS GATHER! MIRROR_PAD! PAD TILE TRANSPOSE
1 * 1 same own: CONCATENATION!1 PACK!
3 3 1 0 pad: PADV2
2 2 1 0 reduce: MEAN/Reducer!* SUM/Reducer!* REDUCE_MAX/Reducer! REDUCE_MIN/Reducer! REDUCE_PROD/Reducer!
2 2 1 0 reduce: REDUCE_ANY/Reducer! REDUCE_ALL/Reducer!
1 2 1 0 own: RESHAPE?
1 1 1 same reshape: SQUEEZE!
2 2 1 0 resize: RESIZE_BILINEAR! RESIZE_NEAREST_NEIGHBOR!
3 3 1 0 own: SLICE
2 2 * 1 own: SPLIT!
3 3 * 0 own: SPLIT_V!
4 4 1 0 own: STRIDED_SLICE!
1 1 * same own: UNPACK!
1 1 1 free -: SHAPE? RANK WHERE
3 3 1 1 -: SELECT SELECT_V2
2 2 1 0 -: REVERSE_V2 GATHER_ND CUMSUM!
2 2 1 1 -: FILL
2 2 2 free -: TOPK_V2
4 4 1 free -: ONE_HOT!
3 3 1 same -: RANGE
1 * * free -: IF! WHILE!
0 0 0 free -: CALL_ONCE!
"""


@dataclass(frozen=True)
class Operands:
    """What one operator takes: number of its options in the union (0: none), counts (None: any), the names of rules.

    `activation` is its place in the options (None: it has none), `scaled` whether scales meet in a kernel.
    """

    options: int
    needed: bool
    least: int
    most: int | None
    outputs: int | None
    types: str
    rule: str
    activation: int | None
    scaled: bool


def _operators() -> dict[str, Operands]:
    found = {}
    for line in _OPERATORS.split("\n")[1:-1]:
        head, _, operators = line.partition(":")
        least, most, outputs, types, rule = head.split()
        most_inputs, given = (None if count == "*" else int(count) for count in (most, outputs))
        for name, options, mark, place, star in re.findall(r"(\w+)/?(\w*)([!?]?)(\d?)(\*?)", operators):
            number = OPTION_NUMBERS[options or name.title().replace("_", "")] if mark else 0
            own, activation = name.lower() if rule == "own" else rule, int(place) if place else None
            needed, scaled = mark == "!", bool(star)
            found[name] = Operands(number, needed, int(least), most_inputs, given, types, own, activation, scaled)
    return found


_KNOWN = _operators()


class Fault(Exception):
    """What is wrong: the rest of a sentence that begins with the tensor's or the op's name."""


@dataclass(frozen=True)
class Node:
    """An op, what is `known` of its operator, its `inputs` (None where an optional one is absent) and `outputs`."""

    op: Op
    known: Operands | None
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]

    @classmethod
    def of(cls, graph: Graph, op: Op) -> Node:
        """`op` with its tensors of `graph`."""
        inputs = tuple(graph.tensors[i] if i >= 0 else None for i in op.inputs)
        return cls(op, _KNOWN.get(op.name), inputs, tuple(graph.tensors[i] for i in op.outputs))

    @property
    def settled(self) -> bool:
        """Whether every size is known from the file, so that shapes can be held against each other."""
        tensors = (*self.inputs, *self.outputs)
        return all(tensor is None or min(tensor.shape_signature, default=0) >= 0 for tensor in tensors)

    def given(self, position: int) -> Tensor:
        """The input at `position`, which the rule about their number has found present."""
        tensor = self.inputs[position]
        assert tensor is not None, f"{self.op.name} has no input {position}: its count is checked first"
        return tensor

    def optional(self, position: int) -> Tensor | None:
        """The input at `position`, or None where there is none."""
        return self.inputs[position] if position < len(self.inputs) else None

    def integers(self, position: int) -> list[int] | None:
        """The whole numbers of the constant input at `position`; None where they come at run time."""
        tensor = self.optional(position)
        if tensor is None or not tensor.constant or tensor.dtype not in ("int32", "int64"):
            return None
        return list(map(int, tensor.values().flat))

    def axis(self, position: int, rank: int) -> int | None:
        """The one axis, from the front, in the constant input at `position`; None where it comes at run time."""
        found = self.integers(position)
        if found is not None and len(found) != 1:
            raise Fault(f"has the axes {found[:9]}, and takes one")
        return None if found is None else axis_of(found[0], rank)


Rule = Callable[[Node], None]  # raises a Fault


def axis_of(value: int, rank: int) -> int:
    """Axis `value` counted from the front."""
    if not -rank <= value < rank:
        raise Fault(f"has the axis {value}, and there are {rank} dimensions")
    return value % rank


def check_made(node: Node, expected: Sequence[int]) -> None:
    """Whether each output has the shape that its op makes, where all sizes are known."""
    for output in node.outputs:
        if node.settled and output.shape != tuple(expected):
            raise Fault(f"makes {list(expected)}, and its output is {list(output.shape)}")


def check_operands(node: Node) -> None:
    """Whether an op's options, the numbers of its inputs and outputs and their types are those of its operator."""
    op, known = node.op, node.known
    if op.name == "CUSTOM" and not op.custom_code:
        raise Fault("has no name of its own")
    if known is None:
        return
    if known.options and op.options_type != known.options and (known.needed or op.options_type):
        raise Fault(f"has options of kind {op.options_type}, and its own are kind {known.options}")
    count = len(op.inputs)
    if count < known.least or (known.most is not None and count > known.most) or -1 in op.inputs[: known.least]:
        raise Fault(f"has the inputs {list(op.inputs[:20])}, and takes {known.least} to {known.most or 'any number'}")
    if known.outputs is not None and len(op.outputs) != known.outputs:
        raise Fault(f"has {len(op.outputs)} outputs, and gives {known.outputs}")
    _check_types(node, known.types)
    if known.activation is not None and not 0 <= op.option(known.activation, "b") < _ACTIVATIONS:
        raise Fault(f"has the activation {op.option(known.activation, 'b')}, and there are {_ACTIVATIONS}")


def _check_types(node: Node, rule: str) -> None:
    if rule == "free":
        return
    inputs = node.inputs if rule == "same" else (node.given(int(rule)),)
    types = {tensor.dtype for tensor in (*inputs, *node.outputs) if tensor is not None}
    if len(types) > 1:
        raise Fault(f"mixes {' and '.join(sorted(types))}")
