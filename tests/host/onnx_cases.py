"""Reads the ONNX models of a folder as edgeready.tf.sources does; leaves cases.json and the .tflite files there.

Run as: python onnx_cases.py FOLDER, after test_onnx_sources.py has written its models there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import edgeready.tf  # noqa: F401  # isort: skip  (first: it decides what Keras loads)
import numpy as np
from onnx_nets import NETS, frame_of

from edgeready.config.build import SourceConfig
from edgeready.errors import EdgereadyError
from edgeready.quantization.samples import Samples
from edgeready.quantization.source_check import hold_against_source
from edgeready.tf.sources import load_source
from edgeready_device.model_file.reader import TfliteModel


def case(folder: Path, name: str, frame: tuple[int, ...] | None) -> dict:
    """What came of the model `name`: how far its outputs are from ONNX Runtime's; or the error."""
    try:
        network = load_source(str(folder / f"{name}.onnx"), SourceConfig(), frame)
        float32 = TfliteModel(network.float32, trusted=True)
        (image,) = float32.graph.of(float32.graph.inputs)
        frames = np.random.default_rng(3).integers(0, 9, (4, *image.shape[1:])).astype(np.float32)
        check = hold_against_source(float32, Samples((frames,)), network.reference, network.reference_runtime)
    except EdgereadyError as error:
        return {"error": type(error).__name__, "code": error.exit_code, "text": str(error)}
    (folder / f"{name}.tflite").write_bytes(network.float32)
    near = check.difference <= 1e-5 * check.largest_value
    return {"shape": list(image.shape), "frames": check.frames, "near": near}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    names = sorted(path.stem for path in folder.glob("*.onnx"))
    answers = {name: case(folder, name, frame_of(name) if name in NETS else None) for name in names}
    (folder / "cases.json").write_text(json.dumps(answers), "utf-8")
