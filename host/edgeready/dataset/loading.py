"""The way from what the user named to three data sets: a named set, a .npz file, or a folder of images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgeready.dataset.dataset import Dataset
from edgeready.dataset.digits import NAME as DIGITS
from edgeready.dataset.digits import load_digits
from edgeready.dataset.folder import DEFAULT_IMAGE_SIZE, load_folder
from edgeready.dataset.named import NAMED_SETS, load_named
from edgeready.dataset.npz import load_npz
from edgeready.dataset.splits import Splits
from edgeready.dataset.splitting import split
from edgeready.errors import DatasetError, NotFoundError, UsageError

SET_NAMES = (DIGITS, *NAMED_SETS)

Progress = Callable[[int, int], None]


def load_splits(
    source: str,
    *,
    seed: int = 0,
    image_size: tuple[int, int] | None = None,
    channels: int | None = None,
    follow_links: bool = False,
    calibration_count: int | None = None,
    progress: Progress | None = None,
    download: bool = True,
) -> Splits:
    """Training, calibration and test parts of a named set (SET_NAMES), a .npz file or a folder of images.

    A name goes before a path: write ./digits for a folder of that name. `image_size` (height, width in
    pixels, 96x96 where None) and `channels` (1, 3, or None: RGB unless every image is grey) are for folders;
    with `follow_links` so are symbolic links that lead out of one. `calibration_count` is that of `split`.
    `progress` gets (bytes, all bytes or 0) while fetching and (images, all images) while reading a folder.
    Raises NotFoundError where there is no such source, UsageError, DatasetError, ImageError and OutputError.
    """
    path = Path(source)
    is_folder = source not in SET_NAMES and path.is_dir()
    if not is_folder and (image_size is not None or channels is not None):
        raise UsageError(f"image_size and channels are for folders of images, and {source!r} is none: leave them out")
    if is_folder:
        size = _checked_size(image_size or DEFAULT_IMAGE_SIZE)
        train, test = load_folder(
            path, image_size=size, channels=channels, follow_links=follow_links, progress=progress
        )
    else:
        train, test = _load_arrays(source, path, progress, download)
    return split(train, test, seed=seed, calibration_count=calibration_count)


def _load_arrays(
    source: str, path: Path, progress: Progress | None, download: bool
) -> tuple[Dataset, Dataset | None]:
    if source == DIGITS:
        return load_digits(), None
    if source in NAMED_SETS:
        return load_named(NAMED_SETS[source], progress=progress, fetch=download)
    sources = f"use {', '.join(SET_NAMES)}, a .npz file, or a folder with one subfolder of images per class"
    if not path.exists():
        raise NotFoundError(f"no data set or path {source!r}: {sources}")
    if path.suffix.lower() != ".npz":
        raise DatasetError(f"{source!r} is a file but not a .npz: {sources}")
    return load_npz(path)


def _checked_size(size: tuple[int, int]) -> tuple[int, int]:
    if min(size) < 1:
        raise UsageError(f"image_size is {size}: give height and width in pixels, from 1")
    return size
