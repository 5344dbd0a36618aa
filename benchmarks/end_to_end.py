"""RGB array to top label: edgeready against the bare interpreter's three calls, and against MediaPipe.

    python benchmarks/end_to_end.py [--rounds 40] [--cache FOLDER] [--peer-python PYTHON]

Two uint8 files, made into the cache where they are not there: MobileNetV2 (224x224, 1000 classes, random weights:
they do not change the time) and tutorial-cnn on MNIST. `bare` is set_tensor, invoke, get_tensor with a tensor that is
ready; `edgeready` is `Model.classify` of the frame, for the top label and for the default five; MediaPipe's
ImageClassifier runs in an environment of its own (--peer-python, one that has mediapipe), from numpy array to top
label, too. All run on the same one CPU, one thread, in turns of a few calls, so that a drift of the machine meets
all. Printed are medians, and the median of the ratios of each round. Exit code 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgeready_device.model import Model
from edgeready_device.runtime.runtime import open_interpreter

GOALS = {"mobilenet-v2": {"edgeready": 1.05}, "tutorial-cnn": {"edgeready": 1.25}}
RUNTIME = "ai-edge-litert"
NETWORK = """\
import keras

def make(input_shape, classes):
    return keras.applications.MobileNetV2(weights=None, input_shape=input_shape, classes=classes)
"""
PEER = """\
import json, sys, time
import mediapipe, numpy
from mediapipe.tasks.python import BaseOptions, vision
base = BaseOptions(model_asset_path=sys.argv[1])
options = vision.ImageClassifierOptions(base_options=base, max_results=1)
classifier = vision.ImageClassifier.create_from_options(options)
frame = numpy.load(sys.argv[2])
print("ready", flush=True)
for line in sys.stdin:
    times = []
    for _ in range(int(line)):
        started = time.perf_counter()
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=frame)
        label = classifier.classify(image).classifications[0].categories[0].category_name
        times.append(time.perf_counter() - started)
    print(json.dumps({"label": label, "times": times}), flush=True)
"""
Turn = Callable[[int], list[float]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir(), "edgeready-benchmarks"))
    parser.add_argument("--peer-python", type=Path, help="a Python that has mediapipe")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    files = {"mobilenet-v2": mobilenet(options.cache), "tutorial-cnn": tutorial_cnn(options.cache)}
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    kept = [
        measured(name, file, options.rounds, options.peer_python if name == "mobilenet-v2" else None)
        for name, file in files.items()
    ]
    return int(not all(kept))


def mobilenet(cache: Path) -> Path:
    """MobileNetV2 for 224x224 RGB and 1000 classes, complete with metadata and labels."""
    from edgeready.config.build import NetworkConfig
    from edgeready.jobs.job import Job
    from edgeready.jobs.run_job import run_job
    from edgeready.model_file.writer import package
    from edgeready_device.model_file.manifest import InputSpec, Manifest
    from edgeready_device.normalization import Normalization

    file = cache / "mobilenet-v2.tflite"
    if not file.exists():
        source = cache / "network.py"
        source.write_text(NETWORK, "utf-8")
        frames = np.random.default_rng(1).integers(0, 256, (4, 224, 224, 3), dtype=np.uint8)
        scaled = Normalization((127.5,), (127.5,))
        network = NetworkConfig(mean=scaled.mean, std=scaled.std)
        job = Job(model=f"{source}:make", classes=1000, images=frames, calibration=frames, network=network)
        result = run_job(job, lambda *progress: None)
        manifest = Manifest("mobilenet-v2", InputSpec(224, 224, 3, "stretch", scaled), "probabilities")
        file.write_bytes(
            package(result.models["uint8"].flatbuffer, manifest, [f"class {i}" for i in range(1000)], "1")
        )
    return file


def tutorial_cnn(cache: Path) -> Path:
    """tutorial-cnn, one epoch on MNIST."""
    from edgeready.config.build import BuildConfig, DataConfig, OutputConfig, TrainConfig
    from edgeready.workflows.build import build

    file = cache / "tutorial-cnn.tflite"
    if not file.exists():
        build(
            BuildConfig(
                data=DataConfig(source="mnist"),
                model="tutorial-cnn",
                output=OutputConfig(out=file),
                train=TrainConfig(epochs=1),
            )
        )
    return file


def measured(name: str, file: Path, rounds: int, peer_python: Path | None) -> bool:
    """Prints the medians and ratios of one file; whether its goals are met."""
    model = Model.load(file, runtime=RUNTIME, threads=1)
    frame = np.random.default_rng(0).integers(0, 256, model.input.shape[1:], dtype=np.uint8)
    turns = {
        "bare": timed(bare_calls(model, frame)),
        "edgeready": timed(lambda: model.classify(frame, top=1)),
        "edgeready, top 5": timed(lambda: model.classify(frame)),
    }
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "frame.npy"), frame)
        peer = None if peer_python is None else started_peer(peer_python, file, Path(folder, "frame.npy"))
        if peer is not None:
            turns["mediapipe"] = lambda calls: ask(peer, calls)["times"]
        found = in_turns(turns, rounds)
        if peer is not None:
            same = ask(peer, 1)["label"] == model.classify(frame, top=1)[0].label
            print(f"{name}: MediaPipe says the same label: {same}")
            peer.stdin.close()
            peer.wait()
    return told(name, model, found)


def bare_calls(model: Model, frame: np.ndarray) -> Callable[[], object]:
    interpreter = open_interpreter(model.runtime, model.file.flatbuffer)
    tensor = model.quantize(frame)
    taken = interpreter.get_input_details()[0]["index"]
    given = interpreter.get_output_details()[0]["index"]

    def call() -> object:
        interpreter.set_tensor(taken, tensor)
        interpreter.invoke()
        return interpreter.get_tensor(given)

    return call


def timed(call: Callable[[], object]) -> Turn:
    def turn(calls: int) -> list[float]:
        times = []
        for _ in range(calls):
            started = time.perf_counter()
            call()
            times.append(time.perf_counter() - started)
        return times

    return turn


def in_turns(turns: dict[str, Turn], rounds: int) -> dict[str, list[list[float]]]:
    """The seconds of each round's calls by name; about 50 ms a turn, and the order turned round every second time."""
    calls = max(5, min(500, round(0.05 / statistics.median(turns["bare"](20)))))
    for turn in turns.values():
        turn(calls)  # warm-up
    found: dict[str, list[list[float]]] = {name: [] for name in turns}
    for number in range(rounds):
        for name in list(turns)[:: -1 if number % 2 else 1]:
            found[name].append(turns[name](calls + 1)[1:])
    return found


def told(name: str, model: Model, found: dict[str, list[list[float]]]) -> bool:
    medians = {path: [statistics.median(times) for times in rounds] for path, rounds in found.items()}
    print(f"{name}: {model.runtime}, one thread, {len(medians['bare'])} rounds of {len(found['bare'][0])} calls")
    ratios = {}
    for path, rounds in medians.items():
        ratios[path] = statistics.median(ours / bare for ours, bare in zip(rounds, medians["bare"]))
        print(f"  {path:<18} {statistics.median(rounds) * 1e6:>9.1f} µs   {ratios[path]:.3f} of bare")
    kept = all(ratios[path] <= most for path, most in GOALS[name].items())
    for path, most in GOALS[name].items():
        print(f"  goal: {path} at most {most} of bare: {'met' if ratios[path] <= most else 'MISSED'}")
    if "mediapipe" in ratios:
        faster = ratios["edgeready"] <= ratios["mediapipe"]
        kept = kept and faster
        print(f"  goal: not slower than MediaPipe: {'met' if faster else 'MISSED'}")
    return kept


def started_peer(python: Path, file: Path, frame: Path) -> subprocess.Popen[str]:
    peer = subprocess.Popen(
        [str(python), "-c", PEER, str(file), str(frame)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    if peer.stdout.readline().strip() != "ready":
        sys.exit(f"{python} cannot run MediaPipe's ImageClassifier on {file}")
    return peer


def ask(peer: subprocess.Popen[str], calls: int) -> dict:
    peer.stdin.write(f"{calls}\n")
    peer.stdin.flush()
    return json.loads(peer.stdout.readline())


if __name__ == "__main__":
    raise SystemExit(main())
