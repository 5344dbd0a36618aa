"""Puts back on a compiled flatbuffer what its model file carried: metadata, labels, manifest, other parts."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace

from edgeready import __version__
from edgeready.errors import ModelFileError
from edgeready.model_file.metadata_entry import with_metadata
from edgeready.model_file.writer import package, with_parts
from edgeready_device.model_file.reader import GOLDEN, TfliteModel, flatbuffer_of
from edgeready_device.tflite.metadata import ENTRY

_MOST_BYTES = 64 << 20


def restore_parts(compiled: bytes, original: bytes, file: TfliteModel) -> bytes:
    """`compiled` as a model file with the metadata and the parts of `file`, whose bytes are `original`.

    Golden vectors are left out: they are the answers of the CPU's kernels to the other flatbuffer.
    """
    if file.manifest is not None:
        provenance = {**file.manifest.provenance, "compiled_from": dict(file.manifest.sha256)}
        manifest = replace(file.manifest, provenance=provenance)
        return package(compiled, manifest, file.labels, __version__)
    if ENTRY in file.graph.metadata:
        compiled = with_metadata(compiled, ENTRY, file.graph.metadata[ENTRY])
    if len(flatbuffer_of(original)) == len(original):
        return compiled
    return with_parts(compiled, dict(_parts(original)))


def _parts(original: bytes) -> Iterator[tuple[str, bytes]]:
    """The parts in the ZIP at the end of `original`, golden vectors left out."""
    with zipfile.ZipFile(io.BytesIO(original)) as source:
        entries = [entry for entry in source.infolist() if entry.filename != GOLDEN]
        size = sum(entry.file_size for entry in entries)
        if size > _MOST_BYTES:
            raise ModelFileError(f"its parts unpack to {size:,} bytes: refused")
        for entry in entries:
            try:
                yield entry.filename, source.read(entry)
            except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError) as error:
                raise ModelFileError(f"its part {entry.filename!r} is damaged ({error}): copy it again") from error
