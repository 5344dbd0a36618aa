"""Writes the standard TFLite Metadata (flatbuffer `M001`) that MediaPipe and other tools read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np

from edgeready_device.model_file.manifest import InputSpec
from edgeready_device.tflite.metadata import IDENTIFIER, NORMALIZATION_OPTIONS, TENSOR_AXIS_LABELS

_IMAGE_PROPERTIES = 2  # union ContentProperties
_RGB, _GRAYSCALE = 1, 2  # enum ColorSpaceType
_PARSER_VERSION = "1.0.0"
Offset = Any


def tflite_metadata(name: str, version: str, frame: InputSpec, label_file: str, files: Sequence[str]) -> bytes:
    """The bytes of the TFLITE_METADATA entry of an image classifier.

    `label_file` names the associated file with the output's labels, `files` the others.
    """
    builder = flatbuffers.Builder(512)
    input_table = _table(
        builder,
        5,
        {
            0: _text(builder, "image"),
            3: _image_content(builder, frame.channels),
            4: _vector(builder, [_normalization(builder, frame)]),
        },
    )
    labels = _associated_file(builder, label_file, TENSOR_AXIS_LABELS)
    output_table = _table(builder, 7, {0: _text(builder, "scores"), 6: _vector(builder, [labels])})
    main = _table(builder, 4, {2: _vector(builder, [input_table]), 3: _vector(builder, [output_table])})
    root = _table(
        builder,
        8,
        {
            0: _text(builder, name),
            2: _text(builder, version),
            3: _vector(builder, [main]),
            6: _vector(builder, [_associated_file(builder, file, 0) for file in files]),
            7: _text(builder, _PARSER_VERSION),
        },
    )
    builder.Finish(root, file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _image_content(builder: flatbuffers.Builder, channels: int) -> Offset:
    builder.StartObject(2)
    builder.PrependInt8Slot(0, _RGB if channels == 3 else _GRAYSCALE, 0)
    properties = builder.EndObject()
    return _union(builder, _IMAGE_PROPERTIES, properties)


def _normalization(builder: flatbuffers.Builder, frame: InputSpec) -> Offset:
    std = builder.CreateNumpyVector(np.asarray(frame.normalization.std, np.float32))
    mean = builder.CreateNumpyVector(np.asarray(frame.normalization.mean, np.float32))
    return _union(builder, NORMALIZATION_OPTIONS, _table(builder, 2, {0: mean, 1: std}))


def _associated_file(builder: flatbuffers.Builder, name: str, kind: int) -> Offset:
    text = _text(builder, name)

    def add_kind() -> None:
        builder.PrependInt8Slot(2, kind, 0)

    return _table(builder, 3, {0: text}, add_kind)


def _union(builder: flatbuffers.Builder, kind: int, value: Offset) -> Offset:
    def add_kind() -> None:
        builder.PrependUint8Slot(0, kind, 0)

    return _table(builder, 2, {1: value}, add_kind)


def _table(
    builder: flatbuffers.Builder, fields: int, offsets: Mapping[int, Offset], extra: Callable[[], None] | None = None
) -> Offset:
    builder.StartObject(fields)
    for number, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(number, offset, 0)
    if extra is not None:
        extra()
    return builder.EndObject()


def _text(builder: flatbuffers.Builder, text: str) -> Offset:
    return builder.CreateString(text)


def _vector(builder: flatbuffers.Builder, offsets: Sequence[Offset]) -> Offset:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()
