"""Removes the mark of litert-torch's files that keeps TensorFlow's quantizer from making integers.

Measured with TensorFlow 2.21: with the metadata entry `keep_stablehlo_constant` its quantizer sees no constant
weights and leaves every CONV_2D and FULLY_CONNECTED float32, without a word. LiteRT's quantizer makes the same file
with the entry and without it.
"""

from __future__ import annotations

from edgeready.engine.flatbuffer_objects import read_objects, write_objects

_MARK = b"keep_stablehlo_constant"


def drop_stablehlo_mark(data: bytes) -> bytes:
    """Returns the .tflite `data` without the mark; a file without it comes back as it is."""
    if _MARK not in data:
        return data
    model = read_objects(data)
    entries = [entry for entry in model.metadata or [] if entry.name != _MARK]
    if len(entries) == len(model.metadata or []):  # the words stand elsewhere in the file
        return data
    model.metadata = entries or None
    return write_objects(model)
