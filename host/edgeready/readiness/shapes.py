"""Rules on the shape of activations, charged to the op at which a bad shape enters the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from edgeready.readiness.operands import activations
from edgeready.readiness.rule import Place, Reason, rule
from edgeready.readiness.static_shapes import FIXED_BATCH
from edgeready.readiness.wording import tensor_text
from edgeready_device.tflite.graph import Tensor


def entering(place: Place, bad: Callable[[Tensor], bool]) -> Tensor | None:
    """The tensor by which what is `bad` enters here: fed to the op by the caller, or made by it out of good ones."""
    inputs = [tensor for tensor in activations(place) if bad(tensor)]
    fed = [tensor for tensor in inputs if place.flow.producer(tensor, place.op) is None]
    if inputs:
        return fed[0] if fed else None
    return next((tensor for tensor in place.outputs if bad(tensor)), None)


@rule()
def rank(place: Place) -> Iterator[Reason]:
    """Only the three innermost dimensions of a tensor may be larger than one."""
    tensor = entering(place, lambda tensor: any(size > 1 for size in tensor.shape[:-3]))
    if tensor is None:
        return
    if len(tensor.shape) == 4:
        yield Reason(f"{tensor_text(tensor)} has a batch of {tensor.shape[0]}, not 1", FIXED_BATCH)
    else:
        yield Reason(
            f"{tensor_text(tensor)} has {len(tensor.shape)} dimensions, those outside the last three not all 1",
            "keep to four dimensions with a batch of 1 (no TimeDistributed, Conv3D or 5-D Reshape); to enlarge an "
            "image use Conv2DTranspose or UpSampling2D(interpolation='bilinear')",
        )


@rule()
def empty_tensor(place: Place) -> Iterator[Reason]:
    """No dimension of a tensor is zero."""
    tensor = entering(place, lambda tensor: 0 in tensor.shape)
    if tensor is not None:
        yield Reason(f"{tensor_text(tensor)} has no elements", "build the model for inputs of a real size")


RULES = (rank, empty_tensor)
