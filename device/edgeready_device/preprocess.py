"""From a uint8 frame to the model's input tensor: normalization and quantization as one 256-entry table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ImageError, ModelFileError, UsageError
from edgeready_device.quantization import QuantParams

# Measured on x86-64 with numpy 1.26: a look-up of 16 kB takes 5 µs and arithmetic 1 to 8 µs, so that a look-up is the
# better choice for smaller frames. Of 224x224x3 pixels a look-up takes 102 µs, and arithmetic 3 µs without a step, 73
# with one, 86 with three and 100 with five: three leave a margin for other processors.
_LARGE = 16384  # bytes
_MOST_STEPS = 3
_EVERY_PIXEL = np.arange(256, dtype=np.uint8)


@dataclass(frozen=True)
class Normalization:
    """What training did to a pixel p of 0 to 255: (p - mean) / std, one value or one per channel."""

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (255.0,)

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or not self.mean:
            raise ModelFileError(f"the normalization has {len(self.mean)} means and {len(self.std)} deviations")
        for value in (*self.mean, *self.std):
            if not math.isfinite(value):
                raise ModelFileError(f"the normalization holds {value}: it must hold finite numbers")
        if any(std == 0 for std in self.std):
            raise ModelFileError("the normalization divides by a standard deviation of 0")

    def apply(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Frames (..., channels) as the float32 values that the network was trained on, same shape."""
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        values = frames.astype(np.float32, order="C")  # so that lines below are no copy
        if len(mean) > 1 and values.ndim > 1 and values.shape[-1] == len(mean):
            # Whole lines of pixels at once: numpy is slow where the innermost loop has three steps.
            repeats = values.shape[-2]
            lines = values.reshape(-1, repeats * len(mean))
            mean, std = np.tile(mean, repeats), np.tile(std, repeats)
        else:
            lines = values
        np.subtract(lines, mean, out=lines)
        np.divide(lines, std, out=lines)
        return values


def parse_normalization(mean: str | None, std: str | None) -> Normalization | None:
    """The Normalization of --mean and --std, each a number or one per channel with commas; None without both.

    Raises UsageError for texts that hold no such numbers.
    """
    return normalization_of(
        None if mean is None else parse_numbers("--mean", mean), None if std is None else parse_numbers("--std", std)
    )


def normalization_of(mean: Sequence[float] | None, std: Sequence[float] | None) -> Normalization | None:
    """The Normalization of `mean` (default 0) and `std` (default 255), one number each or one per channel.

    None when neither is set. Raises UsageError for a deviation of 0 and for numbers of channels that differ.
    """
    if mean is None and std is None:
        return None
    means, stds = tuple(mean or (0.0,)), tuple(std or (255.0,))
    if 0 in stds:
        raise UsageError("--std is 0: nothing can be divided by it; use 255 for values from 0 to 1")
    channels = max(len(means), len(stds))
    means, stds = (values * channels if len(values) == 1 else values for values in (means, stds))
    if len(means) != len(stds):
        raise UsageError(f"--mean has {len(means)} numbers, --std {len(stds)}: give one of each a channel")
    return Normalization(means, stds)


def parse_numbers(option: str, text: str) -> tuple[float, ...]:
    """The finite numbers of `text`, separated by commas; raises UsageError, which names `option`."""
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"{option} is {text!r}: write 127.5, or one number a channel: 123.7,116.3,103.5") from error
    if not all(map(math.isfinite, values)):
        raise UsageError(f"{option} is {text!r}: write finite numbers")
    return values


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


def shaped_as(shape: tuple[int, ...], frame: NDArray[Any]) -> NDArray[Any]:
    """`frame` in `shape`, from which it may differ by an axis of one channel; raises ImageError for other shapes."""
    if frame.shape == (*shape, 1) or (*frame.shape, 1) == shape:
        return frame.reshape(shape)
    raise ImageError(f"the frame has the shape {list(frame.shape)}, the model takes {list(shape)}: resize it first")
