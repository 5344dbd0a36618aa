"""Rewired copies of a .tflite: to read inner tensors, to run each op alone, to add an error.

LiteRT runs the copies as any model; they are never written to a disk.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A rewired model, and the tensor indices of its added `inputs`.

    `isolate_ops` has them by (op, position of the input), `add_errors` by the tensor that the error is added to.
    """

    model: bytes = field(repr=False)
    inputs: Mapping[Any, int] = field(default_factory=dict)


def tap_tensors(model: bytes, tensors: Sequence[int]) -> Probe:
    """Returns the .tflite `model` with `tensors` as its outputs."""
    unpacked, main = _unpack(model)
    main.outputs = list(tensors)
    return Probe(model=_pack(unpacked))


def isolate_ops(model: bytes, positions: Mapping[int, Sequence[int]]) -> Probe:
    """Returns `model` with the ops of `positions` only, none of which feeds another.

    `positions` holds for each op the positions of the inputs that come from outside, each through an input of the
    model. All results are outputs of the model.
    """
    unpacked, main = _unpack(model)
    inputs: dict[tuple[int, int], int] = {}
    for number, places in positions.items():
        op = main.operators[number]
        op.inputs = list(op.inputs)
        for place in places:
            inputs[number, place] = _copy_tensor(main, int(op.inputs[place]), f"feed {number} {place}")
            op.inputs[place] = inputs[number, place]
    main.operators = [main.operators[number] for number in positions]
    main.inputs = list(inputs.values())
    main.outputs = [index for op in main.operators for index in op.outputs]
    return Probe(model=_pack(unpacked), inputs=inputs)


def add_errors(model: bytes, tensors: Sequence[int]) -> Probe:
    """Returns the float `model` with an input for each of `tensors` that is added to it: zeros change nothing."""
    unpacked, main = _unpack(model)
    inputs: dict[int, int] = {}
    code = _add_operator_code(unpacked)
    makers = {int(output): op for op in main.operators for output in op.outputs}
    after: dict[int, list[Any]] = {}
    for index in tensors:
        # the op writes to a new tensor, and the sum to the old one, so that no op behind it changes
        plain = _copy_tensor(main, index, f"plain {index}")
        inputs[index] = _copy_tensor(main, index, f"error {index}")
        maker = makers[index]
        maker.outputs = [plain if output == index else output for output in maker.outputs]
        after.setdefault(id(maker), []).append(_sum(code, (plain, inputs[index]), index))
    main.operators = [part for op in main.operators for part in (op, *after.get(id(op), ()))]
    main.inputs = [*main.inputs, *inputs.values()]
    return Probe(model=_pack(unpacked), inputs=inputs)


def _unpack(model: bytes) -> tuple[Any, Any]:
    unpacked = schema.ModelT.InitFromPackedBuf(model, 0)
    unpacked.signatureDefs = None  # they name inputs and outputs, which change
    unpacked.metadata = None
    return unpacked, unpacked.subgraphs[0]


def _pack(unpacked: Any) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(unpacked.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _copy_tensor(main: Any, index: int, name: str) -> int:
    """Adds a tensor like the one at `index`, without contents, and returns its index."""
    tensor = copy.copy(main.tensors[index])
    tensor.name, tensor.buffer = name, 0
    main.tensors.append(tensor)
    return len(main.tensors) - 1


def _add_operator_code(unpacked: Any) -> int:
    """Adds the operator code of ADD and returns its index."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ADD
    code.version = 1
    unpacked.operatorCodes.append(code)
    return len(unpacked.operatorCodes) - 1


def _sum(code: int, terms: tuple[int, int], result: int) -> Any:
    """Returns an ADD of two tensors; `code` is the index of its operator code."""
    op = schema.OperatorT()
    op.opcodeIndex, op.inputs, op.outputs = code, list(terms), [result]
    op.builtinOptionsType, op.builtinOptions = schema.BuiltinOptions.AddOptions, schema.AddOptionsT()
    return op
