"""Which operand of an op is data, which is a weight or bias, and which states a shape, an axis or a padding."""

from __future__ import annotations

from edgeready.readiness.rule import Place
from edgeready_device.tflite.graph import Tensor

STRUCTURE: dict[str, tuple[int, ...]] = {
    "BROADCAST_TO": (1,),
    "EXPAND_DIMS": (1,),
    "MEAN": (1,),
    "MIRROR_PAD": (1,),
    "PAD": (1,),
    "PADV2": (1,),
    "REDUCE_MAX": (1,),
    "REDUCE_MIN": (1,),
    "RESHAPE": (1,),
    "RESIZE_BILINEAR": (1,),
    "RESIZE_NEAREST_NEIGHBOR": (1,),
    "SLICE": (1, 2),
    "SPLIT": (0,),
    "STRIDED_SLICE": (1, 2, 3),
    "SUM": (1,),
    "TILE": (1,),
    "TRANSPOSE": (1,),
    "TRANSPOSE_CONV": (0,),
}
"""Operands that the compiler must know, by position."""

WEIGHTS: dict[str, int] = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "TRANSPOSE_CONV": 1, "PRELU": 1}
"""Operands that must be constants, by position; the weights of FULLY_CONNECTED may be computed."""

BIAS: dict[str, int] = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}
"""The int32 bias, by position."""

EIGHT_BITS = frozenset({"int8", "uint8"})


def structure(place: Place) -> tuple[Tensor, ...]:
    """The operands that state a shape, an axis, a padding or a slice."""
    found = (place.input(position) for position in STRUCTURE.get(place.op.name, ()))
    return tuple(tensor for tensor in found if tensor is not None)


def data_inputs(place: Place) -> tuple[Tensor, ...]:
    """The operands that must be 8-bit: all but structure and bias; of an LSTM the input sequence only."""
    if place.op.name == "UNIDIRECTIONAL_SEQUENCE_LSTM":
        sequence = place.input(0)
        return () if sequence is None else (sequence,)
    other = (*STRUCTURE.get(place.op.name, ()), BIAS.get(place.op.name, -1))
    indices = (index for position, index in enumerate(place.op.inputs) if position not in other)
    return place.graph.of(tuple(dict.fromkeys(indices)))


def activations(place: Place) -> tuple[Tensor, ...]:
    """The data operands that are computed or fed: those that are no constants."""
    return tuple(tensor for tensor in data_inputs(place) if not tensor.constant)


def elements(shape: tuple[int, ...]) -> int:
    """Number of elements of `shape`, in bounded time whatever the rank: it stops counting at 2**62."""
    count = 1
    for size in shape:
        if size == 0:
            return 0
        count = min(count * size, 1 << 62)
    return count


def axis_of(axis: int, rank: int) -> int:
    """`axis` counted from the front; a negative one counts from the end of `rank` dimensions."""
    return axis + rank if axis < 0 else axis
