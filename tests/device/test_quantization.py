from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeready_device.errors import ModelFileError, UsageError
from edgeready_device.quantization import QuantParams, dequantize, quantize

INTEGER_TYPES = ("uint8", "int8", "int16", "int32")


@pytest.mark.parametrize(
    ("value", "steps"), [(0.5, 0), (1.5, 2), (2.5, 2), (-0.5, 0), (-1.5, -2), (-2.5, -2), (0.51, 1)]
)
def test_halves_round_to_the_even_step(value, steps):
    found = quantize(np.array([value]), QuantParams(1.0, 0), "int8")
    assert found.dtype == np.int8
    assert found.tolist() == [steps]


def test_the_zero_point_is_added_after_rounding():
    # 0.5 rounds to 0 and then moves by 3; rounding 3.5 would have given 4
    assert quantize(np.array([0.5, 1.5]), QuantParams(1.0, 3), "uint8").tolist() == [3, 5]


@pytest.mark.parametrize(
    ("dtype", "least", "greatest"), [("uint8", 0, 255), ("int8", -128, 127), ("int16", -32768, 32767)]
)
def test_what_lies_outside_the_type_saturates(dtype, least, greatest):
    values = np.array([-1e9, 1e9, -math.inf, math.inf])
    assert quantize(values, QuantParams(0.5, 0), dtype).tolist() == [least, greatest, least, greatest]


def test_the_shape_is_kept_and_the_input_is_not_changed():
    values = np.arange(12, dtype=np.float32).reshape(1, 2, 3, 2)
    found = quantize(values, QuantParams(2.0, 1), "uint8")
    assert found.shape == (1, 2, 3, 2)
    assert found.reshape(-1).tolist() == [1, 1, 2, 3, 3, 3, 4, 5, 5, 5, 6, 7]
    assert values.reshape(-1).tolist() == list(range(12))


def test_a_scalar_stays_an_array():
    assert quantize(np.float32(3.0), QuantParams(1.0, 0), "uint8").shape == ()


def test_an_empty_array_quantizes_to_an_empty_array():
    found = quantize(np.empty((0, 4)), QuantParams(1.0, 0), "uint8")
    assert (found.shape, found.dtype) == ((0, 4), np.uint8)


def test_not_a_number_is_refused():
    with pytest.raises(UsageError, match="NaN") as caught:
        quantize(np.array([0.0, math.nan]), QuantParams(1.0, 0), "uint8")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("scale", [0.0, -0.1, math.inf, -math.inf, math.nan])
def test_a_scale_that_is_no_positive_number_is_refused(scale):
    with pytest.raises(ModelFileError, match=r"the scale is .*positive number") as caught:
        QuantParams(scale, 0)
    assert str(scale) in str(caught.value)
    assert caught.value.exit_code == 3


def test_dequantize_widens_before_the_zero_point_is_taken_off():
    # in uint8 arithmetic 0 - 255 is 1, in int8 127 - -128 is -1
    assert dequantize(np.array([0, 255], np.uint8), QuantParams(0.5, 255)).tolist() == [-127.5, 0.0]
    assert dequantize(np.array([-128, 127], np.int8), QuantParams(0.5, -128)).tolist() == [0.0, 127.5]


def test_dequantize_gives_float32_in_the_same_shape():
    found = dequantize(np.zeros((2, 3), np.uint8), QuantParams(0.1, 7))
    assert (found.shape, found.dtype) == ((2, 3), np.float32)
    assert found[0, 0] == np.float32(-7 * 0.1)


@given(
    st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=20),
    st.floats(1e-6, 1e3),
    st.integers(-200, 300),
    st.sampled_from(INTEGER_TYPES),
)
def test_quantize_is_exact_rounding_of_the_double_quotient(values, scale, zero_point, dtype):
    limits = np.iinfo(dtype)
    expected = [min(max(round(Fraction(v / scale)) + zero_point, limits.min), limits.max) for v in values]
    assert quantize(np.array(values), QuantParams(scale, zero_point), dtype).tolist() == expected


@given(st.integers(0, 255), st.floats(1e-5, 1e3), st.integers(0, 255))
def test_an_integer_survives_dequantize_and_quantize(value, scale, zero_point):
    params = QuantParams(scale, zero_point)
    real = dequantize(np.array([value], np.uint8), params)
    assert quantize(real, params, "uint8").tolist() == [value]
