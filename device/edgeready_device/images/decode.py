"""Image files as uint8 frames of one size; needs Pillow (the extra `images`) when one is read or resized."""

from __future__ import annotations

import importlib.util
import io
import math
import os
import stat
import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Union

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ImageError, NotFoundError, UsageError, one_line
from edgeready_device.images.frames import check_resize, resize_image
from edgeready_device.images.pillow_image import as_pixels, convert_image, is_sideways, quiet_pillow, require_pillow
from edgeready_device.input_file import list_folder, read_file
from edgeready_device.model_file.manifest import InputSpec

if TYPE_CHECKING:
    from PIL import Image

# Phones' pictures; Pillow reads them through the package pillow-heif, where somebody installed it.
HEIF_SUFFIXES = (".heic", ".heif")
_HAS_HEIF = importlib.util.find_spec("pillow_heif") is not None
_PLAIN_SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
IMAGE_SUFFIXES = (*_PLAIN_SUFFIXES, *HEIF_SUFFIXES) if _HAS_HEIF else _PLAIN_SUFFIXES

ImagePath = Union[str, "os.PathLike[str]"]
Size = tuple[int, int]  # height and width
Finish = Callable[["Image.Image"], NDArray[np.uint8]]

# Pillow also knows formats that start other programs (EPS) or are rarely tested: only these are tried.
_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "PPM", "TIFF", "WEBP")
# What Pillow's decoders raise over bytes that are not what they should be.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
)
_MOST_BYTES = 64 << 20  # of an encoded image in a pipe; chosen: far above a camera's picture
_SAVE_AGAIN = "save it again as an 8-bit JPEG or PNG"


def image_files(folder: ImagePath) -> list[Path]:
    """The image files directly in `folder`, by their suffix, sorted by name; hidden files are left out.

    Raises NotFoundError where there is no such folder.
    """
    path = Path(folder)
    if not os.path.isdir(path):
        raise NotFoundError(f"no folder {str(path)!r}: give the folder that holds the images")
    return sorted(
        file
        for file in list_folder(path)
        if file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith(".") and os.path.isfile(file)
    )


def image_files_below(folder: ImagePath) -> list[Path]:
    """The image files in `folder` and in its subfolders, those of a folder before those of its subfolders.

    Hidden folders and symbolic links to folders are left out. Raises NotFoundError where there is no such folder.
    """
    paths = image_files(folder)
    for entry in list_folder(folder):
        if not entry.name.startswith(".") and not entry.is_symlink() and entry.is_dir():
            paths += image_files_below(entry)
    return paths


def read_image(path: ImagePath, channels: int, target: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """The image in `path`, upright, as uint8 of shape (height, width, channels): grey for 1, RGB for 3.

    It has its own size; where a `target` (height, width) is given that it is resized to next, a large JPEG may come
    smaller, but at least 2.3 times as large as that: its decoder leaves out what the
    frame does not show.
    The EXIF orientation is applied, transparency is laid on white, and 16-bit grey is scaled to 8 bits.
    Of an animated GIF it is the first frame. Raises NotFoundError where there is no such file, ImageError where it is
    empty, damaged, too large, floating-point or of several pages or frames, and RuntimeUnavailableError where Pillow
    is not installed.
    """
    return read_sized_image(path, channels, target)[0]


def read_sized_image(
    path: ImagePath, channels: int, target: tuple[int, int] | None = None
) -> tuple[NDArray[np.uint8], Size]:
    """The image in `path` as `read_image` has it, and the height and width that it has in its file, upright."""
    return _read(path, channels, target, as_pixels)


def _read(path: ImagePath, channels: int, target: Size | None, finish: Finish) -> tuple[NDArray[np.uint8], Size]:
    """What `finish` makes of the image in `path`, and the size that it has there, upright."""
    _check_request(channels)
    file = Path(path)
    name = repr(str(file))
    try:
        details = file.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"no image {name}: check the path") from error
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from error
    if stat.S_ISFIFO(details.st_mode):
        return _decode_bytes(_read_pipe(name, file), channels, name, target, finish)
    if not stat.S_ISREG(details.st_mode):
        raise ImageError(f"{name} is not a file: give an image file, not a folder or a device")
    if details.st_size == 0:
        raise ImageError(f"image {name} is empty (0 bytes): copy it again or remove it")
    return _decode(name, file, channels, target, finish)


def _read_pipe(name: str, file: Path) -> bytes:
    try:
        data = read_file(file, _MOST_BYTES)
    except (OSError, ValueError) as error:
        raise ImageError(f"image {name} cannot be read ({one_line(error)})") from error
    if len(data) > _MOST_BYTES:
        raise ImageError(f"image {name} holds more than {_MOST_BYTES >> 20} MiB: give one encoded image")
    return data


def decode_image(
    data: bytes, channels: int, name: str = "standard input", target: tuple[int, int] | None = None
) -> NDArray[np.uint8]:
    """The image in the bytes of a file, as `read_image` has it; `name` is what errors call it."""
    return decode_sized_image(data, channels, name, target)[0]


def decode_sized_image(
    data: bytes, channels: int, name: str = "standard input", target: tuple[int, int] | None = None
) -> tuple[NDArray[np.uint8], Size]:
    """The image in the bytes of a file and its size, as `read_sized_image` has them."""
    _check_request(channels)
    return _decode_bytes(data, channels, name, target, as_pixels)


def _decode_bytes(
    data: bytes, channels: int, name: str, target: Size | None, finish: Finish
) -> tuple[NDArray[np.uint8], Size]:
    if not data:
        raise ImageError(f"image {name} is empty (0 bytes): send an encoded image")
    return _decode(name, io.BytesIO(data), channels, target, finish)


def load_frame(path: ImagePath, height: int, width: int, channels: int, rule: str = "stretch") -> NDArray[np.uint8]:
    """The image in `path` as uint8 of shape (height, width, channels): `read_image`, then `resize_frame`."""
    check_resize(height, width, rule)
    return load_picture(path, InputSpec(height, width, channels, resize=rule))


def load_picture(path: ImagePath, spec: InputSpec) -> NDArray[np.uint8]:
    """The image in `path` as the frame that a model takes, by the rules of `spec`: as `fit_frame`, from a file."""
    # It stays an image of Pillow until it is as small as the frame; each way to an array and back copies all of it.
    fit = partial(resize_image, height=spec.height, width=spec.width, rule=spec.resize, crop=spec.crop)
    return _read(path, spec.channels, target_of(spec), fit)[0]


def target_of(spec: InputSpec) -> tuple[int, int]:
    """The `target` of `read_image` for a model that takes `spec`: the size of a whole image, before it is cropped."""
    return math.ceil(spec.height / spec.crop), math.ceil(spec.width / spec.crop)


def _check_request(channels: int) -> None:
    if channels not in (1, 3):
        raise UsageError(f"channels is {channels!r}: give 1 for grey or 3 for RGB")
    require_pillow()


def _unreadable(name: str, error: Exception) -> ImageError:
    return ImageError(f"image {name} cannot be read ({one_line(error)}): copy it again or remove it")


def _known_formats() -> tuple[str, ...]:
    """The formats that are tried, HEIF among them where its package is installed."""
    if not _HAS_HEIF:
        return _FORMATS
    import pillow_heif  # noqa: PLC0415  (an extra of the user's)

    pillow_heif.register_heif_opener()
    return (*_FORMATS, "HEIF")


def _decode(
    name: str, source: Path | io.BytesIO, channels: int, target: Size | None, finish: Finish
) -> tuple[NDArray[np.uint8], Size]:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415  (Pillow is an extra)

    try:
        with quiet_pillow():
            file = Image.open(source, formats=_known_formats())
        with file as image:
            height, width = image.height, image.width
            upright = convert_image(f"image {name}", image, "L" if channels == 1 else "RGB", target)
            return finish(upright), (width, height) if is_sideways(image) else (height, width)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(f"image {name} is too large ({error}): make it smaller") from error
    except UnidentifiedImageError as error:
        remedy = _SAVE_AGAIN
        if not _HAS_HEIF and isinstance(source, Path) and source.suffix.lower() in HEIF_SUFFIXES:
            remedy = "pip install pillow-heif, or save it as JPEG"
        raise ImageError(f"{name} is not an image that can be read: {remedy}") from error
    except _DECODER_ERRORS as error:
        raise _unreadable(name, error) from error
