"""The network that `build` takes where the user names none: by the images, with the reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeready.config.build import BuildConfig, DataConfig, NetworkConfig, QuantizeConfig
from edgeready.config.method import Method, QatConfig
from edgeready.config.networks import PRETRAINED_PACKAGE, NetworkChoice, recommend_network
from edgeready.dataset import Dataset, Splits
from edgeready.errors import UsageError
from edgeready.workflows import prepare


@pytest.mark.parametrize(
    ("size", "channels", "installed", "model"),
    [
        ((28, 28), 1, True, "tutorial-cnn"),
        ((32, 32), 1, False, "tutorial-cnn"),
        ((33, 200), 1, False, "small-resnet"),
        ((96, 96), 1, True, "small-resnet"),
        ((7, 300), 3, True, "tutorial-cnn"),
        ((8, 8), 3, True, "small-resnet"),
        ((32, 32), 3, True, "small-resnet"),
        ((63, 200), 3, True, "small-resnet"),
        ((64, 64), 3, True, "efficientnet-lite0"),
        ((64, 64), 3, False, "small-resnet"),
        ((480, 640), 3, True, "efficientnet-lite0"),
    ],
)
def test_the_size_and_the_channels_decide_and_the_weights_where_they_are_installed(size, channels, installed, model):
    choice = recommend_network(*size, channels, installed=installed, remedy="pip install it")
    assert choice.model == model
    assert choice.weights == ("imagenet" if model == "efficientnet-lite0" else None)


def test_the_reason_names_the_images_and_what_would_help():
    assert recommend_network(28, 28, 1, installed=False, remedy="") == NetworkChoice(
        model="tutorial-cnn", weights=None, reason="tutorial-cnn, for small grey images of 28x28 pixels"
    )
    assert recommend_network(160, 120, 3, installed=True, remedy="").reason == (
        "efficientnet-lite0 with its ImageNet weights, for RGB images of 160x120 pixels"
    )
    assert recommend_network(160, 120, 3, installed=False, remedy="pip install it").reason == (
        "small-resnet from random weights, for RGB images of 160x120 pixels; a pretrained network learns more of "
        "photos: pip install it"
    )


def part(seed: int, size: int = 64, channels: int = 3) -> Dataset:
    shape = (6, size, size, 3) if channels == 3 else (6, size, size)
    images = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return Dataset(name="noise", images=images, labels=np.arange(6) % 2, classes=("a", "b"))


PHOTOS = Splits(train=part(1), calibration=part(2), test=part(3))
AUTO = BuildConfig(data=DataConfig(source="noise"), model="auto")


@pytest.mark.parametrize("installed", [True, False])
def test_the_weights_that_are_installed_are_asked_for_where_they_lie(monkeypatch, installed):
    monkeypatch.setattr(prepare, "find_spec", lambda name: name if installed and name == PRETRAINED_PACKAGE else None)
    config, reason = prepare.with_network(AUTO, PHOTOS)
    expected = ("efficientnet-lite0", "imagenet") if installed else ("small-resnet", None)
    assert (config.model, config.network.weights) == expected
    assert reason.startswith(expected[0])
    assert replace(config, model="auto", network=AUTO.network) == AUTO


def test_a_network_that_the_user_names_stays():
    named = replace(AUTO, model="dropout-cnn")
    assert prepare.with_network(named, PHOTOS) == (named, "")


def test_imagenet_without_a_network_means_the_one_that_has_them():
    config, reason = prepare.with_network(replace(AUTO, network=NetworkConfig(weights="imagenet")), PHOTOS)
    assert (config.model, config.network.weights) == ("efficientnet-lite0", "imagenet")
    assert reason == "efficientnet-lite0, whose ImageNet weights are asked for"


def test_weights_of_a_network_that_nobody_names_are_refused():
    with pytest.raises(UsageError) as error:
        prepare.with_network(replace(AUTO, network=NetworkConfig(weights="a.weights.h5")), PHOTOS)
    assert str(error.value) == "--weights a.weights.h5 needs --model: name the network that they are of"


@pytest.mark.parametrize(
    ("weights", "quantize", "method"),
    [
        (None, QuantizeConfig(), Method()),
        ("imagenet", QuantizeConfig(), Method(bias_correction=True)),
        ("imagenet", QuantizeConfig(calibration="mse"), Method(calibration="mse", bias_correction=True)),
        ("imagenet", QuantizeConfig(max_drop=0.5), Method()),  # the budget tries it where plain ranges do not suffice
        ("imagenet", QuantizeConfig(qat=2), Method(qat=QatConfig(epochs=2, seed=1, augment="none"))),
    ],
)
def test_the_biases_of_a_network_that_starts_from_weights_are_corrected(weights, quantize, method):
    images = np.arange(6 * 192, dtype=np.int64).reshape(6, 8, 8, 3) % 251
    parts = [
        Dataset(name="a", images=images[start : start + 2].astype(np.uint8), labels=np.arange(2), classes=("x", "y"))
        for start in (0, 2, 4)
    ]
    splits = Splits(train=parts[0], test=parts[1], calibration=parts[2])
    config = BuildConfig(
        data=DataConfig(source="a"),
        model="mobilenet-v2",
        network=NetworkConfig(weights=weights),
        quantize=quantize,
    )
    assert prepare.method_of(config, splits, None) == method
