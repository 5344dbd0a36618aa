"""Converts one trained network from every kind of file, each written by its real library, and counts right answers.

    python benchmarks/sources.py [FOLDER]

Needs the extras build and legacy. All files hold the same weights (a small network on digits, 359 test images), so
all must give the same answers. The files are those of tests/host/source_files.py; they stay in FOLDER where one is
given.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from edgeready.config.build import BuildConfig, DataConfig, OutputConfig, SourceConfig
from edgeready.workflows import build as pipeline

MAKER = Path(__file__).parents[1] / "tests" / "host" / "source_files.py"
SOURCES = {
    "keras3.keras": "Keras 3, .keras",
    "keras3.h5": "Keras 3, .h5",
    "keras3_export": "Keras 3, export (SavedModel)",
    "keras2.keras": "tf_keras, .keras",
    "keras2.h5": "tf_keras, .h5",
    "nested.h5": "tf_keras, .h5, model in a model",
    "keras2_saved_model": "tf_keras, SavedModel",
    "module": "tf.saved_model.save of a tf.Module",
    "frozen.pb": "TensorFlow 1 frozen graph",
    "open_batch.tflite": "float32 .tflite, open batch",
}


def main(folder: Path) -> None:
    subprocess.run([sys.executable, str(MAKER), str(folder)], check=True, capture_output=True)
    print("| source | float32 right | uint8 right | same answers as the first | ops mapped | flatbuffer |")
    print("|---|---|---|---|---|---|")
    first = None
    for name, told in SOURCES.items():
        source = SourceConfig(signature="scores") if name == "module" else SourceConfig()
        out = folder / f"{name}.uint8.tflite"
        result = pipeline.convert(
            BuildConfig(
                data=DataConfig(source="digits"),
                model=str(folder / name),
                output=OutputConfig(out=out),
                source=source,
            )
        )
        float32, uint8 = result.comparison.baseline, result.comparison.model
        first = uint8.accuracy.predictions if first is None else first
        same = int((uint8.accuracy.predictions == first).sum())
        right = f"{float32.accuracy.top1.hits} | {uint8.accuracy.top1.hits} | {same} of {len(first)}"
        mapped = f"{result.readiness.mapped} of {len(result.readiness.ops)}"
        print(f"| {told} | {right} | {mapped} | {uint8.flatbuffer_bytes:,} B |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    folder = parser.parse_args().folder
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        main(folder)
    else:
        with tempfile.TemporaryDirectory() as name:
            main(Path(name))
