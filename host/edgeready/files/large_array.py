"""Arrays of pixels that do not fill the memory: large ones lie in a file that has no name any more."""

from __future__ import annotations

import errno
import os
import tempfile

import numpy as np
from numpy.typing import NDArray

from edgeready.errors import OutputError

# From this size on an array lies in a file. Chosen: a thirtieth of the memory of a small machine, and more than most
# sets have, which never touch the disk.
LARGE_BYTES = 64 << 20
_PIECE_BYTES = 16 << 20  # copied at a time; chosen: little beside LARGE_BYTES


def new_array(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Returns an array of uint8 zeros of `shape`; from LARGE_BYTES on it is mapped from a file below $TMPDIR.

    The file has no name, so it is gone with the array, and with the process however that ends. Its pages leave the
    memory when another needs it. Its space is taken at once: raises OutputError where the disk has less.
    """
    size = int(np.prod(shape, dtype=np.int64))
    if size < LARGE_BYTES:
        return np.zeros(shape, np.uint8)
    root = tempfile.gettempdir()
    try:
        with tempfile.TemporaryFile(dir=root) as file:
            _take_space(file.fileno(), size)
            return np.memmap(file, np.uint8, mode="r+", shape=shape)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(
            f"the temporary folder {root} takes no {size / 1e9:.1f} GB of pixels ({reason}): set TMPDIR to a folder "
            "with more space, or give a smaller --image-size"
        ) from error


def take_rows(images: NDArray[np.uint8], rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Returns `images` at `rows`, as `images[rows]` does, in a `new_array`."""
    shape = (len(rows), *images.shape[1:])
    pixels = new_array(shape)
    step = max(_PIECE_BYTES // max(images[:1].nbytes, 1), 1)
    for start in range(0, len(rows), step):
        pixels[start : start + step] = images[rows[start : start + step]]
    return pixels


def _take_space(descriptor: int, size: int) -> None:
    """Gives the file its size and its space: a page without any would end the process with SIGBUS."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
            return
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # a file system that cannot
                raise
    for start in range(0, size, _PIECE_BYTES):
        os.write(descriptor, bytes(min(_PIECE_BYTES, size - start)))
