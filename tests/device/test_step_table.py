from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeready_device.normalization import Normalization
from edgeready_device.preprocess import FrameTable, StepTable
from edgeready_device.quantization import QuantParams

# Every pixel, in an order that is not its own, on a frame that is large enough for arithmetic.
LARGE = np.tile(np.random.default_rng(3).permutation(256).astype(np.uint8), 64).reshape(128, 128)

means = st.floats(-512, 512, allow_subnormal=False)  # see tests/conftest.py
deviations = st.floats(1e-3, 1e3) | st.floats(-1e3, -1e-3)
near_one = st.floats(0.25, 4)  # steps of the type for a step of the pixel: what models have
zero_points = st.integers(-300, 300)


def _table(mean: float, std: float, scale: float, zero_point: int, dtype: str = "uint8") -> FrameTable:
    return FrameTable.exact(Normalization((mean,), (std,)), QuantParams(scale, zero_point), dtype)


@given(means, deviations, st.floats(1e-6, 1e3), zero_points, st.sampled_from(["uint8", "int8", "int16"]))
def test_a_large_frame_gets_the_values_of_the_table_whatever_they_are(mean, std, scale, zero_point, dtype):
    table = _table(mean, std, scale, zero_point, dtype)
    found = table(LARGE)
    assert found.dtype == np.dtype(dtype)
    assert np.array_equal(found, table.rows[0][LARGE])


@given(
    st.floats(0, 255, allow_subnormal=False),
    st.floats(20, 300),
    near_one,
    st.integers(-20, 280),
    st.sampled_from(["uint8", "int8"]),
)
def test_a_large_frame_gets_the_values_of_tables_as_models_have_them(mean, std, slope, zero_point, dtype):
    table = _table(mean, std, 1 / (std * slope), zero_point - (128 if dtype == "int8" else 0), dtype)
    assert np.array_equal(table(LARGE), table.rows[0][LARGE])


@given(st.lists(st.tuples(means, deviations), min_size=3, max_size=3), near_one, zero_points)
def test_a_large_frame_of_three_channels_gets_each_channels_own(channels, slope, zero_point):
    normalization = Normalization(tuple(m for m, _ in channels), tuple(s for _, s in channels))
    table = FrameTable.exact(normalization, QuantParams(1 / (58 * slope), zero_point), "uint8")
    frame = np.stack([LARGE, LARGE[::-1], LARGE.T], axis=-1)
    rows = [table.rows[i % len(table.rows)] for i in range(3)]
    assert np.array_equal(table(frame), np.stack([rows[i][frame[..., i]] for i in range(3)], axis=-1))


@pytest.mark.parametrize(
    ("table", "form"),
    [
        (FrameTable.raw("int8"), StepTable(128, (), ())),
        (_table(0.0, 1.0, 1.0, 3), StepTable(3, (), (253, 254, 255))),  # three pixels saturate
        (_table(127.5, 127.5, float(np.float32(2 / 255)), 127), StepTable(0, (), (128,))),
    ],
)
def test_slopes_of_one_are_a_step_table(table, form):
    assert StepTable.of(table.rows[0]) == form


def test_frames_of_several_sizes_go_through_one_table():
    table = _table(0.0, 1.0, 15 / 8, 5)
    for frame in (LARGE, np.tile(LARGE, 2), LARGE.reshape(64, 256), LARGE):
        assert np.array_equal(table(frame), table.rows[0][frame])


def test_a_slope_of_another_size_has_too_many_steps():
    assert StepTable.of(_table(0.0, 1.0, 2.0, 5).rows[0]) is None
    # 128 / (256 / 253) is 126.5 and a hair: a double cannot hold 256 / 253
    assert StepTable.of(_table(0.0, 1.0, 256 / 253, 0).rows[0]) == StepTable(0, (), (43, 129, 214))
    assert StepTable.of(_table(0.0, 1.0, 256 / 252, 0).rows[0]) is None  # a fourth


@pytest.mark.parametrize("values", [np.random.default_rng(1).permutation(256), np.arange(256) ^ 1])
def test_a_table_with_too_many_steps_is_looked_up(values):
    row = values.astype(np.uint8)
    assert StepTable.of(row) is None
    assert np.array_equal(FrameTable([row])(LARGE), row[LARGE])


@pytest.mark.parametrize("value", [0, 7, 255])
def test_a_table_of_one_value_gives_it(value):
    row = np.full(256, value, np.uint8)
    assert np.array_equal(FrameTable([row])(LARGE), row[LARGE])


@pytest.mark.parametrize("turned", [LARGE.T, LARGE[::-1, ::-1], np.asfortranarray(LARGE)])
def test_a_large_frame_in_another_memory_order_is_read_in_its_own(turned):
    for table in (FrameTable.raw("int8"), _table(0.0, 1.0, 1.9, 5), FrameTable([np.roll(np.arange(256), 9) ^ 1])):
        table = FrameTable([row.astype(table.dtype) for row in table.rows])
        assert np.array_equal(table(turned), table.rows[0][turned])


def test_a_large_frame_is_left_as_it_was():
    frame = LARGE.copy()
    for table in (FrameTable.raw("int8"), _table(0.0, 255.0, 0.0035, 2)):
        table(frame)
    assert np.array_equal(frame, LARGE)


def test_what_comes_out_is_the_callers_own():
    table = _table(0.0, 1.0, 1.9, 5)
    first = table(LARGE)
    kept = first.copy()
    table(255 - LARGE)
    assert np.array_equal(first, kept)


def test_one_table_serves_many_threads_at_once():
    table = _table(10.0, 1.0, 1.7, 5)
    wrong = []

    def work(number: int) -> None:
        frame = np.roll(LARGE, number)
        wrong.extend(number for _ in range(100) if not np.array_equal(table(frame), table.rows[0][frame]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_float_models_get_the_same_bits_whatever_the_shape():
    normalization = Normalization((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
    frame = np.stack([LARGE, LARGE[::-1], LARGE.T], axis=-1)
    mean, std = np.float32(normalization.mean), np.float32(normalization.std)
    expected = (frame.astype(np.float32) - mean) / std
    assert np.array_equal(normalization.apply(frame), expected)
    assert np.array_equal(normalization.apply(np.asfortranarray(frame)), expected)
    assert np.array_equal(normalization.apply(frame[3, 4]), expected[3, 4])
