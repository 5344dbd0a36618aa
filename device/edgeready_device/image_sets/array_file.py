"""A .npz file of images and labels under the usual names, brought to uint8 and int64."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import DatasetError, NotFoundError, fit_reason
from edgeready_device.image_sets.label_array import Labels, NamedArray, read_labels
from edgeready_device.image_sets.part_names import PARTS, TEST, TRAIN, VALIDATION, part_of, stem_of
from edgeready_device.images.pillow_image import lay_on_white
from edgeready_device.input_file import check_file
from edgeready_device.text import plain

Arrays = dict[str, NDArray[Any]]
Pairs = dict[str, tuple[str, str]]  # the names of the images and the labels of each part
Places = dict[str, dict[str, list[str]]]

# Those that are in use beside Keras' own: MedMNIST's, scikit-learn's, and what people write.
_IMAGE_WORDS = {"x", "images", "image", "imgs", "img", "data", "pixels", "features"}
_LABEL_WORDS = {"y", "labels", "label", "target", "targets"}
_CLASS_ARRAYS = {"classes", "class_names", "label_names", "target_names"}
_LAYOUT = "x_train and y_train (x_val, y_val, x_test, y_test beside them or not), or x and y"
# x / 255 in float32, times 255, is within 2e-5 of a whole number; float16 within 0.07.
_WHOLE = 0.1
_CHANNELS = (1, 3, 4)  # grey, RGB, RGBA


@dataclass(frozen=True, eq=False)
class LabelledArrays:
    """uint8 images of one part, (N, height, width) or (N, height, width, 1 or 3), and the class index of each."""

    images: NDArray[np.uint8] = field(repr=False)
    labels: NDArray[np.int64] = field(repr=False)


@dataclass(frozen=True, eq=False)
class ArraySet:
    """The parts of a .npz by name (TRAIN, VALIDATION, TEST), the classes, and what was done, in sentences."""

    parts: Mapping[str, LabelledArrays]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_npz(path: Path, names: Sequence[str] | None = None) -> Arrays:
    """The arrays of the file by name, or those that `names` has; nothing in it is unpickled.

    Raises NotFoundError when there is no such file, DatasetError when it cannot be read.
    """
    with _open_archive(path) as archive:
        return {name: archive[name] for name in (archive.files if names is None else names)}


def array_names(path: Path) -> tuple[str, ...]:
    """The names of the arrays in the file; raises as `read_npz`."""
    with _open_archive(path) as archive:
        return tuple(archive.files)


@contextmanager
def _open_archive(path: Path) -> Iterator[Any]:
    """The open file of numpy; what goes wrong while it is read is an error of ours."""
    if not path.exists():
        raise NotFoundError(f"no file {str(path)!r}: check the path")
    try:
        check_file(path)
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise DatasetError(f"{str(path)!r} is a single array: save it with numpy.savez as {_LAYOUT}")
        with archive:
            yield archive
    except DatasetError:
        raise
    except Exception as error:  # zipfile, its decompressors and numpy raise a dozen kinds
        remedy = "): write it again with numpy.savez, plain numbers only, no objects"
        raise DatasetError(fit_reason(f"{str(path)!r} cannot be read as .npz (", error, remedy)) from error


def read_array_set(path: Path) -> ArraySet:
    """The parts of the file that has images and labels, with training images among them.

    The arrays have the names of Keras (x_train, y_train, x_val, ...) or others in use (images and labels,
    train_images and train_labels, ...). Images are (N, height, width), with 1, 3 or 4 channels last or first;
    transparency is laid on white. Pixels are uint8, other whole numbers in 0..255, or floats that are those divided
    by 255. Labels are text, numbers from 0 or from 1, (N,) or (N, 1), or one-hot. Class names come from the optional
    array `classes`. Raises NotFoundError when there is no such file, DatasetError, naming the array, when one cannot
    be used.
    """
    arrays = read_npz(path)
    pairs = _find_pairs(path, arrays)
    labels = read_labels(_label_arrays(path, arrays, pairs), _class_array(path, arrays))
    notes = list(labels.notes)
    if spare := sorted(set(arrays) - {name for pair in pairs.values() for name in pair} - _CLASS_ARRAYS):
        notes.append(f"left out of {str(path)!r}: the arrays {', '.join(map(plain, spare))}")
    return _read_pixels(path, arrays, pairs, labels, notes)


def read_test_arrays(path: Path, labels: tuple[str, ...]) -> ArraySet:
    """The one part of the file that a model with these `labels` is tested on: test, else validation, else the rest.

    Numbers are those of the classes of the model, names are its own. Raises as `read_array_set`, which reads the same
    arrays.
    """
    stored = array_names(path)
    places = _find_places(stored)
    parts = [part for part in (TEST, VALIDATION, TRAIN) if {"images", "labels"} <= set(places.get(part, {}))]
    if not parts:
        _find_pairs(path, stored)  # says what is missing
        raise DatasetError(f"{str(path)!r} has no images with labels: it takes {_LAYOUT}")
    pairs = {parts[0]: _one_pair(path, parts[0], places[parts[0]])}
    arrays = read_npz(path, [*pairs[parts[0]], *(name for name in stored if name in _CLASS_ARRAYS)])
    names = _class_array(path, arrays)
    if names is None and arrays[pairs[parts[0]][1]].dtype.kind not in "US":
        numbers = tuple(map(str, range(len(labels))))
        names = numbers if set(labels) == set(numbers) else labels
    truth = read_labels(_label_arrays(path, arrays, pairs), names)
    return _read_pixels(path, arrays, pairs, truth, list(truth.notes))


def _label_arrays(path: Path, arrays: Arrays, pairs: Pairs) -> dict[str, NamedArray]:
    return {part: (arrays[y], f"{y} of {str(path)!r}") for part, (_, y) in pairs.items()}


def _read_pixels(path: Path, arrays: Arrays, pairs: Pairs, labels: Labels, notes: list[str]) -> ArraySet:
    """The images of `pairs` as pixels; they are scaled as those of the training are, where they are there."""
    x_first = pairs[TRAIN if TRAIN in pairs else next(iter(pairs))][0]
    scale = pixel_scale(arrays[x_first], f"{x_first} of {str(path)!r}")
    parts: dict[str, LabelledArrays] = {}
    for part, (x, _) in pairs.items():
        name = f"{x} of {str(path)!r}"
        images, note = order_channels(arrays[x], name)
        images, white = flatten_alpha(to_pixels(images, scale, name), name)
        notes += [text for text in (note, white) if text]
        parts[part] = LabelledArrays(images=images, labels=labels.indices[part])
    return ArraySet(parts=parts, classes=labels.classes, notes=tuple(notes))


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
        raise DatasetError(f"{str(path)!r} has no images with labels but {names}: it takes {_LAYOUT}")
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
                f"{str(path)!r} has {contents[content][0]} alone, without the {missing} of {part}: it takes {_LAYOUT}"
            )
    return contents["images"][0], contents["labels"][0]


def _class_array(path: Path, arrays: Arrays) -> tuple[str, ...] | None:
    """The class names that the file holds; None where it holds none."""
    candidates = [name for name in arrays if name in _CLASS_ARRAYS]
    if not candidates:
        return None
    names = arrays[candidates[0]]
    if names.ndim != 1 or names.dtype.kind not in "US":
        raise DatasetError(
            f"{candidates[0]} of {str(path)!r} is {names.dtype} of shape {names.shape}: "
            "store a list of names, one per class"
        )
    return tuple(str(name) for name in names.astype(np.str_))


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


def order_channels(images: NDArray[Any], name: str) -> tuple[NDArray[Any], str]:
    """The images with their channels last, and what was done where they came first.

    Raises DatasetError where they may be either, and for rows of pixels without height and width.
    """
    shape = images.shape
    if images.ndim == 2 and len(images):
        side = math.isqrt(shape[1])
        example = f"(N, {side}, {side})" if side * side == shape[1] else "(N, height, width) or (N, height, width, 3)"
        raise DatasetError(f"{name} has the shape {shape}, pixels in a row: reshape it to {example}")
    if images.ndim not in (3, 4):
        raise DatasetError(f"{name} has the shape {shape}: make it (N, height, width) or (N, height, width, 1 or 3)")
    if images.ndim != 4 or shape[1] not in _CHANNELS:
        return images, ""
    if shape[3] not in _CHANNELS:
        return np.ascontiguousarray(np.moveaxis(images, 1, 3)), f"{name} has its channels first, shape {shape}"
    if shape[1] != 4 and shape[2] > _CHANNELS[-1]:
        raise DatasetError(
            f"{name} has the shape {shape}, with channels first or last: store it as (N, height, width, channels) "
            "with at least 5 pixels in each direction"
        )
    return images, ""


def flatten_alpha(images: NDArray[np.uint8], name: str) -> tuple[NDArray[np.uint8], str]:
    """RGBA images as RGB, on white where they are transparent, and what was done; others as they are."""
    if images.ndim != 4 or images.shape[3] != 4:
        return images, ""
    if (images[..., 3] == 255).all():
        return np.ascontiguousarray(images[..., :3]), ""
    return np.stack([lay_on_white(image) for image in images]), f"{name} is transparent: it is laid on white"
