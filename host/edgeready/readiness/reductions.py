"""Rules on pooling, reductions and softmax."""

from __future__ import annotations

import math
from collections.abc import Iterator

from edgeready.readiness.evidence import FILE, UNDATED, V16, Evidence, Observation, report_number
from edgeready.readiness.place import Place, count_elements, positive_axis, tensor_text
from edgeready.readiness.rule import Reason, rule

_MEAN = Evidence(
    mapped=Observation(
        what="a mean over 64x128, 8,192 values,", compiler=V16, source=report_number(461), size=64 * 128
    ),
    refused=Observation(what="one over 256x128, 32,768,", compiler=V16, source=report_number(461), size=256 * 128),
)
_SOFTMAX = Evidence(
    mapped=Observation(what="a softmax over 16,384 values", compiler=UNDATED, source=FILE, size=16_384),
    documented="at most 16,000 elements",
)
_ACTIVATIONS = ("none", "ReLU", "ReLU_N1_TO_1", "ReLU6", "tanh", "sign")
_FUSED = {"AVERAGE_POOL_2D": 5, "MAX_POOL_2D": 5, "CONCATENATION": 1}
_REDUCTIONS = ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN")


def _reduced_axes(place: Place) -> tuple[int, ...]:
    """The dimensions over which the op at `place` reduces; none when they or the input are unknown."""
    image, axes = place.input(0), place.numbers(1)
    if image is None or axes is None:
        return ()
    return tuple(positive_axis(axis, len(image.shape)) for axis in axes)


@rule(*_FUSED, effect="doubts", evidence=Evidence(documented="no fused activation function"))
def fused_activation(place: Place) -> Iterator[Reason]:
    """Pooling and concatenation have no activation fused into them."""
    code = int(place.op.option(_FUSED[place.op.name], "b"))
    if code:
        name = _ACTIVATIONS[code] if 0 <= code < len(_ACTIVATIONS) else str(code)
        yield Reason(
            f"{place.op.name} has the activation {name} fused into it",
            "put the activation on the layer ahead of it: max pooling and concatenation give the same after ReLU",
        )


@rule(*_REDUCTIONS, effect="doubts", evidence=Evidence(documented="no reduction in the batch dimension"))
def reduced_batch(place: Place) -> Iterator[Reason]:
    """Means, sums and extremes are not taken over the batch."""
    image = place.input(0)
    if image is not None and len(image.shape) > 1 and 0 in _reduced_axes(place):
        yield Reason(
            f"{place.op.name} is taken over dimension 0 of {tensor_text(image)}, the batch",
            "reduce over height, width or channels: keras.layers.GlobalAveragePooling2D()",
        )


@rule(
    "MEAN",
    effect="doubts",
    evidence=Evidence(documented="from runtime 13 on also over channels, when they are a multiple of 4"),
)
def mean_channels(place: Place) -> Iterator[Reason]:
    """A mean over channels is over a multiple of four of them, and needs runtime 13."""
    image = place.input(0)
    if image is None or len(image.shape) < 3 or len(image.shape) - 1 not in _reduced_axes(place):
        return
    if image.shape[-1] % 4:
        yield Reason(
            f"MEAN is taken over the {image.shape[-1]} channels of {tensor_text(image)}, no multiple of 4",
            f"use {-(-image.shape[-1] // 4) * 4} channels",
        )
    elif place.runtime < 13:
        yield Reason(
            "MEAN over channels needs Edge TPU runtime 13 by Coral's table", "update libedgetpu on the device"
        )


@rule("MEAN", evidence=_MEAN)
def mean_size(place: Place) -> Iterator[Reason]:
    """A mean is taken over less than 256x128 values at once."""
    image = place.input(0)
    if image is None:
        return
    axes = _reduced_axes(place)
    over = count_elements(tuple(size for axis, size in enumerate(image.shape) if axis in axes))
    if (outlook := _MEAN.judge(over)) != "mapped":
        yield Reason(
            f"MEAN is taken over {over:,} values of {tensor_text(image)}; {_MEAN.limits_text()}",
            _smaller_mean(image.shape, axes, over),
            uncertain=outlook == "uncertain",
        )


def _smaller_mean(shape: tuple[int, ...], axes: tuple[int, ...], over: int) -> str:
    """What brings a mean over `over` values down to the largest that was mapped."""
    if len(shape) - 1 in axes or _MEAN.mapped is None or _MEAN.mapped.size is None:
        return "try a smaller image, or the mean over fewer channels"
    side = max(4, math.ceil(math.sqrt(over / _MEAN.mapped.size)))
    return f"put AveragePooling2D({side}) ahead of GlobalAveragePooling2D"


@rule("SOFTMAX", effect="doubts", evidence=_SOFTMAX)
def softmax_size(place: Place) -> Iterator[Reason]:
    """Softmax is taken over at most 16,384 values."""
    scores = place.input(0)
    if scores is not None and scores.shape and _SOFTMAX.judge(scores.shape[-1]) != "mapped":
        yield Reason(
            f"softmax is taken over the last dimension of {tensor_text(scores)}; {_SOFTMAX.limits_text()}",
            "end the model with the logits and take the softmax in the program",
        )


RULES = (fused_activation, reduced_batch, mean_channels, mean_size, softmax_size)
