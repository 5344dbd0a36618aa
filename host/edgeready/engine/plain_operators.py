"""Writes ops that have no 8-bit form, or none that the Edge TPU maps, in ops that have one, with the same result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edgeready.engine.fixed_batch import drop_unused_codes
from edgeready.engine.flatbuffer_objects import add_tensor, make_operator, read_objects, write_objects
from edgeready.readiness.gelu_form import GELU_ERF, GELU_LIMIT, GELU_TANH
from edgeready_device.tflite.graph import Graph, Op, read_graph

_RELU, _RELU6 = 1, 3  # ActivationFunctionType of the schema
_Write = Callable[[Any, Graph, Op], list[Any]]


def plain_operators(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Returns the float32 .tflite `data` with plainer ops, and a sentence about each kind of them.

    A file without one comes back as it is.
    """
    graph = read_graph(data)
    matches = [op for op in graph.ops if _fits(graph, op)]
    if not matches:
        return data, ()
    model = read_objects(data)
    operators: list[Any] = []
    for op, operator in zip(graph.ops, model.subgraphs[0].operators, strict=True):
        operators += _PLAIN[op.name][0](model, graph, op) if op in matches else [operator]
    model.subgraphs[0].operators = operators
    drop_unused_codes(model)
    names = [op.name for op in matches]
    return write_objects(model), tuple(f"{_PLAIN[name][1]}, {names.count(name)}x" for name in dict.fromkeys(names))


def _fits(graph: Graph, op: Op) -> bool:
    """Returns whether `op` is float32 and has a plainer form."""
    if op.name not in _PLAIN or any(tensor.dtype == "float16" for tensor in graph.of(op.outputs)):
        return False
    source, result = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    if source.dtype != "float32" or not (source.static and result.static):
        return False
    if op.name == "LEAKY_RELU":
        return len(source.shape) > 1
    if op.name == "PADV2":
        number = graph.tensors[op.inputs[2]]
        return number.constant and not number.values().any()
    if op.name == "DIV":
        divisor = graph.tensors[op.inputs[1]]
        return divisor.constant and not source.constant and bool((divisor.values() != 0).all())
    return True


def _hard_swish(model: Any, graph: Graph, op: Op) -> list[Any]:
    """Returns x / 6 times relu6(x + 3)."""
    image, result = op.inputs[0], op.outputs[0]
    shape, name = graph.tensors[image].shape, graph.tensors[result].name
    sixth, three = (
        add_tensor(model, f"{name}/{what}", (), np.array(value, np.float32))
        for what, value in (("sixth", 1 / 6), ("three", 3.0))
    )
    slope, gate = (add_tensor(model, f"{name}/{what}", shape) for what in ("slope", "gate"))
    return [
        make_operator(model, "MUL", [image, sixth], slope),
        make_operator(model, "ADD", [image, three], gate, fusedActivationFunction=_RELU6),
        make_operator(model, "MUL", [slope, gate], result),
    ]


def _gelu(model: Any, graph: Graph, op: Op) -> list[Any]:
    """Returns x * sigmoid(z * p(z * z)), where z is x cut off where the sigmoid no longer changes."""
    terms: tuple[float, ...] = GELU_TANH if op.option(0, "?", False) else GELU_ERF
    image, result = op.inputs[0], op.outputs[0]
    shape, name = graph.tensors[image].shape, graph.tensors[result].name
    operators: list[Any] = []

    def apply(builtin: str, *inputs: int, fused: int = 0) -> int:
        target = add_tensor(model, f"{name}/part_{len(operators)}", shape)
        options = {"fusedActivationFunction": fused} if fused else {}
        operators.append(make_operator(model, builtin, [*inputs], target, **options))
        return target

    def constant(number: float) -> int:
        return add_tensor(model, f"{name}/number_{number:.6g}", (), np.array(number, np.float32))

    # Not MINIMUM and MAXIMUM: TensorFlow's quantizer gives their input the range of their result, and so cuts off x.
    scaled = apply("MUL", image, constant(3 / GELU_LIMIT))
    near = apply("ADD", apply("ADD", scaled, constant(3), fused=_RELU6), constant(-3))
    terms = tuple(term * (GELU_LIMIT / 3) ** (2 * power + 1) for power, term in enumerate(terms))
    square = apply("MUL", near, near)
    slope = constant(terms[-1])
    for term in reversed(terms[:-1]):
        slope = apply("ADD", apply("MUL", square, slope), constant(term))
    gate = apply("LOGISTIC", apply("MUL", near, slope))
    return [*operators, make_operator(model, "MUL", [image, gate], result)]


def _square(model: Any, graph: Graph, op: Op) -> list[Any]:
    return [make_operator(model, "MUL", [op.inputs[0], op.inputs[0]], op.outputs[0])]


def _negative(model: Any, graph: Graph, op: Op) -> list[Any]:
    factor = add_tensor(model, f"{graph.tensors[op.outputs[0]].name}/factor", (), np.array(-1, np.float32))
    return [make_operator(model, "MUL", [op.inputs[0], factor], op.outputs[0])]


def _absolute(model: Any, graph: Graph, op: Op) -> list[Any]:
    """Returns relu(x) + relu(-x)."""
    image, result = op.inputs[0], op.outputs[0]
    shape, name = graph.tensors[image].shape, graph.tensors[result].name
    operators, halves = [], []
    for sign in (1, -1):
        factor = add_tensor(model, f"{name}/sign_{sign}", (), np.array(sign, np.float32))
        halves.append(add_tensor(model, f"{name}/half_{sign}", shape))
        operators.append(make_operator(model, "MUL", [image, factor], halves[-1], fusedActivationFunction=_RELU))
    return [*operators, make_operator(model, "ADD", halves, result)]


def _relu_0_to_1(model: Any, graph: Graph, op: Op) -> list[Any]:
    """Returns relu6(6 * x) / 6."""
    image, result = op.inputs[0], op.outputs[0]
    name = graph.tensors[result].name
    six, sixth = (add_tensor(model, f"{name}/{value:.2g}", (), np.array(value, np.float32)) for value in (6, 1 / 6))
    six_times = add_tensor(model, f"{name}/six_times", graph.tensors[image].shape)
    return [
        make_operator(model, "MUL", [image, six], six_times, fusedActivationFunction=_RELU6),
        make_operator(model, "MUL", [six_times, sixth], result),
    ]


def _leaky_relu(model: Any, graph: Graph, op: Op) -> list[Any]:
    image, result = op.inputs[0], op.outputs[0]
    shape = graph.tensors[image].shape
    slopes = np.full((1,) * (len(shape) - 2) + shape[-1:], op.option(0, "f", 0.0), np.float32)
    alpha = add_tensor(model, f"{graph.tensors[result].name}/alpha", slopes.shape, slopes)
    return [make_operator(model, "PRELU", [image, alpha], result)]


def _divide(model: Any, graph: Graph, op: Op) -> list[Any]:
    divisor = graph.tensors[op.inputs[1]]
    values = np.asarray(1 / divisor.values(), np.float32)
    factor = add_tensor(model, f"{divisor.name}/reciprocal", divisor.shape, values)
    activation = op.option(0, "b")
    return [make_operator(model, "MUL", [op.inputs[0], factor], op.outputs[0], fusedActivationFunction=activation)]


def _pad(model: Any, graph: Graph, op: Op) -> list[Any]:
    return [make_operator(model, "PAD", [*op.inputs[:2]], op.outputs[0])]


_PLAIN: dict[str, tuple[_Write, str]] = {
    "ABS": (_absolute, "ABS is written with MUL, RELU and ADD"),
    "DIV": (_divide, "DIV by a constant is written as MUL"),
    "GELU": (_gelu, "GELU is written with MUL, ADD and LOGISTIC"),
    "HARD_SWISH": (_hard_swish, "HARD_SWISH is written with MUL, ADD and RELU6"),
    "LEAKY_RELU": (_leaky_relu, "LEAKY_RELU is written as PRELU"),
    "NEG": (_negative, "NEG is written as MUL by -1"),
    "PADV2": (_pad, "PADV2 of zeros is written as PAD"),
    "RELU_0_TO_1": (_relu_0_to_1, "RELU_0_TO_1 is written with MUL and RELU6"),
    "SQUARE": (_square, "SQUARE is written as MUL"),
}
