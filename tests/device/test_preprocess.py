from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeready_device.errors import ModelFileError
from edgeready_device.normalization import Normalization
from edgeready_device.preprocess import FrameTable
from edgeready_device.quantization import QuantParams

EVERY_PIXEL = np.arange(256, dtype=np.uint8)
IDENTITY = FrameTable.exact(Normalization((0.0,), (255.0,)), QuantParams(1 / 255, 0), "uint8")

means = st.floats(-512, 512, allow_subnormal=False)  # see tests/conftest.py
deviations = st.floats(1e-3, 1e3) | st.floats(-1e3, -1e-3)
scales = st.floats(1e-6, 1e3)
zero_points = st.integers(-300, 300)
dtypes = st.sampled_from(["uint8", "int8", "int16"])


def _by_hand(pixel: int, mean: float, std: float, scale: float, zero_point: int, dtype: str) -> int:
    """(pixel - mean) / std / scale + zero_point with halves to even, by integer division alone."""
    exact = (Fraction(pixel) - Fraction(mean)) / Fraction(std) / Fraction(scale)
    floor, rest = divmod(exact.numerator, exact.denominator)
    if 2 * rest > exact.denominator or (2 * rest == exact.denominator and floor % 2):
        floor += 1
    least, greatest = {"uint8": (0, 255), "int8": (-128, 127), "int16": (-32768, 32767)}[dtype]
    return sorted((least, floor + zero_point, greatest))[1]


@given(means, deviations, scales, zero_points, dtypes)
def test_the_table_is_exact_for_every_pixel(mean, std, scale, zero_point, dtype):
    table = FrameTable.exact(Normalization((mean,), (std,)), QuantParams(scale, zero_point), dtype)
    found = table(EVERY_PIXEL)
    assert found.dtype == np.dtype(dtype)
    assert found.tolist() == [_by_hand(pixel, mean, std, scale, zero_point, dtype) for pixel in range(256)]


@given(st.integers(0, 255), st.sampled_from([0.5, 1.0, 2.0, 4.0]), zero_points, dtypes)
def test_ties_are_exact_too(mean, scale, zero_point, dtype):
    table = FrameTable.exact(Normalization((float(mean),), (2.0,)), QuantParams(scale, zero_point), dtype)
    assert table(EVERY_PIXEL).tolist() == [_by_hand(p, mean, 2.0, scale, zero_point, dtype) for p in range(256)]


def test_a_tie_is_told_from_what_only_looks_like_one_in_floating_point():
    # 2 (1 + e) (1 - e) is less than 2, but rounds to it: 1 / step is just above 0.5
    e = 2.0**-30
    assert 2 * (1 + e) * (1 - e) == 2.0
    table = FrameTable.exact(Normalization((0.0,), (2 * (1 + e),)), QuantParams(1 - e, 0), "uint8")
    assert table(np.array([0, 1, 2, 3, 5], np.uint8)).tolist() == [0, 1, 1, 2, 3]


@given(
    st.lists(st.tuples(means, deviations), min_size=3, max_size=3),
    scales,
    zero_points,
    st.sampled_from(["uint8", "int8", "int16"]),
)
def test_each_channel_has_its_own_row(channels, scale, zero_point, dtype):
    normalization = Normalization(tuple(m for m, _ in channels), tuple(s for _, s in channels))
    table = FrameTable.exact(normalization, QuantParams(scale, zero_point), dtype)
    frame = np.stack([EVERY_PIXEL, EVERY_PIXEL[::-1], np.roll(EVERY_PIXEL, 7)], axis=-1).reshape(16, 16, 3)
    expected = [
        [_by_hand(int(pixel), *channels[c], scale, zero_point, dtype) for pixel in frame[..., c].reshape(-1)]
        for c in range(3)
    ]
    found = table(frame)
    assert found.shape == (16, 16, 3)
    assert [found[..., c].reshape(-1).tolist() for c in range(3)] == expected


def test_the_identity_returns_the_very_same_frame():
    frame = EVERY_PIXEL.reshape(16, 16)
    assert IDENTITY.identity
    assert IDENTITY(frame) is frame


def test_equal_rows_of_three_channels_are_one_row_and_may_be_the_identity():
    table = FrameTable.exact(Normalization((0.0,) * 3, (255.0,) * 3), QuantParams(1 / 255, 0), "uint8")
    assert len(table.rows) == 1
    assert table.identity


def test_a_zero_point_away_from_zero_is_not_the_identity():
    table = FrameTable.exact(Normalization((0.0,), (255.0,)), QuantParams(1 / 255, 1), "uint8")
    assert not table.identity
    assert table(EVERY_PIXEL).tolist() == [min(pixel + 1, 255) for pixel in range(256)]


def test_a_mean_between_two_pixels_makes_every_pixel_a_tie():
    table = FrameTable.exact(Normalization((127.5,), (1.0,)), QuantParams(1.0, 128), "uint8")
    assert table(np.array([0, 1, 2, 127, 128, 255], np.uint8)).tolist() == [0, 2, 2, 128, 128, 255]


def test_a_negative_deviation_inverts_the_image():
    table = FrameTable.exact(Normalization((255.0,), (-255.0,)), QuantParams(1 / 255, 0), "uint8")
    assert table(EVERY_PIXEL).tolist() == list(range(255, -1, -1))


@pytest.mark.parametrize(("dtype", "first", "last"), [("uint8", 0, 255), ("int8", -128, 127)])
def test_raw_moves_the_pixel_range_onto_the_type(dtype, first, last):
    table = FrameTable.raw(dtype)
    assert table(EVERY_PIXEL).tolist() == list(range(first, last + 1))
    assert table.identity == (dtype == "uint8")


def test_a_frame_that_is_not_contiguous_is_read_in_its_own_order():
    frame = EVERY_PIXEL.reshape(16, 16).T[:, ::2]
    assert not frame.flags.c_contiguous
    found = FrameTable.raw("int8")(frame)
    assert found.tolist() == (frame.astype(int) - 128).tolist()


def test_a_read_only_frame_is_enough():
    frame = EVERY_PIXEL.copy()
    frame.setflags(write=False)
    assert FrameTable.raw("int8")(frame).tolist() == list(range(-128, 128))


def test_a_frame_with_other_channels_than_the_rows_is_refused():
    table = FrameTable.exact(Normalization((0.0, 1.0, 2.0), (1.0, 1.0, 1.0)), QuantParams(1.0, 0), "uint8")
    with pytest.raises(ModelFileError, match="the normalization has 3 channels, the frame 1") as caught:
        table(np.zeros((4, 4, 1), np.uint8))
    assert caught.value.exit_code == 3


def test_float_models_get_float32_values_per_channel():
    normalization = Normalization((0.0, 10.0, 20.0), (1.0, 2.0, 4.0))
    found = normalization.apply(np.full((2, 2, 3), 20, np.uint8))
    assert found.dtype == np.float32
    assert found[1, 1].tolist() == [20.0, 5.0, 0.0]


def test_float_models_get_zero_to_one_where_nothing_else_is_said():
    assert Normalization().apply(np.array([0, 51, 255], np.uint8)).tolist() == [0.0, np.float32(0.2), 1.0]


def test_means_and_deviations_come_in_pairs():
    with pytest.raises(ModelFileError, match="the normalization has 1 means and 3 deviations") as caught:
        Normalization((0.0,), (1.0, 1.0, 1.0))
    assert caught.value.exit_code == 3


def test_a_normalization_of_no_channel_is_refused():
    with pytest.raises(ModelFileError, match="0 means and 0 deviations"):
        Normalization((), ())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", ["mean", "std"])
def test_a_normalization_holds_finite_numbers(place, value):
    with pytest.raises(ModelFileError, match=f"the normalization holds {value}"):
        Normalization(**{"mean": (1.0,), "std": (1.0,), place: (value,)})


def test_a_deviation_of_zero_is_refused():
    with pytest.raises(ModelFileError, match="standard deviation of 0"):
        Normalization((0.0, 0.0, 0.0), (1.0, 0.0, 1.0))
