"""Rules of the ops that compute, value by value, with a window over an image, or as dense layers: shapes, scales."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgeready_device.tflite.graph import Tensor
from edgeready_device.tflite.structure.node import (
    CALIBRATION,
    MOST_DIMENSIONS,
    NO_KERNEL,
    QUANTIZED,
    Doubt,
    Fault,
    Node,
    check_outputs,
)

_MOST_BROADCAST_DIMENSIONS = 6  # TFLite's limit (BroadcastAdd6DSlow, BroadcastMul6DSlow); other kernels have less
# Measured on both runtimes, with each scale of 45 models at the ends of float32: with a scale below the normal floats
# LiteRT's 8-bit QUANTIZE leaves its memory; above 2^100 the multiplier of a sum becomes 0, and both give up.
_LEAST_SCALE, _LARGEST_SCALE = 2.0**-126, 2.0**100
# Of the scales of the inputs to that of the output. TFLite's kernels hold it in 31 bits and a shift; those of sums
# shift left first, by 20 or 15 bits, and give up above that; LiteRT's matrix product crashes from 256 on.
_LARGEST_RATIO = 2.0**30
_LARGEST_RATIOS = {(op, kind): 2.0**19 for op in ("ADD", "SUB") for kind in ("uint8", "int8")}
_LARGEST_RATIOS.update({("ADD", "int16"): 2.0**14, ("SUB", "int16"): 2.0**14, ("BATCH_MATMUL", "int8"): 256.0})
_PRODUCTS = ("MUL", "CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "BATCH_MATMUL")
_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED")  # their weights may be computed
_TAKE_MANY_SCALES = ("QUANTIZE", "DEQUANTIZE", "CUSTOM")
_LARGEST_STEP = 1 << 20  # of a stride, a dilation or a window; chosen: the product of two fits 64 bits
_WIDENED = {"FULLY_CONNECTED": ("uint8", "int8")}  # types of data of which the kernels make int16, too
# The types of biases and weights that TFLite's kernels of these ops take, by the type of the data.
_BIASES = {"float32": ("float32",), "uint8": ("int32",), "int8": ("int32",), "int16": ("int64", "int32")}
_WEIGHTS = {"float32": ("float32", "int8", "uint8", "int4", "int2"), "uint8": ("uint8",)}
_WEIGHTS.update({"int8": ("int8", "int4", "int2"), "int16": ("int8",), "float16": ("float16",)})


@dataclass(frozen=True)
class _Window:
    """What slides over an image: `height` x `width` pixels.

    `dilation` is the number of the options' field that spreads its columns; the next field spreads its rows. It is 0
    where there is none.
    """

    height: int
    width: int
    dilation: int = 0


def check_broadcast(node: Node) -> None:
    """Whether both inputs broadcast to one shape, which the output has."""
    left, right = node.input_at(0).shape, node.input_at(1).shape
    if not node.static:
        return
    rank = max(len(left), len(right))
    wide = [(1,) * (rank - len(shape)) + shape for shape in (left, right)]
    if any(a != b and 1 not in (a, b) for a, b in zip(*wide)):
        raise Fault(f"joins {list(left)} and {list(right)}")
    if left != right and rank > _MOST_BROADCAST_DIMENSIONS:
        raise Fault(
            f"stretches {list(left)} or {list(right)}, more than {_MOST_BROADCAST_DIMENSIONS} dimensions", NO_KERNEL
        )
    check_outputs(node, [b if a == 1 else a for a, b in zip(*wide)])


def check_division(node: Node) -> None:
    """Whether both inputs broadcast, and whole numbers are not divided by a constant with a 0 in it."""
    check_broadcast(node)
    if 0 in (node.integers(1) or ()):
        raise Fault("divides whole numbers by 0")


def check_same_shape(node: Node) -> None:
    """Whether the output has the shape of the input."""
    check_outputs(node, node.input_at(0).shape)


def check_softmax(node: Node) -> None:
    """Whether the output has the shape of the input, of 1 to 4 dimensions, and beta is positive.

    Float kernels take more dimensions (five were measured on both runtimes).
    """
    check_same_shape(node)
    shape, beta = node.input_at(0).shape, float(node.op.option(0, "f"))
    if node.op.name == "SOFTMAX" and not 0 < beta < math.inf:
        raise Fault(f"has the beta {beta:g}, and it is a positive number")
    most = MOST_DIMENSIONS if node.input_at(0).dtype == "float32" else 4
    if not 1 <= len(shape) <= most or 0 in shape:
        raise Fault(f"takes {list(shape)}, and it has 1 to {most} dimensions", NO_KERNEL)


def check_leaky_relu(node: Node) -> None:
    """Whether the output has the shape of the input, and the slope fits the kernel."""
    check_same_shape(node)
    if not abs(float(node.op.option(0, "f"))) < _LARGEST_RATIO:
        raise Fault(f"has the slope {node.op.option(0, 'f'):g}")


def check_matmul(node: Node) -> None:
    """Whether the inner dimensions of two matrices, or stacks of them, agree."""
    left, right = node.input_at(0).shape, node.input_at(1).shape
    if min(len(left), len(right)) < 2 or max(len(left), len(right)) > 5:
        raise Fault(f"multiplies {list(left)} and {list(right)}, and takes 2 to 5 dimensions", NO_KERNEL)
    inner = left[-2 if node.op.option(0, "?", False) else -1]
    if node.static and inner != right[-1 if node.op.option(1, "?", False) else -2]:
        raise Fault(f"multiplies {list(left)} and {list(right)}")


def _check_types(node: Node, data: Tensor, weights: Tensor, *, bias: Tensor | None) -> None:
    if weights.dtype not in _WEIGHTS.get(data.dtype, ()):
        raise Fault(f"has {weights.dtype} weights for {data.dtype} data", NO_KERNEL)
    if bias is not None and bias.dtype not in _BIASES.get(data.dtype, (data.dtype,)):
        raise Fault(f"has a bias of {bias.dtype} for {data.dtype} data", NO_KERNEL)
    wider = node.outputs[0].dtype == "int16" and data.dtype in _WIDENED.get(node.op.name, ("uint8",))
    if node.outputs[0].dtype != data.dtype and not wider:
        raise Fault(f"makes {node.outputs[0].dtype} from {data.dtype}", NO_KERNEL)


def _check_channels(weights: Tensor, axis: int, bias: Tensor | None) -> None:
    """Whether the bias, and scales where there are many, belong to the channels along `axis` of the weights."""
    if bias is not None and bias.elements != weights.shape[axis]:
        raise Fault(f"has a bias of {bias.elements} for {weights.shape[axis]} channels")
    if weights.per_axis and weights.quantized_dimension != axis:
        raise Fault(
            f"has scales along dimension {weights.quantized_dimension}, and its channels are dimension {axis}"
        )


def _check_window(node: Node, image: Tensor, window: _Window) -> None:
    """Whether stride, padding and window of an op are sound; its options begin with padding, stride_w, stride_h."""
    numbers = {"stride": node.op.option(1, "i"), "stride of rows": node.op.option(2, "i")}
    numbers.update({"window": window.width, "window's height": window.height})
    if window.dilation:
        numbers["dilation"] = node.op.option(window.dilation, "i", 1)
        numbers["dilation of rows"] = node.op.option(window.dilation + 1, "i", 1)
    for name, value in numbers.items():
        if not 1 <= value <= _LARGEST_STEP:
            raise Fault(f"has the {name} {value}")
    if node.op.option(0, "b") not in (0, 1):
        raise Fault(f"has the padding {node.op.option(0, 'b')}, and there are 0 (SAME) and 1 (VALID)")
    if len(image.shape) != 4:
        raise Fault(f"takes {list(image.shape)}, and an image has 4 dimensions")


def _slide(node: Node, image: Tensor, window: _Window) -> tuple[int, int, int]:
    """The number of images, rows and columns that a window which slides over `image` leaves."""
    sides = []
    for length, size, stride, spread in (
        (image.shape[1], window.height, 2, window.dilation + 1),
        (image.shape[2], window.width, 1, window.dilation),
    ):
        if node.op.option(0, "b"):  # VALID: windows that lie in the image as a whole
            length -= (size - 1) * (node.op.option(spread, "i", 1) if window.dilation else 1)
        sides.append(-(-length // node.op.option(stride, "i")))
    return image.shape[0], sides[0], sides[1]


def _check_slide(node: Node, image: Tensor, window: _Window, *, channels: int) -> None:
    if not node.sized:
        return
    expected = (*_slide(node, image, window), channels)
    if min(expected) < 1:
        raise Fault(f"leaves nothing: its output would be {list(expected)}")
    check_outputs(node, expected)


def check_pool(node: Node) -> None:
    """Whether the window fits the image, and the output is what it leaves."""
    image = node.input_at(0)
    window = _Window(height=node.op.option(4, "i"), width=node.op.option(3, "i"))
    _check_window(node, image, window)
    _check_slide(node, image, window, channels=image.shape[-1])


def _window_of(node: Node, image: Tensor, weights: Tensor, dilation: int = 0) -> _Window:
    """The window that an op's weights are; raises a Fault where they are none, or the options do not fit it."""
    if len(weights.shape) != 4 or not weights.elements:
        raise Fault(f"has weights of {list(weights.shape)}, and takes 4 dimensions")
    window = _Window(height=weights.shape[1], width=weights.shape[2], dilation=dilation)
    _check_window(node, image, window)
    return window


def check_conv(node: Node) -> None:
    """Whether weights, bias, window and channels of CONV_2D or DEPTHWISE_CONV_2D fit the image and the output."""
    image, weights, bias = node.input_at(0), node.input_at(1), node.optional_input(2)
    depthwise = node.op.name == "DEPTHWISE_CONV_2D"
    axis, dilation = (3, 5) if depthwise else (0, 4)
    _check_types(node, image, weights, bias=bias)
    window = _window_of(node, image, weights, dilation=dilation)
    if node.sized:
        (_check_depthwise if depthwise else _check_groups)(node, image, weights)
    _check_channels(weights, axis, bias)
    _check_slide(node, image, window, channels=weights.shape[axis])


def _check_groups(node: Node, image: Tensor, weights: Tensor) -> None:
    groups, rest = divmod(image.shape[3], weights.shape[3])
    if rest or not groups or weights.shape[0] % groups:
        raise Fault(f"has weights of {list(weights.shape)} for {image.shape[3]} channels")


def _check_depthwise(node: Node, image: Tensor, weights: Tensor) -> None:
    multiplier, rest = divmod(weights.shape[3], max(image.shape[3], 1))
    stated = node.op.option(3, "i")
    if rest or weights.shape[0] != 1 or stated not in (0, multiplier):
        raise Fault(f"has weights of {list(weights.shape)} and the multiplier {stated} for {image.shape[3]} channels")


def check_transpose_conv(node: Node) -> None:
    """Whether weights, bias, window and channels of TRANSPOSE_CONV fit the image and the output."""
    weights, image, bias = node.input_at(1), node.input_at(2), node.optional_input(3)
    _check_types(node, image, weights, bias=bias)
    window = _window_of(node, image, weights)
    if node.sized and weights.shape[3] != image.shape[3]:
        raise Fault(f"has weights of {list(weights.shape)} for {image.shape[3]} channels")
    _check_channels(weights, 0, bias)
    output, target = node.outputs[0], node.integers(0)
    if target is not None and node.static and (tuple(target) != output.shape or len(target) != 4):
        raise Fault(f"is asked for {target[:9]}, and its output is {list(output.shape)}")
    if len(output.shape) == 4 and node.static:
        back = _slide(node, output, window)
        if (*back, image.shape[3]) != image.shape or output.shape[3] != weights.shape[0]:
            raise Fault(f"makes {list(output.shape)} from {list(image.shape)}, which its stride and window do not")


def check_dense(node: Node) -> None:
    """Whether weights and bias of FULLY_CONNECTED fit the input and the output."""
    data, weights, bias = node.input_at(0), node.input_at(1), node.optional_input(2)
    if len(weights.shape) != 2 or not weights.elements:
        raise Fault(f"has weights of {list(weights.shape)}, and takes 2 dimensions")
    _check_types(node, data, weights, bias=bias)
    if node.op.option(1, "b") != 0:
        raise Fault(
            f"has weights in the order {node.op.option(1, 'b')}, and 0 is the one that is checked",
            "convert the model again without shuffled weights",
        )
    units, depth = weights.shape
    rows, rest = divmod(data.elements, depth)
    if node.sized and (rest or not data.shape or (node.op.option(2, "?", False) and data.shape[-1] != depth)):
        raise Fault(f"has weights of {list(weights.shape)} for {list(data.shape)}")
    _check_channels(weights, 0, bias)
    output = node.outputs[0]
    if node.static and (output.elements != rows * units or output.shape[-1:] != (units,)):
        raise Fault(f"makes {rows} x {units}, and its output is {list(output.shape)}")


def check_scales(node: Node) -> None:
    """Whether a kernel can hold the scales of the quantized tensors that an op takes and makes.

    Kernels differ in what they make of too many or no scales, so that these are Doubts (measured on both runtimes:
    RELU, MUL, MEAN and pools run, sums give up).
    """
    inputs, outputs = _quantized(node.inputs), _quantized(node.outputs)
    doubt = ""
    weights = node.optional_input(1) if node.op.name in _WEIGHTED else None
    for tensor in (*inputs, *outputs):
        if (
            tensor.per_axis
            and not tensor.constant
            and tensor is not weights
            and node.op.name not in _TAKE_MANY_SCALES
        ):
            doubt = f"has {len(tensor.scales)} scales for {tensor.name!r:.60}, and takes one"
    if node.operands is not None and node.operands.scaled and inputs and outputs:
        for tensor in (*inputs, *outputs):
            _check_range(tensor)
        if all(tensor.scales for tensor in (*inputs, *outputs)):
            _check_ratio(node, inputs, outputs)
        else:
            doubt = doubt or "has a quantized tensor without a scale"
    if doubt:
        raise Doubt(doubt)


def _check_range(tensor: Tensor) -> None:
    low = 0.0 if tensor.constant or tensor.dtype == "int16" else _LEAST_SCALE
    if tensor.scales and not low <= min(tensor.scales) <= max(tensor.scales) <= _LARGEST_SCALE:
        raise Fault(
            f"has the scale {min(tensor.scales):g} for {tensor.name!r:.60}, which no kernel can hold", CALIBRATION
        )


def _check_ratio(node: Node, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
    largest, smallest = [max(tensor.scales) for tensor in inputs], min(outputs[0].scales)
    factor = math.prod(largest) if node.op.name in _PRODUCTS else max(largest)
    limit = _LARGEST_RATIOS.get((node.op.name, outputs[0].dtype), _LARGEST_RATIO)
    sum_of_nothing = node.op.name in ("ADD", "SUB") and min(largest) <= 0
    if sum_of_nothing or not factor < limit * smallest:
        raise Fault(f"has the scale {factor:g} for what it takes and {smallest:g} for what it makes", CALIBRATION)


def _quantized(tensors: Sequence[Tensor | None]) -> list[Tensor]:
    return [tensor for tensor in tensors if tensor is not None and tensor.dtype in QUANTIZED]
