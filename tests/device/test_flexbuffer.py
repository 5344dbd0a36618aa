"""The options of custom operators: maps of numbers, as flatbuffers writes them, and bytes that are none."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeready_device.errors import ModelFileError
from edgeready_device.tflite.flexbuffer import read_number_map

# flexbuffers.Dumps of flatbuffers 25.12 for the numbers below and {"name": "x"}.
OPTIONS = (
    b"max_detections\0use_regular_nms\0y_scale\0name\0\x01x\0negative\0\x059\x13\x0c-\x1e\0\0\x07"
    + b"\0" * 7
    + b"\x01"
    b"" + b"\0" * 7 + b"\x05" + b"\0" * 7 + b"\n" + b"\0" * 7 + b"3" + b"\0" * 7 + b"\xfd" + b"\xff" * 7 + b"\x01"
    b"" + b"\0" * 7 + b"\x9a\x99\x99\x99\x99\x99\xb9?\x07\x14\x07k\x0f-'\x01"
)
NUMBERS = {"max_detections": 10, "negative": -3, "use_regular_nms": 1, "y_scale": 0.1}


def test_the_numbers_of_a_map_are_read_and_its_text_is_left_out():
    assert read_number_map(OPTIONS) == NUMBERS


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"\0\0", b"\0\0\0", OPTIONS[:-1], OPTIONS[1:], b"\xff" * 40, OPTIONS[-30:]]
)
def test_bytes_that_hold_no_map_are_refused(data):
    with pytest.raises(
        ModelFileError, match=rf"^the {len(data)} bytes of a custom operator's options are no FlexBuffer"
    ):
        read_number_map(data)


@given(st.lists(st.tuples(st.integers(0, len(OPTIONS) - 1), st.integers(0, 255)), max_size=4))
def test_changed_bytes_are_read_or_refused_and_nothing_else(changes):
    data = bytearray(OPTIONS)
    for place, value in changes:
        data[place] = value
    with suppress(ModelFileError):
        assert all(isinstance(value, (int, float)) for value in read_number_map(bytes(data)).values())
