"""Keras image classifiers by name: the networks of the tutorials, and keras.applications for transfer learning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from edgeready.errors import ModelSourceError
from edgeready.jobs.job import UNIT
from edgeready_device.normalization import Normalization

Shape = tuple[int, ...]
layers = keras.layers
_MOMENTUM = 0.97  # of batch normalization; chosen: the usual 0.99 takes too many steps for few images


@dataclass(frozen=True)
class Architecture:
    """A network by name: `build(input shape without batch, classes)` returns the Keras model.

    A network that `keeps_rank` takes frames without a channel axis as they are.
    """

    name: str
    summary: str
    build: Callable[[Shape, int], keras.Model]
    normalization: Normalization = UNIT
    keeps_rank: bool = False


def _tutorial_cnn(shape: Shape, classes: int) -> keras.Model:
    image = shape if len(shape) == 3 else (*shape, 1)
    reshape = [] if len(shape) == 3 else [layers.Reshape(image)]
    return keras.Sequential(
        [
            keras.Input(shape),
            *reshape,
            layers.Conv2D(12, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(classes),
        ]
    )


def _opengenus_cnn(shape: Shape, classes: int) -> keras.Model:
    return _three_convolutions(shape, classes, "softmax")


def _cifar_cnn(shape: Shape, classes: int) -> keras.Model:
    return _three_convolutions(shape, classes, None)


def _three_convolutions(shape: Shape, classes: int, activation: str | None) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(classes, activation=activation),
        ]
    )


def _dropout_cnn(shape: Shape, classes: int) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def _small_resnet(shape: Shape, classes: int) -> keras.Model:
    """Returns the ResNet-8 of MLPerf Tiny: three residual stages of 16, 32 and 64 channels, for 28 to 32 pixels."""
    image = keras.Input(shape)
    features = layers.ReLU()(_normalized_convolution(image, 16, size=3))
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        inner = layers.ReLU()(_normalized_convolution(features, filters, size=3, stride=stride))
        inner = _normalized_convolution(inner, filters, size=3)
        same = stride == 1 and features.shape[-1] == filters
        past = features if same else _normalized_convolution(features, filters, size=1, stride=stride)
        features = layers.ReLU()(layers.Add()([past, inner]))
    return keras.Model(image, layers.Dense(classes)(layers.GlobalAveragePooling2D()(features)), name="small-resnet")


def _normalized_convolution(image: Any, filters: int, *, size: int, stride: int = 1) -> Any:
    features = layers.Conv2D(filters, size, stride, padding="same", use_bias=False)(image)
    return layers.BatchNormalization(momentum=_MOMENTUM)(features)


ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        Architecture("tutorial-cnn", "conv 12, pool, dense", _tutorial_cnn, keeps_rank=True),
        Architecture("opengenus-cnn", "conv 32, pool, conv 64, pool, conv 64, dense 64, dense", _opengenus_cnn),
        Architecture("dropout-cnn", "conv 32, pool, conv 64, pool, dense 256, dense; dropout", _dropout_cnn),
        Architecture("cifar-cnn", "as opengenus-cnn, logits", _cifar_cnn),
        Architecture("small-resnet", "three residual stages of 16, 32 and 64 channels; augmented", _small_resnet),
    )
}


# Pixels. The least that leave one pixel behind all convolutions and pools; for small-resnet, which pads, chosen: its
# last stage has 2 x 2 pixels then.
_LEAST_SIZE = {"tutorial-cnn": 4, "opengenus-cnn": 18, "dropout-cnn": 10, "cifar-cnn": 18, "small-resnet": 8}


def check_smallest(name: str, shape: Shape) -> None:
    """Raises ModelSourceError when frames of `shape` are too small for the network `name`."""
    least = _LEAST_SIZE[name]
    if min(shape[:2]) < least:
        raise ModelSourceError(
            f"{name} needs images of at least {least}x{least} pixels, these are {shape[0]}x{shape[1]}: "
            "give a larger --image-size"
        )


def weights_file(weights: str) -> Path:
    """Returns the path of a weights file; raises ModelSourceError when there is none."""
    path = Path(weights)
    if not path.is_file():
        raise ModelSourceError(f"{path}: no such weights file; give a Keras .weights.h5 file, or imagenet")
    return path
