"""A folder with one subfolder of JPEG and PNG images per class, with or without train/ and test/ above them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgeready.dataset.dataset import Dataset
from edgeready.errors import DatasetError, NotFoundError, UsageError
from edgeready_device.images.decode import IMAGE_SUFFIXES, image_files, load_frame
from edgeready_device.progress import Progress, no_progress

TRAIN = "train"
TEST = "test"
# Validation images go to training: calibration images are taken from there, and the test set stays unseen.
VALIDATION = ("val", "valid", "validation")
DEFAULT_IMAGE_SIZE = (96, 96)  # chosen: the smallest input of the ImageNet weights that Keras has for MobileNetV2


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Image files of one part and the class index of each."""

    files: tuple[Path, ...]
    labels: tuple[int, ...]


def load_folder(
    folder: Path,
    *,
    image_size: tuple[int, int] = DEFAULT_IMAGE_SIZE,
    channels: int | None = None,
    follow_links: bool = False,
    progress: Progress = no_progress,
) -> tuple[Dataset, Dataset | None]:
    """Training and official test images of the folder (None when it has no test/), named after the folder.

    Every image is stretched to `image_size`, (height, width) in pixels. `channels` is 1 (grey, images of
    shape (N, height, width)), 3 (RGB) or None: RGB unless no image has any colour. Classes are sorted by
    name. val/, valid/ and validation/ are added to train/. Hidden files, files that are not JPEG or PNG, and
    (unless `follow_links`) symbolic links that lead out of the folder are left out. `progress` counts the images.
    Raises NotFoundError when there is no such folder, DatasetError when its layout is another, and ImageError, naming
    the image, when one cannot be read.
    """
    if channels not in (None, 1, 3):
        raise UsageError(f"channels is {channels}: give 1 for grey or 3 for RGB")
    if not folder.is_dir():
        raise NotFoundError(f"no folder {str(folder)!r}: check the path")
    classes, training, testing = _listings(folder, None if follow_links else folder)
    name = folder.resolve().name or str(folder)
    files = training.files + (testing.files if testing else ())
    images = _read_images(files, image_size, channels=1 if channels == 1 else 3, progress=progress)
    if channels is None and _are_grey(images):
        images = np.ascontiguousarray(images[..., :1])
    images = images[..., 0] if images.shape[3] == 1 else images
    cut = len(training.files)
    train = Dataset(name=name, images=images[:cut], labels=np.array(training.labels, dtype=np.int64), classes=classes)
    if testing is None:
        return train, None
    labels = np.array(testing.labels, dtype=np.int64)
    return train, Dataset(name=name, images=images[cut:], labels=labels, classes=classes)


def _listings(folder: Path, fence: Path | None) -> tuple[tuple[str, ...], Listing, Listing | None]:
    """The classes, the training files, and the test files when there is a test/; no link leads out of `fence`."""
    inside = _subfolders(folder, fence)
    # A class may be called "train" or "test": only a folder of folders is a part.
    parts = {path.name.lower(): path for path in inside if _is_part(path, fence)}
    if not parts:
        classes = _class_names(folder, inside)
        return classes, _listing(fence, (folder,), classes), None
    if TRAIN not in parts:
        raise DatasetError(
            f"{str(folder)!r} has {', '.join(sorted(parts))} but no train: name the folder of training images train"
        )
    if strays := [path.name for path in inside if path not in parts.values()]:
        raise DatasetError(
            f"{str(folder)!r} has {strays[0]!r} beside train: move it away (train, test and val are used)"
        )
    classes = _class_names(folder, _subfolders(parts[TRAIN], fence))
    roots = tuple(parts[name] for name in (TRAIN, *VALIDATION) if name in parts)
    testing = _listing(fence, (parts[TEST],), classes) if TEST in parts else None
    return classes, _listing(fence, roots, classes), testing


def _is_part(path: Path, fence: Path | None) -> bool:
    return path.name.lower() in (TRAIN, TEST, *VALIDATION) and bool(_subfolders(path, fence))


def _subfolders(path: Path, fence: Path | None) -> list[Path]:
    return sorted(
        entry
        for entry in path.iterdir()
        if entry.is_dir() and not entry.name.startswith(".") and _stays_inside(entry, fence)
    )


def _stays_inside(entry: Path, fence: Path | None) -> bool:
    """Whether the entry is inside the fence, also when it is a symbolic link."""
    return fence is None or not entry.is_symlink() or entry.resolve().is_relative_to(fence.resolve())


def _class_names(folder: Path, inside: list[Path]) -> tuple[str, ...]:
    if len(inside) < 2:
        folders = f"only {inside[0].name!r}" if inside else "none"
        raise DatasetError(
            f"{str(folder)!r} needs a subfolder of images for each of at least two classes and has {folders} "
            "(symbolic links that lead out of it need --follow-links)"
        )
    return tuple(path.name for path in inside)


def _listing(fence: Path | None, roots: tuple[Path, ...], classes: tuple[str, ...]) -> Listing:
    files: list[Path] = []
    labels: list[int] = []
    for root in roots:
        for path in _subfolders(root, fence):
            if path.name not in classes:
                raise DatasetError(
                    f"class {path.name!r} in {str(root)!r} is not in train: add images of it there or remove it"
                )
            images = [file for file in image_files(path) if _stays_inside(file, fence)]
            if not images:
                raise DatasetError(f"{str(path)!r} has no {' '.join(IMAGE_SUFFIXES)} image: add some or remove it")
            files += images
            labels += [classes.index(path.name)] * len(images)
    return Listing(files=tuple(files), labels=tuple(labels))


def _read_images(
    files: tuple[Path, ...], size: tuple[int, int], *, channels: Literal[1, 3], progress: Progress
) -> NDArray[np.uint8]:
    height, width = size
    images = np.empty((len(files), height, width, channels), dtype=np.uint8)
    for index, file in enumerate(files):
        images[index] = load_frame(file, height, width, channels=channels)
        progress("reading images", index + 1, len(files))
    return images


def _are_grey(images: NDArray[np.uint8]) -> bool:
    return all(bool((image == image[..., :1]).all()) for image in images)
