"""What every source but Keras 3 gives: a network as a frozen function, or as a float32 .tflite."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edgeready.errors import ModelSourceError


@dataclass(frozen=True)
class Network:
    """A trained network: `function` is concrete, batch 1, without variables; None where `float32` is given."""

    name: str
    function: Any = field(default=None, repr=False)
    float32: bytes = field(default=b"", repr=False)
    versions: tuple[tuple[str, str], ...] = ()


def fixed_shape(
    source: str, name: str, known: list[int | None] | None, given: tuple[int, ...] | None
) -> tuple[int, ...]:
    """The shape with batch 1 of the input `name`: `known` (None where open) with its gaps filled from `given`.

    `given` may leave the batch out. Raises ModelSourceError when a size stays open or the two do not agree.
    """
    if known is None and given is None:
        raise ModelSourceError(f"{source}: the input {name!r} tells no shape: give --input-shape, as in 1x28x28x1")
    if given is None:
        sizes = [1, *(known or [])[1:]] if known else []
        if any(size is None for size in sizes):
            raise ModelSourceError(
                f"{source}: the input {name!r} has the open shape {known}: give --input-shape, as in 1x28x28x1"
            )
        return tuple(size for size in sizes if size is not None)
    whole = given if known is None or len(given) == len(known) else (1, *given)
    rest = (known or [None] * len(whole))[1:]
    if len(whole) != len(rest) + 1 or any(size not in (None, has) for size, has in zip(rest, whole[1:])):
        raise ModelSourceError(
            f"{source}: --input-shape is {list(given)}, the input {name!r} has {known}: they differ"
        )
    return (1, *whole[1:])


def shape_given(source: str, shapes: tuple[tuple[int, ...], ...], number: int, count: int) -> tuple[int, ...] | None:
    """What --input-shape says of input `number` of `count`; raises ModelSourceError for another number of shapes."""
    if shapes and len(shapes) != count:
        raise ModelSourceError(
            f"{source}: {len(shapes)} times --input-shape for {count} inputs: give one an input, in their order"
        )
    return shapes[number] if shapes else None
