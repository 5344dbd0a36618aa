"""Attacks on whoever follows the flatbuffer's offsets, lengths and indices."""

from __future__ import annotations

import struct

from crafting import attack, by_hand, conv_with, root, subgraph, target, tensor, vector, with_number
from tflite_models import conv_classifier


def _first_tensor(data: bytes) -> int:
    return subgraph(data).tables(0)[0].position


def _vtable(data: bytes) -> int:
    at = _first_tensor(data)
    return at - struct.unpack_from("<i", data, at)[0]


@attack("points to 1073741824, outside the file's")
def root_outside() -> bytes:
    """To read behind the file."""
    return struct.pack("<I", 1 << 30) + conv_classifier()[4:]


@attack("points to 0, where nothing starts")
def root_on_itself() -> bytes:
    """To read the header as a table."""
    return bytes(4) + conv_classifier()[4:]


@attack("not b'TFL3'")
def another_identifier() -> bytes:
    """To be taken for a model."""
    return conv_classifier()[:4] + b"TFL9" + conv_classifier()[8:]


@attack("a Tensor has its vtable at -")
def vtable_before_the_file() -> bytes:
    """To read before the file."""
    return conv_with(_first_tensor, "i", 1 << 30)


@attack("a Tensor has a vtable of 7 bytes")
def vtable_of_an_odd_size() -> bytes:
    """To read half a number."""
    return conv_with(_vtable, "H", 7)


@attack("has 65532 bytes, past the file's")
def table_larger_than_the_file() -> bytes:
    """To read behind the file."""
    return conv_with(lambda data: _vtable(data) + 2, "H", 65532)


@attack("field 0 of a Tensor is at 60000 of")
def field_outside_its_table() -> bytes:
    """To read another table's numbers."""
    return conv_with(lambda data: _vtable(data) + 4, "H", 60000)


@attack("field 0 of a Tensor is at 6 of")
def field_across_two_numbers() -> bytes:
    """To have a board's processor fault on an address that is not aligned."""
    return conv_with(lambda data: _vtable(data) + 4, "H", 6)


@attack("a vector of 4294967295 x 4 bytes")
def vector_of_four_billion() -> bytes:
    """To read behind the file."""
    return conv_with(lambda data: target(data, subgraph(data).field(0)), "I", 0xFFFFFFFF)


@attack("the text of .* bytes at .* has no end")
def name_without_an_end() -> bytes:
    """To have a C string read on until there is a zero."""
    data = conv_classifier()
    at = target(data, subgraph(data).tables(0)[0].field(3))
    return with_number(data, at + 4 + struct.unpack_from("<I", data, at)[0], "B", 65)


@attack("it has more than 200000 tables|share so much")
def one_tensor_300000_times() -> bytes:
    """To cost memory and time with few bytes."""
    return by_hand(lambda builder: vector(builder, [tensor(builder, builder.CreateString("x"))] * 300_000))


@attack("share so much")
def one_long_name_3000_times() -> bytes:
    """To cost three gigabytes with one megabyte."""

    def write(builder):
        name = builder.CreateString("x" * 1_000_000)
        return vector(builder, [tensor(builder, name) for _ in range(3000)])

    return by_hand(write)


@attack("it has more than 200000 tables|share so much")
def one_subgraph_20000_times() -> bytes:
    """To cost forty million tensors."""

    def write(builder):
        name = builder.CreateString("x")
        return vector(builder, [tensor(builder, name) for _ in range(2000)])

    return by_hand(write, subgraphs=20_000)


@attack("tensor 99 of 13 is asked for")
def tensor_that_is_none() -> bytes:
    """To read behind the list of tensors."""
    return conv_with(lambda data: subgraph(data).tables(3)[1].span(1)[0], "i", 99)


@attack("buffer 99 of .* is asked for")
def buffer_that_is_none() -> bytes:
    """To read behind the list of buffers."""
    return conv_with(lambda data: subgraph(data).tables(0)[2].field(2), "I", 99)


@attack("operator code 99 of")
def operator_that_is_none() -> bytes:
    """To run what is no kernel."""
    return conv_with(lambda data: subgraph(data).tables(3)[2].field(0), "I", 99)


@attack("the model has no subgraph")
def no_subgraph() -> bytes:
    """To have the first of none taken."""
    return conv_with(lambda data: target(data, root(data).field(2)), "I", 0)


@attack("the model has no buffers|buffer 0 of 0 is asked for")
def no_buffers() -> bytes:
    """To have a null pointer followed."""
    data = conv_classifier()
    at = root(data).position
    vtable = at - struct.unpack_from("<i", data, at)[0]
    without_buffers = with_number(data, vtable + 4 + 2 * 4, "H", 0)
    for place in [each.field(2) for each in subgraph(data).tables(0)]:
        without_buffers = without_buffers if place is None else with_number(without_buffers, place, "I", 0)
    return without_buffers
