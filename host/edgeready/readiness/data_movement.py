"""Rules on the form of ops that only move values: concatenation, pads, slices, splits, tiles."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgeready.readiness.evidence import FILE, UNDATED, V16, Evidence, Observation, report_number
from edgeready.readiness.place import Place, positive_axis, shape_text, tensor_text
from edgeready.readiness.rule import Reason, rule


@rule(
    "CONCATENATION",
    evidence=Evidence(
        refused=Observation(what="coordinates as constant channels", compiler=UNDATED, source=FILE),
        documented="a constant is one of two inputs and all zeros",
    ),
)
def concatenated_constant(place: Place) -> Iterator[Reason]:
    """A constant is concatenated to one other tensor only, and is all zeros."""
    inputs = place.data_inputs()
    for constant in (tensor for tensor in inputs if tensor.constant):
        zero = constant.zero_points[0] if constant.zero_points else 0
        if len(inputs) == 2 and bool(np.all(constant.values() == zero)):
            continue
        yield Reason(
            f"the constant {tensor_text(constant)} is one of {len(inputs)} inputs, or not all zeros",
            "concatenate zeros and add the constant to them (tf.concat([x, zeros], -1) + constant), or add channels "
            "with a convolution",
        )
        return


@rule("PAD", effect="doubts", evidence=Evidence(documented="no padding in the batch dimension"))
def padded_batch(place: Place) -> Iterator[Reason]:
    """The batch is not padded."""
    image, paddings = place.input(0), place.numbers(1)
    if image is not None and paddings is not None and len(image.shape) > 1 and any(paddings[:2]):
        yield Reason(
            f"PAD adds {paddings[0]} and {sum(paddings[1:2])} to dimension 0 of {tensor_text(image)}, the batch",
            "pad height and width: keras.layers.ZeroPadding2D()",
        )


@rule("PACK", effect="doubts", evidence=Evidence(documented="no packing in the batch dimension"))
def packed_batch(place: Place) -> Iterator[Reason]:
    """Tensors are not stacked along the batch."""
    for tensor in place.outputs[:1]:
        if positive_axis(int(place.op.option(1, "i")), len(tensor.shape)) == 0:
            yield Reason(
                f"PACK stacks into dimension 0 of {tensor_text(tensor)}, the batch",
                "stack along another axis: keras.ops.stack(tensors, axis=-1)",
            )


@rule(
    "SPLIT",
    evidence=Evidence(
        mapped=Observation(what="a SPLIT into one piece, along dimension 0", compiler=UNDATED, source=FILE),
        refused=Observation(what="[4, 49, 32] in pieces along dimension 0", compiler=V16, source=FILE),
    ),
)
def split_batch(place: Place) -> Iterator[Reason]:
    """Tensors are not cut in pieces along their outermost dimension, the batch."""
    axes, image = place.numbers(0), place.input(1)
    if len(place.outputs) == 1:
        return  # one piece is the whole tensor
    if axes and image is not None and len(image.shape) > 1 and positive_axis(axes[0], len(image.shape)) == 0:
        yield Reason(
            f"SPLIT cuts dimension 0 of {tensor_text(image)}, which counts as the batch",
            "keep a batch of 1 in front and split another axis: keras.ops.split(x, n, axis=-1)",
        )


@rule(
    "STRIDED_SLICE",
    evidence=Evidence(
        mapped=Observation(what="26 slices, all with strides of 1", compiler=UNDATED, source=FILE),
        refused=Observation(what="a stride of 2", compiler=UNDATED, source=report_number(828)),
        documented="ellipsis and new-axis masks are 0",
    ),
)
def slice_strides(place: Place) -> Iterator[Reason]:
    """A slice takes every element (strides of 1) and has no ellipsis and no new axis."""
    image, strides = place.input(0), place.numbers(3) or ()
    source = "" if image is None else f" of {tensor_text(image)}"
    if any(stride != 1 for stride in strides):
        yield Reason(
            f"the slice{source} has the strides {shape_text(strides)}",
            _instead_of_strides(strides),
        )
    elif place.op.option(2, "i") or place.op.option(3, "i"):
        yield Reason(
            f"the slice{source} has an ellipsis or a new axis",
            "try every axis written out: x[:, a:b, c:d, :], and keras.ops.expand_dims",
            uncertain=True,
        )


def _instead_of_strides(strides: tuple[int, ...]) -> str:
    if any(stride < 1 for stride in strides):
        return "try to turn the image round in the program, or the layer's weights"
    return f"slice x[:, a:b, c:d, :], and leave out elements with MaxPooling2D(1, strides={max(strides)})"


@rule(
    "TILE",
    effect="doubts",
    evidence=Evidence(mapped=Observation(what="[1, 1, 1, 128] to [1, 33, 33, 128]", compiler=UNDATED, source=FILE)),
)
def tile_broadcast(place: Place) -> Iterator[Reason]:
    """Only dimensions of size one are repeated."""
    image, multiples = place.input(0), place.numbers(1)
    if image is None or multiples is None:
        return
    if any(size > 1 and times != 1 for size, times in zip(image.shape, multiples, strict=False)):
        yield Reason(
            f"TILE repeats {tensor_text(image)} {shape_text(multiples)} times; only dimensions of size 1 were seen "
            "repeated, no refusal is known",
            "to enlarge an image try UpSampling2D(interpolation='bilinear')",
        )


RULES = (
    concatenated_constant,
    padded_batch,
    packed_batch,
    split_batch,
    slice_strides,
    tile_broadcast,
)
