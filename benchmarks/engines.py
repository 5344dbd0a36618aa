"""Makes the same float32 networks integer with both engines: seconds, layers, answers; a trained network's accuracy.

    python benchmarks/engines.py [--data mnist] [--size 96] [--networks MobileNetV2 EfficientNetB0 ResNet50]

Needs the extra build. Seconds are those of the whole child process, which loads its engine, calibrates on 100
frames of noise and quantizes; the engines take turns, and the shorter of two times counts. The networks of
keras.applications have random weights. Last, tutorial-cnn is trained on the data, and both engines' files classify
all of its test images. Printed as Markdown.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from edgeready.config.build import BuildConfig, DataConfig, OutputConfig, QuantizeConfig
from edgeready.config.engine import LITERT, TENSORFLOW
from edgeready.jobs.quantize_job import QuantizeJob
from edgeready.jobs.run import run_quantize_job
from edgeready.quantization.inputs import image_samples
from edgeready.readiness import check_graph
from edgeready.workflows import build as pipeline
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.normalization import Normalization
from edgeready_device.progress import no_progress
from edgeready_device.session import Session

FRAMES = 100
CLASSES = 10
TO_FLOAT = """\
import sys
from pathlib import Path
from edgeready.config.build import SourceConfig
from edgeready.tf import convert
import keras
name, size, out = sys.argv[1:]
keras.utils.set_random_seed(1)
shape = (int(size), int(size), 3)
model = getattr(keras.applications, name)(weights=None, input_shape=shape, classes=%d)
Path(out).write_bytes(convert.to_float32(convert.freeze(model), SourceConfig()))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="mnist", help="the data set of the trained network")
    parser.add_argument("--size", type=int, default=96, help="height and width of the frames of keras.applications")
    parser.add_argument("--networks", nargs="*", default=["MobileNetV2", "EfficientNetB0", "ResNet50"])
    options = parser.parse_args()
    print("| network | LiteRT | TensorFlow | ops mapped | same layers | largest difference of an output |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.networks:
            print(compare(name, options.size, Path(folder, f"{name}.tflite")), flush=True)
        print(trained(options.data, Path(folder)))


def compare(name: str, size: int, path: Path) -> str:
    """A row of the table."""
    command = [sys.executable, "-c", TO_FLOAT % CLASSES, name, str(size), str(path)]
    subprocess.run(command, check=True, capture_output=True)
    float32 = TfliteModel(path.read_bytes(), trusted=True)
    frames = np.random.default_rng(1).integers(0, 256, (FRAMES, size, size, 3), dtype=np.uint8)
    samples = image_samples(float32.graph, frames, Normalization((0.0,), (255.0,)))
    models, seconds = {}, {LITERT: [], TENSORFLOW: []}
    for engine in (LITERT, TENSORFLOW, TENSORFLOW, LITERT):
        job = QuantizeJob(model=float32.flatbuffer, mode="uint8", samples=samples, engine=engine)
        started = time.monotonic()
        models[engine] = TfliteModel(run_quantize_job(job, no_progress).model, trusted=True)
        seconds[engine].append(time.monotonic() - started)
    reports = [check_graph(models[engine].graph) for engine in (LITERT, TENSORFLOW)]
    layers = [sorted(op.name for op in report.ops) for report in reports]
    outputs = [answers(models[engine], frames[:20]) for engine in (LITERT, TENSORFLOW)]
    times = " | ".join(f"{min(seconds[engine]):.1f} s" for engine in (LITERT, TENSORFLOW))
    mapped = " and ".join(f"{report.mapped} of {len(report.ops)}" for report in reports)
    steps = np.abs(outputs[0].astype(int) - outputs[1].astype(int)).max()
    return f"| {name} | {times} | {mapped} | {'yes' if layers[0] == layers[1] else 'no'} | {steps} steps |"


def answers(model: TfliteModel, frames: np.ndarray) -> np.ndarray:
    """The raw outputs of `model` for each of `frames`."""
    session = Session.from_file(model)
    return np.stack([session.invoke([frame[np.newaxis]])[0][0] for frame in frames])


def trained(data: str, folder: Path) -> str:
    """The accuracy of both engines' files of one trained network, in a sentence."""
    source = DataConfig(source=data)
    first = OutputConfig(out=folder / "first.tflite", save_float=True)
    network = folder / "first_float32.tflite"
    pipeline.build(BuildConfig(data=source, model="tutorial-cnn", output=first))
    reports = []
    for engine in (LITERT, TENSORFLOW):
        config = BuildConfig(
            data=source,
            model=str(network),
            output=OutputConfig(out=folder / f"{engine}.tflite"),
            quantize=QuantizeConfig(engine=engine),
        )
        reports.append(pipeline.convert(config).comparison.model.accuracy)
    same = float((reports[0].predictions == reports[1].predictions).mean())
    shares = [f"{100 * report.top1.value:.2f} %" for report in reports]
    return f"\ntutorial-cnn, {data}: {shares[0]} by LiteRT, {shares[1]} by TensorFlow, the same answer on {same:.2%}"


if __name__ == "__main__":
    main()
