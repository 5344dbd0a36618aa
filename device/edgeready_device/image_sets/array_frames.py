"""The images of a .npz as frames of pixels, converted a block of rows at a time."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import DatasetError
from edgeready_device.image_sets.npz_file import NpzArray
from edgeready_device.images.pillow_image import lay_on_white

# x / 255 in float32, times 255, is within 2e-5 of a whole number; float16 within 0.07.
_WHOLE = 0.1
_CHANNELS = (1, 3, 4)  # grey, RGB, RGBA
_OPAQUE = 255
# Frames that were unpacked and that nobody has asked for yet. Chosen: threads that share 64 frames at a time of
# 224x224 pixels, one for each CPU of a board, ask within it; where it is not enough the file is read from its start.
_MOST_WAITING_BYTES = 64 << 20


@dataclass(frozen=True)
class PixelSurvey:
    """What all values of an array of images say together: the least and the greatest, and the least alpha."""

    low: Any = 0
    high: Any = 0
    alpha: Any = None


@dataclass(frozen=True, eq=False)
class ArrayFrames:
    """The images of `source` as uint8 frames: its values times `scale`, channels last, without transparency.

    `survey` is that of the same array.
    """

    source: NpzArray = field(repr=False)
    survey: PixelSurvey
    scale: int = 1

    def __len__(self) -> int:
        """Returns the number of images."""
        return len(self.source)

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, height, width), or (n, height, width, channels)."""
        shape = self.source.shape
        if has_channels_first(shape):
            shape = (shape[0], *shape[2:], shape[1])
        return (*shape[:3], 3) if shape[3:] == (4,) else shape

    @property
    def nbytes(self) -> int:
        """The number of bytes of all pixels."""
        return math.prod(self.shape)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is done to the images, in sentences."""
        notes = []
        if has_channels_first(self.source.shape):
            notes.append(f"{self.source.title} has its channels first, shape {self.source.shape}")
        if self.survey.alpha is not None and np.rint(np.float32(self.survey.alpha) * self.scale) < _OPAQUE:
            notes.append(f"{self.source.title} is transparent: it is laid on white")
        return tuple(notes)

    def blocks(self) -> Iterator[NDArray[np.uint8]]:
        """Yields all frames in order, some megabytes of them at a time.

        Raises DatasetError when a value is no whole pixel, and where the file is damaged.
        """
        for values in self.source.blocks():
            yield _flatten_alpha(_to_pixels(order_channels(values), self.scale, self.source))

    def read(self) -> NDArray[np.uint8]:
        """Returns all frames as one array; raises as `blocks`."""
        frames = np.empty(self.shape, np.uint8)
        start = 0
        for block in self.blocks():
            frames[start : start + len(block)] = block
            start += len(block)
        return frames


class FrameStream:
    """Frames that are unpacked when slices of them are asked for, about in their order, by several threads.

    Those that nobody has asked for yet wait in memory. What is asked for again, or long after what follows it, is
    unpacked from the start of the file: right, and slow.
    """

    def __init__(self, frames: ArrayFrames) -> None:
        self.shape = frames.shape
        self._frames = frames
        self._lock = threading.Lock()
        self._rewind()

    def __len__(self) -> int:
        """Returns the number of frames."""
        return len(self._frames)

    def __getitem__(self, which: slice) -> NDArray[np.uint8]:
        """Returns the frames of a slice without steps; raises as `ArrayFrames.blocks`."""
        start, stop, step = which.indices(len(self))
        if step != 1:
            raise ValueError(f"frames of a .npz come in their order, and not in steps of {step}")
        result = np.empty((max(stop - start, 0), *self.shape[1:]), np.uint8)
        with self._lock:
            place = start
            while place < stop:
                place = self._take(place, stop, result[place - start :])
        return result

    def _rewind(self) -> None:
        self._blocks = self._frames.blocks()
        self._waiting: deque[_Block] = deque()
        self._failure: Exception | None = None
        self._first = self._next = 0  # the first frame that waits, and the first that is not unpacked yet

    def _take(self, place: int, stop: int, target: NDArray[np.uint8]) -> int:
        """Copies the frames from `place` on that lie in one block to `target`; returns the first that does not."""
        if place < self._first:
            self._rewind()
        while place >= self._next:
            self._unpack()
        block = next(block for block in self._waiting if place < block.start + len(block.frames))
        end = min(stop, block.start + len(block.frames))
        target[: end - place] = block.frames[place - block.start : end - block.start]
        block.unasked -= end - place
        while self._waiting and self._waiting[0].unasked <= 0:
            self._drop()
        return end

    def _unpack(self) -> None:
        if self._failure is not None:  # of another thread: a generator that has failed is at its end
            raise self._failure
        try:
            frames = next(self._blocks)
        except Exception as error:
            self._failure = error
            raise
        while self._waiting and sum(block.frames.nbytes for block in self._waiting) > _MOST_WAITING_BYTES:
            self._drop()
        self._waiting.append(_Block(self._next, frames, len(frames)))
        self._next += len(frames)

    def _drop(self) -> None:
        block = self._waiting.popleft()
        self._first = block.start + len(block.frames)


@dataclass
class _Block:
    """Frames from `start` on, of which `unasked` were not asked for yet."""

    start: int
    frames: NDArray[np.uint8]
    unasked: int


def survey_pixels(images: NpzArray) -> PixelSurvey:
    """Reads what must be known of all values before the first can be a pixel: nothing of bytes without transparency.

    Raises DatasetError for values that are neither 0..255 nor 0..1, for a shape that is none of images, and where
    the channels may be first or last.
    """
    if images.dtype.kind not in "uif":
        raise DatasetError(f"{images.title} is {images.dtype}: store the images as uint8, 0 to 255")
    _check_shape(images)
    has_alpha = images.ndim == 4 and images.shape[1 if has_channels_first(images.shape) else 3] == 4
    if images.dtype == np.uint8 and not has_alpha:
        return PixelSurvey()
    low = high = alpha = None
    for block in images.blocks():
        if block.size:
            low = block.min() if low is None else np.minimum(low, block.min())  # both carry NaN on
            high = block.max() if high is None else np.maximum(high, block.max())
        if block.size and has_alpha:
            least = order_channels(block)[..., 3].min()
            alpha = least if alpha is None else np.minimum(alpha, least)
    if low is None or high is None:
        return PixelSurvey()
    if not (low >= 0 and high <= 255):  # also true for NaN
        raise DatasetError(f"{images.title} holds values from {low} to {high}: store the images as uint8, 0 to 255")
    return PixelSurvey(low=low, high=high, alpha=alpha)


def pixel_scale(images: NpzArray, survey: PixelSurvey) -> int:
    """The factor that brings the images to 0..255: 255 for floats in 0..1, 1 for the rest.

    The factor of the training images is also that of the test images: a dark test set may stay below 1.
    """
    return 255 if images.dtype.kind == "f" and survey.high <= 1 else 1


def scale_frames(images: NpzArray, survey: PixelSurvey, scale: int) -> ArrayFrames:
    """The images as frames, where the training images have this scale; raises DatasetError where it cannot be."""
    if images.dtype != np.uint8 and scale == 255 and survey.high > 1:
        raise DatasetError(
            f"{images.title} goes up to {survey.high}, the training images only to 1: store both alike"
        )
    return ArrayFrames(images, survey, 1 if images.dtype == np.uint8 else scale)


def has_channels_first(shape: tuple[int, ...]) -> bool:
    """Whether the channels of images (n, a, b, c) are a."""
    return len(shape) == 4 and shape[1] in _CHANNELS and shape[3] not in _CHANNELS


def order_channels(values: NDArray[Any]) -> NDArray[Any]:
    """The images with their channels last."""
    return np.ascontiguousarray(np.moveaxis(values, 1, 3)) if has_channels_first(values.shape) else values


def _check_shape(images: NpzArray) -> None:
    shape, title = images.shape, images.title
    if len(shape) == 2 and shape[0]:
        side = math.isqrt(shape[1])
        example = f"(N, {side}, {side})" if side * side == shape[1] else "(N, height, width) or (N, height, width, 3)"
        raise DatasetError(f"{title} has the shape {shape}, pixels in a row: reshape it to {example}")
    if len(shape) not in (3, 4):
        raise DatasetError(f"{title} has the shape {shape}: make it (N, height, width) or (N, height, width, 1 or 3)")
    is_open = len(shape) == 4 and shape[1] in (1, 3) and shape[3] in _CHANNELS
    if is_open and shape[2] > _CHANNELS[-1]:
        raise DatasetError(
            f"{title} has the shape {shape}, with channels first or last: store it as (N, height, width, channels) "
            "with at least 5 pixels in each direction"
        )


def _to_pixels(values: NDArray[Any], scale: int, images: NpzArray) -> NDArray[np.uint8]:
    """The values times `scale` as uint8, in the same shape; raises DatasetError when a product is not whole."""
    if values.dtype == np.uint8:
        return values
    scaled = values.astype(np.float32) * np.float32(scale)
    whole = np.rint(scaled)
    if values.size and (off := float(np.abs(scaled - whole).max())) > _WHOLE:
        raise DatasetError(
            f"{images.title} ({values.dtype}) holds values that are {off:.2f} steps away from a whole pixel of 0 to "
            "255: store the images as uint8, before normalization"
        )
    result: NDArray[np.uint8] = whole.astype(np.uint8)
    return result


def _flatten_alpha(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGBA images as RGB, on white where they are transparent; others as they are."""
    if pixels.ndim != 4 or pixels.shape[3] != 4:
        return pixels
    frames = np.ascontiguousarray(pixels[..., :3])
    for row in np.flatnonzero((pixels[..., 3] < _OPAQUE).any(axis=(1, 2))):
        frames[row] = lay_on_white(pixels[row])
    return frames
