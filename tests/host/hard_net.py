"""A network made to be hard to quantize: depthwise, trained well, then badly scaled without a change of its results.

    python hard_net.py DATA EPOCHS SCALED.keras PLAIN.keras

Each channel behind a ReLU is multiplied by a power of two of its own where it is written, and divided by it where it
is read: the float results stay the same to the bit, and one scale per tensor no longer serves all channels.
"""

from __future__ import annotations

import sys

import edgeready.tf  # noqa: F401  # isort: skip  (first: it decides what Keras loads)
import keras
import numpy as np

from edgeready.dataset import load_splits

EXPONENTS = (-6, 7)
layers = keras.layers


def depthwise(shape, classes):
    """Three depthwise separable blocks with batch normalization and ReLU."""
    image = keras.Input(shape)
    x = _normalized(layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False)(image))
    for filters, strides in ((24, 1), (32, 2), (48, 1)):
        x = _normalized(layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(x))
        x = _normalized(layers.Conv2D(filters, 1, use_bias=False)(x))
    return keras.Model(image, layers.Dense(classes)(layers.GlobalAveragePooling2D()(x)))


def badly_scale(model, seed=7):
    """Multiplies each channel between two layers by its own power of two, and divides by it again."""
    choose = np.random.default_rng(seed)
    weighted = [layer for layer in model.layers if isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D))]
    readers = [*weighted[1:], next(layer for layer in model.layers if isinstance(layer, layers.Dense))]
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    for norm, reader in zip(norms, readers, strict=True):
        gamma, beta, mean, variance = norm.get_weights()
        factors = 2.0 ** choose.integers(*EXPONENTS, len(gamma))
        norm.set_weights([gamma * factors, beta * factors, mean, variance])
        kernel, *rest = reader.get_weights()
        shape = [1] * kernel.ndim
        shape[kernel.ndim - 2] = -1  # the axis of the input channels: (height, width, in, out), (in, out)
        reader.set_weights([kernel / factors.reshape(shape), *rest])


def _normalized(x):
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))


def main(data, epochs, scaled, plain):
    keras.utils.set_random_seed(1)
    splits = load_splits(data, seed=1)
    model = depthwise((*splits.train.images.shape[1:3], 1), len(splits.train.classes))
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images = splits.train.images.reshape(-1, *model.inputs[0].shape[1:]) / np.float32(255)
    model.fit(images, splits.train.labels, batch_size=64, epochs=int(epochs), verbose=0)
    before = model.predict(images[:64], verbose=0)
    model.save(plain)
    badly_scale(model)
    after = model.predict(images[:64], verbose=0)
    print(f"largest difference {np.abs(before - after).max():g} of {np.abs(before).max():g}")
    model.save(scaled)


if __name__ == "__main__":
    main(*sys.argv[1:])
