"""Keras image classifiers by name: the networks of the tutorials, and keras.applications for transfer learning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras

from edgeready.errors import ModelSourceError
from edgeready.jobs.job import UNIT
from edgeready.tf.scalable import build_deep_resnet, build_small_mobilenet, build_small_resnet
from edgeready_device.normalization import Normalization

Shape = tuple[int, ...]
layers = keras.layers


@dataclass(frozen=True)
class Architecture:
    """A network by name: `build(input shape without batch, classes)` returns the Keras model.

    A network that `keeps_rank` takes frames without a channel axis as they are. One of SCALABLE_NETWORKS takes its
    width, too: 1 is the network as its summary has it.
    """

    name: str
    summary: str
    build: Callable[..., keras.Model]
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


ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        Architecture("tutorial-cnn", "conv 12, pool, dense", _tutorial_cnn, keeps_rank=True),
        Architecture("opengenus-cnn", "conv 32, pool, conv 64, pool, conv 64, dense 64, dense", _opengenus_cnn),
        Architecture("dropout-cnn", "conv 32, pool, conv 64, pool, dense 256, dense; dropout", _dropout_cnn),
        Architecture("cifar-cnn", "as opengenus-cnn, logits", _cifar_cnn),
        Architecture("small-resnet", "three residual stages of 16, 32 and 64 channels", build_small_resnet),
        Architecture("deep-resnet", "as small-resnet, with two blocks in each stage", build_deep_resnet),
        Architecture("small-mobilenet", "eight inverted bottlenecks of 16 to 64 channels", build_small_mobilenet),
    )
}


# Pixels. The least that leave one pixel behind all convolutions and pools; for those which pad, chosen: their
# last stage has 2 x 2 pixels then.
_LEAST_SIZE = {
    "tutorial-cnn": 4,
    "opengenus-cnn": 18,
    "dropout-cnn": 10,
    "cifar-cnn": 18,
    "small-resnet": 8,
    "deep-resnet": 8,
    "small-mobilenet": 8,
}


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
