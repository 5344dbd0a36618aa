"""Rules of sparse constants: which values the file holds, by levels of dense and compressed dimensions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edgeready_device.tflite.flatbuffer import Table
from edgeready_device.tflite.graph import Tensor
from edgeready_device.tflite.structure.node import Fault

_DENSE, _COMPRESSED = 0, 1  # of the enum DimensionType
_VECTORS = {1: "i4", 2: "u2", 3: "u1"}  # of the union SparseIndexVector


def check_sparsity(tensor: Tensor, sparsity: Table, bits: int) -> None:
    """Whether the levels belong to the shape, name places inside it, and hold as many values as there are bytes."""
    order, blocks = sparsity.array(0, "i4").tolist(), sparsity.array(1, "i4").tolist()
    levels, rank = sparsity.tables(2), len(tensor.shape)
    if sorted(order) != list(range(rank + len(blocks))) or len(levels) != len(order):
        raise Fault(
            f"has the order {order[:9]} and {len(levels)} levels for {rank} dimensions and {len(blocks)} blocks"
        )
    if len(set(blocks)) != len(blocks) or not all(0 <= axis < rank for axis in blocks):
        raise Fault(f"has the blocks {blocks[:9]} for {rank} dimensions")
    sizes = _sizes(tensor, blocks, {place: level for place, level in zip(order, levels) if place >= rank})
    count = 1
    for place, level in zip(order, levels):
        count = _count_after(level, sizes[place], count)
    if tensor.data is not None and len(tensor.data) != (count * bits + 7) // 8:
        raise Fault(f"holds {len(tensor.data)} bytes for {count} sparse values of {tensor.dtype}")


def _sizes(tensor: Tensor, blocks: list[int], block_levels: dict[int, Table]) -> list[int]:
    """The size of each dimension, in blocks where it has some, and then of each block."""
    rank = len(tensor.shape)
    sides = [int(block_levels[rank + number].scalar(1, "i")) for number in range(len(blocks))]
    sizes = list(tensor.shape)
    for axis, side in zip(blocks, sides):
        if side < 1 or sizes[axis] % side:
            raise Fault(f"has blocks of {side} in a dimension of {sizes[axis]}")
        sizes[axis] //= side
    return sizes + sides


def _count_after(level: Table, size: int, count: int) -> int:
    """How many entries one level leaves of `count` above it."""
    kind = int(level.scalar(0, "b"))
    if kind == _DENSE:
        if level.scalar(1, "i") != size:
            raise Fault(f"has a dense level of {level.scalar(1, 'i')} for a dimension of {size}")
        return math.prod((count, size))
    segments, indices = _vector(level, 2), _vector(level, 4)
    if kind != _COMPRESSED or segments is None or indices is None or len(segments) != count + 1:
        raise Fault(f"has a sparse level of kind {kind} without one segment for each of {count} rows")
    if segments[0] != 0 or segments[-1] != len(indices) or np.any(np.diff(segments.astype(np.int64)) < 0):
        raise Fault(f"has sparse segments that do not rise to {len(indices)}")
    if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < size:
        raise Fault(f"names the sparse places {indices.min()} to {indices.max()} of {size}")
    return len(indices)


def _vector(level: Table, number: int) -> NDArray[np.generic] | None:
    kind, table = int(level.scalar(number, "B")), level.table(number + 1)
    return None if table is None or kind not in _VECTORS else table.array(0, _VECTORS[kind])
