"""Finds in a float32 and an integer .tflite of one network what belongs together, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.errors import ModelFileError
from edgeready_device.tflite.graph import Graph, Op, Tensor

BRIDGES = ("QUANTIZE", "DEQUANTIZE")
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
_FLOATS = ("float32",)
_ALIKE = 0.5  # correlation of weights; 8-bit weights of one network have 0.99 and more, of two 0.0


@dataclass(frozen=True)
class Pair:
    """An op of the float32 model and the op of the integer model that stands for it."""

    float32: Op
    integer: Op


@dataclass(frozen=True)
class Twins:
    """Two models of one network: `pairs` in the order of the integer model's ops."""

    float32: Graph
    integer: Graph
    pairs: tuple[Pair, ...]

    def source(self, index: int) -> int | None:
        """The float32 tensor that tensor `index` of the integer model stands for; None where there is none."""
        makers = {output: op for op in self.integer.ops for output in op.outputs}
        maker = makers.get(index)
        while maker is not None and maker.name in BRIDGES:
            index = maker.inputs[0]
            maker = makers.get(index)
        if index in self.integer.inputs:
            return self.float32.inputs[self.integer.inputs.index(index)]
        for pair in self.pairs:
            if index in pair.integer.outputs:
                return pair.float32.outputs[pair.integer.outputs.index(index)]
        return None


def match(float32: Graph, integer: Graph) -> Twins:
    """The Twins of two graphs: op beside op where both have the same ops, else by the names of the results.

    Raises ModelFileError where one is not float32, the other not quantized, or they are not of one network.
    """
    _check_kinds(float32, integer)
    ours, theirs = _plain_ops(float32), _plain_ops(integer)
    if [_form(float32, op) for op in ours] == [_form(integer, op) for op in theirs]:
        pairs = [Pair(*both) for both in zip(ours, theirs)]
    else:
        named = {(float32.tensors[op.outputs[0]].name, *_form(float32, op)): op for op in ours}
        found = [(named.get((integer.tensors[op.outputs[0]].name, *_form(integer, op))), op) for op in theirs]
        pairs = [Pair(one, other) for one, other in found if one is not None]
    told = tuple(pair for pair in pairs if float32.tensors[pair.float32.outputs[0]].dtype in _FLOATS)
    if not told:
        raise ModelFileError(
            f"no layer of the float32 model ({len(ours)} ops) is in the integer one ({len(theirs)} ops): give "
            "the two files of one build (--save-float writes both)"
        )
    twins = Twins(float32, integer, told)
    _check_weights(twins)
    return twins


def weights_of(graph: Graph, op: Op) -> Tensor | None:
    """The constant weights of a convolution or dense layer; None of any other op."""
    if op.name not in WEIGHTED or len(op.inputs) < 2 or op.inputs[1] < 0:
        return None
    tensor = graph.tensors[op.inputs[1]]
    return tensor if tensor.constant else None


def real_values(tensor: Tensor) -> NDArray[np.float64]:
    """A constant's real values: dequantized by its scales, per tensor or per axis."""
    values = tensor.values().astype(np.float64)
    if not tensor.scales:
        return values
    scales, zero_points = np.asarray(tensor.scales), np.asarray(tensor.zero_points, np.float64)
    if tensor.per_axis:
        form = [1] * values.ndim
        form[tensor.quantized_dimension] = -1
        scales, zero_points = scales.reshape(form), zero_points.reshape(form)
    return np.asarray((values - zero_points) * scales)


def _plain_ops(graph: Graph) -> list[Op]:
    return [op for op in graph.ops if op.name not in BRIDGES and op.outputs]


def _form(graph: Graph, op: Op) -> tuple[Any, ...]:
    return op.name, tuple(graph.tensors[index].shape for index in op.outputs)


def _check_kinds(float32: Graph, integer: Graph) -> None:
    taken, given = ([graph.tensors[index].shape for index in graph.inputs] for graph in (float32, integer))
    if taken != given:
        raise ModelFileError(
            f"the float32 model takes {[list(shape) for shape in taken]}, the integer one "
            f"{[list(shape) for shape in given]}: give the two files of one build (--save-float writes both)"
        )
    for graph, name, wanted in ((float32, "float32", False), (integer, "integer", True)):
        if _quantized(graph) != wanted:
            hint = " (dynamic and float16 files compute in floats)" if wanted else ""
            raise ModelFileError(
                f"the model given as the {name} one has {'no ' if wanted else ''}quantized activations{hint}: "
                "give the float32 file first, the integer one second"
            )


def _quantized(graph: Graph) -> bool:
    return any(tensor.scales and not tensor.constant for tensor in graph.tensors)


def _check_weights(twins: Twins) -> None:
    for pair in twins.pairs:
        ours, theirs = weights_of(twins.float32, pair.float32), weights_of(twins.integer, pair.integer)
        if ours is None or theirs is None:
            continue
        alike = _correlation(real_values(ours), real_values(theirs)) if ours.shape == theirs.shape else 0.0
        if alike < _ALIKE:
            raise ModelFileError(
                f"the weights of {theirs.name[:80]!r} are others in the two files (correlation {alike:.2f}): they "
                "are not of one training; give the two files of one build (--save-float writes both)"
            )


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The cosine between the two, from -1 to 1; 1 where either is all zeros."""
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float((one * other).sum()) / size if size else 1.0
