"""Image files as frames of one size: decoded in threads, or taken from the cache of an earlier run."""

from __future__ import annotations

import os
import platform
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import features

from edgeready.config.disk import LIMIT_VARIABLE
from edgeready.dataset.photo_cache import COLORED, GREY, NO_KEY, UNREADABLE, CachedPhotos, PhotoCache
from edgeready.dataset.photo_files import PhotoFiles, PictureSource, count_threads
from edgeready.errors import ImageError, OutputError
from edgeready.files import stored_images
from edgeready.files.stored_images import FIRST_CHANNEL, Images, StoredImages, digest_frames, new_images
from edgeready_device.images import decode
from edgeready_device.progress import Progress, no_progress

# Sets with fewer bytes, of files and of pixels, are not kept. Chosen: they are decoded in about a second.
LEAST_CACHED_BYTES = 16 << 20
_VERIFIED_AT_ONCE = 64  # frames of the cache; chosen: a thread then holds 5 MB of photos at 160x160
_READ_AT_ONCE = 8  # files that a thread takes; chosen: a thread's task of each file takes 1 kB of memory
_MOST_TRIED = 100  # files that the cache lacks, which may all be damaged; chosen: three seconds for large photos
_STAGE = "reading images"
_CODECS = ("jpg", "libjpeg_turbo", "webp", "zlib", "libtiff")


@dataclass(frozen=True, kw_only=True, eq=False)
class Pictures:
    """Images in the order of their files, and why some cannot be read: these stay empty.

    `are_grey` says that none has any color; `notes` say what could not be done, in sentences.
    """

    images: Images
    failures: dict[Path, ImageError]
    are_grey: bool
    notes: tuple[str, ...] = ()


def read_pictures(source: PictureSource, limit: int, progress: Progress = no_progress) -> Pictures:
    """Returns the frames of the files of `source`, which take at most `limit` bytes of the disk.

    Those that are in the cache are taken from there. Larger sets, and those that no disk takes, are decoded each time
    they are needed.
    """
    if source.nbytes > limit and source.nbytes >= stored_images.LARGE_BYTES:
        reason = f"as frames they take {_gigabytes(source.nbytes)}, and {LIMIT_VARIABLE} allows {_gigabytes(limit)}"
        return _read_for_later(source, reason, progress)
    keeper, notes = _open_cache(source, limit)
    keys = _keys_of(source, keeper)
    cached_photos = None if keeper is None else _find(keeper, source)
    rows = np.full(len(keys), -1) if cached_photos is None else cached_photos.find_rows(keys)
    pictures = None if cached_photos is None else _take_cached(source, cached_photos, rows)
    if pictures is not None:
        progress(_STAGE, len(keys), len(keys))
        return pictures
    with ExitStack() as stack:
        entry = None
        if keeper is not None:
            try:
                entry = stack.enter_context(keeper.create(_settings_of(source), source.frame, len(keys)))
            except OSError as error:
                notes = (_not_kept(error),)
        try:
            images = new_images((len(keys), *source.frame)) if entry is None else entry.images
        except OutputError as error:
            return _read_for_later(source, str(error), progress)
        reader = _Reader(source, images, cached_photos, rows)
        reader.read_all(progress)
        if entry is not None:
            try:
                entry.finish(keys, reader.digests, reader.looks)
            except OSError as error:
                notes = (_not_kept(error),)
    return reader.pictures(_settle(images), notes)


def _read_for_later(source: PictureSource, reason: str, progress: Progress) -> Pictures:
    """Reads the files once, to know them, and returns images that are decoded again when they are needed."""
    keys = tuple(source.key(index) for index in range(len(source.files)))
    reader = _Reader(source, None, None, np.full(len(keys), -1))
    reader.read_all(progress)
    note = f"the photos are decoded again whenever they are needed, which takes long: {reason}"
    return reader.pictures(StoredImages(PhotoFiles(source, keys)), (note,))


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


class _Reader:
    """Reads the files of `source` into `images`, if there are any, those in `rows` of the cache from there.

    `digests` (n, 16) and `looks` (n,) say what is known of each frame, `failures` which files cannot be read.
    """

    def __init__(
        self,
        source: PictureSource,
        images: Images | None,
        cached_photos: CachedPhotos | None,
        rows: NDArray[np.int64],
    ) -> None:
        self._source, self._images, self._cached, self._rows = source, images, cached_photos, rows
        self.digests = np.zeros((len(rows), 16), np.uint8)
        self._grey_digests = np.zeros((len(rows), 16), np.uint8)
        self.looks = np.full(len(rows), UNREADABLE, np.uint8)
        self.failures: dict[Path, ImageError] = {}

    def read_all(self, progress: Progress) -> None:
        """Reads all files, in threads: a decoder runs outside of Python's lock."""
        count = len(self._rows)
        with ThreadPoolExecutor(count_threads()) as pool:
            try:
                parts = [range(start, min(start + _READ_AT_ONCE, count)) for start in range(0, count, _READ_AT_ONCE)]
                for part, failures in zip(parts, pool.map(self._read_part, parts), strict=True):
                    self.failures |= failures
                    for index in part:
                        progress(_STAGE, index + 1, count)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)  # Ctrl-C, or a file that is gone: the rest is not read
                raise

    def _read_part(self, part: range) -> dict[Path, ImageError]:
        """Reads the files of `part`, and returns why some of them cannot be read."""
        failures = {self._source.files[index]: self._read(index) for index in part}
        return {file: failure for file, failure in failures.items() if failure is not None}

    def _read(self, index: int) -> ImageError | None:
        try:
            frame = self._find_cached(index)
            if frame is None:
                frame = self._source.decode(index)
        except ImageError as error:
            return error
        if self._images is not None:
            self._images[index] = frame
        self.digests[index] = digest_frames(frame[np.newaxis])[0]
        self.looks[index] = COLORED
        if (frame == frame[..., :1]).all():
            self.looks[index] = GREY
            self._grey_digests[index] = digest_frames(frame[np.newaxis, ..., 0])[0]
        return None

    def pictures(self, images: Images, notes: tuple[str, ...]) -> Pictures:
        """Returns what was read, with `images` for the frames; their digests need not be computed again."""
        are_grey = COLORED not in self.looks
        if isinstance(images, StoredImages):
            images.store.digests[()] = self.digests
            if are_grey:
                images.store.digests[FIRST_CHANNEL] = self._grey_digests
        return Pictures(images=images, failures=self.failures, are_grey=are_grey, notes=notes)

    def _find_cached(self, index: int) -> NDArray[np.uint8] | None:
        """Returns the frame that the cache has; None where it has none, or a damaged one."""
        row = int(self._rows[index])
        if self._cached is None or row < 0:
            return None
        try:
            frame: NDArray[np.uint8] = self._cached.images[row]
        except OSError:
            return None
        return frame if np.array_equal(digest_frames(frame[np.newaxis])[0], self._cached.digests[row]) else None


def _open_cache(source: PictureSource, limit: int) -> tuple[PhotoCache | None, tuple[str, ...]]:
    """Returns the cache for `source`, if it is to be kept, and a note where it cannot be."""
    if not source.keep or source.nbytes > limit or not _is_worth_keeping(source):
        return None, ()
    try:
        return PhotoCache(limit), ()
    except OSError as error:
        return None, (_not_kept(error),)


def _is_worth_keeping(source: PictureSource) -> bool:
    if source.nbytes >= LEAST_CACHED_BYTES:
        return True
    size = 0
    for path in source.files:
        with suppress(OSError):
            size += path.stat().st_size
    return size >= LEAST_CACHED_BYTES


def _find(keeper: PhotoCache, source: PictureSource) -> CachedPhotos | None:
    try:
        return keeper.find(_settings_of(source), source.frame)
    except OSError:  # a link, or a disk that cannot be read: it is written anew
        return None


def _take_cached(source: PictureSource, cached_photos: CachedPhotos, rows: NDArray[np.int64]) -> Pictures | None:
    """Returns the pictures of `source` where the cache has all that can be read, undamaged; None where it lacks some.

    A photo that cannot be read is in no cache: it is tried again.
    """
    absent = np.flatnonzero(rows < 0)
    present_rows = rows[rows >= 0]
    if not len(present_rows) or len(absent) > _MOST_TRIED or not _are_whole(cached_photos, present_rows):
        return None
    failures = {}
    for index in absent:
        try:
            source.decode(int(index))
        except ImageError as error:
            failures[source.files[index]] = error
        else:
            return None
    are_grey = bool((cached_photos.looks[present_rows] == GREY).all())
    return Pictures(images=_settle(cached_photos.images.take(rows.clip(0))), failures=failures, are_grey=are_grey)


def _are_whole(cached_photos: CachedPhotos, rows: NDArray[np.int64]) -> bool:
    """Returns whether the frames at `rows` are those that were written; their digests are then known."""

    def is_whole(part: NDArray[np.int64]) -> bool:
        try:
            return np.array_equal(digest_frames(cached_photos.images[part]), cached_photos.digests[part])
        except OSError:
            return False

    parts = np.array_split(rows, -(-len(rows) // _VERIFIED_AT_ONCE))
    with ThreadPoolExecutor(count_threads()) as pool:
        are_whole = all(pool.map(is_whole, parts))
    if are_whole:
        cached_photos.images.store.digests[()] = cached_photos.digests
    return are_whole


def _settle(images: Images) -> Images:
    """Returns `images`, in memory where they are few."""
    return np.asarray(images) if images.nbytes < stored_images.LARGE_BYTES else images


def _keys_of(source: PictureSource, keeper: PhotoCache | None) -> list[bytes]:
    if keeper is None:
        return [NO_KEY] * len(source.files)
    now_ns = time.time_ns()
    return [source.key(index, now_ns) for index in range(len(source.files))]


def _settings_of(source: PictureSource) -> bytes:
    """Returns a hash of the folder and of all that decides what a file of it becomes."""
    facts = [os.path.realpath(source.folder), *source.frame, *_decoder()]
    return blake2b("\0".join(map(str, facts)).encode("utf-8", "surrogateescape"), digest_size=16).digest()


@cache
def _decoder() -> tuple[str, ...]:
    """The code and the libraries that decode: with others a file may become another frame."""
    sources = sorted(Path(decode.__file__).parent.glob("*.py"))
    code = blake2b(b"\0".join(path.read_bytes() for path in sources), digest_size=16).hexdigest()
    codecs = [f"{name} {features.version(name)}" for name in _CODECS]
    with suppress(PackageNotFoundError):
        codecs.append(f"pillow-heif {version('pillow-heif')}")
    return (code, PIL.__version__, platform.machine(), *codecs)


def _not_kept(error: OSError) -> str:
    return f"the decoded photos are not kept for the next run: {error.strerror or error}"
