"""MediaPipe's ImageClassifier, in an environment of its own, reads what edgeready writes."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tflite_models import rgb_classifier

from edgeready.model_file.writer import package
from edgeready_device.model_file.manifest import InputSpec, Manifest
from edgeready_device.tflite.graph import read_graph

LABELS = ("ankle boot", "bag", "coat", "dress", "sandal")

CLASSIFY = """
import json, sys
import mediapipe, numpy
from mediapipe.tasks.python import BaseOptions, vision
options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=sys.argv[1]))
frame = numpy.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=numpy.uint8)
with vision.ImageClassifier.create_from_options(options) as classifier:
    result = classifier.classify(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=frame))
print(json.dumps({each.category_name: each.score for each in result.classifications[0].categories}))
"""


@pytest.fixture(scope="module")
def mediapipe_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has MediaPipe; skips, saying why, where it cannot be installed."""
    if importlib.util.find_spec("uv") is None:
        pytest.skip("uv is not installed here")
    uv, folder = (sys.executable, "-m", "uv"), tmp_path_factory.mktemp("mediapipe") / "venv"
    subprocess.run([*uv, "venv", "-q", "-p", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    line = ["pip", "install", "-q", "-p", python, "mediapipe>=0.10.20,<2"]
    got = subprocess.run([*uv, *line], capture_output=True, text=True, check=False)
    if got.returncode:
        pytest.skip(f"MediaPipe cannot be installed here: {got.stderr.strip().splitlines()[-1:]}")
    return python


@pytest.mark.install
@pytest.mark.slow
@pytest.mark.long
def test_mediapipe_reads_the_labels_of_an_rgb_model(mediapipe_python: Path, tmp_path: Path) -> None:
    flatbuffer = rgb_classifier()
    shape = read_graph(flatbuffer).tensors[0].shape
    manifest = Manifest("rgb", InputSpec(shape[1], shape[2], 3), "probabilities")
    model = tmp_path / "rgb.tflite"
    model.write_bytes(package(flatbuffer, manifest, LABELS, "1.0"))
    ran = subprocess.run(
        [str(mediapipe_python), "-c", CLASSIFY, str(model)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    scores = json.loads(ran.stdout.splitlines()[-1])
    assert set(scores) == set(LABELS)
    assert sum(scores.values()) == pytest.approx(1, abs=0.02)
