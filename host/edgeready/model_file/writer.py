"""Puts one model file together: flatbuffer, standard metadata, labels, manifest and golden vectors."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace

from edgeready.model_file.metadata_entry import with_metadata
from edgeready.model_file.tflite_metadata import tflite_metadata
from edgeready_device.model_file.golden import GoldenVectors
from edgeready_device.model_file.manifest import Manifest
from edgeready_device.model_file.reader import FLATBUFFER, GOLDEN, LABELS, MANIFEST
from edgeready_device.tflite.metadata import ENTRY


def package(
    flatbuffer: bytes, manifest: Manifest, labels: Sequence[str], version: str, golden: GoldenVectors | None = None
) -> bytes:
    """The bytes of a model file: `flatbuffer` with the standard metadata added, then the parts in a stored ZIP.

    `version` is the model's. The manifest's hashes are filled in. Equal arguments give equal bytes.
    """
    parts = {LABELS: ("\n".join(labels) + "\n").encode()}
    if golden is not None:
        parts[GOLDEN] = golden.to_bytes()
    others = [MANIFEST, *(name for name in parts if name != LABELS)]
    described = tflite_metadata(manifest.name, version, manifest.input, LABELS, others)
    model = with_metadata(flatbuffer, ENTRY, described)
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in {FLATBUFFER: model, **parts}.items()}
    parts[MANIFEST] = replace(manifest, sha256=hashes).to_json().encode()
    return with_parts(model, parts)


def with_parts(flatbuffer: bytes, parts: Mapping[str, bytes]) -> bytes:
    """`flatbuffer` with `parts` (name to contents) behind it in a stored ZIP; equal arguments give equal bytes."""
    target = io.BytesIO()
    target.write(flatbuffer)  # and not mode "a", which looks for a ZIP in the weights
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, data in parts.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return target.getvalue()
