"""Rules of the ops that look values up, scatter them, or make tensors of a shape that a constant says."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgeready_device.tflite.graph import Tensor
from edgeready_device.tflite.structure.node import (
    MOST_DIMENSIONS,
    NO_KERNEL,
    TOO_LARGE,
    Fault,
    Node,
    axis_of,
    check_outputs,
)
from edgeready_device.tflite.structure.tensors import MOST_BYTES, bits_of

_LARGEST_STEP = 1 << 20  # as of a two-dimensional window


def check_fill(node: Node) -> None:
    """Whether FILL's dimensions, where they are constant, are those of its output."""
    _check_dims(node, node.integers(0))


def check_random(node: Node) -> None:
    """Whether the shape of random numbers, where it is constant, is that of the output."""
    _check_dims(node, node.integers(0))


def _check_dims(node: Node, dims: Sequence[int] | None) -> None:
    if dims is None:
        return
    if len(dims) > MOST_DIMENSIONS or min(dims, default=0) < 0:
        raise Fault(f"makes a tensor of {list(dims[:9])}")
    size = math.prod(dims) * (bits_of(node.outputs[0].dtype) or 0) // 8
    if size > MOST_BYTES:
        raise Fault(f"makes {list(dims)}, which takes {size} bytes, more than {MOST_BYTES}", TOO_LARGE)
    check_outputs(node, dims)


def check_multinomial(node: Node) -> None:
    """Whether so many numbers for each row are the output of MULTINOMIAL."""
    shape, count = node.input_at(0).shape, node.integers(1)
    if len(shape) != 2 or (count is not None and len(count) != 1):
        raise Fault(f"draws {count} numbers for {list(shape)}")
    if count is not None and node.static:
        _check_dims(node, (shape[0], count[0]))


def check_unique(node: Node) -> None:
    """Whether the values keep their type, and their places are whole numbers."""
    source, (values, places) = node.input_at(0), node.outputs
    if values.dtype != source.dtype or places.dtype not in ("int32", "int64"):
        raise Fault(f"makes {values.dtype} and {places.dtype} from {source.dtype}")


def check_cast(node: Node) -> None:
    """Whether numbers become numbers, in the same shape."""
    for tensor in (node.input_at(0), *node.outputs):
        if bits_of(tensor.dtype) is None:
            raise Fault(f"makes {node.outputs[0].dtype} from {node.input_at(0).dtype}", NO_KERNEL)
    check_outputs(node, node.input_at(0).shape)


def check_broadcast_args(node: Node) -> None:
    """Whether two constant shapes broadcast to one."""
    left, right = node.integers(0), node.integers(1)
    if left is None or right is None:
        return
    pairs = zip(reversed(left), reversed(right))
    if any(a != b and 1 not in (a, b) for a, b in pairs) or min((*left, *right), default=1) < 0:
        raise Fault(f"joins the shapes {left[:9]} and {right[:9]}")


def check_range(node: Node) -> None:
    """Whether whole numbers from a start to an end have a step that leads there."""
    numbers = [node.integers(place) for place in range(3)]
    if any(values is None for values in numbers):
        return
    if any(values is not None and len(values) != 1 for values in numbers):
        raise Fault("takes one start, one end and one step")
    start, end, step = (values[0] for values in numbers if values)
    if step == 0 or (end - start) * step < 0:
        raise Fault(f"counts from {start} to {end} in steps of {step}")
    count = -(-(end - start) // step)
    if count * (bits_of(node.outputs[0].dtype) or 0) // 8 > MOST_BYTES:
        raise Fault(f"counts from {start} to {end} in steps of {step}, {count} numbers", TOO_LARGE)


def check_axes(node: Node) -> None:
    """Whether each axis in the constant input 1 exists, and the output has the shape of the input."""
    shape = node.input_at(0).shape
    for axis in node.integers(1) or ():
        axis_of(axis, len(shape))
    check_outputs(node, shape)


def check_top(node: Node) -> None:
    """Whether TOPK_V2 takes no more values than there are."""
    shape, count = node.input_at(0).shape, node.integers(1)
    if not shape or (count is not None and len(count) != 1):
        raise Fault(f"takes {count} values of {list(shape)}")
    if count is not None and node.sized and not 0 <= count[0] <= shape[-1]:
        raise Fault(f"takes {count[0]} values of {shape[-1]}")


def check_one_hot(node: Node) -> None:
    """Whether the new axis fits, and the depth is no less than 0."""
    shape, depth, axis = node.input_at(0).shape, node.integers(1), int(node.op.option(0, "i"))
    if not -1 <= axis <= len(shape):
        raise Fault(f"has the axis {axis}, and there are {len(shape)} dimensions")
    if depth is not None:
        if len(depth) != 1 or depth[0] < 0:
            raise Fault(f"has the depth {depth[:9]}")
        place = len(shape) if axis == -1 else axis
        _check_dims(node, (*shape[:place], depth[0], *shape[place:]))


def check_select(node: Node) -> None:
    """Whether a bool chooses between two tensors of one type."""
    choice, first, second = (node.input_at(place) for place in range(3))
    if choice.dtype != "bool" or first.dtype != second.dtype:
        raise Fault(f"chooses between {first.dtype} and {second.dtype} by {choice.dtype}")


def _check_places(node: Node, position: int, shape: Sequence[int]) -> None:
    """Whether the rows of the constant input at `position` are places in `shape`."""
    places = node.optional_input(position)
    values = node.integers(position)
    if places is None or values is None:
        return
    width = places.shape[-1] if places.shape else 1
    if width > len(shape):
        raise Fault(f"has places of {width} numbers for {len(shape)} dimensions")
    for axis in range(width):
        column = values[axis::width]
        if column and not 0 <= min(column) <= max(column) < shape[axis]:
            raise Fault(f"names the places {min(column)} to {max(column)} of {shape[axis]} in dimension {axis}")


def check_gather_nd(node: Node) -> None:
    """Whether constant places lie in the tensor that they index."""
    if node.sized:
        _check_places(node, 1, node.input_at(0).shape)


def check_scatter_nd(node: Node) -> None:
    """Whether constant places lie in the shape that the values are scattered to."""
    shape = node.integers(2)
    if shape is not None:
        _check_dims(node, shape)
        _check_places(node, 0, shape)


def check_sparse_to_dense(node: Node) -> None:
    """Whether constant places lie in the shape that the values are put into, and each has a value."""
    places, values, shape = node.input_at(0), node.input_at(2), node.integers(1)
    if len(places.shape) > 2 or len(values.shape) > 1:
        raise Fault(f"has the places {list(places.shape)} and the values {list(values.shape)}")
    count = places.shape[0] if places.shape else 1
    if values.shape and node.static and values.shape[0] != count:
        raise Fault(f"has {values.shape[0]} values for {count} places")
    if shape is not None:
        _check_dims(node, shape)
        if len(places.shape) == 2 or len(shape) == 1:
            _check_rows(node, places, shape)


def _check_rows(node: Node, places: Tensor, shape: Sequence[int]) -> None:
    width = places.shape[1] if len(places.shape) == 2 else 1
    if width != len(shape):
        raise Fault(f"has places of {width} numbers for {len(shape)} dimensions")
    values = node.integers(0) or []
    for axis in range(width):
        column = values[axis::width]
        if column and not 0 <= min(column) <= max(column) < shape[axis]:
            raise Fault(f"names the places {min(column)} to {max(column)} of {shape[axis]} in dimension {axis}")


def check_segments(node: Node) -> None:
    """Whether SEGMENT_SUM has one segment for each row, in rising order."""
    shape, segments = node.input_at(0).shape, node.input_at(1)
    if not shape or len(segments.shape) != 1 or (node.static and segments.shape[0] != shape[0]):
        raise Fault(f"has the segments {list(segments.shape)} for {list(shape)}")
    values = node.integers(1) or []
    if values and (values[0] < 0 or values != sorted(values)):
        raise Fault(f"has the segments {values[:20]}, which do not rise")


def check_unsorted_segments(node: Node) -> None:
    """Whether the segments have the first dimensions of the values, and lie below their number."""
    shape, segments, count = node.input_at(0).shape, node.input_at(1), node.integers(2)
    if len(segments.shape) > len(shape) or (node.static and shape[: len(segments.shape)] != segments.shape):
        raise Fault(f"has the segments {list(segments.shape)} for {list(shape)}")
    if count is not None and (len(count) != 1 or count[0] < 0):
        raise Fault(f"has {count[:9]} segments")
    if count is not None and max(node.integers(1) or [-1]) >= count[0]:
        raise Fault(f"names segment {max(node.integers(1) or [-1])} of {count[0]}")


def check_reverse_sequence(node: Node) -> None:
    """Whether there is a length for each row of the batch, which its sequence has."""
    shape, lengths = node.input_at(0).shape, node.input_at(1)
    sequence, batch = int(node.op.option(0, "i")), int(node.op.option(1, "i"))
    if not 0 <= sequence < len(shape) or not 0 <= batch < len(shape) or sequence == batch:
        raise Fault(f"has the sequence in dimension {sequence} and the batch in {batch} of {list(shape)}")
    if len(lengths.shape) != 1 or (node.static and lengths.shape[0] != shape[batch]):
        raise Fault(f"has the lengths {list(lengths.shape)} for a batch of {shape[batch]}")
    values = node.integers(1) or []
    if values and node.sized and not 0 <= min(values) <= max(values) <= shape[sequence]:
        raise Fault(f"has lengths of {min(values)} to {max(values)} in {shape[sequence]}")
    check_outputs(node, shape)


def check_diagonal(node: Node) -> None:
    """Whether MATRIX_DIAG makes a square of each row."""
    shape = node.input_at(0).shape
    if not shape:
        raise Fault("makes a matrix of one number")
    check_outputs(node, (*shape, shape[-1]))


def check_set_diagonal(node: Node) -> None:
    """Whether MATRIX_SET_DIAG gets the diagonal of the matrix that it is put into."""
    shape, diagonal = node.input_at(0).shape, node.input_at(1).shape
    if len(shape) < 2 or (node.static and diagonal != (*shape[:-2], min(shape[-2:]))):
        raise Fault(f"puts the diagonal {list(diagonal)} into {list(shape)}")
    check_outputs(node, shape)


def check_lookup(node: Node) -> None:
    """Whether EMBEDDING_LOOKUP finds each row that a constant names."""
    places, table = node.input_at(0), node.input_at(1)
    if len(places.shape) != 1 or len(table.shape) < 2 or places.dtype != "int32":
        raise Fault(f"looks {places.dtype} {list(places.shape)} up in {list(table.shape)}")
    values = node.integers(0) or []
    if values and node.sized and not 0 <= min(values) <= max(values) < table.shape[0]:
        raise Fault(f"looks the rows {min(values)} to {max(values)} up, and there are {table.shape[0]}")


def check_sparse_lookup(node: Node) -> None:
    """Whether each row that EMBEDDING_LOOKUP_SPARSE names exists, with a weight and a place."""
    places, indices, shape, weights, table = (node.input_at(place) for place in range(5))
    ranks = tuple(len(tensor.shape) for tensor in (places, indices, shape, weights))
    counts = {tensor.shape[0] for tensor in (places, indices, weights) if tensor.shape}
    if ranks != (1, 2, 1, 1) or len(table.shape) < 2 or (node.static and len(counts) > 1):
        raise Fault(f"looks {list(places.shape)} up at {list(indices.shape)} in {list(table.shape)}")
    values = node.integers(0) or []
    if values and node.sized and not 0 <= min(values) <= max(values) < table.shape[0]:
        raise Fault(f"looks the rows {min(values)} to {max(values)} up, and there are {table.shape[0]}")
    dims = node.integers(2)
    if dims is not None:
        _check_places(node, 1, dims)


def check_hashtable_lookup(node: Node) -> None:
    """Whether HASHTABLE_LOOKUP has a key for each row of its table."""
    lookup, keys, table = (node.input_at(place) for place in range(3))
    if len(lookup.shape) != 1 or len(keys.shape) != 1 or not table.shape or lookup.dtype != "int32":
        raise Fault(f"looks {lookup.dtype} {list(lookup.shape)} up in {list(keys.shape)}")
    if keys.dtype != "int32" or (node.static and keys.shape[0] != table.shape[0]):
        raise Fault(f"has {keys.dtype} {list(keys.shape)} keys for {list(table.shape)}")


def check_update(node: Node) -> None:
    """Whether DYNAMIC_UPDATE_SLICE puts a part into a tensor that is as large."""
    shape, part, begin = (node.input_at(place).shape for place in range(3))
    fits = len(part) == len(shape) and all(size <= whole for size, whole in zip(part, shape))
    if not fits or begin != (len(shape),):
        raise Fault(f"puts {list(part)} into {list(shape)} from {list(begin)} on")
    check_outputs(node, shape)


def check_same_inputs(node: Node) -> None:
    """Whether all inputs have one shape, which the output has."""
    shape = node.input_at(0).shape
    if node.static and any(tensor is None or tensor.shape != shape for tensor in node.inputs):
        raise Fault(f"takes shapes that differ from {list(shape)}")
    check_outputs(node, shape)


def check_solid(node: Node) -> None:
    """Whether weights, strides and channels of CONV_3D or CONV_3D_TRANSPOSE fit the volume."""
    back = node.op.name == "CONV_3D_TRANSPOSE"
    weights, volume, bias = node.input_at(1), node.input_at(2 if back else 0), node.optional_input(3 if back else 2)
    if len(weights.shape) != 5 or len(volume.shape) != 5 or not weights.elements:
        raise Fault(f"has weights of {list(weights.shape)} for {list(volume.shape)}, and takes 5 dimensions")
    depth, units = (weights.shape[4], weights.shape[3]) if back else (weights.shape[3], weights.shape[4])
    if node.sized and depth != volume.shape[4]:
        raise Fault(f"has weights of {list(weights.shape)} for {volume.shape[4]} channels")
    if bias is not None and bias.elements != units:
        raise Fault(f"has a bias of {bias.elements} for {units} channels")
    for field in (1, 2, 3, 5, 6, 7):  # strides, then dilations
        if not 1 <= node.op.option(field, "i", 1 if field > 3 else 0) <= _LARGEST_STEP:
            raise Fault(f"has the stride or dilation {node.op.option(field, 'i')}")
