"""Image files as frames of one size: what they become, and frames that are decoded each time they are asked for."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgeready.dataset.photo_cache import NO_KEY, file_key
from edgeready.errors import EdgereadyError, ImageError, NotFoundError
from edgeready.files.stored_images import Form, Images, Rows, StoredImages
from edgeready_device.images.decode import load_frame, read_sized_image

# Files that are looked at before a set is read, and what their decoder may make them smaller for. Chosen: a second of
# large photos.
_SAMPLED, _SAMPLE_SIZE = 24, (32, 32)


@dataclass(frozen=True, kw_only=True)
class PictureSource:
    """Image `files` below `folder`, and the frames that they become; with `keep` these stay for the next run."""

    folder: Path
    files: tuple[Path, ...]
    size: tuple[int, int]
    channels: Literal[1, 3]
    keep: bool = True

    @property
    def frame(self) -> tuple[int, int, int]:
        """The shape of each frame."""
        return (*self.size, self.channels)

    @property
    def nbytes(self) -> int:
        """The number of bytes of all frames."""
        return len(self.files) * self.size[0] * self.size[1] * self.channels

    def decode(self, index: int) -> NDArray[np.uint8]:
        """Returns the frame of the file `index`; raises ImageError for one that cannot be read."""
        return load_frame(self.files[index], *self.size, channels=self.channels)

    def key(self, index: int, now_ns: int | None = None) -> bytes:
        """Returns the `file_key` of the file `index`."""
        return file_key(self.files[index], os.path.relpath(self.files[index], self.folder), now_ns)


def are_photos(files: tuple[Path, ...], size: tuple[int, int]) -> bool:
    """Whether more than half of `files` have at least half the height and width of `size`, and one has a colour.

    A sample of the files is read. One that cannot be read says nothing here.
    """
    sample = files[:: max(1, len(files) // _SAMPLED)][:_SAMPLED]
    pictures = []
    for file in sample:
        with suppress(ImageError, NotFoundError):
            pictures.append(read_sized_image(file, 3, _SAMPLE_SIZE))
    # Half: photos of 160x213 pixels suit EfficientNet-Lite0 better at 224x224 (85.6 %) than at 96x96 (72.0 %).
    large = sum(2 * height >= size[0] and 2 * width >= size[1] for _, (height, width) in pictures)
    has_color = any((pixels != pixels[..., :1]).any() for pixels, _ in pictures)
    return 2 * large > len(pictures) and has_color


class PhotoFiles:
    """The frames of a source as a Store that has no pixels: each is decoded when it is read.

    `keys` are those of the files when they were first read. `failure` is the last error.
    """

    def __init__(self, source: PictureSource, keys: tuple[bytes, ...]) -> None:
        """Reads the files of `source` as long as they have these `keys`."""
        files = tuple(Path(os.path.abspath(file)) for file in source.files)
        # Whole paths: the current folder may be another when they are read.
        self.source = replace(source, folder=Path(os.path.abspath(source.folder)), files=files)
        self.keys = keys
        self.frame: tuple[int, ...] = source.frame
        self.digests: dict[Form, NDArray[np.uint8]] = {}
        self.failure: EdgereadyError | None = None

    def __len__(self) -> int:
        """Returns the number of files."""
        return len(self.keys)

    def read(self, rows: Rows) -> NDArray[np.uint8]:
        """Returns the frames at `rows`, decoded in threads; raises ImageError where a file has changed or is gone."""
        frames = np.empty((len(rows), *self.frame), np.uint8)

        def read(place: int) -> None:
            frames[place] = self._read(int(rows[place]))

        try:
            if len(rows) == 1:
                read(0)
            else:
                with ThreadPoolExecutor(count_threads()) as pool:
                    list(pool.map(read, range(len(rows))))
        except EdgereadyError as error:
            self.failure = error
            raise
        return frames

    def _read(self, row: int) -> NDArray[np.uint8]:
        key = self.source.key(row)
        if key == NO_KEY or key != self.keys[row]:
            raise ImageError(
                f"image {str(self.source.files[row])!r} was changed or removed after it was first read: run the "
                "command again"
            )
        return self.source.decode(row)


def failure_of(*sets: Images) -> EdgereadyError | None:
    """Returns why photos of one of `sets` could not be decoded again; None where none failed."""
    stores = [images.store for images in sets if isinstance(images, StoredImages)]
    return next((store.failure for store in stores if isinstance(store, PhotoFiles) and store.failure), None)


def photo_folders(*sets: Images) -> tuple[str, ...]:
    """Returns the folders of the files that `sets` decode, and of those that links among them lead to."""
    stores = [images.store for images in sets if isinstance(images, StoredImages)]
    files = [file for store in stores if isinstance(store, PhotoFiles) for file in store.source.files]
    links = [Path(os.path.realpath(file)) for file in files if file.is_symlink()]
    return tuple(sorted({os.path.realpath(file.parent) for file in (*files, *links)}))


def count_threads() -> int:
    """Returns the number of threads that read images: one for each processor of this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
