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
_BRIDGES = ("DEQUANTIZE", "QUANTIZE", "CAST")
_ANY_REMEDY = "replace the layer that makes it (Conv2D, DepthwiseConv2D, Dense, ReLU, pooling and Add are safe)"


def prove_uint8(graph: Graph) -> None:
    """Raises ConversionError naming op, tensor and remedy unless `graph` is a static uint8 integer-only model."""
    if graph.subgraphs > 1:
        raise ConversionError(
            f"the model has {graph.subgraphs} subgraphs (loops, branches): an Edge TPU takes one; leave recurrent "
            "layers out or build them with unroll=True"
        )
    ends = [*graph.of(graph.inputs), *graph.of(graph.outputs)]
    for tensor in ends:
        if tensor.dtype != "uint8" or not tensor.scales:
            raise ConversionError(
                f"the end {tensor.name!r} is {tensor.dtype}{'' if tensor.scales else ' without a scale'}, not "
                "quantized uint8: the converter ignored what was asked for; report this model"
            )
    makers = {output: op for op in graph.ops for output in op.outputs}
    users = {used: op for op in reversed(graph.ops) for used in op.inputs}
    touched = [(tensor, makers.get(tensor.index) or users.get(tensor.index)) for tensor in graph.tensors]
    pairs = [(tensor, op) for tensor, op in touched if op is not None]
    wide = [(tensor, op) for tensor, op in pairs if tensor.dtype not in _INTEGER]
    if wide:
        raise _no_8_bit_form(*min(wide, key=lambda pair: _blame(pair[1])))
    for tensor, op in pairs:
        if not tensor.static:
            raise ConversionError(
                f"op {op.index} {op.custom_code or op.name}: tensor {tensor.name!r} has the open shape "
                f"{list(tensor.shape_signature)}: give the model an input of fixed height and width"
            )


def _blame(op: Op) -> tuple[bool, bool, int]:
    """Orders ops with a float tensor: those with a known remedy first, those that only lead there last."""
    return op.name in _BRIDGES, op.name not in _REMEDIES, op.index


def _no_8_bit_form(tensor: Tensor, op: Op) -> ConversionError:
    return ConversionError(
        f"op {op.index} {op.custom_code or op.name} stays {tensor.dtype} (tensor {tensor.name!r} "
        f"{list(tensor.shape)}): it has no 8-bit form; {_REMEDIES.get(op.custom_code or op.name, _ANY_REMEDY)}"
    )
