"""A Keras model as a flat list of layer calls, those of inner models included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, NoReturn

import keras

from edgeready.errors import ConversionError

_OPERATIONS = {
    "Add": keras.layers.Add,
    "Multiply": keras.layers.Multiply,
    "Relu": keras.layers.ReLU,
    "ReLU": keras.layers.ReLU,
    "Relu6": lambda name: keras.layers.ReLU(6.0, name=name),
    "Softmax": keras.layers.Softmax,
}
"""Keras functions that do what a layer does: a + b, keras.activations.relu(x) and the like."""

_UNUSUAL = ("negative_slope", "max_value", "threshold")  # settings of keras.activations.relu


@dataclass(frozen=True, kw_only=True, eq=False)
class Call:
    """One call of `layer` on the tensors numbered `inputs`; the number of its result is `output`."""

    layer: Any
    inputs: tuple[int, ...]
    output: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Calls:
    """The calls in an executable order, from the tensor `entry` to the tensor `exit`."""

    calls: tuple[Call, ...]
    entry: int
    exit: int

    @property
    def uses(self) -> Counter[int]:
        """The number of uses of each tensor; the exit has one more."""
        return Counter([number for call in self.calls for number in call.inputs] + [self.exit])


def read_calls(model: keras.Model) -> Calls:
    """Returns the calls of a functional or Sequential model with one input and one output.

    Raises ConversionError when a layer is not a plain layer of Keras.
    """
    numbers = count(1)
    calls, (last,) = _walk(model, [0], numbers)
    return Calls(calls=tuple(calls), entry=0, exit=last)


def refuse(layer: Any, why: str, remedy: str) -> NoReturn:
    """Raises the ConversionError that says why quantization-aware training refuses `layer`."""
    raise ConversionError(
        f"quantization-aware training does not take {layer.name} ({type(layer).__name__}): {why}; {remedy}"
    )


def _walk(model: Any, inputs: list[int], numbers: Iterator[int]) -> tuple[list[Call], list[int]]:
    """Returns the calls of `model` on the tensors numbered `inputs`, and the numbers of its outputs."""
    graph = _graph(model)
    tensors = dict(zip(map(id, graph.inputs), inputs, strict=True))
    calls: list[Call] = []
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            if node.is_input:
                continue
            arguments = [tensors[id(tensor)] for tensor in node.input_tensors]
            if isinstance(node.operation, keras.Model):
                inner, results = _walk(node.operation, arguments, numbers)
                calls += inner
            else:
                results = [next(numbers)]
                calls.append(Call(layer=_plain_layer(node), inputs=tuple(arguments), output=results[0]))
            tensors.update(zip(map(id, node.outputs), results, strict=True))
    return calls, [tensors[id(tensor)] for tensor in graph.outputs]


def _graph(model: Any) -> Any:
    graph = getattr(model, "_functional", model)
    if not hasattr(graph, "_nodes_by_depth"):
        refuse(model, "a subclassed model shows no layers", "write it as a functional or Sequential model")
    return graph


def _plain_layer(node: Any) -> Any:
    """Returns the layer of a node, or a layer that does the same as its function."""
    operation = node.operation
    if isinstance(operation, keras.layers.Layer) and len(node.outputs) == 1:
        return operation
    name = type(operation).__name__
    has_operands = name not in ("Add", "Multiply") or len(node.input_tensors) == 2
    if name in _OPERATIONS and has_operands and not any(getattr(operation, key, None) for key in _UNUSUAL):
        return _OPERATIONS[name](name=operation.name)
    refuse(operation, "it is a function, not a layer", "write it as a layer of Keras")
