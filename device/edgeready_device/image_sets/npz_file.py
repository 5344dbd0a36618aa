"""A .npz file read in blocks of rows: an array in it takes the memory of a block, however large it is."""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import DatasetError, NotFoundError, fit_reason
from edgeready_device.input_file import check_file

LAYOUT = "x_train and y_train (x_val, y_val, x_test, y_test beside them or not), or x and y"
_BLOCK_BYTES = 4 << 20  # read at a time; chosen: little beside the memory of a board
_PIECE_BYTES = 1 << 18  # unpacked at a time; chosen: zipfile holds it several times
# Read at a time of an array in Fortran order, for which the whole member is unpacked each time. Chosen: two passes
# for 40,000 pictures of 64x64, and within the memory of a board.
_COLUMN_BLOCK_BYTES = 256 << 20
_SUFFIX = ".npy"
_MAGIC = b"\x93NUMPY"
_MOST_DEFLATED = 1032  # bytes that a byte of a deflate stream stands for; the limit of the format (zlib's manual)


@dataclass(frozen=True)
class NpzArray:
    """An array in a .npz file: its header was read, and its values are read when they are asked for.

    `title` is what errors call it. `start` is the byte of its member where the values begin.
    """

    file: NpzFile = field(repr=False)
    title: str
    member: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran_order: bool
    start: int

    def __len__(self) -> int:
        """Returns the length of the first axis."""
        return self.shape[0]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """The number of bytes of all values."""
        return math.prod(self.shape) * self.dtype.itemsize

    def read(self) -> NDArray[Any]:
        """Returns the whole array; raises DatasetError where the file is damaged."""
        with self._values() as stream:
            values = np.empty(math.prod(self.shape), self.dtype)
            _fill(stream, values)
        return values.reshape(self.shape[::-1]).T if self.fortran_order else values.reshape(self.shape)

    def blocks(self) -> Iterator[NDArray[Any]]:
        """Yields all rows in order, some megabytes at a time; raises DatasetError where the file is damaged."""
        if self.fortran_order and self.ndim > 1:
            yield from self._column_blocks()
            return
        step = self._rows_in(_BLOCK_BYTES)
        with self._values() as stream:
            for start in range(0, len(self), step):
                rows = np.empty((min(step, len(self) - start), *self.shape[1:]), self.dtype)
                _fill(stream, rows)
                yield rows

    def _column_blocks(self) -> Iterator[NDArray[Any]]:
        """The blocks of an array whose first axis is the quickest in the file."""
        step = self._rows_in(_COLUMN_BLOCK_BYTES)
        width = math.prod(self.shape[1:])
        at_once = max(_BLOCK_BYTES // max(len(self) * self.dtype.itemsize, 1), 1)
        buffer = np.empty((min(at_once, width), len(self)), self.dtype)
        for start in range(0, len(self), step):
            stop = min(start + step, len(self))
            columns = np.empty((width, stop - start), self.dtype)
            with self._values() as stream:
                for first in range(0, width, at_once):
                    part = buffer[: width - first]
                    _fill(stream, part)
                    columns[first : first + at_once] = part[:, start:stop]
            yield columns.reshape(*self.shape[:0:-1], stop - start).T

    def _rows_in(self, size: int) -> int:
        return max(size // max(math.prod(self.shape[1:]) * self.dtype.itemsize, 1), 1)

    @contextmanager
    def _values(self) -> Iterator[IO[bytes]]:
        """The stream of the values, where the file is the one that was opened."""
        with self.file.reading() as archive, archive.open(self.member) as stream:
            stream.read(self.start)
            yield stream


class NpzFile(Mapping[str, NpzArray]):
    """The arrays of a .npz file by name: a header is read when its array is asked for, and nothing is unpickled."""

    def __init__(self, path: Path) -> None:
        """Opens the file; raises NotFoundError where there is none, DatasetError where it is no .npz."""
        if not path.exists():
            raise NotFoundError(f"no file {str(path)!r}: check the path")
        self.path = path
        self._state: tuple[int, ...] | None = None
        self._members: dict[str, str] = {}
        with self.reading() as archive:
            for member in archive.namelist():
                name = member[: -len(_SUFFIX)] if member.endswith(_SUFFIX) else member
                if name in self._members:
                    raise ValueError(f"it holds two arrays {name!r}")
                self._members[name] = member

    def __len__(self) -> int:
        """Returns the number of arrays."""
        return len(self._members)

    def __iter__(self) -> Iterator[str]:
        """Yields the names in the order of the file."""
        return iter(self._members)

    def __getitem__(self, name: str) -> NpzArray:
        """Returns the array; raises KeyError for another name, DatasetError for a header that does not fit."""
        member = self._members[name]
        with self.reading() as archive, archive.open(member) as stream:
            shape, fortran_order, dtype = _read_header(stream)
            array = NpzArray(
                file=self,
                title=f"{name} of {str(self.path)!r}",
                member=member,
                dtype=dtype,
                shape=shape,
                fortran_order=fortran_order,
                start=stream.tell(),
            )
            _check_size(array, archive.getinfo(member), self.path.stat().st_size)
        return array

    @contextmanager
    def reading(self) -> Iterator[zipfile.ZipFile]:
        """The open archive; what goes wrong while it is read is a DatasetError."""
        try:
            check_file(self.path)
            with self.path.open("rb") as content:
                self._check_state(os.fstat(content.fileno()))
                if content.read(len(_MAGIC)) == _MAGIC:
                    raise DatasetError(f"{str(self.path)!r} is a single array: save it with numpy.savez as {LAYOUT}")
                with zipfile.ZipFile(content) as archive:
                    yield archive
        except DatasetError:
            raise
        except Exception as error:  # zipfile, its decompressors and numpy raise a dozen kinds
            remedy = "): write it again with numpy.savez, plain numbers only, no objects"
            start = f"{str(self.path)!r} cannot be read as .npz ("
            raise DatasetError(fit_reason(start, error, remedy)) from error

    def _check_state(self, now: os.stat_result) -> None:
        state = (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns)
        if self._state not in (None, state):
            raise DatasetError(f"{str(self.path)!r} was changed while it was read: run the command again")
        self._state = state


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type of the array whose member begins here."""
    formats: Any = np.lib.format  # which numpy leaves untyped
    version = formats.read_magic(stream)
    # 3.0 differs in the names of the fields of a record, and records are neither images nor labels.
    readers = {(1, 0): formats.read_array_header_1_0, (2, 0): formats.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"it has an array of the format version {version[0]}.{version[1]}")
    shape, fortran_order, dtype = readers[version](stream)
    if dtype.hasobject:
        raise ValueError("Object arrays cannot be loaded: they hold pickles")
    if any(size < 0 for size in shape):
        raise ValueError(f"it has an array of the shape {shape}")
    return shape, fortran_order, dtype


def _check_size(array: NpzArray, entry: zipfile.ZipInfo, file_bytes: int) -> None:
    """Raises DatasetError where the member, or the file, is not as long as the header says."""
    size = entry.file_size - array.start
    most = entry.compress_size * (_MOST_DEFLATED if entry.compress_type == zipfile.ZIP_DEFLATED else 1)
    is_counted = entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    if (is_counted and most < entry.file_size) or entry.header_offset + entry.compress_size > file_bytes:
        size = min(size, most, file_bytes)
    if size != array.nbytes:
        raise DatasetError(
            f"{array.title} should be {array.dtype} of shape {array.shape}, {array.nbytes:,} bytes, and the file has "
            f"{max(size, 0):,}: it is damaged, write it again with numpy.savez"
        )


def _fill(stream: IO[bytes], values: NDArray[Any]) -> None:
    """Reads all of `values`, which lie one behind the other, from the stream; zipfile compares its CRC at the end."""
    content = values.reshape(-1).view(np.uint8).data if values.nbytes else memoryview(b"")
    while content:
        part = stream.read(min(len(content), _PIECE_BYTES))
        if not part:
            raise EOFError("its data end early")
        content[: len(part)] = part
        content = content[len(part) :]
