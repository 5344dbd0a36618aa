"""Rules of the ops that arrange values otherwise, take a part of them or add some: their shapes and numbers."""

from __future__ import annotations

import math

from edgeready_device.tflite.structure.node import Fault, Node, Rule, axis_of, check_made


def _reshape(node: Node) -> None:
    taken, given = node.given(0), node.outputs[0]
    if node.settled and taken.elements != given.elements:
        raise Fault(f"makes {list(given.shape)} of {list(taken.shape)}, another number of values")


def _expand_dims(node: Node) -> None:
    _reshape(node)
    node.axis(1, len(node.given(0).shape) + 1)


def _concatenation(node: Node) -> None:
    first = node.given(0).shape
    axis = axis_of(node.op.option(0, "i"), len(first))
    before, after = first[:axis], first[axis + 1 :]
    total = 0
    for tensor in node.inputs:
        if tensor is None:
            raise Fault("lacks an input")
        others = (*tensor.shape[:axis], *tensor.shape[axis + 1 :])
        if len(tensor.shape) != len(first) or (node.settled and others != (*before, *after)):
            raise Fault(f"joins {list(first)} and {list(tensor.shape)} along dimension {axis}")
        total += tensor.shape[axis]
    check_made(node, (*before, total, *after))


def _pack(node: Node) -> None:
    first = node.given(0).shape
    if node.op.option(0, "i") != len(node.inputs):
        raise Fault(f"says {node.op.option(0, 'i')} inputs, and has {len(node.inputs)}")
    axis = axis_of(node.op.option(1, "i"), len(first) + 1)
    if node.settled and any(tensor is None or tensor.shape != first for tensor in node.inputs):
        raise Fault(f"packs shapes that differ from {list(first)}")
    check_made(node, (*first[:axis], len(node.inputs), *first[axis:]))


def _unpack(node: Node) -> None:
    shape, parts = node.given(0).shape, node.op.option(0, "i")
    axis = axis_of(node.op.option(1, "i"), len(shape))
    if not len(node.outputs) == parts == shape[axis]:
        raise Fault(f"has {len(node.outputs)} outputs, says {parts}, and dimension {axis} is {shape[axis]}")
    check_made(node, (*shape[:axis], *shape[axis + 1 :]))


def _parts(node: Node) -> int:
    parts = int(node.op.option(0, "i"))
    if parts != len(node.outputs) or parts < 1:
        raise Fault(f"says {parts} parts, and has {len(node.outputs)} outputs")
    return parts


def _split(node: Node) -> None:
    parts, shape = _parts(node), node.given(1).shape
    axis = node.axis(0, len(shape))
    if axis is None:
        return
    if shape[axis] % parts:
        raise Fault(f"splits a dimension of {shape[axis]} into {parts}")
    check_made(node, (*shape[:axis], shape[axis] // parts, *shape[axis + 1 :]))


def _split_v(node: Node) -> None:
    parts, shape, sizes = _parts(node), node.given(0).shape, node.integers(1)
    if sizes is not None and len(sizes) != parts:
        raise Fault(f"says {parts} parts, and has {len(sizes)} sizes")
    axis = node.axis(2, len(shape))
    if sizes is not None and axis is not None:
        rest = shape[axis] - sum(size for size in sizes if size >= 0)
        if min(sizes) < -1 or sizes.count(-1) > 1 or rest < 0 or (rest and -1 not in sizes):
            raise Fault(f"splits a dimension of {shape[axis]} into {sizes[:20]}")


def _transpose(node: Node) -> None:
    shape, order = node.given(0).shape, node.integers(1)
    if order is not None:
        if sorted(axis + len(shape) if axis < 0 else axis for axis in order) != list(range(len(shape))):
            raise Fault(f"has the order {order[:9]} for {len(shape)} dimensions")
        check_made(node, [shape[axis] for axis in order])


def _reduce(node: Node) -> None:
    shape, axes = node.given(0).shape, node.integers(1)
    if axes is not None:
        found = [axis_of(axis, len(shape)) for axis in axes] if shape else []
        left = math.prod(size for axis, size in enumerate(shape) if axis not in found)
        if node.settled and node.outputs[0].elements != left:
            raise Fault(f"leaves {left} values, and its output is {list(node.outputs[0].shape)}")


def _arg(node: Node) -> None:
    node.axis(1, len(node.given(0).shape))


def _pad(node: Node) -> None:
    shape, pads = node.given(0).shape, node.integers(1)
    if pads is not None:
        if node.given(1).shape != (len(shape), 2) or min(pads, default=0) < 0:
            raise Fault(f"pads {list(shape)} with {pads[:18]}")
        check_made(node, [size + pads[2 * i] + pads[2 * i + 1] for i, size in enumerate(shape)])


def _mirror_pad(node: Node) -> None:
    _pad(node)
    shape, pads = node.given(0).shape, node.integers(1)
    mode = node.op.option(0, "b")  # 0 reflects without the edge, 1 with it
    if mode not in (0, 1):
        raise Fault(f"has the mode {mode}, and there are 0 and 1")
    if pads is not None and any(pad > shape[i // 2] - 1 + mode for i, pad in enumerate(pads)):
        raise Fault(f"mirrors {pads[:18]} of {list(shape)}")


def _slice(node: Node) -> None:
    shape, begins, sizes = node.given(0).shape, node.integers(1), node.integers(2)
    if any(found is not None and len(found) != len(shape) for found in (begins, sizes)):
        raise Fault(f"has another number of begins or sizes than {len(shape)} dimensions")
    if begins is not None and sizes is not None:
        ends = [begin + (whole - begin if size == -1 else size) for begin, size, whole in zip(begins, sizes, shape)]
        if any(not 0 <= begin <= end <= whole for begin, end, whole in zip(begins, ends, shape)):
            raise Fault(f"cuts {begins[:8]} to {ends[:8]} out of {list(shape)}")
        check_made(node, [end - begin for begin, end in zip(begins, ends)])


def _strided_slice(node: Node) -> None:
    rank = len(node.given(0).shape)
    found = [numbers for numbers in (node.integers(i) for i in (1, 2, 3)) if numbers is not None]
    new = bin(int(node.op.option(3, "I"))).count("1")  # the mask of the dimensions that are made
    ellipsis = 1 if node.op.option(2, "i") else 0
    if any(len(numbers) != len(found[0]) or len(numbers) > rank + new + ellipsis for numbers in found):
        raise Fault(f"has {[len(numbers) for numbers in found]} begins, ends and strides for {rank} dimensions")
    strides = node.integers(3)
    if strides is not None and 0 in strides:
        raise Fault(f"has the strides {strides[:8]}")


def _gather(node: Node) -> None:
    shape, wanted = node.given(0).shape, node.integers(1)
    axis = axis_of(node.op.option(0, "i"), len(shape))
    if wanted and not 0 <= min(wanted) <= max(wanted) < shape[axis]:
        raise Fault(f"gathers {min(wanted)} to {max(wanted)} of {shape[axis]}")


def _tile(node: Node) -> None:
    shape, times = node.given(0).shape, node.integers(1)
    if times is not None:
        if len(times) != len(shape) or min(times, default=0) < 0:
            raise Fault(f"repeats {list(shape)} by {times[:8]}")
        check_made(node, [size * time for size, time in zip(shape, times)])


def _broadcast_to(node: Node) -> None:
    shape, wanted = node.given(0).shape, node.integers(1)
    if wanted is not None:
        own = wanted[-len(shape) :] if shape else []
        if len(own) != len(shape) or any(size not in (1, whole) for size, whole in zip(shape, own)):
            raise Fault(f"stretches {list(shape)} to {wanted[:9]}")
        check_made(node, wanted)


def _blocks(node: Node) -> None:
    shape, block = node.given(0).shape, node.op.option(0, "i")
    deep = node.op.name == "DEPTH_TO_SPACE"
    sound = len(shape) == 4 and 1 <= block <= 1 << 15
    if not sound or (shape[3] % (block * block) if deep else shape[1] % block or shape[2] % block):
        raise Fault(f"has blocks of {block} for {list(shape)}")
    if deep:
        check_made(node, (shape[0], shape[1] * block, shape[2] * block, shape[3] // block**2))
    else:
        check_made(node, (shape[0], shape[1] // block, shape[2] // block, shape[3] * block**2))


def _batches(node: Node) -> None:
    blocks, edges = node.integers(1), node.integers(2)
    if blocks is not None and min(blocks, default=1) < 1:
        raise Fault(f"has blocks of {blocks[:8]}")
    if edges is not None and (min(edges, default=0) < 0 or (blocks is not None and len(edges) != 2 * len(blocks))):
        raise Fault(f"has the edges {edges[:16]}")


def _resize(node: Node) -> None:
    shape, size = node.given(0).shape, node.integers(1)
    if len(shape) != 4 or 0 in shape:
        raise Fault(f"takes {list(shape)}, and an image has 4 dimensions")
    if size is not None:
        if len(size) != 2 or min(size) < 1:
            raise Fault(f"makes images of {size[:8]}")
        check_made(node, (shape[0], *size, shape[3]))


SHAPES: dict[str, Rule] = {
    "arg": _arg,
    "batches": _batches,
    "blocks": _blocks,
    "broadcast_to": _broadcast_to,
    "concatenation": _concatenation,
    "expand_dims": _expand_dims,
    "gather": _gather,
    "mirror_pad": _mirror_pad,
    "pack": _pack,
    "pad": _pad,
    "reduce": _reduce,
    "reshape": _reshape,
    "resize": _resize,
    "slice": _slice,
    "split": _split,
    "split_v": _split_v,
    "strided_slice": _strided_slice,
    "tile": _tile,
    "transpose": _transpose,
    "unpack": _unpack,
}
