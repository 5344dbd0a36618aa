"""Asks edgeready.tf.sources what it makes of real files, in one process; leaves cases.json and a .tflite a source.

Run as: python source_cases.py FOLDER, after source_files.py has written its files there.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import edgeready.tf  # noqa: F401  # isort: skip  (first: it decides what Keras loads)
import h5py
import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from edgeready.config.build import SourceConfig
from edgeready.config.method import Method
from edgeready.config.modes import MODES
from edgeready.engine.quantizer import observe, to_integer
from edgeready.jobs.job import Job
from edgeready.proof.runtimes import try_runtimes
from edgeready.quantization.samples import Samples
from edgeready.tf import convert, sources
from edgeready.tf.make import make
from edgeready.tf.quantize import TensorFlowQuantizer
from edgeready.tf.sources import Network
from edgeready_device.normalization import Normalization
from edgeready_device.progress import no_progress

FOLDER = Path(sys.argv[1])
CASES = {}


def source(name, file, **settings):
    CASES[name] = lambda: loaded(name, str(FOLDER / file), SourceConfig(**settings))


def loaded(name, path, settings):
    found = sources.load_source(path, settings)
    kind = "network" if isinstance(found, Network) else "keras"
    network = found if isinstance(found, Network) else Network(name="", function=convert.freeze(found))
    data = network.float32 or convert.to_float32(network.function, SourceConfig())
    (FOLDER / f"{name}.float.tflite").write_bytes(data)
    return {"kind": kind, "versions": dict(network.versions)}


for kind in "keras3.keras keras3.h5 keras2.h5 keras2.keras keras3_export keras2_saved_model frozen.pb".split():
    source(kind, kind)
source("tflite", "open_batch.tflite")
source("module by signature", "module", signature="scores")
source("frozen named", "frozen.pb", inputs=("pixels:0",), outputs=("answers:0",), shapes=((28, 28, 1),))
source("nested", "nested.h5")

source("two signatures", "module")
source("no such signature", "module", signature="score")
source("wrong shape", "frozen.pb", shapes=((14, 14, 1),))
source("wrong rank", "frozen.pb", shapes=((1, 28, 28, 1, 1),))
source("two shapes", "frozen.pb", shapes=((28, 28, 1), (28, 28, 1)))
source("no such input", "frozen.pb", inputs=("image",))
source("no such output", "frozen.pb", outputs=("scores",))
source("a second output", "two_ends.pb")
source("the first output", "two_ends.pb", outputs=("half",))
source("a needed placeholder", "two_inputs.pb", inputs=("pixels",))
source("a second input", "two_inputs.pb")
source("both inputs", "two_inputs.pb", inputs=("pixels", "keep"))
source("open size", "open_size.pb")
source("open size given", "open_size.pb", shapes=((1, 6, 4),))
source("not frozen", "variables.pb")
source("a saved model's own file", "module/saved_model.pb")
source("text.pb", "text.pb")
source("no signature", "bare")
source("damaged", "damaged")
source("empty folder", "empty")
source("missing", "missing.h5")
source("pipe", "pipe.keras")
source("text.txt", "text.txt")
source("unknown layer of Keras 2", "unknown.h5")


def graph(name, build):
    with tf.Graph().as_default() as made:
        build(tf.compat.v1)
    (FOLDER / name).write_bytes(made.as_graph_def().SerializeToString())


def two_ends(v1):
    x = v1.placeholder(tf.float32, (None, 3), name="pixels")
    tf.identity(x / 2, name="half"), tf.identity(x * 2, name="double")


def two_inputs(v1):
    x = v1.placeholder(tf.float32, (None, 3), name="pixels")
    tf.multiply(x, v1.placeholder(tf.float32, (1,), name="keep"), name="kept")


def open_size(v1):
    tf.reduce_mean(v1.placeholder(tf.float32, (None, None, 4), name="pixels") * 2.0, axis=1, name="mean")


def variables(v1):
    x = v1.placeholder(tf.float32, (None, 3), name="pixels")
    tf.matmul(x, v1.get_variable("kernel", (3, 3), use_resource=True), name="product")


graph("two_ends.pb", two_ends)
graph("two_inputs.pb", two_inputs)
graph("open_size.pb", open_size)
graph("variables.pb", variables)
(FOLDER / "text.pb").write_text("no graph")
(FOLDER / "text.txt").write_text("no model")
os.mkfifo(FOLDER / "pipe.keras")
(FOLDER / "empty").mkdir()
(FOLDER / "damaged").mkdir()
(FOLDER / "damaged" / "saved_model.pb").write_bytes(b"\x0a\xff")
bare = tf.Module()
bare.weight = tf.Variable(1.0)
tf.saved_model.save(bare, str(FOLDER / "bare"))
(FOLDER / "unknown.h5").write_bytes((FOLDER / "nested.h5").read_bytes())
with h5py.File(FOLDER / "unknown.h5", "r+") as file:
    file.attrs["model_config"] = file.attrs["model_config"].replace("DepthwiseConv2D", "StrangeConv2D")


def quantized(mode):
    """What is said of a .tflite of the trained network that holds what `mode` promises."""
    function = convert.freeze(sources.load_source(str(FOLDER / "keras3.keras"), SourceConfig()))
    if mode == "dynamic":
        data = convert.to_dynamic(function, SourceConfig())
    elif mode == "float16":
        data = convert.to_float16(function, SourceConfig())
    else:
        samples = Samples((np.load(FOLDER / "frames.npy"),), Normalization((0.0,), (255.0,)))
        float32 = observe(TensorFlowQuantizer(), convert.to_float32(function, SourceConfig()), samples, Method())
        data = to_integer(TensorFlowQuantizer(), float32, samples, Method(), ends=MODES[mode].ends)
    path = FOLDER / f"{mode}.tflite"
    path.write_bytes(data)
    return loaded(mode, str(path), SourceConfig())


for mode in ("uint8", "int8-float-io", "dynamic", "float16"):
    CASES[mode] = lambda mode=mode: quantized(mode)


def fake_quant(narrow, cut=False):
    """A convolution with the ranges of a training for 8 bits, of which the converter can take the weights' or not.

    With `cut` its result is cut into three, and one piece is read.
    """
    kernel = np.random.default_rng(1).normal(0, 0.2, (3, 3, 1, 3)).astype(np.float32)
    least = -float(abs(kernel).max()) if narrow else float(kernel.min())
    most = float(abs(kernel).max()) if narrow else float(kernel.max()) / 2

    @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 1), tf.float32, name="image")])
    def call(image):
        image = tf.quantization.fake_quant_with_min_max_vars(image, 0.0, 1.0)
        weights = tf.quantization.fake_quant_with_min_max_vars(kernel, least, most, narrow_range=narrow)
        features = tf.nn.relu(tf.nn.conv2d(image, weights, 2, "VALID"))
        features = tf.quantization.fake_quant_with_min_max_vars(features, 0.0, 6.0)
        scores = tf.reduce_mean(tf.split(features, 3, axis=-1)[1] * [1.0, 2.0, 3.0] if cut else features, (1, 2))
        return tf.quantization.fake_quant_with_min_max_vars(scores, -2.0, 2.0)

    path = FOLDER / (f"fake_quant_{narrow}.pb" if not cut else "fake_quant_cut.pb")
    path.write_bytes(
        convert_variables_to_constants_v2(call.get_concrete_function()).graph.as_graph_def().SerializeToString()
    )
    frames = np.random.default_rng(2).integers(0, 256, (12, 8, 8, 1), dtype=np.uint8)
    result = make(
        Job(
            model=str(path),
            classes=3,
            images=frames,
            labels=np.arange(12) % 3,
            calibration=frames,
            modes=("uint8", "float16", "int16x8"),
        ),
        read_log=str,
        progress=no_progress,
    )
    graph = result.models["uint8"].graph
    return {
        "float": sorted({op.name for op in result.float32.graph.ops}),
        "modes": sorted(result.models),
        "refusals": dict(result.refusals),
        "scales": [round(tensor.scales[0], 5) for tensor in graph.of(graph.outputs)],
        "runs": [trial.runs for trial in try_runtimes(result.models["uint8"])],
        "note": list(result.rewrites),
    }


for narrow in (True, False):
    CASES[f"fake quant {narrow}"] = lambda narrow=narrow: fake_quant(narrow)
CASES["fake quant cut"] = lambda: fake_quant(narrow=True, cut=True)


class Served(tf.Module):
    """A model as servers take it: by default encoded text, and pictures under a name of their own."""

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
    def text(self, texts):
        return {"scores": tf.cast(tf.strings.length(texts), tf.float32)}

    @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 1), tf.float32)])
    def pictures(self, images):
        return {"scores": tf.reduce_mean(images, (1, 2)) * [1.0, 2.0, 3.0]}


served = Served()
tf.saved_model.save(served, str(FOLDER / "served"), {"serving_default": served.text, "pictures": served.pictures})
augmented = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.RandomRotation(0.1), keras.layers.Flatten()])
augmented.export(str(FOLDER / "augmented"), verbose=False)
source("saved in training mode", "augmented")


def input_of_served(frame):
    return sources.load_source(str(FOLDER / "served"), SourceConfig(), frame).function.inputs[0].shape.as_list()


CASES["served to pictures"] = lambda: input_of_served((8, 8))
CASES["served to others"] = lambda: input_of_served((9, 9))


def without_tf_keras():
    kept = sys.modules.pop("tf_keras", None)
    sys.modules["tf_keras"] = None
    try:
        return loaded("no extra", str(FOLDER / "nested.h5"), SourceConfig())
    finally:
        sys.modules["tf_keras"] = kept


CASES["no extra"] = without_tf_keras


def answer(action):
    try:
        return {"value": action()}
    except Exception as error:  # noqa: BLE001  (the tests look at its class)
        return {"error": type(error).__name__, "text": str(error), "code": getattr(error, "exit_code", None)}


np.save(FOLDER / "frames.npy", np.random.default_rng(4).integers(0, 256, (20, 28, 28, 1), dtype=np.uint8))
(FOLDER / "cases.json").write_text(json.dumps({name: answer(action) for name, action in CASES.items()}), "utf-8")
