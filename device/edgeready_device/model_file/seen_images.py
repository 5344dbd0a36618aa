"""Hashes of the images that a file was trained or calibrated on, so that `evaluate` recognizes them."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ModelFileError

# Chosen: 32 KiB beside a model. Of a larger set the smallest hashes are kept, a sample by chance.
MOST_HASHES = 4096
_HASH_BYTES = 8  # two of a million images share one with a chance of 1 in 37 million
_MAGIC = b"SEEN"
_HEADER = struct.Struct("<4sIQ")  # magic, flags, number of different images
_TRAINING_KNOWN = 1
_AT_ONCE = 64  # frames that are read to be hashed; chosen: images in files then fill no memory
NOT_LOOKED_UP = -1


class Frames(Protocol):
    """uint8 frames that can be sliced: an array (n, height, width[, channels]), or images read when asked for."""

    def __len__(self) -> int:
        """Number of frames."""

    def __getitem__(self, which: slice) -> NDArray[np.uint8]:
        """The frames of a slice as one array."""


@dataclass(frozen=True)
class SeenImages:
    """The images that a file has seen: `total` different ones, and the sorted hashes of all of them or of a sample.

    `training_known` says that those of the training are among them: a model that was trained elsewhere has only those
    of its calibration.
    """

    total: int
    hashes: NDArray[np.uint64]
    training_known: bool = True

    @classmethod
    def of(cls, *sets: Frames, training_known: bool = True) -> SeenImages:
        """Records sets of frames (n, height, width[, channels])."""
        different = np.unique(np.concatenate([hash_frames(frames) for frames in sets]))
        return cls(len(different), different[:MOST_HASHES], training_known)

    @classmethod
    def from_bytes(cls, data: bytes) -> SeenImages:
        """Reads what `to_bytes` wrote; raises ModelFileError for anything else."""
        rest = len(data) - _HEADER.size
        if rest < 0 or rest % _HASH_BYTES or not data.startswith(_MAGIC):
            raise ModelFileError("seen.bin is no list of hashes: the file is damaged")
        _, flags, total = _HEADER.unpack_from(data)
        hashes = np.frombuffer(data, "<u8", offset=_HEADER.size).astype(np.uint64)
        if len(hashes) > total or (len(hashes) < total and not len(hashes)) or (hashes[1:] <= hashes[:-1]).any():
            raise ModelFileError(f"seen.bin holds {len(hashes)} hashes of {total}, or unsorted: the file is damaged")
        return cls(total, hashes, bool(flags & _TRAINING_KNOWN))

    def to_bytes(self) -> bytes:
        """Returns the part seen.bin."""
        flags = _TRAINING_KNOWN if self.training_known else 0
        return _HEADER.pack(_MAGIC, flags, self.total) + self.hashes.astype("<u8").tobytes()

    def look_up(self, frames: Frames) -> NDArray[np.int8]:
        """Returns 1 for each of the frames (n, ...) that was seen, 0 for others, NOT_LOOKED_UP outside the sample."""
        hashes = hash_frames(frames)
        answers = np.isin(hashes, self.hashes).astype(np.int8)
        if len(self.hashes) < self.total:
            answers[hashes > self.hashes[-1]] = NOT_LOOKED_UP
        return answers


def hash_frames(frames: Frames) -> NDArray[np.uint64]:
    """Returns a hash for the pixels of each of the frames (n, height, width[, channels])."""
    digests: list[bytes] = []
    for start in range(0, len(frames), _AT_ONCE):
        piece = np.ascontiguousarray(frames[start : start + _AT_ONCE])
        rows = piece.reshape(len(piece), -1)
        digests += [hashlib.blake2b(row.data, digest_size=_HASH_BYTES).digest() for row in rows]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)
