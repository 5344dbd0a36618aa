"""A .tflite as objects that can be changed, and back: by the classes of the schema in LiteRT's wheel."""

from __future__ import annotations

from typing import Any


def read_objects(data: bytes) -> Any:
    """Returns the flatbuffer `data`, whose structure has been checked, as a `ModelT` of the schema."""
    from ai_edge_litert.tools import flatbuffer_utils  # noqa: PLC0415  (slow to load)

    return flatbuffer_utils.read_model_from_bytearray(bytearray(data))


def write_objects(model: Any) -> bytes:
    """Returns the flatbuffer of a `ModelT`."""
    from ai_edge_litert.tools import flatbuffer_utils  # noqa: PLC0415  (slow to load)

    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
