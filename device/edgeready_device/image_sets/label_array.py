"""Arrays of labels as class indices: text, numbers from 0 or from 1, one-hot rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import DatasetError
from edgeready_device.image_sets.label_table import sort_labels
from edgeready_device.text import plain

NamedArray = tuple[NDArray[Any], str]  # and what errors call it


@dataclass(frozen=True, eq=False)
class Labels:
    """The class indices of each part, the names of the classes, and what was done to get them, in sentences."""

    indices: Mapping[str, NDArray[np.int64]]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_labels(arrays: Mapping[str, NamedArray], names: tuple[str, ...] | None) -> Labels:
    """The labels of all parts as indices into one tuple of classes.

    `names` are the classes where they are known. Without them text labels are the names, sorted, and numbers are
    their own names. Numbers from 1 to the number of classes are counted from 1. Raises DatasetError for labels of
    another form.
    """
    texts = {part: array.dtype.kind in "US" for part, (array, _) in arrays.items()}
    if all(texts.values()):
        return _read_text(arrays, names)
    if any(texts.values()):
        part = next(part for part, is_text in texts.items() if is_text)
        raise DatasetError(f"{arrays[part][1]} is text, and other labels are numbers: store both alike")
    widths = {array.shape[1] for array, _ in arrays.values() if array.ndim == 2 and array.shape[1] > 1}
    if len(widths) > 1:
        raise DatasetError(f"the one-hot labels have {', '.join(map(str, sorted(widths)))} classes: store them alike")
    indices = {part: to_labels(array, name) for part, (array, name) in arrays.items()}
    low = min(int(labels.min()) for labels in indices.values())
    high = max(int(labels.max()) for labels in indices.values())
    first = next(iter(arrays.values()))[1]
    if names is None:
        if widths:
            return Labels(indices=indices, classes=tuple(map(str, range(max(*widths, high + 1)))))
        # As many classes as images leave one without any; it also keeps a stray number from naming millions.
        count = sum(map(len, indices.values()))
        if low < 0 or high >= count:
            raise DatasetError(
                f"{first} has labels from {low} to {high} on {count} images: number the classes 0, 1, 2, ..."
            )
        names = tuple(map(str, range(min(low, 1), high + 1)))
    if low == 1 and high == len(names) and not widths:
        indices = {part: labels - 1 for part, labels in indices.items()}
        return Labels(indices=indices, classes=names, notes=(f"{first} counts the classes from 1",))
    return Labels(indices=indices, classes=names)


def to_labels(labels: NDArray[Any], name: str) -> NDArray[np.int64]:
    """Labels of shape (N,), (N, 1) or one-hot (N, classes) as int64 of shape (N,).

    Raises DatasetError for labels of another form.
    """
    if labels.dtype.kind not in "buif":
        raise DatasetError(f"{name} is {labels.dtype}: store the labels as integers from 0, or as text")
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


def _read_text(arrays: Mapping[str, NamedArray], names: tuple[str, ...] | None) -> Labels:
    texts: dict[str, NDArray[np.str_]] = {}
    for part, (array, name) in arrays.items():
        if array.ndim not in (1, 2) or not array.size or array.size != len(array):
            raise DatasetError(f"{name} has the shape {array.shape}: make it (N,) or (N, 1)")
        try:
            texts[part] = array.reshape(-1).astype(np.str_)
        except UnicodeDecodeError as error:
            raise DatasetError(f"{name} holds bytes that are no ASCII: store the labels as text") from error
    classes = names or sort_labels({str(text) for part in texts.values() for text in np.unique(part)})
    index = {name: number for number, name in enumerate(classes)}
    for part, labels in texts.items():
        if strange := sorted(set(map(str, np.unique(labels))) - set(classes)):
            raise DatasetError(
                f"{arrays[part][1]} holds the label {plain(strange[0])!r}, none of the classes: add it there"
            )
    indices = {
        part: np.array([index[str(text)] for text in labels], dtype=np.int64) for part, labels in texts.items()
    }
    return Labels(indices=indices, classes=classes)
