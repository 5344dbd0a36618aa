"""How the texts of the shared options become values."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeready.cli.options.arguments import float_beside, image_size_of, keras_beside, normalization_of
from edgeready.errors import UsageError
from edgeready_device.preprocess import Normalization


@pytest.mark.parametrize(
    ("mean", "std", "expected"),
    [
        (None, None, None),
        ("127.5", "127.5", Normalization((127.5,), (127.5,))),
        ("127.5", None, Normalization((127.5,), (255.0,))),
        (None, "1", Normalization((0.0,), (1.0,))),
        ("1,2,3", "4,5,6", Normalization((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))),
        ("1,2,3", "255", Normalization((1.0, 2.0, 3.0), (255.0, 255.0, 255.0))),
    ],
)
def test_a_normalization_is_one_number_or_one_a_channel(mean, std, expected):
    assert normalization_of(mean, std) == expected


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ("a", None, "--mean is 'a': write 127.5, or one number a channel: 123.7,116.3,103.5"),
        ("1,", None, "--mean is '1,': write 127.5, or one number a channel: 123.7,116.3,103.5"),
        ("nan", None, "--mean is 'nan': write finite numbers"),
        (None, "inf", "--std is 'inf': write finite numbers"),
        (None, "0", "--std is 0: nothing can be divided by it; use 255 for values from 0 to 1"),
        ("1,2,3", "4,5", "--mean has 3 numbers, --std 2: give one of each a channel"),
    ],
)
def test_a_normalization_that_cannot_be_meant_is_refused(mean, std, message):
    with pytest.raises(UsageError) as caught:
        normalization_of(mean, std)
    assert str(caught.value) == message
    assert caught.value.exit_code == 2


def test_an_image_size_is_one_number_or_height_by_width():
    assert image_size_of(None) is None
    assert image_size_of("96") == (96, 96)
    assert image_size_of("96X128") == (96, 128)
    with pytest.raises(UsageError, match="the image size is 'x': write 96 or 96x128"):
        image_size_of("x")


def test_what_is_kept_lies_beside_the_model():
    assert float_beside(Path("out/a.tflite"), True) == Path("out/a_float32.tflite")
    assert keras_beside(Path("out/a.tflite"), True) == Path("out/a.keras")
    assert float_beside(Path("a.tflite"), False) is None
    assert keras_beside(Path("a.tflite"), False) is None
