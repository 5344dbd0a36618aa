"""A .tflite as objects that can be changed, and back: by the classes of the schema in LiteRT's wheel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# The class of the options of an op, where its name is another; "" for none.
_OPTIONS = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "CONCATENATION": "ConcatenationOptions",
    "LOGISTIC": "",
    "MAX_POOL_2D": "Pool2DOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MEAN": "ReducerOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "PADV2": "PadV2Options",
    "PRELU": "",
    "REDUCE_MAX": "ReducerOptions",
    "RELU": "",
    "RELU6": "",
    "TANH": "",
}
_VERSION = 3  # of the schema, in every .tflite
_FLOAT32, _INT32 = 0, 2  # TensorType of the schema


def read_objects(data: bytes) -> Any:
    """Returns the flatbuffer `data`, whose structure has been checked, as a `ModelT` of the schema."""
    from ai_edge_litert.tools import flatbuffer_utils  # noqa: PLC0415  (slow to load)

    return flatbuffer_utils.read_model_from_bytearray(bytearray(data))


def new_objects() -> Any:
    """Returns a `ModelT` with one empty graph."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415  (slow to load)

    model, graph = schema.ModelT(), schema.SubGraphT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [], [], [], []
    model.version, model.subgraphs, model.operatorCodes, model.buffers = _VERSION, [graph], [], [schema.BufferT()]
    return model


def write_objects(model: Any) -> bytes:
    """Returns the flatbuffer of a `ModelT`."""
    from ai_edge_litert.tools import flatbuffer_utils  # noqa: PLC0415  (slow to load)

    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def drop_unused_tensors(model: Any) -> None:
    """Removes the tensors of the one graph of `model` that no op reads or writes, and the buffers that none has.

    The quantizers carry them along, float32 weights that were replaced among them.
    """
    main = model.subgraphs[0]
    ends = [index for op in main.operators for index in (*op.inputs, *op.outputs, *_intermediates(op))]
    used = sorted({int(index) for index in (*ends, *main.inputs, *main.outputs) if index >= 0})
    places = {old: new for new, old in enumerate(used)} | {-1: -1}
    for op in main.operators:
        op.inputs, op.outputs = ([places[int(index)] for index in part] for part in (op.inputs, op.outputs))
        if len(_intermediates(op)):
            op.intermediates = [places[int(index)] for index in op.intermediates]
    main.inputs, main.outputs = ([places[int(index)] for index in part] for part in (main.inputs, main.outputs))
    for signature in model.signatureDefs or ():
        for item in (*(signature.inputs or ()), *(signature.outputs or ())):
            item.tensorIndex = places[item.tensorIndex]
    main.tensors = [main.tensors[index] for index in used]
    numbers = {tensor.buffer for tensor in main.tensors} | {item.buffer for item in model.metadata or ()} | {0}
    stay = sorted(numbers | {int(number) for number in _list(model.metadataBuffer)})
    buffers = {old: new for new, old in enumerate(stay)}
    for holder in (*main.tensors, *(model.metadata or ())):
        holder.buffer = buffers[holder.buffer]
    model.metadataBuffer = [buffers[int(number)] for number in _list(model.metadataBuffer)] or None
    model.buffers = [model.buffers[number] for number in stay]


def _intermediates(op: Any) -> Any:
    return _list(op.intermediates)


def _list(numbers: Any) -> Any:
    """Returns a vector of the schema, which is None or an array; empty for None."""
    return () if numbers is None else numbers


def add_tensor(model: Any, name: str, shape: tuple[int, ...], values: NDArray[Any] | None = None) -> int:
    """Adds a tensor of `shape` to the `ModelT`: float32, or a constant with the float32 or int32 `values`."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415  (slow to load)

    main = model.subgraphs[0]
    tensor = schema.TensorT()
    tensor.name, tensor.shape = name.encode(), np.array(shape, np.int32)
    tensor.type = _INT32 if values is not None and values.dtype == np.int32 else _FLOAT32
    tensor.buffer = 0 if values is None else _add_buffer(model, values)
    main.tensors.append(tensor)
    return len(main.tensors) - 1


def make_operator(model: Any, builtin: str, inputs: list[int], output: int, **options: Any) -> Any:
    """Returns an operator of the kind `builtin`, version 1, with `options` of the schema, not yet in the graph."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415  (slow to load)

    name = _OPTIONS.get(builtin, "".join(part.capitalize() for part in builtin.split("_")) + "Options")
    name = name.replace("2d", "2D")
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, builtin)
    code.version = 1
    model.operatorCodes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = len(model.operatorCodes) - 1, inputs, [output]
    if name:
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        operator.builtinOptions = getattr(schema, f"{name}T")()
        for key, value in options.items():
            setattr(operator.builtinOptions, key, value)
    return operator


def _add_buffer(model: Any, values: NDArray[Any]) -> int:
    buffer = type(model.buffers[0])()
    buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    model.buffers.append(buffer)
    return len(model.buffers) - 1
