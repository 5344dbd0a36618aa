"""The one reader of flatbuffers: it checks every offset and length before it follows it, or the layout as a whole.

Layout after the FlatBuffers internals document: little-endian, a table starts with the signed distance
back to its vtable, the vtable holds the field offsets.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ModelFileError
from edgeready_device.tflite.fields import Field
from edgeready_device.tflite.schema import TABLES, UNIONS

MOST_TABLES = 200_000  # chosen: the largest public models for edge devices have some ten thousand
# How often the bytes of a file may be read over; chosen: a file without sharing reads each once, and converters share
# vtables, strings and empty vectors. The allowance lets small files share more.
_SHARING = 4
_ALLOWANCE = 1 << 16
_SCALARS = {code: struct.Struct("<" + code) for code in "?bBhHiIqQfd"}
_MOST_ELEMENTS = 1 << 24  # of a vector of tables; chosen: far above any real model, far below memory


class Flatbuffer:
    """Bytes of a flatbuffer; reads scalars at checked positions. Raises ModelFileError outside its bounds."""

    __slots__ = ("data", "size")

    def __init__(self, data: bytes | memoryview) -> None:
        self.data = memoryview(data)
        self.size = len(self.data)

    def root(self, identifier: bytes) -> Table:
        """The root table; `identifier` is the four bytes that the file must carry at offset 4."""
        actual = bytes(self.data[4:8])
        if self.size < 8 or actual != identifier:
            raise ModelFileError(
                f"bytes 4 to 8 are {actual!r}, not the identifier {identifier!r}: this is no such file"
            )
        return Table(self, self.offset(0))

    def unpack(self, code: str, position: int) -> Any:
        """The scalar of struct code `code` at `position`."""
        scalar = _SCALARS[code]
        if position < 0 or position + scalar.size > self.size:
            raise ModelFileError(
                f"offset {position} is outside the file's {self.size} bytes: it is truncated or damaged"
            )
        return scalar.unpack_from(self.data, position)[0]

    def offset(self, position: int) -> int:
        """Where the unsigned offset stored at `position` points to, with four bytes or more to read there."""
        target = position + int(self.unpack("I", position))
        if target > self.size - 4:
            raise ModelFileError(
                f"the offset at {position} points to {target}, outside the file's {self.size} bytes: "
                "it is truncated or damaged"
            )
        return target

    def vector(self, start: int, width: int) -> tuple[int, int]:
        """Where the elements of the vector at `start` begin, and how many there are, of `width` bytes each."""
        length = int(self.unpack("I", start))
        if start + 4 + length * width > self.size:
            raise ModelFileError(
                f"a vector of {length} x {width} bytes at {start} runs past the file's {self.size} bytes: "
                "it is truncated or damaged"
            )
        return start + 4, length


class Table:
    """One table of a flatbuffer, at byte `position`; a field is named by its number in the schema."""

    __slots__ = ("_buffer", "_vtable", "_vtable_size", "position")

    def __init__(self, buffer: Flatbuffer, position: int) -> None:
        self._buffer = buffer
        self.position = position
        self._vtable = position - int(buffer.unpack("i", position))
        self._vtable_size = int(buffer.unpack("H", self._vtable))
        if self._vtable_size < 4 or self._vtable_size % 2:
            raise ModelFileError(f"the table at {position} has a vtable of {self._vtable_size} bytes: damaged file")
        buffer.unpack("H", self._vtable + self._vtable_size - 2)

    def field(self, number: int) -> int | None:
        """Byte offset of field `number`, or None when it has its default."""
        entry = 4 + 2 * number
        if entry >= self._vtable_size:
            return None
        relative = int(self._buffer.unpack("H", self._vtable + entry))
        return self.position + relative if relative else None

    def scalar(self, number: int, code: str, default: Any = 0) -> Any:
        """The scalar in field `number` (struct code `code`), or `default`."""
        position = self.field(number)
        return default if position is None else self._buffer.unpack(code, position)

    def table(self, number: int) -> Table | None:
        """The table in field `number`, or None."""
        position = self.field(number)
        return None if position is None else Table(self._buffer, self._buffer.offset(position))

    def tables(self, number: int) -> list[Table]:
        """The vector of tables in field `number`; empty when absent."""
        start, length = self.span(number, 4)
        if length > _MOST_ELEMENTS:
            raise ModelFileError(f"a vector of {length} tables: damaged file")
        return [Table(self._buffer, self._buffer.offset(start + 4 * i)) for i in range(length)]

    def text(self, number: int, default: str = "") -> str:
        """The string in field `number`; bytes that are no UTF-8 are replaced."""
        content = self.blob(number)
        return str(content, "utf-8", "replace") if content else default

    def array(self, number: int, dtype: str) -> NDArray[Any]:
        """The vector of scalars in field `number` as a view of the file; empty when absent."""
        kind = np.dtype(dtype).newbyteorder("<")
        start, length = self.span(number, kind.itemsize)
        return np.frombuffer(self._buffer.data, kind, count=length, offset=start) if length else np.empty(0, kind)

    def blob(self, number: int) -> memoryview | None:
        """The byte vector in field `number` as a view of the file; None when absent or empty."""
        start, length = self.span(number)
        return self._buffer.data[start : start + length] if length else None

    def span(self, number: int, width: int = 1) -> tuple[int, int]:
        """Start and length of the vector in field `number`, of elements of `width` bytes; (0, 0) when absent."""
        position = self.field(number)
        return (0, 0) if position is None else self._buffer.vector(self._buffer.offset(position), width)


def check_layout(data: memoryview, root: str = "Model") -> None:
    """Checks all that is reachable from the root table of the flatbuffer `data`, a table `root` of the schema.

    What C++ readers take for granted holds afterwards: all lies inside the file, aligned as the FlatBuffers verifier
    demands; a table's fields lie in the table; a string ends with a zero; and the tables and vectors together are not
    much larger than the file, so that the work of a reader is bounded by the file's size.
    Raises ModelFileError when it does not.
    """
    walk = _Walk(data)
    walk.table(walk.target(0), root)


# The size of a table, and of each field to follow: its offset, what it holds, and the way back to a union's type.
_Layout = tuple[int, list[tuple[int, Field, int]]]


class _Walk(Flatbuffer):
    """One walk over a flatbuffer; `tables` and `bytes_left` are what it may still read."""

    def __init__(self, data: memoryview) -> None:
        super().__init__(data)
        self.tables = MOST_TABLES
        self.bytes_left = _SHARING * self.size + _ALLOWANCE
        self._vtables: dict[tuple[int, str], _Layout] = {}

    def target(self, position: int) -> int:
        """Where the offset at `position` leads: later in the file, aligned, with four bytes to read there."""
        target = self.offset(position)
        if target < position + 4 or target & 3:
            raise ModelFileError(f"the offset at {position} points to {target}, where nothing starts: damaged file")
        return target

    def table(self, at: int, name: str) -> None:
        """Checks the table `name` at `at` and all below it."""
        self.tables -= 1
        if self.tables < 0:
            raise ModelFileError(f"it has more than {MOST_TABLES} tables: no edge model")
        vtable = at - int(self.unpack("i", at))
        layout = self._vtables.get((vtable, name))
        if layout is None:
            layout = self._vtables[vtable, name] = self._read_vtable(vtable, name)
        object_size, fields = layout
        if at + object_size > self.size:
            raise ModelFileError(
                f"the {name} at {at} has {object_size} bytes, past the file's {self.size}: it is truncated or damaged"
            )
        self._spend(object_size)
        for offset, field, before in fields:
            self._check_field(at + offset, field, before)

    def _read_vtable(self, vtable: int, name: str) -> _Layout:
        if vtable < 0 or vtable & 1 or vtable + 4 > self.size:
            raise ModelFileError(f"a {name} has its vtable at {vtable} of {self.size} bytes: damaged file")
        size, object_size = (int(self.unpack("H", place)) for place in (vtable, vtable + 2))
        if size < 4 or size & 1 or vtable + size > self.size or object_size < 4:
            raise ModelFileError(
                f"a {name} has a vtable of {size} bytes at {vtable} for {object_size} bytes: damaged file"
            )
        offsets = struct.unpack_from(f"<{size // 2 - 2}H", self.data, vtable + 4)
        self._spend(size)
        fields = []
        for number, (offset, field) in enumerate(zip(offsets, TABLES[name].values())):
            if offset and field.kind != "unread":
                if offset < 4 or offset + field.width > object_size or offset & (min(field.width, 4) - 1):
                    raise ModelFileError(f"field {number} of a {name} is at {offset} of {object_size}: damaged file")
                before = offsets[number - 1] - offset if field.kind == "union" and offsets[number - 1] else 0
                if field.kind != "number" or field.width == 8:
                    fields.append((offset, field, before))
        return object_size, fields

    def _check_field(self, place: int, field: Field, before: int) -> None:
        if field.kind == "number":  # of 8 bytes: the others are aligned where their table is
            if place & 7:
                raise ModelFileError(f"the 8-byte number at {place} is not aligned: damaged file")
            return
        target = self.target(place)
        if field.kind == "text":
            self._check_text(target)
        elif field.kind == "table":
            self.table(target, field.name)
        elif field.kind == "union":
            names, number = UNIONS[field.name], self.data[place + before] if before else 0
            if number:
                self.table(target, names[number - 1] if number <= len(names) else "Pad")  # "Pad" has no fields
        else:
            self._check_vector(target, field)

    def _check_vector(self, at: int, field: Field) -> None:
        start, length = self.vector(at, field.element)
        if field.element == 8 and length and start & 7:
            raise ModelFileError(f"the vector of 8-byte numbers at {at} is not aligned: damaged file")
        self._spend(4 + length * field.element)
        if field.kind == "tables":
            for place in range(start, start + 4 * length, 4):
                self.table(self.target(place), field.name)

    def _check_text(self, at: int) -> None:
        length = int(self.unpack("I", at))
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
