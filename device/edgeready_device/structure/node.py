"""One op with its tensors, as the rules of this folder look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edgeready_device.reading.graph import Graph, Op, Tensor

QUANTIZED = ("uint8", "int8", "int16")


@dataclass(frozen=True)
class Node:
    """An op, its `inputs` (None where an optional one is absent) and its `outputs`."""

    op: Op
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]

    @classmethod
    def of(cls, graph: Graph, op: Op) -> Node:
        """`op` with its tensors of `graph`."""
        inputs = tuple(graph.tensors[i] if i >= 0 else None for i in op.inputs)
        return cls(op, inputs, tuple(graph.tensors[i] for i in op.outputs))

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
        return [int(value) for value in tensor.values().reshape(-1)]


Rule = Callable[[Node], Iterator[str]]


def axis_of(value: int, rank: int) -> int | None:
    """Axis `value` counted from the front; None when there is no such axis."""
    return value % rank if rank and -rank <= value < rank else None


def product(sizes: tuple[int, ...]) -> int:
    """The number of elements of a shape; whole numbers here do not overflow."""
    count = 1
    for size in sizes:
        count *= size
    return count


def made(node: Node, expected: Sequence[int], output: int = 0) -> Iterator[str]:
    """Whether output number `output` has the shape that its op makes, where all sizes are known."""
    found = node.outputs[output].shape
    if node.settled and found != tuple(expected):
        yield f"makes {list(expected)}, and its output is {list(found)}"


def no_axis(axis: int, rank: int) -> str:
    """The sentence about an axis that is none."""
    return f"has the axis {axis}, and there are {rank} dimensions"
