"""Reads numpy's .npy format, plain numbers only: no pickle, and no array larger than the bytes that are there."""

from __future__ import annotations

import ast
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ModelFileError

_MAGIC = b"\x93NUMPY\x01\x00"  # version 1.0, which numpy writes for every plain array
_MOST_HEADER_BYTES = 1024
_KINDS = "buif"
_KEYS = {"descr", "fortran_order", "shape"}


def read_npy(data: bytes) -> NDArray[Any]:
    """The array in the bytes of a .npy file; raises ModelFileError for anything but whole rows of plain numbers."""
    if data[:8] != _MAGIC or len(data) < 10:
        raise ModelFileError(f"its array begins with {data[:8]!r}, not with {_MAGIC!r}: the file is damaged")
    size = int.from_bytes(data[8:10], "little")
    header = data[10 : 10 + size]
    if size > _MOST_HEADER_BYTES or len(header) < size:
        raise ModelFileError(f"its array has a header of {size} bytes in {len(data)}: the file is damaged")
    dtype, shape = _described(header)
    count = math.prod(shape)
    if len(data) - 10 - size != count * dtype.itemsize:
        raise ModelFileError(
            f"its array claims {dtype} {list(shape)} and holds {len(data) - 10 - size} bytes: the file is damaged"
        )
    return np.frombuffer(data, dtype, count, 10 + size).reshape(shape)


def _described(header: bytes) -> tuple[np.dtype[Any], tuple[int, ...]]:
    try:
        found = ast.literal_eval(header.decode("latin-1").strip())
        if not isinstance(found, dict) or set(found) != _KEYS or found["fortran_order"] is not False:
            raise ValueError("no plain array")
        dtype, shape = np.dtype(str(found["descr"])), found["shape"]
        if dtype.kind not in _KINDS or dtype.itemsize > 8 or not _is_shape(shape):
            raise ValueError(f"{dtype} {shape!r:.60}")
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        said = " ".join(str(error).split())[:100]
        raise ModelFileError(f"its array has a header that is none ({said}): the file is damaged") from error
    return dtype, shape


def _is_shape(shape: Any) -> bool:
    if not isinstance(shape, tuple) or len(shape) > 8:
        return False
    return all(type(size) is int and 0 <= size < 1 << 31 for size in shape)
