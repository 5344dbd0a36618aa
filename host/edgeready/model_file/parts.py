"""Puts back on a compiled flatbuffer what its model file carried: metadata, labels, manifest, other parts."""

from __future__ import annotations

from dataclasses import replace

from edgeready.model_file.metadata_entry import with_metadata
from edgeready.model_file.writer import package, with_parts
from edgeready_device import __version__
from edgeready_device.model_file.archive import read_archive
from edgeready_device.model_file.reader import GOLDEN, TfliteModel
from edgeready_device.tflite.metadata import ENTRY

_MOST_BYTES = 64 << 20  # unpacked, all together; chosen: far above the parts of any classifier


def restore_parts(compiled: bytes, original: bytes, file: TfliteModel) -> bytes:
    """`compiled` as a model file with the metadata and the parts of `file`, whose bytes are `original`.

    Golden vectors are left out: they are the answers of the CPU's kernels to the other flatbuffer.
    """
    if file.manifest is not None:
        provenance = {**file.manifest.provenance, "compiled_from": dict(file.manifest.sha256)}
        manifest = replace(file.manifest, provenance=provenance)
        return package(compiled, manifest, file.labels, __version__, seen_bin=file.seen_bin)
    if ENTRY in file.graph.metadata:
        compiled = with_metadata(compiled, ENTRY, file.graph.metadata[ENTRY])
    archive = read_archive(original)
    return compiled if archive is None else with_parts(compiled, archive.parts(_MOST_BYTES, without=(GOLDEN,)))
