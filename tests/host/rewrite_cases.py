"""Rewrites and converts tiny Keras models in one process; writes NAME.tflite files and cases.json into a folder.

A case is a function of the feature map of a first convolution, [n, 8, 8, 8]. Its answer is what was rewritten, the
largest difference of the float outputs, and the ops of the file; an error is {"error": class name, "text": message}.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import edgeready.tf  # noqa: F401  # isort: skip  (first: it decides what Keras loads)
import keras
import numpy as np

from edgeready.config.build import SourceConfig
from edgeready.quantization.samples import Samples
from edgeready.tf import convert, models, rewrite
from edgeready.tf.quantize import TensorFlowQuantizer
from edgeready_device.normalization import Normalization

folder = Path(sys.argv[1])
layers = keras.layers
SHAPE = (8, 8, 4)
FRAMES = np.random.default_rng(0).integers(0, 256, (8, *SHAPE), dtype=np.uint8)
UNIT = Normalization()
SAMPLES = list(Samples((FRAMES,), UNIT)())


def nested(image):
    inner = [layers.Input(image.shape[1:]), layers.Conv2D(8, 3, groups=4), layers.UpSampling2D(2)]
    return keras.Sequential([keras.Sequential(inner), layers.LeakyReLU()])(image)


def shared(image):
    layer = layers.Conv2D(8, 3, groups=2, padding="same")
    return layers.Add()([layer(image), layer(layers.ReLU()(image))])


BODIES = {
    "plain": layers.ReLU(),
    "upsampling": layers.UpSampling2D(2),
    "upsampling unequal": layers.UpSampling2D((6, 2)),
    "upsampling 8": layers.UpSampling2D(8),
    "upsampling bilinear": layers.UpSampling2D(2, interpolation="bilinear"),
    "upsampling 5": layers.UpSampling2D(5),
    "upsampling 1": layers.UpSampling2D(1),
    "groups": layers.Conv2D(8, 3, groups=2),
    "groups strided": layers.Conv2D(8, 3, groups=4, strides=2, padding="same", activation="relu", use_bias=False),
    "groups dilated": layers.Conv2D(8, 3, groups=2, dilation_rate=2, padding="same"),
    "groups leaky": layers.Conv2D(8, 3, groups=2, activation="leaky_relu"),
    "groups of one channel": layers.Conv2D(16, 3, groups=8, padding="same"),
    "groups of one channel, strides that differ": layers.Conv2D(8, 3, groups=8, strides=(1, 2)),
    "dense on an image": layers.Dense(5, activation="relu"),
    "dense on an image, leaky": layers.Dense(5, activation="leaky_relu"),
    "dense on a row": lambda image: layers.Dense(5)(layers.Flatten()(image)),
    "leaky relu": layers.LeakyReLU(0.3),
    "leaky relu on a row": lambda image: layers.LeakyReLU(0.3)(layers.Flatten()(image)),
    "relu with a slope": layers.ReLU(negative_slope=0.1),
    "relu6": layers.ReLU(6.0),
    "hard swish": layers.Activation("hard_swish"),
    "hard sigmoid": layers.Activation("hard_sigmoid"),
    "convolution with hard swish": layers.Conv2D(4, 3, activation="hard_swish"),
    "depthwise with leaky relu": layers.DepthwiseConv2D(3, activation="leaky_relu"),
    "large mean": lambda image: layers.GlobalAveragePooling2D()(layers.UpSampling2D(16)(image)),
    "small mean": layers.GlobalAveragePooling2D(),
    "nested": nested,
    "shared": shared,
    "transposed convolution": layers.Conv2DTranspose(4, 3, strides=2),
    "reshape": layers.Reshape((4, 16, 8)),
    "dilated": layers.Conv2D(4, 3, dilation_rate=2),
    "elu": layers.Activation("elu"),
    "elu layer": layers.ELU(),
    "gelu": layers.Conv2D(4, 3, activation="gelu"),
    "layer normalization": layers.LayerNormalization(),
    "prelu for each pixel": layers.PReLU(),
    "prelu": layers.PReLU(shared_axes=[1, 2]),
}


def model(body) -> keras.Model:
    keras.utils.set_random_seed(5)
    image = keras.Input(SHAPE)
    features = body(layers.Conv2D(8, 3, padding="same")(image))
    return keras.Model(image, layers.Dense(3)(layers.Flatten()(features)))


def difference(one: keras.Model, other: keras.Model) -> float:
    frames = UNIT.apply(FRAMES)
    return float(np.abs(np.asarray(one(frames)) - np.asarray(other(frames))).max())


def rewritten(name: str) -> dict:
    given = model(BODIES[name])
    before = [np.array(weight) for weight in given.get_weights()]
    found = rewrite.rewrite(given, SAMPLES)
    float32 = convert.to_float32(convert.freeze(found.model), SourceConfig())
    quantizer = TensorFlowQuantizer()
    data = quantizer.quantize(quantizer.calibrate(float32, Samples((FRAMES,), UNIT)), "uint8")
    (folder / f"{name}.tflite").write_bytes(data)
    again = folder / "again.keras"
    again.write_bytes(models.to_keras_file(given))
    return {
        "rewrites": found.rewrites,
        "proposals": found.proposals,
        "same object": found.model is given,
        "difference": difference(given, found.model),
        "size": float(np.abs(np.asarray(given(UNIT.apply(FRAMES)))).max()),
        "weights kept": all(np.array_equal(a, b) for a, b in zip(before, given.get_weights(), strict=True)),
        "saved alike": difference(given, keras.models.load_model(again)),
    }


class Own(keras.Model):
    """A model with a call of its own, which no clone would have."""

    def call(self, inputs, training=None):
        return 2 * super().call(inputs)


def own() -> dict:
    image = keras.Input(SHAPE)
    given = Own(image, layers.Flatten()(layers.UpSampling2D(2)(image)))
    return {"rewrites": rewrite.rewrite(given, SAMPLES).rewrites}


def rewrite_leaky_relu(function) -> None:
    """Rewrites a LeakyReLU as `function`."""

    def leaky_relu(layer):
        return function if isinstance(layer, layers.LeakyReLU) else None

    real = rewrite.REWRITES
    rewrite.REWRITES = (leaky_relu,)
    try:
        rewrite.rewrite(model(BODIES["leaky relu"]), SAMPLES)
    finally:
        rewrite.REWRITES = real


def lying() -> None:
    """A rewrite that changes the results must not go unnoticed."""
    rewrite_leaky_relu(lambda image: image * 1.01)


def not_a_number() -> None:
    rewrite_leaky_relu(lambda image: image * np.nan)


def answer(action):
    try:
        return action()
    except Exception as error:  # noqa: BLE001  (the tests look at its class)
        return {"error": type(error).__name__, "text": str(error)}


answers = {name: answer(lambda name=name: rewritten(name)) for name in BODIES}
answers |= {"own": answer(own), "lying": answer(lying), "not a number": answer(not_a_number)}
(folder / "cases.json").write_text(json.dumps(answers), "utf-8")
