"""Rules of the ops that arrange values otherwise: reshape, concatenate, pack, split, transpose, reduce."""

from __future__ import annotations

from collections.abc import Iterator

from edgeready_device.structure.node import Node, Rule, axis_of, made, no_axis, product


def _reshape(node: Node) -> Iterator[str]:
    taken, given = node.given(0), node.outputs[0]
    if node.settled and taken.elements != given.elements:
        yield f"makes {list(given.shape)} of {list(taken.shape)}, another number of values"


def _expand_dims(node: Node) -> Iterator[str]:
    yield from _reshape(node)
    axis, rank = node.integers(1), len(node.given(0).shape)
    if axis is not None and (len(axis) != 1 or axis_of(axis[0], rank + 1) is None):
        yield no_axis(axis[0] if axis else 0, rank + 1)


def _concatenation(node: Node) -> Iterator[str]:
    first = node.given(0).shape
    axis = axis_of(node.op.option(0, "i"), len(first))
    if axis is None:
        yield no_axis(node.op.option(0, "i"), len(first))
        return
    total = 0
    for tensor in node.inputs:
        if tensor is None:
            yield "lacks an input"
            return
        others = (*tensor.shape[:axis], *tensor.shape[axis + 1 :])
        if len(tensor.shape) != len(first) or (node.settled and others != (*first[:axis], *first[axis + 1 :])):
            yield f"joins {list(first)} and {list(tensor.shape)} along dimension {axis}"
            return
        total += tensor.shape[axis]
    yield from made(node, (*first[:axis], total, *first[axis + 1 :]))


def _pack(node: Node) -> Iterator[str]:
    first = node.given(0).shape
    axis = axis_of(node.op.option(1, "i"), len(first) + 1)
    if node.op.option(0, "i") != len(node.inputs):
        yield f"says {node.op.option(0, 'i')} inputs, and has {len(node.inputs)}"
    elif axis is None:
        yield no_axis(node.op.option(1, "i"), len(first) + 1)
    elif node.settled and any(tensor is None or tensor.shape != first for tensor in node.inputs):
        yield f"packs shapes that differ from {list(first)}"
    else:
        yield from made(node, (*first[:axis], len(node.inputs), *first[axis:]))


def _unpack(node: Node) -> Iterator[str]:
    shape = node.given(0).shape
    axis = axis_of(node.op.option(1, "i"), len(shape))
    if axis is None:
        yield no_axis(node.op.option(1, "i"), len(shape))
    elif not len(node.outputs) == node.op.option(0, "i") == shape[axis]:
        yield f"has {len(node.outputs)} outputs, says {node.op.option(0, 'i')}, and dimension {axis} is {shape[axis]}"
    else:
        for output in range(len(node.outputs)):
            yield from made(node, (*shape[:axis], *shape[axis + 1 :]), output)


def _split(node: Node) -> Iterator[str]:
    axes, shape = node.integers(0), node.given(1).shape
    parts = node.op.option(0, "i")
    if parts != len(node.outputs) or parts < 1:
        yield f"says {parts} parts, and has {len(node.outputs)} outputs"
    elif axes is not None:
        axis = axis_of(axes[0], len(shape)) if len(axes) == 1 else None
        if axis is None:
            yield no_axis(axes[0] if axes else 0, len(shape))
        elif shape[axis] % parts:
            yield f"splits a dimension of {shape[axis]} into {parts}"
        else:
            for output in range(parts):
                yield from made(node, (*shape[:axis], shape[axis] // parts, *shape[axis + 1 :]), output)


def _split_v(node: Node) -> Iterator[str]:
    shape, sizes, axes = node.given(0).shape, node.integers(1), node.integers(2)
    if node.op.option(0, "i") != len(node.outputs) or (sizes is not None and len(sizes) != len(node.outputs)):
        yield f"says {node.op.option(0, 'i')} parts, and has {len(node.outputs)} outputs"
    elif sizes is not None and axes is not None:
        axis = axis_of(axes[0], len(shape)) if len(axes) == 1 else None
        rest = -sum(size for size in sizes if size >= 0) + (shape[axis] if axis is not None else 0)
        if axis is None:
            yield no_axis(axes[0] if axes else 0, len(shape))
        elif min(sizes, default=0) < -1 or sizes.count(-1) > 1 or rest < 0 or (rest and -1 not in sizes):
            yield f"splits a dimension of {shape[axis]} into {sizes[:20]}"


def _transpose(node: Node) -> Iterator[str]:
    shape, order = node.given(0).shape, node.integers(1)
    if order is not None:
        found = [axis_of(axis, len(shape)) for axis in order]
        if {*found} != {*range(len(shape))} or len(found) != len(shape):
            yield f"has the order {order[:9]} for {len(shape)} dimensions"
        else:
            yield from made(node, [shape[axis] for axis in order])


def _reduce(node: Node) -> Iterator[str]:
    shape, axes = node.given(0).shape, node.integers(1)
    if axes is not None:
        found = [axis_of(axis, len(shape)) for axis in axes]
        if None in found and shape:
            yield no_axis(axes[found.index(None)], len(shape))
        elif node.settled:
            left = product(tuple(size for axis, size in enumerate(shape) if axis not in found))
            if node.outputs[0].elements != left:
                yield f"leaves {left} values, and its output is {list(node.outputs[0].shape)}"


def _arg(node: Node) -> Iterator[str]:
    axes, rank = node.integers(1), len(node.given(0).shape)
    if axes is not None and (len(axes) != 1 or axis_of(axes[0], rank) is None):
        yield no_axis(axes[0] if axes else 0, rank)


ARRANGEMENTS: dict[str, Rule] = {
    **dict.fromkeys(("RESHAPE", "SQUEEZE"), _reshape),
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_ANY", "REDUCE_ALL"), _reduce),
    **dict.fromkeys(("ARG_MAX", "ARG_MIN"), _arg),
    "CONCATENATION": _concatenation,
    "EXPAND_DIMS": _expand_dims,
    "PACK": _pack,
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "TRANSPOSE": _transpose,
    "UNPACK": _unpack,
}
