"""The one place of the arithmetic between real values and 8-bit integers: round half to even, then saturate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ModelFileError, UsageError


@dataclass(frozen=True)
class QuantParams:
    """Per-tensor quantization: real value = scale * (quantized value - zero_point)."""

    scale: float
    zero_point: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise ModelFileError(f"the scale is {self.scale}: it must be a positive number; convert the model again")


def quantize(values: NDArray[Any], params: QuantParams, dtype: str) -> NDArray[Any]:
    """`values` (any shape, real) as integers of `dtype` in the same shape.

    Computed in float64; halves round to even and what lies outside the type saturates.
    Raises UsageError when a value is not a number.
    """
    real = np.asarray(values, dtype=np.float64)
    if np.isnan(real).any():
        raise UsageError("the values hold NaN, which no integer stands for: fix what computes them")
    limits = np.iinfo(np.dtype(dtype))
    steps = np.rint(real / params.scale) + params.zero_point
    return np.asarray(np.clip(steps, limits.min, limits.max).astype(dtype))


def dequantize(values: NDArray[Any], params: QuantParams) -> NDArray[np.float32]:
    """Integer `values` (any shape) as float32 in the same shape, widened before the zero point is taken off."""
    wide = np.asarray(values).astype(np.int32) - params.zero_point
    return (wide * np.float64(params.scale)).astype(np.float32)
