"""A picture in memory as the frame that a model takes; needs Pillow where it has another size or is to be grey."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ImageError
from edgeready_device.manifest import InputSpec
from edgeready_device.resizing import resize_frame


def fit_frame(picture: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.uint8]:
    """`picture` (uint8, grey or RGB, any size) as uint8 of the shape (height, width, channels) of `spec`.

    It is resized by the rule of `spec`; RGB becomes grey by its luma, and grey three equal channels.
    Raises ImageError for another dtype or shape, RuntimeUnavailableError where Pillow is needed and missing.
    """
    if picture.ndim == 2:
        picture = picture[..., np.newaxis]
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] not in (1, 3) or 0 in picture.shape:
        raise ImageError(
            f"the picture is {picture.dtype} {list(picture.shape)}: give uint8 of the shape height, width, 1 or 3"
        )
    if picture.shape[2] != spec.channels:
        picture = _grey(picture) if spec.channels == 1 else np.repeat(picture, 3, axis=2)
    return resize_frame(picture, spec.height, spec.width, spec.resize)


def _grey(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The luma of ITU-R BT.601 in the integers that Pillow computes it with, so that files and frames agree."""
    wide = picture.astype(np.uint32)
    luma = (wide[..., 0] * 19595 + wide[..., 1] * 38470 + wide[..., 2] * 7471 + 0x8000) >> 16
    return np.asarray(luma.astype(np.uint8)[..., np.newaxis])
