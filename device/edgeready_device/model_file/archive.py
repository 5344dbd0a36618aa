"""The ZIP archives of a model file: the tail behind the flatbuffer, and golden.npz; nothing is unpacked to disk."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Container
from dataclasses import dataclass

from edgeready_device.errors import ModelFileError
from edgeready_device.text import plain

MOST_PARTS = 1000  # chosen: far above the three parts of a model file and the arrays of its golden vectors
# zipfile reads the whole directory before it says how many entries there are; chosen: a kilobyte for each part.
_MOST_DIRECTORY_BYTES = 1 << 20
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile raises; an OverflowError for an offset that a 32-bit machine cannot hold.
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, OSError, OverflowError, ValueError, RuntimeError)
_LONGEST = 100  # characters of a reason: zipfile quotes what is in the file, however long; chosen: one line
_END, _END_64 = b"PK\x05\x06", b"PK\x06\x07"
_END_BYTES = 22


@dataclass(frozen=True)
class Archive:
    """A ZIP in memory; `start` is the offset of its first entry, which ends what stands before the ZIP."""

    start: int
    _archive: zipfile.ZipFile

    @property
    def names(self) -> list[str]:
        """The names of the parts."""
        return [entry.filename for entry in self._archive.infolist()]

    def part(self, name: str, most_bytes: int) -> bytes:
        """The contents of part `name`; raises ModelFileError when it is damaged, or larger than `most_bytes`.

        The size counts both as the directory states it and as it turns out.
        """
        entry = self._archive.getinfo(name)
        unreadable = entry.flag_bits & 1 or entry.compress_type not in _COMPRESSIONS
        if unreadable or entry.file_size > most_bytes:
            raise ModelFileError(
                f"its part {name!r:.60} is encrypted, not compressed by deflate, or too large "
                f"({entry.file_size} bytes): refused"
            )
        try:
            with self._archive.open(entry) as stream:
                data = stream.read(most_bytes + 1)
        except _DAMAGES as error:
            reason = plain(str(error))[:_LONGEST]
            raise ModelFileError(f"its part {name!r:.60} is damaged ({reason}): copy the file again") from error
        if len(data) > most_bytes:
            raise ModelFileError(f"its part {name!r:.60} is larger than {most_bytes} bytes: refused")
        return data

    def parts(self, most_bytes: int, without: Container[str] = ()) -> dict[str, bytes]:
        """The contents of all parts but those `without`, by name.

        Raises ModelFileError when one is damaged, or when they take more than `most_bytes` together.
        """
        entries = [entry for entry in self._archive.infolist() if entry.filename not in without]
        size = sum(entry.file_size for entry in entries)
        if size > most_bytes:
            raise ModelFileError(f"its parts unpack to {size:,} bytes: refused")
        return {entry.filename: self.part(entry.filename, entry.file_size) for entry in entries}


def read_archive(data: bytes) -> Archive | None:
    """The ZIP at the end of `data`; None where there is none, or nothing in it.

    Raises ModelFileError for one with too many parts, a part twice, or one that starts outside of `data`.
    """
    if not _has_directory(data):
        return None
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, OverflowError, ValueError, NotImplementedError, struct.error):
        return None  # four bytes of a weight that look like a ZIP's end are no ZIP
    entries = archive.infolist()
    if not entries:
        return None
    names = {entry.filename for entry in entries}
    if len(entries) > MOST_PARTS or len(names) != len(entries):
        raise ModelFileError(f"the ZIP at its end has {len(entries)} parts, too many or some twice: refused")
    start = min(entry.header_offset for entry in entries)
    if not 0 <= start <= len(data):
        raise ModelFileError("the ZIP at its end starts before the model: the file is damaged")
    return Archive(start, archive)


def _has_directory(data: bytes) -> bool:
    """Whether `data` ends as a ZIP with a directory of a size that is worth reading; no ZIP64."""
    tail = data[-(_END_BYTES + (1 << 16)) :]
    at = len(tail) - _END_BYTES
    if tail[at : at + 4] != _END or tail[-2:] != b"\0\0":  # as zipfile looks for it: without a comment first
        at = tail.rfind(_END)
    if at < 0 or at + _END_BYTES > len(tail) or tail[max(at - 20, 0) : at].startswith(_END_64):
        return False
    return bool(struct.unpack_from("<I", tail, at + 12)[0] <= _MOST_DIRECTORY_BYTES)
