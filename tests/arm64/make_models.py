"""Makes the models, pictures and recordings of the arm64 contract lane; run on the host, the results are committed.

    python tests/arm64/make_models.py [FOLDER]      (default tests/data/arm64; needs the extra `build`)

The lane itself needs no TensorFlow: it holds what arm64 answers against what this script recorded. For each model
FOLDER gets NAME.tflite (made by edgeready itself, golden vectors inside), and for all of them `recorded.npz` (raw
outputs on the evaluation frames and on single pictures, per runtime, version and kernels) and `recorded.json`
(labels, true classes, and the scales as LiteRT reports them, so that a scale misread by the code under test shows).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from edgeready.config.build import BuildConfig, DataConfig, OutputConfig, TrainConfig
from edgeready.dataset import load_splits
from edgeready.workflows.build import build
from edgeready_device.evaluation import load_examples
from edgeready_device.images.decode import load_frame
from edgeready_device.model import Model
from edgeready_device.model_file.golden import recording_key
from edgeready_device.runtime.runtime import KERNELS, installed_runtimes

HERE = Path(__file__).resolve().parent
SIZE = 24  # pixels of a generated picture
COLORS = {"red": (210, 40, 40), "green": (40, 170, 60), "blue": (50, 60, 200), "yellow": (220, 200, 40)}
SHAPES = ("circle", "square", "triangle")
LABELS = (*(f"{color} {shape}" for color in ("red", "blue") for shape in SHAPES), "green circle", "yellow square")
# name -> (network, data, epochs)
MODELS = {
    "tutorial": ("tutorial-cnn", "digits", 8),
    "residual": (f"{HERE / 'networks.py'}:residual", "digits", 12),
    "depthwise": (f"{HERE / 'networks.py'}:depthwise", "digits", 20),
    "rgb": (f"{HERE / 'networks.py'}:rgb", "shapes", 25),
}
FRAMES = 60  # of the digits' test split, to evaluate on
PICTURES = ("digit-3.png", "digit-8-large.png", "shape.png", "shape-wide.png")


def draw(label: str, random: np.random.Generator, size: int = SIZE) -> Image.Image:
    """One picture of `label`: the shape somewhere on a slope of grey."""
    color, shape = label.split()
    low, high = sorted(random.integers(90, 256, 2))
    slope = np.linspace(low, high, size).astype(np.uint8)
    grey = np.broadcast_to(slope[:, None] if random.random() < 0.5 else slope[None, :], (size, size))
    image = Image.fromarray(np.ascontiguousarray(grey)).convert("RGB")
    radius = random.uniform(0.2, 0.34) * size
    x, y = random.uniform(radius, size - radius, 2)
    shift = random.integers(-25, 26, 3)
    fill = tuple(int(v) for v in np.clip(np.array(COLORS[color]) + shift, 0, 255))
    canvas = ImageDraw.Draw(image)
    box = (x - radius, y - radius, x + radius, y + radius)
    if shape == "circle":
        canvas.ellipse(box, fill=fill)
    elif shape == "square":
        canvas.rectangle(tuple(np.array(box) * 0.9 + np.array((x, y, x, y)) * 0.1), fill=fill)
    else:
        canvas.polygon([(x, y - radius), (x - radius, y + radius), (x + radius, y + radius)], fill=fill)
    return image


def write_shapes(folder: Path, per_class: int, seed: int) -> None:
    """Pictures of every label in `folder`/LABEL/NN.png."""
    random = np.random.default_rng(seed)
    for label in LABELS:
        (folder / label).mkdir(parents=True, exist_ok=True)
        for index in range(per_class):
            draw(label, random).save(folder / label / f"{index:03d}.png", optimize=True)


def write_digits(path: Path) -> None:
    """The first frames of the digits' test split in Keras layout."""
    test = load_splits("digits").test
    images, labels = test.images[:FRAMES], test.labels[:FRAMES]
    np.savez_compressed(path, x_test=images.astype(np.uint8), y_test=labels.astype(np.uint8))


def write_pictures(folder: Path, digits: Path) -> None:
    """Single pictures to classify, two of them not of the model's size."""
    with np.load(digits) as data:
        three, eight = (data["x_test"][data["y_test"] == digit][0] for digit in (3, 8))
    random = np.random.default_rng(5)
    Image.fromarray(three).save(folder / PICTURES[0])
    Image.fromarray(eight).resize((45, 60)).save(folder / PICTURES[1])
    draw("blue triangle", random).save(folder / PICTURES[2])
    draw("red circle", random, 72).resize((96, 72)).save(folder / PICTURES[3])


def make_model(name: str, folder: Path, data: str) -> None:
    """FOLDER/NAME.tflite, built by edgeready."""
    network, _, epochs = MODELS[name]
    size = None if data == "digits" else (SIZE, SIZE)
    config = BuildConfig(
        data=DataConfig(source=data, image_size=size),
        model=network,
        output=OutputConfig(out=folder / f"{name}.tflite"),
        train=TrainConfig(epochs=epochs),
    )
    accuracy = build(config).comparison.model.accuracy.top1
    print(f"{name}: top-1 {100 * accuracy.value:.1f} %, {os.path.getsize(config.output.out):,} bytes", flush=True)


def record(name: str, folder: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """What the host answers: raw outputs per recording key, and facts about the model."""
    path = folder / f"{name}.tflite"
    digits = MODELS[name][1] == "digits"
    data, pictures = ("digits.npz", PICTURES[:2]) if digits else ("shapes", PICTURES[2:])
    first = Model.load(path)
    spec = first.contract.frame
    examples = load_examples(folder / data, spec, first.labels)
    frames = [load_frame(folder / file, spec.height, spec.width, spec.channels, spec.resize) for file in pictures]
    outputs = {}
    for runtime in installed_runtimes():
        for kernels in KERNELS:
            model = Model.load(path, runtime=runtime.name, kernels=kernels)
            key = recording_key(runtime, kernels)
            outputs[f"{name}/{key}/data"] = model.invoke_many(examples.frames[: len(examples.truth)])
            outputs[f"{name}/{key}/pictures"] = model.invoke_many(np.stack(frames))
    facts = {
        "data": data,
        "truth": examples.truth.tolist(),
        "pictures": list(pictures),
        "labels": list(first.labels),
        "scores": first.contract.scores,
        **_ends(path),
    }
    return outputs, facts


def _ends(path: Path) -> dict[str, Any]:
    """Scales and zero points as LiteRT itself reports them."""
    interpreter = Interpreter(model_content=path.read_bytes())
    ends = {"input": interpreter.get_input_details()[0], "output": interpreter.get_output_details()[0]}
    return {f"{end}_quantization": list(details["quantization"]) for end, details in ends.items()}


def main(folder: Path) -> None:
    """Everything, from nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    write_digits(folder / "digits.npz")
    write_shapes(folder / "shapes", 4, seed=2)
    write_pictures(folder, folder / "digits.npz")
    arrays: dict[str, NDArray[Any]] = {}
    facts: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        write_shapes(Path(temporary, "shapes"), 150, seed=1)
        for name, (_, data, _) in MODELS.items():
            make_model(name, folder, data if data == "digits" else str(Path(temporary, "shapes")))
            outputs, facts[name] = record(name, folder)
            arrays.update(outputs)
    np.savez_compressed(folder / "recorded.npz", **arrays)
    (folder / "recorded.json").write_text(json.dumps(facts) + "\n", "utf-8")
    print(f"{sum(file.stat().st_size for file in folder.rglob('*') if file.is_file()):,} bytes in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else HERE.parent / "data" / "arm64")
