"""The tutorials' three MNIST networks: what edgeready makes of them beside what the tutorials' own code makes.

    python benchmarks/tutorials.py [--seeds 1,2,3]

Needs MNIST (found in $EDGEREADY_DATA, in the Keras cache, or downloaded) and the extra `build`. No seed is
picked: every one that is run is printed. "naive" is the conversion of TensorFlow's integer-quantization notebook
(100 training images, the model as it is), applied to the very network that edgeready trained.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from edgeready.config.build import BuildConfig, DataConfig, OutputConfig, TrainConfig
from edgeready.readiness import check_file
from edgeready.workflows.build import build

NETWORKS = {"tutorial-cnn": 5, "opengenus-cnn": 5, "dropout-cnn": 1}

NAIVE = """
import sys
import keras, numpy as np, tensorflow as tf
from edgeready.dataset import load_splits
model = keras.models.load_model(sys.argv[1])
images = load_splits("mnist").train.images[:100].astype(np.float32) / 255
images = images.reshape(-1, 1, *model.inputs[0].shape[1:])
converter = tf.lite.TFLiteConverter.from_keras_model(model)
converter.optimizations = [tf.lite.Optimize.DEFAULT]
converter.representative_dataset = lambda: ([image] for image in images)
converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
converter.inference_input_type = tf.uint8
converter.inference_output_type = tf.uint8
open(sys.argv[2], "wb").write(converter.convert())
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1,2,3")
    seeds = [int(seed) for seed in parser.parse_args().seeds.split(",")]
    print(f"{'network':14} {'epochs':>6} {'seed':>4} {'float32':>8} {'uint8':>8} {'model':>9} {'mapped':>8} {'s':>5}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for network, epochs in NETWORKS.items():
            for seed in seeds:
                print(row(folder, network, epochs, seed), flush=True)
            print(naive(folder, network), flush=True)


def row(folder: Path, network: str, epochs: int, seed: int) -> str:
    started = time.perf_counter()
    config = BuildConfig(
        data=DataConfig(source="mnist", seed=seed),
        model=network,
        output=OutputConfig(out=folder / "model.tflite", save_keras=True),
        train=TrainConfig(epochs=epochs, seed=seed),
    )
    result = build(config)
    float32, uint8 = result.comparison.baseline, result.comparison.model
    accuracies = f"{100 * float32.accuracy.top1.value:7.2f}% {100 * uint8.accuracy.top1.value:7.2f}%"
    mapped = f"{result.readiness.mapped}/{len(result.readiness.ops)}"
    seconds = time.perf_counter() - started
    return f"{network:14} {epochs:6} {seed:4} {accuracies} {uint8.flatbuffer_bytes:8}B {mapped:>8} {seconds:5.0f}"


def naive(folder: Path, network: str) -> str:
    out = folder / "naive.tflite"
    subprocess.run(
        [sys.executable, "-c", NAIVE, str(folder / "model.keras"), str(out)], check=True, capture_output=True
    )
    report = check_file(out)
    lines = [
        f"{network:14} naive: {report.verdict}, {report.mapped}/{len(report.ops)} mapped, {out.stat().st_size} B"
    ]
    lines += [f"    {blocker.rule}: {blocker.detail}" for blocker in report.blockers]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
