"""One op as the rules of this folder look at it: its tensors, and what its operator takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeready_device.tflite.graph import Graph, Op, Tensor
from edgeready_device.tflite.options import BUILTIN_OPTIONS_2, OPTION_2_NUMBERS, OPTION_NUMBERS

QUANTIZED = ("uint8", "int8", "int16")
SAME, ANY = "same", "any"
MOST_DIMENSIONS = 8  # TFLite's limit: the kernel that takes most (BROADCAST_TO) has kMaxDims = 8
DAMAGE = "the file is damaged, or made to harm"
TOO_LARGE = "it is too large for a board: give a smaller model"
NO_KERNEL = "no TFLite runtime has a kernel for that: convert the model again without it"
CALIBRATION = "convert the model again, with calibration data that every layer answers to"
_ACTIVATIONS = 6  # of the enum ActivationFunctionType in schema.fbs


class Fault(Exception):
    """What is wrong: the rest of a sentence that begins with the tensor's or the op's name.

    `advice` ends the sentence: what such a file is, and what to do.
    """

    def __init__(self, reason: str, advice: str = DAMAGE) -> None:
        super().__init__(reason)
        self.advice = advice

    def within(self, title: str) -> Fault:
        """The same fault, of what is called `title`."""
        return Fault(f"{title} {self}", self.advice)


class Doubt(Fault):
    """What kernels may or may not take, and some do: a first run in a child process shows it."""


@dataclass(frozen=True)
class Operands:
    """What one operator takes and gives: `least` to `most` inputs and `outputs` outputs, None for any number.

    `rule` checks its shapes and numbers. `types` is SAME where all tensors are of one type, ANY where they are free,
    or the position of the input whose type the outputs have. `options` names its table of options, which an op may
    lack where they are `optional`; it is empty where no rule depends on them. `activation` is the number of the
    activation's field in them. `scaled` says that a kernel brings the scales of inputs and outputs together, `absent`
    that some of the inputs after the `least` may be absent: other kernels read them without a look.
    """

    name: str
    least: int
    most: int | None
    rule: Rule | None = None
    outputs: int | None = 1
    types: str | int = SAME
    options: str = ""
    optional: bool = False
    activation: int | None = None
    scaled: bool = False
    absent: bool = False


@dataclass(frozen=True)
class Node:
    """An op, the `operands` of its operator, its `inputs` (None where an optional one is absent) and its `outputs`.

    `operands` is None for an operator that no rule knows.
    """

    op: Op
    operands: Operands | None
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]

    @classmethod
    def of(cls, graph: Graph, op: Op, operands: Operands | None) -> Node:
        """`op` with its tensors of `graph`."""
        inputs = tuple(graph.tensors[i] if i >= 0 else None for i in op.inputs)
        return cls(op, operands, inputs, outputs=tuple(graph.tensors[i] for i in op.outputs))

    @property
    def static(self) -> bool:
        """Whether every size is known from the file, so that shapes can be compared."""
        tensors = (*self.inputs, *self.outputs)
        return all(tensor is None or min(tensor.shape_signature, default=0) >= 0 for tensor in tensors)

    @property
    def sized(self) -> bool:
        """Whether every size but a batch's is known: what open sizes leave unchecked is run in a child first."""
        return not any(tensor is not None and tensor.open for tensor in (*self.inputs, *self.outputs))

    def input_at(self, position: int) -> Tensor:
        """The input at `position`, which is present: `check_operands` runs before the rules that need it."""
        tensor = self.inputs[position]
        assert tensor is not None, f"{self.op.name} has no input {position}: its count is checked first"
        return tensor

    def optional_input(self, position: int) -> Tensor | None:
        """The input at `position`, or None where there is none."""
        return self.inputs[position] if position < len(self.inputs) else None

    def integers(self, position: int) -> list[int] | None:
        """The whole numbers of the constant input at `position`; None where they come at run time."""
        tensor = self.optional_input(position)
        if tensor is None or not tensor.constant or tensor.dtype not in ("int32", "int64"):
            return None
        return list(map(int, tensor.values().flat))

    def axis(self, position: int, rank: int) -> int | None:
        """The one axis, from the front, in the constant input at `position`; None where it comes at run time."""
        axes = self.integers(position)
        if axes is not None and len(axes) != 1:
            raise Fault(f"has the axes {axes[:9]}, and takes one")
        return None if axes is None else axis_of(axes[0], rank)


Rule = Callable[[Node], None]  # raises a Fault


def axis_of(value: int, rank: int) -> int:
    """Axis `value` counted from the front."""
    if not -rank <= value < rank:
        raise Fault(f"has the axis {value}, and there are {rank} dimensions")
    return value % rank


def check_outputs(node: Node, expected: Sequence[int]) -> None:
    """Whether each output has the shape `expected`, where all sizes are known."""
    for output in node.outputs:
        if node.static and output.shape != tuple(expected):
            raise Fault(f"makes {list(expected)}, and its output is {list(output.shape)}")


def check_operands(node: Node) -> None:
    """Whether an op's options, the numbers of its inputs and outputs and their types are those of its operator."""
    op, operands = node.op, node.operands
    if op.name == "CUSTOM" and not op.custom_code:
        raise Fault("has no name of its own")
    if operands is None:
        return
    _check_options(op, operands)
    count, least, most = len(op.inputs), operands.least, operands.most
    if count < least or (most is not None and count > most) or -1 in op.inputs[: least if operands.absent else count]:
        raise Fault(f"has the inputs {list(op.inputs[:20])}, and takes {least} to {most or 'any number'}")
    if operands.outputs is not None and len(op.outputs) != operands.outputs:
        raise Fault(f"has {len(op.outputs)} outputs, and gives {operands.outputs}")
    _check_types(node, operands.types)
    if operands.activation is not None and not 0 <= op.option(operands.activation, "b") < _ACTIVATIONS:
        raise Fault(f"has the activation {op.option(operands.activation, 'b')}, and there are {_ACTIVATIONS}")


def _check_options(op: Op, operands: Operands) -> None:
    if not operands.options or (operands.optional and not op.options_type):
        return
    newer = operands.options in BUILTIN_OPTIONS_2
    number = OPTION_2_NUMBERS[operands.options] if newer else OPTION_NUMBERS[operands.options]
    kind = op.options2_type if newer else op.options_type
    if kind != number:
        raise Fault(f"has options of kind {kind}, and its own are kind {number}")


def _check_types(node: Node, rule: str | int) -> None:
    if rule == ANY:
        return
    inputs = (node.input_at(rule),) if isinstance(rule, int) else node.inputs
    types = {tensor.dtype for tensor in (*inputs, *node.outputs) if tensor is not None}
    if len(types) > 1:
        raise Fault(f"mixes {' and '.join(sorted(types))}", NO_KERNEL)
