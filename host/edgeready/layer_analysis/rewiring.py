"""Copies of a .tflite with the wires laid otherwise: to look inside, to feed each op alone, to add an error.

The copies are run by LiteRT as any model; they are never written to a disk.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema


@dataclass(frozen=True)
class Probe:
    """A rewired model: tensor indices by what they stand for, all of them inputs or outputs of `model`.

    `taken` are the added inputs: of `isolated` by (op, position of the input), of `disturbed` by the tensor that
    the error is added to.
    """

    model: bytes = field(repr=False)
    taken: Mapping[Any, int] = field(default_factory=dict)


def tapped(model: bytes, tensors: Sequence[int]) -> Probe:
    """The .tflite `model` with `tensors` as its outputs."""
    unpacked, main = _unpack(model)
    main.outputs = list(tensors)
    return Probe(_pack(unpacked))


def isolated(model: bytes, feeds: Mapping[int, Sequence[int]]) -> Probe:
    """`model` with the ops of `feeds` only, none of which feeds another.

    `feeds` gives for each op the positions of the inputs that are to come from outside, each through an input of
    its own. All results are outputs.
    """
    unpacked, main = _unpack(model)
    taken: dict[tuple[int, int], int] = {}
    for number, positions in feeds.items():
        op = main.operators[number]
        op.inputs = list(op.inputs)
        for position in positions:
            taken[number, position] = _twin(main, int(op.inputs[position]), f"feed {number} {position}")
            op.inputs[position] = taken[number, position]
    main.operators = [main.operators[number] for number in feeds]
    main.inputs = list(taken.values())
    main.outputs = [index for op in main.operators for index in op.outputs]
    return Probe(_pack(unpacked), taken)


def disturbed(model: bytes, tensors: Sequence[int]) -> Probe:
    """The float `model` with a further input beside each of `tensors` that is added to it: zeros change nothing."""
    unpacked, main = _unpack(model)
    taken: dict[int, int] = {}
    code = _addition(unpacked)
    makers = {int(output): op for op in main.operators for output in op.outputs}
    after: dict[int, list[Any]] = {}
    for index in tensors:
        # the op writes to a tensor of its own, and the sum takes the old one: nobody behind it has to know
        plain = _twin(main, index, f"plain {index}")
        taken[index] = _twin(main, index, f"error {index}")
        maker = makers[index]
        maker.outputs = [plain if output == index else output for output in maker.outputs]
        after.setdefault(id(maker), []).append(_sum(code, plain, taken[index], index))
    main.operators = [made for op in main.operators for made in (op, *after.get(id(op), ()))]
    main.inputs = [*main.inputs, *taken.values()]
    return Probe(_pack(unpacked), taken)


def _unpack(model: bytes) -> tuple[Any, Any]:
    unpacked = schema.ModelT.InitFromPackedBuf(model, 0)
    unpacked.signatureDefs = None  # they name the tensors of the ends, which change
    unpacked.metadata = None
    return unpacked, unpacked.subgraphs[0]


def _pack(unpacked: Any) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(unpacked.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _twin(main: Any, index: int, name: str) -> int:
    """The index of a new tensor like the one at `index`, without contents."""
    made = copy.copy(main.tensors[index])
    made.name, made.buffer = name, 0
    main.tensors.append(made)
    return len(main.tensors) - 1


def _addition(unpacked: Any) -> int:
    made = schema.OperatorCodeT()
    made.builtinCode = made.deprecatedBuiltinCode = schema.BuiltinOperator.ADD
    made.version = 1
    unpacked.operatorCodes.append(made)
    return len(unpacked.operatorCodes) - 1


def _sum(code: int, one: int, other: int, result: int) -> Any:
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = code, [one, other], [result]
    made.builtinOptionsType, made.builtinOptions = schema.BuiltinOptions.AddOptions, schema.AddOptionsT()
    return made
