"""A picture in memory as the frame that a model takes; another size needs Pillow (the extra `images`)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ImageError, NotFoundError, RuntimeUnavailableError, UsageError, one_line
from edgeready_device.model_file.manifest import RESIZE_RULES, InputSpec

_MOST_BYTES = 256 << 20  # of an array; chosen: far above a camera's picture, below a board's memory


def fit_frame(picture: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.uint8]:
    """`picture` (uint8, grey or RGB, any size) as uint8 of the shape (height, width, channels) of `spec`.

    It is resized by the rule of `spec`; RGB becomes grey by its luma, and grey three equal channels.
    Raises ImageError for another dtype or shape, RuntimeUnavailableError where Pillow is needed and missing.
    """
    if picture.ndim == 2:
        picture = picture[..., np.newaxis]
    _check_picture(picture)
    if picture.shape[2] != spec.channels:
        picture = _grey(picture) if spec.channels == 1 else np.repeat(picture, 3, axis=2)
    return resize_frame(picture, spec.height, spec.width, rule=spec.resize)


def load_array(path: str | os.PathLike[str], spec: InputSpec) -> NDArray[np.uint8]:
    """The picture in the .npy file `path` (uint8, grey or RGB, any size), as `fit_frame` returns it; needs no Pillow.

    Raises NotFoundError where there is no such file, ImageError where it is damaged or holds no picture.
    """
    return fit_frame(read_array(path), spec)


def read_array(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """The picture in the .npy file `path` as uint8 of the shape (height, width, 1 or 3); raises as `load_array`."""
    name = repr(str(path))
    open_array: Callable[..., NDArray[Any]] = np.lib.format.open_memmap  # which numpy leaves untyped
    try:
        stored = open_array(path, mode="r")  # refuses a header that promises more than the file holds
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"no array {name}: check the path") from error
    except (OSError, ValueError) as error:
        raise ImageError(f"array {name} cannot be read ({one_line(error)}): write it with numpy.save") from error
    if stored.nbytes > _MOST_BYTES:
        raise ImageError(f"array {name} holds {stored.nbytes >> 20} MiB: give at most {_MOST_BYTES >> 20} MiB")
    picture = np.array(stored)
    if picture.ndim == 2:
        picture = picture[..., np.newaxis]
    try:
        _check_picture(picture)
    except ImageError as error:
        raise ImageError(f"array {name}: {error}") from error
    return picture


def _check_picture(picture: NDArray[np.uint8]) -> None:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] not in (1, 3) or 0 in picture.shape:
        raise ImageError(
            f"the picture is {picture.dtype} {list(picture.shape)}: give uint8 of the shape height, width, 1 or 3"
        )


def _grey(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The luma of ITU-R BT.601 in the integers that Pillow computes it with, so that files and frames agree."""
    wide = picture.astype(np.uint32)
    luma = (wide[..., 0] * 19595 + wide[..., 1] * 38470 + wide[..., 2] * 7471 + 0x8000) >> 16
    return np.asarray(luma.astype(np.uint8)[..., np.newaxis])


def resize_frame(frame: NDArray[np.uint8], height: int, width: int, rule: str = "stretch") -> NDArray[np.uint8]:
    """The frame (height, width, 1 or 3) as uint8 of shape (`height`, `width`, same channels), in pixels.

    `stretch` ignores the aspect, `crop` keeps the largest centred part of the new aspect, and `letterbox`
    keeps all of it, centred on black. Bilinear, antialiased when shrinking. A frame that already has the
    size comes back as it is. Raises ImageError for another dtype or shape, UsageError for another rule or
    size, and RuntimeUnavailableError where Pillow is not installed.
    """
    if rule not in RESIZE_RULES:
        raise UsageError(f"no resize rule {rule!r}: use one of {', '.join(RESIZE_RULES)}")
    if height < 1 or width < 1:
        raise UsageError(f"cannot resize to {height}x{width}: height and width start at 1 pixel")
    _check_picture(frame)
    if frame.shape[:2] == (height, width):
        return frame
    require_pillow()
    if rule == "letterbox":
        return _letterbox(frame, height, width)
    return _resize(_crop(frame, height, width) if rule == "crop" else frame, height, width)


def _crop(frame: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """The largest centred part of the frame with the aspect width:height, in whole pixels."""
    scale = min(frame.shape[0] / height, frame.shape[1] / width)
    # Cut before resizing: Pillow's `box` lets pixels from outside of it bleed in at the edges.
    part_height = min(max(round(height * scale), 1), frame.shape[0])
    part_width = min(max(round(width * scale), 1), frame.shape[1])
    top, left = (frame.shape[0] - part_height) // 2, (frame.shape[1] - part_width) // 2
    return frame[top : top + part_height, left : left + part_width]


def _letterbox(frame: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    scale = min(height / frame.shape[0], width / frame.shape[1])
    inner_height = min(max(round(frame.shape[0] * scale), 1), height)
    inner_width = min(max(round(frame.shape[1] * scale), 1), width)
    top, left = (height - inner_height) // 2, (width - inner_width) // 2
    sheet = np.zeros((height, width, frame.shape[2]), np.uint8)
    inner = _resize(frame, inner_height, inner_width)
    sheet[top : top + inner_height, left : left + inner_width] = inner
    return sheet


def _resize(frame: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    from PIL import Image  # noqa: PLC0415  (Pillow is an extra)

    image = Image.fromarray(frame[..., 0] if frame.shape[2] == 1 else frame)
    # Pillow's bilinear widens its window when it shrinks, so that no pixel is skipped (antialiasing).
    pixels = np.array(image.resize((width, height), Image.Resampling.BILINEAR))
    return pixels.reshape(height, width, frame.shape[2])


def require_pillow() -> None:
    """Raises RuntimeUnavailableError where Pillow is not installed."""
    try:
        import PIL.Image  # noqa: F401, PLC0415 (only reading image files needs Pillow; the rest runs without)
    except ImportError as error:
        raise RuntimeUnavailableError(
            'Pillow is not installed, so image files cannot be read: pip install "edgeready-device[images]"'
        ) from error
