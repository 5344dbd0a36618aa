"""A representative data set: what it must be, and how one tells images from noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeready.dataset import Dataset, load_splits
from edgeready.errors import DatasetError
from edgeready.quantization.samples import Feeds

_NAMES = ("x", "images", "x_train", "calibration")
LIMIT = 500  # images, where the user does not say how many
_ALIKE = 0.25  # correlation of neighbours: photos 0.6 and more, MNIST 0.7, white noise 0.0 (measured)


def check_feeds(feeds: Feeds) -> None:
    """Raises DatasetError where `feeds` cannot give ranges: no samples, NaN or infinity, or one value everywhere."""
    if not len(feeds):
        raise DatasetError("no calibration samples: ranges need at least one; give images that the model will see")
    low, high = [np.inf] * len(feeds.arrays), [-np.inf] * len(feeds.arrays)
    for number, sample in enumerate(feeds()):
        for place, values in enumerate(sample):
            if not np.isfinite(values).all():
                raise DatasetError(
                    f"calibration sample {number} holds {values[~np.isfinite(values)].flat[0]}: no range comes "
                    "of that; mend or remove the sample"
                )
            low[place], high[place] = min(low[place], float(values.min())), max(high[place], float(values.max()))
    for place, (least, most) in enumerate(zip(low, high, strict=True)):
        if least == most and feeds.arrays[place][:1].size > 1:
            raise DatasetError(
                f"the {len(feeds)} calibration samples are constant ({least:g} everywhere in input {place}): they "
                "show no range; give images that the model will see"
            )


def load_representative(source: str, like: Dataset, seed: int, count: int | None) -> NDArray[np.uint8]:
    """At most `count` images of `source` (.npz, folder or named set), in the shape of those of `like`.

    Raises DatasetError where they are no uint8 images of that shape, and what `load_splits` raises.
    """
    path = Path(source)
    if path.suffix == ".npz" and path.is_file():
        images = _images_in(path)
    else:
        folder = path.is_dir()
        splits = load_splits(
            source,
            seed=seed,
            image_size=(like.height, like.width) if folder else None,
            channels=like.channels if folder else None,
        )
        images = np.concatenate([splits.train.images, splits.calibration.images])
    shape = like.images.shape[1:]
    if images.dtype == np.uint8 and images[:1].size == like.images[:1].size and images.shape[1:3] == shape[:2]:
        order = np.random.default_rng(seed).permutation(len(images))
        return np.ascontiguousarray(images.reshape(len(images), *shape)[order[: count or LIMIT]])
    raise DatasetError(
        f"the calibration images of {source} are {images.dtype} {list(images.shape[1:])}, the model's "
        f"uint8 {list(shape)}: bring them to one shape and type"
    )


def neighbour_correlation(images: NDArray[np.uint8]) -> float:
    """How alike neighbouring pixels of `images` (n, height, width[, channels]) are: the median; near 0 for noise."""
    grey = images.astype(np.float64).reshape(*images.shape[:3], -1).mean(axis=3)
    found = []
    for one, other in ((grey[:, :, 1:], grey[:, :, :-1]), (grey[:, 1:], grey[:, :-1])):
        a, b = (part.reshape(len(grey), -1) - part.mean(axis=(1, 2))[:, None] for part in (one, other))
        size = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
        found.append(np.where(size > 0, (a * b).sum(axis=1) / np.maximum(size, 1e-12), 1.0))
    return float(np.median(np.mean(found, axis=0)))


def looks_like_noise(correlation: float, of_training: float) -> bool:
    """Whether the neighbouring pixels of a set are unrelated although those of the training images are not."""
    return correlation < _ALIKE and of_training - correlation > _ALIKE


def _images_in(path: Path) -> NDArray[np.uint8]:
    """The array of images in a .npz: by its usual name, else the first with three dimensions or more."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read ({error}): give a .npz of uint8 images") from error
    named = [found[name] for name in _NAMES if name in found] + [each for each in found.values() if each.ndim > 2]
    images = next((each for each in named if each.ndim in (3, 4)), None)
    if images is None:
        raise DatasetError(f"{path} has no array of images (arrays: {', '.join(found) or 'none'}): name one x")
    if not len(images):
        raise DatasetError(f"{path} has 0 images: ranges need at least one")
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        raise DatasetError(f"the images of {path} hold NaN or infinity: mend what makes them")
    return np.asarray(images)
