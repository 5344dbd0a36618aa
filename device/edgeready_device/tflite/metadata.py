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


@dataclass(frozen=True)
class TfliteMetadata:
    """What the standard metadata says: name, label file of the output, input normalization, all associated files."""

    name: str = ""
    version: str = ""
    label_file: str = ""
    normalization: Normalization | None = None
    files: tuple[str, ...] = ()


def read_tflite_metadata(data: bytes) -> TfliteMetadata:
    """The TfliteMetadata in the bytes of the entry; raises ModelFileError when they are no such flatbuffer."""
    buffer = Flatbuffer(data)
    root = buffer.root(IDENTIFIER)
    check_layout(buffer.data, "ModelMetadata")
    subgraphs = root.tables(3)
    inputs = subgraphs[0].tables(2) if subgraphs else []
    outputs = subgraphs[0].tables(3) if subgraphs else []
    files = [file.text(0) for file in root.tables(6)]
    labels = ""
    for tensor in outputs:
        for file in tensor.tables(6):
            files.append(file.text(0))
            if file.scalar(2, "b") in (TENSOR_AXIS_LABELS, TENSOR_VALUE_LABELS):
                labels = labels or file.text(0)
    return TfliteMetadata(
        name=root.text(0),
        version=root.text(2),
        label_file=labels,
        normalization=_normalization(inputs[0]) if inputs else None,
        files=tuple(dict.fromkeys(files)),
    )


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
