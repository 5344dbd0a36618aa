"""A .npz file in Keras' layout (x_train, y_train, x_test, y_test) or as x and y, brought to uint8 and int64."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.dataset.dataset import Dataset
from edgeready.errors import DatasetError, NotFoundError, reason_of
from edgeready_device.input_file import check_file

Arrays = dict[str, NDArray[Any]]

_READ_ERRORS = (OSError, ValueError, EOFError, KeyError, MemoryError, zipfile.BadZipFile, zlib.error)
_LAYOUT = "x_train and y_train (x_test and y_test beside them or not), or x and y"
# x / 255 in float32, times 255, is within 2e-5 of a whole number; float16 within 0.07.
_WHOLE = 0.1


def read_npz(path: Path) -> Arrays:
    """The arrays of the file by name; nothing in it is unpickled.

    Raises NotFoundError when there is no such file, DatasetError when it cannot be read.
    """
    if not path.exists():
        raise NotFoundError(f"no file {str(path)!r}: check the path")
    try:
        check_file(path)
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise DatasetError(f"{str(path)!r} is a single array: save it with numpy.savez as {_LAYOUT}")
        with archive:
            return {name: archive[name] for name in archive.files}
    except DatasetError:
        raise
    except _READ_ERRORS as error:
        reason = reason_of(error)
        raise DatasetError(
            f"{str(path)!r} cannot be read as .npz ({reason}): write it again with numpy.savez, "
            "plain numbers only, no objects"
        ) from error


def load_npz(path: Path) -> tuple[Dataset, Dataset | None]:
    """Training and official test images of the file (None when it has no test images), named after the file.

    Images (N, height, width) or (N, height, width, 1 or 3) keep their shape. Pixels are uint8, other whole numbers in
    0..255, or floats that are those divided by 255. Labels are (N,), (N, 1) or one-hot. Class names come from the
    optional array `classes`; without it they are the numbers.
    Raises NotFoundError when there is no such file, DatasetError, naming the array, when one cannot be used.
    """
    arrays = read_npz(path)
    x_train, y_train = _array_names(path, arrays, "x_train" in arrays or "y_train" in arrays)
    pixels, labels = arrays[x_train], to_labels(arrays[y_train], f"{y_train} of {str(path)!r}")
    scale = pixel_scale(pixels, f"{x_train} of {str(path)!r}")
    test_labels = to_labels(arrays["y_test"], f"y_test of {str(path)!r}") if _has_test(path, arrays) else None
    classes = _class_names(path, arrays, labels if test_labels is None else np.concatenate([labels, test_labels]))
    images = to_pixels(pixels, scale, f"{x_train} of {str(path)!r}")
    train = Dataset(name=path.stem, images=images, labels=labels, classes=classes)
    if test_labels is None:
        return train, None
    images = to_pixels(arrays["x_test"], scale, f"x_test of {str(path)!r}")
    return train, Dataset(name=path.stem, images=images, labels=test_labels, classes=classes)


def _array_names(path: Path, arrays: Arrays, keras: bool) -> tuple[str, str]:
    pair = ("x_train", "y_train") if keras else ("x", "y")
    if missing := [name for name in pair if name not in arrays]:
        raise DatasetError(
            f"{str(path)!r} has no array {missing[0]!r} but {', '.join(arrays) or 'nothing'}: it takes {_LAYOUT}"
        )
    return pair


def _has_test(path: Path, arrays: Arrays) -> bool:
    names = [name for name in ("x_test", "y_test") if name in arrays]
    if len(names) == 1:
        raise DatasetError(f"{str(path)!r} has {names[0]} alone: add the other of x_test and y_test, or leave both")
    return bool(names)


def _class_names(path: Path, arrays: Arrays, labels: NDArray[np.int64]) -> tuple[str, ...]:
    if "classes" in arrays:
        names = arrays["classes"]
        if names.ndim != 1 or names.dtype.kind not in "US":
            raise DatasetError(
                f"classes of {str(path)!r} is {names.dtype} of shape {names.shape}: "
                "store a list of names, one per class"
            )
        return tuple(str(name) for name in names.astype(np.str_))
    low, high = int(labels.min()), int(labels.max())
    # As many classes as images leave one without any; it also keeps a stray number from naming millions.
    if low < 0 or high >= len(labels):
        raise DatasetError(
            f"{str(path)!r} has labels from {low} to {high} on {len(labels)} images: number the classes 0, 1, 2, ..."
        )
    return tuple(str(label) for label in range(high + 1))


def pixel_scale(pixels: NDArray[Any], name: str) -> int:
    """The factor that brings `pixels` to 0..255: 255 for floats in 0..1, 1 for the rest.

    The factor of the training images is also that of the test images: a dark test set may stay below 1.
    Raises DatasetError when the pixels are in neither range.
    """
    if pixels.dtype.kind not in "uif":
        raise DatasetError(f"{name} is {pixels.dtype}: store the images as uint8, 0 to 255")
    low, high = (pixels.min(), pixels.max()) if pixels.size else (0, 0)
    if not (low >= 0 and high <= 255):  # also true for NaN
        raise DatasetError(f"{name} holds values from {low} to {high}: store the images as uint8, 0 to 255")
    return 255 if pixels.dtype.kind == "f" and high <= 1 else 1


def to_pixels(pixels: NDArray[Any], scale: int, name: str) -> NDArray[np.uint8]:
    """The pixels times `scale` as uint8, in the same shape.

    Raises DatasetError when a product is not whole or outside 0..255.
    """
    if pixels.dtype == np.uint8:
        return pixels
    if pixel_scale(pixels, name) == 1 and scale == 255 and pixels.max(initial=0) > 1:
        raise DatasetError(f"{name} goes up to {pixels.max()}, the training images only to 1: store both alike")
    scaled = pixels.astype(np.float32) * np.float32(scale)
    whole = np.rint(scaled)
    if pixels.size and (off := float(np.abs(scaled - whole).max())) > _WHOLE:
        raise DatasetError(
            f"{name} ({pixels.dtype}) holds values that are {off:.2f} steps away from a whole pixel of 0 to 255: "
            "store the images as uint8, before normalization"
        )
    result: NDArray[np.uint8] = whole.astype(np.uint8)
    return result


def to_labels(labels: NDArray[Any], name: str) -> NDArray[np.int64]:
    """Labels of shape (N,), (N, 1) or one-hot (N, classes) as int64 of shape (N,).

    Raises DatasetError for labels of another form.
    """
    if labels.dtype.kind not in "buif":
        raise DatasetError(f"{name} is {labels.dtype}: store the labels as integers from 0")
    if labels.ndim not in (1, 2) or not labels.size:
        raise DatasetError(f"{name} has the shape {labels.shape}: make it (N,), (N, 1) or one-hot (N, classes)")
    if not np.isin(labels % 1, 0).all():
        raise DatasetError(f"{name} holds {labels[labels % 1 != 0][0]}, no whole number: store integers from 0")
    if labels.ndim == 1 or labels.shape[1] == 1:
        return labels.reshape(-1).astype(np.int64)
    rows = (labels != 0).sum(axis=1) != 1
    if rows.any() or labels.max() != 1:
        row = int(np.flatnonzero(rows | (labels.max(axis=1) != 1))[0])
        raise DatasetError(f"{name} row {row} is {labels[row].tolist()}, not one-hot: use a single 1 per row")
    result: NDArray[np.int64] = labels.argmax(axis=1).astype(np.int64)
    return result
