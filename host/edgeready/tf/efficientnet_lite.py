"""EfficientNet-Lite 0 to 2: made for integers, with ReLU6 and without squeeze-and-excitation.

The networks of the TPU repository's `efficientnet/lite`: the stem and the head keep their width at any size, the
first and the last stage their depth.
"""

from __future__ import annotations

import math
from typing import Any

import keras

from edgeready.tf.architectures import Shape

layers = keras.layers
_STEM, _HEAD = 32, 1280
# (kernel, stride, expansion, filters, repeats) of each stage, as in EfficientNet-B0
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
_SCALES = {"efficientnet-lite0": (1.0, 1.0), "efficientnet-lite1": (1.0, 1.1), "efficientnet-lite2": (1.1, 1.2)}
LITE_NETWORKS = tuple(_SCALES)


def build_backbone(name: str, shape: Shape) -> keras.Model:
    """Returns the network `name` without its classifier: frames of `shape` become a row of 1280 features."""
    width, depth = _SCALES[name]
    image = keras.Input(shape)
    features = _convolution(image, _STEM, ("conv_stem", "bn0"), size=3, stride=2)
    number = 0
    for stage, (size, stride, expansion, filters, repeats) in enumerate(_STAGES):
        if stage not in (0, len(_STAGES) - 1):
            repeats = math.ceil(depth * repeats)
        for repeat in range(repeats):
            features = _block(
                features,
                f"block{number}",
                size=size,
                stride=1 if repeat else stride,
                expansion=expansion,
                filters=_round_filters(filters * width),
            )
            number += 1
    features = _convolution(features, _HEAD, ("conv_head", "bn1"))
    return keras.Model(image, layers.GlobalAveragePooling2D()(features), name=name)


def _block(features: Any, name: str, *, size: int, stride: int, expansion: int, filters: int) -> Any:
    """Returns `features` through an inverted residual block."""
    inside, channels = features, features.shape[-1]
    if expansion > 1:
        inside = _convolution(inside, channels * expansion, (f"{name}_expand_conv", f"{name}_bn0"))
    inside = layers.DepthwiseConv2D(size, stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv")(
        inside
    )
    inside = layers.ReLU(6.0)(_normalize(inside, f"{name}_bn1"))
    inside = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project_conv")(inside)
    inside = _normalize(inside, f"{name}_bn2")
    return layers.Add()([features, inside]) if stride == 1 and channels == filters else inside


def _convolution(features: Any, filters: int, names: tuple[str, str], *, size: int = 1, stride: int = 1) -> Any:
    features = layers.Conv2D(filters, size, stride, padding="same", use_bias=False, name=names[0])(features)
    return layers.ReLU(6.0)(_normalize(features, names[1]))


def _normalize(features: Any, name: str) -> Any:
    return layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name=name)(features)  # as the networks have it


def _round_filters(filters: float) -> int:
    """Returns the multiple of 8 nearest to `filters`, and not more than a tenth below it."""
    rounded = max(8, int(filters + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters else rounded
