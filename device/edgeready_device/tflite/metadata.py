"""Reads the standard TFLite Metadata (flatbuffer `M001` in the model's metadata entry TFLITE_METADATA)."""

from __future__ import annotations

from dataclasses import dataclass

from edgeready_device.errors import ModelFileError
from edgeready_device.normalization import Normalization
from edgeready_device.tflite.flatbuffer import Flatbuffer, Table, check_layout

ENTRY = "TFLITE_METADATA"
IDENTIFIER = b"M001"
NORMALIZATION_OPTIONS = 1  # union ProcessUnitOptions
TENSOR_AXIS_LABELS = 2  # enum AssociatedFileType
TENSOR_VALUE_LABELS = 3


_MOST_LABEL_FILES = 16  # chosen: more outputs than a classifier has; each may unpack to some MiB
DISPLAY_LOCALE = "en"  # of the names that are shown, as MediaPipe has it by default


@dataclass(frozen=True)
class LabelFiles:
    """The associated files that name the classes of one output; empty where there is none.

    `labels` is the first of them, and `display_names` the one of the locale "en", whose names are for people.
    """

    labels: str = ""
    display_names: str = ""


@dataclass(frozen=True)
class TfliteMetadata:
    """What the standard metadata says: name, label files by output, input normalization, all associated files."""

    name: str = ""
    version: str = ""
    outputs: tuple[LabelFiles, ...] = ()
    normalization: Normalization | None = None
    files: tuple[str, ...] = ()

    @property
    def label_file(self) -> str:
        """The label file of the first output that has one."""
        return next((output.labels for output in self.outputs if output.labels), "")

    @property
    def label_files(self) -> tuple[str, ...]:
        """The files that name classes, each once, at most 16 of them."""
        names = [name for output in self.outputs for name in (output.labels, output.display_names) if name]
        return tuple(dict.fromkeys(names))[:_MOST_LABEL_FILES]


def read_tflite_metadata(data: bytes) -> TfliteMetadata:
    """The TfliteMetadata in the bytes of the entry; raises ModelFileError when they are no such flatbuffer."""
    buffer = Flatbuffer(data)
    root = buffer.root(IDENTIFIER)
    check_layout(buffer.data, "ModelMetadata")
    subgraphs = root.tables(3)
    inputs = subgraphs[0].tables(2) if subgraphs else []
    outputs = subgraphs[0].tables(3) if subgraphs else []
    files = [file.text(0) for file in root.tables(6)]
    files += [file.text(0) for tensor in outputs for file in tensor.tables(6)]
    return TfliteMetadata(
        name=root.text(0),
        version=root.text(2),
        outputs=tuple(_label_files(tensor) for tensor in outputs),
        normalization=_normalization(inputs[0]) if inputs else None,
        files=tuple(dict.fromkeys(files)),
    )


def _label_files(tensor: Table) -> LabelFiles:
    """As MediaPipe reads them: the locale "" takes the first file, and another the first that names it."""
    files = [
        (file.text(0), file.text(3))
        for file in tensor.tables(6)
        if file.scalar(2, "b") in (TENSOR_AXIS_LABELS, TENSOR_VALUE_LABELS) and file.text(0)
    ]
    display_names = next((name for name, locale in files if locale == DISPLAY_LOCALE), "")
    return LabelFiles(labels=files[0][0] if files else "", display_names=display_names)


def _normalization(tensor: Table) -> Normalization | None:
    for unit in tensor.tables(4):
        options = unit.table(1)
        if unit.scalar(0, "B") == NORMALIZATION_OPTIONS and options is not None:
            mean, std = options.array(0, "f4"), options.array(1, "f4")
            if len(mean) != len(std):
                raise ModelFileError(f"the TFLite metadata has {len(mean)} means and {len(std)} deviations")
            if len(mean):
                return Normalization(tuple(map(float, mean)), tuple(map(float, std)))
    return None
