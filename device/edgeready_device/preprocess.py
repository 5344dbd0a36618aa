"""From a uint8 frame to the model's input tensor: normalization and quantization as one 256-entry table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ModelFileError
from edgeready_device.quantization import QuantParams


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
        mean = np.asarray(self.mean, np.float32)
        std = np.asarray(self.std, np.float32)
        return (frames.astype(np.float32) - mean) / std


class FrameTable:
    """The quantized value of each of the 256 pixel values: one look-up per byte, nothing when it is the identity.

    `rows` holds one array of 256 values, or one per channel.
    """

    def __init__(self, rows: Sequence[NDArray[Any]]) -> None:
        if all(np.array_equal(row, rows[0]) for row in rows):
            rows = rows[:1]
        self.rows = tuple(rows)
        self.dtype = rows[0].dtype
        self.identity = len(rows) == 1 and rows[0].tobytes() == bytes(range(256))
        self._bytes = tuple(row.tobytes() for row in rows) if self.dtype.itemsize == 1 else ()

    @classmethod
    def exact(cls, normalization: Normalization, params: QuantParams, dtype: str) -> FrameTable:
        """The table of `normalization` then `params`, computed with fractions: exact, halves to even."""
        kind = np.dtype(dtype)
        return cls([_row(mean, std, params, kind) for mean, std in zip(normalization.mean, normalization.std)])

    @classmethod
    def raw(cls, dtype: str) -> FrameTable:
        """The table that moves pixel 0 to the least value of the 8-bit type `dtype`, 255 to the greatest."""
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
        return np.stack([self._look_up(frame[..., i], i) for i in range(len(self.rows))], axis=-1)

    def _look_up(self, frame: NDArray[np.uint8], row: int) -> NDArray[Any]:
        if not self._bytes:
            return np.asarray(self.rows[row][frame])
        moved = frame.tobytes().translate(self._bytes[row])
        return np.frombuffer(moved, self.dtype).reshape(frame.shape)


def _row(mean: float, std: float, params: QuantParams, dtype: np.dtype[Any]) -> NDArray[Any]:
    limits = np.iinfo(dtype)
    step = Fraction(std) * Fraction(params.scale)
    offset = Fraction(mean)
    steps = (round((pixel - offset) / step) + params.zero_point for pixel in range(256))
    return np.array([min(max(value, limits.min), limits.max) for value in steps], dtype)
