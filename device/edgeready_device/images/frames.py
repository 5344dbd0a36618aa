"""A picture in memory as the frame that a model takes; another size needs Pillow (the extra `images`)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ImageError, NotFoundError, UsageError, one_line
from edgeready_device.images.pictures import convert_channels, is_pillow_image, read_picture
from edgeready_device.images.pillow_image import as_pixels, require_pillow
from edgeready_device.input_file import check_file
from edgeready_device.model_file.manifest import RESIZE_RULES, InputSpec

if TYPE_CHECKING:
    from PIL import Image

Box = tuple[int, int, int, int]  # left, top, right and bottom, as Pillow has them

_MOST_BYTES = 256 << 20  # of an array; chosen: far above a camera's picture, below a board's memory


def fit_frame(picture: Any, spec: InputSpec) -> NDArray[np.uint8]:
    """`picture` (uint8, grey or RGB, any size) as uint8 of the shape (height, width, channels) of `spec`.

    It is cropped and resized by the rules of `spec`; RGB becomes grey by its luma, and grey three equal channels.
    Pillow's images, and what `read_picture` reads as pixels, are pictures, too. Raises ImageError for what is none,
    RuntimeUnavailableError where Pillow is needed and missing.
    """
    pixels = _check_pixels(read_picture(picture, (spec.height, spec.width)))
    frame = convert_channels(pixels, spec.channels)
    return resize_frame(frame, spec.height, spec.width, rule=spec.resize, crop=spec.crop)


def as_frame(picture: Any, spec: InputSpec) -> NDArray[Any]:
    """`picture` as (height, width, channels) of `spec`, which it must have already: uint8 pixels or float values.

    Images of Pillow are cropped and resized. Raises ImageError for another size and for what is no picture.
    """
    if is_pillow_image(picture):
        return fit_frame(picture, spec)
    pixels = read_picture(picture, (spec.height, spec.width))
    if pixels.shape[:2] != (spec.height, spec.width):
        expected = [spec.height, spec.width, spec.channels]
        shape = list(np.shape(picture))
        raise ImageError(
            f"the frame has the shape {shape}, the model takes {expected}: resize it first, as "
            "fit_frame(picture, model.contract.frame) does"
        )
    return convert_channels(pixels, spec.channels)


def load_array(path: str | os.PathLike[str], spec: InputSpec) -> NDArray[np.uint8]:
    """The picture in the .npy file `path` (uint8, grey or RGB, any size), as `fit_frame` returns it; needs no Pillow.

    Raises NotFoundError where there is no such file, ImageError where it is damaged or holds no picture.
    """
    return fit_frame(read_array(path, (spec.height, spec.width)), spec)


def read_array(path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """The picture in the .npy file `path` as uint8 of the shape (height, width, 1, 3 or 4); raises as `load_array`.

    `size` (height, width) is what is expected where the order of the axes is open.
    """
    name = repr(str(path))
    open_array: Callable[..., NDArray[Any]] = np.lib.format.open_memmap  # which numpy leaves untyped
    try:
        check_file(path)
        stored = open_array(path, mode="r")  # refuses a header that promises more than the file holds
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"no array {name}: check the path") from error
    except (OSError, ValueError) as error:
        raise ImageError(f"array {name} cannot be read ({one_line(error)}): write it with numpy.save") from error
    if stored.nbytes > _MOST_BYTES:
        raise ImageError(f"array {name} holds {stored.nbytes >> 20} MiB: give at most {_MOST_BYTES >> 20} MiB")
    try:
        return _check_pixels(read_picture(np.array(stored), size))
    except ImageError as error:
        raise ImageError(f"array {name}: {error}") from error


def _check_pixels(picture: NDArray[Any]) -> NDArray[np.uint8]:
    if picture.dtype != np.uint8:
        raise ImageError(f"the picture is {picture.dtype} {list(picture.shape)}: give uint8 pixels from 0 to 255")
    return picture


def resize_frame(
    frame: NDArray[np.uint8], height: int, width: int, rule: str = "stretch", crop: float = 1.0
) -> NDArray[np.uint8]:
    """The frame (height, width, 1 or 3) as uint8 of shape (`height`, `width`, same channels), in pixels.

    `stretch` ignores the aspect, `crop` keeps the largest centred part of the new aspect, and `letterbox`
    keeps all of it, centred on black. Before that only the centred share `crop` of each side is kept. Bilinear,
    antialiased when shrinking. A frame that then has the size comes back as it is. Raises ImageError for another
    dtype or shape, UsageError for another rule or size, and RuntimeUnavailableError where Pillow is not installed.
    """
    check_resize(height, width, rule, crop)
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] not in (1, 3) or 0 in frame.shape:
        raise ImageError(
            f"the picture is {frame.dtype} {list(frame.shape)}: give uint8 of the shape height, width, 1 or 3"
        )
    if crop < 1:
        left, top, right, bottom = _share(frame.shape[0], frame.shape[1], crop)
        frame = frame[top:bottom, left:right]
    if frame.shape[:2] == (height, width):
        return frame
    require_pillow()
    from PIL import Image  # noqa: PLC0415  (Pillow is an extra)

    image = Image.fromarray(frame[..., 0] if frame.shape[2] == 1 else frame)
    return resize_image(image, height, width, rule=rule)


def resize_image(
    image: Image.Image, height: int, width: int, rule: str = "stretch", crop: float = 1.0
) -> NDArray[np.uint8]:
    """An image of Pillow, grey ("L") or RGB, as the frame that `resize_frame` makes of its pixels, in half the time.

    Raises UsageError for another rule or size.
    """
    check_resize(height, width, rule, crop)
    if crop < 1:
        image = image.crop(_share(image.height, image.width, crop))
    if rule == "letterbox":
        return _letterbox(image, height, width)
    # Cut before resizing: Pillow's `box` lets pixels from outside of it bleed in at the edges.
    return _resize(image.crop(_aspect(image, height, width)) if rule == "crop" else image, height, width)


def check_resize(height: int, width: int, rule: str, crop: float = 1.0) -> None:
    """Raises UsageError for what `resize_frame` cannot do."""
    if rule not in RESIZE_RULES:
        raise UsageError(f"no resize rule {rule!r}: use one of {', '.join(RESIZE_RULES)}")
    if height < 1 or width < 1:
        raise UsageError(f"cannot resize to {height}x{width}: height and width start at 1 pixel")
    if not 0 < crop <= 1:
        raise UsageError(f"the crop is {crop:g}: give the share of each side, above 0 and at most 1")


def _share(height: int, width: int, crop: float) -> Box:
    """The centred share `crop` of each side."""
    return _centre(height, width, max(round(height * crop), 1), max(round(width * crop), 1))


def _aspect(image: Image.Image, height: int, width: int) -> Box:
    """The largest centred part of the image with the aspect width:height, in whole pixels."""
    scale = min(image.height / height, image.width / width)
    part_height = min(max(round(height * scale), 1), image.height)
    part_width = min(max(round(width * scale), 1), image.width)
    return _centre(image.height, image.width, part_height, part_width)


def _centre(height: int, width: int, part_height: int, part_width: int) -> Box:
    top, left = (height - part_height) // 2, (width - part_width) // 2
    return left, top, left + part_width, top + part_height


def _letterbox(image: Image.Image, height: int, width: int) -> NDArray[np.uint8]:
    scale = min(height / image.height, width / image.width)
    inner_height = min(max(round(image.height * scale), 1), height)
    inner_width = min(max(round(image.width * scale), 1), width)
    left, top, right, bottom = _centre(height, width, inner_height, inner_width)
    inner = _resize(image, inner_height, inner_width)
    sheet = np.zeros((height, width, inner.shape[2]), np.uint8)
    sheet[top:bottom, left:right] = inner
    return sheet


def _resize(image: Image.Image, height: int, width: int) -> NDArray[np.uint8]:
    from PIL import Image  # noqa: PLC0415  (Pillow is an extra)

    # Pillow's bilinear widens its window when it shrinks, so that no pixel is skipped (antialiasing).
    return as_pixels(image.resize((width, height), Image.Resampling.BILINEAR))
