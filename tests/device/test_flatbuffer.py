from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeready_device.errors import ModelFileError
from edgeready_device.tflite.flatbuffer import Flatbuffer, Table

# A flatbuffer by hand; the table has field 0 (int32 7), 1 (string), 2 (uint16s), 3 absent, 4 (table), 5 (tables).
#   0 root offset, 4 identifier, 8 vtable, 24 table, 44 string, 52 uint16s, 64 inner vtable, 68 inner, 72 tables
DATA = b"".join(
    [
        struct.pack("<I4s", 24, b"TEST"),
        struct.pack("<8H", 16, 20, 4, 8, 12, 0, 16, 0),  # vtable: its size, the table's, six fields
        struct.pack("<iiIII", 24 - 8, 7, 44 - 32, 52 - 36, 68 - 40),
        struct.pack("<I4s", 3, "né".encode()),
        struct.pack("<IHHHxx", 3, 1, 2, 65535),
        struct.pack("<HHi", 4, 4, 68 - 64),
    ]
)
ROOT = Flatbuffer(DATA).root(b"TEST")


def test_a_scalar_is_read_and_an_absent_one_has_its_default():
    assert ROOT.scalar(0, "i") == 7
    assert ROOT.scalar(3, "i", 42) == 42
    assert ROOT.scalar(99, "i", 42) == 42


def test_text_is_read_and_an_absent_one_is_empty():
    assert ROOT.text(1) == "né"
    assert ROOT.text(3) == ""
    assert ROOT.text(3, "none") == "none"


def test_text_that_is_no_utf8_is_replaced():
    data = DATA.replace("é".encode(), b"\xff\xff")
    assert Flatbuffer(data).root(b"TEST").text(1) == "n��"


def test_an_array_is_a_view_of_the_file():
    found = ROOT.array(2, "u2")
    assert found.tolist() == [1, 2, 65535]
    assert found.base is not None
    assert ROOT.array(3, "f4").tolist() == []


def test_a_span_says_where_the_bytes_are():
    assert ROOT.span(1) == (48, 3)
    assert ROOT.span(3) == (0, 0)


def test_a_table_is_followed_and_an_absent_one_is_none():
    inner = ROOT.table(4)
    assert inner is not None
    assert inner.position == 68
    assert ROOT.table(3) is None
    assert ROOT.tables(3) == []


def test_another_identifier_is_refused():
    with pytest.raises(ModelFileError, match="bytes 4 to 8 are b'TEST', not the identifier b'TFL3'") as caught:
        Flatbuffer(DATA).root(b"TFL3")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("size", range(8))
def test_fewer_bytes_than_a_header_are_refused(size):
    with pytest.raises(ModelFileError, match="not the identifier"):
        Flatbuffer(DATA[:size]).root(b"TEST")


def _with(position: int, code: str, value: int) -> Table:
    data = bytearray(DATA)
    struct.pack_into("<" + code, data, position, value)
    return Flatbuffer(bytes(data)).root(b"TEST")


@pytest.mark.parametrize("offset", [len(DATA), 2**31, 2**32 - 1])
def test_a_root_outside_the_file_is_refused(offset):
    with pytest.raises(ModelFileError, match=f"the offset at 0 points to {offset}, outside the file's {len(DATA)}"):
        _with(0, "I", offset)


@pytest.mark.parametrize("distance", [-(2**31), -1000, 25, 2**31 - 1])
def test_a_vtable_outside_the_file_is_refused(distance):
    with pytest.raises(ModelFileError, match=f"offset {24 - distance} is outside the file"):
        _with(24, "i", distance)


@pytest.mark.parametrize("size", [0, 2, 3, 17])
def test_a_vtable_of_an_impossible_size_is_refused(size):
    with pytest.raises(ModelFileError, match=f"a vtable of {size} bytes"):
        _with(8, "H", size)


def test_a_vtable_that_runs_past_the_end_is_refused():
    with pytest.raises(ModelFileError, match="outside the file"):
        _with(8, "H", 1000)


def test_a_field_outside_the_file_is_refused():
    with pytest.raises(ModelFileError, match="offset 5024 is outside the file"):
        _with(12, "H", 5000).scalar(0, "i")


@pytest.mark.parametrize("length", [1000, 2**31, 2**32 - 1])
@pytest.mark.parametrize("read", [lambda t: t.array(2, "u2"), lambda t: t.tables(2)], ids=["array", "tables"])
def test_a_vector_that_runs_past_the_end_is_refused(length, read):
    with pytest.raises(ModelFileError, match=f"a vector of {length} x .* runs past the file's {len(DATA)} bytes"):
        read(_with(52, "I", length))


def test_the_last_vector_that_fits_is_read():
    room = (len(DATA) - 56) // 2
    assert len(_with(52, "I", room).array(2, "u2")) == room
    with pytest.raises(ModelFileError, match="runs past"):
        _with(52, "I", room + 1).array(2, "u2")


@given(st.integers(0, len(DATA) - 1), st.integers(0, 255), st.integers(8, len(DATA)))
def test_any_damage_is_read_or_refused_with_our_error(place, value, size):
    data = bytearray(DATA)
    data[place] = value
    with contextlib.suppress(ModelFileError):
        root = Flatbuffer(bytes(data[:size])).root(b"TEST")
        root.scalar(0, "i")
        root.text(1)
        root.array(2, "u2")
        root.table(4)
        root.tables(2)
