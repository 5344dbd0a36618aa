"""Makes the networks of convention_rows.py as every kind of source, and converts those that need TensorFlow.

Run as: python convention_cases.py FOLDER; it leaves the networks and cases.json there. Nothing is trained: the
weights tell images with a bright red from those with a dark one, when pixels go in by the network's own convention.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import edgeready.tf  # noqa: F401  # isort: skip  (first: it decides what Keras loads)
import keras
import numpy as np
import tensorflow as tf
from convention_rows import BOUND, INSIDE, KINDS, SIZE, TRIED, WITH_TENSORFLOW, convert_all, file_of
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from edgeready.config.build import SourceConfig
from edgeready.tf import convert
from edgeready.tf.make import make
from edgeready_device.normalization import PRESETS

L = keras.layers
FRONTS = {
    "rescaling inside": lambda mean, std: L.Rescaling(1 / std, offset=-mean / std),
    "adapted inside": lambda mean, std: L.Normalization(axis=None, mean=mean, variance=std**2),
}


def network(kind: str) -> keras.Model:
    """One convolution that looks at red, which comes last where the convention of `kind` takes blue first."""
    preset = PRESETS[KINDS[kind]]
    channel = 2 if preset.color == "bgr" else 0
    mean, std = (values[channel % len(values)] for values in (preset.normalization.mean, preset.normalization.std))
    mean, std = INSIDE.get(kind, (mean, std))
    front = [FRONTS[kind](mean, std)] if kind in FRONTS else []
    convolution = L.Conv2D(2, 1)
    image = keras.Input((SIZE, SIZE, 3), batch_size=1)
    model = keras.Sequential([image, *front, convolution, L.GlobalAveragePooling2D()])
    kernel = np.zeros((1, 1, 3, 2), np.float32)
    kernel[0, 0, channel] = [0, std / 255]
    convolution.set_weights([kernel, np.array([0, (mean - BOUND) / 255], np.float32)])
    return model


def save_frozen_graph(model: keras.Model, path: Path) -> None:
    """Writes the graph of `model` with its weights as constants."""
    call = tf.function(lambda image: model(image)).get_concrete_function(
        tf.TensorSpec(model.inputs[0].shape, tf.float32, name="image")
    )
    path.write_bytes(convert_variables_to_constants_v2(call).graph.as_graph_def().SerializeToString())


SAVERS = {
    "net.keras": lambda model, path: model.save(path),
    "net.h5": lambda model, path: model.save(path),
    "saved_model": lambda model, path: model.export(path, verbose=False),
    "net.pb": save_frozen_graph,
    "net.tflite": lambda model, path: path.write_bytes(convert.to_float32(convert.freeze(model), SourceConfig())),
}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for kind in KINDS:
        model = network(kind)
        for source in TRIED:
            path = file_of(folder, kind, source)
            path.parent.mkdir(exist_ok=True)
            SAVERS[source](model, path)
    (folder / "cases.json").write_text(json.dumps(convert_all(folder, WITH_TENSORFLOW, make)), "utf-8")
