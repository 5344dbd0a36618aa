"""Rounds values to the converter's 8-bit grids while they stay floats, with the straight-through gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def fit_grid(low: NDArray[np.float32], high: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns scale and int8 zero point, each (n,), that the converter chooses for values from `low` to `high`.

    The range is widened to hold 0, and a tie of the zero point is rounded away from 0: [-1, 1] has -1, where
    TensorFlow's own fake quantization has 0.
    """
    least, most = np.minimum(low, 0.0).astype(np.float64), np.maximum(high, 0.0).astype(np.float64)
    scale = (most - least) / 255
    scale[scale == 0] = 1 / 255  # nothing but zeros: any grid holds them
    exact = -128 - least / scale
    return scale, np.trunc(exact + np.copysign(0.5, exact))


@tf.custom_gradient  # type: ignore[untyped-decorator]
def round_to_grid(values: tf.Tensor, low: tf.Tensor, high: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
    """Rounds `values` to the asymmetric grid of 256 steps from `low` to `high`, moved so that it holds 0.

    Values outside are clipped and have no gradient; the others pass it unchanged (Bengio et al., 2013).
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None, None]:
        return tf.where((values >= low) & (values <= high), upstream, 0.0), None, None

    return tf.quantization.fake_quant_with_min_max_vars(values, low, high), gradient


def lower_halves(values: tf.Tensor, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
    """Lowers `values` below int8's 0 a little, so that a value halfway between two steps goes to the lower one.

    The mean of four steps is often halfway, and AVERAGE_POOL_2D rounds a half away from 0.
    """
    step = (high - low) / 255
    return tf.where(values < low + 128 * step, values - step * _NUDGE, values)


def round_weights(kernel: tf.Tensor, axis: int | None) -> tf.Tensor:
    """Rounds `kernel` to the symmetric grid of -127 to 127, with a scale for each place on `axis`, or one for None.

    The largest value is the end of the grid, so that nothing is clipped and the gradient passes unchanged.
    """
    others = None if axis is None else [place for place in range(len(kernel.shape)) if place != axis]
    most = tf.reduce_max(tf.abs(kernel), others, keepdims=axis is not None)
    step = tf.maximum(most, _TINY) / 127.0
    return kernel + tf.stop_gradient(tf.round(kernel / step) * step - kernel)


_NUDGE = 1e-3  # of a step; chosen: more than the error of float32, less than any difference between two means
_TINY = 1e-30  # a channel of zeros stays zero
