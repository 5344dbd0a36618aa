"""Golden vectors: quantized inputs and the outputs that the host recorded, per runtime, version and kernel path."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ModelFileError
from edgeready_device.reading.archive import read_archive
from edgeready_device.reading.npy import read_npy
from edgeready_device.runtime import Runtime

_PREFIX = "outputs/"
_SUFFIX = ".npy"
_MAX_BYTES = 64 << 20  # unpacked, all arrays together


@dataclass(frozen=True)
class GoldenVectors:
    """`inputs` (n, ...) and, per recording key, `outputs` (n, classes), all quantized."""

    inputs: NDArray[Any]
    outputs: Mapping[str, NDArray[Any]]

    def __post_init__(self) -> None:
        for key, rows in self.outputs.items():
            if rows.shape[:1] != self.inputs.shape[:1]:
                raise ModelFileError(
                    f"golden vectors {key!r}: {_count(rows)} outputs for {_count(self.inputs)} inputs"
                )
        if not _count(self.inputs) or not self.outputs:
            raise ModelFileError("the golden vectors are empty: make the file again")

    def to_bytes(self) -> bytes:
        """The vectors as the bytes of `golden.npz`; equal vectors give equal bytes."""
        arrays = {"inputs": self.inputs, **{_PREFIX + key: rows for key, rows in self.outputs.items()}}
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, array in arrays.items():
                raw = io.BytesIO()
                np.save(raw, np.ascontiguousarray(array), allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(name + _SUFFIX), raw.getvalue(), zipfile.ZIP_DEFLATED)
        return target.getvalue()


def _count(rows: NDArray[Any]) -> int:
    return len(rows) if rows.ndim else 0


def recording_key(runtime: Runtime, kernels: str) -> str:
    """The name under which outputs of `runtime` on the kernel path `kernels` are recorded."""
    return f"{runtime.name} {runtime.version} {kernels}"


def read_golden(data: bytes) -> GoldenVectors:
    """The GoldenVectors in the bytes of `golden.npz`; nothing is unpickled; raises ModelFileError."""
    try:
        arrays = _arrays(data)
    except ModelFileError as error:
        raise ModelFileError(f"golden.npz cannot be read ({error})") from error
    inputs = arrays.pop("inputs", None)
    if inputs is None:
        raise ModelFileError("golden.npz has no array 'inputs': the file is damaged")
    return GoldenVectors(
        inputs, {name[len(_PREFIX) :]: rows for name, rows in arrays.items() if name.startswith(_PREFIX)}
    )


def _arrays(data: bytes) -> dict[str, NDArray[Any]]:
    archive = read_archive(data)
    if archive is None:
        raise ModelFileError("it is no archive: the file is damaged")
    arrays, left = {}, _MAX_BYTES
    for name in archive.names:
        unpacked = archive.part(name, left)
        left -= len(unpacked)
        arrays[name[: -len(_SUFFIX)] if name.endswith(_SUFFIX) else name] = read_npy(unpacked)
    return arrays
