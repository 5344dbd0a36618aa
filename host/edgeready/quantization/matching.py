"""Matches the layers of a float32 .tflite and an integer one of the same network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.errors import ModelFileError
from edgeready_device.tflite.graph import Graph, Op, Tensor

BRIDGES = ("QUANTIZE", "DEQUANTIZE")
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
# Correlation; chosen: halfway between two networks (0.0) and the 8-bit weights of one (0.99 and more).
_SAME_WEIGHTS = 0.5


@dataclass(frozen=True, kw_only=True)
class LayerPair:
    """An op of the float32 model and the op of the integer model that stands for it."""

    float32: Op
    integer: Op


@dataclass(frozen=True, kw_only=True)
class LayerMatch:
    """Two models of one network, and their ops in `pairs`, in the order of the integer model."""

    float32: Graph
    integer: Graph
    pairs: tuple[LayerPair, ...]

    def source(self, index: int) -> int | None:
        """Returns the float32 tensor that tensor `index` of the integer model stands for; None if there is none."""
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


def match_layers(float32: Graph, integer: Graph, *, same_training: bool = False) -> LayerMatch:
    """Matches the ops of two graphs: in their order where both have the same ops, else by the names of the results.

    With `same_training` the weights are known to be those of one training, and are not compared: a bias that is large
    beside its layer's inputs makes the quantizers round weights to nothing.

    Raises ModelFileError when the first is not float32, the second not quantized, or they are not of one network.
    """
    _check_kinds(float32, integer)
    ours, theirs = _plain_ops(float32), _plain_ops(integer)
    if [_form(float32, op) for op in ours] == [_form(integer, op) for op in theirs]:
        pairs = [LayerPair(float32=op, integer=other) for op, other in zip(ours, theirs)]
    else:
        by_name = {(float32.tensors[op.outputs[0]].name, *_form(float32, op)): op for op in ours}
        keys = [(integer.tensors[op.outputs[0]].name, *_form(integer, op)) for op in theirs]
        pairs = [LayerPair(float32=by_name[key], integer=op) for key, op in zip(keys, theirs) if key in by_name]
    float_pairs = tuple(pair for pair in pairs if float32.tensors[pair.float32.outputs[0]].dtype == "float32")
    if not float_pairs:
        raise ModelFileError(
            f"no layer of the float32 model ({len(ours)} ops) is in the integer one ({len(theirs)} ops): give "
            "the two files of one build (--save-float writes both)"
        )
    match = LayerMatch(float32=float32, integer=integer, pairs=float_pairs)
    if not same_training:
        _check_weights(match)
    return match


def weights_of(graph: Graph, op: Op) -> Tensor | None:
    """Returns the constant weights of a convolution or dense layer; None for any other op."""
    if op.name not in WEIGHTED or len(op.inputs) < 2 or op.inputs[1] < 0:
        return None
    tensor = graph.tensors[op.inputs[1]]
    return tensor if tensor.constant else None


def real_values(tensor: Tensor) -> NDArray[np.float64]:
    """Returns the real values of a constant: dequantized by its scales, per tensor or per axis."""
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
    ours, theirs = ([graph.tensors[index].shape for index in graph.inputs] for graph in (float32, integer))
    if ours != theirs:
        raise ModelFileError(
            f"the float32 model takes {[list(shape) for shape in ours]}, the integer one "
            f"{[list(shape) for shape in theirs]}: give the two files of one build (--save-float writes both)"
        )
    for graph, name, quantized in ((float32, "float32", False), (integer, "integer", True)):
        if _is_quantized(graph) != quantized:
            hint = " (dynamic and float16 files compute in floats)" if quantized else ""
            raise ModelFileError(
                f"the model given as the {name} one has {'no ' if quantized else ''}quantized activations{hint}: "
                "give the float32 file first, the integer one second"
            )


def _is_quantized(graph: Graph) -> bool:
    return any(tensor.scales and not tensor.constant for tensor in graph.tensors)


def _check_weights(match: LayerMatch) -> None:
    for pair in match.pairs:
        ours, theirs = weights_of(match.float32, pair.float32), weights_of(match.integer, pair.integer)
        if ours is None or theirs is None:
            continue
        correlation = _correlation(real_values(ours), real_values(theirs)) if ours.shape == theirs.shape else 0.0
        if correlation < _SAME_WEIGHTS:
            raise ModelFileError(
                f"the weights of {theirs.name[:80]!r} are others in the two files (correlation {correlation:.2f}): "
                "they are not of one training; give the two files of one build (--save-float writes both)"
            )


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Returns the cosine between two arrays, from -1 to 1; 1 where either is all zeros."""
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float((a * b).sum()) / size if size else 1.0
