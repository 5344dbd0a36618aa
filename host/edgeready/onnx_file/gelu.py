"""Finds what exporters write for GELU, in whatever order, and puts one Gelu in its place.

Each form has its own operators, so that they are not compared: what the operators between two values compute together
is, on numbers. Written out, the cube of the tanh form would need a range that 8 bits cannot tell apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgeready.onnx_file.plain_ops import constant_tensors

_Numbers = NDArray[np.float64]
_NUMBERS = np.linspace(-6, 6, 49)  # chosen: where GELU bends, and on both sides where it is 0 or x
_TOLERANCE = 1e-6  # chosen: constants with seven digits make 1e-7, the two forms are 5e-4 apart
_erf = np.vectorize(math.erf)
_ELEMENTWISE: dict[str, Callable[..., _Numbers]] = {
    "Add": np.add,
    "Div": np.divide,
    "Erf": _erf,
    "Mul": np.multiply,
    "Pow": np.power,
    "Sub": np.subtract,
    "Tanh": np.tanh,
}
_FORMS: dict[str, _Numbers] = {
    "none": _NUMBERS / 2 * (1 + _erf(_NUMBERS / math.sqrt(2))),
    "tanh": _NUMBERS / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (_NUMBERS + 0.044715 * _NUMBERS**3))),
}
_MOST_STEPS = 6  # back from Erf or Tanh to the input of GELU; the longest known form has four


def with_gelu(model: Any) -> Any:
    """Returns `model` with a Gelu in place of the operators that compute it; as it is where there are none.

    A Gelu is of opset 20, and is to be written in plain operators before anything checks the model.
    """
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    numbers = {
        name: float(numpy_helper.to_array(tensor).reshape(()))
        for name, tensor in constant_tensors(graph).items()
        if list(tensor.dims) in ([], [1]) and tensor.data_type == onnx.TensorProto.FLOAT
    }
    gelus: dict[str, Any] = {}
    for node in graph.node:
        if node.op_type in ("Erf", "Tanh"):
            sources = _ancestors(node.input[0], makers, numbers)
            gelus |= next(filter(None, (_find(graph, source, numbers) for source in sources)), {})
    branches = any(attribute.HasField("g") for node in graph.node for attribute in node.attribute)
    if not gelus or branches:  # a branch may read what seems unread
        return model
    shorter = onnx.ModelProto()
    shorter.CopyFrom(model)
    nodes = [gelus.get(node.output[0], node) for node in model.graph.node]
    del shorter.graph.node[:]
    shorter.graph.node.extend(_only_read(nodes, {value.name for value in graph.output}))
    return shorter


def _ancestors(name: str, makers: dict[str, Any], numbers: dict[str, float]) -> Iterator[str]:
    """Yields `name` and the values that it is computed from, the nearest first."""
    names = [name]
    for _ in range(_MOST_STEPS):
        yield from names
        nodes = [makers[value] for value in names if value in makers]
        inputs = [value for node in nodes if node.op_type in _ELEMENTWISE for value in node.input]
        names = [value for value in dict.fromkeys(inputs) if value not in numbers]


def _find(graph: Any, source: str, numbers: dict[str, float]) -> dict[str, Any]:
    """Returns a Gelu of `source` under the name of the first value that is one; nothing where none is."""
    values: dict[str, _Numbers] = {source: _NUMBERS}
    for node in graph.node:
        if node.op_type not in _ELEMENTWISE or values.keys().isdisjoint(node.input):
            continue
        if not all(name in values or name in numbers for name in node.input):
            continue
        operands = [values.get(name, numbers.get(name)) for name in node.input]
        with np.errstate(all="ignore"):
            result = _ELEMENTWISE[node.op_type](*operands)
        values[node.output[0]] = result
        for form, expected in _FORMS.items():
            if node.op_type in ("Mul", "Div") and np.allclose(result, expected, rtol=0, atol=_TOLERANCE):
                name = node.output[0]
                return {name: helper.make_node("Gelu", [source], [name], name=name, approximate=form)}
    return {}


def _only_read(nodes: list[Any], outputs: set[str]) -> list[Any]:
    """Returns the `nodes` of which something is read."""
    read, remaining = set(outputs), []
    for node in reversed(nodes):
        if not read.isdisjoint(node.output):
            read.update(node.input)
            remaining.append(node)
    return remaining[::-1]
