"""Small ONNX models, made operator by operator, whose weights are random and the same in every run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE, CHANNELS, CLASSES = 8, 8, 4
PICTURE = ("N", 3, SIZE, SIZE)
N = helper.make_node


class Weights:
    """Random constants; a call adds one of the given shape, and returns its name."""

    def __init__(self, dtype=np.float32):
        self.random = np.random.default_rng(7)
        self.tensors = []
        self.dtype = dtype

    def __call__(self, *shape: int) -> str:
        return self.add(self.random.normal(0, 0.5, shape).astype(self.dtype))

    def add(self, values: np.ndarray) -> str:
        self.tensors.append(numpy_helper.from_array(values, f"w{len(self.tensors)}"))
        return self.tensors[-1].name


def model(
    nodes: Sequence[onnx.NodeProto],
    weights: Weights,
    *,
    image=PICTURE,
    dtype=TensorProto.FLOAT,
    scores=("N", CLASSES),
    out=TensorProto.FLOAT,
    opset=17,
    extra=(),
) -> onnx.ModelProto:
    """A model from `image` to `scores`."""
    graph = helper.make_graph(
        list(nodes),
        "net",
        [helper.make_tensor_value_info("image", dtype, image), *extra],
        [helper.make_tensor_value_info("scores", out, scores)],
        weights.tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def network(middle, *, front=(), first="image", end=(), channels=CHANNELS, **settings) -> onnx.ModelProto:
    """A convolution with ReLU, the nodes of `middle(weights)` from "a" to "b", a mean, and a dense layer."""
    w = Weights(settings.pop("weights_dtype", np.float32))
    last = "dense" if end else "scores"
    return model(
        [
            *front,
            N("Conv", [first, w(CHANNELS, 3, 3, 3), w(CHANNELS)], ["c"], pads=[1, 1, 1, 1]),
            N("Relu", ["c"], ["a"]),
            *middle(w),
            N("GlobalAveragePool", ["b"], ["m"]),
            N("Flatten", ["m"], ["f"]),
            N("Gemm", ["f", w(CLASSES, channels), w(CLASSES)], [last], transB=1),
            *end,
        ],
        w,
        **settings,
    )


def plain(w: Weights) -> list[onnx.NodeProto]:
    return [N("Identity", ["a"], ["b"])]


def shuffle(w: Weights, *, swap=(0, 2, 1, 3, 4)) -> list[onnx.NodeProto]:
    parts, whole = np.array([0, 2, CHANNELS // 2, SIZE, SIZE]), np.array([0, CHANNELS, SIZE, SIZE])
    return [
        N("Reshape", ["a", w.add(parts)], ["parts"]),
        N("Transpose", ["parts"], ["swapped"], perm=list(swap)),
        N("Reshape", ["swapped", w.add(whole)], ["joined"]),
        N("Conv", ["joined", w(CHANNELS, CHANNELS, 1, 1)], ["b"]),
    ]


def halves(w: Weights) -> list[onnx.NodeProto]:
    return [
        N("Split", ["a", w.add(np.array([3, 5]))], ["left", "right"], axis=1),
        N("Sigmoid", ["left"], ["gate"]),
        N("Concat", ["gate", "right"], ["b"], axis=1),
    ]


def signed(operator: str, **settings):
    """The operator on a map with numbers of either sign."""
    return lambda w: [
        N("Conv", ["a", w(CHANNELS, CHANNELS, 1, 1)], ["d"]),
        N(operator, ["d"], ["b"], **settings),
    ]


def gelu_by_erf(w: Weights, half: float = 0.5) -> list[onnx.NodeProto]:
    """As PyTorch's exporter writes it for an opset below 20."""
    root, one, part = (w.add(np.array(number, np.float32)) for number in (2**0.5, 1, half))
    return [
        N("Conv", ["a", w(CHANNELS, CHANNELS, 1, 1)], ["d"]),
        N("Div", ["d", root], ["scaled"]),
        N("Erf", ["scaled"], ["erf"]),
        N("Add", ["erf", one], ["sum"]),
        N("Mul", ["d", "sum"], ["product"]),
        N("Mul", ["product", part], ["b"]),
    ]


def gelu_by_tanh(w: Weights) -> list[onnx.NodeProto]:
    """As PyTorch's exporter writes its tanh form for an opset below 20."""
    slope, small, three, one, half = (
        w.add(np.array(number, np.float32)) for number in ((2 / np.pi) ** 0.5, 0.044715, 3, 1, 0.5)
    )
    return [
        N("Conv", ["a", w(CHANNELS, CHANNELS, 1, 1)], ["d"]),
        N("Pow", ["d", three], ["cube"]),
        N("Mul", [small, "cube"], ["part"]),
        N("Add", ["d", "part"], ["sum"]),
        N("Mul", [slope, "sum"], ["argument"]),
        N("Tanh", ["argument"], ["tanh"]),
        N("Add", [one, "tanh"], ["gate"]),
        N("Mul", ["d", half], ["halved"]),
        N("Mul", ["halved", "gate"], ["b"]),
    ]


def pool(**settings):
    return lambda w: [N("MaxPool", ["a"], ["b"], **settings)]


def wide_dense() -> onnx.ModelProto:
    """A dense layer on all values of a map, in the order that PyTorch flattens it."""
    w = Weights()
    nodes = [
        N("Conv", ["image", w(4, 3, 3, 3)], ["c"], pads=[1, 1, 1, 1]),
        N("Relu", ["c"], ["r"]),
        N("Flatten", ["r"], ["f"]),
        N("Gemm", ["f", w(CLASSES, 4 * SIZE * SIZE), w(CLASSES)], ["scores"], transB=1),
    ]
    return model(nodes, w)


def flat(size: int = SIZE * SIZE) -> onnx.ModelProto:
    """Two dense layers on a picture in one row."""
    w = Weights()
    nodes = [
        N("Gemm", ["image", w(size, 6), w(6)], ["h"]),
        N("Relu", ["h"], ["r"]),
        N("Gemm", ["r", w(6, CLASSES), w(CLASSES)], ["scores"]),
    ]
    return model(nodes, w, image=("N", size))


CAST = N("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT)
TURN = N("Transpose", ["image"], ["pixels"], perm=[0, 3, 1, 2])
NETS = {
    "plain": network(plain),
    "with a softmax": network(plain, end=[N("Softmax", ["dense"], ["scores"], axis=1)]),
    "with a log-softmax": network(plain, end=[N("LogSoftmax", ["dense"], ["scores"], axis=1)]),
    "open height and width": network(plain, image=("N", 3, "H", "W")),
    "batch of eight": network(plain, image=(8, 3, SIZE, SIZE), scores=(8, CLASSES)),
    "channels last": network(plain, front=[TURN], first="pixels", image=("N", SIZE, SIZE, 3)),
    "whole numbers": network(plain, front=[CAST], first="pixels", dtype=TensorProto.UINT8),
    "half precision": network(plain, weights_dtype=np.float16, dtype=TensorProto.FLOAT16, out=TensorProto.FLOAT16),
    "opset 11": network(plain, opset=11),
    "hard swish": network(lambda w: [N("HardSwish", ["a"], ["b"])]),
    "hard sigmoid": network(lambda w: [N("HardSigmoid", ["a"], ["b"], alpha=1 / 6, beta=0.5)]),
    "another hard sigmoid": network(lambda w: [N("HardSigmoid", ["a"], ["b"])]),
    "leaky relu": network(
        lambda w: [
            N("Conv", ["a", w(CHANNELS, CHANNELS, 1, 1)], ["d"]),
            N("LeakyRelu", ["d"], ["b"], alpha=0.2),
        ]
    ),
    "gelu": network(signed("Gelu"), opset=20),
    "gelu by tanh": network(signed("Gelu", approximate="tanh"), opset=20),
    "gelu by erf": network(gelu_by_erf),
    "gelu written out": network(gelu_by_tanh),
    "nearly gelu": network(lambda w: gelu_by_erf(w, half=0.51)),
    "size of a number": network(signed("Abs")),
    "negative": network(lambda w: [N("Neg", ["a"], ["b"])]),
    "cube": network(lambda w: [N("Pow", ["a", w.add(np.array(3, np.float32))], ["b"])]),
    "square": network(lambda w: [N("Pow", ["a", w.add(np.array([2], np.int64))], ["b"])]),
    "groups": network(
        lambda w: [N("Conv", ["a", w(12, 4, 3, 3), w(12)], ["b"], group=2, strides=[2, 2], pads=[1, 1, 0, 0])],
        channels=12,
    ),
    "groups without bias": network(lambda w: [N("Conv", ["a", w(CHANNELS, 2, 1, 1)], ["b"], group=4)]),
    "depthwise": network(lambda w: [N("Conv", ["a", w(CHANNELS, 1, 3, 3), w(CHANNELS)], ["b"], group=CHANNELS)]),
    "channel shuffle": network(shuffle),
    "split": network(halves),
    "pool with a border": network(pool(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])),
    "pool that rounds up": network(pool(kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)),
    "dense on a map": wide_dense(),
    "flat": flat(),
}
"""Models by name, all for frames of the shape `frame_of` says."""

REWRITTEN = {
    "with a log-softmax": ["LogSoftmax at the end is left out: what goes into it has the same softmax"],
    "half precision": ["computed in half precision, now in float32"],
    "hard swish": ["HardSwish: written with ADD, ReLU6 and MUL, 1x"],
    "hard sigmoid": ["HardSigmoid: written with ADD, ReLU6 and MUL, 1x"],
    "another hard sigmoid": ["HardSigmoid: written with ADD, ReLU6 and MUL, 1x"],
    "leaky relu": ["LeakyRelu: written with PRELU, 1x"],
    "gelu": ["Gelu: written with MUL, ADD and LOGISTIC, 1x"],
    "gelu by tanh": ["Gelu: written with MUL, ADD and LOGISTIC, 1x"],
    "gelu by erf": ["Gelu: written with MUL, ADD and LOGISTIC, 1x"],
    "gelu written out": ["Gelu: written with MUL, ADD and LOGISTIC, 1x"],
    "nearly gelu": ["Erf: written with MUL, ADD and LOGISTIC, 1x"],
    "size of a number": ["Abs: written with MUL, ReLU and ADD, 1x"],
    "negative": ["Neg: written with MUL, 1x"],
    "cube": ["Pow: written with MUL, 1x"],
    "square": ["Pow: written with MUL, 1x"],
    "groups": ["Conv: written with one convolution for each group, 1x"],
    "groups without bias": ["Conv: written with one convolution for each group, 1x"],
    "split": ["Split: written with slices, 1x"],
    "pool that rounds up": ["MaxPool: written with a border, to round its size up, 1x"],
}
"""What is said of the models in which something is rewritten."""


def frame_of(name: str) -> tuple[int, ...]:
    """The shape of the frames (height, width[, channels]) that the model `name` is read for."""
    return (SIZE, SIZE) if name == "flat" else (SIZE, SIZE, 3)
