"""Operators of ONNX with weights and windows, as ops of TFLite: convolutions, dense layers, pools, borders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edgeready.engine.onnx_writer import OnnxWriter, Value
from edgeready.errors import UntranslatedError

Attributes = Mapping[str, Any]
_SAME, _VALID = 0, 1  # Padding of the schema
_LEAST = np.finfo(np.float32).min


def convolution(writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Attributes) -> Value:
    """Writes a Conv of two dimensions, with one group or one for each channel."""
    image, kernel = writer.channels_last(inputs[0], name), inputs[1].array
    if kernel is None or kernel.ndim != 4 or not image.last:
        raise UntranslatedError("Conv with weights that are computed, or not of two dimensions")
    groups, channels = attributes.get("group", 1), image.shape[3]
    depthwise = groups == channels > 1 and kernel.shape[1] == 1
    if groups != 1 and not depthwise:
        raise UntranslatedError("Conv in groups")
    image, padding, shape = _window(writer, name, image, attributes, kernel.shape[2:], border=0.0)
    bias = inputs[2].array if len(inputs) > 2 else np.zeros(kernel.shape[0], np.float32)
    if bias is None:
        raise UntranslatedError("Conv with a bias that is computed")
    steps = _steps(attributes)
    if depthwise:
        weights = kernel.transpose(1, 2, 3, 0)
        options = {"depthMultiplier": kernel.shape[0] // channels, **steps}
    else:
        weights, options = kernel.transpose(0, 2, 3, 1), steps
    tensors = [image.tensor, writer.constant(f"{name}/weights", weights), writer.constant(f"{name}/bias", bias)]
    builtin = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    return writer.write(builtin, tensors, name, (*shape, kernel.shape[0]), last=True, padding=padding, **options)


def dense(writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Attributes) -> Value:
    """Writes a Gemm, or a MatMul with constant weights, on rows."""
    rows, matrix = writer.first(inputs[0], name), inputs[1].array
    scaled = attributes.get("alpha", 1.0) != 1 or attributes.get("beta", 1.0) != 1 or attributes.get("transA", 0)
    if matrix is None or matrix.ndim != 2 or len(rows.shape) != 2 or scaled:
        raise UntranslatedError("Gemm or MatMul of other than rows with constant weights")
    weights = matrix if attributes.get("transB", 0) else matrix.T
    offsets = inputs[2].array if len(inputs) > 2 else np.zeros(1, np.float32)
    if offsets is None:
        raise UntranslatedError("Gemm with a bias that is computed")
    bias = np.broadcast_to(offsets.reshape(-1), (len(weights),))
    tensors = [rows.tensor, writer.constant(f"{name}/weights", weights), writer.constant(f"{name}/bias", bias)]
    return writer.write("FULLY_CONNECTED", tensors, name, (rows.shape[0], len(weights)))


def max_pool(writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Attributes) -> Value:
    """Writes a MaxPool of two dimensions."""
    return _pool(writer, name, inputs[0], attributes, builtin="MAX_POOL_2D", border=float(_LEAST))


def average_pool(writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Attributes) -> Value:
    """Writes an AveragePool of two dimensions; its border counts as zeros, or not at all where TFLite has it so."""
    counts = bool(attributes.get("count_include_pad", 0))
    border = 0.0 if counts else None
    return _pool(writer, name, inputs[0], attributes, builtin="AVERAGE_POOL_2D", border=border)


def pad(writer: OnnxWriter, name: str, inputs: Sequence[Value], attributes: Attributes) -> Value:
    """Writes a Pad with a constant."""
    image, number = inputs[0], inputs[2].array if len(inputs) > 2 else np.float32(0)
    if attributes.get("mode", b"constant") != b"constant" or len(inputs) > 3 or inputs[1].array is None:
        raise UntranslatedError("Pad with other than a constant")
    widths = inputs[1].array.reshape(2, -1).T
    if image.last:
        widths = widths[[0, 2, 3, 1]]
    return _border(writer, name, image, widths, 0.0 if number is None else float(number))


def _pool(
    writer: OnnxWriter, name: str, source: Value, attributes: Attributes, *, builtin: str, border: float | None
) -> Value:
    image, window = writer.channels_last(source, name), attributes["kernel_shape"]
    dilated = any(step != 1 for step in attributes.get("dilations", ()))
    if not image.last or attributes.get("ceil_mode", 0) or dilated:
        raise UntranslatedError("a pool that rounds up, has holes, or is not of two dimensions")
    counts = builtin == "AVERAGE_POOL_2D" and border is not None  # TFLite's own padding is left out of the mean
    image, padding, shape = _window(writer, name, image, attributes, window, border=border, own=not counts)
    steps = {key: value for key, value in _steps(attributes).items() if key.startswith("stride")}
    options = {"filterHeight": window[0], "filterWidth": window[1], "padding": padding, **steps}
    return writer.write(builtin, [image.tensor], name, (*shape, image.shape[3]), last=True, **options)


def _steps(attributes: Attributes) -> dict[str, int]:
    strides, dilations = (attributes.get(key, [1, 1]) for key in ("strides", "dilations"))
    return {
        "strideH": strides[0],
        "strideW": strides[1],
        "dilationHFactor": dilations[0],
        "dilationWFactor": dilations[1],
    }


def _window(
    writer: OnnxWriter,
    name: str,
    image: Value,
    attributes: Attributes,
    window: Sequence[int],
    *,
    border: float | None,
    own: bool = True,
) -> tuple[Value, int, tuple[int, int, int]]:
    """Returns the image, with the border that its windows need, the padding of the schema, and the result's sizes.

    Without a number for the `border` only a padding that TFLite has itself will do; without `own` none of those.
    """
    strides, dilations = (attributes.get(key, [1, 1]) for key in ("strides", "dilations"))
    reach = [(size - 1) * step + 1 for size, step in zip(window, dilations)]
    sizes = image.shape[1:3]
    whole = [-(-size // stride) for size, stride in zip(sizes, strides)]
    lack = [max((n - 1) * stride + r - size, 0) for n, stride, r, size in zip(whole, strides, reach, sizes)]
    same = [[total // 2, total - total // 2] for total in lack]
    mode = attributes.get("auto_pad", b"NOTSET")
    if mode == b"SAME_UPPER":
        pads = same
    elif mode == b"SAME_LOWER":
        pads = [[after, before] for before, after in same]
    elif mode == b"VALID":
        pads = [[0, 0], [0, 0]]
    else:
        sides = attributes.get("pads", [0] * 4)
        pads = [[sides[0], sides[2]], [sides[1], sides[3]]]
    if own and pads == same and any(map(any, pads)):
        return image, _SAME, (image.shape[0], *whole)
    if any(map(any, pads)):
        if border is None:
            raise UntranslatedError("AveragePool with a border of its own that does not count")
        image = _border(writer, f"{name}/border", image, np.array([[0, 0], *pads, [0, 0]]), border)
    counts = [(size - r) // stride + 1 for size, r, stride in zip(image.shape[1:3], reach, strides)]
    return image, _VALID, (image.shape[0], *counts)


def _border(writer: OnnxWriter, name: str, image: Value, widths: Any, number: float) -> Value:
    shape = [int(size + pair.sum()) for size, pair in zip(image.shape, widths)]
    if (widths < 0).any():
        raise UntranslatedError("Pad that cuts")
    tensors = [image.tensor, writer.constant(f"{name}/widths", widths)]
    if number:
        tensors.append(writer.constant(f"{name}/number", np.array(number, np.float32)))
    return writer.write("PADV2" if number else "PAD", tensors, name, shape, last=image.last)
