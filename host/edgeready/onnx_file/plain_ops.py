"""Writes operators of ONNX in plainer ones with the same result: those that TFLite and the Edge TPU have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgeready.onnx_file import WITHOUT_LOG_SOFTMAX
from edgeready.onnx_file.inputs import sizes_of
from edgeready.readiness.gelu_form import GELU_ERF, GELU_LIMIT, GELU_TANH

_HALVES = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
_SIXTH = 1 / 6


def constant_tensors(graph: Any) -> dict[str, Any]:
    """Returns the constants of `graph` by name, those that a Constant makes among them."""
    operators = {
        node.output[0]: attribute.t
        for node in graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    }
    return {**{tensor.name: tensor for tensor in graph.initializer}, **operators}


class _Constants:
    """The shapes and constants of `graph`, and the numbers that rewritten operators share, each stored once."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._shapes = {value.name: sizes_of(value) for value in (*graph.input, *graph.value_info, *graph.output)}
        self._names: dict[float, str] = {}
        self._arrays = constant_tensors(graph)

    def array(self, name: str) -> NDArray[Any] | None:
        """Returns the values of the constant `name`; None where it is none."""
        return None if name not in self._arrays else numpy_helper.to_array(self._arrays[name])

    def shape(self, name: str) -> list[int] | None:
        """Returns the shape of the value `name`; None where it is not known whole."""
        sizes = self._shapes.get(name) or [None]
        return None if None in sizes else [size for size in sizes if size is not None]

    def whole(self, number: int) -> str:
        """Returns the name of a constant that holds the whole `number` in a list."""
        name = f"plain_whole_{number}"
        if name not in self._arrays:
            self._arrays[name] = numpy_helper.from_array(np.array([number], np.int64), name)
            self._graph.initializer.append(self._arrays[name])
        return name

    def add(self, values: NDArray[Any], name: str) -> str:
        """Stores `values` under `name`, and returns it."""
        self._graph.initializer.append(numpy_helper.from_array(values, name))
        return name

    def __call__(self, number: float) -> str:
        if number not in self._names:
            self._names[number] = self.add(np.array(number, np.float32), f"plain_{len(self._names)}")
        return self._names[number]


_Rewrite = Callable[[Any, _Constants], list[Any]]
"""Returns the nodes in place of a node; none where it stays."""


def in_plain_ops(model: Any) -> tuple[Any, tuple[str, ...]]:
    """Returns `model` without the operators that have a plainer form, and a sentence about each kind of them."""
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    constants, nodes, kinds = _Constants(plain.graph), [], []
    for node in model.graph.node:
        rewrite = _REWRITES.get(node.op_type)
        plainer = [] if rewrite is None else rewrite(node, constants)
        nodes += plainer or [node]
        if plainer:
            kinds.append(node.op_type)
    del plain.graph.node[:]
    plain.graph.node.extend(nodes)
    sentences = tuple(f"{kind}: written with {_FORMS[kind]}, {kinds.count(kind)}x" for kind in dict.fromkeys(kinds))
    return plain, sentences


def without_last_log_softmax(model: Any) -> tuple[Any, tuple[str, ...]]:
    """Returns `model` ending before a LogSoftmax, and a sentence about it: its input has the same softmax."""
    outputs = {value.name: value for value in model.graph.output}
    inner = {name for node in model.graph.node for name in node.input}
    ends = outputs.keys() - inner  # what another node reads, too, stays
    last = [node for node in model.graph.node if node.op_type == "LogSoftmax" and node.output[0] in ends]
    if not last:
        return model, ()
    shorter = onnx.ModelProto()
    shorter.CopyFrom(model)
    for node in last:
        value = next(value for value in shorter.graph.output if value.name == node.output[0])
        value.name = node.input[0]
        shorter.graph.node.remove(node)
    return shorter, (WITHOUT_LOG_SOFTMAX,)


def without_half_precision(model: Any) -> tuple[Any, tuple[str, ...]]:
    """Returns `model` with float32 in place of float16 and bfloat16, and a sentence about it where it had some."""
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    count = sum(map(_widen_value, (*whole.graph.input, *whole.graph.output, *whole.graph.value_info)))
    for tensor in whole.graph.initializer:
        count += _widen_tensor(tensor)
    for node in whole.graph.node:
        for attribute in node.attribute:
            if attribute.name in ("to", "dtype") and attribute.i in _HALVES:
                attribute.i = TensorProto.FLOAT
                count += 1
            elif attribute.HasField("t"):
                count += _widen_tensor(attribute.t)
    return whole, ("computed in half precision, now in float32",) if count else ()


def _widen_value(value: Any) -> bool:
    half = value.type.tensor_type.elem_type in _HALVES
    if half:
        value.type.tensor_type.elem_type = TensorProto.FLOAT
    return half


def _widen_tensor(tensor: Any) -> bool:
    half = tensor.data_type in _HALVES
    if half:
        values = numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return half


def _attribute(node: Any, name: str, default: float) -> float:
    return next((attribute.f for attribute in node.attribute if attribute.name == name), default)


def _hard_swish(node: Any, constants: _Constants) -> list[Any]:
    # In this order: TFLite's converter turns the usual one back into HARD_SWISH, which the Edge TPU lacks.
    name, (image,) = node.output[0], node.input
    return [
        _make("Mul", [image, constants(_SIXTH)], f"{name}_sixth"),
        *_relu6(image, constants, f"{name}_relu6"),
        _make("Mul", [f"{name}_sixth", f"{name}_relu6"], name),
    ]


def _hard_sigmoid(node: Any, constants: _Constants) -> list[Any]:
    name, (image,) = node.output[0], node.input
    alpha, beta = _attribute(node, "alpha", 0.2), _attribute(node, "beta", 0.5)
    if np.isclose(alpha, _SIXTH) and beta == 0.5:
        return [*_relu6(image, constants, f"{name}_relu6"), _make("Mul", [f"{name}_relu6", constants(_SIXTH)], name)]
    return [
        _make("Mul", [image, constants(alpha)], f"{name}_slope"),
        _make("Add", [f"{name}_slope", constants(beta)], f"{name}_line"),
        _make("Clip", [f"{name}_line", constants(0.0), constants(1.0)], name),
    ]


def _relu6(image: str, constants: _Constants, name: str) -> list[Any]:
    """Returns relu6(image + 3)."""
    return [
        _make("Add", [image, constants(3.0)], f"{name}_sum"),
        _make("Clip", [f"{name}_sum", constants(0.0), constants(6.0)], name),
    ]


def _make(op_type: str, inputs: Sequence[str], output: str) -> Any:
    return helper.make_node(op_type, inputs, [output], name=output)


def _groups(node: Any, constants: _Constants) -> list[Any]:
    """Returns one convolution for each group; none for a depthwise convolution, which TFLite has."""
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    groups = attributes.pop("group", 1)
    weights = constants.array(node.input[1])
    if groups == 1 or weights is None or weights.ndim != 4 or weights.shape[1] == 1:
        return []
    name, bias = node.output[0], constants.array(node.input[2]) if len(node.input) > 2 else None
    parts = [f"{name}_group_{number}" for number in range(groups)]
    nodes = _slices(node.input[0], 1, [weights.shape[1]] * groups, [f"{part}_in" for part in parts], constants)
    biases = [None] * groups if bias is None else np.split(bias, groups)
    for part, kernel, offset in zip(parts, np.split(weights, groups), biases):
        inputs = [f"{part}_in", constants.add(kernel, f"{part}_weights")]
        inputs += [] if offset is None else [constants.add(offset, f"{part}_bias")]
        nodes.append(helper.make_node("Conv", inputs, [part], name=part, **attributes))
    return [*nodes, helper.make_node("Concat", parts, [name], name=f"{name}_concat", axis=1)]


def _split(node: Any, constants: _Constants) -> list[Any]:
    """Returns one slice for each part: onnxsim's translator writes SPLIT_V, which the Edge TPU lacks."""
    stated = constants.array(node.input[1]) if len(node.input) > 1 else None
    axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
    if stated is not None:
        return _slices(node.input[0], axis, stated.tolist(), node.output, constants)
    shape = constants.shape(node.input[0])
    if shape is None or shape[axis] % len(node.output):
        return []
    part = shape[axis] // len(node.output)
    return _slices(node.input[0], axis, [part] * len(node.output), node.output, constants)


def _slices(image: str, axis: int, sizes: Sequence[int], names: Sequence[str], constants: _Constants) -> list[Any]:
    """Returns the slices of `image` along `axis` that have `sizes` and `names`; an unused part has no name."""
    ends = np.cumsum(sizes)
    return [
        _make("Slice", [image, *(constants.whole(value) for value in (end - size, end, axis))], name)
        for end, size, name in zip(ends, sizes, names, strict=True)
        if name
    ]


def _ceil_pool(node: Any, constants: _Constants) -> list[Any]:
    """Returns a pool that rounds its size down, with as much more border as makes it the same size."""
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    image, pooled = constants.shape(node.input[0]), constants.shape(node.output[0])
    if not attributes.get("ceil_mode") or len(node.output) > 1 or image is None or pooled is None:
        return []
    kernel, axes = attributes["kernel_shape"], len(attributes["kernel_shape"])
    strides, steps = (attributes.get(name, [1] * axes) for name in ("strides", "dilations"))
    pads = list(attributes.get("pads", [0] * 2 * axes))
    for axis, (size, stride, step) in enumerate(zip(kernel, strides, steps)):
        reach = (pooled[2 + axis] - 1) * stride + (size - 1) * step + 1
        pads[axes + axis] = max(0, reach - image[2 + axis] - pads[axis])
    return [
        helper.make_node(
            "MaxPool", node.input, node.output, name=node.name, **{**attributes, "ceil_mode": 0, "pads": pads}
        )
    ]


def _gelu(node: Any, constants: _Constants) -> list[Any]:
    name, (image,) = node.output[0], node.input
    kind = next((attribute.s for attribute in node.attribute if attribute.name == "approximate"), b"none")
    terms = GELU_TANH if kind == b"tanh" else GELU_ERF
    gate = _gate(image, constants, name, terms=terms, limit=GELU_LIMIT)
    return [*gate, _make("Mul", [image, gate[-1].output[0]], name)]


def _erf(node: Any, constants: _Constants) -> list[Any]:
    """Returns 2 * sigmoid - 1 with the sigmoid of GELU at x times the root of 2, as PyTorch writes GELU with Erf."""
    name, (image,) = node.output[0], node.input
    terms = [2 ** (power + 0.5) * term for power, term in enumerate(GELU_ERF)]
    gate = _gate(image, constants, name, terms=terms, limit=GELU_LIMIT / 2**0.5)
    doubled = _make("Mul", [gate[-1].output[0], constants(2.0)], f"{name}_doubled")
    return [*gate, doubled, _make("Add", [doubled.output[0], constants(-1.0)], name)]


def _gate(image: str, constants: _Constants, name: str, *, terms: Sequence[float], limit: float) -> list[Any]:
    """Returns sigmoid(z * p(z * z)): z is `image` cut off at the `limit`, and p has the `terms`, rising."""
    # Not by Clip at the limit: TensorFlow's quantizer gives the input of a MAXIMUM the range of its result.
    terms = [term * (limit / 3) ** (2 * power + 1) for power, term in enumerate(terms)]
    near, square = f"{name}_near", f"{name}_square"
    nodes = [
        _make("Mul", [image, constants(3 / limit)], f"{name}_scaled"),
        *_relu6(f"{name}_scaled", constants, f"{name}_relu6"),
        _make("Add", [f"{name}_relu6", constants(-3.0)], near),
        _make("Mul", [near, near], square),
    ]
    slope = constants(terms[-1])
    for power, term in reversed([*enumerate(terms[:-1])]):
        nodes.append(_make("Mul", [square, slope], f"{name}_product_{power}"))
        slope = f"{name}_sum_{power}"
        nodes.append(_make("Add", [nodes[-1].output[0], constants(term)], slope))
    nodes.append(_make("Mul", [near, slope], f"{name}_argument"))
    return [*nodes, _make("Sigmoid", [nodes[-1].output[0]], f"{name}_gate")]


def _power(node: Any, constants: _Constants) -> list[Any]:
    """Returns the products that make a square or a cube; none for other powers."""
    name, (image, number) = node.output[0], node.input
    exponent = constants.array(number)
    if exponent is None or exponent.size != 1 or float(exponent.reshape(())) not in (2.0, 3.0):
        return []
    if float(exponent.reshape(())) == 2.0:
        return [_make("Mul", [image, image], name)]
    return [_make("Mul", [image, image], f"{name}_square"), _make("Mul", [f"{name}_square", image], name)]


def _negative(node: Any, constants: _Constants) -> list[Any]:
    return [_make("Mul", [node.input[0], constants(-1.0)], node.output[0])]


def _absolute(node: Any, constants: _Constants) -> list[Any]:
    (image,), name = node.input, node.output[0]
    return [
        _make("Mul", [image, constants(-1.0)], f"{name}_negative"),
        _make("Relu", [f"{name}_negative"], f"{name}_below"),
        _make("Mul", [image, constants(1.0)], f"{name}_same"),
        _make("Relu", [f"{name}_same"], f"{name}_above"),
        _make("Add", [f"{name}_above", f"{name}_below"], name),
    ]


def _leaky_relu(node: Any, constants: _Constants) -> list[Any]:
    return [_make("PRelu", [node.input[0], constants(_attribute(node, "alpha", 0.01))], node.output[0])]


_REWRITES: dict[str, _Rewrite] = {
    "Abs": _absolute,
    "Conv": _groups,
    "Erf": _erf,
    "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "LeakyRelu": _leaky_relu,
    "MaxPool": _ceil_pool,
    "Neg": _negative,
    "Pow": _power,
    "Split": _split,
}
_FORMS = {
    "Abs": "MUL, ReLU and ADD",
    "Erf": "MUL, ADD and LOGISTIC",
    "Gelu": "MUL, ADD and LOGISTIC",
    "Neg": "MUL",
    "Pow": "MUL",
    "Conv": "one convolution for each group",
    "HardSigmoid": "ADD, ReLU6 and MUL",
    "HardSwish": "ADD, ReLU6 and MUL",
    "LeakyRelu": "PRELU",
    "MaxPool": "a border, to round its size up",
    "Split": "slices",
}
