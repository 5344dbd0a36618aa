"""A .tflite file as edgeready reads it: the flatbuffer, and the parts that its ZIP tail holds."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from edgeready_device.errors import ModelFileError, NotFoundError
from edgeready_device.golden import GoldenVectors, read_golden
from edgeready_device.graph import Graph, read_graph
from edgeready_device.manifest import Manifest, read_manifest
from edgeready_device.text import plain
from edgeready_device.tflite_metadata import ENTRY, TfliteMetadata, read_tflite_metadata

MANIFEST = "edgeready.json"
LABELS = "labels.txt"
GOLDEN = "golden.npz"
FLATBUFFER = "flatbuffer"  # the key of its hash in the manifest
_MAX_PART_BYTES = 64 << 20
_MAX_PARTS = 1000
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MAX_MODEL_BYTES = 1 << 30


@dataclass(frozen=True)
class ModelFile:
    """One .tflite file: the `flatbuffer`, its `graph`, and what it says of itself.

    `size_bytes` is the whole file's size. `manifest` and `golden` are None, and `labels` empty, in a file
    that does not carry them.
    """

    path: Path
    size_bytes: int
    flatbuffer: bytes = field(repr=False)
    graph: Graph = field(repr=False)
    metadata: TfliteMetadata = field(default_factory=TfliteMetadata)
    manifest: Manifest | None = None
    labels: tuple[str, ...] = ()
    golden: GoldenVectors | None = field(default=None, repr=False)


def read_model_file(path: str | os.PathLike[str], *, check_hashes: bool = True) -> ModelFile:
    """The ModelFile at `path`, its hashes checked.

    Raises NotFoundError when there is none, ModelFileError (one line that names the file) when it is damaged.
    """
    where = Path(path)
    data = _read(where)
    try:
        return _parse(where, data, check_hashes)
    except ModelFileError as error:
        raise ModelFileError(f"{where}: {error}") from error


def flatbuffer_of(data: bytes) -> bytes:
    """The flatbuffer at the front of the bytes of a .tflite file, without the ZIP tail."""
    archive = _tail(data)
    return data if archive is None else _front(data, archive)


def _parse(path: Path, data: bytes, check_hashes: bool) -> ModelFile:
    archive = _tail(data)
    flatbuffer = data if archive is None else _front(data, archive)
    graph = read_graph(flatbuffer)
    metadata = read_tflite_metadata(graph.metadata[ENTRY]) if ENTRY in graph.metadata else TfliteMetadata()
    parts = _parts(archive, metadata) if archive is not None else {}
    if MANIFEST in metadata.files and MANIFEST not in parts:
        raise ModelFileError("its metadata lists edgeready.json but the part is missing: the file is truncated")
    manifest = read_manifest(parts[MANIFEST]) if MANIFEST in parts else None
    if manifest is not None and check_hashes:
        _check_hashes(manifest, {**parts, FLATBUFFER: flatbuffer})
    label_file = metadata.label_file or LABELS
    return ModelFile(
        path,
        len(data),
        flatbuffer,
        graph,
        metadata,
        manifest,
        parse_labels(parts[label_file]) if label_file in parts else (),
        read_golden(parts[GOLDEN]) if GOLDEN in parts else None,
    )


def parse_labels(data: bytes) -> tuple[str, ...]:
    """The labels in the bytes of a label file, one a line; control characters become spaces."""
    text = data.decode("utf-8", "replace")
    split = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = [plain(line) for line in split]
    while lines and not lines[-1]:
        lines.pop()
    return tuple(lines)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size or _MAX_PART_BYTES  # a pipe has none
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


def _tail(data: bytes) -> zipfile.ZipFile | None:
    """The ZIP archive at the end of `data`, or None."""
    if b"PK\x05\x06" not in data[-66000:]:
        return None
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return None  # four bytes of a weight that look like a ZIP's end are no ZIP
    return archive if archive.infolist() else None


def _front(data: bytes, archive: zipfile.ZipFile) -> bytes:
    start = min(entry.header_offset for entry in archive.infolist())
    if not 0 < start <= len(data):
        raise ModelFileError("the ZIP at its end starts before the model: the file is damaged")
    return data[:start]


def _parts(archive: zipfile.ZipFile, metadata: TfliteMetadata) -> dict[str, bytes]:
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if len(names) > _MAX_PARTS or len(set(names)) != len(names):
        raise ModelFileError(f"the ZIP at its end has {len(names)} parts, too many or some twice: refused")
    wanted = {MANIFEST, LABELS, GOLDEN, metadata.label_file}
    parts = {}
    for entry in entries:
        if entry.filename in wanted:
            strange = entry.flag_bits & 1 or entry.compress_type not in _COMPRESSIONS
            if strange or entry.file_size > _MAX_PART_BYTES:
                raise ModelFileError(
                    f"its part {entry.filename!r} is encrypted, not compressed by deflate, or too large "
                    f"({entry.file_size} bytes): refused"
                )
            parts[entry.filename] = _part(archive, entry)
    return parts


def _part(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(entry) as stream:
            data = stream.read(_MAX_PART_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        raise ModelFileError(f"its part {entry.filename!r} is damaged ({error}): copy the file again") from error
    if len(data) > _MAX_PART_BYTES:
        raise ModelFileError(f"its part {entry.filename!r} is larger than {_MAX_PART_BYTES} bytes: refused")
    return data


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
