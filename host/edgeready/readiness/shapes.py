"""Rules on shapes: sizes that are not known when the compiler runs, and activations of a wrong shape.

A bad shape is charged to the op at which it enters the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from edgeready.readiness.evidence import FILE, UNDATED, V16, Evidence, Observation, report_number
from edgeready.readiness.place import STRUCTURE, Place, count_elements, name_text, op_text, shape_text, tensor_text
from edgeready.readiness.rule import Reason, rule
from edgeready_device.tflite.graph import Graph, Tensor

FIXED_BATCH = (
    "build the model with keras.Input(shape, batch_size=1), copy the weights (set_weights(get_weights())) "
    "and convert that, or use `edgeready convert`, which fixes the batch"
)

_ONE_IMAGE = "keep a batch of 1 inside the model: reshape, stack and pad the other dimensions only"


def open_inputs(graph: Graph) -> tuple[Tensor, ...]:
    """The model's inputs that have an open dimension (-1 in `shape_signature`)."""
    return tuple(tensor for tensor in graph.of(graph.inputs) if any(size < 0 for size in tensor.shape_signature))


_DYNAMIC = Observation(
    what="a graph with tensors of dynamic size: the compilation fails",
    compiler=V16,
    source=report_number(829, 831),
)


@rule("SHAPE", effect="stops", evidence=Evidence(refused=_DYNAMIC))
def open_batch(place: Place) -> Iterator[Reason]:
    """The batch is fixed, so that no layer computes shapes at run time."""
    for tensor in open_inputs(place.graph)[:1]:
        open_axes = [axis for axis, size in enumerate(tensor.shape_signature) if size < 0]
        what = "batch" if open_axes == [0] else "size"
        yield Reason(
            f"the {what} of input {name_text(tensor.name)} is open (shape_signature "
            f"{shape_text(tensor.shape_signature)}), so the file computes shapes at run time on int32 tensors "
            "(SHAPE, STRIDED_SLICE, PACK ahead of RESHAPE)",
            FIXED_BATCH,
        )


@rule(
    *STRUCTURE,
    effect="stops",
    evidence=Evidence(refused=_DYNAMIC, documented="tensor sizes are constant at compile time"),
)
def computed_shape(place: Place) -> Iterator[Reason]:
    """Shapes, axes, paddings and slices are constants in the file."""
    for tensor in place.structure():
        if tensor.constant or count_elements(tensor.shape) == 0:
            continue
        producer = place.flow.producer(tensor, place.op)
        if producer is not None and place.flow.computes_shapes(producer) and open_inputs(place.graph):
            continue  # open_batch names the cause
        origin = "is fed by the caller" if producer is None else f"comes from {op_text(place.graph, producer)}"
        yield Reason(
            f"{place.op.name} takes {tensor_text(tensor)}, which {origin}: its result's size is not known beforehand",
            "give the layer a shape that is known when the model is built: a constant, and a fixed batch of 1",
        )
        return


def _entering_tensor(place: Place, bad: Callable[[Tensor], bool]) -> Tensor | None:
    """The tensor at which a `bad` shape enters: the caller feeds it to the op, or the op makes it from good ones."""
    inputs = [tensor for tensor in place.activations() if bad(tensor)]
    fed = [tensor for tensor in inputs if place.flow.producer(tensor, place.op) is None]
    if inputs:
        return fed[0] if fed else None
    return next((tensor for tensor in place.outputs if bad(tensor)), None)


@rule(
    evidence=Evidence(
        mapped=Observation(
            what="9,270 ops, none with a size above 1 outside the last three dimensions",
            compiler=UNDATED,
            source=FILE,
        ),
        refused=Observation(what="a batch above 1", compiler=V16, source=report_number(700)),
    )
)
def rank(place: Place) -> Iterator[Reason]:
    """Only the three innermost dimensions of a tensor may be larger than one."""
    tensor = _entering_tensor(place, lambda tensor: any(size > 1 for size in tensor.shape[:-3]))
    if tensor is None:
        return
    if len(tensor.shape) == 4:
        yield Reason(
            f"{tensor_text(tensor)} has a batch of {tensor.shape[0]}, not 1",
            FIXED_BATCH if tensor.index in place.graph.inputs else _ONE_IMAGE,
        )
    else:
        yield Reason(
            f"{tensor_text(tensor)} has {len(tensor.shape)} dimensions, those outside the last three not all 1",
            "keep to four dimensions with a batch of 1 (no TimeDistributed, Conv3D or 5-D Reshape); to enlarge an "
            "image use Conv2DTranspose or UpSampling2D(interpolation='bilinear')",
        )


@rule(evidence=Evidence(), effect="notes")
def empty_tensor(place: Place) -> Iterator[Reason]:
    """No dimension of a tensor is zero."""
    tensor = _entering_tensor(place, lambda tensor: 0 in tensor.shape)
    if tensor is not None:
        yield Reason(
            f"{tensor_text(tensor)} has no elements, and no compiled file with such a tensor is known",
            "try inputs without a zero in their shape",
        )


STATIC_RULES = (open_batch, computed_shape)
RULES = (rank, empty_tensor)
