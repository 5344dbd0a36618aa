"""Loads a named set, a .npz file or a folder of images as training, calibration and test parts."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from edgeready.dataset.class_names import ClassNames, order_classes
from edgeready.dataset.dataset import Parts
from edgeready.dataset.digits import NAME as DIGITS
from edgeready.dataset.digits import load_digits
from edgeready.dataset.folder import load_folder
from edgeready.dataset.named import NAMED_SETS, load_named
from edgeready.dataset.npz import load_npz
from edgeready.dataset.splits import Splits, split
from edgeready.errors import DatasetError, NotFoundError, UsageError
from edgeready_device.progress import Progress, no_progress

SET_NAMES = (DIGITS, *NAMED_SETS)


def load_splits(
    source: str,
    *,
    seed: int = 0,
    image_size: tuple[int, int] | None = None,
    photo_size: tuple[int, int] | None = None,
    channels: int | None = None,
    follow_links: bool = False,
    skip_damaged: bool = False,
    keep: bool = True,
    test: str | None = None,
    calibration_count: int | None = None,
    class_names: ClassNames | None = None,
    progress: Progress = no_progress,
    download: bool = True,
) -> Splits:
    """Training, calibration and test parts of a named set (SET_NAMES), a .npz file or a folder of images.

    A name goes before a path: write ./digits for a folder of that name. For folders are `image_size` (height, width
    in pixels; when None `photo_size` for colour photos of half that size or more, if it is given, else 96x96),
    `channels` (1, 3, or None: RGB unless every image is grey), `follow_links` (also symbolic links that lead out of
    it), `skip_damaged` (leave out images that cannot be read) and `keep` (decoded photos stay for the next run).
    `test` is another source, whose test images (else those for validation, else all) go in the place of those of
    `source`, by the names of the classes. `calibration_count` is that of `split`.
    `class_names` are those of a trained model, by which the classes are called and ordered. `progress` counts the
    bytes of a download (of all of them, or of 0 when the server does not say) and the images of a folder.
    Raises NotFoundError when there is no such source, UsageError, DatasetError, ImageError and OutputError.
    """
    if not _is_folder(source) and (image_size is not None or channels is not None):
        raise UsageError(f"image_size and channels are for folders of images, and {source!r} is none: leave them out")

    def load(name: str, size: tuple[int, int] | None, colours: int | None) -> Parts:
        if not _is_folder(name):
            return _load_arrays(name, Path(name), progress=progress, download=download)
        shape = None if size is None else _check_size(size)
        return read(Path(name), image_size=shape, channels=colours, progress=progress)

    read = partial(
        load_folder, photo_size=photo_size, follow_links=follow_links, skip_damaged=skip_damaged, keep=keep
    )
    parts = load(source, image_size, channels)
    if test is not None:
        train = parts.train
        parts = _with_test(parts, load(test, (train.height, train.width), train.channels), source, test)
    if class_names is not None:
        parts = order_classes(parts, class_names, repr(source))
    splits = split(
        parts.train, parts.test, validation=parts.validation, seed=seed, calibration_count=calibration_count
    )
    return replace(splits, notes=(*splits.notes, *parts.notes)) if parts.notes else splits


def _is_folder(source: str) -> bool:
    return source not in SET_NAMES and Path(source).is_dir()


def _with_test(parts: Parts, other: Parts, source: str, test: str) -> Parts:
    """`parts` with the test images of `other` in the place of their own."""
    images = other.test or other.validation or other.train
    classes = parts.train.classes
    counts = images.class_counts()
    for name in images.classes:
        if name not in classes and counts[name]:
            raise DatasetError(
                f"{test!r} has the class {name!r}, and the classes of {source!r} are {', '.join(classes[:10])}: "
                "name them alike, or remove it"
            )
    places = np.array([classes.index(name) if name in classes else -1 for name in images.classes], dtype=np.int64)
    own = replace(images, classes=classes, labels=places[images.labels])
    notes = (*parts.notes, *other.notes, f"the test has {len(own):,} images of {test!r}")
    if parts.test is not None:
        notes = (*notes, f"left out: the {len(parts.test):,} test images of {source!r} itself")
    return replace(parts, test=own, notes=notes)


def _load_arrays(source: str, path: Path, *, progress: Progress, download: bool) -> Parts:
    if source == DIGITS:
        return Parts(train=load_digits())
    if source in NAMED_SETS:
        train, test = load_named(NAMED_SETS[source], progress=progress, fetch=download)
        return Parts(train=train, test=test)
    sources = f"use {', '.join(SET_NAMES)}, a .npz file, or a folder with one subfolder of images per class"
    if not path.exists():
        raise NotFoundError(f"no data set or path {source!r}: {sources}")
    if path.suffix.lower() != ".npz":
        raise DatasetError(f"{source!r} is a file but not a .npz: {sources}")
    return load_npz(path, progress)


def _check_size(size: tuple[int, int]) -> tuple[int, int]:
    if min(size) < 1:
        raise UsageError(f"image_size is {size}: give height and width in pixels, from 1")
    return size
