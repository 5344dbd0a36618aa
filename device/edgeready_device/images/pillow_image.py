"""Images of Pillow as pixels: upright, 8 bits a channel, grey or RGB, on white."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ImageError, RuntimeUnavailableError, one_line

if TYPE_CHECKING:
    from PIL import Image

_FILTERS = threading.Lock()
_SAVE_AGAIN = "save it again as an 8-bit JPEG or PNG"
# How much larger than its frame a JPEG is decoded at least. With 2.3 an eighth of 12 megapixels is enough for 160
# pixels. Measured with benchmarks/photos.py: such frames of photographs of clothes, enlarged to 4,000 pixels, differ
# from those of whole photos by 0.27 grey levels, and those of noise by 0.51.
_LEAST_FACTOR = 2.3
_ORIENTATION = 0x0112  # the tag of EXIF
_SIDEWAYS = (5, 6, 7, 8)  # the orientations of photos that are stored on their side
_GREY_MODES = ("1", "L")


def read_pillow_image(name: str, image: Image.Image) -> NDArray[np.uint8]:
    """Returns the pixels of an image in memory, grey or RGB as it is; `name` is what errors call it.

    Raises ImageError where Pillow cannot decode it.
    """
    grey = image.mode in _GREY_MODES or image.mode.startswith("I")
    try:
        return as_pixels(convert_image(name, image, "L" if grey else "RGB"))
    except (OSError, ValueError, SyntaxError) as error:  # a file that is read only now; an image that is closed
        if isinstance(error, ImageError):
            raise
        raise ImageError(f"{name} cannot be read ({one_line(error)}): open its file again") from error


def as_pixels(image: Image.Image) -> NDArray[np.uint8]:
    """Returns a grey or RGB image as uint8 pixels (height, width, 1 or 3)."""
    return np.array(image).reshape(image.height, image.width, -1)


def convert_image(name: str, image: Image.Image, mode: str, target: tuple[int, int] | None = None) -> Image.Image:
    """Returns an image upright and decoded in `mode`, "L" for grey or "RGB".

    A JPEG that is not decoded yet comes at a half, a quarter or an eighth of its size where that is at least
    `_LEAST_FACTOR` times the `target` (height, width) that it will be resized to.
    The EXIF orientation is applied, transparency is laid on white, and 16-bit grey is scaled to 8 bits. Raises
    ImageError for one that is too large, animated or floating-point.
    """
    from PIL import ImageOps  # noqa: PLC0415  (Pillow is an extra)

    _check_kind(name, image)
    if target is not None:
        _reduce(image, target)
    image.load()
    with quiet_pillow():
        # Pillow copies the pixels also where nothing is to be turned or converted, which most photos need not be.
        upright = image if image.getexif().get(_ORIENTATION, 1) == 1 else ImageOps.exif_transpose(image)
    converted = _convert_to_eight_bits(name, upright)
    return converted if converted.mode == mode else converted.convert(mode)


def is_sideways(image: Image.Image) -> bool:
    """Returns whether an image is stored on its side, as its EXIF orientation says; Pillow may load it for that."""
    with quiet_pillow():
        return image.getexif().get(_ORIENTATION, 1) in _SIDEWAYS


def _reduce(image: Image.Image, target: tuple[int, int]) -> None:
    """Lets the decoder of a JPEG leave out what a frame of `target` does not show; other images stay as they are."""
    height, width = reversed(target) if is_sideways(image) else target
    # Without a mode, so that grey is made of the same RGB pixels as without a target.
    image.draft(None, (math.ceil(width * _LEAST_FACTOR), math.ceil(height * _LEAST_FACTOR)))


def lay_on_white(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns RGBA pixels (height, width, 4) on white, (height, width, 3). Raises RuntimeUnavailableError."""
    require_pillow()
    from PIL import Image  # noqa: PLC0415  (Pillow is an extra)

    return np.array(_on_white(Image.fromarray(np.ascontiguousarray(pixels))))


@contextmanager
def quiet_pillow() -> Iterator[None]:
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
        raise ImageError(f"{name} is too large ({size}): make it smaller")
    # Phones write JPEGs with a preview behind the photo (MPO): the photo is the first, and the one to read. A GIF is
    # read as a viewer shows it before it moves, and as Keras reads it.
    frames = getattr(image, "n_frames", 1) if image.format not in ("MPO", "GIF") else 1
    if frames > 1:
        raise ImageError(f"{name} is animated ({frames} frames): save one frame as JPEG or PNG")
    if image.mode == "F":
        raise ImageError(f"{name} has floating-point pixels: {_SAVE_AGAIN}")


def _convert_to_eight_bits(name: str, image: Image.Image) -> Image.Image:
    from PIL import Image  # noqa: PLC0415  (Pillow is an extra)

    if image.mode.startswith("I"):
        return Image.fromarray(_scale_to_eight_bits(name, np.asarray(image)))
    if _is_transparent(image):
        return _on_white(image.convert("RGBA"))
    # Pillow turns 1-bit, palette, CMYK and YCbCr into RGB itself; grey stays grey.
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _on_white(layer: Image.Image) -> Image.Image:
    from PIL import Image  # noqa: PLC0415  (Pillow is an extra)

    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


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
        raise ImageError(f"{name} holds {low} to {high}, more than 16 bits: {_SAVE_AGAIN}")
    return ((wide * 255 + 32767) // 65535).astype(np.uint8)


def require_pillow() -> None:
    """Raises RuntimeUnavailableError where Pillow is not installed."""
    try:
        import PIL.Image  # noqa: F401, PLC0415 (only reading image files needs Pillow; the rest runs without)
    except ImportError as error:
        raise RuntimeUnavailableError(
            'Pillow is not installed, so image files cannot be read: pip install "edgeready-device[images]"'
        ) from error
