"""Rewrites a float32 .tflite for 8 bits and the Edge TPU: every rewrite in its order, each with the same results."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgeready.engine.flatbuffer_objects import drop_unused_tensors, read_objects, write_objects
from edgeready.engine.moves import settle_moves
from edgeready.engine.plain_dense import lower_dense_versions
from edgeready.engine.plain_operators import plain_operators
from edgeready.engine.unread_pieces import SLICED, slice_pieces
from edgeready.engine.zero_borders import zero_borders


@dataclass(frozen=True, kw_only=True)
class RewrittenFloat:
    """A float32 .tflite with the same results as the one before, and a sentence about each kind of rewrite."""

    data: bytes = field(repr=False)
    rewrites: tuple[str, ...] = ()


def rewrite_float_model(data: bytes) -> RewrittenFloat:
    """Returns the float32 .tflite `data` with what it lacks for 8 bits and the Edge TPU written in other ops."""
    bordered = zero_borders(data)
    rewrites = () if bordered is data else ("the border of a maximum pool is zeros in place of the least number",)
    plain, operators = plain_operators(bordered)
    settled, moves = settle_moves(plain)
    dense = lower_dense_versions(settled)
    versions = () if dense is settled else ("a dense layer on two dimensions has version 1 in place of 5",)
    sliced = slice_pieces(dense)
    pieces = () if sliced is dense else (SLICED,)
    done = (*rewrites, *operators, *moves, *versions, *pieces)
    return RewrittenFloat(data=_without_leftovers(sliced) if done else data, rewrites=done)


def _without_leftovers(data: bytes) -> bytes:
    model = read_objects(data)
    drop_unused_tensors(model)
    return write_objects(model)
