"""From a uint8 frame to the model's input tensor: normalization and quantization as one 256-entry table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ModelFileError
from edgeready_device.normalization import Normalization
from edgeready_device.quantization import QuantParams

# Measured on x86-64 with numpy 1.26: a look-up of 16 kB takes 5 µs and arithmetic 1 to 8 µs, so that a look-up is the
# better choice for smaller frames. Of 224x224x3 pixels a look-up takes 102 µs, and arithmetic 3 µs without a step, 73
# with one, 86 with three and 100 with five: three leave a margin for other processors.
_LARGE = 16384  # bytes
_MOST_STEPS = 3
_EVERY_PIXEL = np.arange(256, dtype=np.uint8)


class FrameTable:
    """The quantized value of each of the 256 pixel values.

    `rows` holds one array of 256 values, or one per channel. `identity` says that each value is the pixel itself.
    """

    def __init__(self, rows: Sequence[NDArray[Any]]) -> None:
        if all(np.array_equal(row, rows[0]) for row in rows):
            rows = rows[:1]
        self.rows = tuple(rows)
        self.dtype = rows[0].dtype
        self.identity = len(rows) == 1 and rows[0].tobytes() == bytes(range(256))
        self._bytes = tuple(row.tobytes() for row in rows) if self.dtype.itemsize == 1 else ()
        self._step_tables = tuple(StepTable.of(row) for row in rows) if self._bytes else ()

    @classmethod
    def exact(cls, normalization: Normalization, params: QuantParams, dtype: str) -> FrameTable:
        """The table of `normalization` then `params`, exact, halves to even."""
        kind = np.dtype(dtype)
        return cls([_row(mean, std, params, dtype=kind) for mean, std in zip(normalization.mean, normalization.std)])

    @classmethod
    def raw(cls, dtype: str) -> FrameTable:
        """The table that maps pixel 0 to the least value of the 8-bit type `dtype`, and 255 to the greatest."""
        return cls([(np.arange(256) + np.iinfo(np.dtype(dtype)).min).astype(dtype)])

    def __call__(self, frame: NDArray[np.uint8]) -> NDArray[Any]:
        """`frame` (uint8, any shape; channels last where there is a row per channel) quantized, same shape."""
        if self.identity:
            return frame
        if len(self.rows) == 1:
            return self._look_up(frame, 0)
        if frame.shape[-1] != len(self.rows):
            raise ModelFileError(
                f"the normalization has {len(self.rows)} channels, the frame {frame.shape[-1]}: they must agree"
            )
        values = np.empty(frame.shape, self.dtype)
        for i in range(len(self.rows)):
            values[..., i] = self._look_up(np.ascontiguousarray(frame[..., i]), i)
        return values

    def _look_up(self, frame: NDArray[np.uint8], row: int) -> NDArray[Any]:
        if not self._bytes:
            return np.take(self.rows[row], frame)
        steps = self._step_tables[row]
        if steps is not None and frame.size >= _LARGE:
            return steps(frame).view(self.dtype)
        values = bytearray(frame).translate(self._bytes[row])  # a third faster than that of bytes
        return np.frombuffer(values, self.dtype).reshape(frame.shape)


@dataclass(frozen=True)
class StepTable:
    """A row of values as arithmetic: pixel + `offset`, and from some pixels on 1 more (`up`) or less (`down`).

    It holds modulo 256, for slopes near 1. numpy computes it in vectors, while a look-up takes one byte at a time.
    """

    offset: int
    up: tuple[int, ...]
    down: tuple[int, ...]

    @classmethod
    def of(cls, row: NDArray[Any]) -> StepTable | None:
        """The 256 values of `row` (uint8 or int8) as steps; None where these are too many to be quicker."""
        ahead = row.view(np.uint8) - _EVERY_PIXEL
        changes = np.diff(ahead)
        up, down = (tuple(int(place) + 1 for place in np.flatnonzero(changes == by)) for by in (1, 255))
        few = len(up) + len(down) == np.count_nonzero(changes) <= _MOST_STEPS
        return cls(offset=int(ahead[0]), up=up, down=down) if few else None

    def __call__(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The values of `frame`, same shape."""
        values = np.add(frame, np.uint8(self.offset))
        for first in self.up:
            np.add(values, np.greater_equal(frame, np.uint8(first)).view(np.uint8), out=values)
        for first in self.down:
            np.subtract(values, np.greater_equal(frame, np.uint8(first)).view(np.uint8), out=values)
        return values


def _row(mean: float, std: float, params: QuantParams, *, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The 256 values of a table, exact: every float is a ratio of integers, so that integers are enough."""
    (above, below), *others = (float(value).as_integer_ratio() for value in (mean, std, params.scale))
    dividend, divisor = math.prod(lower for _, lower in others), below * math.prod(upper for upper, _ in others)
    limits = np.iinfo(dtype)
    steps = (_divide((pixel * below - above) * dividend, divisor) + params.zero_point for pixel in range(256))
    return np.array([min(max(value, limits.min), limits.max) for value in steps], dtype)


def _divide(dividend: int, divisor: int) -> int:
    """The quotient rounded to an integer, halves to even; exact."""
    if divisor < 0:
        dividend, divisor = -dividend, -divisor
    quotient, rest = divmod(dividend, divisor)
    return quotient + (2 * rest + quotient % 2 > divisor)
