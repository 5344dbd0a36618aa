"""Rules on pooling, reductions and softmax."""

from __future__ import annotations

from collections.abc import Iterator

from edgeready.readiness.place import Place, count_elements, positive_axis, tensor_text
from edgeready.readiness.rule import Reason, rule

# [1, 256, 128, 3] over height and width, 32,768 values, was refused (edgetpu #461). The observation of a mapped mean
# of 8,192 values is not recorded; the limit lies somewhere below 32,768.
MEAN_MAPPED = 64 * 128
# The largest that was seen mapped, in a public compiled model; Coral's table says 16,000. No refusal is known.
SOFTMAX_MAPPED = 16_384
_ACTIVATIONS = ("none", "ReLU", "ReLU_N1_TO_1", "ReLU6", "tanh", "sign")
_FUSED = {"AVERAGE_POOL_2D": 5, "MAX_POOL_2D": 5, "CONCATENATION": 1}
_REDUCTIONS = ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN")


def _reduced_axes(place: Place) -> tuple[int, ...]:
    """The dimensions over which the op at `place` reduces; none when they or the input are unknown."""
    image, axes = place.input(0), place.numbers(1)
    if image is None or axes is None:
        return ()
    return tuple(positive_axis(axis, len(image.shape)) for axis in axes)


@rule(*_FUSED)
def fused_activation(place: Place) -> Iterator[Reason]:
    """Pooling and concatenation have no activation fused into them."""
    code = int(place.op.option(_FUSED[place.op.name], "b"))
    if code:
        name = _ACTIVATIONS[code] if 0 <= code < len(_ACTIVATIONS) else str(code)
        yield Reason(
            f"{place.op.name} has the activation {name} fused into it",
            "put the activation on the layer ahead of it: max pooling and concatenation give the same after ReLU",
        )


@rule(*_REDUCTIONS)
def reduced_batch(place: Place) -> Iterator[Reason]:
    """Means, sums and extremes are not taken over the batch."""
    image = place.input(0)
    if image is not None and len(image.shape) > 1 and 0 in _reduced_axes(place):
        yield Reason(
            f"{place.op.name} is taken over dimension 0 of {tensor_text(image)}, the batch",
            "reduce over height, width or channels: keras.layers.GlobalAveragePooling2D()",
        )


@rule("MEAN")
def mean_channels(place: Place) -> Iterator[Reason]:
    """A mean over channels is over a multiple of four of them, and needs runtime 13."""
    image = place.input(0)
    if image is None or len(image.shape) < 3 or len(image.shape) - 1 not in _reduced_axes(place):
        return
    if image.shape[-1] % 4:  # the limit of Coral's table, as the runtime below; no observation known
        yield Reason(
            f"MEAN is taken over the {image.shape[-1]} channels of {tensor_text(image)}, no multiple of 4",
            f"use {-(-image.shape[-1] // 4) * 4} channels",
        )
    elif place.runtime < 13:
        yield Reason("MEAN over channels needs Edge TPU runtime 13", "update libedgetpu on the device")


@rule("MEAN")
def mean_size(place: Place) -> Iterator[Reason]:
    """A mean is taken over at most 64x128 values at once."""
    image = place.input(0)
    if image is None:
        return
    axes = _reduced_axes(place)
    over = count_elements(tuple(size for axis, size in enumerate(image.shape) if axis in axes))
    if over > MEAN_MAPPED:
        yield Reason(
            f"MEAN is taken over {over:,} values of {tensor_text(image)}; {MEAN_MAPPED:,} were mapped, "
            "32,768 refused",
            "put AveragePooling2D(4) ahead of GlobalAveragePooling2D, or split the image, take the mean of each part "
            "and average those",
        )


@rule("SOFTMAX")
def softmax_size(place: Place) -> Iterator[Reason]:
    """Softmax is taken over at most 16,384 values."""
    scores = place.input(0)
    if scores is not None and scores.shape and scores.shape[-1] > SOFTMAX_MAPPED:
        yield Reason(
            f"softmax over the last dimension of {tensor_text(scores)} is over more than {SOFTMAX_MAPPED:,} values",
            "end the model with the logits and take the softmax in the program",
        )


RULES = (fused_activation, reduced_batch, mean_channels, mean_size, softmax_size)
