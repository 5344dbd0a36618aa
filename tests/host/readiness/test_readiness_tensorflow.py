"""Readiness of what today's TensorFlow writes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from edgeready.readiness import check_file

# In a process of its own: where TensorFlow is loaded, tflite-runtime refuses every model.
NOTEBOOK = """
import sys
import numpy as np, tensorflow as tf
layers = tf.keras.layers
for path, batch in zip(sys.argv[1:], (None, 1)):
    model = tf.keras.Sequential(
        [
            layers.Input((28, 28, 1), batch_size=batch, name="digits"),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([np.ones((1, 28, 28, 1), np.float32) * i] for i in range(2))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    open(path, "wb").write(converter.convert())
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The notebook's file, and the same with a fixed batch."""
    folder = tmp_path_factory.mktemp("notebook")
    paths = folder / "notebook.tflite", folder / "fixed.tflite"
    subprocess.run([sys.executable, "-c", NOTEBOOK, *paths], check=True, capture_output=True)
    return paths


@pytest.mark.tensorflow
@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="the extra `build` is not installed")
def test_the_notebook_conversion_of_a_plain_classifier_is_not_ready_and_its_causes_are_named(
    files: tuple[Path, Path],
) -> None:
    report = check_file(files[0])
    assert report.ready is False
    assert report.mapped == 0
    assert [blocker.rule for blocker in report.blockers] == ["open-batch"]
    assert "shape_signature [-1, 28, 28, 1]" in report.blockers[0].detail


@pytest.mark.tensorflow
@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="the extra `build` is not installed")
def test_the_same_classifier_with_a_fixed_batch_is_mapped_with_a_note_on_its_dense_layer(
    files: tuple[Path, Path],
) -> None:
    report = check_file(files[1])
    assert (report.verdict, report.mapped) == ("ready", len(report.ops))
    [note] = [note for note in report.notes if "scales" in note]
    assert "has 10 scales, one per output: such layers were mapped, whether the chip computes them well" in note
