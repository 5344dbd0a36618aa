"""The images of a set as the frames that a model takes, resized when they are asked for."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import DatasetError, RuntimeUnavailableError
from edgeready_device.images.frames import fit_frame
from edgeready_device.images.pillow_image import require_pillow
from edgeready_device.model_file.manifest import InputSpec


class ImageSet(Protocol):
    """uint8 images of one size that can be sliced: an array (n, height, width[, channels]), or what reads one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, height, width[, channels])."""

    def __len__(self) -> int:
        """Number of images."""

    def __getitem__(self, which: slice) -> NDArray[np.uint8]:
        """The images of a slice as one array."""


class FittedFrames:
    """Frames of another size or other channels as a model takes them: each as `fit_frame` makes it of the picture."""

    def __init__(self, frames: ImageSet, spec: InputSpec) -> None:
        self.shape = (len(frames), spec.height, spec.width, spec.channels)
        self._frames, self._spec = frames, spec

    def __len__(self) -> int:
        """Returns the number of frames."""
        return len(self._frames)

    def __getitem__(self, which: slice) -> NDArray[np.uint8]:
        """Returns the frames of a slice."""
        pictures = self._frames[which]
        frames = np.empty((len(pictures), *self.shape[1:]), np.uint8)
        for row, picture in enumerate(pictures):
            frames[row] = fit_frame(picture, self._spec)
        return frames


def fit_frames(frames: ImageSet, spec: InputSpec, name: str) -> tuple[ImageSet | FittedFrames, str]:
    """The images of the data set `name` as a model takes them, and what is done to them; "" where nothing is.

    Raises DatasetError for images without pixels, RuntimeUnavailableError where they must be resized without Pillow.
    """
    height, width, channels = (*frames.shape[1:], 1)[:3]
    if 0 in (height, width) or channels not in (1, 3):
        raise DatasetError(f"images of {name} have the shape {frames.shape}: make it (N, height, width, 1 or 3)")
    if (height, width, channels) == (spec.height, spec.width, spec.channels):
        return frames, ""
    if (height, width) != (spec.height, spec.width):
        try:
            require_pillow()
        except RuntimeUnavailableError as error:
            raise RuntimeUnavailableError(
                f"the images of {name} are {height}x{width} pixels, the model takes {spec.height}x{spec.width}, and "
                'Pillow, which resizes them, is not installed: pip install "edgeready-device[images]"'
            ) from error
    size, own = f"{height}x{width}x{channels}", f"{spec.height}x{spec.width}x{spec.channels}"
    return FittedFrames(frames, spec), f"the images of {name} are {size}: they are brought to the model's {own}"
