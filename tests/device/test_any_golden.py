"""Golden vectors of models with several inputs and outputs: the format, verify and tune."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from edgeready_device import cli
from edgeready_device.answers import OutputReading, answers_of, output_readings, stack_samples
from edgeready_device.errors import ModelFileError, UsageError
from edgeready_device.model_file.golden import GoldenVectors, read_golden, recording_key
from edgeready_device.model_file.input_size import with_image_size
from edgeready_device.model_file.reader import TfliteModel, read_model_file
from edgeready_device.model_inputs import seeded_inputs
from edgeready_device.runtime.runtime import KERNELS, Runtime
from edgeready_device.session import Session
from edgeready_device.tuning.tune import TuneConfig, tune
from edgeready_device.verification import compare, verify

LITERT = Runtime("ai-edge-litert", "2.3.0")
KEY = recording_key(LITERT, "default")
QUICK = TuneConfig(seconds=0.05, rounds=3, threads=(1,))


@pytest.fixture
def recorded(model):
    """A file of any kind with golden vectors of `runtime`, which `change` may change."""

    def make(name, runtime, change=lambda columns: columns, size=None):
        file = read_model_file(model(name))
        at_size = file if size is None else with_image_size(file, size)
        inputs = stack_samples(seeded_inputs(at_size, count=6).samples)
        outputs, more = {}, {}
        for kernels in KERNELS:
            columns = answers_of(Session.from_file(at_size, runtime=runtime.name, kernels=kernels), inputs)
            key = recording_key(runtime, kernels)
            outputs[key], *others = change(columns)
            more[key] = tuple(others)
        return file.replace(golden_npz=GoldenVectors(inputs[0], outputs, inputs[1:], more).to_bytes())

    return make


# -- the format --------------------------------------------------------------------------------------------------


def _vectors() -> GoldenVectors:
    inputs = np.arange(6, dtype=np.uint8).reshape(2, 3)
    more = (np.array([[True], [False]]), np.arange(2, dtype=np.int64))
    return GoldenVectors(inputs, {KEY: inputs * 2}, more, {KEY: (np.float32([[0.5], [1.5]]),)})


def test_several_inputs_and_outputs_are_written_and_read_back():
    found = read_golden(_vectors().to_bytes())
    assert [(rows.dtype, rows.tolist()) for rows in found.all_inputs] == [
        (np.uint8, [[0, 1, 2], [3, 4, 5]]),
        (bool, [[True], [False]]),
        (np.int64, [0, 1]),
    ]
    assert [rows.tolist() for rows in found.outputs_of(KEY)] == [[[0, 2, 4], [6, 8, 10]], [[0.5], [1.5]]]
    assert list(found.outputs) == [KEY]


def test_the_arrays_are_named_by_their_number():
    with np.load(io.BytesIO(_vectors().to_bytes())) as archive:
        assert archive.files == ["inputs", f"outputs/{KEY}", "inputs/1", "inputs/2", f"outputs/{KEY}/1"]


def test_one_input_and_output_give_the_bytes_of_before():
    rows = np.zeros((2, 3), np.uint8)
    assert GoldenVectors(rows, {KEY: rows}).to_bytes() == GoldenVectors(rows, {KEY: rows}, (), {KEY: ()}).to_bytes()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"inputs/1": np.zeros((3, 1))}, "golden vectors of input 1: 3 inputs for 2 inputs"),
        ({f"outputs/{KEY}/1": np.zeros((3, 1))}, "3 outputs for 2 inputs"),
        ({"inputs/2": np.zeros((2, 1))}, r"golden\.npz has 'inputs' \[2\], not 1 and so on"),
        ({f"outputs/{KEY}/2": np.zeros((2, 1))}, r"\[2\], not 1 and so on: it is damaged"),
        ({"outputs/other 1 default/1": np.zeros((2, 1))}, "another number of outputs in each recording"),
        (
            {"outputs/other 1 default": np.zeros((2, 1)), f"outputs/{KEY}/1": np.zeros((2, 1))},
            "another number of outp",
        ),
    ],
)
def test_arrays_that_do_not_go_together_are_refused(arrays, message):
    target = io.BytesIO()
    np.savez(target, **{"inputs": np.zeros((2, 3), np.uint8), f"outputs/{KEY}": np.zeros((2, 4), np.uint8), **arrays})
    with pytest.raises(ModelFileError, match=message):
        read_golden(target.getvalue())


# -- verify ------------------------------------------------------------------------------------------------------

ANY = ("many_ends", "exact", "batch_of_features", "quantized_map", "branches", "rnn", "resource")


@pytest.mark.parametrize("name", ANY)
def test_any_model_verifies_on_the_machine_that_made_it(name, recorded, runtime):
    report = verify(recorded(name, runtime), runtime.name)
    assert report.passed
    assert {result.largest_steps for result in report.results} == {0}
    assert len(report.results) == 2 * len(output_readings(recorded(name, runtime)))


def test_each_output_has_its_own_result_and_only_scores_have_winners(recorded, runtime):
    report = verify(recorded("many_ends", runtime), runtime.name)
    assert [(result.kernels, result.output, result.agreement) for result in report.results] == [
        ("default", "chosen", None),
        ("default", "rows", None),
        ("reference", "chosen", None),
        ("reference", "rows", None),
    ]
    assert report.agreement is None
    assert verify(recorded("branches", runtime), runtime.name).agreement.count == 6


@pytest.mark.parametrize("number", [0, 1])
def test_a_wrong_answer_of_any_output_is_found(number, recorded, runtime):
    def change(columns):
        rows = [column.copy() for column in columns]
        rows[number][2, 0] += np.ptp(rows[number]) / 10
        return rows

    report = verify(recorded("many_ends", runtime, change), runtime.name)
    assert not report.passed
    assert [result.passed for result in report.results] == [number == 1, number == 0] * 2


@pytest.mark.parametrize("number", [0, 1])
def test_whole_numbers_without_a_scale_and_booleans_must_be_the_same(number, recorded, runtime):
    def change(columns):
        rows = [column.copy() for column in columns]
        rows[number][1, 0] = not rows[1][1, 0] if number else rows[0][1, 0] ^ 1
        return rows

    report = verify(recorded("exact", runtime, change), runtime.name)
    assert [result.passed for result in report.results] == [number == 1, number == 0] * 2
    assert [result.bound_steps for result in report.results] == [0] * 4


def test_a_float_output_may_differ_by_its_bound(recorded, runtime):
    def change(columns):
        return [columns[0] + np.ptp(columns[0]) / 255 * (2 if runtime.name == "ai-edge-litert" else 8)]

    default, reference = verify(recorded("batch_of_features", runtime, change), runtime.name).results
    assert (default.passed, reference.passed) == (True, False)


def test_what_was_no_number_must_be_none_here_and_the_other_way_round():
    rows = np.array([[np.nan, 1, np.inf], [0, 2, 3]], np.float32)
    golden, reading = GoldenVectors(rows, {KEY: rows}), OutputReading(scores=False)
    assert compare(golden, LITERT, "default", rows.copy(), reading=reading).largest_steps == 0
    other = rows.copy()
    other[0, 0] = 1
    assert compare(golden, LITERT, "default", other, reading=reading).largest_steps == 255


def test_sizes_that_are_open_are_those_of_the_vectors(recorded, runtime):
    report = verify(recorded("open_image", runtime, size=(9, 5)), runtime.name)
    assert (report.passed, len(report.results)) == (True, 2)


@pytest.mark.parametrize(
    ("golden", "message"),
    [
        (GoldenVectors(np.zeros((1, 4), bool), {KEY: np.zeros((1, 4), np.float32)}), "have 1 inputs, the model 3"),
        (
            GoldenVectors(
                np.zeros((1, 4), bool),
                {KEY: np.zeros((1, 4), np.float32)},
                (np.zeros((1, 4), np.float32), np.zeros((1, 3), np.int64)),
            ),
            r"the golden vectors are int64 \[3\], the model takes int32 \[3\]",
        ),
        (
            GoldenVectors(
                np.zeros((1, 4), bool),
                {KEY: np.zeros((1, 4), np.float32)},
                (np.zeros((1, 4), np.float32), np.zeros((1, 3), np.int32)),
            ),
            "has 1 outputs, and the model more: make the golden vectors again",
        ),
    ],
)
def test_vectors_of_another_model_are_refused(golden, message, model):
    file = read_model_file(model("many_ends")).replace(golden_npz=golden.to_bytes())
    with pytest.raises(ModelFileError, match=message):
        verify(file)


def test_answers_of_changing_size_are_refused(model, runtime):
    session = Session.load(model("places"), runtime=runtime.name)
    with pytest.raises(ModelFileError, match="its output 0 has 0 to 4 values, as the inputs are: answers of"):
        answers_of(session, (np.array([[0, 0, 0, 0], [1, 0, 0, 1]], np.float32),))


def test_the_command_shows_a_line_for_each_output(recorded, litert, tmp_path, capsys):
    path = _write(tmp_path, recorded("many_ends", litert))
    assert cli.main(["verify", str(path), "--runtime", litert.name]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("the answers are right on this machine")
    assert [line.split("  ")[0] for line in lines[2:6]] == [
        f"{kernels}, {name}" for kernels in KERNELS for name in ("chosen", "rows")
    ]
    assert lines[2].split()[-2:] == ["-", "pass"]
    assert cli.main(["verify", str(path), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["agreement"], [entry["output"] for entry in data["paths"]]) == (None, ["chosen", "rows"] * 2)


def test_a_least_agreement_of_what_has_no_winners_is_a_usage_error(recorded, litert, tmp_path, capsys):
    path = _write(tmp_path, recorded("many_ends", litert))
    assert cli.main(["verify", str(path), "--min-agreement", "90"]) == UsageError.exit_code
    assert "no output is a row of class scores, so no winner can agree" in capsys.readouterr().err


def _write(folder, file: TfliteModel):
    target = io.BytesIO(file.flatbuffer)
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("golden.npz", file.golden_npz)
    path = folder / "any.tflite"
    path.write_bytes(target.getvalue())
    return path


# -- tune --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["many_ends", "exact", "places", "batch_of_features"])
def test_any_model_is_tuned(name, model):
    result = tune(read_model_file(model(name)), QUICK)
    assert {candidate.note for candidate in result.candidates} == {""}
    assert {candidate.agreement.same_top1 for candidate in result.candidates} == {None}
    assert result.choice is not None
    assert f" samples of {seeded_inputs(read_model_file(model(name))).source}" in result.expected


def test_golden_vectors_of_several_outputs_are_what_tune_expects(recorded, litert):
    config = TuneConfig(litert.name, (1,), (), 0.05, 3)
    right = tune(recorded("many_ends", litert), config)
    assert (right.expected, right.candidates[0].note) == ("6 golden vectors in the file", "")
    wrong = tune(recorded("many_ends", litert, lambda columns: (columns[0], columns[1] * 2)), config)
    assert wrong.choice is None
    assert "steps off" in wrong.candidates[0].note


def test_tune_is_fed_with_a_npz(model, tmp_path, capsys):
    path = tmp_path / "in.npz"
    np.savez(path, x=np.ones((3, 4), np.float32))
    words = ["tune", str(model("exact")), "--inputs", str(path), "--seconds", "0.05", "--threads", "1", "--dry-run"]
    assert cli.main([*words, "--json"]) == 0
    assert f"to 3 samples of {path}" in json.loads(capsys.readouterr().out)["expected"]
