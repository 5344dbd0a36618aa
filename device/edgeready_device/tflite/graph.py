"""A .tflite file's ops, tensors and quantization as plain data, read with the one bounds-checked reader."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ModelFileError
from edgeready_device.tflite.flatbuffer import Flatbuffer, Table, check_layout
from edgeready_device.tflite.schema import operator_name, tensor_type

IDENTIFIER = b"TFL3"


class Numbers(Sequence[Any]):
    """Numbers that stay in the file's own bytes, equal to a tuple of them, which takes eight times as much memory."""

    __slots__ = ("_array",)

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, index: Any) -> Any:
        return self._array[index].tolist()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._array.tolist())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))


@dataclass(frozen=True)
class Tensor:
    """One tensor of the main subgraph.

    `shape` is what the runtime allocates; `shape_signature` has -1 where the size is open, and equals
    `shape` where the file says nothing. `scales` and `zero_points` hold one value per tensor or one per
    slice of `quantized_dimension`, none when the tensor is not quantized. `data` is the constant's bytes, or None.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    dtype: str
    scales: Sequence[float] = ()
    zero_points: Sequence[int] = ()
    quantized_dimension: int = 0
    data: memoryview | None = field(default=None, repr=False)
    variable: bool = False
    sparsity: Table | None = field(default=None, repr=False, compare=False)

    @property
    def constant(self) -> bool:
        """Whether the file holds its values."""
        return self.data is not None

    @property
    def static(self) -> bool:
        """Whether every dimension is fixed."""
        return all(size >= 0 for size in (*self.shape, *self.shape_signature))

    @property
    def open(self) -> bool:
        """Whether a size beside that of the batch is open: an image's height and width, or the length of a series."""
        return min(self.shape_signature[len(self.shape_signature) > 1 :], default=0) < 0

    @property
    def sparse(self) -> bool:
        """Whether the file holds some of its values only."""
        return self.sparsity is not None

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def per_axis(self) -> bool:
        """Whether more than one scale is in force."""
        return len(self.scales) > 1

    def values(self) -> NDArray[Any]:
        """A constant's values in its shape; raises ModelFileError when bytes and shape do not fit."""
        if self.data is None:
            raise ModelFileError(f"tensor {self.index} ({self.name!r}) is no constant")
        try:
            return np.frombuffer(self.data, np.dtype(self.dtype).newbyteorder("<")).reshape(self.shape)
        except (TypeError, ValueError) as error:
            raise ModelFileError(
                f"tensor {self.index} ({self.name!r}) holds {len(self.data)} bytes for {self.dtype} "
                f"{list(self.shape)}: damaged file"
            ) from error


@dataclass(frozen=True)
class Op:
    """One operator; `inputs` and `outputs` are tensor indices, -1 where an optional input is absent."""

    index: int
    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    custom_code: str = ""
    options: Table | None = field(default=None, repr=False, compare=False)
    custom_options: memoryview | None = field(default=None, repr=False, compare=False)
    options_type: int = field(default=0, repr=False, compare=False)  # number in the union BuiltinOptions
    options2_type: int = field(default=0, repr=False, compare=False)  # in BuiltinOptions2

    def option(self, number: int, code: str, default: Any = 0) -> Any:
        """Scalar field `number` of the op's options table, or `default`."""
        return default if self.options is None else self.options.scalar(number, code, default)


@dataclass(frozen=True)
class Graph:
    """One subgraph of a model, the number of all its subgraphs, and the file's own metadata entries.

    `doubts` is empty until the structure is verified, and then says in which ops the scales are such that only a run
    can show what kernels make of them.
    """

    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraphs: int = 1
    description: str = ""
    metadata: dict[str, bytes] = field(default_factory=dict, repr=False)
    doubts: tuple[str, ...] = ()

    def of(self, indices: tuple[int, ...]) -> tuple[Tensor, ...]:
        """The tensors at `indices`, absent optional ones left out."""
        return tuple(self.tensors[i] for i in indices if i >= 0)


def read_graph(data: bytes | memoryview, *, trusted: bool = False) -> Graph:
    """The main subgraph of the .tflite bytes `data`; raises ModelFileError for anything else.

    `trusted` leaves out the check of the layout, which bounds the work that a hostile file can cause.
    """
    return next(_subgraphs(data, trusted))


def read_subgraphs(data: bytes | memoryview) -> tuple[Graph, ...]:
    """All subgraphs of the .tflite bytes `data`, the main one first; raises ModelFileError."""
    return tuple(_subgraphs(data, trusted=False))


def _subgraphs(data: bytes | memoryview, trusted: bool) -> Iterator[Graph]:
    buffer = Flatbuffer(data)
    if buffer.size < 8:
        raise ModelFileError(f"the file has {buffer.size} bytes: it is empty or truncated, no .tflite model")
    if bytes(buffer.data[4:8]) != IDENTIFIER:
        raise ModelFileError(
            f"bytes 4 to 8 are {bytes(buffer.data[4:8])!r}, not {IDENTIFIER!r}: this is no .tflite model"
        )
    if not trusted:
        check_layout(buffer.data)
    root = buffer.root(IDENTIFIER)
    subgraphs = root.tables(2)
    if not subgraphs:
        raise ModelFileError("the model has no subgraph: nothing to run")
    blobs = [_bytes(buffer, table) for table in root.tables(4)]
    codes = [_code(table) for table in root.tables(1)]
    metadata = _metadata(root, blobs)
    for main in subgraphs:
        tensors = tuple(_tensor(i, table, blobs) for i, table in enumerate(main.tables(0)))
        yield Graph(
            tensors=tensors,
            ops=tuple(_op(i, table, codes, tensors=len(tensors)) for i, table in enumerate(main.tables(3))),
            inputs=_indices(main, 1, tensors=len(tensors)),
            outputs=_indices(main, 2, tensors=len(tensors)),
            subgraphs=len(subgraphs),
            description=root.text(3),
            metadata=metadata,
        )


def _bytes(buffer: Flatbuffer, table: Table) -> memoryview | None:
    offset, size = int(table.scalar(1, "Q")), int(table.scalar(2, "Q"))
    if offset > 1:  # a model over 2 GB keeps its constants behind the flatbuffer
        if offset + size > buffer.size:
            raise ModelFileError(f"a constant at {offset} of {size} bytes lies outside the file: it is truncated")
        return buffer.data[offset : offset + size]
    return table.blob(0)


def _blob(blobs: list[memoryview | None], index: int) -> memoryview | None:
    if index >= len(blobs):
        raise ModelFileError(f"buffer {index} of {len(blobs)} is asked for: damaged file")
    return blobs[index]


def _metadata(root: Table, blobs: list[memoryview | None]) -> dict[str, bytes]:
    places = {entry.text(0): int(entry.scalar(1, "I")) for entry in root.tables(6)}
    contents = {place: bytes(_blob(blobs, place) or b"") for place in places.values()}  # each copied once
    return {name: contents[place] for name, place in places.items()}


def _tensor(index: int, table: Table, blobs: list[memoryview | None]) -> Tensor:
    shape = tuple(table.array(0, "i4").tolist())
    if any(size < 0 for size in shape):
        raise ModelFileError(f"tensor {index} has the shape {list(shape)}: damaged file")
    scales: Sequence[float] = ()
    zero_points: Sequence[int] = ()
    dimension = 0
    quantization = table.table(4)
    if quantization is not None:
        scales, zero_points = Numbers(quantization.array(2, "f4")), Numbers(quantization.array(3, "i8"))
        zero_points = zero_points or (0,) * len(scales)
        dimension = int(quantization.scalar(6, "i"))
    return Tensor(
        index=index,
        name=table.text(3),
        shape=shape,
        shape_signature=tuple(table.array(7, "i4").tolist()) or shape,
        dtype=tensor_type(int(table.scalar(1, "b"))),
        scales=scales,
        zero_points=zero_points,
        quantized_dimension=dimension,
        data=_blob(blobs, int(table.scalar(2, "I"))),
        variable=bool(table.scalar(5, "?", False)),
        sparsity=table.table(6),
    )


def _code(table: Table) -> tuple[str, int, str]:
    name = operator_name(max(int(table.scalar(0, "b")), int(table.scalar(3, "i"))))
    return name, int(table.scalar(2, "i", 1)), table.text(1)


def _op(index: int, table: Table, codes: list[tuple[str, int, str]], *, tensors: int) -> Op:
    number = int(table.scalar(0, "I"))
    if number >= len(codes):
        raise ModelFileError(f"op {index} asks for operator code {number} of {len(codes)}: damaged file")
    name, version, custom_code = codes[number]
    return Op(
        index=index,
        name=name,
        version=version,
        inputs=_indices(table, 1, tensors=tensors, least=-1),
        outputs=_indices(table, 2, tensors=tensors),
        custom_code=custom_code,
        options=table.table(4) or table.table(12),
        custom_options=table.blob(5),
        options_type=int(table.scalar(3, "B")),
        options2_type=int(table.scalar(11, "B")),
    )


def _indices(table: Table, number: int, *, tensors: int, least: int = 0) -> tuple[int, ...]:
    """The tensor indices in field `number`, of a graph with so many `tensors`; -1 is an absent optional input."""
    indices = tuple(table.array(number, "i4").tolist())
    for index in indices:
        if not least <= index < tensors:
            raise ModelFileError(f"tensor {index} of {tensors} is asked for: damaged file")
    return indices
