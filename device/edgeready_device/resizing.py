"""A frame of one size made into another; needs Pillow (the extra `images`) unless it has the size already."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ImageError, RuntimeUnavailableError, UsageError
from edgeready_device.manifest import RESIZE_RULES


def resize_frame(frame: NDArray[np.uint8], height: int, width: int, rule: str = "stretch") -> NDArray[np.uint8]:
    """The frame (height, width, 1 or 3) as uint8 of shape (`height`, `width`, same channels), in pixels.

    `stretch` ignores the aspect, `crop` keeps the largest centred part of the new aspect, and `letterbox`
    keeps all of it, centred on black. Bilinear, antialiased when shrinking. A frame that already has the
    size comes back as it is. Raises ImageError for another dtype or shape, UsageError for another rule or
    size, and RuntimeUnavailableError where Pillow is not installed.
    """
    _check_resize(frame, height, width, rule)
    if frame.shape[:2] == (height, width):
        return frame
    require_pillow()
    if rule == "letterbox":
        return _letterboxed(frame, height, width)
    return _resized(_cropped(frame, height, width) if rule == "crop" else frame, height, width)


def _check_resize(frame: NDArray[np.uint8], height: int, width: int, rule: str) -> None:
    if rule not in RESIZE_RULES:
        raise UsageError(f"no resize rule {rule!r}: use one of {', '.join(RESIZE_RULES)}")
    if height < 1 or width < 1:
        raise UsageError(f"cannot resize to {height}x{width}: height and width start at 1 pixel")
    if frame.dtype != np.uint8:
        raise ImageError(f"a frame holds uint8, not {frame.dtype}: hand in pixels from 0 to 255")
    if frame.ndim != 3 or frame.shape[2] not in (1, 3) or 0 in frame.shape:
        raise ImageError(f"a frame has the shape (height, width, 1 or 3), not {frame.shape}: reshape it")


def _cropped(frame: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """The largest centred part of the frame with the aspect width:height, in whole pixels."""
    scale = min(frame.shape[0] / height, frame.shape[1] / width)
    # Cut before resizing: Pillow's `box` lets pixels from outside of it bleed in at the edges.
    part_height = min(max(round(height * scale), 1), frame.shape[0])
    part_width = min(max(round(width * scale), 1), frame.shape[1])
    top, left = (frame.shape[0] - part_height) // 2, (frame.shape[1] - part_width) // 2
    return frame[top : top + part_height, left : left + part_width]


def _letterboxed(frame: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    scale = min(height / frame.shape[0], width / frame.shape[1])
    inner_height = min(max(round(frame.shape[0] * scale), 1), height)
    inner_width = min(max(round(frame.shape[1] * scale), 1), width)
    top, left = (height - inner_height) // 2, (width - inner_width) // 2
    sheet = np.zeros((height, width, frame.shape[2]), np.uint8)
    inner = _resized(frame, inner_height, inner_width)
    sheet[top : top + inner_height, left : left + inner_width] = inner
    return sheet


def _resized(frame: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    from PIL import Image  # noqa: PLC0415

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
