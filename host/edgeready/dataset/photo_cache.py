"""Decoded photos kept for the next run: a file for each folder and way of decoding, in the user's cache folder."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeready.files.scratch import held_folder
from edgeready.files.stored_images import PixelFile, StoredImages, take_space
from edgeready_device.run_records import cache_folder

UNREADABLE, COLORED, GREY = 0, 1, 2  # what is known of a frame
NO_KEY = bytes(16)
_MAGIC = b"EDGEPIX1"
_HEADER = struct.Struct("<8sQQ16s16s")  # magic, number of frames, bytes of each, settings, digest of the index
_INDEX = np.dtype([("key", "V16"), ("digest", "V16"), ("look", "u1")])
_PAGE = 4096  # where the pixels begin is a multiple of it; chosen: the block of most disks
_SUFFIX, _PART = ".pixels", ".part-"
# A file that was changed less than this before it is read may change again without another time: FAT, the coarsest
# file system in use, keeps even seconds.
_SETTLED_NS = 2_000_000_000
_FREE_SHARE = 0.5  # of the free disk that a new file may take; chosen: the user needs it more than we do


@dataclass(frozen=True, kw_only=True, eq=False)
class CachedPhotos:
    """Frames in a file of the cache: their keys, their digests (n, 16), and what each looks like."""

    images: StoredImages
    digests: NDArray[np.uint8]
    looks: NDArray[np.uint8]
    rows_by_key: dict[bytes, int] = field(repr=False)

    def find_rows(self, keys: Sequence[bytes]) -> NDArray[np.int64]:
        """Returns the row of the frame with each of `keys`, -1 where there is none."""
        return np.array([self.rows_by_key.get(key, -1) for key in keys], dtype=np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class NewEntry:
    """A file of the cache that is being written: `images` take the frames, and `finish` puts it in its place."""

    images: StoredImages
    part: Path
    target: Path
    settings: bytes

    def finish(self, keys: Sequence[bytes], digests: NDArray[np.uint8], looks: NDArray[np.uint8]) -> None:
        """Writes what is known of each frame, and lets the next run find the file; raises OSError."""
        index = np.zeros(len(keys), _INDEX)
        index["key"] = np.frombuffer(b"".join(keys), "V16")
        index["digest"] = np.ascontiguousarray(digests).view("V16")[:, 0]
        index["look"] = looks
        content = index.tobytes()
        store = self.images.store
        size = int(np.prod(store.frame, dtype=np.int64))
        header = _HEADER.pack(_MAGIC, len(keys), size, self.settings, _digest(content))
        with self.part.open("r+b") as file:
            file.write(header + content)
        os.replace(self.part, self.target)


class PhotoCache:
    """The folder of decoded photos, which hold at most `limit` bytes.

    What the methods raise as OSError is no reason to stop: the photos are decoded again.
    """

    def __init__(self, limit: int) -> None:
        """Uses `edgeready/photos` in the user's cache folder; raises OSError where that belongs to somebody else."""
        self.root = cache_folder() / "edgeready" / "photos"
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = self.root.stat()
        if state.st_uid != os.geteuid() or state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(f"{self.root} can be written by another user")
        self._limit = limit

    def find(self, settings: bytes, frame: tuple[int, ...]) -> CachedPhotos | None:
        """Returns the frames of the shape `frame` made with `settings`; None for none, or a damaged file."""
        path = self._place(settings)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        try:
            index = _read_index(descriptor, settings, frame)
        except BaseException:
            os.close(descriptor)
            raise
        if index is None:
            os.close(descriptor)
            return None
        store = PixelFile(descriptor, len(index), frame, start=_first_pixel(len(index)))
        with suppress(OSError):  # the least recently used file goes first
            os.utime(path)
        keys = [key.tobytes() for key in index["key"]]
        return CachedPhotos(
            images=StoredImages(store),
            digests=np.frombuffer(index["digest"].tobytes(), np.uint8).reshape(-1, 16),
            looks=index["look"],
            rows_by_key={key: row for row, key in enumerate(keys) if key != NO_KEY and index["look"][row]},
        )

    @contextmanager
    def create(self, settings: bytes, frame: tuple[int, ...], count: int) -> Iterator[NewEntry]:
        """Makes a file for `count` frames, which is gone after the block unless it was finished.

        Others that were not used for the longest time leave for it. Raises OSError where the disk has too little
        space.
        """
        start = _first_pixel(count)
        size = start + count * int(np.prod(frame, dtype=np.int64))
        self._make_room(size, self._place(settings))
        with held_folder(self.root, _PART) as folder:
            part = folder / "pixels"
            writer = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            images = StoredImages(PixelFile(os.open(part, os.O_RDONLY), count, frame, start=start, writer=writer))
            take_space(writer, size)
            yield NewEntry(images=images, part=part, target=self._place(settings), settings=settings)

    def _place(self, settings: bytes) -> Path:
        return self.root / f"{settings.hex()}{_SUFFIX}"

    def _make_room(self, size: int, target: Path) -> None:
        """Removes files until `size` bytes more are within the limit; raises OSError where the disk is too full."""
        states = [(path.stat(), path) for path in self.root.glob(f"*{_SUFFIX}") if path != target]
        total = sum(state.st_size for state, _ in states) + size
        for state, path in sorted(states, key=lambda item: item[0].st_mtime_ns):
            if total <= self._limit:
                break
            path.unlink(missing_ok=True)  # who reads it has it open
            total -= state.st_size
        space = os.statvfs(self.root)
        if size > _FREE_SHARE * space.f_bavail * space.f_frsize:
            raise OSError(f"{self.root} has too little space for {size / 1e9:.1f} GB")


def file_key(path: Path, name: str, now_ns: int | None = None) -> bytes:
    """Returns what tells whether the file `path`, called `name`, is the one that was decoded.

    It is NO_KEY, which no frame has, for a file that is not there, or was changed just before `now_ns`.
    """
    try:
        state = path.stat()
    except (OSError, ValueError):
        return NO_KEY
    if now_ns is not None and max(state.st_mtime_ns, state.st_ctime_ns) > now_ns - _SETTLED_NS:
        return NO_KEY
    facts = (name, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    return _digest("\0".join(map(str, facts)).encode("utf-8", "surrogateescape"))


def _read_index(descriptor: int, settings: bytes, frame: tuple[int, ...]) -> NDArray[np.void] | None:
    """Returns the index of an open file of the cache; None where the file is not what its header says."""
    state = os.fstat(descriptor)
    head = os.pread(descriptor, _HEADER.size, 0)
    if len(head) < _HEADER.size or not stat.S_ISREG(state.st_mode) or state.st_uid != os.geteuid():
        return None
    magic, count, frame_bytes, own_settings, digest = _HEADER.unpack(head)
    size = int(np.prod(frame, dtype=np.int64))
    if (magic, frame_bytes, own_settings) != (_MAGIC, size, settings):
        return None
    if _first_pixel(count) + count * size != state.st_size:
        return None
    content = os.pread(descriptor, count * _INDEX.itemsize, _HEADER.size)
    return np.frombuffer(content, _INDEX) if _digest(content) == digest else None


def _first_pixel(count: int) -> int:
    """The byte at which the pixels of a file of `count` frames begin."""
    return -(-(_HEADER.size + count * _INDEX.itemsize) // _PAGE) * _PAGE


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()
