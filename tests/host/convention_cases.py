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


def save_onnx(model: keras.Model, path: Path) -> None:
    """Writes the layers of `model` in ONNX, the channels first, as a network of PyTorch has them."""
    import onnx  # with all sources only
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants = [], []

    def add(operator: str, *more: np.ndarray) -> None:
        names = [f"{operator}_{len(nodes)}_{number}" for number in range(len(more))]
        arrays = [np.asarray(value, np.float32) for value in more]
        constants.extend(numpy_helper.from_array(*pair) for pair in zip(arrays, names))
        last = nodes[-1].output[0] if nodes else "image"
        nodes.append(helper.make_node(operator, [last, *names], [f"value_{len(nodes)}"]))

    for layer in model.layers:
        if isinstance(layer, L.Rescaling):
            add("Mul", layer.scale)
            add("Add", layer.offset)
        elif isinstance(layer, L.Normalization):
            add("Sub", np.reshape(layer.mean, (1, -1, 1, 1)))
            add("Div", np.sqrt(np.reshape(layer.variance, (1, -1, 1, 1))))
        elif isinstance(layer, L.Conv2D):
            kernel, bias = layer.get_weights()
            add("Conv", kernel.transpose(3, 2, 0, 1), bias)
        else:
            add("GlobalAveragePool")
            add("Flatten")
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ("N", 3, SIZE, SIZE))],
        [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, ("N", 2))],
        constants,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


SAVERS = {
    "net.keras": lambda model, path: model.save(path),
    "net.h5": lambda model, path: model.save(path),
    "saved_model": lambda model, path: model.export(path, verbose=False),
    "net.pb": save_frozen_graph,
    "net.onnx": save_onnx,
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
