from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from edgeready_device.errors import ModelFileError, RuntimeUnavailableError, UsageError
from edgeready_device.isolation.trial import TrialRequest
from edgeready_device.machine import machine
from edgeready_device.model import Model
from edgeready_device.model_file.contract import read_contract
from edgeready_device.model_file.golden import GoldenVectors, recording_key
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.progress import no_progress
from edgeready_device.report.tune import tune_json, tune_text
from edgeready_device.runtime.runtime import Runtime
from edgeready_device.tuning import agreement
from edgeready_device.tuning.agreement import CandidateOutputs as Outputs
from edgeready_device.tuning.agreement import (
    Expected,
    check_outputs,
    choose_inputs,
    find_consensus,
    recorded_outputs,
)
from edgeready_device.tuning.candidate import Candidate, choose, ratio
from edgeready_device.tuning.candidate_process import CandidateError, CandidateProcess
from edgeready_device.tuning.tune import TuneConfig, _RunningCandidate, _time, thread_counts, tune

LITERT, TFLITE = Runtime("ai-edge-litert", "2.3.0"), Runtime("tflite-runtime", "2.14.0")


@pytest.fixture(autouse=True)
def _as_if_not_emulated(monkeypatch):
    """An emulated machine chooses nothing, and these tests run on one, too."""
    real = dataclasses.replace(machine.read_machine(), emulated=False)
    monkeypatch.setattr("edgeready_device.tuning.tune.read_machine", lambda: real)


QUICK = TuneConfig(threads=(1, 2), seconds=0.15, rounds=3)


# -- the choice ------------------------------------------------------------------------------------------------


def candidate(runtime=LITERT, threads=1, *rounds_s, note="", delegate=""):
    return Candidate(runtime, threads, delegate, rounds_s, note=note)


def test_the_fastest_is_chosen_and_the_reason_has_the_ratios():
    slow = candidate(TFLITE, 1, 0.024, 0.026, 0.024)
    one, two = candidate(LITERT, 1, 0.004, 0.004, 0.004), candidate(LITERT, 2, 0.002, 0.002, 0.002)
    assert choose([one, two, slow]) == (
        two,
        "ai-edge-litert 2.3.0, 2 threads is 2 times as fast as ai-edge-litert 2.3.0, 1 thread, 12 times as fast as "
        "tflite-runtime 2.14.0, 1 thread",
    )


def test_what_runs_without_a_choice_is_said_to_be_that():
    one, slow = candidate(LITERT, 1, 0.002), candidate(TFLITE, 1, 0.024)
    assert choose([one, slow]) == (
        one,
        "ai-edge-litert 2.3.0, 1 thread is 12 times as fast as tflite-runtime 2.14.0, 1 thread; it is also what runs "
        "without a choice",
    )
    assert choose([one])[1] == (
        "ai-edge-litert 2.3.0, 1 thread is the fastest; it is also what runs without a choice"
    )


@pytest.mark.parametrize(("two_s", "chosen"), [(0.0098, 1), (0.0096, 2)])
def test_more_threads_are_taken_for_a_gain_of_3_percent_only(two_s, chosen):
    found, reason = choose([candidate(LITERT, 1, 0.01), candidate(LITERT, 2, two_s)])
    assert found.threads == chosen
    assert ("2 threads is less than 3 % faster" in reason) is (chosen == 1)


def test_of_two_that_are_as_fast_the_preferred_runtime_stays():
    found, _ = choose([candidate(LITERT, 1, 0.0101), candidate(TFLITE, 1, 0.01)])
    assert found.runtime == LITERT


def test_what_is_out_or_was_not_measured_is_never_chosen():
    right, wrong = candidate(TFLITE, 1, 0.02), candidate(LITERT, 1, 0.001, note="its answers are 99 steps off")
    assert choose([wrong, right])[0] is right
    assert choose([wrong, candidate()]) == (None, "no candidate gave the expected answers, so nothing is chosen")


def test_on_an_emulated_machine_nothing_is_chosen():
    assert choose([candidate(LITERT, 1, 0.01)], emulated=True) == (
        None,
        "this machine is emulated: its times say nothing about any board, so nothing is chosen",
    )


def test_ratios_are_those_of_the_rounds_that_both_were_in():
    dropped, kept = candidate(TFLITE, 1, 0.04, 0.04, 0.04), candidate(LITERT, 1, 0.02, 0.02, 0.02, 0.1, 0.1, 0.1, 0.1)
    assert ratio(dropped, kept) == 2


def test_an_unmeasured_candidates_median_is_infinite():
    assert candidate().median_s == math.inf


@pytest.mark.parametrize(
    ("cpus", "counts"), [(1, (1,)), (2, (1, 2)), (4, (1, 2, 4)), (6, (1, 2, 4, 6)), (8, (1, 2, 4, 8))]
)
def test_thread_counts_are_the_powers_of_two_and_all(cpus, counts):
    assert thread_counts(cpus) == counts


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seconds": 0}, "0 s in 10 rounds: ask for more than 0 s and at least 3 rounds"),
        ({"seconds": math.nan}, "nan s in 10 rounds: ask for more than 0 s and at least 3 rounds"),
        ({"rounds": 2}, "20.0 s in 2 rounds: ask for more than 0 s and at least 3 rounds"),
        ({"threads": (1, 0)}, r"threads are \[1, 0\]: ask for at least 1"),
        ({"threads": ()}, r"threads are \[\]: ask for at least 1"),
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused(wrong, message):
    with pytest.raises(UsageError, match=f"^{message}$"):
        TuneConfig(**wrong)


# -- whose answers are right -----------------------------------------------------------------------------------

RIGHT = np.array([[10, 200, 30], [250, 40, 5]], np.uint8)
WRONG = 255 - RIGHT


def test_most_candidates_are_believed_whatever_kernels_they_are():
    garbage = Outputs(LITERT, WRONG)
    others = [Outputs(TFLITE, RIGHT), Outputs(TFLITE, RIGHT, "reference")]
    expected, settled = find_consensus([garbage, *others])
    assert settled
    assert expected.source == (
        "the answers of tflite-runtime 2.14.0 to 2 frames of noise, with which 1 of 2 other ways agree"
    )
    assert check_outputs(expected, garbage).reason == "its answers are up to 245 steps off, and 12 are allowed"
    assert [check_outputs(expected, voice).passed for voice in others] == [True, True]


def test_of_two_that_disagree_neither_is_believed_at_once_and_the_first_in_the_end():
    expected, settled = find_consensus([Outputs(LITERT, RIGHT), Outputs(TFLITE, WRONG)])
    assert not settled
    assert check_outputs(expected, Outputs(LITERT, RIGHT)).passed


def test_one_candidate_is_believed():
    assert find_consensus([Outputs(LITERT, RIGHT)])[1]


def test_a_clear_winner_that_is_another_one_is_told_though_all_steps_are_within_the_bound():
    rows = np.full((1, 3), 100, np.uint8)
    clear, other = rows + np.array([0, 12, 0], np.uint8), rows + np.array([0, 12, 12], np.uint8)
    expected = Expected({recording_key(LITERT, "default"): np.array([[100, 130, 100]], np.uint8)}, "")
    assert check_outputs(expected, Outputs(TFLITE, np.array([[118, 118, 100]], np.uint8))).reason.startswith(
        "its answers are up"
    )
    assert check_outputs(expected, Outputs(TFLITE, np.array([[112, 118, 100]], np.uint8))).passed
    assert check_outputs(Expected({recording_key(LITERT, "default"): clear}, ""), Outputs(TFLITE, other)).passed


def test_float_outputs_are_compared_in_parts_of_their_range():
    floats = np.array([[0.0, 0.25, 1.0]], np.float32)
    expected, _ = find_consensus([Outputs(LITERT, floats)])
    assert check_outputs(expected, Outputs(TFLITE, floats + np.float32(0.01))).largest_steps == 3  # 0.01 of 1/255
    assert check_outputs(expected, Outputs(TFLITE, floats + np.float32(0.2))).largest_steps == 51
    assert check_outputs(expected, Outputs(TFLITE, floats * np.nan)).reason == "its answers are not finite numbers"


def test_another_number_of_classes_is_out():
    expected, _ = find_consensus([Outputs(LITERT, RIGHT)])
    assert "the shape" in check_outputs(expected, Outputs(TFLITE, RIGHT[:, :2])).reason


def test_golden_vectors_in_the_file_are_what_is_expected(complete, runtime):
    inputs = np.arange(80, dtype=np.uint8).reshape(20, 2, 2, 1)
    golden = GoldenVectors(inputs, {recording_key(runtime, "default"): np.zeros((20, 3), np.uint8)})
    file = read_model_file(complete(golden=golden))
    assert [rows.tolist() for rows in choose_inputs(file)] == [inputs[:16].tolist()]
    expected = recorded_outputs(file)
    assert (expected.source, list(expected.outputs)) == (
        "16 golden vectors in the file",
        [recording_key(runtime, "default")],
    )


def test_without_golden_vectors_the_inputs_are_the_same_noise_every_time(model):
    file = read_model_file(model("rgb"))
    (inputs,) = choose_inputs(file)
    assert (inputs.shape, inputs.dtype, recorded_outputs(file)) == ((16, 16, 16, 3), np.uint8, None)
    assert np.array_equal(inputs, choose_inputs(file)[0])


@pytest.mark.parametrize("name", ["echo_float", "echo_int8"])
def test_noise_fits_other_inputs_too(model, name):
    file = read_model_file(model(name))
    assert choose_inputs(file)[0].dtype == read_contract(file).input.dtype


# -- real candidates -------------------------------------------------------------------------------------------


def test_every_runtime_and_thread_count_is_timed_and_proven(model):
    from edgeready_device.runtime.runtime import installed_runtimes

    result = tune(read_model_file(model("conv")), QUICK)
    assert [(found.runtime, found.threads) for found in result.candidates] == [
        (runtime, threads) for runtime in installed_runtimes() for threads in (1, 2)
    ]
    for found in result.candidates:
        assert (found.note, found.agreement.passed, found.agreement.count) == ("", True, 16)
        assert len(found.rounds_s) == 3
        assert found.runs >= 3 < found.load_s * 1e9
    assert result.best in result.candidates
    assert result.choice.runtime == result.best.runtime.name


def test_a_faster_but_wrong_path_is_never_chosen(model, delegate_library):
    wrong = f"{delegate_library},take=all,invoke=wrong"  # which copies, and so is the fastest there is
    result = tune(read_model_file(model("rgb")), dataclasses.replace(QUICK, threads=(1,), delegates=(wrong,)))
    by_delegate = [found for found in result.candidates if found.delegate]
    assert by_delegate
    for found in by_delegate:
        assert "steps off, and 12 are allowed" in found.note
        assert found.rounds_s == ()
    assert result.best.delegate == ""
    assert "other ways agree" in result.expected


def test_a_right_delegate_is_a_candidate_like_the_others(model, delegate_library, litert):
    config = TuneConfig(litert.name, (1,), (f"{delegate_library},take=22",), 0.1, 3)
    result = tune(read_model_file(model("conv")), config)
    assert [(found.note, found.ops_taken) for found in result.candidates] == [("", 0), ("", 1)]


def test_what_is_hopelessly_slow_is_not_timed_to_the_end(model, delegate_library, litert):
    config = TuneConfig(litert.name, (1,), (f"{delegate_library},take=22,each_ms=5",), 0.1, 5)
    quick, slow = tune(read_model_file(model("conv")), config).candidates
    assert (len(quick.rounds_s), len(slow.rounds_s)) == (5, 3)
    assert slow.median_s > 0.005
    assert ratio(slow, quick) > 2


class Spy:
    """Stands in for a candidate process, and notes when it is measured."""

    def __init__(self, name, seen):
        self.name, self.seen = name, seen

    def measure(self, seconds, limit_s):
        self.seen.append((self.name, seconds))
        return [0.01]


def test_each_round_has_every_candidate_once_in_an_order_of_its_own():
    orders = []
    for seed in (1, 1, 2):
        seen = []
        candidates = [_RunningCandidate(candidate(LITERT, threads), Spy(threads, seen)) for threads in (1, 2, 4, 8)]
        _time(candidates, TuneConfig(seconds=8, rounds=10, seed=seed), no_progress)
        orders.append([tuple(name for name, _ in seen[i : i + 4]) for i in range(0, 40, 4)])
        assert {seconds for _, seconds in seen} == {8 / 10 / 4}
    assert all(sorted(order) == [1, 2, 4, 8] for order in orders[0])
    assert len(set(orders[0])) > 5
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.parametrize(
    ("options", "note"),
    [
        ("create=crash", "it was ended by SIGILL"),
        ("invoke=crash", "it was ended by SIGSEGV"),
        ("create=null", "does not start: no such device"),
        ("take=none", "took 0 of 7 ops"),
        ("invoke=error", "it fails in a run: "),
    ],
)
def test_a_candidate_that_fails_or_crashes_is_out_with_its_reason(model, delegate_library, litert, options, note):
    delegate = f"{delegate_library},take=22" if options.startswith("invoke") else str(delegate_library)
    config = TuneConfig(litert.name, (1,), (f"{delegate},{options}",), 0.1, 3)
    plain, failed = tune(read_model_file(model("conv")), config).candidates
    assert (plain.note, failed.rounds_s) == ("", ())
    assert note in failed.note


def test_golden_vectors_that_no_candidate_meets_leave_nothing_to_choose(complete, litert):
    golden = GoldenVectors(
        np.full((2, 2, 2, 1), 9, np.uint8), {recording_key(litert, "default"): np.full((2, 3), 255, np.uint8)}
    )
    result = tune(read_model_file(complete(golden=golden)), TuneConfig(litert.name, (1,), (), 0.1, 3))
    assert (result.best, result.choice) == (None, None)
    assert result.reason == "no candidate gave the expected answers, so nothing is chosen"
    assert result.candidates[0].note == "its answers are up to 236 steps off, and 4 are allowed"


@pytest.mark.parametrize("name", ["conv", "echo_int8", "echo_float"])
def test_golden_vectors_that_the_candidates_meet_prove_them(complete, model, litert, name):
    found = Model.load(model(name), runtime=litert.name)
    (inputs,) = choose_inputs(found.file)
    outputs = np.stack([found.invoke(each[np.newaxis]) for each in inputs])
    golden = GoldenVectors(inputs, {recording_key(litert, "default"): outputs})
    result = tune(
        read_model_file(complete(name, golden=golden, labels=None)), TuneConfig(litert.name, (1,), (), 0.1, 3)
    )
    (only,) = result.candidates
    agreement = only.agreement
    assert (only.note, agreement.largest_steps, agreement.same_top1, agreement.count) == ("", 0, 16, 16)
    assert result.best == only
    assert result.expected == "16 golden vectors in the file"


def test_a_model_that_no_runtime_takes_is_refused_with_each_reason(model, litert):
    with pytest.raises(RuntimeUnavailableError) as caught:
        tune(read_model_file(model("unknown_op")), TuneConfig(litert.name, (1,), (), 0.1, 3))
    assert str(caught.value).startswith(f"{model('unknown_op')}: nothing here runs it ({litert}, 1 thread: ")
    assert str(caught.value).endswith("): run edgeready-device doctor")


def test_a_compiled_model_is_tuned_with_a_delegate_only(model, delegate_library, litert):
    file = read_model_file(model("compiled"))
    with pytest.raises(UsageError, match=r"is compiled for the Edge TPU: give --delegate edgetpu on a"):
        tune(file, QUICK)
    result = tune(file, TuneConfig(litert.name, (1,), (str(delegate_library),), 0.1, 3))
    assert [found.name for found in result.candidates] == [f"{litert}, 1 thread, {delegate_library}"]
    assert result.best is result.candidates[0]


def test_progress_counts_the_rounds(model, litert):
    seen = []
    tune(read_model_file(model("conv")), TuneConfig(litert.name, (1,), (), 0.05, 4), lambda *done: seen.append(done))
    assert seen == [("rounds", 1, 4), ("rounds", 2, 4), ("rounds", 3, 4), ("rounds", 4, 4)]


# -- a candidate's process -------------------------------------------------------------------------------------


@pytest.fixture
def candidate_process(model, litert, delegate_library):
    def start(options=None):
        delegate = "" if options is None else f"{delegate_library},take=22,{options}"
        request = TrialRequest(litert.name, delegate=delegate, ops_total=7)
        return CandidateProcess(request, model("conv").read_bytes(), (np.zeros((2, 8, 8, 1), np.uint8),))

    return start


def test_a_candidate_process_answers_and_measures(candidate_process):
    with candidate_process() as found:
        found.open()
        (output,), seconds = found.answer(1, 20)
        assert (output.shape, seconds > 0) == ((3,), True)
        latencies = found.measure(0.05, 20)
        assert sum(latencies) <= 0.06 + max(latencies)
        assert found.measure(0, 20)[1:] == []  # at least one run


def test_a_candidate_process_that_hangs_is_ended(candidate_process):
    with candidate_process("invoke=hang") as found:
        found.open()
        with pytest.raises(CandidateError, match=r"^it did not end within the time limit$"):
            found.answer(0, 0.3)
        with pytest.raises(CandidateError, match="it was ended by SIGKILL"):
            found.measure(0.1, 5)


def test_a_candidate_process_that_dies_says_how_and_goes_on_saying_it(candidate_process):
    with candidate_process("invoke=crash") as found:
        found.open()
        for _ in range(2):
            with pytest.raises(CandidateError, match="it was ended by SIGSEGV"):
                found.answer(0, 20)


def test_a_closed_candidate_has_no_process_and_can_be_closed_again(candidate_process):
    with candidate_process() as found:
        process = found._process
        assert process.poll() is None
    assert process.poll() is not None
    found.close()


# -- how it looks ----------------------------------------------------------------------------------------------


def test_the_table_has_a_row_a_candidate_and_the_reason(model, litert, tmp_path):
    result = tune(read_model_file(model("conv")), TuneConfig(litert.name, (1,), (), 0.05, 3))
    text = tune_text(result, tmp_path / "conv.tflite.tune.json")
    lines = text.splitlines()
    assert lines[0] == str(model("conv"))
    assert lines[1].split() == "candidate median ratio runs steps top-1".split()
    assert lines[2].startswith(f"{litert}, 1 thread ")
    assert lines[2].endswith("16/16  chosen")
    assert f"why            {result.reason}" in lines
    assert lines[-1].startswith(f"kept in        {tmp_path}/conv.tflite.tune.json, which is used wherever")


def test_as_data_what_was_not_measured_is_null(model):
    from pathlib import Path

    from edgeready_device.tuning.candidate import TuneResult

    out = candidate(TFLITE, 4, note="it was ended by SIGSEGV")
    data = tune_json(TuneResult(Path("m.tflite"), (out,), None, "why", "what", True), None)
    assert json.loads(json.dumps(data))["candidates"][0] == {
        **{"runtime": "tflite-runtime 2.14.0", "threads": 4, "delegate": "", "median_s": None, "rounds_s": []},
        **{"runs": 0, "load_s": 0.0, "first_run_s": 0.0, "ops_taken": 0},
        **{"largest_steps": None, "same_top1": None, "inputs": None, "out": "it was ended by SIGSEGV"},
    }
    assert (data["choice"], data["kept_in"], data["emulated"]) == (None, None, True)


def test_a_library_that_was_chosen_is_to_be_given_by_hand(model, litert, delegate_library):
    config = TuneConfig(litert.name, (1,), (str(delegate_library),), 0.05, 3)
    result = tune(read_model_file(model("compiled")), config)
    assert f"give --delegate {delegate_library} yourself: no file may name a library to load" in tune_text(
        result, None
    )


def test_a_model_that_loops_on_one_thread_is_not_tried_on_more_and_the_file_is_at_fault(model, litert):
    with pytest.raises(ModelFileError) as caught:
        tune(read_model_file(model("endless")), TuneConfig(litert.name, (1, 2, 4), (), 0.1, 3))
    sentence = "it was ended by SIGXCPU (it took far more processor time than a model of its size"
    for name in ("1 thread", "2 threads", "4 threads"):
        assert f"{litert}, {name}: {sentence}" in str(caught.value)


def test_large_inputs_are_fewer_samples(model, monkeypatch):
    file = read_model_file(model("sums"))
    assert len(agreement.choose_inputs(file)[0]) == 16
    monkeypatch.setattr(agreement, "_MOST_INPUT_BYTES", 5 * 4 * 8)
    assert len(agreement.choose_inputs(file)[0]) == 5
    monkeypatch.setattr(agreement, "_MOST_INPUT_BYTES", 0)
    assert len(agreement.choose_inputs(file)[0]) == 1


def test_an_answer_without_end_is_not_read_to_its_end(model, litert, monkeypatch):
    monkeypatch.setattr("edgeready_device.tuning.candidate_process._MOST_REPLY_BYTES", 10)
    with pytest.raises(RuntimeUnavailableError, match="its outputs take more than 0 MB as text"):
        tune(read_model_file(model("sums")), TuneConfig(litert.name, (1,), (), 0.1, 3))
