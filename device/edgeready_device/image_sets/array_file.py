"""A .npz file of images and labels under the usual names, brought to uint8 and int64."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import DatasetError
from edgeready_device.image_sets.array_frames import (
    ArrayFrames,
    PixelSurvey,
    pixel_scale,
    scale_frames,
    survey_pixels,
)
from edgeready_device.image_sets.label_array import Labels, NamedArray, read_labels
from edgeready_device.image_sets.npz_file import LAYOUT, NpzFile
from edgeready_device.image_sets.part_names import PARTS, TEST, TRAIN, VALIDATION, part_of, stem_of
from edgeready_device.text import plain

Arrays = dict[str, NDArray[Any]]
Pairs = dict[str, tuple[str, str]]  # the names of the images and the labels of each part
Places = dict[str, dict[str, list[str]]]

# Those that are in use beside Keras' own: MedMNIST's, scikit-learn's, and what people write.
_IMAGE_WORDS = {"x", "images", "image", "imgs", "img", "data", "pixels", "features"}
_LABEL_WORDS = {"y", "labels", "label", "target", "targets"}
_CLASS_ARRAYS = {"classes", "class_names", "label_names", "target_names"}


@dataclass(frozen=True, eq=False)
class LabelledArrays:
    """The images of one part as frames that are still in the file, and the class index of each."""

    images: ArrayFrames = field(repr=False)
    labels: NDArray[np.int64] = field(repr=False)


@dataclass(frozen=True, eq=False)
class ArraySet:
    """The parts of a .npz by name (TRAIN, VALIDATION, TEST), the classes, and what was done, in sentences."""

    parts: Mapping[str, LabelledArrays]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_npz(path: Path) -> Arrays:
    """The arrays of the file by name, in memory; nothing in it is unpickled.

    Raises NotFoundError when there is no such file, DatasetError when it cannot be read.
    """
    return {name: array.read() for name, array in NpzFile(path).items()}


def read_array_set(path: Path) -> ArraySet:
    """The parts of the file that has images and labels, with training images among them.

    The arrays have the names of Keras (x_train, y_train, x_val, ...) or others in use (images and labels,
    train_images and train_labels, ...). Images are (N, height, width), with 1, 3 or 4 channels last or first;
    transparency is laid on white. Pixels are uint8, other whole numbers in 0..255, or floats that are those divided
    by 255. Labels are text, numbers from 0 or from 1, (N,) or (N, 1), or one-hot. Class names come from the optional
    array `classes`. Raises NotFoundError when there is no such file, DatasetError, naming the array, when one cannot
    be used.
    """
    file = NpzFile(path)
    pairs = _find_pairs(path, file)
    labels = read_labels(_label_arrays(file, pairs), _class_array(file))
    notes = list(labels.notes)
    if spare := sorted(set(file) - {name for pair in pairs.values() for name in pair} - _CLASS_ARRAYS):
        notes.append(f"left out of {str(path)!r}: the arrays {', '.join(map(plain, spare))}")
    arrays = {part: file[x] for part, (x, _) in pairs.items()}
    surveys = {part: survey_pixels(images) for part, images in arrays.items()}
    scale = pixel_scale(arrays[TRAIN], surveys[TRAIN])
    frames = {part: scale_frames(images, surveys[part], scale) for part, images in arrays.items()}
    return _array_set(frames, labels, notes)


def read_test_arrays(path: Path, labels: tuple[str, ...]) -> ArraySet:
    """The one part of the file that a model with these `labels` is tested on: test, else validation, else the rest.

    Numbers are those of the classes of the model, names are its own. Raises as `read_array_set`, which reads the same
    arrays.
    """
    file = NpzFile(path)
    places = _find_places(file)
    parts = [part for part in (TEST, VALIDATION, TRAIN) if {"images", "labels"} <= set(places.get(part, {}))]
    if not parts:
        _find_pairs(path, file)  # says what is missing
        raise DatasetError(f"{str(path)!r} has no images with labels: it takes {LAYOUT}")
    pairs = {parts[0]: _one_pair(path, parts[0], places[parts[0]])}
    x, y = pairs[parts[0]]
    names = _class_array(file)
    if names is None and file[y].dtype.kind not in "US":
        numbers = tuple(map(str, range(len(labels))))
        names = numbers if set(labels) == set(numbers) else labels
    truth = read_labels(_label_arrays(file, pairs), names)
    images = file[x]
    survey = survey_pixels(images)
    scale = _training_scale(file, places, survey) if images.dtype.kind == "f" and parts[0] != TRAIN else None
    frames = scale_frames(images, survey, pixel_scale(images, survey) if scale is None else scale)
    return _array_set({parts[0]: frames}, truth, list(truth.notes))


def _training_scale(file: NpzFile, places: Places, survey: PixelSurvey) -> int | None:
    """The scale of the training images, where they decide that of others; None where there are none."""
    names = places.get(TRAIN, {}).get("images", [])
    if survey.high > 1 or len(names) != 1:
        return None
    images = file[names[0]]
    return pixel_scale(images, survey_pixels(images))


def _label_arrays(file: NpzFile, pairs: Pairs) -> dict[str, NamedArray]:
    arrays = {part: file[y] for part, (_, y) in pairs.items()}
    return {part: (array.read(), array.title) for part, array in arrays.items()}


def _array_set(frames: Mapping[str, ArrayFrames], labels: Labels, notes: Sequence[str]) -> ArraySet:
    parts = {part: LabelledArrays(images, labels.indices[part]) for part, images in frames.items()}
    more = [note for images in frames.values() for note in images.notes]
    return ArraySet(parts=parts, classes=labels.classes, notes=(*notes, *more))


def is_image_file(names: Iterable[str]) -> bool:
    """Whether a .npz with arrays of these names is one of images: with labels, or with parts."""
    contents = {_content_of(name) for name in names}
    return "labels" in contents or any(_content_of(name) == "images" and part_of(name) for name in names)


def _content_of(name: str) -> str | None:
    words = set(stem_of(name))
    if words & _LABEL_WORDS:
        return "labels"
    return "images" if words & _IMAGE_WORDS else None


def _find_places(names: Iterable[str]) -> Places:
    """The names of the arrays by their part and their content."""
    places: Places = {}
    for name in names:
        content = None if name in _CLASS_ARRAYS else _content_of(name)
        if content is not None:
            places.setdefault(part_of(name) or TRAIN, {}).setdefault(content, []).append(name)
    return places


def _find_pairs(path: Path, stored: Iterable[str]) -> Pairs:
    """The names of the images and the labels of each part, TRAIN among them."""
    places = _find_places(stored)
    pairs = {part: _one_pair(path, part, places[part]) for part in PARTS if part in places}
    if TRAIN not in pairs:
        names = ", ".join(map(plain, stored)) or "nothing"
        raise DatasetError(f"{str(path)!r} has no images with labels but {names}: it takes {LAYOUT}")
    return pairs


def _one_pair(path: Path, part: str, contents: Mapping[str, list[str]]) -> tuple[str, str]:
    """The names of the images and the labels of a part; raises DatasetError unless there is one of each."""
    for content, names in contents.items():
        if len(names) > 1:
            raise DatasetError(
                f"{str(path)!r} has {names[0]} and {names[1]}, both for the {content} of {part}: leave one of them"
            )
    for content, missing in (("images", "labels"), ("labels", "images")):
        if missing not in contents:
            raise DatasetError(
                f"{str(path)!r} has {contents[content][0]} alone, without the {missing} of {part}: it takes {LAYOUT}"
            )
    return contents["images"][0], contents["labels"][0]


def _class_array(file: NpzFile) -> tuple[str, ...] | None:
    """The class names that the file holds; None where it holds none."""
    candidates = [name for name in file if name in _CLASS_ARRAYS]
    if not candidates:
        return None
    names = file[candidates[0]]
    if names.ndim != 1 or names.dtype.kind not in "US":
        raise DatasetError(
            f"{names.title} is {names.dtype} of shape {names.shape}: store a list of names, one per class"
        )
    return tuple(str(name) for name in names.read().astype(np.str_))
