"""The layout of a flatbuffer, checked as a whole: every offset, vector, string and table that a reader may follow.

What C++ readers take for granted holds afterwards: all lies inside the file, aligned as the FlatBuffers verifier
demands; a table's fields lie in the table; a string ends with a zero; and the tables and vectors together are not
much larger than the file, so that no file makes a reader do work that it did not pay for in bytes.
"""

from __future__ import annotations

import struct
from typing import Any

from edgeready_device.errors import ModelFileError
from edgeready_device.reading.schema import TABLES, UNIONS

MOST_TABLES = 200_000  # the largest public models for edge devices have some ten thousand
_SHARING = 4  # how often the bytes of a file may be read over; a file without sharing reads each once
_ALLOWANCE = 1 << 16

_Field = tuple[int, str, int, Any]  # offset in the table, kind, width, and the table's or union's name


def check_layout(data: memoryview, root: str = "Model") -> None:
    """Checks all that hangs on the root table of the flatbuffer `data`, a table `root` of the schema.

    Raises ModelFileError.
    """
    walk = _Walk(data)
    walk.table(walk.target(0), root)


class _Walk:
    """One walk over a flatbuffer; `tables` and `bytes_left` are what it may still read."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.size = len(data)
        self.tables = MOST_TABLES
        self.bytes_left = _SHARING * self.size + _ALLOWANCE
        self._vtables: dict[tuple[int, str], tuple[int, tuple[_Field, ...]]] = {}

    def target(self, position: int) -> int:
        """Where the offset at `position` leads: later in the file, aligned, with four bytes to read there."""
        target = position + int(_U32.unpack_from(self.data, position)[0])
        if target > self.size - 4:
            raise ModelFileError(
                f"the offset at {position} points to {target}, outside the file's {self.size} bytes: "
                "it is truncated or damaged"
            )
        if target < position + 4 or target & 3:
            raise ModelFileError(f"the offset at {position} points to {target}, where nothing starts: damaged file")
        return target

    def table(self, at: int, name: str) -> None:
        """Checks the table `name` at `at` and all below it."""
        self.tables -= 1
        if self.tables < 0:
            raise ModelFileError(f"it has more than {MOST_TABLES} tables: no edge model")
        vtable = at - int(_I32.unpack_from(self.data, at)[0])
        found = self._vtables.get((vtable, name))
        if found is None:
            found = self._vtables[vtable, name] = self._read_vtable(vtable, name)
        object_size, fields = found
        if at + object_size > self.size:
            raise ModelFileError(
                f"the {name} at {at} has {object_size} bytes, past the file's {self.size}: it is truncated or damaged"
            )
        self._spend(object_size)
        for offset, kind, width, more in fields:
            self._field(at + offset, kind, width, more, at)

    def _read_vtable(self, vtable: int, name: str) -> tuple[int, tuple[_Field, ...]]:
        if vtable < 0 or vtable & 1 or vtable + 4 > self.size:
            raise ModelFileError(f"a {name} has its vtable at {vtable} of {self.size} bytes: damaged file")
        size, object_size = _VTABLE.unpack_from(self.data, vtable)
        if size < 4 or size & 1 or vtable + size > self.size or object_size < 4:
            raise ModelFileError(
                f"a {name} has a vtable of {size} bytes at {vtable} for {object_size} bytes: damaged file"
            )
        offsets = struct.unpack_from(f"<{size // 2 - 2}H", self.data, vtable + 4)
        self._spend(size)
        fields = []
        for number, (offset, code) in enumerate(zip(offsets, TABLES[name])):
            if offset and code != "-":
                width = int(code) if code.isdigit() else 4
                if offset < 4 or offset + width > object_size or offset & (min(width, 4) - 1):
                    raise ModelFileError(f"field {number} of a {name} is at {offset} of {object_size}: damaged file")
                before = offsets[number - 1] - offset if code[0] == "|" and offsets[number - 1] else 0
                if code == "8" or not code.isdigit():
                    fields.append((offset, *_parsed(code, before)))
        return object_size, tuple(fields)

    def _field(self, place: int, kind: str, width: int, more: Any, at: int) -> None:
        if kind == "scalar":
            if place & 7:
                raise ModelFileError(f"the 8-byte number at {place} is not aligned: damaged file")
        elif kind == "table":
            self.table(self.target(place), more)
        elif kind == "string":
            self._string(self.target(place))
        elif kind == "union":
            names, before = more
            number = self.data[place + before] if before else 0
            target = self.target(place)
            if number:
                self.table(target, names[number - 1] if number <= len(names) else "Pad")  # "Pad" has no fields
        else:
            self._vector(self.target(place), width, more)

    def _vector(self, at: int, width: int, name: str) -> None:
        length = int(_U32.unpack_from(self.data, at)[0])
        if at + 4 + length * width > self.size:
            raise ModelFileError(
                f"a vector of {length} x {width} bytes at {at} runs past the file's {self.size} bytes: "
                "it is truncated or damaged"
            )
        if width == 8 and length and (at + 4) & 7:
            raise ModelFileError(f"the vector of 8-byte numbers at {at} is not aligned: damaged file")
        self._spend(4 + length * width)
        if name:
            for place in range(at + 4, at + 4 + 4 * length, 4):
                self.table(self.target(place), name)

    def _string(self, at: int) -> None:
        length = int(_U32.unpack_from(self.data, at)[0])
        if at + 4 + length >= self.size or self.data[at + 4 + length]:
            raise ModelFileError(f"the text of {length} bytes at {at} has no end: it is truncated or damaged")
        self._spend(4 + length)

    def _spend(self, count: int) -> None:
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise ModelFileError(
                f"its tables share so much that reading it takes more than {_SHARING} times its {self.size} bytes: "
                "refused"
            )


_U32, _I32, _VTABLE = struct.Struct("<I"), struct.Struct("<i"), struct.Struct("<HH")


def _parsed(code: str, before: int) -> tuple[str, int, Any]:
    if code == "8":
        return "scalar", 8, ""
    if code == "s":
        return "string", 1, ""
    if code[0] == "|":
        return "union", 4, (UNIONS[code[1:]], before)
    if code[0] == "[":
        element = code[1:]
        return ("vector", int(element), "") if element.isdigit() else ("vector", 4, element)
    return "table", 4, code
