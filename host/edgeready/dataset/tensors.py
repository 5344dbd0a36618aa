"""Inputs of a model of another kind than an image classifier: a .npz with one array per input and no labels."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.errors import DatasetError
from edgeready_device.image_sets.array_file import is_image_file, read_npz

_MOST_CALIBRATION = 500  # chosen: the limit of an image set
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True, eq=False)
class TensorData:
    """Arrays by name in two parts: for the ranges, and to measure the error on. Each array is (n, ...)."""

    name: str
    calibration: Arrays = field(repr=False)
    test: Arrays = field(repr=False)


def is_tensor_file(source: str) -> bool:
    """Whether `source` is a .npz of inputs: one without labels and without training images."""
    path = Path(source)
    if path.suffix.lower() != ".npz" or not path.is_file() or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        names = {name.removesuffix(".npy") for name in archive.namelist()}
    return bool(names) and not is_image_file(names)


def load_tensors(path: Path, seed: int) -> TensorData:
    """The arrays in the .npz file `path`: half of the rows, at most 500, for the ranges, the others for the test.

    The values are those that the model takes. Raises DatasetError, naming the array, when one cannot be used.
    """
    arrays = read_npz(path)
    for key, array in arrays.items():
        _check(array, f"{key} of {str(path)!r}")
    counts = {key: len(array) for key, array in arrays.items()}
    if len(set(counts.values())) > 1:
        sizes = ", ".join(f"{key} {count}" for key, count in counts.items())
        raise DatasetError(
            f"the arrays of {str(path)!r} have different numbers of rows ({sizes}): give each the same"
        )
    rows = next(iter(counts.values()))
    if rows < 2:
        raise DatasetError(f"{str(path)!r} has {rows} rows: give at least 2, one for the ranges and one for the test")
    order = np.random.default_rng(seed).permutation(rows)
    cut = min(_MOST_CALIBRATION, rows // 2)
    return TensorData(
        name=path.stem,
        calibration={key: array[order[:cut]] for key, array in arrays.items()},
        test={key: array[order[cut:]] for key, array in arrays.items()},
    )


def _check(array: NDArray[Any], name: str) -> None:
    if array.dtype.kind not in "biuf" or array.ndim < 1 or not array.size:
        raise DatasetError(f"{name} is {array.dtype} of shape {list(array.shape)}: store numbers, (n, ...)")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        place = [int(index[0]) for index in np.nonzero(~np.isfinite(array))]
        raise DatasetError(f"{name} holds {array[tuple(place)]} at {place}: give finite numbers")
    if array.min() == array.max():
        raise DatasetError(
            f"every value of {name} is {array.flat[0]}: no ranges can be found with it; give real inputs"
        )
