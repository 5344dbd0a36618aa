"""The least and largest value of each activation on the calibration data, read from and written into the .tflite."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgeready.errors import DatasetError
from edgeready_device.tflite.flatbuffer import Flatbuffer, Table
from edgeready_device.tflite.graph import IDENTIFIER, Graph

_SUBGRAPHS, _TENSORS, _QUANTIZATION, _LOW, _HIGH = 2, 0, 4, 0, 1  # fields of the schema's tables
# Ops of which the converter gives all tensors one scale, so that their tensors need one range.
ONE_RANGE = (
    *("MAX_POOL_2D", "RESHAPE", "CONCATENATION", "PAD", "TRANSPOSE", "SLICE", "STRIDED_SLICE", "SPLIT", "SQUEEZE"),
    *("EXPAND_DIMS", "RESIZE_NEAREST_NEIGHBOR", "PACK", "UNPACK", "GATHER", "DEPTH_TO_SPACE", "SPACE_TO_DEPTH"),
)


@dataclass(frozen=True)
class Range:
    """The values from `low` to `high`, both included."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise DatasetError(
                f"a tensor goes from {self.low} to {self.high} on the calibration data: fix the data or the model"
            )

    @property
    def with_zero(self) -> Range:
        """The range widened to hold 0, as the converter does: an integer stands for 0 exactly."""
        return Range(min(self.low, 0.0), max(self.high, 0.0))

    @property
    def width(self) -> float:
        """The distance between the ends."""
        return self.high - self.low


def read_ranges(calibrated: bytes) -> dict[int, Range]:
    """Returns the range of each activation of a calibrated float32 .tflite, by tensor index."""
    ranges = {}
    for index, table in _quantizations(Flatbuffer(calibrated)):
        low, high = table.array(_LOW, "f4"), table.array(_HIGH, "f4")
        if len(low) == len(high) == 1:
            ranges[index] = Range(float(low[0]), float(high[0]))
    return ranges


def replace_ranges(calibrated: bytes, ranges: Mapping[int, Range]) -> bytes:
    """Returns `calibrated` with the `ranges` of some tensors replaced; nothing else changes, not even the size."""
    changed = bytearray(calibrated)
    for index, table in _quantizations(Flatbuffer(memoryview(changed))):
        if index in ranges:
            table.array(_LOW, "f4")[:] = ranges[index].low  # a view of the bytes
            table.array(_HIGH, "f4")[:] = ranges[index].high
    return bytes(changed)


def group_by_range(graph: Graph, tensors: Mapping[int, object]) -> list[set[int]]:
    """Returns `tensors` in groups that share one range, because the ops between them only move values."""
    groups = {index: {index} for index in tensors}
    for op in graph.ops:
        if op.name in ONE_RANGE:
            union = set().union(*(groups[index] for index in (*op.inputs, *op.outputs) if index in groups))
            for index in union:
                groups[index] = union
    return list({id(group): group for group in groups.values()}.values())


def _quantizations(buffer: Flatbuffer) -> Iterator[tuple[int, Table]]:
    main = buffer.root(IDENTIFIER).tables(_SUBGRAPHS)[0]
    for index, tensor in enumerate(main.tables(_TENSORS)):
        table = tensor.table(_QUANTIZATION)
        if table is not None:
            yield index, table
