"""An op as a rule sees it: its operands, the ops around it, and how a message names them."""

from __future__ import annotations

from dataclasses import dataclass

from edgeready_device.tflite.graph import Graph, Op, Tensor

_INTEGERS = ("int32", "int64")
_MOST_NUMBERS = 64  # chosen: no operand that states a shape, an axis or a padding is longer
_LONGEST_NAME = 80  # chosen: a message with two names stays readable on a terminal
_MOST_DIMENSIONS = 8  # chosen: a damaged file may state thousands
_MOST_ELEMENTS = 1 << 62  # chosen: the count of a damaged file's shape stays within 64 bits with a sign

STRUCTURE: dict[str, tuple[int, ...]] = {
    "BROADCAST_TO": (1,),
    "EXPAND_DIMS": (1,),
    "MEAN": (1,),
    "MIRROR_PAD": (1,),
    "PAD": (1,),
    "PADV2": (1,),
    "REDUCE_MAX": (1,),
    "REDUCE_MIN": (1,),
    "RESHAPE": (1,),
    "RESIZE_BILINEAR": (1,),
    "RESIZE_NEAREST_NEIGHBOR": (1,),
    "SLICE": (1, 2),
    "SPLIT": (0,),
    "STRIDED_SLICE": (1, 2, 3),
    "SUM": (1,),
    "TILE": (1,),
    "TRANSPOSE": (1,),
    "TRANSPOSE_CONV": (0,),
}
"""Operands that the compiler must know, by position."""

WEIGHTS: dict[str, int] = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "TRANSPOSE_CONV": 1, "PRELU": 1}
"""Operands that must be constants, by position; the weights of FULLY_CONNECTED may be computed."""

BIAS: dict[str, int] = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}
"""The int32 bias, by position."""

EIGHT_BITS = frozenset({"int8", "uint8"})


class Flow:
    """The data dependencies of a graph; only an earlier op counts as a producer, so there is never a cycle."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._producer: dict[int, int] = {}
        self._readers: dict[int, list[int]] = {}
        self.parents: list[tuple[int, ...]] = []
        self._computes_shapes: list[bool] = []
        for op in graph.ops:
            producers = {self._producer[i]: None for i in op.inputs if i in self._producer}
            self.parents.append(tuple(producers))
            integers = bool(op.outputs) and all(graph.tensors[i].dtype in _INTEGERS for i in op.outputs)
            follows = integers and any(self._computes_shapes[i] for i in producers)
            self._computes_shapes.append(op.name == "SHAPE" or follows)
            for i in dict.fromkeys(op.inputs):
                self._readers.setdefault(i, []).append(op.index)
            for i in op.outputs:
                self._producer.setdefault(i, op.index)

    def producer(self, tensor: Tensor, before: Op) -> Op | None:
        """The op ahead of `before` that makes `tensor`; None for constants and for what the caller feeds."""
        index = self._producer.get(tensor.index)
        return None if index is None or index >= before.index else self._graph.ops[index]

    def readers(self, tensor: int) -> tuple[Op, ...]:
        """The ops that read tensor number `tensor`, in order."""
        return tuple(self._graph.ops[i] for i in self._readers.get(tensor, ()))

    def computes_shapes(self, op: Op) -> bool:
        """Whether `op` is a SHAPE, or computes integers from the result of one."""
        return self._computes_shapes[op.index]


@dataclass(frozen=True, kw_only=True)
class Place:
    """An op in its graph, for a compilation for Edge TPU runtime `runtime`."""

    graph: Graph
    op: Op
    flow: Flow
    runtime: int = 14

    def input(self, position: int) -> Tensor | None:
        """Input number `position`, or None where the op has none."""
        if not 0 <= position < len(self.op.inputs) or self.op.inputs[position] < 0:
            return None
        return self.graph.tensors[self.op.inputs[position]]

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The op's results."""
        return self.graph.of(self.op.outputs)

    def numbers(self, position: int) -> tuple[int, ...] | None:
        """The integers of the constant operand at `position`, flat; None when it holds no such list."""
        tensor = self.input(position)
        if tensor is None or tensor.data is None or tensor.dtype not in _INTEGERS:
            return None
        if len(tensor.data) > 8 * _MOST_NUMBERS:
            return None
        return tuple(int(number) for number in tensor.values().ravel())

    def structure(self) -> tuple[Tensor, ...]:
        """The operands that state a shape, an axis, a padding or a slice."""
        tensors = (self.input(position) for position in STRUCTURE.get(self.op.name, ()))
        return tuple(tensor for tensor in tensors if tensor is not None)

    def data_inputs(self) -> tuple[Tensor, ...]:
        """The operands that must be 8-bit: all but structure and bias; of an LSTM the input sequence only."""
        if self.op.name == "UNIDIRECTIONAL_SEQUENCE_LSTM":
            sequence = self.input(0)
            return () if sequence is None else (sequence,)
        other = (*STRUCTURE.get(self.op.name, ()), BIAS.get(self.op.name, -1))
        indices = (index for position, index in enumerate(self.op.inputs) if position not in other)
        return self.graph.of(tuple(dict.fromkeys(indices)))

    def activations(self) -> tuple[Tensor, ...]:
        """The data operands that are computed or fed: those that are no constants."""
        return tuple(tensor for tensor in self.data_inputs() if not tensor.constant)


def count_elements(shape: tuple[int, ...]) -> int:
    """The number of elements of `shape`, in bounded time whatever the rank: it stops counting at 2**62."""
    count = 1
    for size in shape:
        if size == 0:
            return 0
        count = min(count * size, _MOST_ELEMENTS)
    return count


def positive_axis(axis: int, rank: int) -> int:
    """`axis` counted from the front; a negative one counts from the end of `rank` dimensions."""
    return axis + rank if axis < 0 else axis


def name_text(name: str) -> str:
    """A name in quotes, printable and at most 80 characters long."""
    return repr(name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 3] + "...")


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape in brackets, such as "[1, 28, 28, 1]"; it is cut after the eighth dimension."""
    sizes = ", ".join(str(size) for size in shape[:_MOST_DIMENSIONS])
    return f"[{sizes}{', ...' if len(shape) > _MOST_DIMENSIONS else ''}]"


def tensor_text(tensor: Tensor) -> str:
    """A tensor's name, type and shape."""
    return f"{name_text(tensor.name)} {tensor.dtype} {shape_text(tensor.shape)}"


def op_text(graph: Graph, op: Op) -> str:
    """An op's index, name, and the layer that it comes from: the name of its first output."""
    layer = f" {name_text(graph.tensors[op.outputs[0]].name)}" if op.outputs else ""
    return f"op {op.index} {op.custom_code[:40] or op.name}{layer}"


def layer_text(name: str) -> str:
    """The layer that made the tensor `name`: the first of its fused parts, without the function's own name."""
    first = name.split(";")[0]
    return (first.rpartition("/")[0] or first)[:_LONGEST_NAME]
