"""Saves one trained classifier of digits in every kind of file, each written by its real library, into a folder.

Run as: python source_files.py FOLDER [--large]. All hold the same weights, so all must give the same answers. With
--large it saves a MobileNet and a model in a model, as Teachable Machine writes them, instead; Keras 3 loads neither.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
import tf_keras

from edgeready.dataset import load_splits

FOLDER = Path(sys.argv[1])
SIZE = 28


def network(library):
    """The same layers by Keras 3 and by tf_keras."""
    layers = library.layers
    image = library.Input((SIZE, SIZE, 1), name="pixels")
    x = layers.Conv2D(8, 3, strides=2, use_bias=False)(image)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, activation="relu")(x)
    x = layers.Flatten()(layers.MaxPooling2D()(x))
    return library.Model(image, layers.Dense(10, activation="softmax")(x), name="net")


def nested(model):
    """The weights of `model` in a Sequential of two Sequentials, as Teachable Machine writes it, by tf_keras."""
    layers, whole = tf_keras.layers, network(tf_keras)
    features = tf_keras.Sequential([whole.layers[0], *whole.layers[1:-1]], name="features")
    made = tf_keras.Sequential([features, tf_keras.Sequential([layers.Dense(10, activation="softmax")], name="head")])
    made.build((None, SIZE, SIZE, 1))
    made.set_weights(model.get_weights())
    return made


def trained():
    keras.utils.set_random_seed(5)
    splits = load_splits("digits", seed=1)
    model = network(keras)
    model.compile("adam", "sparse_categorical_crossentropy")
    frames = (splits.train.images / 255.0).astype(np.float32)[..., np.newaxis]
    model.fit(frames, splits.train.labels, epochs=6, verbose=0)
    return model


class Module(tf.Module):
    """A plain tf.Module with two signatures, one of which gives something else."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    @tf.function(input_signature=[tf.TensorSpec((None, SIZE, SIZE, 1), tf.float32, name="pixels")])
    def scores(self, pixels):
        return {"scores": self.model(pixels)}

    @tf.function(input_signature=[tf.TensorSpec((None, SIZE, SIZE, 1), tf.float32, name="pixels")])
    def halves(self, pixels):
        return {"halves": pixels / 2}


def save_module(model, path):
    module = Module(model)
    tf.saved_model.save(module, str(path), signatures={"scores": module.scores, "halves": module.halves})


def save_frozen_graph(model, path):
    """As TensorFlow 1 does it: a session, its variables made constants, the graph's bytes."""
    v1 = tf.compat.v1
    kernel, gamma, beta, mean, variance, depth, bias, dense, offset = ordered(model)
    with v1.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, (None, SIZE, SIZE, 1), name="pixels")
        x = v1.nn.conv2d(x, v1.Variable(kernel), strides=[1, 2, 2, 1], padding="VALID")
        x, _, _ = v1.nn.fused_batch_norm(x, gamma, beta, mean, variance, epsilon=1e-3, is_training=False)
        x = tf.nn.relu(x)
        x = tf.nn.relu(tf.nn.bias_add(tf.nn.depthwise_conv2d(x, v1.Variable(depth), [1, 1, 1, 1], "VALID"), bias))
        x = tf.nn.max_pool2d(x, 2, 2, "VALID")
        x = tf.reshape(x, (-1, len(dense)))
        tf.nn.softmax(tf.nn.bias_add(tf.matmul(x, v1.Variable(dense)), offset), name="answers")
        session.run(v1.global_variables_initializer())
        frozen = v1.graph_util.convert_variables_to_constants(session, session.graph_def, ["answers"])
    path.write_bytes(frozen.SerializeToString())


def ordered(model):
    """The weights by the layers' order: convolution, batch norm, depthwise convolution, dense."""
    convolution, norm, depthwise, dense = (layer.get_weights() for layer in model.layers if layer.get_weights())
    return (*convolution, *norm, *depthwise, *dense)


def save_large():
    """tf_keras' own MobileNet, and Sequential(Sequential(backbone), Sequential(dense)), with random weights."""
    tf_keras.utils.set_random_seed(7)
    whole = tf_keras.applications.MobileNet((64, 64, 3), alpha=0.25, weights=None, classes=3)
    settle(whole)
    whole.save(FOLDER / "mobilenet.h5")
    backbone = tf_keras.applications.MobileNetV2((64, 64, 3), alpha=0.35, weights=None, include_top=False)
    features = tf_keras.Sequential([backbone, tf_keras.layers.GlobalAveragePooling2D()])
    head = [tf_keras.layers.Dense(16, activation="relu"), tf_keras.layers.Dense(3, activation="softmax")]
    model = tf_keras.Sequential([features, tf_keras.Sequential(head)])
    model.build((None, 64, 64, 3))
    settle(backbone)
    model.save(FOLDER / "teachable.h5")


def settle(model):
    """Gives batch norms the statistics of noise, so that random weights give features of a sane size."""
    for layer in model.layers:
        if isinstance(layer, tf_keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(np.random.default_rng(0).uniform(0, 1, (16, 64, 64, 3)).astype(np.float32), training=True)


def main():
    if "--large" in sys.argv:
        return save_large()
    model = trained()
    old = network(tf_keras)
    old.set_weights(model.get_weights())
    model.save(FOLDER / "keras3.keras")
    model.save(FOLDER / "keras3.h5")
    old.save(FOLDER / "keras2.h5")
    old.save(FOLDER / "keras2.keras")
    nested(model).save(FOLDER / "nested.h5")
    model.export(FOLDER / "keras3_export", verbose=False)
    old.save(FOLDER / "keras2_saved_model", save_format="tf")
    save_module(model, FOLDER / "module")
    save_frozen_graph(model, FOLDER / "frozen.pb")
    (FOLDER / "open_batch.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())


main()
