"""What cannot be meant is refused where the value is made."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from edgeready.config.build import BuildConfig, DataConfig, TrainConfig
from edgeready.errors import UsageError

DIGITS = DataConfig("digits")


def said(make, *args, **kwargs):
    with pytest.raises(UsageError) as caught:
        make(*args, **kwargs)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize("epochs", [0, -1])
def test_less_than_one_epoch_is_refused(epochs):
    assert said(TrainConfig, epochs=epochs) == f"epochs is {epochs}: train for at least 1"


@pytest.mark.parametrize("size", [0, -32])
def test_an_empty_batch_is_refused(size):
    assert said(TrainConfig, batch_size=size) == f"the batch size is {size}: use at least 1"


@pytest.mark.parametrize("rate", [0.0, -0.1, 10.0, math.nan, math.inf])
def test_a_learning_rate_that_cannot_train_is_refused(rate):
    expected = f"the learning rate is {rate}: use a number above 0, such as 0.001"
    assert said(TrainConfig, learning_rate=rate) == expected


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_keras_does_not_take_is_refused(seed):
    assert said(TrainConfig, seed=seed) == f"the seed is {seed}: use a number from 0 to 4294967295"


def test_the_ends_of_every_range_are_accepted():
    assert TrainConfig(1, 1, 1e-9, 0) == TrainConfig(epochs=1, batch_size=1, learning_rate=1e-9, seed=0)
    assert TrainConfig(seed=2**32 - 1).seed == 4294967295


@pytest.mark.parametrize("size", [(0, 32), (32, 0), (-1, -1)])
def test_an_image_size_without_pixels_is_refused(size):
    assert said(DataConfig, "photos", size) == f"the image size is {size}: use at least 1 pixel"


@pytest.mark.parametrize("channels", [0, 2, 4])
def test_a_number_of_channels_that_no_image_has_is_refused(channels):
    assert said(DataConfig, "photos", None, channels) == f"channels is {channels}: use 1 (grey) or 3 (RGB)"


@pytest.mark.parametrize("name", ["model", "model.h5", "model.TFLITE.txt", "model.keras"])
def test_an_output_that_is_not_called_tflite_is_refused(name):
    expected = f"{name}: name the output file something.tflite"
    assert said(BuildConfig, DIGITS, "tutorial-cnn", Path(name)) == expected
    assert said(BuildConfig, DIGITS, "tutorial-cnn", Path("a.tflite"), float_out=Path(name)) == expected


def test_a_keras_output_that_is_not_called_keras_is_refused():
    message = said(BuildConfig, DIGITS, "tutorial-cnn", Path("a.tflite"), keras_out=Path("a.h5"))
    assert message == "a.h5: name the Keras model something.keras"


def test_one_name_for_both_models_is_refused():
    message = said(BuildConfig, DIGITS, "tutorial-cnn", Path("a.tflite"), float_out=Path("a.tflite"))
    assert message == "a.tflite: the model and its float32 twin need two names"


def test_the_defaults_are_those_of_the_manual():
    config = BuildConfig(DIGITS, "tutorial-cnn", Path("a.tflite"))
    assert (config.train.epochs, config.train.batch_size, config.train.learning_rate) == (5, 32, 0.002)
    assert (config.data.seed, config.train.seed) == (1, 1)
    assert (config.weights, config.normalization, config.float_out, config.keras_out) == (None,) * 4
    assert config.allow_cpu_ops is False
