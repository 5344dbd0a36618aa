"""A Keras model as a flat list of layer calls, with the models inside it opened."""

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
"""Keras functions that are layers under another name: a + b, keras.activations.relu(x) and their like."""

_UNUSUAL = ("negative_slope", "max_value", "threshold")  # settings of keras.activations.relu


@dataclass(frozen=True, eq=False)
class Call:
    """One call of `layer`: it takes the tensors of the numbers `takes` and gives the one of the number `gives`."""

    layer: Any
    takes: tuple[int, ...]
    gives: int


@dataclass(frozen=True, eq=False)
class Calls:
    """The calls in an order in which they can be done, from the tensor `entry` to the tensor `exit`."""

    calls: tuple[Call, ...]
    entry: int
    exit: int

    @property
    def uses(self) -> Counter[int]:
        """How often each tensor is taken; the exit counts as once more."""
        return Counter([number for call in self.calls for number in call.takes] + [self.exit])


def read_calls(model: keras.Model) -> Calls:
    """The calls of a functional or Sequential model with one input and one output.

    Raises ConversionError where a layer is no plain layer of Keras.
    """
    numbers = count(1)
    found, (last,) = _walk(model, [0], numbers)
    return Calls(tuple(found), 0, last)


def refuse(layer: Any, why: str, remedy: str) -> NoReturn:
    """Raises the ConversionError that says why quantization-aware training does not take `layer`."""
    raise ConversionError(
        f"quantization-aware training does not take {layer.name} ({type(layer).__name__}): {why}; {remedy}"
    )


def _walk(model: Any, taken: list[int], numbers: Iterator[int]) -> tuple[list[Call], list[int]]:
    graph = _graph(model)
    known = dict(zip(map(id, graph.inputs), taken, strict=True))
    found: list[Call] = []
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            if node.is_input:
                continue
            takes = [known[id(tensor)] for tensor in node.input_tensors]
            if isinstance(node.operation, keras.Model):
                inner, given = _walk(node.operation, takes, numbers)
                found += inner
            else:
                given = [next(numbers)]
                found.append(Call(_plain_layer(node), tuple(takes), given[0]))
            known.update(zip(map(id, node.outputs), given, strict=True))
    return found, [known[id(tensor)] for tensor in graph.outputs]


def _graph(model: Any) -> Any:
    graph = getattr(model, "_functional", model)
    if not hasattr(graph, "_nodes_by_depth"):
        refuse(model, "a subclassed model shows no layers", "write it as a functional or Sequential model")
    return graph


def _plain_layer(node: Any) -> Any:
    """The layer of a node, or the one that does the same as its function."""
    operation = node.operation
    if isinstance(operation, keras.layers.Layer) and len(node.outputs) == 1:
        return operation
    name = type(operation).__name__
    two = name not in ("Add", "Multiply") or len(node.input_tensors) == 2
    if name in _OPERATIONS and two and not any(getattr(operation, key, None) for key in _UNUSUAL):
        return _OPERATIONS[name](name=operation.name)
    refuse(operation, "it is a function, not a layer", "write it as a layer of Keras")
