"""Rules of the ops that rearrange values, take a part of them or add some: shapes and numbers."""

from __future__ import annotations

import math

from edgeready_device.tflite.structure.node import MOST_DIMENSIONS, Fault, Node, axis_of, check_outputs

_LARGEST_BLOCK = 1 << 15  # chosen: its square fits the 32 bits that the kernels compute it in


def check_reshape(node: Node) -> None:
    """Whether the output has as many values as the input, and a constant shape no more dimensions than runtimes."""
    shape = node.integers(1) if node.op.name == "RESHAPE" else None
    if shape is not None and len(shape) > MOST_DIMENSIONS:
        raise Fault(f"makes {len(shape)} dimensions, and runtimes know {MOST_DIMENSIONS}")
    source, output = node.input_at(0), node.outputs[0]
    if node.static and source.elements != output.elements:
        raise Fault(f"makes {list(output.shape)} of {list(source.shape)}, another number of values")


def check_expand_dims(node: Node) -> None:
    """Whether the output has as many values as the input, and the new axis fits."""
    check_reshape(node)
    node.axis(1, len(node.input_at(0).shape) + 1)


def check_concatenation(node: Node) -> None:
    """Whether the inputs agree in all dimensions but one, and the output has the sum of that one."""
    first = node.input_at(0).shape
    axis = axis_of(node.op.option(0, "i"), len(first))
    before, after = first[:axis], first[axis + 1 :]
    total = 0
    for tensor in node.inputs:
        if tensor is None:
            raise Fault("lacks an input")
        others = (*tensor.shape[:axis], *tensor.shape[axis + 1 :])
        if len(tensor.shape) != len(first) or (node.static and others != (*before, *after)):
            raise Fault(f"joins {list(first)} and {list(tensor.shape)} along dimension {axis}")
        total += tensor.shape[axis]
    check_outputs(node, (*before, total, *after))


def check_pack(node: Node) -> None:
    """Whether the inputs are of one shape, as many as the options say, and stacked along a new axis in the output."""
    first = node.input_at(0).shape
    if node.op.option(0, "i") != len(node.inputs):
        raise Fault(f"says {node.op.option(0, 'i')} inputs, and has {len(node.inputs)}")
    axis = axis_of(node.op.option(1, "i"), len(first) + 1)
    if node.static and any(tensor is None or tensor.shape != first for tensor in node.inputs):
        raise Fault(f"packs shapes that differ from {list(first)}")
    check_outputs(node, (*first[:axis], len(node.inputs), *first[axis:]))


def check_unpack(node: Node) -> None:
    """Whether there is one output for each place along the axis, without that axis."""
    shape, parts = node.input_at(0).shape, node.op.option(0, "i")
    axis = axis_of(node.op.option(1, "i"), len(shape))
    if len(node.outputs) != parts or (node.sized and parts != shape[axis]):
        raise Fault(f"has {len(node.outputs)} outputs, says {parts}, and dimension {axis} is {shape[axis]}")
    check_outputs(node, (*shape[:axis], *shape[axis + 1 :]))


def _part_count(node: Node) -> int:
    parts = int(node.op.option(0, "i"))
    if parts != len(node.outputs) or parts < 1:
        raise Fault(f"says {parts} parts, and has {len(node.outputs)} outputs")
    return parts


def check_split(node: Node) -> None:
    """Whether the axis divides into as many equal parts as there are outputs."""
    parts, shape = _part_count(node), node.input_at(1).shape
    axis = node.axis(0, len(shape))
    if axis is None:
        return
    if node.sized and shape[axis] % parts:
        raise Fault(f"splits a dimension of {shape[axis]} into {parts}")
    check_outputs(node, (*shape[:axis], shape[axis] // parts, *shape[axis + 1 :]))


def check_split_v(node: Node) -> None:
    """Whether the sizes of the parts add up to the axis."""
    parts, shape, sizes = _part_count(node), node.input_at(0).shape, node.integers(1)
    if sizes is not None and len(sizes) != parts:
        raise Fault(f"says {parts} parts, and has {len(sizes)} sizes")
    axis = node.axis(2, len(shape))
    if sizes is not None and axis is not None and node.sized:
        rest = shape[axis] - sum(size for size in sizes if size >= 0)
        if min(sizes) < -1 or sizes.count(-1) > 1 or rest < 0 or (rest and -1 not in sizes):
            raise Fault(f"splits a dimension of {shape[axis]} into {sizes[:20]}")


def check_transpose(node: Node) -> None:
    """Whether the order names each dimension once, and the output has that order."""
    shape, order = node.input_at(0).shape, node.integers(1)
    if order is not None:
        if sorted(axis + len(shape) if axis < 0 else axis for axis in order) != list(range(len(shape))):
            raise Fault(f"has the order {order[:9]} for {len(shape)} dimensions")
        check_outputs(node, [shape[axis] for axis in order])


def check_reduce(node: Node) -> None:
    """Whether the axes exist, and the output has as many values as they leave."""
    shape, axes = node.input_at(0).shape, node.integers(1)
    if axes is not None:
        reduced = [axis_of(axis, len(shape)) for axis in axes] if shape else []
        left = math.prod(size for axis, size in enumerate(shape) if axis not in reduced)
        if node.static and node.outputs[0].elements != left:
            raise Fault(f"leaves {left} values, and its output is {list(node.outputs[0].shape)}")


def check_arg(node: Node) -> None:
    """Whether the axis exists."""
    node.axis(1, len(node.input_at(0).shape))


def check_pad(node: Node) -> None:
    """Whether there are two paddings a dimension, none negative, and the output is larger by them."""
    shape, pads = node.input_at(0).shape, node.integers(1)
    if pads is not None:
        if node.input_at(1).shape != (len(shape), 2) or min(pads, default=0) < 0:
            raise Fault(f"pads {list(shape)} with {pads[:18]}")
        check_outputs(node, [size + pads[2 * i] + pads[2 * i + 1] for i, size in enumerate(shape)])


def check_mirror_pad(node: Node) -> None:
    """Whether the paddings are no larger than what they mirror."""
    check_pad(node)
    shape, pads = node.input_at(0).shape, node.integers(1)
    mode = node.op.option(0, "b")  # 0 reflects without the edge, 1 with it
    if mode not in (0, 1):
        raise Fault(f"has the mode {mode}, and there are 0 and 1")
    if node.sized and pads is not None and any(pad > shape[i // 2] - 1 + mode for i, pad in enumerate(pads)):
        raise Fault(f"mirrors {pads[:18]} of {list(shape)}")


def check_slice(node: Node) -> None:
    """Whether each part lies in its dimension, and the output is of its size."""
    shape, begins, sizes = node.input_at(0).shape, node.integers(1), node.integers(2)
    if any(numbers is not None and len(numbers) != len(shape) for numbers in (begins, sizes)):
        raise Fault(f"has another number of begins or sizes than {len(shape)} dimensions")
    if begins is not None and sizes is not None and node.sized:
        ends = [begin + (whole - begin if size == -1 else size) for begin, size, whole in zip(begins, sizes, shape)]
        if any(not 0 <= begin <= end <= whole for begin, end, whole in zip(begins, ends, shape)):
            raise Fault(f"cuts {begins[:8]} to {ends[:8]} out of {list(shape)}")
        check_outputs(node, [end - begin for begin, end in zip(begins, ends)])


def check_strided_slice(node: Node) -> None:
    """Whether there is one begin, end and stride a dimension, and no stride of 0."""
    rank = len(node.input_at(0).shape)
    counts = [len(numbers) for numbers in (node.integers(i) for i in (1, 2, 3)) if numbers is not None]
    new = bin(int(node.op.option(3, "I"))).count("1")  # the mask of the dimensions that are made
    ellipsis = 1 if node.op.option(2, "i") else 0
    if any(count != counts[0] or count > rank + new + ellipsis for count in counts):
        raise Fault(f"has {counts} begins, ends and strides for {rank} dimensions")
    strides = node.integers(3)
    if strides is not None and 0 in strides:
        raise Fault(f"has the strides {strides[:8]}")


def check_gather(node: Node) -> None:
    """Whether each index lies in the axis that it indexes."""
    shape, indices = node.input_at(0).shape, node.integers(1)
    axis = axis_of(node.op.option(0, "i"), len(shape))
    if node.sized and indices and not 0 <= min(indices) <= max(indices) < shape[axis]:
        raise Fault(f"gathers {min(indices)} to {max(indices)} of {shape[axis]}")


def check_tile(node: Node) -> None:
    """Whether there is one count a dimension, none negative, and the output is larger by them."""
    shape, times = node.input_at(0).shape, node.integers(1)
    if times is not None:
        if len(times) != len(shape) or min(times, default=0) < 0:
            raise Fault(f"repeats {list(shape)} by {times[:8]}")
        check_outputs(node, [size * time for size, time in zip(shape, times)])


def check_broadcast_to(node: Node) -> None:
    """Whether the input can be broadcast to the shape that the op names."""
    shape, target = node.input_at(0).shape, node.integers(1)
    if target is not None:
        own = target[-len(shape) :] if shape else []
        fits = not node.sized or all(size in (1, whole) for size, whole in zip(shape, own))
        if len(own) != len(shape) or not fits:
            raise Fault(f"stretches {list(shape)} to {target[:9]}")
        check_outputs(node, target)


def check_blocks(node: Node) -> None:
    """Whether the sizes divide by the block that SPACE_TO_DEPTH or DEPTH_TO_SPACE moves."""
    shape, block = node.input_at(0).shape, node.op.option(0, "i")
    deep = node.op.name == "DEPTH_TO_SPACE"
    sound = len(shape) == 4 and 1 <= block <= _LARGEST_BLOCK
    rest = sound and (shape[3] % (block * block) if deep else shape[1] % block or shape[2] % block)
    if not sound or (node.sized and rest):
        raise Fault(f"has blocks of {block} for {list(shape)}")
    if deep:
        check_outputs(node, (shape[0], shape[1] * block, shape[2] * block, shape[3] // block**2))
    else:
        check_outputs(node, (shape[0], shape[1] // block, shape[2] // block, shape[3] * block**2))


def check_batches(node: Node) -> None:
    """Whether the blocks of SPACE_TO_BATCH_ND or BATCH_TO_SPACE_ND are positive, and their edges belong to them."""
    blocks, edges = node.integers(1), node.integers(2)
    if blocks is not None and min(blocks, default=1) < 1:
        raise Fault(f"has blocks of {blocks[:8]}")
    if edges is not None and (min(edges, default=0) < 0 or (blocks is not None and len(edges) != 2 * len(blocks))):
        raise Fault(f"has the edges {edges[:16]}")


def check_resize(node: Node) -> None:
    """Whether an image is resized to a height and a width of at least 1."""
    shape, size = node.input_at(0).shape, node.integers(1)
    if len(shape) != 4 or (node.sized and 0 in shape):
        raise Fault(f"takes {list(shape)}, and an image has 4 dimensions")
    if size is not None:
        if len(size) != 2 or min(size) < 1:
            raise Fault(f"makes images of {size[:8]}")
        check_outputs(node, (shape[0], *size, shape[3]))
