"""What programs call a picture (arrays, lists, images of Pillow) as an array of pixels; says what is none."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ImageError
from edgeready_device.images.pillow_image import lay_on_white, read_pillow_image

_FITS_PIXELS = "give uint8 pixels from 0 to 255"
_ONE_OR_MANY = "give one, or all to classify_many"
_CHANNELS = (1, 3, 4)
_OPAQUE = 255


def read_picture(picture: Any, size: tuple[int, int] | None = None) -> NDArray[Any]:
    """Returns `picture` as an array (height, width, 1, 3 or 4), uint8 where its numbers are pixels, else float.

    Whole numbers from 0 to 255 are pixels. An axis of one picture may stand in front, and channels may, where no
    other reading makes a picture, or one of the `size` (height, width) that is expected. Raises ImageError, with what
    to do, for everything else.
    """
    if is_pillow_image(picture):
        return read_pillow_image("the picture", picture)
    return _order_axes(_read_numbers(_as_array(picture)), size)


def convert_channels(pixels: NDArray[Any], channels: int) -> NDArray[Any]:
    """Returns pixels (height, width, 1, 3 or 4) with 1 channel (grey) or 3 (RGB).

    RGB becomes grey by its luma, and grey three equal channels. What is transparent is laid on white, as in files.
    """
    if pixels.shape[2] == 4:
        pixels = _lay_on_white(pixels)
    if pixels.shape[2] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=2)
    if pixels.dtype != np.uint8:
        raise ImageError(f"the frame is {pixels.dtype} with 3 channels, and the model takes grey: give uint8 pixels")
    return _luma(pixels)


def is_pillow_image(picture: Any) -> bool:
    """Whether `picture` is an image of Pillow; it is not imported for that."""
    # None also while another thread imports it: then `picture` cannot be one
    image_class = getattr(sys.modules.get("PIL.Image"), "Image", None)
    return image_class is not None and isinstance(picture, image_class)


def _as_array(picture: Any) -> NDArray[Any]:
    if picture is None:
        raise ImageError(
            "the frame is None: OpenCV's imread gives that for a path that it cannot read, and read() of its cameras "
            "at the end: check the path, or the camera"
        )
    if isinstance(picture, (str, bytes, os.PathLike)):
        raise ImageError(
            f"the frame is {picture!r:.80}, and no picture: read a file with "
            "edgeready_device.images.decode.read_image(path, channels)"
        )
    try:
        array = np.asarray(picture)
    except Exception as error:  # whatever another library's __array__ raises, that of a tensor on a GPU for one
        raise ImageError(
            f"the frame is a {type(picture).__name__} that numpy cannot read ({' '.join(str(error).split())[:100]}): "
            "give a numpy array"
        ) from error
    if array.dtype.kind not in "biuf":
        raise ImageError(
            f"the frame is a {type(picture).__name__} of {array.dtype}: give a numpy array of uint8 pixels"
        )
    return array


def _read_numbers(array: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers as uint8 where they can only be pixels; float ones as they are."""
    if array.dtype == np.uint8 or array.dtype.kind == "f":
        return array
    if array.dtype.kind == "b":
        raise ImageError(f"the frame is bool, True and False: {_FITS_PIXELS}, as frame.astype('uint8') * 255 does")
    if array.dtype == np.uint16:
        raise ImageError(f"the frame is uint16: {_FITS_PIXELS}, as (frame >> 8).astype('uint8') does for 16 bits")
    if array.dtype == np.int8:
        raise ImageError(f"the frame is int8, which ends at 127: {_FITS_PIXELS}")
    if array.size and (array.min() < 0 or array.max() > 255):
        raise ImageError(f"the frame is {array.dtype} and holds {array.min()} to {array.max()}: {_FITS_PIXELS}")
    return array.astype(np.uint8)


def _order_axes(array: NDArray[Any], size: tuple[int, int] | None) -> NDArray[Any]:
    """The array as (height, width, channels)."""
    shape = list(array.shape)
    if array.ndim == 4 and shape[0] == 1:
        array = array[0]
    elif array.ndim == 4:
        raise ImageError(f"the frame has the shape {shape}, so it is {shape[0]} pictures: {_ONE_OR_MANY}")
    if array.ndim == 3 and _has_channels_first(array.shape, size):
        array = np.moveaxis(array, 0, 2)
    elif array.ndim == 2:
        array = array[..., np.newaxis]
    if array.ndim == 3 and array.shape[1:] == size and array.shape[:2] != size:
        raise ImageError(f"the frame has the shape {shape}, so it is {shape[0]} pictures: {_ONE_OR_MANY}")
    if array.ndim != 3 or array.shape[2] not in _CHANNELS or 0 in array.shape:
        raise ImageError(
            f"the picture is {array.dtype} {shape}: give uint8 of the shape height, width, 1 or 3; many "
            "pictures go to classify_many"
        )
    return array


def _has_channels_first(shape: tuple[int, ...], size: tuple[int, int] | None) -> bool:
    if shape[0] not in _CHANNELS:
        return False
    return shape[2] not in _CHANNELS or (shape[:2] != size and shape[1:] == size)


def _lay_on_white(pixels: NDArray[Any]) -> NDArray[Any]:
    if pixels.dtype != np.uint8:
        raise ImageError(f"the frame is {pixels.dtype} with 4 channels: give 1 (grey) or 3 (RGB)")
    if (pixels[..., 3] == _OPAQUE).all():
        return pixels[..., :3]
    return lay_on_white(pixels)


def _luma(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The luma of ITU-R BT.601 in the integers that Pillow computes it with, so that files and frames agree."""
    wide = pixels.astype(np.uint32)
    luma = (wide[..., 0] * 19595 + wide[..., 1] * 38470 + wide[..., 2] * 7471 + 0x8000) >> 16
    return np.asarray(luma.astype(np.uint8)[..., np.newaxis])
