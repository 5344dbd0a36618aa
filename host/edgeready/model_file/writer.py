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
from edgeready_device.model_file.reader import FLATBUFFER, GOLDEN, LABELS, MANIFEST, SEEN, TfliteModel
from edgeready_device.tflite.metadata import ENTRY


def package(
    flatbuffer: bytes,
    manifest: Manifest,
    labels: Sequence[str],
    version: str,
    golden: GoldenVectors | None = None,
    *,
    seen_bin: bytes | None = None,
) -> bytes:
    """The bytes of a model file of a bare `flatbuffer`; `version` is the model's."""
    model = TfliteModel(flatbuffer, manifest=manifest, labels=tuple(labels), seen_bin=seen_bin)
    return pack(add_metadata(model, version, golden=golden is not None), golden)


def add_metadata(model: TfliteModel, version: str, *, golden: bool) -> TfliteModel:
    """`model`, which has a manifest and labels, with the standard metadata in its flatbuffer.

    `version` is the model's; `golden` says that golden vectors will lie beside the other parts. Equal arguments give
    equal bytes.
    """
    manifest = _manifest(model)
    files = [MANIFEST, *([GOLDEN] if golden else [])]
    entry = tflite_metadata(manifest.name, version, manifest.input, LABELS, files)
    return TfliteModel(
        with_metadata(model.flatbuffer, ENTRY, entry),
        model.path,
        manifest=manifest,
        labels=model.labels,
        seen_bin=model.seen_bin,
    )


def pack(model: TfliteModel, golden: GoldenVectors | None = None) -> bytes:
    """The bytes of a model file: the flatbuffer of `model`, then its parts in a stored ZIP.

    The hashes in its manifest are filled in. Equal arguments give equal bytes.
    """
    parts = {LABELS: ("\n".join(model.labels) + "\n").encode()}
    if model.seen_bin is not None:
        parts[SEEN] = model.seen_bin
    if golden is not None:
        parts[GOLDEN] = golden.to_bytes()
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
    hashes = {FLATBUFFER: model.sha256, **hashes}
    parts[MANIFEST] = replace(_manifest(model), sha256=hashes).to_json().encode()
    return with_parts(model.flatbuffer, parts)


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


def _manifest(model: TfliteModel) -> Manifest:
    if model.manifest is None:
        raise ValueError(f"{model.path} has no manifest: a model file needs one")
    return model.manifest
