"""Small Keras networks for the arm64 contract lane, taken by make_models.py as FILE.py:FUNCTION.

Between them they hold what Edge-TPU classifiers are made of: residual additions, depthwise convolutions, strides,
average pools, concatenation, ends in probabilities and in logits.
"""

from __future__ import annotations

import keras

layers = keras.layers


def residual(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """As ResNet-8: three blocks with additions, global average, softmax."""
    image = keras.Input(input_shape)
    x = image if len(input_shape) == 3 else layers.Reshape((*input_shape, 1))(image)
    x = _convolution(x, 16, 3, 2)
    for filters, stride in ((16, 1), (24, 2), (32, 2)):
        short = x if stride == 1 else layers.Conv2D(filters, 1, stride, "same")(x)
        y = _convolution(x, filters, 3, stride)
        y = _normalized()(layers.Conv2D(filters, 3, 1, "same", use_bias=False)(y))
        x = layers.ReLU()(layers.Add()([short, y]))
    return keras.Model(image, layers.Dense(classes, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


def depthwise(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """As MobileNet: depthwise and pointwise convolutions with ReLU6, average, logits."""
    image = keras.Input(input_shape)
    x = image if len(input_shape) == 3 else layers.Reshape((*input_shape, 1))(image)
    x = _convolution(x, 16, 3, 2)
    for filters, stride in ((24, 1), (32, 2), (48, 1), (64, 2)):
        x = layers.DepthwiseConv2D(3, stride, "same", use_bias=False)(x)
        x = layers.ReLU(6.0)(_normalized()(x))
        x = _convolution(x, filters, 1, 1)
    return keras.Model(image, layers.Dense(classes)(layers.GlobalAveragePooling2D()(x)))


def rgb(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Colour in, two branches joined, a bottleneck with an addition, average pool, two dense layers, logits."""
    image = keras.Input(input_shape)
    x = _convolution(image, 12, 3, 1)
    x = layers.MaxPooling2D()(x)
    x = layers.Concatenate()([_convolution(x, 8, 1, 1), _convolution(x, 16, 3, 1)])
    y = _convolution(x, 48, 1, 1)
    y = layers.DepthwiseConv2D(3, 1, "same", activation="relu")(y)
    x = layers.Add()([x, layers.Conv2D(24, 1)(y)])
    x = layers.AveragePooling2D(3)(x)
    x = layers.Dense(32, activation="relu")(layers.Flatten()(x))
    return keras.Model(image, layers.Dense(classes)(x))


def _convolution(x: keras.KerasTensor, filters: int, size: int, stride: int) -> keras.KerasTensor:
    x = layers.Conv2D(filters, size, stride, "same", use_bias=False)(x)
    return layers.ReLU()(_normalized()(x))


def _normalized() -> keras.layers.Layer:
    return layers.BatchNormalization(momentum=0.9)  # few steps: Keras' 0.99 would not have settled
