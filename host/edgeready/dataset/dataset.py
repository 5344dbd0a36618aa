"""A data set: uint8 images, one label each, and the names of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edgeready.errors import DatasetError
from edgeready.files.stored_images import Images, StoredImages, digest_frames, store_images, take_rows

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Labelled images; the arrays are read-only views.

    `images` is uint8 of shape (N, height, width) or (N, height, width, channels) with 1 or 3 channels; those of a
    large set lie in a file. `labels` is int64 of shape (N,), indices into `classes`. Raises DatasetError when they do
    not fit together.
    """

    name: str
    images: Images
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_images(self)
        _check_classes(self)
        _check_labels(self)
        images = store_images(self.images)
        object.__setattr__(self, "images", images if isinstance(images, StoredImages) else _read_only(images))
        object.__setattr__(self, "labels", _read_only(self.labels))

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def height(self) -> int:
        """Height of every image in pixels."""
        return int(self.images.shape[1])

    @property
    def width(self) -> int:
        """Width of every image in pixels."""
        return int(self.images.shape[2])

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return int(self.images.shape[3]) if self.images.ndim == 4 else 1

    def take(self, indices: Sequence[int] | NDArray[np.int64]) -> Dataset:
        """The images at `indices`, in that order; raises DatasetError when an index is outside, or there is none."""
        rows = np.asarray(indices, dtype=np.int64)
        outside = rows[(rows < 0) | (rows >= len(self))]
        if outside.size:
            raise DatasetError(f"{self.name!r} has no image {outside[0]}: indices go from 0 to {len(self) - 1}")
        return Dataset(
            name=self.name, images=take_rows(self.images, rows), labels=self.labels[rows], classes=self.classes
        )

    def hashes(self) -> tuple[bytes, ...]:
        """16 bytes per image, equal for images with equal pixels (BLAKE2b)."""
        images = self.images
        digests = images.digests() if isinstance(images, StoredImages) else digest_frames(images)
        return tuple(row.tobytes() for row in digests)

    def class_counts(self) -> dict[str, int]:
        """The number of images of each class, in the order of the classes."""
        counts = np.bincount(self.labels, minlength=len(self.classes))
        return {name: int(count) for name, count in zip(self.classes, counts, strict=True)}

    def majority_share(self) -> float:
        """The share of the largest class, 0 to 1: the accuracy of a model that always gives it as its answer."""
        return max(self.class_counts().values()) / len(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """A data set as its source has it: `validation` and `test` are None where there are none of their own.

    `notes` say what was left out, in sentences.
    """

    train: Dataset
    validation: Dataset | None = None
    test: Dataset | None = None
    notes: tuple[str, ...] = ()


def _read_only(array: NDArray[Scalar]) -> NDArray[Scalar]:
    view = array.view()
    view.flags.writeable = False
    return view


def _check_images(data: Dataset) -> None:
    images = data.images
    if images.dtype != np.uint8:
        raise DatasetError(f"images of {data.name!r} are {images.dtype}: convert them to uint8, 0 to 255")
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] not in (1, 3)):
        raise DatasetError(
            f"images of {data.name!r} have the shape {images.shape}: "
            "make it (N, height, width) or (N, height, width, 1 or 3)"
        )
    if not len(images):
        raise DatasetError(f"{data.name!r} has no images: add some")
    if 0 in images.shape:
        raise DatasetError(f"images of {data.name!r} have the shape {images.shape}: each needs at least one pixel")


def _check_classes(data: Dataset) -> None:
    if len(data.classes) < 2:
        raise DatasetError(f"{data.name!r} has the classes {data.classes}: a classifier needs at least two")
    for name in data.classes:
        # labels.txt in the model file holds one class a line.
        if name.splitlines() != [name] or not name.strip():
            raise DatasetError(f"class {name!r} of {data.name!r} is not one line of text: rename it")
    if len(set(data.classes)) < len(data.classes):
        twice = next(name for name in data.classes if data.classes.count(name) > 1)
        raise DatasetError(f"class {twice!r} of {data.name!r} is there twice: give every class its own name")


def _check_labels(data: Dataset) -> None:
    labels = data.labels
    if labels.dtype != np.int64:
        raise DatasetError(f"labels of {data.name!r} are {labels.dtype}: convert them to int64")
    if labels.ndim != 1:
        raise DatasetError(f"labels of {data.name!r} have the shape {labels.shape}: make it (N,)")
    if len(labels) != len(data.images):
        raise DatasetError(
            f"{data.name!r} has {len(data.images)} images and {len(labels)} labels: give one label per image"
        )
    outside = np.flatnonzero((labels < 0) | (labels >= len(data.classes)))
    if outside.size:
        raise DatasetError(
            f"label {labels[outside[0]]} of image {outside[0]} of {data.name!r} is outside its "
            f"{len(data.classes)} classes: labels go from 0 to {len(data.classes) - 1}"
        )
