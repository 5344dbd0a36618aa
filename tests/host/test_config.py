"""What cannot be meant is refused where the value is made."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from edgeready.config.build import (
    BuildConfig,
    DataConfig,
    NetworkConfig,
    OutputConfig,
    QuantizeConfig,
    TrainConfig,
)
from edgeready.config.method import Method
from edgeready.errors import UsageError
from edgeready_device.normalization import Normalization

DIGITS = DataConfig(source="digits")


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
    expected = f"the learning rate is {rate}: use a number above 0 and below 10, such as 0.001"
    assert said(TrainConfig, learning_rate=rate) == expected


@pytest.mark.parametrize(
    ("decay", "shown"), [(0.0, "0"), (-0.1, "-0.1"), (1.0, "1"), (math.nan, "nan"), (math.inf, "inf")]
)
def test_a_weight_decay_that_cannot_train_is_refused(decay, shown):
    expected = f"--weight-decay is {shown}: give a number above 0 and below 1, such as 0.05"
    assert said(TrainConfig, weight_decay=decay) == expected


def test_a_weight_decay_is_kept_where_it_was_asked_for():
    assert TrainConfig(weight_decay=0.05).to_dict()["weight_decay"] == 0.05
    assert "weight_decay" not in TrainConfig().to_dict()


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_keras_does_not_take_is_refused(seed):
    assert said(TrainConfig, seed=seed) == f"the seed is {seed}: use a number from 0 to 4294967295"


def test_the_ends_of_every_range_are_accepted():
    assert TrainConfig(epochs=1, batch_size=1, learning_rate=1e-9, seed=0) == TrainConfig(
        epochs=1, batch_size=1, learning_rate=1e-9, seed=0
    )
    assert TrainConfig(seed=2**32 - 1).seed == 4294967295


@pytest.mark.parametrize("size", [(0, 32), (32, 0), (-1, -1)])
def test_an_image_size_without_pixels_is_refused(size):
    assert said(DataConfig, source="photos", image_size=size) == f"the image size is {size}: use at least 1 pixel"


@pytest.mark.parametrize("channels", [0, 2, 4])
def test_a_number_of_channels_that_no_image_has_is_refused(channels):
    assert said(DataConfig, source="photos", channels=channels) == f"channels is {channels}: use 1 (grey) or 3 (RGB)"


@pytest.mark.parametrize("name", ["model", "model.h5", "model.TFLITE.txt", "model.keras"])
def test_an_output_that_is_not_called_tflite_is_refused(name):
    assert said(OutputConfig, out=Path(name)) == f"{name}: name the output file something.tflite"


def test_what_is_kept_lies_beside_the_model():
    output = OutputConfig(out=Path("out/a.tflite"), save_float=True, save_keras=True)
    assert (output.float_out, output.keras_out) == (Path("out/a_float32.tflite"), Path("out/a.keras"))
    output = OutputConfig(out=Path("a.tflite"))
    assert (output.float_out, output.keras_out) == (None, None)


@pytest.mark.parametrize(
    ("mean", "std", "expected"),
    [
        (None, None, None),
        ((127.5,), (127.5,), Normalization((127.5,), (127.5,))),
        ((127.5,), None, Normalization((127.5,), (255.0,))),
        (None, (1.0,), Normalization((0.0,), (1.0,))),
        ((1.0, 2.0, 3.0), (255.0,), Normalization((1.0, 2.0, 3.0), (255.0, 255.0, 255.0))),
    ],
)
def test_a_normalization_is_one_number_or_one_a_channel(mean, std, expected):
    assert NetworkConfig(mean=mean, std=std).normalization == expected


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        (None, (0.0,), "--std is 0: nothing can be divided by it; use 255 for values from 0 to 1"),
        ((1.0, 2.0, 3.0), (4.0, 5.0), "--mean has 3 numbers, --std 2: give one of each a channel"),
    ],
)
def test_a_normalization_that_cannot_be_meant_is_refused(mean, std, message):
    assert said(NetworkConfig, mean=mean, std=std) == message


@pytest.mark.parametrize("alpha", [0.0, -1.0, 0.049, 8.1, math.nan, math.inf])
def test_a_width_that_cannot_be_meant_is_refused(alpha):
    expected = f"--alpha is {alpha:g}: give a width from 0.05 to 8, where 1 is the network as it is"
    assert said(NetworkConfig, alpha=alpha) == expected


@pytest.mark.parametrize("model", ["tutorial-cnn", "resnet50-v2", "net.py:build", "small-resnet-0.5", "a.keras"])
def test_a_width_is_refused_for_a_network_that_comes_in_one(model):
    data, network = DataConfig(source="digits"), NetworkConfig(alpha=0.5)
    assert said(BuildConfig, data=data, model=model, network=network) == (
        "--alpha goes with small-resnet, deep-resnet, small-mobilenet, mobilenet, mobilenet-v2, "
        "mobilenet-v3-small-minimalistic, mobilenet-v3-large-minimalistic, "
        f"not with {model}: leave it out"
    )


@pytest.mark.parametrize(
    ("model", "alpha", "such"), [("mobilenet", 0.09, 0.25), ("mobilenet-v2", 2.1, 0.35), ("mobilenet-v2", 8.0, 0.35)]
)
def test_a_width_that_no_mobilenet_has_is_refused(model, alpha, such):
    data, network = DataConfig(source="digits"), NetworkConfig(alpha=alpha)
    assert said(BuildConfig, data=data, model=model, network=network) == (
        f"--alpha is {alpha:g}: {model} comes in widths from 0.1 to 2, such as {such}"
    )


@pytest.mark.parametrize(
    ("model", "alpha", "widths"),
    [
        ("mobilenet", 0.35, "0.25, 0.5, 0.75, 1"),
        ("mobilenet-v2", 0.25, "0.35, 0.5, 0.75, 1, 1.3, 1.4"),
        ("mobilenet-v3-small-minimalistic", 0.75, "1"),
    ],
)
def test_a_width_without_imagenet_weights_is_refused_with_those_that_have_them(model, alpha, widths):
    data, network = DataConfig(source="digits"), NetworkConfig(alpha=alpha, weights="imagenet")
    assert said(BuildConfig, data=data, model=model, network=network) == (
        f"--alpha is {alpha:g}, and {model} has ImageNet weights for {widths}: give one of these, or a file with "
        "--weights"
    )
    for weights in (None, "own.weights.h5"):
        network = NetworkConfig(alpha=alpha, weights=weights)
        assert BuildConfig(data=data, model=model, network=network).network.alpha == alpha


def test_a_width_goes_with_a_network_that_comes_in_several_and_with_the_one_that_the_images_choose():
    data, network = DataConfig(source="digits"), NetworkConfig(alpha=8.0)
    for model in ("auto", "small-resnet", "deep-resnet", "small-mobilenet"):
        assert BuildConfig(data=data, model=model, network=network).network.alpha == 8.0


@pytest.mark.parametrize("points", [-0.1, 100.0, math.nan])
def test_a_budget_that_is_no_share_of_the_images_is_refused(points):
    expected = f"--max-drop is {points:g}: give points of accuracy from 0 to 100, such as 0.3"
    assert said(QuantizeConfig, max_drop=points) == expected


def test_a_budget_does_not_go_with_a_mode_that_computes_in_floats():
    output, quantize = OutputConfig(mode="float16"), QuantizeConfig(max_drop=1.0)
    message = said(BuildConfig, data=DIGITS, model="net", output=output, quantize=quantize)
    assert message.startswith("--max-drop goes with the integer-only modes uint8 and int8, not with float16")


@pytest.mark.parametrize("others", [{"max_drop": 0.3}, {"calibration": "mse"}])
def test_quantization_aware_training_goes_with_no_other_way_to_integers(others):
    expected = "--qat goes with min-max ranges and without --max-drop, which trains by itself if it must"
    assert said(QuantizeConfig, qat=1, **others) == expected


def test_the_defaults_are_those_of_the_manual():
    config = BuildConfig(data=DIGITS, model="tutorial-cnn")
    assert (config.train.epochs, config.train.batch_size, config.train.learning_rate) == (None, 32, 0.002)
    assert (config.data.seed, config.train.seed) == (1, 1)
    assert (config.network.weights, config.network.normalization) == (None, None)
    assert (config.output.out, config.output.float_out, config.output.keras_out) == (Path("model.tflite"), None, None)
    assert config.output.allow_cpu_ops is False
    assert config.quantize.method == Method()


def test_at_least_one_golden_vector_is_recorded():
    assert said(OutputConfig, vectors=0) == "--vectors is 0: ask for at least 1"
