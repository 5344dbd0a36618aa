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
    if any(_maker_name(graph, tensor) == "MEAN" for tensor in negation.inputs):
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


def _maker_name(graph: Graph, tensor: int) -> str:
    """Returns the name of the op that makes `tensor`, ahead of conversions to and from float; "" for none."""
    makers = {output: op for op in graph.ops for output in op.outputs}
    maker = makers.get(tensor)
    for _ in range(2):  # a float op among integers stands behind DEQUANTIZE, its input behind QUANTIZE
        if maker is not None and maker.name in _CONVERSIONS and maker.inputs:
            maker = makers.get(maker.inputs[0])
    return "" if maker is None else maker.name
