"""Images that do not fill the memory: large sets lie in a file, from which rows are read when they are asked for."""

from __future__ import annotations

import errno
import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgeready.errors import OutputError

# From this size on images lie in a file. Chosen: a thirtieth of the memory of a small machine, and more than most
# sets have, which never touch the disk.
LARGE_BYTES = 64 << 20
_PIECE_BYTES = 4 << 20  # read or written at a time; chosen: little beside LARGE_BYTES
_DIGEST_BYTES = 16  # two of a billion images share one with a chance of 1 in 10^20
_AXIS, _FIRST, _REVERSED = "channel axis", "first channel", "channels reversed"
_KEYS: dict[str, Any] = {_AXIS: (..., None), _FIRST: (..., 0), _REVERSED: (..., slice(None, None, -1))}

Rows: TypeAlias = NDArray[np.int64]
Form: TypeAlias = tuple[str | tuple[int, ...], ...]
"""What is done to frames that were read, in this order: one of the views by name, or a new shape of each."""
FIRST_CHANNEL: Form = (_FIRST,)


class Store(Protocol):
    """Where the frames are: `frame` is the shape of each, `digests` keeps what was computed of them."""

    frame: tuple[int, ...]
    digests: dict[Form, NDArray[np.uint8]]

    def __len__(self) -> int:
        """Returns the number of frames."""

    def read(self, rows: Rows) -> NDArray[np.uint8]:
        """Returns the frames at `rows`."""


class PixelFile:
    """Frames of one shape, one behind the other in an open file.

    They are read into arrays and never mapped, so they are no part of this process's memory.
    """

    def __init__(
        self, descriptor: int, count: int, frame: tuple[int, ...], *, start: int = 0, writer: int | None = None
    ) -> None:
        """Takes the file `descriptor` over, whose first frame begins at the byte `start`.

        `writer` is a descriptor of the same file, to write it. The other one should only read: a process that opens
        a foreign model inherits it.
        """
        self.descriptor, self.frame, self.start, self._count = descriptor, frame, start, count
        self._writer = writer
        if writer is not None:
            weakref.finalize(self, os.close, writer)
        self.digests: dict[Form, NDArray[np.uint8]] = {}
        self._bytes = int(np.prod(frame, dtype=np.int64))
        weakref.finalize(self, os.close, descriptor)

    def __len__(self) -> int:
        """Returns the number of frames."""
        return self._count

    def read(self, rows: Rows) -> NDArray[np.uint8]:
        """Returns the frames at `rows`; those that lie one behind the other are read at once."""
        pixels = np.empty((len(rows), *self.frame), np.uint8)
        content = pixels.reshape(-1).data
        ends = [*(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)] if len(rows) else []
        first = 0
        for end in ends:
            place = self.start + int(rows[first]) * self._bytes
            _read_fully(self.descriptor, content[first * self._bytes : end * self._bytes], place)
            first = end
        return pixels

    def write(self, row: int, pixels: NDArray[np.uint8]) -> None:
        """Writes the frames `pixels` from `row` on; several threads may. Raises OutputError for a full disk."""
        if self._writer is None:
            raise TypeError("these images are read only: write into those of new_images")
        content = np.ascontiguousarray(pixels).reshape(-1).data
        place = self.start + row * self._bytes
        try:
            while content:
                written_bytes = os.pwrite(self._writer, content, place)
                content, place = content[written_bytes:], place + written_bytes
        except OSError as error:
            raise OutputError(
                f"the disk takes no more pixels ({error.strerror}): set TMPDIR to a folder with more space, and give "
                "--no-cache"
            ) from error


class StoredImages:
    """uint8 images (n, height, width[, channels]) that a Store has, read when they are asked for.

    It is used like an array in a file of h5py: a number, a slice or an array of numbers returns an array that was
    read just now, and `numpy.asarray` reads all. `take`, `reshape` and keys such as `[..., 0]` read nothing: they
    return other images of the same Store.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, store: Store, rows: Rows | None = None, form: Form = ()) -> None:
        """Shows the frames of `store` at `rows`, all where there are none, in `form`."""
        self.store, self.form = store, form
        self.rows = np.arange(len(store), dtype=np.int64) if rows is None else rows
        self.shape: tuple[int, ...] = (len(self.rows), *self._bring(np.empty((1, *store.frame), np.uint8)).shape[1:])

    def __len__(self) -> int:
        """Returns the number of images."""
        return len(self.rows)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of all values."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """The number of bytes of all pixels."""
        return self.size

    def __getitem__(self, key: Any) -> Any:
        """Returns the array of one image, or of several; for keys such as `[..., 0]` images that read nothing."""
        if isinstance(key, tuple):
            name = next((name for name, view in _KEYS.items() if repr(view) == repr(key)), None)
            return np.asarray(self)[key] if name is None else StoredImages(self.store, self.rows, (*self.form, name))
        rows = self.rows[key]
        return self._read(rows) if np.ndim(rows) else self._read(rows[np.newaxis])[0]

    def __setitem__(self, key: int | slice, pixels: NDArray[np.uint8]) -> None:
        """Writes one image or those of a slice into a file of `new_images`, which nobody has looked at yet."""
        if not isinstance(self.store, PixelFile) or self.form or len(self.rows) != len(self.store):
            raise TypeError("these images are read only: write into those of new_images")
        first = key.indices(len(self))[0] if isinstance(key, slice) else range(len(self))[key]
        self.store.write(first, pixels)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """Yields the images, of which a few are in memory at a time."""
        for piece in self.pieces():
            yield from piece

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Returns all images as an array in memory."""
        pixels = self._read(self.rows)
        return pixels if dtype is None else pixels.astype(dtype, copy=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles and copies the images as an array: an open file does not go to another process."""
        return np.asarray, (np.asarray(self),)

    def pieces(self) -> Iterator[NDArray[np.uint8]]:
        """Yields all images in arrays of a few megabytes."""
        for start in range(0, len(self), self._step):
            yield self._read(self.rows[start : start + self._step])

    def take(self, rows: Rows | slice) -> StoredImages:
        """Returns the images at `rows` without reading them."""
        return StoredImages(self.store, self.rows[rows], self.form)

    def reshape(self, count: int, *frame: int) -> StoredImages:
        """Returns the same images, each in the shape `frame`; `count` is their number, or -1."""
        if count not in (-1, len(self)):
            raise ValueError(f"cannot reshape {len(self)} images into {count}")
        return StoredImages(self.store, self.rows, (*self.form, frame))

    def digests(self) -> NDArray[np.uint8]:
        """Returns 16 bytes (n, 16) for each image, as `digest_frames` does; they are computed once for a Store."""
        if self.form not in self.store.digests:
            images = StoredImages(self.store, form=self.form)
            self.store.digests[self.form] = np.concatenate([digest_frames(piece) for piece in images.pieces()])
        return self.store.digests[self.form][self.rows]

    @property
    def _step(self) -> int:
        return max(_PIECE_BYTES // max(int(np.prod(self.store.frame, dtype=np.int64)), 1), 1)

    def _read(self, rows: Rows) -> NDArray[np.uint8]:
        return self._bring(self.store.read(np.asarray(rows)))

    def _bring(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Returns `frames` of the store in the form of these images."""
        for step in self.form:
            frames = frames[_KEYS[step]] if isinstance(step, str) else frames.reshape(len(frames), *step)
        return frames


Images: TypeAlias = NDArray[np.uint8] | StoredImages


def new_images(shape: tuple[int, ...]) -> Images:
    """Returns images of `shape` to be written; from LARGE_BYTES on they lie in a file below $TMPDIR.

    The file has no name, so it is gone with the images, and with the process however that ends. Its space is taken
    at once: raises OutputError where the disk has less.
    """
    size = int(np.prod(shape, dtype=np.int64))
    if size < LARGE_BYTES:
        return np.zeros(shape, np.uint8)
    root = tempfile.gettempdir()
    try:
        writer, name = tempfile.mkstemp(prefix="edgeready-pixels-", dir=root)
        try:
            store = PixelFile(os.open(name, os.O_RDONLY), shape[0], shape[1:], writer=writer)
        finally:
            os.unlink(name)
        take_space(writer, size)
        return StoredImages(store)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(
            f"the temporary folder {root} takes no {size / 1e9:.1f} GB of pixels ({reason}): set TMPDIR to a folder "
            "with more space, or give a smaller --image-size"
        ) from error


def store_images(images: Images) -> Images:
    """Returns `images`, from LARGE_BYTES on in a file; raises OutputError where the disk has too little space."""
    if isinstance(images, StoredImages) or images.nbytes < LARGE_BYTES:
        return images
    stored = new_images(images.shape)
    step = max(_PIECE_BYTES // max(images[:1].nbytes, 1), 1)
    for start in range(0, len(images), step):
        stored[start : start + step] = images[start : start + step]
    return stored


def store_blocks(shape: tuple[int, ...], blocks: Iterable[NDArray[np.uint8]]) -> Images:
    """Returns the images of `shape` that lie one behind the other in `blocks`; raises as `new_images`."""
    images = new_images(shape)
    start = 0
    for block in blocks:
        images[start : start + len(block)] = block
        start += len(block)
    return images


def take_rows(images: Images, rows: Rows | slice) -> Images:
    """Returns `images` at `rows`, of which a file is not read yet."""
    return images.take(rows) if isinstance(images, StoredImages) else images[rows]


def digest_frames(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns 16 bytes (n, 16) for each of `frames` (n, ...), equal for equal pixels (BLAKE2b)."""
    rows = np.ascontiguousarray(frames).reshape(len(frames), -1)
    digests = b"".join(blake2b(row.data, digest_size=_DIGEST_BYTES).digest() for row in rows)
    return np.frombuffer(digests, np.uint8).reshape(len(frames), _DIGEST_BYTES)


def _read_fully(descriptor: int, content: memoryview, place: int) -> None:
    while content:
        if hasattr(os, "preadv"):
            count = os.preadv(descriptor, [content], place)
        else:  # an older macOS
            piece = os.pread(descriptor, min(len(content), _PIECE_BYTES), place)
            count = len(piece)
            content[:count] = piece
        if not count:
            raise OSError(errno.EIO, "the file of pixels has become shorter")
        content, place = content[count:], place + count


def take_space(descriptor: int, size: int) -> None:
    """Gives an empty file its size and its space, so that no later write can find the disk full."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
            return
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # a file system that cannot
                raise
    for start in range(0, size, _PIECE_BYTES):
        os.write(descriptor, bytes(min(_PIECE_BYTES, size - start)))
