"""The host writes, the device reads: both give the same answers, and the file is what its specification says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builds import NEEDS_TENSORFLOW
from PIL import Image

from edgeready.model_file import golden as recording
from edgeready.readiness import check_file
from edgeready_device.model import Model
from edgeready_device.model_file.manifest import InputSpec, Manifest
from edgeready_device.model_file.reader import flatbuffer_of, read_model_file
from edgeready_device.normalization import Normalization
from edgeready_device.runtime.runtime import installed_runtimes
from edgeready_device.verification import OTHER_PATH_STEPS

pytestmark = NEEDS_TENSORFLOW

SPECIFICATION = (Path(__file__).parents[2] / "docs" / "model-file.md").read_text("utf-8")
RUNTIMES = [runtime.name for runtime in installed_runtimes()]


def device(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "edgeready_device", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def answer(*arguments: object):
    done = device(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def images(digits, tmp_path_factory) -> Path:
    """The test images as PNG files in a folder per label, named by their position."""
    folder = tmp_path_factory.mktemp("digits")
    test = digits.result.splits.test
    for position, (pixels, label) in enumerate(zip(test.images, test.labels)):
        path = folder / test.classes[label] / f"{position:04}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
    return folder


@pytest.fixture(scope="module")
def arrays(digits, tmp_path_factory) -> Path:
    """The test images as a .npz in Keras layout."""
    path = tmp_path_factory.mktemp("arrays") / "digits.npz"
    test = digits.result.splits.test
    np.savez(path, x_test=test.images, y_test=test.labels)
    return path


def test_classifying_every_test_image_from_its_file_gives_the_hosts_predictions_one_by_one(digits, images):
    found = answer("classify", digits.file, *sorted(images.glob("*/*.png")), "--top", 10)
    report = digits.result.comparison.model.accuracy
    expected = report.predictions
    assert len(found) == len(expected) == 359
    for each in found:
        best = each["predictions"][0]
        position = int(Path(each["image"]).stem)
        assert (best["index"], best["label"]) == (expected[position], str(expected[position])), each["image"]
        assert sum(prediction["score"] for prediction in each["predictions"]) == pytest.approx(1)


@pytest.mark.parametrize("kind", ["arrays", "images"])
def test_the_device_evaluates_to_the_hosts_confusion(digits, kind, request):
    found = answer("evaluate", digits.file, request.getfixturevalue(kind))
    report = digits.result.comparison.model.accuracy
    assert found["confusion"] == report.confusion.tolist()
    assert found["top1"]["hits"] == report.top1.hits
    assert found["runtime"] == str(digits.result.comparison.model.latency.runtime)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_runtime_gives_the_hosts_raw_outputs_within_the_stated_bound(digits, runtime):
    model, report = Model.load(digits.file, runtime=runtime), digits.result.comparison.model.accuracy
    found = model.invoke_many(digits.result.splits.test.images).astype(int)
    assert np.abs(found - report.outputs.astype(int)).max() <= OTHER_PATH_STEPS
    assert np.mean(found.argmax(axis=1) == report.predictions) >= 0.99


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_verify_passes_on_the_machine_that_recorded(digits, runtime):
    found = answer("verify", digits.file, "--runtime", runtime)
    assert found["passed"] is True
    assert [path["recording"] for path in found["paths"]] == [
        f"{found['runtime']} {kernels}" for kernels in ("default", "reference")
    ]


def test_the_accuracy_budget_of_the_device_is_held_against_the_same_figure(digits, arrays):
    percent = 100 * digits.result.comparison.model.accuracy.top1.value
    assert device("evaluate", digits.file, arrays, "--min-accuracy", percent - 0.01).returncode == 0
    assert device("evaluate", digits.file, arrays, "--min-accuracy", percent + 0.01).returncode == 1


def test_info_tells_scale_and_zero_point_of_the_flatbuffer(digits):
    found, graph = answer("info", digits.file), read_model_file(digits.file).graph
    for end, index in (("input", graph.inputs[0]), ("output", graph.outputs[0])):
        tensor = graph.tensors[index]
        assert (found[end]["scale"], found[end]["zero_point"]) == (tensor.scales[0], tensor.zero_points[0])
    assert found["provenance"]["training"]["epochs"] == 3
    assert found["size_bytes"] == digits.file.stat().st_size


def test_a_file_cut_short_is_one_line_and_exit_code_3_on_the_device(digits, tmp_path):
    whole = digits.file.read_bytes()
    for length in (len(whole) - 1, len(whole) // 2, len(flatbuffer_of(whole)), 100):
        path = tmp_path / "cut.tflite"
        path.write_bytes(whole[:length])
        done = device("info", path)
        assert done.returncode == 3, length
        assert done.stderr.count("\n") == 1
        assert str(path) in done.stderr


# docs/model-file.md


def keys_of_the_specification(*, optional: bool) -> set[str]:
    """The keys in the table: those that are left out where they say nothing new, or those of every file."""
    section = SPECIFICATION.split("## edgeready.json")[1].split("\n## ")[0]
    rows = [row for row in re.findall(r"^\| `.*", section, re.MULTILINE) if ("is left out |" in row) is optional]
    return {key for row in rows for key in re.findall(r"`([^`]+)`", row.split(" | ")[0])}


def keys_of(manifest: dict[str, Any]) -> set[str]:
    nested = {f"{key}.{inner}" for key in ("input", "output") for inner in manifest[key]}
    return nested | (set(manifest) - {"input", "output"})


def test_every_key_of_the_manifest_is_specified_and_every_specified_key_is_there(digits):
    with zipfile.ZipFile(digits.file) as archive:
        keys = keys_of(json.loads(archive.read("edgeready.json")))
    assert keys == keys_of_the_specification(optional=False)
    assert sum("." in key for key in keys) == 8  # so that an empty document does not pass


def test_a_manifest_that_says_all_has_the_optional_keys_too():
    frame = InputSpec(8, 8, 3, "crop", Normalization(), color="bgr", layout="nchw", crop=0.5)
    manifest = Manifest("all", frame, "logits", {}, {"flatbuffer": "0" * 64}, output=1)
    required = keys_of_the_specification(optional=False)
    assert keys_of(json.loads(manifest.to_json())) == required | keys_of_the_specification(optional=True)
    assert keys_of_the_specification(optional=True) == {"input.layout", "input.crop", "output.number"}


def test_the_hashes_are_of_the_parts_that_the_specification_names(digits):
    line = next(line for line in SPECIFICATION.splitlines() if line.startswith("| `sha256`"))
    named = set(re.findall(r"`([^`]+)`", line)) - {"sha256"}
    manifest = read_model_file(digits.file).manifest
    assert manifest is not None
    assert set(manifest.sha256) == named == {"flatbuffer", "labels.txt", "golden.npz", "seen.bin"}


def test_the_zip_holds_the_parts_that_the_specification_draws(digits):
    drawn = re.findall(r"^\|   (\S+\.\S+) ", SPECIFICATION, re.MULTILINE)
    with zipfile.ZipFile(digits.file) as archive:
        assert archive.namelist() == drawn == ["labels.txt", "seen.bin", "golden.npz", "edgeready.json"]


def test_the_golden_vectors_are_as_many_and_named_as_specified(digits):
    golden = read_model_file(digits.file).golden
    assert golden is not None
    section = SPECIFICATION.split("## golden.npz")[1].split("\n## ")[0]
    most, kibibytes, least = re.search(
        r"at most (\d+) \(fewer .* and\s+(\d+) KiB beside a large one; at least (\d+) where", section
    ).groups()
    assert (int(most), int(kibibytes) * 1024, int(least)) == (
        recording.MOST_VECTORS,
        recording.MOST_INPUT_BYTES,
        recording.LEAST_VECTORS,
    )
    assert golden.inputs.shape == (32, 28, 28)
    example = re.search(r"`outputs/([^`A-Z]+)`", section).group(1)
    assert {re.sub(r"\d+\.\d+\.\d+", "N", key) for key in golden.outputs} >= {re.sub(r"\d+\.\d+\.\d+", "N", example)}
    for rows in golden.outputs.values():
        assert (rows.dtype.name, rows.shape) == ("uint8", (32, 10))


# What the tutorials' own code makes of the same network

NOTEBOOK = """
import sys
import keras, numpy as np, tensorflow as tf
model = keras.models.load_model(sys.argv[1])
images = np.load(sys.argv[2])["x_test"][:50].astype(np.float32) / 255
converter = tf.lite.TFLiteConverter.from_keras_model(model)
converter.optimizations = [tf.lite.Optimize.DEFAULT]
converter.representative_dataset = lambda: ([image[None]] for image in images)
converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
converter.inference_input_type = tf.uint8
converter.inference_output_type = tf.uint8
open(sys.argv[3], "wb").write(converter.convert())
"""


def test_the_notebooks_conversion_of_the_same_network_is_not_ready_and_says_why(digits, arrays, tmp_path):
    path = tmp_path / "notebook.tflite"
    command = [sys.executable, "-c", NOTEBOOK, str(digits.config.output.keras_out), str(arrays), str(path)]
    subprocess.run(command, check=True, capture_output=True)
    report = check_file(path)
    assert not report.ready
    assert report.mapped == 0
    assert {blocker.rule for blocker in report.blockers} == {"open-batch"}
    assert digits.result.readiness.ready
