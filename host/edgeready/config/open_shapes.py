"""Fills the sizes that a model leaves open, from --input-shape or from the pictures it is to take."""

from __future__ import annotations

from collections.abc import Sequence

from edgeready.errors import ModelSourceError


def fixed_shape(
    source: str, name: str, shape: list[int | None] | None, option: tuple[int, ...] | None
) -> tuple[int, ...]:
    """Returns the shape with batch 1 of the input `name`: `shape`, with open sizes (None) filled from `option`.

    `option` is the --input-shape of the user and may leave the batch out.

    Raises ModelSourceError when a size stays open or the two differ.
    """
    if shape is None and option is None:
        raise ModelSourceError(f"{source}: the input {name!r} tells no shape: give --input-shape, as in 1x28x28x1")
    if option is None:
        sizes = [1, *(shape or [])[1:]] if shape else []
        if any(size is None for size in sizes):
            raise ModelSourceError(
                f"{source}: the input {name!r} has the open shape {shape}: give --input-shape, as in 1x28x28x1"
            )
        return tuple(size for size in sizes if size is not None)
    whole = option if shape is None or len(option) == len(shape) else (1, *option)
    rest = (shape or [None] * len(whole))[1:]
    if len(whole) != len(rest) + 1 or any(size not in (None, has) for size, has in zip(rest, whole[1:])):
        raise ModelSourceError(
            f"{source}: --input-shape is {list(option)}, the input {name!r} has {shape}: they differ"
        )
    return (1, *whole[1:])


def fill_picture(shape: list[int | None] | None, frame: Sequence[int] | None) -> tuple[int, ...] | None:
    """Returns the shape with batch 1 of a picture input with open sizes, filled from `frame`; None if none fits."""
    if shape is None or frame is None or None not in shape[1:] or len(shape) not in (3, 4):
        return None
    picture = (*frame, 1)[: len(shape) - 1]
    fits = len(picture) == len(shape) - 1 and all(size in (None, has) for size, has in zip(shape[1:], picture))
    return (1, *picture) if fits else None


def shape_option(source: str, shapes: tuple[tuple[int, ...], ...], number: int, count: int) -> tuple[int, ...] | None:
    """Returns the --input-shape of input `number`; raises ModelSourceError unless there are `count` shapes."""
    if shapes and len(shapes) != count:
        raise ModelSourceError(
            f"{source}: {len(shapes)} times --input-shape for {count} inputs: give one an input, in their order"
        )
    return shapes[number] if shapes else None
