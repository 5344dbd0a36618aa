"""How the attacks are made: a sound model's flatbuffer changed in one place, or one written by hand."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import flatbuffers
from ai_edge_litert import schema_py_generated as schema
from tflite_models import O, T, conv_classifier, tflite

from edgeready_device.tflite.flatbuffer import Flatbuffer, Table


@dataclass(frozen=True)
class Attack:
    """What it tries, how the file is made, and a pattern of what its victim is told."""

    tries: str
    make: Callable[[], bytes]
    refusal: str


ATTACKS: dict[str, Attack] = {}


def attack(refusal: str) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    """Registers the function that makes a file: its name names the attack, its docstring says what it tries."""

    def register(make: Callable[[], bytes]) -> Callable[[], bytes]:
        ATTACKS[make.__name__.replace("_", " ")] = Attack(make.__doc__ or "", make, refusal)
        return make

    return register


def root(data: bytes) -> Table:
    return Flatbuffer(data).root(b"TFL3")


def subgraph(data: bytes) -> Table:
    return root(data).tables(2)[0]


def target(data: bytes, position: int | None) -> int:
    """Where the offset at `position` leads."""
    assert position is not None
    return position + int(struct.unpack_from("<I", data, position)[0])


def with_number(data: bytes, position: int | None, code: str, value: float) -> bytes:
    """`data` with `value` at `position`, as struct code `code`."""
    assert position is not None
    made = bytearray(data)
    struct.pack_into("<" + code, made, position, value)
    return bytes(made)


def conv_with(place: Callable[[bytes], int | None], code: str, value: float) -> bytes:
    """conv_classifier with the number at `place` (of its bytes) changed."""
    data = conv_classifier()
    return with_number(data, place(data), code, value)


def plain_tensors(*names: str) -> list[T]:
    return [T(name, (1, 4), "int8", 0.1) for name in names]


def wired(tensors: Sequence[T], ops: Sequence[O], start: str = "x", end: str = "y", subgraphs: int = 1) -> bytes:
    """A model of `ops` from tensor `start` to tensor `end`."""
    return tflite(tensors=tensors, ops=ops, inputs=[start], outputs=[end], subgraphs=subgraphs)


def by_hand(write_tensors: Callable, *, subgraphs: int = 1, metadata: int = 0, payload: int = 0) -> bytes:
    """A model whose tensors are what `write_tensors` makes; `metadata` entries share a buffer of `payload` bytes."""
    builder = flatbuffers.Builder(1 << 16)
    blob = builder.CreateByteVector(bytes(payload)) if payload else None
    schema.BufferStart(builder)
    if blob is not None:
        schema.BufferAddData(builder, blob)
    buffers = vector(builder, [schema.BufferEnd(builder)])
    entries = []
    for name in [builder.CreateString(f"entry {i}") for i in range(metadata)]:
        schema.MetadataStart(builder)
        schema.MetadataAddName(builder, name)
        entries.append(schema.MetadataEnd(builder))
    listed, nothing, tensors = vector(builder, entries), vector(builder, []), write_tensors(builder)
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, tensors)
    for add in (schema.SubGraphAddInputs, schema.SubGraphAddOutputs, schema.SubGraphAddOperators):
        add(builder, nothing)
    graphs = vector(builder, [schema.SubGraphEnd(builder)] * subgraphs)
    schema.ModelStart(builder)
    schema.ModelAddOperatorCodes(builder, nothing)
    schema.ModelAddSubgraphs(builder, graphs)
    schema.ModelAddBuffers(builder, buffers)
    schema.ModelAddMetadata(builder, listed)
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def vector(builder: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def tensor(builder: flatbuffers.Builder, name: int) -> int:
    schema.TensorStart(builder)
    schema.TensorAddName(builder, name)
    return schema.TensorEnd(builder)
