"""The 1,797 handwritten digits that scikit-learn carries, as 28x28 images: a set that needs no download."""

from __future__ import annotations

import hashlib
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgeready.config.extras import install_command
from edgeready.dataset.dataset import Dataset
from edgeready.errors import DatasetError, MissingExtraError

NAME = "digits"
SIZE = 28
# Of the 8x8 values and then the labels, both as uint8.
SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


def load_digits() -> Dataset:
    """1,797 images (N, 28, 28), classes 0 to 9; no official test set.

    The 8x8 values 0..16 are spread to 0..255 and enlarged with Pillow's bicubic filter.
    Raises MissingExtraError when scikit-learn is not installed, DatasetError when its digits are others.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # joblib's, of a /dev/shm that cannot be written
            from sklearn import datasets  # noqa: PLC0415 (1 s to import, and only in the extra `build`)
    except ImportError as error:
        raise MissingExtraError(
            f"the data set {NAME!r} comes with scikit-learn, which is not installed: run {install_command('build')}"
        ) from error
    values, labels = datasets.load_digits(return_X_y=True)
    _check(values, labels)
    images = np.stack([_enlarge(value) for value in values.reshape(-1, 8, 8)])
    classes = tuple(str(digit) for digit in range(10))
    return Dataset(name=NAME, images=images, labels=labels.astype(np.int64), classes=classes)


def _check(values: NDArray[Any], labels: NDArray[Any]) -> None:
    digest = hashlib.sha256(values.astype(np.uint8).tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
    if digest != SHA256:
        raise DatasetError(
            f"scikit-learn's digits have the sha256 {digest}, expected {SHA256}: install scikit-learn again"
        )


def _enlarge(values: NDArray[Any]) -> NDArray[np.uint8]:
    pixels = np.rint(values * (255 / 16)).astype(np.uint8)
    return np.array(Image.fromarray(pixels).resize((SIZE, SIZE), Image.Resampling.BICUBIC), dtype=np.uint8)
