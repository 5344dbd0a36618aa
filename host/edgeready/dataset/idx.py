"""The IDX format of MNIST and Fashion-MNIST: a gzipped big-endian header and uint8 values."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeready.errors import DatasetError, fit_reason

# Chosen: room for 60,000 images of 28x28, which are 47 MB.
MAX_BYTES = 64 * 1024 * 1024
_UNSIGNED_BYTE = 0x08


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The uint8 array in the .gz file, in the shape that its header states.

    Raises DatasetError when the file is damaged.
    """
    try:
        with gzip.open(path) as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(
            fit_reason(f"{str(path)!r} cannot be unpacked (", error, "): delete it to fetch it again")
        ) from error
    if len(content) < 4 or content[:3] != bytes((0, 0, _UNSIGNED_BYTE)):
        raise DatasetError(f"{str(path)!r} starts with {content[:4]!r}, not an IDX file of bytes: delete it")
    rank = content[3]
    start = 4 + 4 * rank
    shape = struct.unpack_from(f">{rank}I", content.ljust(start, b"\0"), 4)
    if len(content) != start + math.prod(shape):
        raise DatasetError(
            f"{str(path)!r} holds {len(content)} bytes, not the {start + math.prod(shape)} of shape {shape}: "
            "delete it to fetch it again"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
