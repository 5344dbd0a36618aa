"""The least and largest value of each activation on the calibration data, read from and written into the .tflite."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from edgeready.errors import ConversionError, DatasetError
from edgeready_device.tflite.flatbuffer import Flatbuffer, Table
from edgeready_device.tflite.graph import IDENTIFIER, Graph, Op, read_graph

_SUBGRAPHS, _TENSORS, _QUANTIZATION, _LOW, _HIGH = 2, 0, 4, 0, 1  # fields of the schema's tables
# Values from here on stand for infinity; chosen: converters write the lowest float32 (-3.4e38), -1e30 or -1e32 where
# a framework pads with minus infinity, and with the scale of such a range every other value is 0.
_INFINITE = 1e30
# Narrower ranges are widened by as much, as TensorFlow's quantizer does (kNearZeroTolerance). Measured without that:
# the scales are denormal numbers, and tflite-runtime 2.14 crashes on the file.
_LEAST_WIDTH = 1e-6
# Ops of which the converter gives all tensors one scale, so that their tensors need one range.
ONE_RANGE = (
    *(
        "MAX_POOL_2D",
        "RESHAPE",
        "CONCATENATION",
        "PAD",
        "PADV2",
        "TRANSPOSE",
        "SLICE",
        "STRIDED_SLICE",
        "SPLIT",
        "SQUEEZE",
    ),
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


def check_ranges(calibrated: bytes) -> None:
    """Raises ConversionError, naming the op and the tensor, for a range in `calibrated` that no integers can hold."""
    graph = read_graph(calibrated)
    makers = {output: op for op in graph.ops for output in op.outputs}
    for index, table in _quantizations(Flatbuffer(calibrated)):
        ends = [*table.array(_LOW, "f4"), *table.array(_HIGH, "f4")]
        if all(abs(value) < _INFINITE for value in ends):  # False for NaN, too
            continue
        where = f"tensor {graph.tensors[index].name!r}"
        if index in makers:
            where = f"op {makers[index].index} {makers[index].name}: {where}"
        raise ConversionError(
            f"{where} reaches {', '.join(f'{value:g}' for value in ends)} on the calibration data, which no 8 bits "
            f"hold: {_remedy(makers.get(index))}"
        )


def _remedy(maker: Op | None) -> str:
    if maker is not None and maker.name in ("PAD", "PADV2", "MIRROR_PAD"):
        return "pad with zeros, which is the same behind a ReLU"
    return "train the model until its values are finite, or normalize its inputs as the training did"


def check_constants(graph: Graph) -> None:
    """Raises ConversionError, naming the op and the tensor, for a float32 constant with NaN or infinity in it.

    What an op pads with is left to `check_ranges`.
    """
    for op in graph.ops:
        for tensor in graph.of(op.inputs[:2] if op.name == "PADV2" else op.inputs):
            if not tensor.constant or tensor.dtype != "float32":
                continue
            values = tensor.values()
            if not np.isfinite(values).all():
                raise ConversionError(
                    f"op {op.index} {op.name}: tensor {tensor.name!r} holds {values[~np.isfinite(values)].flat[0]}, "
                    "which has no 8-bit form: the training diverged, or the file is damaged; train it again"
                )


def widen_points(calibrated: bytes) -> bytes:
    """Returns `calibrated` in which ranges of one value are a little wider, so that no scale is a denormal number."""
    ranges = read_ranges(calibrated)
    points = {index: values for index, values in ranges.items() if values.width < _LEAST_WIDTH}
    wider = {index: Range(point.low - _LEAST_WIDTH, point.high + _LEAST_WIDTH) for index, point in points.items()}
    return replace_ranges(calibrated, wider)


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
