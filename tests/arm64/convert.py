"""Converts a small float32 .tflite with the host package, without TensorFlow, and prints what came of it as JSON.

Runs in a container of the arm64 lane: a board can calibrate on the pictures of its own camera.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
from engine_nets import bands_classifier
from float_nets import SIZE

import edgeready


def main() -> None:
    """The network tells which third of a picture is the brightest, so every answer is known."""
    noise, labels = np.random.default_rng(11), np.arange(120) % 3
    images = noise.integers(0, 120, (len(labels), SIZE, SIZE, 1), dtype=np.uint8)
    for image, label in zip(images, labels):
        image[label * SIZE // 3 : (label + 1) * SIZE // 3] += 120
    with tempfile.TemporaryDirectory() as folder:
        source, data = Path(folder, "bands.tflite"), Path(folder, "bands.npz")
        source.write_bytes(bands_classifier())
        np.savez(data, x=images, y=labels)
        result = edgeready.convert(source, data=data, out=Path(folder, "out.tflite"))
    document = {
        "engine": result.engine,
        "ready": result.readiness.ready,
        "top1": result.comparison.model.accuracy.top1.value,
        "runs": [trial.runs for trial in result.trials],
        "protections": list(result.protections),
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
