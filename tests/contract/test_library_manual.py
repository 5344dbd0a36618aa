"""Every example of docs/library.md runs, from the first to the last, and its table names what `Model` has."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from detector_models import ssd
from tflite_models import rgb_classifier

from edgeready.model_file.golden import record_golden
from edgeready.model_file.writer import package
from edgeready_device.detection.detector import Detector
from edgeready_device.model import Model
from edgeready_device.model_file.manifest import InputSpec, Manifest
from edgeready_device.model_file.reader import read_model_file

MANUAL = (Path(__file__).parents[2] / "docs" / "library.md").read_text("utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL)


@pytest.fixture
def in_a_folder_with_a_model(tmp_path, monkeypatch):
    """A working directory that holds a complete model.tflite for 16x16 RGB frames, and a detector.tflite."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.tflite"
    manifest = Manifest("rgb", InputSpec(16, 16, 3), "probabilities")
    labels = ("ankle boot", "bag", "coat", "dress", "sandal")
    path.write_bytes(package(rgb_classifier(), manifest, labels, "1"))
    frames = np.random.default_rng(1).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    golden = record_golden(read_model_file(path), frames)
    path.write_bytes(package(rgb_classifier(), manifest, labels, "1", golden))
    (tmp_path / "detector.tflite").write_bytes(ssd())


def test_every_example_runs(in_a_folder_with_a_model, capsys):
    assert len(EXAMPLES) >= 8
    exec(compile("\n".join(EXAMPLES), "docs/library.md", "exec"), {})
    assert re.fullmatch(r"[a-z ]+ \d 0\.\d+\n", capsys.readouterr().out)


def test_the_table_names_what_a_model_has_and_leaves_nothing_out(in_a_folder_with_a_model):
    table = MANUAL.split("## Model\n")[1].split("\n\n")[0]
    named = set(re.findall(r"`(?:Model\.)?(\w+)[(`]", table))
    model = Model.load("model.tflite")
    public = {name for name in dir(model) if not name.startswith("_")}
    assert named - {"Prediction"} <= public
    assert public - named == {"from_file", "description", "kernels", "tuned"}


def test_the_table_of_objects_names_what_a_detector_has(in_a_folder_with_a_model):
    table = MANUAL.split("## Objects\n")[1].split("\n\n")[3]
    named = set(re.findall(r"`(?:Detector\.)?(\w+)[(`]", table))
    public = {name for name in dir(Detector.load("detector.tflite")) if not name.startswith("_")}
    assert named - {"Detection", "description", "head"} == public - {"from_file"}
