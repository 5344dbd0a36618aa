"""Builds a small classifier around one operator: an image of 4 x 8 float32 pixels, the operator, and scores."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from tflite_models import G, O, T, tflite

from edgeready_device.model_file.manifest import InputSpec, Manifest

IMAGE = (1, 4, 8, 1)
PIXELS = 32
QUANTIZED = {"int8": (1 / 128, 0), "uint8": (1 / 128, 128), "int16": (1 / 32768, 0)}  # scale and zero point
CONVERTED = ("int32", "int64", "bool")


@dataclass(frozen=True)
class Case:
    """One operator: what it takes (with `data` a constant, else the image's pixels) and gives."""

    op: str
    inputs: Sequence[T | None]
    outputs: Sequence[T]
    options: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1
    callees: Sequence[G] = ()
    before: Sequence[O] = ()  # ops on constants and resources in front of it
    more: Sequence[T] = ()  # their tensors
    suffix: str = ""

    @property
    def name(self) -> str:
        """The operator, and what distinguishes this network from its others."""
        return self.op + self.suffix


def x(*shape: int, dtype: str = "float32", name: str = "x") -> T:
    """The image's pixels in another shape and type."""
    scale, zero = QUANTIZED.get(dtype, (None, 0))
    return T(name, shape, dtype, scale, zero)


def y(*shape: int, dtype: str = "float32", name: str = "y", open_sizes: bool = False) -> T:
    """An output; `open_sizes` says that its sizes are known at run time only."""
    scale, zero = QUANTIZED.get(dtype, (None, 0))
    return T(name, shape, dtype, scale, zero, signature=(-1,) * len(shape) if open_sizes else None)


def c(name: str, values: Any, dtype: str = "int32", scale: float | Sequence[float] | None = None) -> T:
    """A constant."""
    return T(name, data=np.asarray(values, dtype), scale=scale)


def ramp(name: str, *shape: int, dtype: str = "float32", scale: float | None = None) -> T:
    """A constant of small numbers."""
    values = np.arange(int(np.prod(shape))) % 7 - 3
    return c(name, (values * (1 if dtype != "float32" else 0.25)).reshape(shape), dtype, scale)


def network(case: Case) -> bytes:
    """The bytes of the classifier around `case`."""
    tensors: list[T] = [T("image", IMAGE, "float32")]
    ops: list[O] = []
    for tensor in case.inputs:
        if tensor is None or any(tensor.name == other.name for other in (*tensors, *case.more)):
            continue
        tensors.append(tensor)
        if tensor.data is None and not tensor.variable:
            extra, steps = _from_image(tensor)
            tensors += extra
            ops += steps
    tensors += [*case.more, *case.outputs]
    names = [None if tensor is None else tensor.name for tensor in case.inputs]
    ops += [*case.before, O(case.op, names, [tensor.name for tensor in case.outputs], case.version, case.options)]
    extra, steps = _to_scores(case.outputs[0] if case.outputs else T("image", IMAGE, "float32"))
    return tflite(
        tensors=[*tensors, *extra],
        ops=[*ops, *steps],
        inputs=["image"],
        outputs=["scores"],
        callees=case.callees,
    )


def _from_image(tensor: T) -> tuple[list[T], list[O]]:
    """The ops that make `tensor` of the image."""
    shape = c(f"{tensor.name}/shape", tensor.shape)
    flat = f"{tensor.name}/float"
    if tensor.dtype == "float32":
        return [shape], [O("RESHAPE", ["image", shape.name], [tensor.name])]
    kind = "CAST" if tensor.dtype in CONVERTED else "QUANTIZE"
    return [shape, T(flat, tensor.shape, "float32")], [
        O("RESHAPE", ["image", shape.name], [flat]),
        O(kind, [flat], [tensor.name]),
    ]


def _to_scores(tensor: T) -> tuple[list[T], list[O]]:
    """The ops that make a row of float32 scores of `tensor`."""
    shape = tensor.shape or ()
    count = int(np.prod(shape))
    row, scores = c("scores/shape", [1, max(count, 2)]), T("scores", (1, max(count, 2)), "float32")
    if tensor.dtype in ("resource", "string", "uint64") or count < 2:  # nothing to show: the pixels are the scores
        row, scores = c("scores/shape", [1, PIXELS]), T("scores", (1, PIXELS), "float32")
        return [row, scores], [O("RESHAPE", ["image", row.name], ["scores"])]
    if tensor.dtype == "float32":
        return [row, scores], [O("RESHAPE", [tensor.name, row.name], ["scores"])]
    kind = "DEQUANTIZE" if tensor.dtype in QUANTIZED else "COMPLEX_ABS" if tensor.dtype == "complex64" else "CAST"
    real = T("real", shape, "float32", signature=tensor.signature)
    return [row, scores, real], [O(kind, [tensor.name], ["real"]), O("RESHAPE", ["real", row.name], ["scores"])]


def forged(flatbuffer: bytes) -> bytes:
    """A whole file around `flatbuffer` as anybody can write one: with a manifest that has its right hash."""
    hashes = {"flatbuffer": hashlib.sha256(flatbuffer).hexdigest()}
    manifest = Manifest("forged", InputSpec(4, 8, 1), "logits", {"made_by": "a forger"}, hashes)
    target = io.BytesIO(flatbuffer)
    with zipfile.ZipFile(target, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("edgeready.json"), manifest.to_json())
    return target.getvalue()


def text(name: str, *words: str, shape: tuple[int, ...] | None = None) -> T:
    """A constant of strings, as the runtimes lay them out: their number, their borders, their bytes."""
    encoded = [word.encode() for word in words]
    start = 4 * (len(words) + 2)
    ends = np.cumsum([start, *map(len, encoded)])
    data = np.int32([len(words), *ends]).tobytes() + b"".join(encoded)
    return T(name, (len(words),) if shape is None else shape, "string", data=np.frombuffer(data, np.uint8))


def sparse_weights() -> T:
    """Weights [4, 4] of which the file holds three, by rows."""
    dense, rows, sparsity = schema.DimensionMetadataT(), schema.DimensionMetadataT(), schema.SparsityParametersT()
    dense.format, dense.denseSize = schema.DimensionType.DENSE, 4
    rows.format = schema.DimensionType.SPARSE_CSR
    rows.arraySegmentsType = rows.arrayIndicesType = schema.SparseIndexVector.Int32Vector
    rows.arraySegments, rows.arrayIndices = schema.Int32VectorT(), schema.Int32VectorT()
    rows.arraySegments.values, rows.arrayIndices.values = [0, 1, 1, 2, 3], [0, 3, 1]
    sparsity.traversalOrder, sparsity.dimMetadata = [0, 1], [dense, rows]
    return T("weights", (4, 4), "float32", data=np.float32([1, 2, 3]), sparsity=sparsity)
