"""Inputs whose size the file leaves open, and the same model with sizes in their place."""

from __future__ import annotations

import dataclasses
import re
import struct
from collections.abc import Mapping, Sequence

from edgeready_device.errors import ModelFileError, UsageError
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.tflite.flatbuffer import Flatbuffer
from edgeready_device.tflite.graph import IDENTIFIER, Tensor

_SUBGRAPHS, _TENSORS = 2, 0  # fields of Model and SubGraph in schema.fbs
_SHAPE, _SIGNATURE = 0, 7  # fields of Tensor
_LARGEST = 1 << 20  # of a size; chosen: an image of so many pixels a side, or a minute of sound at 16 kHz, is less


def open_inputs(file: TfliteModel) -> tuple[Tensor, ...]:
    """Returns the inputs with an open size beside that of the batch, which is 1 where it is open."""
    return tuple(tensor for tensor in file.graph.of(file.graph.inputs) if tensor.open)


def check_sizes(file: TfliteModel) -> None:
    """Raises ModelFileError for a model with an input of open size: as the file has it, it takes next to nothing."""
    tensors = open_inputs(file)
    if not tensors:
        return
    tensor = tensors[0]
    remedy = "give --inputs FILE.npz with an array of the size that you use"
    if len(tensors) == 1 and _is_image(tensor):
        remedy = "give --input-size WIDTHxHEIGHT, that of the images that it was made for"
    raise ModelFileError(
        f"{file.path}: the size of its input {tensor.name!r:.60} is open ({list(tensor.shape_signature)}): {remedy}"
    )


def parse_size(text: str) -> tuple[int, int]:
    """Returns the width and height in `text`, as 224x224. Raises UsageError for anything else."""
    match = re.fullmatch(r"(\d{1,7})x(\d{1,7})", text)
    if match is None:
        raise UsageError(f"the size is {text!r}: give width and height, as 224x224")
    return int(match[1]), int(match[2])


def with_image_size(file: TfliteModel, size: tuple[int, int] | None) -> TfliteModel:
    """Returns the model that takes images of `size`, width and height, where its input leaves them open.

    None leaves the model as it is. Raises UsageError for a model whose image has another size already.
    """
    if size is None:
        return file
    width, height = size
    images = [n for n, tensor in enumerate(file.graph.of(file.graph.inputs)) if _is_image(tensor)]
    if len(images) != 1:
        raise UsageError(f"{file.path}: {len(images)} inputs are images: a size is for a model with one")
    shape = file.graph.tensors[file.graph.inputs[images[0]]].shape
    return with_input_shapes(file, {images[0]: (shape[0], height, width, shape[3])})


def with_input_shapes(file: TfliteModel, shapes: Mapping[int, Sequence[int]]) -> TfliteModel:
    """Returns the model whose inputs have `shapes`, by the number of the input, in place of open sizes.

    The runtimes work out the other tensors' shapes from those of the inputs. Raises UsageError for a shape that the
    file does not leave open.
    """
    changes = {}
    for number, shape in shapes.items():
        tensor = file.graph.tensors[file.graph.inputs[number]]
        if tuple(shape) != tensor.shape:
            _check_shape(file, tensor, tuple(shape))
            changes[tensor.index] = tuple(shape)
    if not changes:
        return file
    data = bytearray(file.flatbuffer)
    tensors = Flatbuffer(file.flatbuffer).root(IDENTIFIER).tables(_SUBGRAPHS)[0].tables(_TENSORS)
    for index, shape in changes.items():
        for field in (_SHAPE, _SIGNATURE):
            start, length = tensors[index].span(field, 4)
            struct.pack_into(f"<{length}i", data, start, *shape[:length])
    return dataclasses.replace(file, flatbuffer=bytes(data))


def _check_shape(file: TfliteModel, tensor: Tensor, shape: tuple[int, ...]) -> None:
    signature = tensor.shape_signature
    fits = len(shape) == len(signature) and all(own in (-1, size) for own, size in zip(signature, shape))
    if not fits:
        raise UsageError(
            f"{file.path}: its input {tensor.name!r:.60} is {list(signature)}, and {list(shape)} is asked for: "
            "only a size that is -1 can be chosen"
        )
    if not all(1 <= size <= _LARGEST for size in shape):
        raise UsageError(f"the shape {list(shape)} is asked for: a size is from 1 to {_LARGEST}")


def _is_image(tensor: Tensor) -> bool:
    return len(tensor.shape) == 4 and tensor.shape[3] in (1, 3)
