"""Rules of the ops that slide a window over an image, and of dense layers: strides, filters, channels, biases."""

from __future__ import annotations

from collections.abc import Iterator

from edgeready_device.reading.graph import Tensor
from edgeready_device.structure.node import Node, Rule, product

_LARGEST = 1 << 20  # of a stride, a dilation or a window; the products of two fit 64 bits
_BIASES = {"float32": ("float32",), "uint8": ("int32",), "int8": ("int32",), "int16": ("int64", "int32")}
_WEIGHTS = {"float32": ("float32", "int8", "uint8", "int4", "int2"), "uint8": ("uint8",)}
_WEIGHTS.update({"int8": ("int8", "int4", "int2"), "int16": ("int8",), "float16": ("float16",)})


def _positive(numbers: dict[str, int]) -> Iterator[str]:
    for name, value in numbers.items():
        if not 1 <= value <= _LARGEST:
            yield f"has the {name} {value}"


def _kinds(node: Node, data: Tensor, weights: Tensor, bias: Tensor | None) -> Iterator[str]:
    if weights.dtype not in _WEIGHTS.get(data.dtype, ()):
        yield f"has {weights.dtype} weights for {data.dtype} data"
    elif bias is not None and bias.dtype not in _BIASES.get(data.dtype, (data.dtype,)):
        yield f"has a bias of {bias.dtype} for {data.dtype} data"
    elif node.outputs[0].dtype != data.dtype and (data.dtype, node.outputs[0].dtype) != ("uint8", "int16"):
        yield f"makes {node.outputs[0].dtype} from {data.dtype}"
    quantized = (*_quantized(data), *_quantized(node.outputs[0]), *_quantized(weights))
    for tensor in quantized if data.dtype in ("uint8", "int8", "int16") else ():
        if not tensor.scales:
            yield f"has no scale for {tensor.name!r:.60}"


def _quantized(tensor: Tensor) -> tuple[Tensor, ...]:
    return (tensor,) if tensor.dtype in ("uint8", "int8", "int16") else ()


def _bias(bias: Tensor | None, channels: int) -> Iterator[str]:
    if bias is not None and bias.elements != channels:
        yield f"has a bias of {bias.elements} for {channels} channels"


def _output(node: Node, expected: tuple[int, ...]) -> Iterator[str]:
    if min(expected, default=1) < 1:
        yield f"leaves nothing: its output would be {list(expected)}"
    elif node.settled and node.outputs[0].shape != expected:
        yield f"makes {list(expected)}, and its output is {list(node.outputs[0].shape)}"


def slid(size: int, window: int, stride: int, padding: int) -> int:
    """The output's size where a window slides over `size`; padding 0 is SAME, 1 is VALID."""
    return -(-size // stride) if padding == 0 else -((window - 1 - size) // stride)


def _window(node: Node, image: Tensor, window: tuple[int, int], dilation: int) -> Iterator[str]:
    """Stride, padding and window of an op whose options begin with padding, stride_w, stride_h."""
    numbers = {"stride": node.op.option(1, "i"), "stride of rows": node.op.option(2, "i")}
    numbers.update({"window": window[1], "window's height": window[0]})
    if dilation:
        numbers["dilation"] = node.op.option(dilation, "i", 1)
        numbers["dilation of rows"] = node.op.option(dilation + 1, "i", 1)
    yield from _positive(numbers)
    if node.op.option(0, "b") not in (0, 1):
        yield f"has the padding {node.op.option(0, 'b')}, and there are 0 (SAME) and 1 (VALID)"
    if len(image.shape) != 4:
        yield f"takes {list(image.shape)}, and an image has 4 dimensions"


def _slid_shape(node: Node, image: Tensor, window: tuple[int, int], dilation: int, channels: int) -> tuple[int, ...]:
    sides = []
    for axis, stride, spread in ((0, 2, dilation + 1), (1, 1, dilation)):
        reach = (window[axis] - 1) * (node.op.option(spread, "i", 1) if dilation else 1) + 1
        sides.append(slid(image.shape[axis + 1], reach, node.op.option(stride, "i"), node.op.option(0, "b")))
    return (image.shape[0], *sides, channels)


def _pool(node: Node) -> Iterator[str]:
    image, window = node.given(0), (node.op.option(4, "i"), node.op.option(3, "i"))
    wrong = list(_window(node, image, window, 0))
    yield from wrong or _output(node, _slid_shape(node, image, window, 0, image.shape[-1]))


def _conv(node: Node) -> Iterator[str]:
    image, weights, bias = node.given(0), node.given(1), node.optional(2)
    depthwise = node.op.name == "DEPTHWISE_CONV_2D"
    if len(weights.shape) != 4 or not weights.elements:
        yield f"has weights of {list(weights.shape)}, and takes 4 dimensions"
        return
    window, dilation = weights.shape[1:3], 5 if depthwise else 4
    wrong = [*_kinds(node, image, weights, bias), *_window(node, image, (window[0], window[1]), dilation)]
    if wrong:
        yield from wrong
        return
    channels = weights.shape[3] if depthwise else weights.shape[0]
    yield from _depthwise(node, image, weights) if depthwise else _channels(image, weights)
    yield from _bias(bias, channels)
    yield from _scale_axis(weights, 3 if depthwise else 0)
    yield from _output(node, _slid_shape(node, image, (window[0], window[1]), dilation, channels))


def _scale_axis(weights: Tensor, axis: int) -> Iterator[str]:
    if weights.per_axis and weights.quantized_dimension != axis:
        yield f"has scales along dimension {weights.quantized_dimension}, and its channels are dimension {axis}"


def _channels(image: Tensor, weights: Tensor) -> Iterator[str]:
    groups, rest = divmod(image.shape[3], weights.shape[3])
    if rest or not groups or weights.shape[0] % groups:
        yield f"has weights of {list(weights.shape)} for {image.shape[3]} channels"


def _depthwise(node: Node, image: Tensor, weights: Tensor) -> Iterator[str]:
    multiplier, rest = divmod(weights.shape[3], max(image.shape[3], 1))
    if rest or weights.shape[0] != 1 or node.op.option(3, "i") not in (0, multiplier):
        yield (
            f"has weights of {list(weights.shape)} and the multiplier {node.op.option(3, 'i')} "
            f"for {image.shape[3]} channels"
        )


def _transpose_conv(node: Node) -> Iterator[str]:
    weights, image, bias = node.given(1), node.given(2), node.optional(3)
    if len(weights.shape) != 4 or not weights.elements:
        yield f"has weights of {list(weights.shape)}, and takes 4 dimensions"
        return
    window = (weights.shape[1], weights.shape[2])
    wrong = [*_kinds(node, image, weights, bias), *_window(node, image, window, 0)]
    if wrong:
        yield from wrong
        return
    if weights.shape[3] != image.shape[3]:
        yield f"has weights of {list(weights.shape)} for {image.shape[3]} channels"
    yield from _bias(bias, weights.shape[0])
    yield from _scale_axis(weights, 0)
    made, asked = node.outputs[0], node.integers(0)
    if asked is not None and node.settled and (tuple(asked) != made.shape or len(asked) != 4):
        yield f"is asked for {asked[:9]}, and its output is {list(made.shape)}"
    elif len(made.shape) == 4 and node.settled:
        back = _slid_shape(node, made, window, 0, image.shape[3])
        if back != image.shape or made.shape[3] != weights.shape[0]:
            yield f"makes {list(made.shape)} from {list(image.shape)}, which its stride and window do not"


def _fully_connected(node: Node) -> Iterator[str]:
    data, weights, bias = node.given(0), node.given(1), node.optional(2)
    if len(weights.shape) != 2 or not weights.elements:
        yield f"has weights of {list(weights.shape)}, and takes 2 dimensions"
        return
    yield from _kinds(node, data, weights, bias)
    if node.op.option(1, "b") != 0:
        yield f"has weights in the order {node.op.option(1, 'b')}, and 0 is the one that is checked"
    units, depth = weights.shape
    rows, rest = divmod(data.elements, depth)
    yield from _scale_axis(weights, 0)
    if rest or not data.shape or (node.op.option(2, "?", False) and data.shape[-1] != depth):
        yield f"has weights of {list(weights.shape)} for {list(data.shape)}"
    yield from _bias(bias, units)
    made = node.outputs[0].shape
    if node.settled and (product(made) != rows * units or made[-1:] != (units,)):
        yield f"makes {rows} x {units}, and its output is {list(made)}"


WINDOWS: dict[str, Rule] = {
    "AVERAGE_POOL_2D": _pool,
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _conv,
    "FULLY_CONNECTED": _fully_connected,
    "L2_POOL_2D": _pool,
    "MAX_POOL_2D": _pool,
    "TRANSPOSE_CONV": _transpose_conv,
}
