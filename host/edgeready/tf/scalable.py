"""Networks of our own that come in every width: residual ones, and one of depthwise convolutions."""

from __future__ import annotations

from typing import Any

import keras

Shape = tuple[int, ...]
layers = keras.layers
_MOMENTUM = 0.97  # of batch normalization; chosen: the usual 0.99 takes too many steps for few images
_STEP = 4  # channels are a multiple of it; chosen: small enough for the narrowest of these networks
# Pixels from which small-mobilenet begins with a stride of 2. Chosen: at 32 pixels, the size of CIFAR-10, it sees
# every pixel; a picture of 64 has four times as many for the same multiplications.
_STRIDED_SIZE = 48
_EXPANSION = 4  # of small-mobilenet's inverted bottlenecks; chosen: 6, as in MobileNetV2, costs bytes for wide ones


def build_small_resnet(shape: Shape, classes: int, alpha: float) -> keras.Model:
    """Returns the ResNet-8 of MLPerf Tiny: three residual stages of 16, 32 and 64 channels, for 28 to 32 pixels."""
    return _resnet("small-resnet", shape, classes, alpha=alpha, blocks=1)


def build_deep_resnet(shape: Shape, classes: int, alpha: float) -> keras.Model:
    """Returns a ResNet-14: the stages of small-resnet with two blocks each."""
    return _resnet("deep-resnet", shape, classes, alpha=alpha, blocks=2)


def _resnet(name: str, shape: Shape, classes: int, *, alpha: float, blocks: int) -> keras.Model:
    image = keras.Input(shape)
    features = layers.ReLU()(_convolve(image, scale_width(16, alpha), size=3))
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        width = scale_width(filters, alpha)
        features = _residual_block(features, width, stride)
        for _ in range(blocks - 1):
            features = _residual_block(features, width, 1)
    return keras.Model(image, layers.Dense(classes)(layers.GlobalAveragePooling2D()(features)), name=name)


def _residual_block(features: Any, width: int, stride: int) -> Any:
    inner = layers.ReLU()(_convolve(features, width, size=3, stride=stride))
    inner = _convolve(inner, width, size=3)
    same = stride == 1 and features.shape[-1] == width
    past = features if same else _convolve(features, width, size=1, stride=stride)
    return layers.ReLU()(layers.Add()([past, inner]))


def build_small_mobilenet(shape: Shape, classes: int, alpha: float) -> keras.Model:
    """Returns MobileNetV2's inverted bottlenecks for small pictures: eight of them, of 16 to 64 channels."""
    image = keras.Input(shape)
    stride = 1 if min(shape[:2]) < _STRIDED_SIZE else 2
    features = layers.ReLU()(_convolve(image, scale_width(16, alpha), size=3, stride=stride))
    for filters, first_stride, blocks in ((16, 1, 1), (24, 2, 2), (40, 2, 3), (64, 1, 2)):
        width = scale_width(filters, alpha)
        for number in range(blocks):
            features = _inverted_block(features, width, first_stride if number == 0 else 1)
    features = layers.ReLU()(_convolve(features, scale_width(128, alpha), size=1))
    scores = layers.Dense(classes)(layers.GlobalAveragePooling2D()(features))
    return keras.Model(image, scores, name="small-mobilenet")


def _inverted_block(features: Any, width: int, stride: int) -> Any:
    inner = layers.ReLU()(_convolve(features, features.shape[-1] * _EXPANSION, size=1))
    inner = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(inner)
    inner = layers.ReLU()(layers.BatchNormalization(momentum=_MOMENTUM)(inner))
    inner = _convolve(inner, width, size=1)
    return layers.Add()([features, inner]) if stride == 1 and features.shape[-1] == width else inner


def scale_width(channels: int, alpha: float) -> int:
    """Returns `channels` times `alpha`, rounded to a multiple of 4 and at least 4."""
    return max(_STEP, _STEP * round(channels * alpha / _STEP))


def _convolve(image: Any, filters: int, *, size: int, stride: int = 1) -> Any:
    features = layers.Conv2D(filters, size, stride, padding="same", use_bias=False)(image)
    return layers.BatchNormalization(momentum=_MOMENTUM)(features)
