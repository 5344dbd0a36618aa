"""Image files as uint8 frames of one size; needs Pillow (the extra `images`) when one is read or resized."""

from __future__ import annotations

import io
import os
import stat
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Union

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ImageError, NotFoundError, UsageError, one_line
from edgeready_device.images.frames import require_pillow, resize_frame

if TYPE_CHECKING:
    from PIL import Image

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")

ImagePath = Union[str, "os.PathLike[str]"]

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
_FILTERS = threading.Lock()
_SAVE_AGAIN = "save it again as an 8-bit JPEG or PNG"


def image_files(folder: ImagePath) -> list[Path]:
    """The JPEG and PNG files directly in `folder`, sorted by name; hidden files are left out.

    Raises NotFoundError where there is no such folder.
    """
    path = Path(folder)
    if not path.is_dir():
        raise NotFoundError(f"no folder {str(path)!r}: give the folder that holds the images")
    return sorted(
        file
        for file in path.iterdir()
        if file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith(".") and file.is_file()
    )


def read_image(path: ImagePath, channels: int) -> NDArray[np.uint8]:
    """The image in `path`, upright, as uint8 of shape (height, width, channels): grey for 1, RGB for 3.

    The EXIF orientation is applied, transparency is laid on white, and 16-bit grey is scaled to 8 bits.
    Raises NotFoundError where there is no such file, ImageError where it is empty, damaged, too large,
    animated or floating-point, and RuntimeUnavailableError where Pillow is not installed.
    """
    _check_request(channels)
    file = Path(path)
    name = repr(str(file))
    try:
        details = file.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"no image {name}: check the path") from error
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from error
    if not stat.S_ISREG(details.st_mode):
        raise ImageError(f"{name} is not a file: give an image file, not a folder")
    if details.st_size == 0:
        raise ImageError(f"image {name} is empty (0 bytes): copy it again or remove it")
    return _decode(name, file, channels)


def decode_image(data: bytes, channels: int, name: str = "standard input") -> NDArray[np.uint8]:
    """The image in the bytes of a file, as `read_image` has it; `name` is what errors call it."""
    _check_request(channels)
    if not data:
        raise ImageError(f"image {name} is empty (0 bytes): send an encoded image")
    return _decode(name, io.BytesIO(data), channels)


def load_frame(path: ImagePath, height: int, width: int, channels: int, rule: str = "stretch") -> NDArray[np.uint8]:
    """The image in `path` as uint8 of shape (height, width, channels): `read_image`, then `resize_frame`."""
    return resize_frame(read_image(path, channels), height, width, rule=rule)


def _check_request(channels: int) -> None:
    if channels not in (1, 3):
        raise UsageError(f"channels is {channels!r}: give 1 for grey or 3 for RGB")
    require_pillow()


def _unreadable(name: str, error: Exception) -> ImageError:
    return ImageError(f"image {name} cannot be read ({one_line(error)}): copy it again or remove it")


def _decode(name: str, source: Path | io.BytesIO, channels: int) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415  (Pillow is an extra)

    try:
        with _quiet_pillow():
            file = Image.open(source, formats=_FORMATS)
        with file as image:
            _check_kind(name, image)
            image.load()
            with _quiet_pillow():
                upright = ImageOps.exif_transpose(image)
            grey_or_rgb = _convert_to_eight_bits(name, upright).convert("L" if channels == 1 else "RGB")
            return np.array(grey_or_rgb).reshape(upright.height, upright.width, channels)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(f"image {name} is too large ({error}): make it smaller") from error
    except UnidentifiedImageError as error:
        raise ImageError(f"{name} is not an image that can be read: {_SAVE_AGAIN}") from error
    except _DECODER_ERRORS as error:
        raise _unreadable(name, error) from error


@contextmanager
def _quiet_pillow() -> Iterator[None]:
    """Holds Pillow's warnings back, of damaged EXIF data and of sizes that `_check_kind` refuses anyway.

    The filters are the whole process's, and images are read in several threads: one at a time may change them.
    """
    with _FILTERS, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def _check_kind(name: str, image: Image.Image) -> None:
    from PIL import Image  # noqa: PLC0415  (Pillow is an extra)

    most = Image.MAX_IMAGE_PIXELS  # Pillow itself refuses only twice as many
    if most is not None and image.width * image.height > most:
        size = f"{image.width * image.height} pixels, at most {most}"
        raise ImageError(f"image {name} is too large ({size}): make it smaller")
    # Phones write JPEGs with a preview behind the photo (MPO): the photo is the first, and the one to read.
    frames = getattr(image, "n_frames", 1) if image.format != "MPO" else 1
    if frames > 1:
        raise ImageError(f"image {name} is animated ({frames} frames): save one frame as JPEG or PNG")
    if image.mode == "F":
        raise ImageError(f"image {name} has floating-point pixels: {_SAVE_AGAIN}")


def _convert_to_eight_bits(name: str, image: Image.Image) -> Image.Image:
    from PIL import Image  # noqa: PLC0415  (Pillow is an extra)

    if image.mode.startswith("I"):
        return Image.fromarray(_scale_to_eight_bits(name, np.asarray(image)))
    if _is_transparent(image):
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    # Pillow turns 1-bit, palette, CMYK and YCbCr into RGB itself; grey stays grey.
    return image if image.mode == "L" else image.convert("RGB")


def _is_transparent(image: Image.Image) -> bool:
    """Pillow's `has_transparency_data`, which Debian 12's Pillow 9.4 does not have yet."""
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return True
    return image.mode == "P" and image.palette is not None and image.palette.mode.endswith("A")


def _scale_to_eight_bits(name: str, pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Grey 0..65535 as 0..255, rounded; Pillow's own conversion would clip everything above 255 to white."""
    wide = pixels.astype(np.int64)
    low, high = int(wide.min()), int(wide.max())
    if low < 0 or high > 65535:
        raise ImageError(f"image {name} holds {low} to {high}, more than 16 bits: {_SAVE_AGAIN}")
    return ((wide * 255 + 32767) // 65535).astype(np.uint8)
