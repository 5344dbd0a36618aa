"""Checks that data fit a float32 .tflite: frames and classes for a classifier, arrays by input name for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from edgeready.errors import DatasetError, FrameMismatchError, ModelSourceError
from edgeready.files.stored_images import Images
from edgeready.quantization.samples import Samples
from edgeready_device.normalization import Normalization
from edgeready_device.tflite.graph import Graph, Tensor

T = TypeVar("T", bound=Images)


def check_classifier_graph(graph: Graph, name: str, frame: tuple[int, ...], classes: int) -> None:
    """Raises ModelSourceError unless `graph` takes frames of the shape `frame` and returns `classes` scores."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelSourceError(
            f"{name}: {len(graph.inputs)} inputs and {len(graph.outputs)} outputs: a classifier has one of each; for "
            "any other model give --data a .npz with one array an input"
        )
    (image,), (scores,) = graph.of(graph.inputs), graph.of(graph.outputs)
    if image.dtype != "float32":
        raise ModelSourceError(
            f"{name}: the input {plain_name(image)!r} is {image.dtype}: give a model that takes float32"
        )
    if _pixels(image.shape[1:]) != _pixels(frame):
        raise frame_mismatch(name, image.shape[1:], frame)
    check_scores(name, scores.shape[1:], classes)


def frame_mismatch(name: str, shape: Sequence[int | None], frame: Sequence[int]) -> ModelSourceError:
    """The error for a model with an input of `shape`, without the batch, on frames of another shape.

    Where the model says which pictures it takes, it is a FrameMismatchError.
    """
    text = f"{name}: the model takes {list(shape)}, the images are {list(frame)}: "
    sizes = [size for size in shape if size is not None]
    if len(sizes) == len(shape) and (len(sizes) == 2 or (len(sizes) == 3 and sizes[2] in (1, 3))):
        height, width, channels = *sizes[:2], *(sizes[2:] or [1])
        hint = f"leave --image-size and --channels out, or give {height}x{width} and {channels}"
        return FrameMismatchError(text + hint, (height, width, channels))
    return ModelSourceError(text + "give images that it takes, or the network as FILE.py:FUNCTION")


def check_scores(name: str, shape: Sequence[int | None], classes: int) -> None:
    """Raises ModelSourceError unless an output of `shape`, without the batch, is a row of `classes` scores.

    One number is the score of the second of two classes.
    """
    count = shape[-1] if shape else None
    if count is None or count < 1 or any(size != 1 for size in shape[:-1]):
        raise ModelSourceError(
            f"{name}: the output has the shape {list(shape)}: a classifier gives one row of scores"
        )
    if max(count, 2) != classes:
        number = "1 output, the score of the second of two classes" if count == 1 else f"{count} outputs"
        raise ModelSourceError(f"{name}: the model has {number}, the data {classes} classes: they must agree")


def image_samples(graph: Graph, frames: Images, normalization: Normalization, color: str = "rgb") -> Samples:
    """Returns RGB `frames` (n, height, width[, channels]) in the rank of the one input of `graph`, in its `color`."""
    shape = graph.of(graph.inputs)[0].shape
    return Samples((in_color_order(frames, color).reshape(len(frames), *shape[1:]),), normalization)


def in_color_order(frames: T, color: str) -> T:
    """Returns RGB `frames` (..., 3) in the order `color`; grey ones stay as they are."""
    return cast("T", frames[..., ::-1] if color == "bgr" and frames.shape[-1] == 3 else frames)


def tensor_samples(graph: Graph, arrays: Mapping[str, NDArray[Any]], name: str) -> Samples:
    """Returns `arrays` (n, ...) as the inputs of `graph`: by name where the names agree, else in the file's order.

    Raises DatasetError, naming the array that does not fit, with `name` for the data.
    """
    inputs = graph.of(graph.inputs)
    names = [plain_name(tensor) for tensor in inputs]
    if len(arrays) != len(inputs):
        raise DatasetError(
            f"{name} has {len(arrays)} arrays ({', '.join(arrays)}), the model {len(inputs)} inputs "
            f"({', '.join(names)}): give one array an input"
        )
    keys = names if set(names) == set(arrays) else list(arrays)
    return Samples(tuple(_reshape(arrays[key], tensor, key, name) for key, tensor in zip(keys, inputs)))


def plain_name(tensor: Tensor) -> str:
    """Returns the name that the author of the model gave the input or output `tensor`."""
    return tensor.name.rpartition(":")[0].removeprefix("serving_default_") or tensor.name


def _reshape(array: NDArray[Any], tensor: Tensor, key: str, name: str) -> NDArray[Any]:
    if array.shape[1:] != tensor.shape[1:] and array[..., np.newaxis].shape[1:] != tensor.shape[1:]:
        raise DatasetError(
            f"{key} of {name} has the shape {list(array.shape)}, the input {plain_name(tensor)!r} takes "
            f"[n, {', '.join(map(str, tensor.shape[1:]))}]: reshape it"
        )
    return _cast(array, tensor, f"{key} of {name}").reshape(len(array), *tensor.shape[1:])


def _cast(array: NDArray[Any], tensor: Tensor, name: str) -> NDArray[Any]:
    """Returns `array` in the type of `tensor`; raises DatasetError for a value that the type does not hold."""
    with np.errstate(over="ignore", invalid="ignore"):  # such a value is looked for below
        values = array.astype(tensor.dtype, copy=False)
        fits = np.isfinite(values) if values.dtype.kind == "f" else values == array
    if not fits.all():
        place = tuple(int(index[0]) for index in np.nonzero(~fits))
        what = "finite float32 numbers" if values.dtype.kind == "f" else f"whole numbers that {tensor.dtype} holds"
        raise DatasetError(
            f"{name} holds {array[place]} at {list(place)}, the input {plain_name(tensor)!r} takes {tensor.dtype}: "
            f"give {what}"
        )
    return values


def _pixels(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[:-1] if len(shape) == 3 and shape[2] == 1 else shape
