"""Draws detected objects into a picture; needs Pillow (the extra `images`)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.detection.boxes import Detection
from edgeready_device.images.fonts import font_for

if TYPE_CHECKING:
    from PIL import ImageDraw

DRAWING_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
# Colours that differ from each other and carry black or white text: Okabe and Ito's, made for the colour-blind.
_COLOURS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
_LINE_SHARE, _TEXT_SHARE = 300, 40  # of the shorter side; chosen: both are seen in a picture shown on a screen
_LEAST_TEXT = 10  # pixels; chosen: smaller letters cannot be read
_DARK = 140  # luma below which white text is read better than black; chosen: that of the palette's middle


def draw_detections(picture: NDArray[np.uint8], detections: Sequence[Detection], suffix: str = ".png") -> bytes:
    """Returns the `picture` (height, width, 1 or 3) with a box and a label for each object, as a file's bytes."""
    from PIL import Image, ImageDraw  # noqa: PLC0415  (Pillow is an extra)

    image = Image.fromarray(np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3))))
    pen = ImageDraw.Draw(image)
    shorter = min(image.size)
    text_size = max(shorter // _TEXT_SHARE, _LEAST_TEXT)
    for detection in reversed(detections):  # the best lie on top
        _draw(pen, detection, width=max(shorter // _LINE_SHARE, 1), text_size=text_size)
    target = io.BytesIO()
    image.save(target, DRAWING_FORMATS[suffix.lower()])
    return target.getvalue()


def _draw(pen: ImageDraw.ImageDraw, detection: Detection, *, width: int, text_size: int) -> None:
    colour = _COLOURS[detection.index % len(_COLOURS)]
    box = detection.box
    first = round(box.left), round(box.top)
    last = max(round(box.right) - 1, first[0]), max(round(box.bottom) - 1, first[1])
    pen.rectangle((*first, *last), outline=colour, width=width)
    text = f"{detection.label} {100 * detection.score:.0f} %"
    font = font_for(text, text_size)
    text = _drawable(text, font)
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    text_height = bottom - top + 2 * width
    # Above the box where there is room, else in it.
    y = first[1] - text_height if first[1] >= text_height else first[1]
    x = max(min(first[0], pen.im.size[0] - (right - left) - 2 * width), 0)
    pen.rectangle((x, y, x + right - left + 2 * width, y + text_height), fill=colour)
    luma = (299 * colour[0] + 587 * colour[1] + 114 * colour[2]) // 1000
    pen.text((x + width - left, y + width - top), text, fill="white" if luma < _DARK else "black", font=font)


def _drawable(text: str, font: Any) -> str:
    """`text` as the font has it: the font of one size knows Latin-1 only."""
    return text if hasattr(font, "path") else text.encode("latin-1", "replace").decode("latin-1")
