"""Image files as uint8 frames of one size; needs Pillow (the extra `images`) when one is read or resized."""

from __future__ import annotations

import io
import os
import stat
import struct
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Union

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ImageError, NotFoundError, RuntimeUnavailableError, UsageError

if TYPE_CHECKING:
    from PIL import Image

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
RESIZE_RULES = ("stretch", "crop", "letterbox")

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
    _check_channels(channels)
    _require_pillow()
    file = Path(path)
    _check_file(file)
    return _pixels(_decode(repr(str(file)), file), channels)


def decode_image(data: bytes, channels: int, name: str = "standard input") -> NDArray[np.uint8]:
    """The image in the bytes of a file, as `read_image` has it; `name` is what errors call it."""
    _check_channels(channels)
    _require_pillow()
    if not data:
        raise ImageError(f"image {name} is empty (0 bytes): send an encoded image")
    return _pixels(_decode(name, io.BytesIO(data)), channels)


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
    _require_pillow()
    if rule == "letterbox":
        return _letterboxed(frame, height, width)
    return _resized(_cropped(frame, height, width) if rule == "crop" else frame, height, width)


def load_frame(path: ImagePath, height: int, width: int, channels: int, rule: str = "stretch") -> NDArray[np.uint8]:
    """The image in `path` as uint8 of shape (height, width, channels): `read_image`, then `resize_frame`."""
    return resize_frame(read_image(path, channels), height, width, rule)


def _check_channels(channels: int) -> None:
    if channels not in (1, 3):
        raise UsageError(f"channels is {channels!r}: give 1 for grey or 3 for RGB")


def _pixels(image: Image.Image, channels: int) -> NDArray[np.uint8]:
    pixels = np.array(image.convert("L" if channels == 1 else "RGB"))
    return pixels.reshape(image.height, image.width, channels)


def _require_pillow() -> None:
    try:
        import PIL.Image  # noqa: F401, PLC0415 (only reading image files needs Pillow; the rest runs without)
    except ImportError as error:
        raise RuntimeUnavailableError(
            'Pillow is not installed, so image files cannot be read: pip install "edgeready-device[images]"'
        ) from error


def _check_file(file: Path) -> None:
    try:
        details = file.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"no image {str(file)!r}: check the path") from error
    except (OSError, ValueError) as error:
        raise _unreadable(repr(str(file)), error) from error
    if not stat.S_ISREG(details.st_mode):
        raise ImageError(f"{str(file)!r} is not a file: give an image file, not a folder")
    if details.st_size == 0:
        raise ImageError(f"image {str(file)!r} is empty (0 bytes): copy it again or remove it")


def _unreadable(name: str, error: Exception) -> ImageError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return ImageError(f"image {name} cannot be read ({reason}): copy it again or remove it")


def _decode(name: str, source: Path | io.BytesIO) -> Image.Image:
    """The decoded image, upright, as L or RGB."""
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            # Pillow only warns between one and two times its limit: that is too large for us already.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Damaged EXIF data beside good pixels only costs the orientation.
            warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
            with Image.open(source, formats=_FORMATS) as image:
                _check_kind(name, image)
                image.load()
                return _eight_bit(name, ImageOps.exif_transpose(image))
    except ImageError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ImageError(f"image {name} is too large ({error}): make it smaller") from error
    except UnidentifiedImageError as error:
        raise ImageError(f"{name} is not an image that can be read: {_SAVE_AGAIN}") from error
    except _DECODER_ERRORS as error:
        raise _unreadable(name, error) from error


def _check_kind(name: str, image: Image.Image) -> None:
    # Phones write JPEGs with a preview behind the photo (MPO): the photo is the first, which is what we take.
    frames = getattr(image, "n_frames", 1) if image.format != "MPO" else 1
    if frames > 1:
        raise ImageError(f"image {name} is animated ({frames} frames): save one frame as JPEG or PNG")
    if image.mode == "F":
        raise ImageError(f"image {name} has floating-point pixels: {_SAVE_AGAIN}")


def _eight_bit(name: str, image: Image.Image) -> Image.Image:
    from PIL import Image  # noqa: PLC0415

    if image.mode.startswith("I"):
        return Image.fromarray(_scaled_to_eight_bits(name, np.asarray(image)))
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


def _scaled_to_eight_bits(name: str, pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Grey 0..65535 as 0..255, rounded; Pillow's own conversion would clip everything above 255 to white."""
    wide = pixels.astype(np.int64)
    low, high = int(wide.min()), int(wide.max())
    if low < 0 or high > 65535:
        raise ImageError(f"image {name} holds {low} to {high}, more than 16 bits: {_SAVE_AGAIN}")
    return ((wide * 255 + 32767) // 65535).astype(np.uint8)


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
