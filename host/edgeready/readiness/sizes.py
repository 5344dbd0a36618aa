"""Rules on the size of ops that move values, and of a detector's boxes and scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgeready.readiness.evidence import FILE, LOG, UNDATED, V15, V16, Evidence, Observation, report_number
from edgeready.readiness.place import Place, count_elements, name_text, shape_text, tensor_text
from edgeready.readiness.rule import Reason, rule
from edgeready_device.tflite.graph import Tensor

_TRANSPOSE = Evidence(
    mapped=Observation(what="[1, 22, 22, 144], 69,696 elements,", compiler=UNDATED, source=FILE, size=22 * 22 * 144),
    refused=Observation(what="[1, 28, 28, 144], 112,896,", compiler=UNDATED, source=FILE, size=28 * 28 * 144),
)
# Reports on compilers 15.0 and 16.0 agree that the size of the result decides, and leave two readings: a limit
# between 2.1 and 3.1 million elements, or one between 128 and 256 pixels. A result is taken as mapped where both
# allow it, as refused where both forbid it. [1, 128, 128, 64] to [1, 256, 256, 64], 4.2 million, was refused by 14.1.
_RESIZE = Evidence(
    mapped=Observation(
        what="a result of 2.1 million elements or 128 pixels",
        compiler="15.0 and 16.0",
        source=report_number(187, 597),
        size=2_100_000,
    ),
    refused=Observation(
        what="one of 3.1 million or 256 pixels",
        compiler="15.0 and 16.0",
        source=report_number(187, 597),
        size=3_100_000,
    ),
)
_RESIZE_PIXELS = (128, 256)
# 33x33 to 33x33 and enlargements by 2 are the only ones that were seen mapped; 1x1 to 33x33, of 278,784 elements, was
# refused in eight public compiled models of one kind.
_FACTOR = Evidence(
    mapped=Observation(what="enlarging by 2", compiler=UNDATED, source=FILE, size=2),
    refused=Observation(what="enlarging 1x1 to 33x33", compiler=UNDATED, source=FILE, size=33),
)
_MAPPED_FACTORS = (1, 2)
_ENLARGE = "enlarge by 2: UpSampling2D(2, interpolation='bilinear'), where the result stays small"
_SHRINK = "shrink by 2 with AveragePooling2D(2)"
_ONE_PIXEL = "add or multiply the one pixel as it is: ADD and MUL broadcast [1, 1, 1, c]"
# A YOLOv5s compiles at 384 and at 512 pixels and not at 352: there is no clean limit, only sizes that are on record.
_CONCATENATION = Evidence(
    mapped=Observation(what="a result of [1, 896, 16], 14,336 elements,", compiler=V15, source=FILE, size=896 * 16),
    refused=Observation(what="one of a large detector, of unrecorded size,", compiler=V16, source=LOG),
)
_LOGISTIC = Evidence(
    mapped=Observation(what="a result of [1, 1917, 2], 3,834 elements,", compiler="2.1", source=FILE, size=1917 * 2),
    refused=Observation(
        what="one of an EfficientDet-Lite0, of unrecorded size,", compiler=V16, source=report_number(490)
    ),
)
_RESHAPE = Evidence(
    mapped=Observation(what="a result of [1, 512, 16], 8,192 elements,", compiler=V15, source=FILE, size=512 * 16),
    refused=Observation(what="one of a large detector, of unrecorded size,", compiler=V16, source=LOG),
)
_BOXES_RANK = 3  # a detector's boxes and scores are [batch, boxes, values]; images, of rank 4, were mapped far larger
_RESIZES = ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")


@rule("TRANSPOSE", evidence=_TRANSPOSE)
def transpose_size(place: Place) -> Iterator[Reason]:
    """A transposed tensor has less than 28x28x144 elements."""
    image = place.input(0)
    count = 0 if image is None else count_elements(image.shape)
    if image is not None and (outlook := _TRANSPOSE.judge(count)) != "mapped":
        yield Reason(
            f"TRANSPOSE of {tensor_text(image)} moves {count:,} elements; {_TRANSPOSE.limits_text()}",
            "keep the image channels-last (NHWC) throughout: a model that comes by ONNX or PyTorch needs a converter "
            "that does this",
            uncertain=outlook == "uncertain",
        )


@rule(*_RESIZES, evidence=_RESIZE)
def resize_size(place: Place) -> Iterator[Reason]:
    """The result of a resize has less than 3.1 million elements, or less than 256 pixels in height and width."""
    for result in place.outputs[:1]:
        if len(result.shape) != 4:
            return
        count, side = count_elements(result.shape), max(result.shape[1:3])
        by_elements = _RESIZE.judge(count)
        mapped_pixels, refused_pixels = _RESIZE_PIXELS
        if by_elements == "mapped" and side <= mapped_pixels:
            return
        yield Reason(
            f"{place.op.name} makes {tensor_text(result)} of {count:,} elements; {_RESIZE.limits_text()}",
            "take a smaller image or fewer channels, or end the model ahead of it and resize in the program",
            uncertain=not (by_elements == "refused" and side >= refused_pixels),
        )


@rule(*_RESIZES, evidence=_FACTOR)
def resize_factor(place: Place) -> Iterator[Reason]:
    """An image keeps its size or is enlarged by 2; by 33 it is refused."""
    image = place.input(0)
    for result in place.outputs[:1]:
        if image is None or len(image.shape) != 4 or len(result.shape) != 4 or 0 in image.shape:
            return
        factors = [result.shape[axis] / image.shape[axis] for axis in (1, 2)]
        if all(factor in _MAPPED_FACTORS for factor in factors):
            return
        yield Reason(
            f"{place.op.name} takes {shape_text(image.shape)} to {shape_text(result.shape)} "
            f"({name_text(result.name)}); {_FACTOR.limits_text()}",
            _resize_remedy(image, factors),
            uncertain=_FACTOR.judge(int(max(factors))) != "refused",
        )


def _resize_remedy(image: Tensor, factors: Sequence[float]) -> str:
    if image.shape[1:3] == (1, 1):
        return _ONE_PIXEL
    return _SHRINK if max(factors) < 1 else _ENLARGE


@rule("CONCATENATION", effect="doubts", evidence=_CONCATENATION)
def concatenation_size(place: Place) -> Iterator[Reason]:
    """Concatenated boxes and scores of a detector are no larger than those seen mapped."""
    yield from _large_boxes(place, _CONCATENATION)


@rule("LOGISTIC", effect="doubts", evidence=_LOGISTIC)
def logistic_size(place: Place) -> Iterator[Reason]:
    """The sigmoid of a detector's scores is taken over no more than was seen mapped."""
    yield from _large_boxes(place, _LOGISTIC)


@rule("RESHAPE", effect="doubts", evidence=_RESHAPE)
def reshape_size(place: Place) -> Iterator[Reason]:
    """Reshaped boxes and scores of a detector are no larger than those seen mapped."""
    yield from _large_boxes(place, _RESHAPE)


def _large_boxes(place: Place, evidence: Evidence) -> Iterator[Reason]:
    for result in place.outputs[:1]:
        count = count_elements(result.shape)
        if len(result.shape) == _BOXES_RANK and evidence.judge(count) != "mapped":
            yield Reason(
                f"{place.op.name} makes {tensor_text(result)} of {count:,} elements; {evidence.limits_text()}",
                "where the compiler refuses it, try a smaller input, or end the model ahead of it",
            )


RULES = (
    transpose_size,
    resize_size,
    resize_factor,
    concatenation_size,
    logistic_size,
    reshape_size,
)
