"""The least and largest value that calibration found for each activation, read from and written into the .tflite."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgeready.errors import DatasetError
from edgeready_device.tflite.flatbuffer import Flatbuffer, Table
from edgeready_device.tflite.graph import IDENTIFIER, Graph

_SUBGRAPHS, _TENSORS, _QUANTIZATION, _LOW, _HIGH = 2, 0, 4, 0, 1  # fields of the schema's tables
# The converter gives all tensors of such an op one scale, so they have to have one range.
ONE_RANGE = (
    *("MAX_POOL_2D", "RESHAPE", "CONCATENATION", "PAD", "TRANSPOSE", "SLICE", "STRIDED_SLICE", "SPLIT", "SQUEEZE"),
    *("EXPAND_DIMS", "RESIZE_NEAREST_NEIGHBOR", "PACK", "UNPACK", "GATHER", "DEPTH_TO_SPACE", "SPACE_TO_DEPTH"),
)


@dataclass(frozen=True)
class Range:
    """From `low` to `high`, both reached."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise DatasetError(
                f"a tensor goes from {self.low} to {self.high} on the calibration data: mend the data or the model"
            )

    @property
    def with_zero(self) -> Range:
        """The range as the converter takes it: 0 has to be in it, as an integer stands for it exactly."""
        return Range(min(self.low, 0.0), max(self.high, 0.0))

    @property
    def width(self) -> float:
        """The distance of the ends."""
        return self.high - self.low


def read_ranges(calibrated: bytes) -> dict[int, Range]:
    """The range of each activation of a calibrated float32 .tflite, by tensor index."""
    found = {}
    for index, table in _quantizations(Flatbuffer(calibrated)):
        low, high = table.array(_LOW, "f4"), table.array(_HIGH, "f4")
        if len(low) == len(high) == 1:
            found[index] = Range(float(low[0]), float(high[0]))
    return found


def with_ranges(calibrated: bytes, ranges: Mapping[int, Range]) -> bytes:
    """`calibrated` with other `ranges` for some tensors that have one; nothing else changes, not even the size."""
    changed = bytearray(calibrated)
    for index, table in _quantizations(Flatbuffer(memoryview(changed))):
        if index in ranges:
            table.array(_LOW, "f4")[:] = ranges[index].low  # a view of the bytes
            table.array(_HIGH, "f4")[:] = ranges[index].high
    return bytes(changed)


def one_range_groups(graph: Graph, tensors: Mapping[int, object]) -> list[set[int]]:
    """`tensors` in groups that share one range, because ops between them only move values."""
    groups = {index: {index} for index in tensors}
    for op in graph.ops:
        if op.name in ONE_RANGE:
            tied = [groups[index] for index in (*op.inputs, *op.outputs) if index in groups]
            union = set().union(*tied)
            for index in union:
                groups[index] = union
    return list({id(group): group for group in groups.values()}.values())


def _quantizations(buffer: Flatbuffer) -> Iterator[tuple[int, Table]]:
    main = buffer.root(IDENTIFIER).tables(_SUBGRAPHS)[0]
    for index, tensor in enumerate(main.tables(_TENSORS)):
        table = tensor.table(_QUANTIZATION)
        if table is not None:
            yield index, table
