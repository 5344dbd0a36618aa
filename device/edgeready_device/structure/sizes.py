"""Rules of the ops that change the size of an image or take a part of it: pad, slice, gather, tile, resize."""

from __future__ import annotations

from collections.abc import Iterator

from edgeready_device.structure.node import Node, Rule, axis_of, made, no_axis


def _pad(node: Node) -> Iterator[str]:
    shape, pads = node.given(0).shape, node.integers(1)
    if pads is not None:
        if node.given(1).shape != (len(shape), 2) or min(pads, default=0) < 0:
            yield f"pads {list(shape)} with {pads[:18]}"
        else:
            yield from made(node, [size + pads[2 * i] + pads[2 * i + 1] for i, size in enumerate(shape)])


def _mirror_pad(node: Node) -> Iterator[str]:
    yield from _pad(node)
    shape, pads = node.given(0).shape, node.integers(1)
    mode = node.op.option(0, "b")  # 0 reflects without the edge, 1 with it
    if mode not in (0, 1):
        yield f"has the mode {mode}, and there are 0 and 1"
    elif pads is not None and any(pad > shape[i // 2] - 1 + mode for i, pad in enumerate(pads)):
        yield f"mirrors {pads[:18]} of {list(shape)}"


def _slice(node: Node) -> Iterator[str]:
    shape, begins, sizes = node.given(0).shape, node.integers(1), node.integers(2)
    if any(found is not None and len(found) != len(shape) for found in (begins, sizes)):
        yield f"has another number of begins or sizes than {len(shape)} dimensions"
    elif begins is not None and sizes is not None:
        ends = [begin + (whole - begin if size == -1 else size) for begin, size, whole in zip(begins, sizes, shape)]
        if any(not 0 <= begin <= end <= whole for begin, end, whole in zip(begins, ends, shape)):
            yield f"cuts {begins[:8]} to {ends[:8]} out of {list(shape)}"
        else:
            yield from made(node, [end - begin for begin, end in zip(begins, ends)])


def _strided_slice(node: Node) -> Iterator[str]:
    rank = len(node.given(0).shape)
    found = [numbers for numbers in (node.integers(i) for i in (1, 2, 3)) if numbers is not None]
    new = bin(int(node.op.option(3, "I"))).count("1")  # the mask of the dimensions that are made
    ellipsis = 1 if node.op.option(2, "i") else 0
    if any(len(numbers) != len(found[0]) or len(numbers) > rank + new + ellipsis for numbers in found):
        yield f"has {[len(numbers) for numbers in found]} begins, ends and strides for {rank} dimensions"
    strides = node.integers(3)
    if strides is not None and 0 in strides:
        yield f"has the strides {strides[:8]}"


def _gather(node: Node) -> Iterator[str]:
    shape, wanted = node.given(0).shape, node.integers(1)
    axis = axis_of(node.op.option(0, "i"), len(shape))
    if axis is None:
        yield no_axis(node.op.option(0, "i"), len(shape))
    elif wanted and not 0 <= min(wanted) <= max(wanted) < shape[axis]:
        yield f"gathers {min(wanted)} to {max(wanted)} of {shape[axis]}"


def _tile(node: Node) -> Iterator[str]:
    shape, times = node.given(0).shape, node.integers(1)
    if times is not None:
        if len(times) != len(shape) or min(times, default=0) < 0:
            yield f"repeats {list(shape)} by {times[:8]}"
        else:
            yield from made(node, [size * time for size, time in zip(shape, times)])


def _broadcast_to(node: Node) -> Iterator[str]:
    shape, wanted = node.given(0).shape, node.integers(1)
    if wanted is not None:
        own = wanted[len(wanted) - len(shape) :] if len(wanted) >= len(shape) else []
        if len(own) != len(shape) or any(size not in (1, whole) for size, whole in zip(shape, own)):
            yield f"stretches {list(shape)} to {wanted[:9]}"
        else:
            yield from made(node, wanted)


def _blocks(node: Node) -> Iterator[str]:
    shape, block = node.given(0).shape, node.op.option(0, "i")
    deep = node.op.name == "DEPTH_TO_SPACE"
    sound = len(shape) == 4 and 1 <= block <= 1 << 15
    if not sound or (shape[3] % (block * block) if deep else shape[1] % block or shape[2] % block):
        yield f"has blocks of {block} for {list(shape)}"
    elif deep:
        yield from made(node, (shape[0], shape[1] * block, shape[2] * block, shape[3] // block**2))
    else:
        yield from made(node, (shape[0], shape[1] // block, shape[2] // block, shape[3] * block**2))


def _batches(node: Node) -> Iterator[str]:
    blocks, edges = node.integers(1), node.integers(2)
    if blocks is not None and min(blocks, default=1) < 1:
        yield f"has blocks of {blocks[:8]}"
    elif edges is not None and (min(edges, default=0) < 0 or (blocks is not None and len(edges) != 2 * len(blocks))):
        yield f"has the edges {edges[:16]}"


def _resize(node: Node) -> Iterator[str]:
    shape, size = node.given(0).shape, node.integers(1)
    if len(shape) != 4 or 0 in shape:
        yield f"takes {list(shape)}, and an image has 4 dimensions"
    elif size is not None:
        if len(size) != 2 or min(size) < 1:
            yield f"makes images of {size[:8]}"
        else:
            yield from made(node, (shape[0], *size, shape[3]))


SIZES: dict[str, Rule] = {
    **dict.fromkeys(("PAD", "PADV2"), _pad),
    **dict.fromkeys(("SPACE_TO_DEPTH", "DEPTH_TO_SPACE"), _blocks),
    **dict.fromkeys(("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"), _batches),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), _resize),
    "BROADCAST_TO": _broadcast_to,
    "GATHER": _gather,
    "MIRROR_PAD": _mirror_pad,
    "SLICE": _slice,
    "STRIDED_SLICE": _strided_slice,
    "TILE": _tile,
}
