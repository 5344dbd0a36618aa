"""Builds with an accuracy budget and with other calibrations, and what cannot be meant by their options."""

from __future__ import annotations

import builds
import numpy as np
import pytest
from builds import NEEDS_TENSORFLOW

from edgeready.config.build import TrainConfig
from edgeready.errors import BudgetError
from edgeready_device.model_file.reader import read_model_file


def tensorflow(test):
    """Marks a test that trains or converts."""
    for mark in NEEDS_TENSORFLOW:
        test = mark(test)
    return test


@tensorflow
@pytest.mark.long
def test_the_first_rung_does_where_min_max_loses_nothing():
    built = builds.made("budget", "digits", "tutorial-cnn", train=TrainConfig(epochs=2), max_drop=2.0)
    trail = built.result.trail
    assert [attempt.name for attempt in trail.attempts] == ["min-max calibration"]
    assert trail.judged_on == "230 images held out of the training"
    assert read_model_file(built.file).manifest.provenance["data"]["train_images"] == 921
    assert built.result.calibration.samples == 287


@tensorflow
@pytest.mark.long
def test_other_ranges_than_min_max_can_be_asked_for_and_give_another_file(digits):
    keras = str(digits.config.output.keras_out)
    built = builds.made("percentile", "digits", keras, calibration="percentile")
    one, two = ([t.scales for t in read_model_file(each.file).graph.tensors] for each in (digits, built))
    assert one != two
    assert built.result.comparison.agreement.value > 0.95


@tensorflow
def test_representative_images_of_ones_own_are_used_and_judged(digits, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (60, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "noise.npz", x=noise)
    data = {"calibration_data": str(tmp_path / "noise.npz"), "calibration_samples": 50}
    built = builds.made("noise", "digits", str(digits.config.output.keras_out), data=data)
    assert built.result.calibration.samples == 50
    assert any("look like noise" in warning for warning in built.result.calibration.warnings)
    assert read_model_file(built.file).manifest.provenance["calibration"]["warnings"]


@pytest.mark.parametrize("command", [("build", "DATA"), ("convert", "net.keras", "--data", "DATA")])
def test_constant_calibration_images_are_refused_before_tensorflow_and_no_file_is_left(run_here, tmp_path, command):
    np.savez(tmp_path / "same.npz", x=np.full((9, 12, 12), 7, np.uint8))
    (tmp_path / "net.keras").write_bytes(b"no network, which only TensorFlow sees")
    data = str(builds.bands(12, axis=False, one_hot=False))
    arguments = [data if word == "DATA" else word for word in command]
    code, out, err = run_here(*arguments, "--calibration-data", "same.npz", "--out", "x.tflite")
    assert (code, out) == (3, "")
    assert err == (
        "edgeready: the 9 calibration samples are constant (7 everywhere in input 0): they show no range; give "
        "images that the model will see\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.keras", "same.npz"]


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--max-drop", "-1"], 2, "--max-drop is -1: give points of accuracy from 0 to 100"),
        (["--max-drop", "nan"], 2, "--max-drop is nan"),
        (["--max-drop", "0.3", "--mode", "float16"], 2, "--max-drop goes with the integer-only modes"),
        (["--calibration", "entropy"], 2, "use min-max, percentile, mse"),
        (["--calibration-samples", "0"], 2, "--calibration-samples is 0"),
        pytest.param(["--calibration-samples", "99999"], 2, "calibration_count is 99999", marks=pytest.mark.digits),
        pytest.param(
            ["--calibration-data", "none.npz"], 4, "no data set or path 'none.npz'", marks=pytest.mark.digits
        ),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_trained(run_here, options, code, told, tmp_path):
    found, out, err = run_here("build", "digits", "-q", "--out", "x.tflite", *options)
    assert (found, out) == (code, "")
    assert told in err
    assert len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_carries_its_trail_and_the_exit_code_of_a_verdict():
    error = BudgetError("no", trail="the way")
    assert (error.exit_code, error.trail, str(error)) == (1, "the way", "no")
