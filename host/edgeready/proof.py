"""Proves from a file's own bytes that it is what edgeready promises: uint8 ends, integers inside, static shapes."""

from __future__ import annotations

from edgeready.errors import ConversionError
from edgeready_device.graph import Graph, Op, Tensor

_INTEGER = ("int8", "uint8", "int32")
_REMEDIES = {
    "ELU": "use ReLU or ReLU6 in its place",
    "GELU": "use ReLU or ReLU6 in its place",
    "EXP": "leave exp, softplus and selu out; use ReLU",
    "NEG": "LayerNormalization does this: use BatchNormalization in its place",
    "BATCH_MATMUL": "leave attention layers out; use convolutions",
    "DEQUANTIZE": "an op near it has no 8-bit kernel: replace the layer after it",
}
_ANY_REMEDY = "replace the layer that makes it (Conv2D, DepthwiseConv2D, Dense, ReLU, pooling and Add are safe)"


def prove_uint8(graph: Graph) -> None:
    """Raises ConversionError naming op, tensor and remedy unless `graph` is a static uint8 integer-only model."""
    ends = [*graph.of(graph.inputs), *graph.of(graph.outputs)]
    for tensor in ends:
        if tensor.dtype != "uint8" or not tensor.scales:
            raise ConversionError(
                f"the end {tensor.name!r} is {tensor.dtype}{'' if tensor.scales else ' without a scale'}, not "
                "quantized uint8: the converter ignored what was asked for; report this model"
            )
    makers = {output: op for op in graph.ops for output in op.outputs}
    users = {used: op for op in reversed(graph.ops) for used in op.inputs}
    for tensor in graph.tensors:
        op = makers.get(tensor.index) or users.get(tensor.index)
        if op is not None:
            _check(tensor, op)


def _check(tensor: Tensor, op: Op) -> None:
    name = op.custom_code or op.name
    if tensor.dtype not in _INTEGER:
        remedy = _REMEDIES.get(name, _ANY_REMEDY)
        raise ConversionError(
            f"op {op.index} {name} stays {tensor.dtype} (tensor {tensor.name!r} {list(tensor.shape)}): "
            f"it has no 8-bit form; {remedy}"
        )
    if not tensor.static:
        raise ConversionError(
            f"op {op.index} {name}: tensor {tensor.name!r} has the open shape {list(tensor.shape_signature)}: "
            "give the model an input of fixed height and width"
        )
