from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeready_device.errors import ModelFileError, RuntimeUnavailableError, UsageError
from edgeready_device.model import Model
from edgeready_device.model_file.golden import GoldenVectors, recording_key
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.runtime.runtime import KERNELS, Runtime
from edgeready_device.statistics import Proportion
from edgeready_device.verification import (
    MOST_STEPS,
    OTHER_PATH_STEPS,
    PathDistance,
    VerifyReport,
    compare,
    distance,
    outputs_of,
    verify,
)

HERE = Runtime("ai-edge-litert", "2.3.0")
# Two vectors: the first is decided by far, the second by one step.
RECORDED = np.array([[200, 30, 10], [90, 91, 20]], np.uint8)
INPUTS = np.zeros((2, 2, 2, 1), np.uint8)


def _golden(*keys: str, rows: np.ndarray = RECORDED) -> GoldenVectors:
    return GoldenVectors(INPUTS, dict.fromkeys(keys, rows))


SAME = _golden(recording_key(HERE, "default"), recording_key(HERE, "reference"))


def _changed(*changes: tuple[int, int, int]) -> np.ndarray:
    found = RECORDED.copy()
    for vector, output, value in changes:
        found[vector, output] = value
    return found


@pytest.mark.parametrize("kernels", KERNELS)
def test_the_same_answers_pass(kernels):
    found = compare(SAME, HERE, kernels, RECORDED.copy())
    assert found.passed
    assert (found.histogram, found.largest_steps) == ((6,), 0)
    assert (found.agreement, found.note) == (Proportion(2, 2), "")
    assert found.recording == f"ai-edge-litert 2.3.0 {kernels}"


def test_one_step_off_is_within_the_bound_of_the_default_kernels():
    found = compare(SAME, HERE, "default", _changed((0, 0, 199)))
    assert found.passed
    assert (found.bound_steps, found.largest_steps, found.histogram) == (4, 1, (5, 1))


def test_five_steps_off_are_outside_the_bound_of_litert_on_its_default_kernels():
    assert compare(SAME, HERE, "default", _changed((0, 0, 196))).passed
    found = compare(SAME, HERE, "default", _changed((0, 0, 195)))
    assert not found.passed
    assert found.histogram == (5, 0, 0, 0, 0, 1)


def test_tflite_runtime_has_a_bound_of_its_own():
    here = Runtime("tflite-runtime", "2.14.0")
    golden = _golden(recording_key(here, "default"))
    assert compare(golden, here, "default", _changed((0, 0, 188))).passed
    assert not compare(golden, here, "default", _changed((0, 0, 187))).passed


def test_reference_kernels_must_be_exact():
    found = compare(SAME, HERE, "reference", _changed((0, 2, 11)))
    assert not found.passed
    assert (found.bound_steps, found.largest_steps) == (0, 1)


def test_an_undecided_winner_may_flip():
    found = compare(SAME, HERE, "default", _changed((1, 0, 91), (1, 1, 90)))
    assert found.passed
    assert (found.agreement, found.decisive) == (Proportion(1, 2), Proportion(1, 1))


def test_a_decided_winner_may_not_flip():
    found = compare(_golden(f"{HERE.name} 1.0 default"), HERE, "default", _changed((0, 0, 20)))
    assert not found.passed
    assert (found.agreement, found.decisive) == (Proportion(1, 2), Proportion(0, 1))


def test_a_winner_is_decided_by_more_than_twice_the_bound():
    rows = np.array([[18, 10, 0], [19, 10, 0]], np.uint8)
    found = compare(_golden(recording_key(HERE, "default"), rows=rows), HERE, "default", rows)
    assert found.decisive == Proportion(1, 1)


def test_differences_of_bytes_do_not_wrap_around():
    golden = _golden(recording_key(HERE, "default"), rows=np.array([[0, 255], [0, 255]], np.uint8))
    found = compare(golden, HERE, "default", np.array([[255, 0], [0, 255]], np.uint8))
    assert found.largest_steps == 255
    signed = _golden(recording_key(HERE, "default"), rows=np.array([[-128, 127]] * 2, np.int8))
    assert compare(signed, HERE, "default", np.array([[127, -128]] * 2, np.int8)).largest_steps == 255


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        (["tflite-runtime 2.14.0 default", "ai-edge-litert 2.0.0 reference"], "ai-edge-litert 2.0.0 reference"),
        (["ai-edge-litert 2.0.0 reference", "ai-edge-litert 2.0.0 default"], "ai-edge-litert 2.0.0 default"),
        (["tflite-runtime 2.14.0 reference", "tflite-runtime 2.14.0 default"], "tflite-runtime 2.14.0 default"),
    ],
)
def test_a_version_that_was_not_recorded_is_held_against_the_nearest_and_says_so(keys, chosen):
    found = compare(_golden(*keys), HERE, "default", _changed((0, 0, 200 - OTHER_PATH_STEPS)))
    assert found.passed
    assert (found.recording, found.bound_steps) == (chosen, OTHER_PATH_STEPS)
    assert found.note == f"ai-edge-litert 2.3.0 default was not recorded: held against {chosen}, with a wider bound"


def test_the_wider_bound_is_a_bound_too():
    golden = _golden("tflite-runtime 2.14.0 default")
    assert not compare(golden, HERE, "default", _changed((0, 0, 200 - OTHER_PATH_STEPS - 1))).passed


def test_recordings_of_another_shape_are_refused():
    with pytest.raises(ModelFileError, match=r"'ai-edge-litert 2.3.0 default' has the shape \(2, 3\), .* \(2, 4\)"):
        compare(SAME, HERE, "default", np.zeros((2, 4), np.uint8))


def test_a_report_passes_when_every_path_does():
    good = compare(SAME, HERE, "default", RECORDED)
    bad = compare(SAME, HERE, "reference", _changed((0, 0, 0)))
    assert VerifyReport(Path("m"), HERE, (good, good)).passed
    assert not VerifyReport(Path("m"), HERE, (good, bad)).passed


def test_the_agreement_of_a_report_is_that_of_the_worst_path():
    good = compare(SAME, HERE, "default", RECORDED)
    bad = compare(SAME, HERE, "reference", _changed((0, 0, 0)))
    assert VerifyReport(Path("m"), HERE, (good, bad)).agreement == Proportion(1, 2)


def test_the_distance_between_two_paths_is_measured():
    found = distance({"default": RECORDED, "reference": _changed((0, 0, 195), (1, 0, 95))})
    assert found == PathDistance(("default", "reference"), 5, Proportion(1, 2))


@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_wider_outputs_are_counted_in_steps_of_what_was_recorded(dtype):
    # from 0 to 25500: a step is 100
    rows = np.array([[0, 25500, 300], [900, 800, 0]], dtype)
    golden = _golden(recording_key(HERE, "default"), rows=rows)
    found = rows.copy()
    found[0, 1] -= 340
    assert compare(golden, HERE, "default", found).histogram == (5, 0, 0, 1)
    assert compare(golden, HERE, "default", rows).decisive == Proportion(1, 1)
    found[0, 1] -= 200
    assert not compare(golden, HERE, "default", found).passed


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e30])
def test_an_output_that_is_no_number_is_as_far_off_as_can_be(wrong):
    rows = np.array([[0.0, 1.0], [1.0, 0.0]], np.float32)
    golden = _golden(recording_key(HERE, "reference"), rows=rows)
    found = compare(golden, HERE, "reference", np.array([[0.0, wrong], [1.0, 0.0]], np.float32))
    assert (found.largest_steps, found.passed) == (MOST_STEPS, False)


def test_equal_float_outputs_have_no_step_and_pass():
    rows = np.full((2, 2), 0.5, np.float32)
    assert compare(_golden(recording_key(HERE, "default"), rows=rows), HERE, "default", rows).passed


def test_recordings_of_another_type_are_refused():
    with pytest.raises(ModelFileError, match=r"uint8 and float32\): make the golden vectors again"):
        compare(SAME, HERE, "default", RECORDED.astype(np.float32))


def test_a_delegate_is_held_against_the_nearest_recording():
    found = compare(SAME, HERE, "delegate edgetpu", _changed((0, 0, 190)))
    assert (found.recording, found.bound_steps, found.passed) == (
        "ai-edge-litert 2.3.0 default",
        OTHER_PATH_STEPS,
        True,
    )
    assert found.note.startswith("ai-edge-litert 2.3.0 delegate edgetpu was not recorded")


# -- with the runtimes that are installed ----------------------------------------------------------------------


@pytest.fixture
def recorded(model, complete):
    """`conv` with golden vectors of `runtime` on both kernel paths, changed by `change`."""

    def make(runtime, change=lambda rows: rows):
        inputs = (np.arange(5 * 64) * 37 % 256).astype(np.uint8).reshape(5, 8, 8, 1)
        outputs = {}
        for kernels in KERNELS:
            loaded = Model.load(model("conv"), runtime=runtime.name, kernels=kernels)
            outputs[recording_key(runtime, kernels)] = change(outputs_of(loaded, inputs))
        from edgeready_device.model_file.manifest import InputSpec

        path = complete("conv", golden=GoldenVectors(inputs, outputs), frame=InputSpec(8, 8, 1))
        return read_model_file(path)

    return make


def test_a_file_verifies_on_the_machine_that_made_it(runtime, recorded):
    found = verify(recorded(runtime), runtime.name)
    assert found.passed
    assert [(r.kernels, r.largest_steps, r.note) for r in found.results] == [("default", 0, ""), ("reference", 0, "")]
    assert found.runtime == runtime
    assert found.between.kernels == ("default", "reference")
    assert found.between.largest_steps <= 1


def test_a_model_verifies_itself_on_its_own_runtime(runtime, recorded):
    file = recorded(runtime)
    assert verify(Model.from_file(file, runtime=runtime.name)) == verify(file, runtime.name)


def test_a_file_with_other_recordings_does_not_verify(runtime, recorded):
    found = verify(recorded(runtime, lambda rows: rows ^ np.uint8(0x10)), runtime.name)
    assert not found.passed
    assert [r.largest_steps for r in found.results] == [16, 16]


def test_a_file_without_golden_vectors_is_refused(model):
    with pytest.raises(ModelFileError, match="carries no golden vectors: make it with edgeready") as caught:
        verify(read_model_file(model("conv")))
    assert str(model("conv")) in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("inputs", "shown"),
    [
        (np.zeros((1, 4, 4, 1), np.uint8), r"uint8 \[4, 4, 1\]"),
        (np.zeros((1, 8, 8, 1), np.int8), r"int8 \[8, 8, 1\]"),
    ],
)
def test_golden_vectors_of_another_model_are_refused(model, inputs, shown):
    with pytest.raises(ModelFileError, match=rf"the golden vectors are {shown}, the model takes uint8 \[8, 8, 1\]"):
        outputs_of(Model.load(model("conv")), inputs)


def test_an_unknown_runtime_is_refused(runtime, recorded):
    with pytest.raises(UsageError, match="the runtime 'x' is unknown"):
        verify(recorded(runtime), "x")


def test_a_runtime_that_is_not_there_is_refused(runtime, recorded, monkeypatch):
    file = recorded(runtime)
    monkeypatch.setattr("edgeready_device.runtime.runtime.installed_runtimes", lambda: ())
    with pytest.raises(RuntimeUnavailableError):
        verify(file)
