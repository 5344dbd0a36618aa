"""What a graph of ONNX becomes in TFLite: its values, and the ops that they come from.

A map of ONNX (batch, channels, height, width) is kept with the channels last. Where an operator needs ONNX' own
order, a TRANSPOSE is written; what several of them do together is settled afterwards (moves.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.engine.flatbuffer_objects import (
    add_tensor,
    drop_unused_tensors,
    make_operator,
    new_objects,
    write_objects,
)

TO_FIRST, TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
_FUSING = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "SUB", "MUL")


@dataclass(frozen=True, kw_only=True)
class Value:
    """A value of the graph: a tensor of `shape`, as TFLite has it, or a constant of ONNX with its `array`.

    `last` says that ONNX has its channels at the second place, and TFLite at the end.
    """

    shape: tuple[int, ...]
    tensor: int = -1
    last: bool = False
    array: NDArray[Any] | None = None


class OnnxWriter:
    """Writes ops of TFLite one after the other, and remembers which value each name of ONNX stands for."""

    def __init__(self) -> None:
        self._model = new_objects()
        self._values: dict[str, Value] = {}
        self._makers: dict[int, Any] = {}

    def value(self, name: str) -> Value:
        """Returns the value that `name` stands for."""
        return self._values[name]

    def name(self, name: str, value: Value) -> None:
        """Lets `name` stand for `value`."""
        self._values[name] = value

    def add_input(self, name: str, shape: tuple[int, ...], *, last: bool) -> None:
        """Adds an input of the model; with `last` a map, whose shape in ONNX is `shape`, with the channels last."""
        own = tuple(shape[axis] for axis in TO_LAST) if last else shape
        tensor = add_tensor(self._model, name, own)
        self._model.subgraphs[0].inputs.append(tensor)
        self.name(name, Value(shape=own, tensor=tensor, last=last))

    def constant(self, name: str, array: NDArray[Any]) -> int:
        """Returns the tensor of a constant with the values of `array`."""
        values = np.ascontiguousarray(array, np.int32 if array.dtype.kind in "iu" else np.float32)
        return add_tensor(self._model, name, values.shape, values)

    def write(
        self,
        builtin: str,
        inputs: Sequence[int],
        name: str,
        shape: Sequence[int],
        *,
        last: bool = False,
        **options: Any,
    ) -> Value:
        """Writes an op, and returns its result of `shape`, which gets a tensor called `name`."""
        result = add_tensor(self._model, name, tuple(shape))
        operator = make_operator(self._model, builtin, [*inputs], result, **options)
        self._model.subgraphs[0].operators.append(operator)
        self._makers[result] = (builtin, operator)
        return Value(shape=tuple(shape), tensor=result, last=last)

    def fuse(self, value: Value, activation: int) -> bool:
        """Puts `activation` into the op that makes `value`, where that op can have one and has none yet."""
        builtin, operator = self._makers.get(value.tensor, ("", None))
        if builtin not in _FUSING or operator.builtinOptions.fusedActivationFunction:
            return False
        operator.builtinOptions.fusedActivationFunction = activation
        return True

    def tensor(self, value: Value, name: str) -> int:
        """Returns the tensor of `value`; a constant gets one called `name`."""
        return value.tensor if value.array is None else self.constant(name, value.array)

    def first(self, value: Value, name: str) -> Value:
        """Returns `value` in ONNX' own order of axes."""
        return self._turn(value, name, TO_FIRST) if value.last else value

    def channels_last(self, value: Value, name: str) -> Value:
        """Returns `value`, if it has four axes, with the channels last."""
        return value if value.last or len(value.shape) != 4 else self._turn(value, name, TO_LAST)

    def finish(self, outputs: Sequence[str]) -> bytes:
        """Returns the model, whose outputs are the values with the names `outputs`."""
        main = self._model.subgraphs[0]
        main.outputs = [self.tensor(self._values[name], name) for name in outputs]
        _join_codes(self._model)
        drop_unused_tensors(self._model)
        return write_objects(self._model)

    def _turn(self, value: Value, name: str, axes: tuple[int, ...]) -> Value:
        last = axes == TO_LAST
        shape = tuple(value.shape[axis] for axis in axes)
        if value.array is not None:
            return Value(shape=shape, last=last, array=value.array.transpose(axes))
        turn = self.constant(f"{name}/axes", np.array(axes))
        return self.write("TRANSPOSE", [value.tensor, turn], f"{name}/turned", shape, last=last)


def _join_codes(model: Any) -> None:
    """Leaves one operator code for each kind of op."""
    numbers: dict[int, int] = {}
    codes: list[Any] = []
    for operator in model.subgraphs[0].operators:
        code = model.operatorCodes[operator.opcodeIndex]
        if code.builtinCode not in numbers:
            numbers[code.builtinCode] = len(codes)
            codes.append(code)
        operator.opcodeIndex = numbers[code.builtinCode]
    model.operatorCodes = codes
