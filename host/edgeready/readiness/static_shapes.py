"""Rules on sizes that are not known when the compiler runs: an open batch and computed shapes."""

from __future__ import annotations

from collections.abc import Iterator

from edgeready.readiness.operands import STRUCTURE, elements, structure
from edgeready.readiness.rule import Place, Reason, rule
from edgeready.readiness.wording import name_text, op_text, shape_text, tensor_text
from edgeready_device.tflite.graph import Graph, Tensor

FIXED_BATCH = (
    "build the model with keras.Input(shape, batch_size=1), copy the weights (set_weights(get_weights())) "
    "and convert that, or use `edgeready convert`, which fixes the batch"
)


def open_inputs(graph: Graph) -> tuple[Tensor, ...]:
    """The model's inputs of which a dimension is open (-1 in `shape_signature`)."""
    return tuple(tensor for tensor in graph.of(graph.inputs) if any(size < 0 for size in tensor.shape_signature))


@rule("SHAPE", fatal=True)
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


@rule(*STRUCTURE, fatal=True)
def computed_shape(place: Place) -> Iterator[Reason]:
    """Shapes, axes, paddings and slices are constants in the file."""
    for tensor in structure(place):
        if tensor.constant or elements(tensor.shape) == 0:
            continue
        maker = place.flow.producer(tensor, place.op)
        if maker is not None and place.flow.computes_shapes(maker) and open_inputs(place.graph):
            continue  # open_batch names the cause
        origin = "is fed by the caller" if maker is None else f"comes from {op_text(place.graph, maker)}"
        yield Reason(
            f"{place.op.name} takes {tensor_text(tensor)}, which {origin}: its result's size is not known beforehand",
            "give the layer a shape that is known when the model is built: a constant, and a fixed batch of 1",
        )
        return


RULES = (open_batch, computed_shape)
