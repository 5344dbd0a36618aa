"""Evaluating 10,000 MNIST images: edgeready's evaluation against the tutorials' loop, same file, same runtime.

    python benchmarks/evaluate.py [--model FILE] [--repeats 5]

Without --model it builds an opengenus-cnn (one epoch) first. The loop is that of the tutorials: divide by 255,
by the scale, add the zero point, cast, set_tensor, invoke, get_tensor, one image at a time. The two take turns, so
that a drift of the machine meets both; printed is the ratio of each pair, its median, and whether the predictions
are those of a loop that rounds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from edgeready.config.build import BuildConfig, DataConfig, OutputConfig, TrainConfig
from edgeready.dataset import load_splits
from edgeready.workflows.build import build
from edgeready_device.evaluation import evaluate
from edgeready_device.machine.machine import read_machine
from edgeready_device.model import Model
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.runtime.runtime import choose_runtime, open_interpreter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(options.model or built(Path(folder)), options.repeats)


def built(folder: Path) -> Path:
    out = folder / "model.tflite"
    build(
        BuildConfig(
            data=DataConfig(source="mnist"),
            model="opengenus-cnn",
            output=OutputConfig(out=out),
            train=TrainConfig(epochs=1),
        )
    )
    return out


def run(path: Path, repeats: int) -> None:
    test = load_splits("mnist").test
    model = Model.load(path)
    machine = read_machine()
    print(f"{len(test):,} images, {model.runtime}, {machine.processor}, {machine.cpus} CPUs")
    evaluate(model, test.images, test.labels)  # warm-up
    ratios = []
    for _ in range(repeats):
        started = time.perf_counter()
        report = evaluate(model, test.images, test.labels)
        ours = time.perf_counter() - started
        started = time.perf_counter()
        truncated = loop(path, test.images, rounds=False)
        theirs = time.perf_counter() - started
        ratios.append(theirs / ours)
        print(f"edgeready {ours:.3f} s, tutorial's loop {theirs:.3f} s, ratio {theirs / ours:.2f}")
    right = loop(path, test.images, rounds=True)
    print(f"median ratio {statistics.median(ratios):.2f}")
    print(
        f"predictions other than those of a loop that rounds: edgeready {int((report.predictions != right).sum())}, "
        f"tutorial's loop {int((truncated != right).sum())}"
    )


def loop(path: Path, images: np.ndarray, *, rounds: bool) -> np.ndarray:
    interpreter = open_interpreter(choose_runtime(), read_model_file(path).flatbuffer)
    taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero_point = taken["quantization"]
    normalized = images.astype(np.float32) / 255.0
    predictions = np.zeros(len(images), int)
    for i, image in enumerate(normalized):
        values = image / scale + zero_point
        values = np.clip(np.rint(values), 0, 255) if rounds else values
        tensor = np.expand_dims(values, 0).astype(taken["dtype"]).reshape(taken["shape"])
        interpreter.set_tensor(taken["index"], tensor)
        interpreter.invoke()
        predictions[i] = interpreter.get_tensor(given["index"])[0].argmax()
    return predictions


if __name__ == "__main__":
    main()
