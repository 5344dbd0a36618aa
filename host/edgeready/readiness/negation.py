"""The layer that a NEG comes from, seen from the ops around it: which remedy is the right one."""

from __future__ import annotations

from edgeready_device.tflite.graph import Graph, Op

NORMALIZATION = (
    "LayerNormalization or GroupNormalization makes it: use BatchNormalization, which is folded into the layer ahead "
    "of it, and train again"
)
PRELU = "a PReLU that was written out makes it: use keras.layers.PReLU(shared_axes=[1, 2])"
NEGATION = "multiply by -1 instead: keras.layers.Rescaling(-1)"
_CONVERSIONS = frozenset({"DEQUANTIZE", "QUANTIZE"})


def remedy_for_negation(graph: Graph, negation: Op) -> str:
    """Returns what to put in place of the layer that `negation`, a NEG of `graph`, comes from.

    The negative of a MEAN is part of a normalization; RELU(-x) is the half of a PReLU below zero.
    """
    makers = {output: op for op in graph.ops for output in op.outputs}
    sources = {makers[tensor].name for tensor in _through_conversions(negation.inputs, makers) if tensor in makers}
    if "MEAN" in sources:
        return NORMALIZATION
    results = set(negation.outputs)
    for op in graph.ops[negation.index + 1 :]:
        if results.isdisjoint(op.inputs):
            continue
        if op.name == "RELU":
            return PRELU
        if op.name in _CONVERSIONS:
            results.update(op.outputs)
    return NEGATION


def _through_conversions(tensors: tuple[int, ...], makers: dict[int, Op]) -> tuple[int, ...]:
    """Returns `tensors` as they were ahead of the conversions between integers and floats."""
    maker = makers.get(tensors[0]) if len(tensors) == 1 else None
    if maker is None or maker.name not in _CONVERSIONS:
        return tensors
    ahead = maker.inputs
    maker = makers.get(ahead[0]) if len(ahead) == 1 else None
    return maker.inputs if maker is not None and maker.name in _CONVERSIONS else ahead
