"""A .tflite as objects that can be changed, and back: by the classes of the schema in LiteRT's wheel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# BuiltinOperator and BuiltinOptions of the schema; no options: 0.
BUILTINS = {
    "ADD": (0, 11, "AddOptionsT"),
    "CONV_2D": (3, 1, "Conv2DOptionsT"),
    "MUL": (18, 21, "MulOptionsT"),
    "PAD": (34, 22, "PadOptionsT"),
    "PRELU": (54, 0, ""),
    "RESHAPE": (22, 17, "ReshapeOptionsT"),
}
_FLOAT32, _INT32 = 0, 2  # TensorType of the schema


def read_objects(data: bytes) -> Any:
    """Returns the flatbuffer `data`, whose structure has been checked, as a `ModelT` of the schema."""
    from ai_edge_litert.tools import flatbuffer_utils  # noqa: PLC0415  (slow to load)

    return flatbuffer_utils.read_model_from_bytearray(bytearray(data))


def write_objects(model: Any) -> bytes:
    """Returns the flatbuffer of a `ModelT`."""
    from ai_edge_litert.tools import flatbuffer_utils  # noqa: PLC0415  (slow to load)

    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def add_tensor(model: Any, name: str, shape: tuple[int, ...], values: NDArray[Any] | None = None) -> int:
    """Adds a tensor of `shape` to the `ModelT`: float32, or a constant with the float32 or int32 `values`."""
    main = model.subgraphs[0]
    tensor = type(main.tensors[0])()
    tensor.name, tensor.shape = name.encode(), np.array(shape, np.int32)
    tensor.type = _INT32 if values is not None and values.dtype == np.int32 else _FLOAT32
    tensor.buffer = 0 if values is None else _add_buffer(model, values)
    main.tensors.append(tensor)
    return len(main.tensors) - 1


def make_operator(model: Any, builtin: str, inputs: list[int], output: int, **options: Any) -> Any:
    """Returns an operator of the kind `builtin`, version 1, with `options` of the schema, not yet in the graph."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415  (slow to load)

    number, kind, name = BUILTINS[builtin]
    code = type(model.operatorCodes[0])()
    code.builtinCode = code.deprecatedBuiltinCode = number
    code.version = 1
    model.operatorCodes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = len(model.operatorCodes) - 1, inputs, [output]
    operator.builtinOptionsType = kind
    if name:
        operator.builtinOptions = getattr(schema, name)()
        for key, value in options.items():
            setattr(operator.builtinOptions, key, value)
    return operator


def _add_buffer(model: Any, values: NDArray[Any]) -> int:
    buffer = type(model.buffers[0])()
    buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    model.buffers.append(buffer)
    return len(model.buffers) - 1
