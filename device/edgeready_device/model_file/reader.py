"""A .tflite file as edgeready reads it: the flatbuffer, and the parts that its ZIP tail holds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import Any

from edgeready_device.errors import ModelFileError, NotFoundError
from edgeready_device.input_file import read_file
from edgeready_device.model_file.archive import Archive, read_archive
from edgeready_device.model_file.contract import Contract, read_contract
from edgeready_device.model_file.exporter_notes import NOTES_FILES, ExporterNotes, read_exporter_notes
from edgeready_device.model_file.golden import GoldenVectors, read_golden
from edgeready_device.model_file.labels import parse_labels
from edgeready_device.model_file.manifest import Manifest, read_manifest
from edgeready_device.model_file.seen_images import SeenImages
from edgeready_device.tflite.accelerators import accelerator_of
from edgeready_device.tflite.graph import Graph, read_graph, read_subgraphs
from edgeready_device.tflite.metadata import ENTRY, LabelFiles, TfliteMetadata, read_tflite_metadata
from edgeready_device.tflite.structure.operators import OPERATORS
from edgeready_device.tflite.structure.verification import verified_graph

IN_MEMORY = Path("model in memory")
MANIFEST = "edgeready.json"
LABELS = "labels.txt"
GOLDEN = "golden.npz"
SEEN = "seen.bin"
FLATBUFFER = "flatbuffer"  # the key of its hash in the manifest
# Chosen: the memory of the largest common boards bounds a file; its parts are text and a few pictures.
_MAX_MODEL_BYTES = 1 << 30
_REMEMBER_OUTSIDE_TENSORS = ("VAR_HANDLE", "RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL")
_MAX_PART_BYTES = {
    **{MANIFEST: 1 << 20, LABELS: 4 << 20, GOLDEN: 32 << 20, SEEN: 1 << 20},
    **dict.fromkeys(NOTES_FILES, 1 << 20),
}


@dataclass(frozen=True)
class TfliteModel:
    """A .tflite model: its `flatbuffer`, and what the file around it says of it.

    The graph and the contract are read when they are first asked for, and once only. `size_bytes` is the size of the
    whole file, 0 for a model that is in memory alone. `labels` are those of the file's first label file, and
    `output_labels` those that TFLite Metadata gives each output, as people read them. `notes` are those of YOLO's
    exporters, `golden_npz` and `seen_bin` the bytes of these parts. They and `manifest` are None, and labels empty,
    in a file that does not carry them. `trusted` leaves the structure unchecked.
    """

    flatbuffer: bytes = field(repr=False)
    path: Path = IN_MEMORY
    size_bytes: int = 0
    metadata: TfliteMetadata = field(default_factory=TfliteMetadata)
    manifest: Manifest | None = None
    labels: tuple[str, ...] = ()
    output_labels: tuple[tuple[str, ...], ...] = ()
    notes: ExporterNotes | None = None
    golden_npz: bytes | None = field(default=None, repr=False)
    seen_bin: bytes | None = field(default=None, repr=False)
    trusted: bool = field(default=False, repr=False, compare=False)

    @classmethod
    def from_bytes(
        cls,
        data: bytes,
        path: Path = IN_MEMORY,
        *,
        check_hashes: bool = True,
        trusted: bool = False,
        parsed: TfliteModel | None = None,
    ) -> TfliteModel:
        """The model in the bytes of a whole file, its structure and its hashes checked.

        The graph of `parsed` is taken where its flatbuffer is the one in the file. Raises ModelFileError when the
        file is damaged.
        """
        archive, flatbuffer = _split(data)
        bare = cls(flatbuffer, path, len(data), trusted=trusted)
        if parsed is not None and parsed.flatbuffer == flatbuffer:
            bare.__dict__["graph"] = parsed.graph
        graph = bare.graph
        metadata = read_tflite_metadata(graph.metadata[ENTRY]) if ENTRY in graph.metadata else TfliteMetadata()
        parts = _parts(archive, metadata) if archive is not None else {}
        # Compilers for other accelerators keep the metadata, and leave the parts behind the model out.
        if MANIFEST in metadata.files and MANIFEST not in parts and accelerator_of(graph) is None:
            raise ModelFileError("its metadata lists edgeready.json but the part is missing: the file is truncated")
        manifest = read_manifest(parts[MANIFEST]) if MANIFEST in parts else None
        if manifest is not None and check_hashes:
            _check_hashes(manifest, {**parts, FLATBUFFER: flatbuffer})
        notes = next(filter(None, (read_exporter_notes(parts[name]) for name in NOTES_FILES if name in parts)), None)
        label_files = _label_files(parts, metadata, notes)
        if GOLDEN in parts:
            read_golden(parts[GOLDEN])  # a damaged part is met here, and not only by `verify`
        return bare.replace(
            metadata=metadata,
            manifest=manifest,
            labels=label_files.get(metadata.label_file or LABELS, () if notes is None else notes.labels),
            output_labels=tuple(_displayed_labels(label_files, output) for output in metadata.outputs),
            notes=notes,
            golden_npz=parts.get(GOLDEN),
            seen_bin=parts.get(SEEN),
        )

    def replace(self, **changes: Any) -> TfliteModel:
        """The same flatbuffer with other fields; a graph that is read already is not read again."""
        other = replace(self, **changes)
        if "graph" in self.__dict__:
            other.__dict__["graph"] = self.graph
        return other

    @classmethod
    def of_graph(cls, graph: Graph, **fields: Any) -> TfliteModel:
        """A model without a flatbuffer, for tests that need none."""
        model = cls(b"", **fields)
        model.__dict__["graph"] = graph
        return model

    @cached_property
    def graph(self) -> Graph:
        """The main subgraph, its structure verified; raises ModelFileError."""
        return read_graph(self.flatbuffer, trusted=True) if self.trusted else verified_graph(self.flatbuffer)

    @cached_property
    def contract(self) -> Contract:
        """How frames go in and scores come out; raises ModelFileError when it is no image classifier."""
        return read_contract(self)

    @cached_property
    def stateful(self) -> bool:
        """Whether an inference leaves something behind for the next one."""
        return self.remembers_outside_tensors or any(
            tensor.variable for graph in self.subgraphs for tensor in graph.tensors
        )

    @cached_property
    def remembers_outside_tensors(self) -> bool:
        """Whether some of what it remembers is in no variable tensor, so that only a new interpreter is as at first.

        That holds for resource variables, as tf.Variable is converted, and for generators of random numbers.
        """
        return any(op.name in _REMEMBER_OUTSIDE_TENSORS for graph in self.subgraphs for op in graph.ops)

    @cached_property
    def doubtful(self) -> bool:
        """Whether the structure could not be checked to the end, so that a first run must show it.

        Open sizes, sparse tensors, odd scales, and operators that are custom or unknown to this version are reasons.
        """
        graphs = self.subgraphs
        return (
            bool(self.graph.doubts)
            or any(tensor.open or tensor.sparse for graph in graphs for tensor in graph.tensors)
            or any(op.name not in OPERATORS for graph in graphs for op in graph.ops)
        )

    @cached_property
    def survivals(self) -> set[tuple[str, int, str]]:
        """The runtimes, threads and kernels on which a first run in a child process ended well."""
        return set()

    @property
    def subgraphs(self) -> tuple[Graph, ...]:
        """All subgraphs; those beside the main one are read only where there are some, and not kept."""
        return (self.graph,) if self.graph.subgraphs == 1 else read_subgraphs(self.flatbuffer)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the flatbuffer, in hexadecimal digits."""
        return hashlib.sha256(self.flatbuffer).hexdigest()

    @property
    def seen_images(self) -> SeenImages | None:
        """The images that the file was trained or calibrated on; raises ModelFileError for a damaged part."""
        return None if self.seen_bin is None else SeenImages.from_bytes(self.seen_bin)

    @property
    def golden(self) -> GoldenVectors | None:
        """The golden vectors, read anew each time: they are large, and a model that only classifies needs none."""
        return None if self.golden_npz is None else read_golden(self.golden_npz)


def read_model_file(path: str | os.PathLike[str], *, check_hashes: bool = True, trusted: bool = False) -> TfliteModel:
    """The TfliteModel in the file at `path`, its structure and its hashes checked.

    `trusted` leaves the structure unchecked, `check_hashes` False the hashes. Raises NotFoundError
    when there is none, ModelFileError (one line that names the file) when it is damaged.
    """
    where = Path(path)
    data = _read(where)
    try:
        return TfliteModel.from_bytes(data, where, check_hashes=check_hashes, trusted=trusted)
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


def _read(path: Path) -> bytes:
    try:
        data = read_file(path, _MAX_MODEL_BYTES)
    except FileNotFoundError as error:
        raise NotFoundError(f"{path}: no such file; name a .tflite model") from error
    except IsADirectoryError as error:
        raise ModelFileError(f"{path} is a folder: name the .tflite file in it") from error
    except (OSError, ValueError) as error:  # a ValueError is a path that cannot be one
        raise ModelFileError(f"{path}: cannot be read ({getattr(error, 'strerror', error)})") from error
    if len(data) > _MAX_MODEL_BYTES:
        raise ModelFileError(f"{path}: larger than 1 GiB, no edge model")
    return data


def _displayed_labels(label_files: Mapping[str, tuple[str, ...]], files: LabelFiles) -> tuple[str, ...]:
    """The labels of one output, each by its display name where there is one."""
    labels, names = label_files.get(files.labels, ()), label_files.get(files.display_names, ())
    if len(names) > len(labels):  # they belong to something else
        return labels
    return tuple(name or label for name, label in zip_longest(names, labels, fillvalue=""))


def _parts(archive: Archive, metadata: TfliteMetadata) -> dict[str, bytes]:
    limits = {**dict.fromkeys(metadata.label_files, _MAX_PART_BYTES[LABELS]), **_MAX_PART_BYTES}
    parts = {}
    for name in archive.names:
        try:
            if name in limits:
                parts[name] = archive.part(name, limits[name])
        except ModelFileError:
            if name not in NOTES_FILES:  # a name that other programs may give to something else
                raise
    return parts


def _label_files(
    parts: Mapping[str, bytes], metadata: TfliteMetadata, notes: ExporterNotes | None
) -> dict[str, tuple[str, ...]]:
    """The labels in each label file by its name; YOLO's exporters call their notes one."""
    names = [name for name in dict.fromkeys((*metadata.label_files, LABELS)) if name in parts]
    return {
        name: notes.labels if notes is not None and name in NOTES_FILES else parse_labels(parts[name])
        for name in names
    }


def _check_hashes(manifest: Manifest, parts: dict[str, bytes]) -> None:
    for name, expected in manifest.sha256.items():
        if name not in parts:
            raise ModelFileError(f"its part {name!r} is missing: copy the file again")
        actual = hashlib.sha256(parts[name]).hexdigest()
        if actual != expected:
            raise ModelFileError(
                f"the sha256 of its {name} is {actual[:12]}..., edgeready.json says {expected[:12]}...: "
                "the file was damaged or changed; copy it again"
            )
