"""Golden vectors: input tensors and the outputs that the host recorded, per runtime, version and kernel path."""

from __future__ import annotations

import ast
import io
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ModelFileError, one_line
from edgeready_device.model_file.archive import read_archive
from edgeready_device.runtime.runtime import Runtime

_PREFIX, _MORE_INPUTS = "outputs/", "inputs/"
_SUFFIX = ".npy"
_MOST_BYTES = 64 << 20  # unpacked, all arrays together; chosen: twice what golden.npz may take in a file
_MAGIC = b"\x93NUMPY\x01\x00"  # version 1.0, which numpy writes for every plain array
_MOST_HEADER_BYTES = 1024  # chosen: numpy writes 118 bytes for an array of a few dimensions
_KINDS = "buif"  # numpy's kinds of plain numbers: bool, unsigned, signed, float
# chosen: no tensor of a runtime has more dimensions, larger numbers, or a size beyond 32 bits.
_MOST_DIMENSIONS, _MOST_ITEM_BYTES, _SIZE_LIMIT = 8, 8, 1 << 31
_KEYS = {"descr", "fortran_order", "shape"}


@dataclass(frozen=True)
class GoldenVectors:
    """`inputs` (n, ...) and, per recording key, `outputs` (n, values), as the model's own tensors have them.

    A sample in `inputs` lacks a batch of 1, and one in `outputs` is flat. `more_inputs` has the second input and
    those after it, `more_outputs` the second output and those after it for each key in `outputs`.
    """

    inputs: NDArray[Any]
    outputs: Mapping[str, NDArray[Any]]
    more_inputs: tuple[NDArray[Any], ...] = ()
    more_outputs: Mapping[str, tuple[NDArray[Any], ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in self.outputs:
            for rows in self.outputs_of(key):
                self._check_count(f"{key!r}", _count(rows), "outputs")
        for number, rows in enumerate(self.more_inputs, 1):
            self._check_count(f"of input {number}", _count(rows), "inputs")
        if not _count(self.inputs) or not self.outputs:
            raise ModelFileError("the golden vectors are empty: make the file again")
        if len({len(self.more_outputs.get(key, ())) for key in self.outputs}) > 1 or not set(
            self.more_outputs
        ) <= set(self.outputs):
            raise ModelFileError("the golden vectors have another number of outputs in each recording: make it again")

    def _check_count(self, title: str, count: int, what: str) -> None:
        if count != _count(self.inputs):
            raise ModelFileError(f"golden vectors {title}: {count} {what} for {_count(self.inputs)} inputs")

    @property
    def all_inputs(self) -> tuple[NDArray[Any], ...]:
        """All inputs in the model's order."""
        return (self.inputs, *self.more_inputs)

    def outputs_of(self, key: str) -> tuple[NDArray[Any], ...]:
        """All outputs of the recording `key`, in the model's order."""
        return (self.outputs[key], *self.more_outputs.get(key, ()))

    def to_bytes(self) -> bytes:
        """The vectors as the bytes of `golden.npz`; equal vectors give equal bytes."""
        arrays = {"inputs": self.inputs, **{_PREFIX + key: rows for key, rows in self.outputs.items()}}
        arrays.update({f"inputs/{number}": rows for number, rows in enumerate(self.more_inputs, 1)})
        for key, columns in self.more_outputs.items():
            arrays.update({f"{_PREFIX}{key}/{number}": rows for number, rows in enumerate(columns, 1)})
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
        raise ModelFileError(f"golden.npz cannot be read ({error}): the file is damaged") from error
    if "inputs" not in arrays:
        raise ModelFileError("golden.npz has no array 'inputs': the file is damaged")
    outputs: dict[str, NDArray[Any]] = {}
    more: dict[str, dict[int, NDArray[Any]]] = {}
    for name, rows in arrays.items():
        if not name.startswith((_PREFIX, _MORE_INPUTS)):
            continue
        key, _, number = name.rpartition("/")
        if number.isascii() and number.isdigit():
            more.setdefault(key, {})[int(number)] = rows
        else:
            outputs[name[len(_PREFIX) :]] = rows
    columns = {name: _in_order(name, numbers) for name, numbers in more.items()}
    return GoldenVectors(
        arrays["inputs"],
        outputs,
        columns.pop("inputs", ()),
        {name[len(_PREFIX) :]: rows for name, rows in columns.items()},
    )


def _in_order(name: str, numbers: Mapping[int, NDArray[Any]]) -> tuple[NDArray[Any], ...]:
    if sorted(numbers) != list(range(1, len(numbers) + 1)):
        raise ModelFileError(f"golden.npz has {name!r:.60} {sorted(numbers)[:9]}, not 1 and so on: it is damaged")
    return tuple(numbers[number] for number in sorted(numbers))


def _arrays(data: bytes) -> dict[str, NDArray[Any]]:
    archive = read_archive(data)
    if archive is None:
        raise ModelFileError("it is no archive")
    arrays, left = {}, _MOST_BYTES
    for name in archive.names:
        unpacked = archive.part(name, left)
        left -= len(unpacked)
        arrays[name[: -len(_SUFFIX)] if name.endswith(_SUFFIX) else name] = read_npy(unpacked)
    return arrays


def read_npy(data: bytes) -> NDArray[Any]:
    """The array in the bytes of a .npy file; raises ModelFileError for anything but whole rows of plain numbers."""
    if data[:8] != _MAGIC or len(data) < 10:
        raise ModelFileError(f"its array begins with {data[:8]!r}, not with {_MAGIC!r}")
    size = int.from_bytes(data[8:10], "little")
    header = data[10 : 10 + size]
    if size > _MOST_HEADER_BYTES or len(header) < size:
        raise ModelFileError(f"its array has a header of {size} bytes in {len(data)}")
    dtype, shape = _parse_header(header)
    count = math.prod(shape)
    if len(data) - 10 - size != count * dtype.itemsize:
        raise ModelFileError(
            f"its array claims {dtype} {list(shape)} and holds {len(data) - 10 - size} bytes: the file is damaged"
        )
    return np.frombuffer(data, dtype, count=count, offset=10 + size).reshape(shape)


def _parse_header(header: bytes) -> tuple[np.dtype[Any], tuple[int, ...]]:
    try:
        fields = ast.literal_eval(header.decode("latin-1").strip())
        if not isinstance(fields, dict) or set(fields) != _KEYS or fields["fortran_order"] is not False:
            raise ValueError("no plain array")
        dtype, shape = np.dtype(str(fields["descr"])), fields["shape"]
        if dtype.kind not in _KINDS or dtype.itemsize > _MOST_ITEM_BYTES or not _is_shape(shape):
            raise ValueError(f"{dtype} {shape!r:.60}")
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise ModelFileError(f"its array has a header that is none ({one_line(error)[:100]})") from error
    return dtype, shape


def _is_shape(shape: Any) -> bool:
    plain = isinstance(shape, tuple) and len(shape) <= _MOST_DIMENSIONS
    return plain and all(type(size) is int and 0 <= size < _SIZE_LIMIT for size in shape)
