"""Sums the differences between float32 and dequantized values over images."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgeready.layer_analysis.layer_error import Range, TensorError
from edgeready_device.quantization import QuantParams, dequantize, quantize
from edgeready_device.tflite.graph import Tensor

POOR_LEVELS = 16  # of 256; chosen: 4 of the 8 bits, 24 dB less than a channel that fills the grid
_SUBSET = 4096  # values per image and tensor for the quantiles; chosen: 0.05 % of them are two values
_USUAL = (0.0005, 0.9995)  # quantiles: 99.9 % of the values lie between them, as the report says
Values = NDArray[np.float32]


def params_of(tensor: Tensor) -> QuantParams | None:
    """Returns scale and zero point of an activation; None where it is not quantized."""
    return QuantParams(tensor.scales[0], tensor.zero_points[0]) if tensor.scales else None


def real(values: NDArray[np.generic], tensor: Tensor) -> Values:
    """Returns the real values of `values`, which the runtime computed for `tensor`."""
    params = params_of(tensor)
    return values.astype(np.float32) if params is None else dequantize(values, params)


def decibels(signal: float, noise: float) -> float:
    """Returns the ratio of the powers `signal` and `noise` in dB; inf without noise, -inf without signal."""
    if noise <= 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 else -math.inf


@dataclass
class Difference:
    """A running sum of differences; `error` returns the result."""

    step: float | None = None
    signal: float = 0.0
    noise: float = 0.0
    sum: float = 0.0
    largest: float = 0.0
    count: int = 0

    def add(self, exact: Values, actual: Values) -> None:
        """Adds the values of one image."""
        error = actual.astype(np.float64) - exact
        self.signal += float(np.square(exact, dtype=np.float64).sum())
        self.noise += float(np.square(error).sum())
        self.sum += float(error.sum())
        self.largest = max(self.largest, float(np.abs(error).max(initial=0)))
        self.count += error.size

    def error(self) -> TensorError:
        """Returns the TensorError of all added values."""
        sqnr, mean = decibels(self.signal, self.noise), self.sum / max(1, self.count)
        if self.step is None:
            return TensorError(sqnr_db=sqnr, bias=mean, largest=self.largest)
        return TensorError(
            sqnr_db=sqnr,
            bias=mean,
            largest=self.largest,
            bias_steps=mean / self.step,
            largest_steps=self.largest / self.step,
        )


@dataclass
class Occupation:
    """A running measure of how float32 values fill the grid of a quantized tensor; `range` returns the result."""

    params: QuantParams
    dtype: str
    rounding: Difference = field(default_factory=Difference)
    clipped: int = 0
    clipped_noise: float = 0.0
    low: Values | None = None
    high: Values | None = None
    subsets: list[Values] = field(default_factory=list)

    def add(self, values: Values) -> None:
        """Adds the values of one image, channels last."""
        limits = np.iinfo(np.dtype(self.dtype))
        steps = values.astype(np.float64) / self.params.scale + self.params.zero_point
        beyond = (steps < limits.min - 0.5) | (steps > limits.max + 0.5)
        rounded = dequantize(quantize(values, self.params, self.dtype), self.params)
        self.rounding.add(values, rounded)
        self.clipped += int(beyond.sum())
        self.clipped_noise += float(np.square(rounded[beyond].astype(np.float64) - values[beyond]).sum())
        rows = values.reshape(-1, values.shape[-1] if values.ndim else 1)
        low, high = rows.min(axis=0), rows.max(axis=0)
        self.low = low if self.low is None else np.minimum(self.low, low)
        self.high = high if self.high is None else np.maximum(self.high, high)
        flat = values.reshape(-1)
        self.subsets.append(flat[:: max(1, flat.size // _SUBSET)])

    def range(self) -> Range | None:
        """Returns the Range of all added values; None where there are none."""
        if self.low is None or self.high is None:
            return None
        # 8 bits cannot tell channels apart from noise when all of their values lie within a few steps
        spans = (np.maximum(self.high, 0) - np.minimum(self.low, 0)) / self.params.scale
        alive = spans[spans > 0]
        usual = np.quantile(np.concatenate(self.subsets), _USUAL)
        error = self.rounding
        return Range(
            clipped=self.clipped / max(1, error.count),
            clipped_noise=self.clipped_noise / error.noise if error.noise else 0.0,
            levels=float(self.high.max() - self.low.min()) / self.params.scale,
            usual_levels=float(usual[1] - usual[0]) / self.params.scale,
            poor_channels=int((alive < POOR_LEVELS).sum()),
            channels=len(alive),
            rounding_db=decibels(error.signal, error.noise),
        )
