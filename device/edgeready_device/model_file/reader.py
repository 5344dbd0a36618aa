"""A .tflite file as edgeready reads it: the flatbuffer, and the parts that its ZIP tail holds."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from edgeready_device.errors import ModelFileError, NotFoundError
from edgeready_device.model_file.archive import Archive, read_archive
from edgeready_device.model_file.golden import GoldenVectors, read_golden
from edgeready_device.model_file.manifest import Manifest, read_manifest
from edgeready_device.text import plain
from edgeready_device.tflite.graph import Graph, read_graph
from edgeready_device.tflite.metadata import ENTRY, TfliteMetadata, read_tflite_metadata
from edgeready_device.tflite.structure.verification import verified_graph

MANIFEST = "edgeready.json"
LABELS = "labels.txt"
GOLDEN = "golden.npz"
FLATBUFFER = "flatbuffer"  # the key of its hash in the manifest
_MAX_MODEL_BYTES = 1 << 30
_MAX_PIPE_BYTES = 64 << 20
_MAX_PART_BYTES = {MANIFEST: 1 << 20, LABELS: 4 << 20, GOLDEN: 32 << 20}
_MAX_LABELS = 100_000
_MAX_LABEL_CHARACTERS = 1000


@dataclass(frozen=True)
class ModelFile:
    """One .tflite file: the `flatbuffer`, its `graph`, and what it says of itself.

    `size_bytes` is the whole file's size. `golden_npz` are the bytes of the part golden.npz. It and
    `manifest` are None, and `labels` empty, in a file that does not carry them.
    """

    path: Path
    size_bytes: int
    flatbuffer: bytes = field(repr=False)
    graph: Graph = field(repr=False)
    metadata: TfliteMetadata = field(default_factory=TfliteMetadata)
    manifest: Manifest | None = None
    labels: tuple[str, ...] = ()
    golden_npz: bytes | None = field(default=None, repr=False)

    @property
    def golden(self) -> GoldenVectors | None:
        """The golden vectors, read anew each time: they are large, and a model that only classifies needs none."""
        return None if self.golden_npz is None else read_golden(self.golden_npz)


def read_model_file(path: str | os.PathLike[str], *, check_hashes: bool = True, trusted: bool = False) -> ModelFile:
    """The ModelFile at `path`, its structure and its hashes checked; `trusted` leaves the structure unchecked.

    Raises NotFoundError when there is none, ModelFileError (one line that names the file) when it is damaged.
    """
    where = Path(path)
    data = _read(where)
    try:
        return _parse(where, data, check_hashes, trusted)
    except ModelFileError as error:
        raise ModelFileError(f"{where}: {error}") from error


def flatbuffer_of(data: bytes) -> bytes:
    """The flatbuffer at the front of the bytes of a .tflite file, without the ZIP tail."""
    return _split(data)[1]


def _split(data: bytes) -> tuple[Archive | None, bytes]:
    """The ZIP at the end of `data`, where there is one, and what stands before it."""
    archive = read_archive(data)
    if archive is None:
        return None, data
    if not archive.start:
        raise ModelFileError("the ZIP at its end starts before the model: the file is damaged")
    return archive, data[: archive.start]


def _parse(path: Path, data: bytes, check_hashes: bool, trusted: bool) -> ModelFile:
    archive, flatbuffer = _split(data)
    graph = read_graph(flatbuffer, trusted=True) if trusted else verified_graph(flatbuffer)
    metadata = read_tflite_metadata(graph.metadata[ENTRY]) if ENTRY in graph.metadata else TfliteMetadata()
    parts = _parts(archive, metadata) if archive is not None else {}
    if MANIFEST in metadata.files and MANIFEST not in parts:
        raise ModelFileError("its metadata lists edgeready.json but the part is missing: the file is truncated")
    manifest = read_manifest(parts[MANIFEST]) if MANIFEST in parts else None
    if manifest is not None and check_hashes:
        _check_hashes(manifest, {**parts, FLATBUFFER: flatbuffer})
    label_file = metadata.label_file or LABELS
    if GOLDEN in parts:
        read_golden(parts[GOLDEN])  # damaged ones are met here, and not first by whoever verifies
    return ModelFile(
        path,
        len(data),
        flatbuffer,
        graph,
        metadata,
        manifest,
        parse_labels(parts[label_file]) if label_file in parts else (),
        parts.get(GOLDEN),
    )


def parse_labels(data: bytes) -> tuple[str, ...]:
    """The labels in the bytes of a label file, one a line; control characters become spaces.

    Raises ModelFileError for more, or longer ones, than a classifier has.
    """
    text = data.decode("utf-8", "replace")
    split = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    longest = max(map(len, split))
    if len(split) > _MAX_LABELS or longest > _MAX_LABEL_CHARACTERS:
        raise ModelFileError(
            f"its label file has {len(split)} lines, the longest of {longest} characters: "
            f"{_MAX_LABELS} and {_MAX_LABEL_CHARACTERS} are the most"
        )
    lines = [plain(line) for line in split]
    while lines and not lines[-1]:
        lines.pop()
    return tuple(lines)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size or _MAX_PIPE_BYTES  # a pipe has none
            # No more: Python allocates what is asked for first, which a small board or 32 bits do not have.
            data = stream.read(min(size, _MAX_MODEL_BYTES) + 1)
    except FileNotFoundError as error:
        raise NotFoundError(f"{path}: no such file; name a .tflite model") from error
    except IsADirectoryError as error:
        raise ModelFileError(f"{path} is a folder: name the .tflite file in it") from error
    except (OSError, ValueError) as error:  # a ValueError is a path that cannot be one
        raise ModelFileError(f"{path}: cannot be read ({getattr(error, 'strerror', error)})") from error
    if len(data) > _MAX_MODEL_BYTES:
        raise ModelFileError(f"{path}: larger than 1 GiB, no edge model")
    return data


def _parts(archive: Archive, metadata: TfliteMetadata) -> dict[str, bytes]:
    limits = {metadata.label_file: _MAX_PART_BYTES[LABELS], **_MAX_PART_BYTES}
    return {name: archive.part(name, limits[name]) for name in archive.names if name in limits}


def _check_hashes(manifest: Manifest, parts: dict[str, bytes]) -> None:
    for name, expected in manifest.sha256.items():
        if name not in parts:
            raise ModelFileError(f"its part {name!r} is missing: copy the file again")
        found = hashlib.sha256(parts[name]).hexdigest()
        if found != expected:
            raise ModelFileError(
                f"the sha256 of its {name} is {found[:12]}..., edgeready.json says {expected[:12]}...: "
                "the file was damaged or changed; copy it again"
            )
