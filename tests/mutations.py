"""Damage to model files, for tests and benchmarks: byte flips, truncations, splices, and changes of single fields.

`mutated(data, source)` gives one damaged copy and the kind of damage. It needs the device package only, and the same
`source` (a seeded random.Random) gives the same files.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgeready_device.tflite.fields import Field
from edgeready_device.tflite.schema import TABLES, UNIONS

SMALL_EXTREMES = (0, 1, 2, 3, 4, 7, 0x7F, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x10000)
EXTREMES = (*SMALL_EXTREMES, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
KINDS = ("flip", "truncate", "field", "offset", "length", "element", "vtable", "splice", "cycle", "word")


@dataclass(frozen=True)
class Place:
    """Where a number of the flatbuffer stands; `kind` is field, offset, length, element or vtable."""

    kind: str
    position: int
    width: int


def places(data: bytes) -> list[Place]:
    """Every number of a sound .tflite flatbuffer that steers a reader; not the bytes of its constants."""
    found: list[Place] = [Place("offset", 0, 4)]
    _table(data, _target(data, 0), "Model", found)
    return found


def _target(data: bytes, position: int) -> int:
    return position + struct.unpack_from("<I", data, position)[0]


def _table(data: bytes, at: int, name: str, found: list[Place]) -> None:
    vtable = at - struct.unpack_from("<i", data, at)[0]
    size = struct.unpack_from("<H", data, vtable)[0]
    found += [Place("offset", at, 4), Place("vtable", vtable, 2), Place("vtable", vtable + 2, 2)]
    offsets = struct.unpack_from(f"<{size // 2 - 2}H", data, vtable + 4)
    for number, (offset, field) in enumerate(zip(offsets, TABLES[name].values())):
        found.append(Place("vtable", vtable + 4 + 2 * number, 2))
        if offset and field.kind == "number":
            found.append(Place("field", at + offset, field.width))
        elif offset and field.kind != "unread":
            found.append(Place("offset", at + offset, 4))
            kind = data[at + offsets[number - 1]] if field.kind == "union" and offsets[number - 1] else 0
            _behind(data, _target(data, at + offset), field, kind, found)


def _behind(data: bytes, target: int, field: Field, kind: int, found: list[Place]) -> None:
    if field.kind == "table":
        _table(data, target, field.name, found)
    elif field.kind == "union":
        if kind:
            _table(data, target, UNIONS[field.name][kind - 1], found)
    else:
        found.append(Place("length", target, 4))
        length = struct.unpack_from("<I", data, target)[0]
        if field.kind == "numbers" and field.element > 1:
            width = field.element
            found += [Place("element", target + 4 + width * i, width) for i in range(min(length, 16))]
        elif field.kind == "tables":
            for i in range(length):
                found.append(Place("offset", target + 4 + 4 * i, 4))
                _table(data, _target(data, target + 4 + 4 * i), field.name, found)


def mutated(
    data: bytes, source: random.Random, steering: Sequence[Place] = (), others: Sequence[bytes] = ()
) -> tuple[str, bytes]:
    """One damage to `data`; `steering` are its `places`, `others` what it may be spliced with."""
    kinds = KINDS if steering else ("flip", "truncate", "cycle", "word", *(("splice",) if others else ()))
    kind = source.choice(kinds)
    made = bytearray(data)
    if kind == "flip":
        for _ in range(source.choice((1, 2, 4, 16, 64))):
            made[source.randrange(len(made))] = source.randrange(256)
    elif kind == "truncate":
        del made[source.randrange(len(made)) :]
    elif kind == "splice":
        _splice(made, source, others or [data])
    elif kind == "cycle":  # an offset that leads elsewhere: to what is on the way already, or back to itself
        for _ in range(source.choice((1, 4))):
            at = source.randrange(0, len(made) - 8, 4)
            to = source.choice((0, source.randrange(at, len(made), 4) - at, source.randrange(-at, len(made) - at)))
            struct.pack_into("<i", made, at, to)
    elif kind == "word":
        for _ in range(source.choice((1, 3, 9))):
            at = source.randrange(0, len(made) - 4, 4)
            struct.pack_into("<I", made, at, source.choice((*EXTREMES, len(made), len(made) - at)))
    else:
        chosen = [place for place in steering if place.kind == kind]
        for place in source.choices(chosen, k=source.choice((1, 1, 1, 2, 4))):
            _change(made, place, source)
    return kind, bytes(made)


def _splice(made: bytearray, source: random.Random, others: Sequence[bytes]) -> None:
    other = source.choice(others)
    size = min(source.choice((4, 32, 256, 2048)), len(other), len(made))
    start, end = source.randrange(len(other) - size + 1), source.randrange(len(made) - size + 1)
    made[end : end + size] = other[start : start + size]


def _change(made: bytearray, place: Place, source: random.Random) -> None:
    limit = 1 << (8 * place.width)
    before = int.from_bytes(made[place.position : place.position + place.width], "little")
    value = source.choice(
        (
            source.choice(EXTREMES),
            before + source.choice((-8, -4, -2, -1, 1, 2, 4, 8)),
            before * source.choice((2, 3, 16)),
            before ^ (1 << source.randrange(8 * place.width)),
            source.randrange(12),
            source.randrange(limit),
        )
    )
    made[place.position : place.position + place.width] = (value % limit).to_bytes(place.width, "little")


def many(bases: Sequence[bytes], fronts: Sequence[int], count: int, seed: int) -> Iterator[tuple[int, str, bytes]]:
    """`count` damaged files from `bases` in turn: the base's number, the kind of damage, the bytes.

    `fronts` are the sizes of the flatbuffers at the bases' front.
    """
    source = random.Random(seed)
    steering = [places(base[:front]) for base, front in zip(bases, fronts)]
    for number in range(count):
        base = number % len(bases)
        yield base, *mutated(bases[base], source, steering[base], bases)
