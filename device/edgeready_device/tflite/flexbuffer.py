"""Reads the options of a custom operator: a FlexBuffer that holds a map of numbers, with bounds checks."""

from __future__ import annotations

import struct

from edgeready_device.errors import ModelFileError

Number = float  # or int, which counts as one

# FlexBuffer types (flatbuffers/flexbuffers.h) that a map of numbers can hold.
_INT, _UINT, _FLOAT, _KEY, _MAP, _BOOL = 1, 2, 3, 4, 9, 26
_INDIRECT = {6: _INT, 7: _UINT, 8: _FLOAT}
_FORMATS = {
    _INT: {1: "b", 2: "h", 4: "i", 8: "q"},
    _UINT: {1: "B", 2: "H", 4: "I", 8: "Q"},
    _FLOAT: {2: "e", 4: "f", 8: "d"},
    _BOOL: {1: "B", 2: "H", 4: "I", 8: "Q"},
}
_MOST_ENTRIES = 1000  # chosen: TFLite_Detection_PostProcess, the operator with the most, has 13


def read_number_map(data: bytes | memoryview) -> dict[str, Number]:
    """Returns the map of numbers in the FlexBuffer `data`; what is no number is left out.

    Raises ModelFileError when the bytes are no such map, or point outside themselves.
    """
    reader = _Reader(bytes(data))
    try:
        return reader.read_root()
    except (struct.error, LookupError, ValueError) as error:
        raise ModelFileError(
            f"the {len(data)} bytes of a custom operator's options are no FlexBuffer map: damaged file"
        ) from error


class _Reader:
    """The bytes of a FlexBuffer; offsets in it count backwards from where they stand."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read_root(self) -> dict[str, Number]:
        width, packed = self._data[-1], self._data[-2]
        if packed >> 2 != _MAP:
            raise KeyError(packed)
        return self._read_map(self._follow(len(self._data) - 2 - width, width), 1 << (packed & 3))

    def _read_map(self, position: int, width: int) -> dict[str, Number]:
        """The entries of the map whose values start at `position`, each `width` bytes wide."""
        size = self._read(_UINT, position - width, width)
        if size > _MOST_ENTRIES:
            raise IndexError(size)
        keys = self._follow(position - 3 * width, width)
        key_width = int(self._read(_UINT, position - 2 * width, width))
        entries: dict[str, Number] = {}
        for i in range(int(size)):
            name = self._read_key(self._follow(keys + i * key_width, key_width))
            packed = self._data[position + int(size) * width + i]
            value = self._read_value(position + i * width, width, packed)
            if value is not None:
                entries[name] = value
        return entries

    def _read_value(self, position: int, width: int, packed: int) -> Number | None:
        kind = packed >> 2
        if kind in _INDIRECT:
            return self._read(_INDIRECT[kind], self._follow(position, width), 1 << (packed & 3))
        return self._read(kind, position, width) if kind in _FORMATS else None

    def _read_key(self, position: int) -> str:
        return self._data[position : self._data.index(0, position)].decode("utf-8")

    def _follow(self, position: int, width: int) -> int:
        """The place that the offset at `position` points to."""
        place = position - int(self._read(_UINT, position, width))
        if not 0 <= place < len(self._data):
            raise IndexError(place)
        return place

    def _read(self, kind: int, position: int, width: int) -> Number:
        if position < 0:
            raise IndexError(position)
        value: Number = struct.unpack_from("<" + _FORMATS[kind][width], self._data, position)[0]
        return value
