"""A folder of images, in any layout that `layout` reads, as data sets of one image size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from edgeready.config.disk import disk_limit
from edgeready.dataset.dataset import Dataset, Parts
from edgeready.dataset.photo_files import PictureSource, are_photos
from edgeready.dataset.pictures import read_pictures
from edgeready.errors import DatasetError, ImageError, NotFoundError, UsageError
from edgeready.files.stored_images import Images, StoredImages, take_rows
from edgeready_device.image_sets.failures import failure_text
from edgeready_device.image_sets.label_table import Listing
from edgeready_device.image_sets.layout import Layout, read_layout
from edgeready_device.image_sets.part_names import TEST, TRAIN, VALIDATION
from edgeready_device.progress import Progress, no_progress

DEFAULT_IMAGE_SIZE = (96, 96)  # chosen: the smallest input of the ImageNet weights that Keras has for MobileNetV2


def load_folder(
    folder: Path,
    *,
    image_size: tuple[int, int] | None = None,
    photo_size: tuple[int, int] | None = None,
    channels: int | None = None,
    follow_links: bool = False,
    skip_damaged: bool = False,
    keep: bool = True,
    progress: Progress = no_progress,
) -> Parts:
    """The parts of the folder as `read_layout` finds them, named after the folder.

    Every image is stretched to `image_size`, (height, width) in pixels; with None to `photo_size`, if it is given and
    the folder has colour photos of half that size or more, else to DEFAULT_IMAGE_SIZE. `channels` is 1 (grey, images
    of shape (N, height, width)), 3 (RGB) or None: RGB unless no image has any colour. Classes are sorted by
    name. Hidden files are passed over. Files that are no images, (unless `follow_links`) symbolic links that lead out
    of the folder, and (with `skip_damaged`) images that cannot be read are left out and counted. With
    `keep` the decoded photos of a large set stay in the user's cache folder for the next run. `progress` counts the
    images.
    Raises NotFoundError when there is no such folder, DatasetError when its layout is another, and ImageError, naming
    them all, when images cannot be read.
    """
    if channels not in (None, 1, 3):
        raise UsageError(f"channels is {channels}: give 1 for grey or 3 for RGB")
    if not folder.is_dir():
        raise NotFoundError(f"no folder {str(folder)!r}: check the path")
    layout = read_layout(folder, follow_links=follow_links)
    name = folder.resolve().name or str(folder)
    if image_size is None:
        image_size = DEFAULT_IMAGE_SIZE
        if photo_size is not None and channels != 1 and are_photos(layout.files, photo_size):
            image_size = photo_size
    source = PictureSource(
        folder=folder, files=layout.files, size=image_size, channels=1 if channels == 1 else 3, keep=keep
    )
    pictures = read_pictures(source, disk_limit(), progress)
    layout = replace(layout, notes=(*layout.notes, *pictures.notes))
    images, failures = pictures.images, pictures.failures
    if failures:
        if not skip_damaged:
            raise ImageError(failure_text(failures, len(layout.files)))
        positions = [index for index, file in enumerate(layout.files) if file not in failures]
        images = take_rows(images, np.array(positions, dtype=np.int64))
        layout = _without(layout, failures)
    if channels == 1 or (channels is None and pictures.are_grey):
        images = images[..., 0] if isinstance(images, StoredImages) else np.ascontiguousarray(images[..., 0])
    return _cut(name, layout, images)


def _cut(name: str, layout: Layout, images: Images) -> Parts:
    """The parts of `layout`, whose `images` are in the order of its files."""
    datasets: list[Dataset | None] = []
    start = 0
    for part, listing in ((TRAIN, layout.train), (VALIDATION, layout.validation), (TEST, layout.test)):
        if listing is None:
            datasets.append(None)
            continue
        if not listing.files:
            raise DatasetError(f"{name!r} has no image for the {part} that can be read: add some")
        stop = start + len(listing.files)
        labels = np.array(listing.labels, dtype=np.int64)
        datasets.append(
            Dataset(name=name, images=take_rows(images, slice(start, stop)), labels=labels, classes=layout.classes)
        )
        start = stop
    train, validation, test = datasets
    assert train is not None  # a layout has training images
    return Parts(train=train, validation=validation, test=test, notes=layout.notes)


def _without(layout: Layout, failures: dict[Path, ImageError]) -> Layout:
    """`layout` without the files that cannot be read, and a note with their number."""

    def keep(listing: Listing | None) -> Listing | None:
        if listing is None:
            return None
        rows = [row for row in zip(listing.files, listing.labels, strict=True) if row[0] not in failures]
        return Listing(files=tuple(row[0] for row in rows), labels=tuple(row[1] for row in rows))

    train = keep(layout.train)
    note = f"left out: {failure_text(failures, len(layout.files), remedy=False)}"
    return replace(
        layout,
        train=layout.train if train is None else train,
        validation=keep(layout.validation),
        test=keep(layout.test),
        notes=(*layout.notes, note),
    )
