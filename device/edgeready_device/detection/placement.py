"""A picture in the frame that a detector takes, and its boxes back in the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeready_device.detection.frame_input import FrameInput
from edgeready_device.images.frames import resize_frame

STRETCH, LETTERBOX = "stretch", "letterbox"
RULES = (STRETCH, LETTERBOX)
# The value of the bars beside a letterboxed picture: the 114 that YOLOv5 and all of Ultralytics' networks were
# trained with.
_BAR = 114


@dataclass(frozen=True)
class Placement:
    """Where a picture lies in a frame: at `left` and `top`, `inner_width` x `inner_height` pixels large."""

    picture_height: int
    picture_width: int
    frame_height: int
    frame_width: int
    left: int
    top: int
    inner_height: int
    inner_width: int

    @classmethod
    def of(cls, height: int, width: int, frame: FrameInput, *, rule: str) -> Placement:
        """Places a picture of `height` x `width` pixels in a `frame` by the `rule`, stretch or letterbox."""
        inner_height, inner_width = frame.height, frame.width
        if rule == LETTERBOX:
            scale = min(frame.height / height, frame.width / width)
            inner_height = min(max(round(height * scale), 1), frame.height)
            inner_width = min(max(round(width * scale), 1), frame.width)
        return cls(
            picture_height=height,
            picture_width=width,
            frame_height=frame.height,
            frame_width=frame.width,
            left=(frame.width - inner_width) // 2,
            top=(frame.height - inner_height) // 2,
            inner_height=inner_height,
            inner_width=inner_width,
        )

    def frame_of(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Returns the frame, uint8 (height, width, channels), that holds the `picture`, grey bars beside it.

        Raises RuntimeUnavailableError where Pillow is needed to resize and is not installed.
        """
        inner = resize_frame(picture, self.inner_height, self.inner_width)
        if (self.inner_height, self.inner_width) == (self.frame_height, self.frame_width):
            return inner
        frame = np.full((self.frame_height, self.frame_width, picture.shape[2]), _BAR, np.uint8)
        frame[self.top : self.top + self.inner_height, self.left : self.left + self.inner_width] = inner
        return frame

    def to_picture(self, corners: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns `corners` (n, 4), fractions of the frame, as pixels of the picture, clipped to it."""
        frame = np.array([self.frame_width, self.frame_height] * 2, np.float64)
        offset = np.array([self.left, self.top] * 2, np.float64)
        inner = np.array([self.inner_width, self.inner_height] * 2, np.float64)
        picture = np.array([self.picture_width, self.picture_height] * 2, np.float64)
        return np.clip((corners * frame - offset) / inner * picture, 0.0, picture)
