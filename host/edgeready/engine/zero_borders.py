"""Gives maximum pooling a border of zeros, where that leaves every result as it is.

PyTorch's MaxPool2d(padding=1) becomes a PADV2 with minus infinity or the least float32 number in front of
MAX_POOL_2D. No 8 bits hold that number, and PADV2 has no 8-bit form. What is padded is the result of a ReLU in every
ResNet, so 0 loses against each real value in a window just as minus infinity does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeready.engine.fixed_batch import drop_unused_codes
from edgeready.engine.flatbuffer_objects import read_objects, write_objects
from edgeready_device.tflite.graph import Graph, Op, read_graph

_NEVER_NEGATIVE = ("RELU", "RELU6", "RELU_0_TO_1", "LOGISTIC", "SOFTMAX", "ABS")
# Ops whose float32 kernels heed a fused activation; CONCATENATION's does not, whatever its options say.
_FUSING = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "SUB", "MUL")
_RELUS = (1, 3)  # ActivationFunctionType RELU and RELU6 of the schema
# Ops that give no value below 0 where their first input holds none, and those where no input may hold one.
_KEEPING = ("TRANSPOSE", "RESHAPE", "SLICE", "STRIDED_SLICE", "PAD", "MAX_POOL_2D", "AVERAGE_POOL_2D", "MEAN")
_MIXING = ("CONCATENATION", "ADD", "MUL", "MAXIMUM", "MINIMUM")
_PAD, _PAD_OPTIONS = 34, 22  # BuiltinOperator.PAD and BuiltinOptions.PadOptions of the schema
_VALID = 1  # Padding.VALID of the schema
_BATCH, _ROWS, _COLUMNS, _CHANNELS = range(4)  # axes of a map


def zero_borders(data: bytes) -> bytes:
    """Returns the float32 .tflite `data` with PAD in place of each PADV2 whose number could as well be 0.

    Only pools read the result of such a PADV2, it stands behind a ReLU, its number is below 0, and each window holds
    something of the map. A file without one comes back as it is.
    """
    graph = read_graph(data)
    if not any(op.name == "PADV2" for op in graph.ops):
        return data
    model = read_objects(data)
    operators = model.subgraphs[0].operators
    borders = [op for op in graph.ops if op.name == "PADV2" and _may_be_zero(graph, operators, op)]
    if not borders:
        return data
    for border in borders:
        _make_pad(model, operators[border.index])
    drop_unused_codes(model)
    return zero_borders(write_objects(model))  # behind what is a PAD now, the next border may be zeros, too


def _may_be_zero(graph: Graph, operators: Any, border: Op) -> bool:
    """Returns whether zeros in place of the number of the PADV2 `border` leave every result as it is."""
    pixels, sizes, number = graph.of(border.inputs)
    if not (sizes.constant and number.constant) or number.dtype != "float32" or pixels.dtype != "float32":
        return False
    widths = np.asarray(sizes.values())
    if widths.shape != (4, 2) or (widths < 0).any() or widths[[_BATCH, _CHANNELS]].any():
        return False
    if not (number.values() < 0).all():
        return False
    (result,) = border.outputs
    readers = [op for op in graph.ops if result in op.inputs]
    return (
        result not in graph.outputs
        and bool(readers)
        and all(_fills_windows(operators[op.index], op, widths) for op in readers)
        and border.inputs[0] in _never_negative(graph, operators)
    )


def _fills_windows(operator: Any, op: Op, widths: Any) -> bool:
    """Returns whether `op` is a maximum pooling each of whose windows reaches into the map, over the border."""
    options = operator.builtinOptions
    if op.name != "MAX_POOL_2D" or options is None or options.padding != _VALID:
        return False
    return bool((widths[_ROWS] < options.filterHeight).all() and (widths[_COLUMNS] < options.filterWidth).all())


def _never_negative(graph: Graph, operators: Any) -> set[int]:
    """Returns the tensors of which their ops, in the order of the file, show that no value is below 0."""
    tensors: set[int] = set()
    for op in graph.ops:
        fused = getattr(operators[op.index].builtinOptions, "fusedActivationFunction", None)
        if (
            op.name in _NEVER_NEGATIVE
            or (op.name in _FUSING and fused in _RELUS)
            or (op.name in _KEEPING and op.inputs[0] in tensors)
            or (op.name in _MIXING and tensors.issuperset(op.inputs))
        ):
            tensors.update(op.outputs)
    return tensors


def _make_pad(model: Any, operator: Any) -> None:
    """Turns a PADV2 into a PAD, which pads with 0."""
    code = type(model.operatorCodes[0])()
    code.builtinCode = code.deprecatedBuiltinCode = _PAD
    code.version = 1
    model.operatorCodes.append(code)
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs = [*operator.inputs][:2]
    operator.builtinOptionsType, operator.builtinOptions = _PAD_OPTIONS, _pad_options()


def _pad_options() -> Any:
    from ai_edge_litert.schema_py_generated import PadOptionsT  # noqa: PLC0415  (slow to load)

    return PadOptionsT()
