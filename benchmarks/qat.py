"""Quantization-aware training beside that of tensorflow-model-optimization: same network, weights, images and epochs.

    python benchmarks/qat.py [--data fashion-mnist] [--seeds 1,2,3] [--epochs 1] [--peer-python PATH]

Both start from the same trained weights of a depthwise network and train on with the same optimizer, learning rate
and batch size; every uint8 file is measured on all test images through edgeready_device. PATH is a Python with
tensorflow, tf-keras and tensorflow-model-optimization; without it the benchmark makes such an environment in the
user's cache folder. "sim" is the accuracy that the training's simulation gives for our file, on the same images.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgeready import __version__
from edgeready.budget.significance import paired_drop
from edgeready.config.build import BuildConfig, DataConfig, OutputConfig, TrainConfig
from edgeready.config.method import QatConfig
from edgeready.jobs.run_job import run_job
from edgeready.model_file.writer import package
from edgeready.workflows.build import build
from edgeready.workflows.prepare import job_of, load_data, manifest_of
from edgeready_device.evaluation import EvaluationReport, evaluate
from edgeready_device.model import Model

PEER_PACKAGES = ("tensorflow-cpu==2.21.*", "tf-keras==2.21.*", "tensorflow-model-optimization==0.8.1", "numpy<2")

NETWORK = """
def layers_of(layers):
    def normalized(convolution):
        return [convolution, layers.BatchNormalization(), layers.ReLU(6.0)]

    found = normalized(layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False))
    for filters, stride in ((32, 1), (64, 2), (64, 1)):
        found += normalized(layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False))
        found += normalized(layers.Conv2D(filters, 1, use_bias=False))
    return [*found, layers.GlobalAveragePooling2D(), layers.Dense(10)]


def make(input_shape, classes):
    import keras

    shape = input_shape if len(input_shape) == 3 else (*input_shape, 1)
    return keras.Sequential([keras.Input(shape), *layers_of(keras.layers)])
"""

EXPORT = """
import sys
import keras, numpy as np
np.savez(sys.argv[2], *keras.models.load_model(sys.argv[1]).get_weights())
"""

TUNE = """
import json, sys
import numpy as np
from edgeready.config.method import QatConfig
from edgeready.tf import models, qat, train
data, settings = np.load(sys.argv[2]), json.loads(sys.argv[3])
named = models.load_model(sys.argv[1], data["test"].shape[1:], 10)
tuned = qat.fine_tune(named, data["train"], data["labels"], data["calibration"], config=QatConfig(**settings))
tuned = tuned.named
tuned.model.save(sys.argv[4])
simulation = qat.Simulation(tuned.model)
simulation.observe(train.match_rank(tuned.model, data["calibration"]), tuned.normalization)
scores = simulation.predict(train.match_rank(tuned.model, data["test"]), tuned.normalization)
print(json.dumps(scores.argmax(1).tolist()))
"""

PEER = """
import json, os, sys
os.environ["TF_USE_LEGACY_KERAS"] = "1"
import numpy as np, tensorflow as tf, tf_keras as keras
import tensorflow_model_optimization as tfmot
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from net import layers_of

data, weights, settings, out = np.load(sys.argv[1]), np.load(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4]
keras.utils.set_random_seed(settings["seed"])
frames = data["train"].astype(np.float32) / 255
frames = frames if frames.ndim == 4 else frames[..., np.newaxis]
model = keras.Sequential([keras.Input(frames.shape[1:]), *layers_of(keras.layers)])
model.set_weights([weights[key] for key in weights.files])
model = tfmot.quantization.keras.quantize_model(model)
steps = -(-len(frames) // settings["batch_size"])
rate = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], steps * settings["epochs"])
model.compile(keras.optimizers.Adam(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(frames, data["labels"], epochs=settings["epochs"], batch_size=settings["batch_size"], verbose=0)
infer = tf.function(lambda image: model(image, training=False))
frozen = infer.get_concrete_function(tf.TensorSpec((1, *frames.shape[1:]), tf.float32))
converter = tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(frozen)])
converter.optimizations = [tf.lite.Optimize.DEFAULT]
converter.inference_input_type = converter.inference_output_type = tf.uint8
open(out, "wb").write(converter.convert())
"""


@dataclass(frozen=True)
class Bench:
    """What every run shares."""

    folder: Path
    data: str
    peer: str
    epochs: int
    learning_rate: float
    train_epochs: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--epochs", type=int, default=1, help="of quantization-aware training")
    parser.add_argument("--train-epochs", type=int, default=3, help="of float training before")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--peer-python", help="a Python with tensorflow-model-optimization")
    given = parser.parse_args()
    peer = given.peer_python or str(made_environment())
    print(f"{given.data}, {given.train_epochs} epochs in float, then {given.epochs} in 8 bits")
    print("seed  float32     PTQ    ours     sim    peer   ours - peer, 95 %        p  s ours  s peer", flush=True)
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), given.data, peer, given.epochs, given.learning_rate, given.train_epochs)
        (bench.folder / "net.py").write_text(NETWORK, "utf-8")
        for seed in given.seeds.split(","):
            print(row(bench, int(seed)), flush=True)


def row(bench: Bench, seed: int) -> str:
    folder = bench.folder
    config = BuildConfig(
        data=DataConfig(source=bench.data, seed=seed),
        model=f"{folder / 'net.py'}:make",
        output=OutputConfig(out=folder / "float.tflite", save_keras=True),
        train=TrainConfig(epochs=bench.train_epochs, batch_size=64, learning_rate=2e-3, seed=seed),
    )
    result = build(config)
    splits = load_data(config, lambda *progress: None)
    qat = QatConfig(epochs=bench.epochs, learning_rate=bench.learning_rate, batch_size=32, seed=seed)
    np.savez(
        folder / "data.npz",
        train=splits.train.images,
        labels=splits.train.labels,
        calibration=splits.calibration.images,
        test=splits.test.images,
    )

    def measured(flatbuffer: bytes) -> EvaluationReport:
        path = folder / "measured.tflite"
        path.write_bytes(package(flatbuffer, manifest, splits.train.classes, __version__))
        return evaluate(Model.load(path), splits.test.images, splits.test.labels)

    started = time.perf_counter()
    arguments = [str(folder / "float.keras"), str(folder / "data.npz"), json.dumps(vars(qat))]
    told = ours([TUNE, *arguments, str(folder / "tuned.keras")])
    ours_s = time.perf_counter() - started
    simulated = np.asarray(json.loads(told.splitlines()[-1]))
    made = run_job(replace(job_of(config, splits, None), model=str(folder / "tuned.keras")), lambda *progress: None)
    manifest = manifest_of(config, splits, made, "uint8")
    trained = measured(made.files["uint8"])
    started = time.perf_counter()
    theirs = measured(peers(bench, qat))
    peer_s = time.perf_counter() - started
    sim = float((simulated == splits.test.labels).mean())
    drop = paired_drop(theirs.predictions, trained.predictions, splits.test.labels)
    low, high = drop.interval
    shares = [result.comparison.baseline.accuracy.top1.value, result.comparison.model.accuracy.top1.value]
    shares += [trained.top1.value, sim, theirs.top1.value]
    percents = " ".join(f"{100 * share:6.2f}%" for share in shares)
    gain = f"{-100 * drop.value:+6.2f} ({-100 * high:+.2f} to {-100 * low:+.2f})"
    return f"{seed:4}  {percents}  {gain:26} {drop.p_value:6.3f} {ours_s:7.0f} {peer_s:7.0f}"


def peers(bench: Bench, qat: QatConfig) -> bytes:
    """The uint8 file of tensorflow-model-optimization from the same weights."""
    folder = bench.folder
    ours([EXPORT, str(folder / "float.keras"), str(folder / "weights.npz")])
    settings = {name: getattr(qat, name) for name in ("epochs", "learning_rate", "batch_size", "seed")}
    arguments = [
        str(folder / "data.npz"),
        str(folder / "weights.npz"),
        json.dumps(settings),
        str(folder / "peer.tflite"),
    ]
    done = subprocess.run(
        [bench.peer, "-c", PEER, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "TF_USE_LEGACY_KERAS": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"the peer failed:\n{done.stderr[-2000:]}")
    return (folder / "peer.tflite").read_bytes()


def ours(arguments: list[str]) -> str:
    done = subprocess.run([sys.executable, "-c", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"it failed:\n{done.stderr[-2000:]}")
    return done.stdout


def made_environment() -> Path:
    """A Python with the peer, made once in the user's cache folder."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "edgeready" / "tfmot"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PEER_PACKAGES], check=True)
    return python


if __name__ == "__main__":
    main()
