"""Rules on ops that only move values: concatenation, pads, slices, splits, transposes, resizes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgeready.readiness.place import Place, count_elements, name_text, positive_axis, shape_text, tensor_text
from edgeready.readiness.rule import Reason, rule

# [1, 22, 22, 144] to channels first was mapped and [1, 28, 28, 144] refused, both in public compiled
# models. The limit lies between the two and is not known.
TRANSPOSE_MAPPED = 22 * 22 * 144
# No observation known. Only factors 1 and 2 have been seen mapped; 1x1 to 33x33 and 33x33 to 513x513 were refused.
RESIZE_FACTOR = 4
_RESIZES = ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")


@rule("CONCATENATION")
def concatenated_constant(place: Place) -> Iterator[Reason]:
    """A constant is concatenated to one other tensor only, and is all zeros."""
    inputs = place.data_inputs()
    for constant in (tensor for tensor in inputs if tensor.constant):
        zero = constant.zero_points[0] if constant.zero_points else 0
        if len(inputs) == 2 and bool(np.all(constant.values() == zero)):
            continue
        yield Reason(
            f"the constant {tensor_text(constant)} is one of {len(inputs)} inputs, or not all zeros",
            "add channels with a convolution, or concatenate one constant of zeros",
        )
        return


@rule("PAD")
def padded_batch(place: Place) -> Iterator[Reason]:
    """The batch is not padded."""
    image, paddings = place.input(0), place.numbers(1)
    if image is not None and paddings is not None and len(image.shape) > 1 and any(paddings[:2]):
        yield Reason(
            f"PAD adds {paddings[0]} and {sum(paddings[1:2])} to dimension 0 of {tensor_text(image)}, the batch",
            "pad height and width: keras.layers.ZeroPadding2D()",
        )


@rule("PACK")
def packed_batch(place: Place) -> Iterator[Reason]:
    """Tensors are not stacked along the batch."""
    for tensor in place.outputs[:1]:
        if positive_axis(int(place.op.option(1, "i")), len(tensor.shape)) == 0:
            yield Reason(
                f"PACK stacks into dimension 0 of {tensor_text(tensor)}, the batch",
                "stack along another axis: keras.ops.stack(tensors, axis=-1)",
            )


@rule("SPLIT")
def split_batch(place: Place) -> Iterator[Reason]:
    """Tensors are not split along their outermost dimension, the batch."""
    axes, image = place.numbers(0), place.input(1)
    if axes and image is not None and len(image.shape) > 1 and positive_axis(axes[0], len(image.shape)) == 0:
        yield Reason(
            f"SPLIT cuts dimension 0 of {tensor_text(image)}, which counts as the batch",
            "keep a batch of 1 in front and split another axis: keras.ops.split(x, n, axis=-1)",
        )


@rule("STRIDED_SLICE")
def slice_strides(place: Place) -> Iterator[Reason]:
    """A slice takes every element (strides of 1) and has no ellipsis and no new axis."""
    image, strides = place.input(0), place.numbers(3) or ()
    source = "" if image is None else f" of {tensor_text(image)}"
    if any(stride != 1 for stride in strides):
        yield Reason(
            f"the slice{source} has the strides {shape_text(strides)}",
            "slice x[:, a:b, c:d, :], and leave out elements with MaxPooling2D(1, strides=2)",
        )
    elif place.op.option(2, "i") or place.op.option(3, "i"):
        yield Reason(
            f"the slice{source} has an ellipsis or a new axis",
            "write every axis out: x[:, a:b, c:d, :], and use keras.ops.expand_dims",
        )


@rule("TILE")
def tile_broadcast(place: Place) -> Iterator[Reason]:
    """Only dimensions of size one are repeated."""
    image, multiples = place.input(0), place.numbers(1)
    if image is None or multiples is None:
        return
    if any(size > 1 and times != 1 for size, times in zip(image.shape, multiples, strict=False)):
        yield Reason(
            f"TILE repeats {tensor_text(image)} {shape_text(multiples)} times",
            "to enlarge an image use UpSampling2D(interpolation='bilinear')",
        )


@rule("TRANSPOSE")
def transpose_size(place: Place) -> Iterator[Reason]:
    """A transposed tensor has at most 22x22x144 elements."""
    image = place.input(0)
    if image is not None and (count := count_elements(image.shape)) > TRANSPOSE_MAPPED:
        yield Reason(
            f"TRANSPOSE of {tensor_text(image)} moves {count:,} elements; {TRANSPOSE_MAPPED:,} were mapped, "
            "112,896 refused",
            "keep the image channels-last (NHWC) throughout: a model that comes by ONNX or PyTorch needs a converter "
            "that does this",
        )


@rule(*_RESIZES)
def resize_factor(place: Place) -> Iterator[Reason]:
    """An image is enlarged at most four times."""
    image = place.input(0)
    for result in place.outputs[:1]:
        if image is None or len(image.shape) != 4 or len(result.shape) != 4:
            return
        if any(result.shape[axis] > RESIZE_FACTOR * image.shape[axis] for axis in (1, 2)):
            yield Reason(
                f"{place.op.name} enlarges {shape_text(image.shape)} to {shape_text(result.shape)} "
                f"({name_text(result.name)}), more than {RESIZE_FACTOR} times",
                "enlarge in steps of 2: UpSampling2D(2, interpolation='bilinear'), each followed by a Conv2D",
            )


RULES = (
    concatenated_constant,
    padded_batch,
    packed_batch,
    split_batch,
    slice_strides,
    tile_broadcast,
    transpose_size,
    resize_factor,
)
