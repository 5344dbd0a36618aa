"""Translates a graph of plain ONNX operators to a float32 .tflite, without TensorFlow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from onnx import helper, numpy_helper

from edgeready.engine import onnx_layers as layers
from edgeready.engine.onnx_writer import OnnxWriter, Value
from edgeready.errors import UntranslatedError
from edgeready.onnx_file.inputs import input_values, sizes_of
from edgeready.onnx_file.reading import OnnxModel

_PLACES = (0, 3, 1, 2)  # where an axis of ONNX is with the channels last
_RELU, _RELU6 = 1, 3  # ActivationFunctionType of the schema
_Translate = Callable[[OnnxWriter, str, Sequence[Value], Mapping[str, Any]], Value]


def translate_onnx(model: OnnxModel) -> bytes:
    """Returns `model` as a float32 .tflite; a picture goes in with the channels last.

    Raises UntranslatedError for an operator, or a form of one, that has no translation here.
    """
    writer, graph = OnnxWriter(), model.plain.graph
    for tensor in graph.initializer:
        array = numpy_helper.to_array(tensor)
        writer.name(tensor.name, Value(shape=array.shape, array=array))
    for value in input_values(model.plain):
        shape = tuple(size or 0 for size in sizes_of(value) or ())
        writer.add_input(value.name, shape, last=model.picture is not None and len(shape) == 4)
    uses = Counter(name for node in graph.node for name in node.input)
    uses.update(value.name for value in graph.output)
    for node in graph.node:
        if node.op_type not in _OPERATORS or len([name for name in node.output if name]) != 1:
            raise UntranslatedError(node.op_type)
        attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        inputs = [writer.value(name) for name in node.input if name]
        if node.op_type != "Constant" and all(value.array is not None for value in inputs):
            raise UntranslatedError(f"{node.op_type} of constants")
        result = None
        if inputs and uses[node.input[0]] == 1:
            result = _fuse(writer, node.op_type, inputs)
        writer.name(node.output[0], result or _OPERATORS[node.op_type](writer, node.output[0], inputs, attributes))
    if model.picture is None:
        for value in graph.output:
            writer.name(value.name, writer.first(writer.value(value.name), value.name))
    return writer.finish([value.name for value in graph.output])


def _fuse(writer: OnnxWriter, operator: str, inputs: Sequence[Value]) -> Value | None:
    """Returns the first input with a ReLU or ReLU6 inside the op that makes it; None where that is not possible."""
    bounds = [float(value.array.item()) for value in inputs[1:] if value.array is not None and value.array.size == 1]
    activation = _RELU if operator == "Relu" else _RELU6 if operator == "Clip" and bounds == [0.0, 6.0] else 0
    return inputs[0] if activation and writer.fuse(inputs[0], activation) else None


def _constant(writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Mapping[str, Any]) -> Value:
    if "value" not in attributes:
        raise UntranslatedError("Constant of other than a tensor")
    array = numpy_helper.to_array(attributes["value"])
    return Value(shape=array.shape, array=array)


def _same(writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Mapping[str, Any]) -> Value:
    return inputs[0]


def _unary(
    builtin: str, writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Mapping[str, Any]
) -> Value:
    return writer.write(builtin, [inputs[0].tensor], name, inputs[0].shape, last=inputs[0].last)


def _relu(writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Mapping[str, Any]) -> Value:
    return _unary("RELU", writer, name, inputs, attributes)


def _clip(writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Mapping[str, Any]) -> Value:
    bounds = [None if value.array is None else float(value.array.item()) for value in inputs[1:3]]
    if len(bounds) != 2 or None in bounds:
        raise UntranslatedError("Clip without two constant bounds")
    low, high = bounds
    if (low, high) == (0.0, 6.0):
        return _unary("RELU6", writer, name, inputs, attributes)
    image = inputs[0]
    for builtin, bound in (("MAXIMUM", low), ("MINIMUM", high)):
        number = writer.constant(f"{name}/{builtin}", np.array(bound, np.float32))
        part = name if builtin == "MINIMUM" else f"{name}/low"
        image = writer.write(builtin, [image.tensor, number], part, image.shape, last=image.last)
    return image


def _binary(
    builtin: str, writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Mapping[str, Any]
) -> Value:
    """Writes an op on two values, the smaller of which is repeated along the axes of size 1 or that it lacks."""
    if len(inputs) != 2:
        raise UntranslatedError(f"{builtin} of {len(inputs)} values")
    first, second = inputs
    if first.last or second.last:
        first, second = (_map(writer, value, name) for value in inputs)
    shape = np.broadcast_shapes(first.shape, second.shape)
    tensors = [writer.tensor(value, f"{name}/operand_{number}") for number, value in enumerate((first, second))]
    return writer.write(builtin, tensors, name, shape, last=first.last or second.last)


def _map(writer: OnnxWriter, value: Value, name: str) -> Value:
    """Returns `value` with the channels last, to be computed with a map; a single number stays one."""
    if value.array is not None and value.array.size == 1:
        return Value(shape=(), array=value.array.reshape(()))
    if value.array is not None and value.array.ndim < 4:
        shape = (1,) * (4 - value.array.ndim) + value.array.shape
        value = Value(shape=shape, array=value.array.reshape(shape))
    if len(value.shape) != 4:
        raise UntranslatedError("a map with a value of fewer axes")
    return writer.channels_last(value, name)


def _prelu(writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Mapping[str, Any]) -> Value:
    image, slopes = inputs[0], inputs[1].array
    if slopes is None or not image.last or slopes.size not in (1, image.shape[3]):
        raise UntranslatedError("PRelu without one slope for each channel of a map")
    alpha = writer.constant(f"{name}/alpha", np.broadcast_to(slopes.reshape(1, 1, -1), (1, 1, image.shape[3])))
    return writer.write("PRELU", [image.tensor, alpha], name, image.shape, last=True)


def _softmax(writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Mapping[str, Any]) -> Value:
    value = inputs[0]
    rank = len(value.shape)
    axis = attributes.get("axis", -1) % rank
    if axis != (1 if value.last else rank - 1):
        raise UntranslatedError("Softmax of another axis than the last")
    return writer.write("SOFTMAX", [value.tensor], name, value.shape, last=value.last, beta=1.0)


def _reduce(
    builtin: str, writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Mapping[str, Any]
) -> Value:
    """Writes a mean or maximum over axes, by default all places of a map (GlobalAveragePool)."""
    value, rank = inputs[0], len(inputs[0].shape)
    axes = attributes.get("axes", inputs[1].array if len(inputs) > 1 else range(2, rank))
    if axes is None:
        raise UntranslatedError(f"{builtin} over axes that are computed")
    places = sorted(int(axis) % rank for axis in axes)
    keep = bool(attributes.get("keepdims", 1))
    if value.last and not keep and places != [2, 3]:
        value = writer.first(value, name)
    own = [_PLACES[place] for place in places] if value.last else places
    sizes = [1 if place in own else size for place, size in enumerate(value.shape)]
    shape = sizes if keep else [size for place, size in enumerate(value.shape) if place not in own]
    tensors = [value.tensor, writer.constant(f"{name}/axes", np.array(own))]
    return writer.write(builtin, tensors, name, shape, last=value.last and keep, keepDims=keep)


def _concat(writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Mapping[str, Any]) -> Value:
    last = any(value.last for value in inputs)
    values = [
        writer.channels_last(value, f"{name}/{number}") if last else value for number, value in enumerate(inputs)
    ]
    rank = len(values[0].shape)
    axis = attributes["axis"] % rank
    own = _PLACES[axis] if last else axis
    shape = list(values[0].shape)
    shape[own] = sum(value.shape[own] for value in values)
    tensors = [writer.tensor(value, f"{name}/part_{number}") for number, value in enumerate(values)]
    return writer.write("CONCATENATION", tensors, name, shape, last=last, axis=own)


def _slice(writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Mapping[str, Any]) -> Value:
    value, rank = inputs[0], len(inputs[0].shape)
    numbers = [item.array.tolist() for item in inputs[1:] if item.array is not None]
    if len(numbers) < max(2, len(inputs) - 1) or any(step != 1 for step in (*numbers[3:], [1])[0]):
        raise UntranslatedError("Slice with steps, or with bounds that are computed")
    starts, ends, *more = numbers
    axes = more[0] if more else range(len(starts))
    begin, size = [0] * rank, list(value.shape)
    for axis, start, end in zip(axes, starts, ends):
        own = _PLACES[axis % rank] if value.last else axis % rank
        low, high, _ = slice(start, end).indices(value.shape[own])
        begin[own], size[own] = low, max(high - low, 0)
    tensors = [
        value.tensor,
        *(writer.constant(f"{name}/{key}", np.array(array)) for key, array in (("begin", begin), ("size", size))),
    ]
    return writer.write("SLICE", tensors, name, size, last=value.last)


def _transpose(writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Mapping[str, Any]) -> Value:
    value = writer.first(inputs[0], name)
    axes = attributes.get("perm", list(range(len(value.shape)))[::-1])
    tensors = [value.tensor, writer.constant(f"{name}/axes", np.array(axes))]
    turned = writer.write("TRANSPOSE", tensors, name, [value.shape[axis] for axis in axes])
    return writer.channels_last(turned, name)  # at once: what moves do together is seen where only moves are


def _reshape(writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Mapping[str, Any]) -> Value:
    value = writer.first(inputs[0], name)
    if len(inputs) < 2 or inputs[1].array is None:
        raise UntranslatedError("Reshape to a shape that is computed")
    sizes = inputs[1].array.tolist()
    if not attributes.get("allowzero", 0):
        sizes = [value.shape[place] if size == 0 else size for place, size in enumerate(sizes)]
    return _give_shape(writer, name, value, np.empty(value.shape, np.bool_).reshape(sizes).shape)


def _flatten(writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Mapping[str, Any]) -> Value:
    value = writer.first(inputs[0], name)
    axis = attributes.get("axis", 1) % (len(value.shape) + 1)
    rows = int(np.prod(value.shape[:axis]))
    return _give_shape(writer, name, value, (rows, int(np.prod(value.shape[axis:]))))


def _squeeze(
    opens: bool, writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Mapping[str, Any]
) -> Value:
    """Writes a Squeeze, or with `opens` an Unsqueeze."""
    value = writer.first(inputs[0], name)
    places = attributes.get("axes", inputs[1].array if len(inputs) > 1 else None)
    if places is None and (opens or len(inputs) > 1):
        raise UntranslatedError("Squeeze or Unsqueeze at axes that are computed")
    axes = None if places is None else tuple(map(int, places))
    like = np.empty(value.shape, np.bool_)
    if opens:
        return _give_shape(writer, name, value, np.expand_dims(like, axes or ()).shape)
    return _give_shape(writer, name, value, np.squeeze(like, axes).shape)


def _give_shape(writer: OnnxWriter, name: str, value: Value, shape: Sequence[int]) -> Value:
    tensors = [value.tensor, writer.constant(f"{name}/shape", np.array(shape))]
    shaped = writer.write("RESHAPE", tensors, name, shape, newShape=[*shape])
    return writer.channels_last(shaped, name)  # as in _transpose


def _batch_normalization(
    writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Mapping[str, Any]
) -> Value:
    arrays = [value.array for value in inputs[1:5]]
    if len(arrays) < 4 or any(array is None for array in arrays):
        raise UntranslatedError("BatchNormalization with statistics that are computed")
    scale, offset, mean, variance = (np.asarray(array, np.float64) for array in arrays)
    slope = scale / np.sqrt(variance + attributes.get("epsilon", 1e-5))
    shape = (1, -1, *(1,) * (len(inputs[0].shape) - 2))
    parts = [np.asarray(part.reshape(shape), np.float32) for part in (slope, offset - mean * slope)]
    factor, term = (Value(shape=part.shape, array=part) for part in parts)
    product = _binary("MUL", writer, f"{name}/scaled", [inputs[0], factor], {})
    return _binary("ADD", writer, name, [product, term], {})


_OPERATORS: dict[str, _Translate] = {
    "Add": partial(_binary, "ADD"),
    "AveragePool": layers.average_pool,
    "BatchNormalization": _batch_normalization,
    "Clip": _clip,
    "Concat": _concat,
    "Constant": _constant,
    "Conv": layers.convolution,
    "Div": partial(_binary, "DIV"),
    "Dropout": _same,
    "Flatten": _flatten,
    "Gemm": layers.dense,
    "GlobalAveragePool": partial(_reduce, "MEAN"),
    "GlobalMaxPool": partial(_reduce, "REDUCE_MAX"),
    "Identity": _same,
    "MatMul": layers.dense,
    "Max": partial(_binary, "MAXIMUM"),
    "MaxPool": layers.max_pool,
    "Min": partial(_binary, "MINIMUM"),
    "Mul": partial(_binary, "MUL"),
    "PRelu": _prelu,
    "Pad": layers.pad,
    "ReduceMax": partial(_reduce, "REDUCE_MAX"),
    "ReduceMean": partial(_reduce, "MEAN"),
    "Relu": _relu,
    "Reshape": _reshape,
    "Sigmoid": partial(_unary, "LOGISTIC"),
    "Slice": _slice,
    "Softmax": _softmax,
    "Squeeze": partial(_squeeze, False),
    "Sub": partial(_binary, "SUB"),
    "Tanh": partial(_unary, "TANH"),
    "Transpose": _transpose,
    "Unsqueeze": partial(_squeeze, True),
}
