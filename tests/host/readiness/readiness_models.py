"""Models of one op each, near the limits that the rules set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tflite_models import O, T, one_op, tflite


def i8(name: str, *shape: int) -> T:
    return T(name, shape, "int8", 0.1)


def ints(name: str, *values: int) -> T:
    return T(name, data=np.array(values, np.int32))


def weights(name: str, *shape: int, scale: float | list[float] = 0.1) -> T:
    return T(name, data=np.ones(shape, np.int8), scale=scale)


def bias(count: int) -> T:
    return T("bias", data=np.zeros(count, np.int32), scale=0.01)


def conv(image: T, kernel: T, result: T, bias: T | None = None, version: int = 3) -> bytes:
    return one_op("CONV_2D", [image, kernel, bias], [result], version=version, options={"strideW": 1, "strideH": 1})


def dense(kernel: T, bias: T | None = None, *, version: int = 4, **options: int) -> bytes:
    operands = [i8("x", 1, 8), kernel, bias]
    return one_op("FULLY_CONNECTED", operands, [i8("y", 1, 4)], version=version, options=options)


def unary(name: str, source: T, result: T, version: int = 1) -> bytes:
    return one_op(name, [source], [result], version=version)


def mean(image: T, result: T, *axes: int) -> bytes:
    return one_op("MEAN", [image, ints("axes", *axes)], [result], version=2)


def prelu(*alpha: int) -> bytes:
    return one_op("PRELU", [i8("x", 1, 4, 4, 8), weights("alpha", *alpha)], [i8("y", 1, 4, 4, 8)])


def depthwise(height: int, width: int) -> bytes:
    options = {"strideW": 1, "strideH": 1, "depthMultiplier": 1, "dilationHFactor": height, "dilationWFactor": width}
    operands = [i8("x", 1, 9, 9, 2), weights("w", 1, 3, 3, 2), bias(2)]
    return one_op("DEPTHWISE_CONV_2D", operands, [i8("y", 1, 5, 5, 2)], version=3, options=options)


def transpose_conv(filters: int, channels: int = 8, side: int = 32) -> bytes:
    """A 2x2 kernel takes [1, side, side, channels] to twice the side."""
    result = i8("y", 1, 2 * side, 2 * side, filters)
    operands = [
        ints("size", *result.shape or ()),
        weights("w", filters, 2, 2, channels),
        i8("x", 1, side, side, channels),
    ]
    return one_op("TRANSPOSE_CONV", operands, [result], version=3)


def lstm(steps: int, features: int) -> bytes:
    operands = [i8("x", 1, steps, features), weights("w", 4, features)]
    return one_op("UNIDIRECTIONAL_SEQUENCE_LSTM", operands, [i8("y", 1, steps, 4)])


def pool(activation: int) -> bytes:
    options = {"fusedActivationFunction": activation, "filterWidth": 2, "filterHeight": 2, "strideW": 2, "strideH": 2}
    return one_op("MAX_POOL_2D", [i8("x", 1, 4, 4, 2)], [i8("y", 1, 2, 2, 2)], version=2, options=options)


def concatenation(value: int) -> bytes:
    constant = T("c", data=np.full((1, 4), value, np.int8), scale=0.1)
    return one_op("CONCATENATION", [i8("x", 1, 4), constant], [i8("y", 1, 8)], version=2, options={"axis": 1})


def pad(batch: int) -> bytes:
    paddings = T("paddings", data=np.array([[0, batch], [1, 1], [1, 1], [0, 0]], np.int32))
    return one_op("PAD", [i8("x", 1, 4, 4, 2), paddings], [i8("y", 1, 6, 6, 2)], version=2)


def pack(axis: int) -> bytes:
    tensors = [i8("a", 4, 4), i8("b", 4, 4)]
    return one_op("PACK", tensors, [i8("y", 4, 4, 2)], version=2, options={"axis": axis, "valuesCount": 2})


def split(axis: int, pieces: int = 2) -> bytes:
    parts = [i8(f"part{number}", 4, 4, 8 // pieces) for number in range(pieces)]
    operands = [ints("axis", axis), i8("x", 4, 4, 8)]
    return one_op("SPLIT", operands, parts, version=2, options={"numSplits": pieces})


def boxes(name: str, count: int, values: int) -> bytes:
    """An op whose result is a detector's [1, count, values]."""
    result = i8("y", 1, count, values)
    if name == "CONCATENATION":
        sources = [i8("a", 1, 384, values), i8("b", 1, count - 384, values)]
        return one_op(name, sources, [result], version=2, options={"axis": 1})
    if name == "RESHAPE":
        return one_op(name, [i8("x", 1, count * values), ints("to", 1, count, values)], [result])
    return unary(name, i8("x", 1, count, values), result)


def strided_slice(stride: int, new_axis: int = 0) -> bytes:
    operands = [i8("x", 1, 8, 8, 2), ints("a", 0, 0, 0, 0), ints("b", 1, 8, 8, 2), ints("s", 1, stride, 1, 1)]
    return one_op("STRIDED_SLICE", operands, [i8("y", 1, 8, 8, 2)], version=2, options={"newAxisMask": new_axis})


def tile(height: int, version: int = 1) -> bytes:
    operands = [i8("x", 1, height, 1, 8), ints("times", 1, 3, 3, 1)]
    return one_op("TILE", operands, [i8("y", 1, 3 * height, 3, 8)], version=version)


def transpose(size: int, version: int = 2) -> bytes:
    operands = [i8("x", 1, size, size, 144), ints("perm", 0, 3, 1, 2)]
    return one_op("TRANSPOSE", operands, [i8("y", 1, 144, size, size)], version=version)


def resize(before: int, after: int, channels: int = 4) -> bytes:
    operands = [i8("x", 1, before, before, channels), ints("size", after, after)]
    result = i8("y", 1, after, after, channels)
    return one_op("RESIZE_BILINEAR", operands, [result], version=3, options={"alignCorners": True})


def reshape(target: T | None) -> bytes:
    return one_op("RESHAPE", [i8("x", 1, 2, 2, 2), *([target] if target else [])], [i8("y", 1, 8)])


def flatten(batch: int) -> bytes:
    """What Keras writes for Flatten: with an open batch (-1) its target is computed from SHAPE."""
    image = replace(i8("image", 1, 2, 2, 2), signature=(batch, 2, 2, 2))
    if batch > 0:
        target = [ints("target", 1, 8)]
        ops = [O("RESHAPE", ["image", "target"], ["y"])]
    else:
        target = [
            T("shape", (4,), "int32"),
            T("batch", (), "int32"),
            T("target", (2,), "int32"),
            ints("zero", 0),
            ints("one", 1),
            T("rest", data=np.array(8, np.int32)),
        ]
        ops = [
            O("SHAPE", ["image"], ["shape"]),
            O("STRIDED_SLICE", ["shape", "zero", "one", "one"], ["batch"], options={"shrinkAxisMask": 1}),
            O("PACK", ["batch", "rest"], ["target"], options={"valuesCount": 2}),
            O("RESHAPE", ["image", "target"], ["y"]),
        ]
    return tflite(tensors=[image, i8("y", 1, 8), *target], ops=ops, inputs=["image"], outputs=["y"])


def elu_island(*, in_float: bool) -> bytes:
    """A QUANTIZE after a DEQUANTIZE, or between 8-bit types."""
    kind, name = ("float32", "DEQUANTIZE") if in_float else ("int8", "QUANTIZE")
    middle = T("m", (1, 4), kind, None if in_float else 0.2)
    return tflite(
        tensors=[i8("x", 1, 4), middle, i8("y", 1, 4)],
        ops=[O(name, ["x"], ["m"], 2), O("QUANTIZE", ["m"], ["y"])],
        inputs=["x"],
        outputs=["y"],
    )
