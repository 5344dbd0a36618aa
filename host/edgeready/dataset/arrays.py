"""Pixels and labels as other programs store them, brought to uint8 and int64 without guessing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.errors import DatasetError

Array = NDArray[Any]

# x / 255 in float32, times 255, is within 2e-5 of a whole number; float16 within 0.07.
_WHOLE = 0.1


def pixel_scale(pixels: Array, name: str) -> int:
    """What to multiply by to get 0..255: 255 for floats in 0..1, 1 for the rest; DatasetError outside those.

    Take it from the training images and use it for the test images too: a dark test set may well stay below 1.
    """
    if pixels.dtype.kind not in "uif":
        raise DatasetError(f"{name} is {pixels.dtype}: store the images as uint8, 0 to 255")
    low, high = (pixels.min(), pixels.max()) if pixels.size else (0, 0)
    if not (low >= 0 and high <= 255):  # also true for NaN
        raise DatasetError(f"{name} holds values from {low} to {high}: store the images as uint8, 0 to 255")
    return 255 if pixels.dtype.kind == "f" and high <= 1 else 1


def to_pixels(pixels: Array, scale: int, name: str) -> NDArray[np.uint8]:
    """The pixels times `scale` as uint8, same shape; DatasetError where that is not whole or leaves 0..255."""
    if pixels.dtype == np.uint8:
        return pixels
    if pixel_scale(pixels, name) == 1 and scale == 255 and pixels.max(initial=0) > 1:
        raise DatasetError(f"{name} goes up to {pixels.max()}, the training images only to 1: store both alike")
    wanted = pixels.astype(np.float32) * np.float32(scale)
    whole = np.rint(wanted)
    if pixels.size and (off := float(np.abs(wanted - whole).max())) > _WHOLE:
        raise DatasetError(
            f"{name} ({pixels.dtype}) holds values that are {off:.2f} steps away from a whole pixel of 0 to 255: "
            "store the images as uint8, before normalization"
        )
    result: NDArray[np.uint8] = whole.astype(np.uint8)
    return result


def to_labels(labels: Array, name: str) -> NDArray[np.int64]:
    """Labels of shape (N,), (N, 1) or one-hot (N, classes) as int64 of shape (N,); DatasetError for others."""
    if labels.dtype.kind not in "buif":
        raise DatasetError(f"{name} is {labels.dtype}: store the labels as integers from 0")
    if labels.ndim not in (1, 2) or not labels.size:
        raise DatasetError(f"{name} has the shape {labels.shape}: make it (N,), (N, 1) or one-hot (N, classes)")
    if not np.isin(labels % 1, 0).all():
        raise DatasetError(f"{name} holds {labels[labels % 1 != 0][0]}, no whole number: store integers from 0")
    if labels.ndim == 1 or labels.shape[1] == 1:
        return labels.reshape(-1).astype(np.int64)
    rows = (labels != 0).sum(axis=1) != 1
    if rows.any() or labels.max() != 1:
        row = int(np.flatnonzero(rows | (labels.max(axis=1) != 1))[0])
        raise DatasetError(f"{name} row {row} is {labels[row].tolist()}, not one-hot: use a single 1 per row")
    result: NDArray[np.int64] = labels.argmax(axis=1).astype(np.int64)
    return result
