"""Adds a metadata entry to a .tflite flatbuffer without touching a byte of what it holds.

The old bytes become the tail of the new file, moved by a multiple of 16 so that every alignment holds; in
front of them stands a new root table that points into them and lists one buffer and one entry more.
"""

from __future__ import annotations

import flatbuffers

from edgeready.errors import ModelFileError
from edgeready_device.tflite.flatbuffer import Flatbuffer
from edgeready_device.tflite.graph import IDENTIFIER

_ALIGNMENT = 16
_VERSION, _CODES, _SUBGRAPHS, _DESCRIPTION, _BUFFERS, _METADATA_BUFFER, _METADATA, _SIGNATURES = range(8)
_COPIED_FIELDS = (_CODES, _SUBGRAPHS, _DESCRIPTION, _METADATA_BUFFER, _SIGNATURES)


def with_metadata(model: bytes, name: str, data: bytes) -> bytes:
    """The flatbuffer `model` with the metadata entry `name` holding `data`; an entry of that name is replaced.

    Raises ModelFileError for a model whose constants lie behind the flatbuffer (over 2 GB).
    """
    buffer = Flatbuffer(model)
    root = buffer.root(IDENTIFIER)
    if any(table.scalar(1, "Q") > 1 for table in root.tables(_BUFFERS)):
        raise ModelFileError("the model keeps its constants outside the flatbuffer: no edge model is that large")
    builder = flatbuffers.Builder(len(model) + len(data) + 4096)
    first_byte = _aligned_bytes(builder, model) - 4  # behind the vector's length; offsets count from the file's end

    def old(position: int) -> int:
        return first_byte - position

    new_buffer = _buffer(builder, data)
    buffers = _vector(builder, [*(old(t.position) for t in root.tables(_BUFFERS)), new_buffer])
    index = len(root.tables(_BUFFERS))
    entries = [old(entry.position) for entry in root.tables(_METADATA) if entry.text(0) != name]
    metadata = _vector(builder, [*entries, _entry(builder, name, index)])
    builder.StartObject(8)
    for field in _COPIED_FIELDS:
        position = root.field(field)
        if position is not None:
            builder.PrependUOffsetTRelativeSlot(field, old(buffer.offset(position)), 0)
    builder.PrependUOffsetTRelativeSlot(_BUFFERS, buffers, 0)
    builder.PrependUOffsetTRelativeSlot(_METADATA, metadata, 0)
    builder.PrependUint32Slot(_VERSION, root.scalar(_VERSION, "I"), 0)
    builder.Finish(builder.EndObject(), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _aligned_bytes(builder: flatbuffers.Builder, data: bytes) -> int:
    """A byte vector whose first byte lies on a multiple of 16."""
    builder.StartVector(1, len(data), _ALIGNMENT)
    builder.head -= len(data)
    builder.Bytes[builder.head : builder.head + len(data)] = data
    return int(builder.EndVector())


def _buffer(builder: flatbuffers.Builder, data: bytes) -> int:
    vector = _aligned_bytes(builder, data)
    builder.StartObject(3)
    builder.PrependUOffsetTRelativeSlot(0, vector, 0)
    return int(builder.EndObject())


def _entry(builder: flatbuffers.Builder, name: str, index: int) -> int:
    text = builder.CreateString(name)
    builder.StartObject(2)
    builder.PrependUOffsetTRelativeSlot(0, text, 0)
    builder.PrependUint32Slot(1, index, 0)
    return int(builder.EndObject())


def _vector(builder: flatbuffers.Builder, offsets: list[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())
