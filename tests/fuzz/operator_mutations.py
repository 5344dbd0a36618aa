"""Changes to one operator of a sound model by the schema: its options, constants, types, wiring, shapes and scales.

`changed(data, op, source)` gives one changed file that is a sound flatbuffer, and what was done. The same seeded
`source` gives the same files. It needs flatbuffers and ai_edge_litert's schema, as the tests' builder does.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import encode  # noqa: F401  (the object API needs it loaded)

INTEGERS = (*range(-2, 10), -5, -129, -65536, -(1 << 31), 16, 31, 32, 33, 127, 255, 256, 65535, 65536)
INTEGERS += (1 << 20, 1 << 24, 1 << 30, (1 << 31) - 1)
REALS = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 255.0, 1e-30, 1e-45, 1e30, 3.4e38, -3.4e38, math.inf, -math.inf, math.nan)
TYPES = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 15, 16, 17)  # of the schema's enum: those that kernels know
NUMPY = {0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 8: "complex64"}
NUMPY |= {9: "int8", 10: "float64", 12: "uint64", 15: "uint32", 16: "uint16"}
MOST_BYTES = 1 << 16  # of a constant that is made to fit a new shape


@dataclass(frozen=True)
class Target:
    """One op of a model that is being changed."""

    model: Any
    graph: Any
    op: Any
    source: random.Random

    @property
    def tensors(self) -> list[Any]:
        """The op's tensors, absent ones left out."""
        return [self.graph.tensors[i] for i in (*self.op.inputs, *self.op.outputs) if i >= 0]

    @property
    def constants(self) -> list[Any]:
        """Those that the file holds."""
        return [tensor for tensor in self.tensors if self.data_of(tensor) is not None]

    def data_of(self, tensor: Any) -> Any:
        """A constant's bytes, or None."""
        data = self.model.buffers[tensor.buffer].data
        return None if data is None or not len(data) else np.asarray(data, np.uint8)

    def hold(self, tensor: Any, data: bytes) -> None:
        """Gives a constant other bytes."""
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(data, np.uint8)
        self.model.buffers.append(buffer)
        tensor.buffer = len(self.model.buffers) - 1


def changed(data: bytes, name: str, source: random.Random) -> tuple[str, bytes]:
    """What was changed and the bytes of a copy of `data` with one to three changes, mostly to an op called `name`."""
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    _make_lists(model)
    target = _choose(model, name, source)
    kinds = []
    for _ in range(source.choice((1, 1, 1, 2, 3))):
        kind = source.choice(list(CHANGES))
        CHANGES[kind](target)
        kinds.append(kind)
    builder = flatbuffers.Builder(4096)
    try:
        builder.Finish(model.Pack(builder), b"TFL3")
    except (TypeError, ValueError, OverflowError, flatbuffers.builder.BuilderSizeError):  # no flatbuffer holds that
        return changed(data, name, source)
    return "+".join(kinds), bytes(builder.Output())


def _make_lists(model: Any) -> None:
    """Numpy's vectors as lists, which can change their length."""
    for graph in model.subgraphs:
        graph.inputs, graph.outputs = list(_numbers(graph.inputs)), list(_numbers(graph.outputs))
        for tensor in graph.tensors:
            tensor.shape = list(_numbers(tensor.shape))
        for op in graph.operators or []:
            op.inputs, op.outputs = list(_numbers(op.inputs)), list(_numbers(op.outputs))


def _numbers(values: Any) -> list[int]:
    return [] if values is None else [int(value) for value in values]


def _choose(model: Any, name: str, source: random.Random) -> Target:
    code = getattr(schema.BuiltinOperator, name)
    places = [(graph, op) for graph in model.subgraphs for op in graph.operators or []]
    named = [(graph, op) for graph, op in places if model.operatorCodes[op.opcodeIndex].builtinCode == code]
    graph, op = source.choice(named if named and source.random() < 0.9 else places)
    return Target(model, graph, op, source)


def _change_option(target: Target) -> None:
    options = target.op.builtinOptions or target.op.builtinOptions2
    fields = [] if options is None else list(vars(options))
    if not fields:
        return _change_version(target)
    field = target.source.choice(fields)
    setattr(options, field, _other(getattr(options, field), target.source))
    return None


def _other(value: Any, source: random.Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, np.integer)):
        return source.choice((*INTEGERS, int(value) + 1, int(value) - 1))
    if isinstance(value, (float, np.floating)):
        return source.choice(REALS)
    if isinstance(value, (bytes, str)):
        return source.choice((b"", b"v", b"\xff" * 9))
    values = [] if value is None else list(value)
    if values and source.random() < 0.7:
        values[source.randrange(len(values))] = source.choice(INTEGERS)
        return values
    return source.choice((values[:-1], [*values, source.choice(INTEGERS)], [], values * 3))


def _change_constant(target: Target) -> None:
    if not target.constants:
        return _change_shape(target)
    tensor = target.source.choice(target.constants)
    data = target.data_of(tensor).copy()
    kind = np.dtype(NUMPY.get(tensor.type, "uint8"))
    if len(data) % kind.itemsize:
        return None
    values = data.view(kind)
    for _ in range(target.source.choice((1, 1, 2, len(values)))):
        place = target.source.randrange(len(values))
        if kind.kind in "fc":
            values[place] = target.source.choice(REALS)
        elif kind.kind == "b":
            values[place] = target.source.random() < 0.5
        else:
            number = target.source.choice((*INTEGERS, int(values[place]) + 1, int(values[place]) - 1))
            unsigned = values.view(f"u{kind.itemsize}")
            unsigned[place] = number % (1 << 8 * kind.itemsize)  # any number as the bits that are left of it
    target.hold(tensor, data.tobytes())
    return None


def _change_type(target: Target) -> None:
    if not target.tensors:
        return
    tensor = target.source.choice(target.tensors)
    tensor.type = target.source.choice(TYPES)
    _fit(target, tensor)


def _change_shape(target: Target) -> None:
    if not target.tensors:
        return
    tensor, source = target.source.choice(target.tensors), target.source
    shape = list(_numbers(tensor.shape))
    kind = source.choice(("size", "size", "less", "more", "scalar", "open"))
    if kind == "size" and shape:
        shape[source.randrange(len(shape))] = source.choice((0, 1, 2, 3, 5, 7, 8, 9, 16, 64, 1000, 65536))
    elif kind == "less" and shape:
        del shape[source.randrange(len(shape))]
    elif kind == "more":
        shape.insert(source.randrange(len(shape) + 1), source.choice((1, 1, 2, 0)))
    elif kind == "scalar":
        shape = []
    elif kind == "open" and shape:
        signature = list(shape)
        signature[source.randrange(len(shape))] = -1
        tensor.shapeSignature = signature
        return
    tensor.shape, tensor.shapeSignature = shape, None
    _fit(target, tensor)


def _fit(target: Target, tensor: Any) -> None:
    """Mostly gives a constant the bytes that its type and shape ask for, so that more than their number is tried."""
    data = target.data_of(tensor)
    if data is None or tensor.type not in NUMPY or target.source.random() < 0.1:
        return
    size = math.prod(_numbers(tensor.shape)) * np.dtype(NUMPY[tensor.type]).itemsize
    if 0 < size <= MOST_BYTES:
        target.hold(tensor, (data.tobytes() * (size // len(data) + 1))[:size])


def _change_wiring(target: Target) -> None:
    op, source = target.op, target.source
    side = op.inputs if source.random() < 0.75 else op.outputs
    count = len(target.graph.tensors)
    kind = source.choice(("drop", "absent", "other", "swap", "again", "extra", "first"))
    if kind == "drop" and side:
        side.pop()
    elif kind == "first" and side:
        side.pop(0)
    elif kind == "absent" and side:
        side[source.randrange(len(side))] = -1
    elif kind == "other" and side:
        side[source.randrange(len(side))] = source.randrange(count)
    elif kind == "swap" and len(side) > 1:
        first, second = source.sample(range(len(side)), 2)
        side[first], side[second] = side[second], side[first]
    elif kind == "again" and side:
        side.append(source.choice(side))
    elif kind == "extra":
        side.append(source.choice((-1, source.randrange(count))))


def _change_quantization(target: Target) -> None:
    if not target.tensors:
        return
    tensor, source = target.source.choice(target.tensors), target.source
    quantization = schema.QuantizationParametersT()
    kind = source.choice(("one", "axis", "none", "zero", "dimension"))
    if kind == "none":
        tensor.quantization = None
        return
    shape = _numbers(tensor.shape)
    axis = source.randrange(len(shape)) if shape else 0
    count = shape[axis] if kind == "axis" and shape and 0 < shape[axis] <= 1024 else 1
    scale = source.choice((*[value for value in REALS if value == value], 0.01, 1 / 255, 1 / 128))
    quantization.scale = np.full(count, scale, np.float32)
    point = source.choice((0, 0, -128, 127, 255, -32768, 1 << 20)) if kind == "zero" else 0
    quantization.zeroPoint = np.full(count, point, np.int64)
    quantization.quantizedDimension = source.choice((axis, axis, -1, 0, 3, 9)) if kind == "dimension" else axis
    tensor.quantization = quantization


def _change_version(target: Target) -> None:
    """Another version, or another operator of the same tensors; the code may be shared with other ops."""
    source, codes = target.source, target.model.operatorCodes
    code = schema.OperatorCodeT()
    old = codes[target.op.opcodeIndex]
    code.builtinCode, code.version, code.customCode = old.builtinCode, old.version, old.customCode
    if source.random() < 0.6:
        code.version = source.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, -1, 1000))
    else:
        code.builtinCode = source.choice([number for number in range(163) if number not in (32, 51)])
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    codes.append(code)
    target.op.opcodeIndex = len(codes) - 1


def _change_flags(target: Target) -> None:
    source = target.source
    kind = source.choice(("variable", "sparse", "intermediates", "options", "mutating"))
    if kind == "variable" and target.tensors:
        tensor = source.choice(target.tensors)
        tensor.isVariable = not tensor.isVariable
    elif kind == "sparse" and target.tensors:
        source.choice(target.tensors).sparsity = _sparsity(source)
    elif kind == "intermediates":
        target.op.intermediates = [source.randrange(len(target.graph.tensors)) for _ in range(source.randrange(13))]
    elif kind == "options":
        target.op.builtinOptionsType, target.op.builtinOptions = 0, None
    elif kind == "mutating":
        target.op.mutatingVariableInputs = [source.random() < 0.5 for _ in target.op.inputs]


def _sparsity(source: random.Random) -> Any:
    sparsity = schema.SparsityParametersT()
    sparsity.traversalOrder = source.choice(([0, 1], [1, 0], [0, 1, 2, 3], [0], [5, -1]))
    sparsity.blockMap = source.choice((None, [0], [1], [0, 1], [7]))
    sparsity.dimMetadata = []
    for _ in sparsity.traversalOrder:
        part = schema.DimensionMetadataT()
        part.format, part.denseSize = source.randrange(2), source.choice(INTEGERS)
        if part.format:
            part.arraySegmentsType = part.arrayIndicesType = schema.SparseIndexVector.Int32Vector
            part.arraySegments, part.arrayIndices = schema.Int32VectorT(), schema.Int32VectorT()
            part.arraySegments.values = [source.choice((0, 1, 2, 3, 100)) for _ in range(source.randrange(6))]
            part.arrayIndices.values = [source.choice((0, 1, 2, 3, 100, -1)) for _ in range(source.randrange(6))]
        sparsity.dimMetadata.append(part)
    return sparsity


CHANGES: dict[str, Callable[[Target], None]] = {
    "option": _change_option,
    "constant": _change_constant,
    "type": _change_type,
    "shape": _change_shape,
    "wiring": _change_wiring,
    "quantization": _change_quantization,
    "version": _change_version,
    "flags": _change_flags,
}
