"""A .npz file in Keras' layout (x_train, y_train, x_test, y_test) or as x and y."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.dataset.arrays import pixel_scale, to_labels, to_pixels
from edgeready.dataset.dataset import Dataset
from edgeready.errors import DatasetError, NotFoundError

Arrays = dict[str, NDArray[Any]]

_READ_ERRORS = (OSError, ValueError, EOFError, KeyError, MemoryError, zipfile.BadZipFile, zlib.error)
_LAYOUT = "x_train and y_train (x_test and y_test beside them or not), or x and y"


def read_npz(path: Path) -> Arrays:
    """The arrays of the file by name; nothing in it is unpickled. Raises NotFoundError and DatasetError."""
    if not path.exists():
        raise NotFoundError(f"no file {str(path)!r}: check the path")
    try:
        opened = np.load(path, allow_pickle=False)
        if not isinstance(opened, np.lib.npyio.NpzFile):
            raise DatasetError(f"{str(path)!r} is a single array: save it with numpy.savez as {_LAYOUT}")
        with opened:
            return {name: opened[name] for name in opened.files}
    except DatasetError:
        raise
    except _READ_ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DatasetError(
            f"{str(path)!r} cannot be read as .npz ({reason}): write it again with numpy.savez, "
            "plain numbers only, no objects"
        ) from error


def load_npz(path: Path) -> tuple[Dataset, Dataset | None]:
    """Training and official test images of the file (None where it has none), named after the file.

    Images (N, height, width) or (N, height, width, 1 or 3) keep their shape; uint8, other whole numbers in
    0..255, or floats that are those divided by 255. Labels (N,), (N, 1) or one-hot. Class names come from the
    optional array `classes`, else they are the numbers. Raises NotFoundError, and DatasetError naming the array.
    """
    arrays = read_npz(path)
    x_train, y_train = _pair(path, arrays, "x_train" in arrays or "y_train" in arrays)
    pixels, labels = arrays[x_train], to_labels(arrays[y_train], f"{y_train} of {str(path)!r}")
    scale = pixel_scale(pixels, f"{x_train} of {str(path)!r}")
    tested = to_labels(arrays["y_test"], f"y_test of {str(path)!r}") if _has_test(path, arrays) else None
    classes = _classes(path, arrays, labels if tested is None else np.concatenate([labels, tested]))
    train = Dataset(path.stem, to_pixels(pixels, scale, f"{x_train} of {str(path)!r}"), labels, classes)
    if tested is None:
        return train, None
    pixels = to_pixels(arrays["x_test"], scale, f"x_test of {str(path)!r}")
    return train, Dataset(path.stem, pixels, tested, classes)


def _pair(path: Path, arrays: Arrays, keras: bool) -> tuple[str, str]:
    pair = ("x_train", "y_train") if keras else ("x", "y")
    if missing := [name for name in pair if name not in arrays]:
        raise DatasetError(
            f"{str(path)!r} has no array {missing[0]!r} but {', '.join(arrays) or 'nothing'}: it takes {_LAYOUT}"
        )
    return pair


def _has_test(path: Path, arrays: Arrays) -> bool:
    found = [name for name in ("x_test", "y_test") if name in arrays]
    if len(found) == 1:
        raise DatasetError(f"{str(path)!r} has {found[0]} alone: add the other of x_test and y_test, or leave both")
    return bool(found)


def _classes(path: Path, arrays: Arrays, labels: NDArray[np.int64]) -> tuple[str, ...]:
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
