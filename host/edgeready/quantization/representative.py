"""Checks and loads a representative data set, and tells images from noise."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeready.dataset import SET_NAMES, Dataset, load_splits
from edgeready.errors import DatasetError, ImageError
from edgeready.files.stored_images import Images, store_blocks
from edgeready.quantization.samples import Samples
from edgeready_device.image_sets.failures import failure_text
from edgeready_device.image_sets.folder_tree import read_tree
from edgeready_device.image_sets.label_table import find_tables
from edgeready_device.image_sets.npz_file import NpzArray, NpzFile
from edgeready_device.images.decode import load_frame

_NAMES = ("x", "images", "x_train", "calibration")
LIMIT = 500  # images by default; chosen: the most that the calibration split has, too
# Correlation of neighbouring pixels. Measured medians: MNIST 0.8, Fashion-MNIST 0.85, CIFAR-10 0.9, random pixels
# 0.0; chosen well below the least of the images (docs/quantization.md, Calibration).
_NOISE_CORRELATION = 0.25


def check_samples(samples: Samples) -> None:
    """Raises DatasetError when `samples` give no ranges: no samples, NaN or infinity, or one value everywhere."""
    if not len(samples):
        raise DatasetError("no calibration samples: ranges need at least one; give images that the model will see")
    low, high = [np.inf] * len(samples.arrays), [-np.inf] * len(samples.arrays)
    for number, sample in enumerate(samples()):
        for place, values in enumerate(sample):
            if not np.isfinite(values).all():
                raise DatasetError(
                    f"calibration sample {number} holds {values[~np.isfinite(values)].flat[0]}: no range comes "
                    "of that; fix or remove the sample"
                )
            low[place], high[place] = min(low[place], float(values.min())), max(high[place], float(values.max()))
    for place, (least, most) in enumerate(zip(low, high, strict=True)):
        if least == most and samples.arrays[place][:1].size > 1:
            raise DatasetError(
                f"the {len(samples)} calibration samples are constant ({least:g} everywhere in input {place}): they "
                "show no range; give images that the model will see"
            )


def load_representative(
    source: str,
    like: Dataset,
    seed: int,
    count: int | None,
    *,
    follow_links: bool = False,
    skip_damaged: bool = False,
    keep: bool = True,
) -> NDArray[np.uint8]:
    """Returns at most `count` images of `source` (.npz, folder or named set), in the shape of those of `like`.

    The images of a folder may lie in it without classes; `keep` is that of `load_splits`. Raises DatasetError when
    they are no uint8 images of that shape, and what `load_splits` raises.
    """
    path = Path(source)
    if source not in SET_NAMES and path.is_dir():
        tree = read_tree(path, follow_links=follow_links)
        if tree.images and not tree.image_folders and not find_tables(tree):
            return _read_flat(tree.images, like, seed, count=count or LIMIT, skip_damaged=skip_damaged)
    if path.suffix == ".npz" and path.is_file():
        array = _images_in(path)
        _check_alike(array, like, source)
        sets: tuple[Images, ...] = (store_blocks(array.shape, array.blocks()),)
    else:
        folder = path.is_dir()
        splits = load_splits(
            source,
            seed=seed,
            image_size=(like.height, like.width) if folder else None,
            channels=like.channels if folder else None,
            follow_links=follow_links,
            skip_damaged=skip_damaged,
            keep=keep,
        )
        sets = (splits.train.images, splits.calibration.images)
        _check_alike(sets[0], like, source)
    return _draw_images(sets, like.images.shape[1:], seed, count or LIMIT)


def _check_alike(images: Images | NpzArray, like: Dataset, source: str) -> None:
    frame, own = images.shape[1:], like.images.shape[1:]
    if images.dtype != np.uint8 or math.prod(frame) != math.prod(own) or frame[:2] != own[:2]:
        raise DatasetError(
            f"the calibration images of {source} are {images.dtype} {list(frame)}, the model's uint8 {list(own)}: "
            "bring them to one shape and type"
        )


def _read_flat(
    paths: tuple[Path, ...], like: Dataset, seed: int, *, count: int, skip_damaged: bool
) -> NDArray[np.uint8]:
    """Returns at most `count` of the images in `paths`, drawn with `seed`; raises ImageError for damaged ones."""
    frames: list[NDArray[np.uint8]] = []
    failures: dict[Path, ImageError] = {}
    for row in np.random.default_rng(seed).permutation(len(paths)):
        if len(frames) == count:
            break
        try:
            frames.append(load_frame(paths[row], like.height, like.width, 3 if like.channels == 3 else 1))
        except ImageError as error:
            failures[paths[row]] = error
    if failures and not (skip_damaged and frames):
        raise ImageError(failure_text(failures, len(failures) + len(frames)))
    return np.stack(frames).reshape(len(frames), *like.images.shape[1:])


def _draw_images(sets: tuple[Images, ...], shape: tuple[int, ...], seed: int, count: int) -> NDArray[np.uint8]:
    """Returns at most `count` images of `sets`, one behind the other, drawn with `seed`, each in `shape`."""
    rows = np.random.default_rng(seed).permutation(sum(map(len, sets)))[:count]
    drawn_images = np.empty((len(rows), *shape), np.uint8)
    start = 0
    for images in sets:
        is_here = (rows >= start) & (rows < start + len(images))
        drawn_images[is_here] = images[rows[is_here] - start].reshape(-1, *shape)
        start += len(images)
    return drawn_images


def neighbour_correlation(images: NDArray[np.uint8]) -> float:
    """Returns the median correlation of neighbouring pixels of `images` (n, height, width[, channels])."""
    grey = images.astype(np.float64).reshape(*images.shape[:3], -1).mean(axis=3)
    directions = []
    for pair in ((grey[:, :, 1:], grey[:, :, :-1]), (grey[:, 1:], grey[:, :-1])):
        a, b = (part.reshape(len(grey), -1) - part.mean(axis=(1, 2))[:, None] for part in pair)
        size = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
        directions.append(np.where(size > 0, (a * b).sum(axis=1) / np.maximum(size, 1e-12), 1.0))
    return float(np.median(np.mean(directions, axis=0)))


def looks_like_noise(correlation: float, of_training: float) -> bool:
    """Returns whether the neighbouring pixels of a set are unrelated and those of the training images are not."""
    return correlation < _NOISE_CORRELATION and of_training - correlation > _NOISE_CORRELATION


def _images_in(path: Path) -> NpzArray:
    """Returns the array of images in a .npz: by its usual name, else the first of three or four dimensions."""
    file = NpzFile(path)
    candidates = [*(name for name in _NAMES if name in file), *file]
    images = next((file[name] for name in candidates if file[name].ndim in (3, 4)), None)
    if images is None:
        raise DatasetError(f"{path} has no array of images (arrays: {', '.join(file) or 'none'}): name one x")
    if not len(images):
        raise DatasetError(f"{path} has 0 images: ranges need at least one")
    if images.dtype.kind == "f" and not all(np.isfinite(block).all() for block in images.blocks()):
        raise DatasetError(f"the images of {path} hold NaN or infinity: fix what makes them")
    return images
