"""The one reader of flatbuffers: every offset and length is checked before it is followed.

Layout after the FlatBuffers internals document: little-endian, a table starts with the signed distance
back to its vtable, the vtable holds the field offsets.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ModelFileError

_MAX_VECTOR = 1 << 24  # elements of a vector of tables; far above any real model, far below memory


class Flatbuffer:
    """Bytes of a flatbuffer; reads scalars at checked positions. Raises ModelFileError outside its bounds."""

    __slots__ = ("data", "size")

    def __init__(self, data: bytes | memoryview) -> None:
        self.data = memoryview(data)
        self.size = len(self.data)

    def root(self, identifier: bytes) -> Table:
        """The root table; `identifier` is the four bytes that the file must carry at offset 4."""
        found = bytes(self.data[4:8])
        if self.size < 8 or found != identifier:
            raise ModelFileError(
                f"bytes 4 to 8 are {found!r}, not the identifier {identifier!r}: this is no such file"
            )
        return Table(self, self.offset(0))

    def unpack(self, code: str, position: int) -> Any:
        """The scalar of struct code `code` at `position`."""
        width = struct.calcsize(code)
        if position < 0 or position + width > self.size:
            raise ModelFileError(
                f"offset {position} is outside the file's {self.size} bytes: it is truncated or damaged"
            )
        return struct.unpack_from("<" + code, self.data, position)[0]

    def offset(self, position: int) -> int:
        """Where the unsigned offset stored at `position` points to."""
        target = position + int(self.unpack("I", position))
        if target >= self.size:
            raise ModelFileError(
                f"the offset at {position} points to {target}, outside the file's {self.size} bytes: "
                "it is truncated or damaged"
            )
        return target


class Table:
    """One table of a flatbuffer; fields are asked for by their number in the schema."""

    __slots__ = ("_buffer", "_position", "_vtable", "_vtable_size")

    def __init__(self, buffer: Flatbuffer, position: int) -> None:
        self._buffer = buffer
        self._position = position
        self._vtable = position - int(buffer.unpack("i", position))
        self._vtable_size = int(buffer.unpack("H", self._vtable))
        if self._vtable_size < 4 or self._vtable_size % 2:
            raise ModelFileError(f"the table at {position} has a vtable of {self._vtable_size} bytes: damaged file")
        buffer.unpack("H", self._vtable + self._vtable_size - 2)

    @property
    def position(self) -> int:
        """Byte offset of the table in the file."""
        return self._position

    def field(self, number: int) -> int | None:
        """Byte offset of field `number`, or None when it has its default."""
        entry = 4 + 2 * number
        if entry >= self._vtable_size:
            return None
        relative = int(self._buffer.unpack("H", self._vtable + entry))
        return self._position + relative if relative else None

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
        start, length = self._vector(number, 4)
        if length > _MAX_VECTOR:
            raise ModelFileError(f"a vector of {length} tables: damaged file")
        return [Table(self._buffer, self._buffer.offset(start + 4 * i)) for i in range(length)]

    def text(self, number: int, default: str = "") -> str:
        """The string in field `number`; bytes that are no UTF-8 are replaced."""
        start, length = self._vector(number, 1)
        return str(self._buffer.data[start : start + length], "utf-8", "replace") if length else default

    def array(self, number: int, dtype: str) -> NDArray[Any]:
        """The vector of scalars in field `number` as a view of the file; empty when absent."""
        kind = np.dtype(dtype).newbyteorder("<")
        start, length = self._vector(number, kind.itemsize)
        return np.frombuffer(self._buffer.data, kind, length, start) if length else np.empty(0, kind)

    def span(self, number: int) -> tuple[int, int]:
        """Start and length in bytes of the byte vector in field `number`; (0, 0) when absent."""
        return self._vector(number, 1)

    def _vector(self, number: int, width: int) -> tuple[int, int]:
        position = self.field(number)
        if position is None:
            return 0, 0
        start = self._buffer.offset(position)
        length = int(self._buffer.unpack("I", start))
        if start + 4 + length * width > self._buffer.size:
            raise ModelFileError(
                f"a vector of {length} x {width} bytes at {start} runs past the file's {self._buffer.size} bytes: "
                "it is truncated or damaged"
            )
        return start + 4, length
