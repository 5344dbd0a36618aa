from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeready_device import benchmark
from edgeready_device.benchmarking.benchmark import BenchmarkConfig
from edgeready_device.errors import ModelFileError, UsageError
from edgeready_device.evaluation import evaluate
from edgeready_device.isolation.trial import TrialRequest
from edgeready_device.model import Model
from edgeready_device.model_file.golden import GoldenVectors, recording_key
from edgeready_device.model_file.manifest import InputSpec
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.runtime.runtime import KERNELS, Runtime
from edgeready_device.session import Session
from edgeready_device.testing import FakeInterpreter
from edgeready_device.tuning.candidate_process import CandidateProcess
from edgeready_device.verification import outputs_of, verify

# What each answers to FRAMES in the order 0, 1, 0 without its state set back: the answer to the second 0 is another.
STATEFUL = ("rnn", "sequence_rnn", "svdf", "lstm", "resource", "noise")
# A branch is allocated anew for each run, so that nothing is left in its variables (measured on both runtimes).
ALL = (*STATEFUL, "rnn_in_a_branch")
FRAMES = np.array([[[1, 2], [3, 4]], [[10, 20], [30, 40]], [[5, 0], [7, 200]]], np.uint8)[..., np.newaxis]


@pytest.mark.parametrize("name", STATEFUL)
def test_the_models_of_these_tests_remember(name, model, runtime):
    stream = Session.load(model(name), runtime=runtime.name, keep_state=True)
    first, _, again = (stream.invoke([frame[np.newaxis]])[0].tolist() for frame in FRAMES[[0, 1, 0]])
    assert first != again


@pytest.mark.parametrize("name", ALL)
def test_an_answer_does_not_depend_on_what_came_before(name, model, runtime):
    alone = [Model.load(model(name), runtime=runtime.name).run(frame).tolist() for frame in FRAMES]
    shared = Model.load(model(name), runtime=runtime.name)
    for order in ([0, 1, 2], [2, 1, 0], [1, 1, 0]):
        assert [shared.run(FRAMES[i]).tolist() for i in order] == [alone[i] for i in order]
        assert shared.run_many(FRAMES[order]).tolist() == [alone[i] for i in order]
        assert evaluate(shared, FRAMES[order], np.zeros(3, int)).outputs.tolist() == [alone[i] for i in order]


def test_the_answers_of_the_recurrent_kernel_are_those_that_were_worked_out(model, runtime):
    loaded = Model.load(model("rnn"), runtime=runtime.name)
    assert loaded.run_many(FRAMES).tolist() == [[1, 2, 3, 4], [10, 20, 30, 40], [5, 0, 7, 200]]
    stream = Model.load(model("rnn"), runtime=runtime.name, keep_state=True)
    assert stream.run_many(FRAMES[[0, 1, 0]]).tolist() == [
        [1, 2, 3, 4],
        [10.5, 21, 31.5, 42],
        [6.25, 12.5, 18.75, 25],
    ]


@pytest.mark.parametrize("name", STATEFUL)
def test_a_stream_starts_anew_when_its_state_is_reset(name, model, runtime):
    stream = Model.load(model(name), runtime=runtime.name, keep_state=True)
    first = stream.run_many(FRAMES).tolist()
    assert stream.run_many(FRAMES).tolist() != first
    stream.reset_state()
    assert stream.run_many(FRAMES).tolist() == first


@pytest.mark.parametrize("name", ["rnn", "resource"])
def test_a_replica_has_a_state_of_its_own(name, model, runtime):
    stream = Model.load(model(name), runtime=runtime.name, keep_state=True)
    first = stream.run(FRAMES[0]).tolist()
    second = stream.replicate()
    stream.run(FRAMES[1])
    assert second.run(FRAMES[0]).tolist() == first


@pytest.mark.parametrize("name", ALL)
def test_golden_vectors_do_not_depend_on_their_order(name, model, runtime):
    loaded = Model.load(model(name), runtime=runtime.name)
    rows = outputs_of(loaded, FRAMES)
    assert outputs_of(loaded, FRAMES[::-1]).tolist() == rows[::-1].tolist()


@pytest.mark.parametrize("name", ["rnn", "resource"])
def test_golden_vectors_in_another_order_verify(name, model, complete, runtime):
    recordings = {}
    for kernels in KERNELS:
        loaded = Model.load(model(name), runtime=runtime.name, kernels=kernels)
        recordings[recording_key(runtime, kernels)] = outputs_of(loaded, FRAMES)[::-1]
    golden = GoldenVectors(FRAMES[::-1], recordings)
    path = complete(name, labels=b"a\nb\nc\nd\n", golden=golden, frame=InputSpec(2, 2, 1))
    report = verify(read_model_file(path), runtime.name)
    assert [(result.largest_steps, result.passed) for result in report.results] == [(0, True), (0, True)]


@pytest.mark.parametrize("name", ["rnn", "resource"])
def test_a_candidate_of_tune_answers_from_the_initial_state(name, model, runtime):
    expected = Model.load(model(name), runtime=runtime.name).run_many(FRAMES).tolist()
    with CandidateProcess(TrialRequest(runtime.name), model(name).read_bytes(), (FRAMES,)) as process:
        process.open()
        process.measure(0.01, 60)
        assert [process.answer(i, 60)[0][0].tolist() for i in (2, 0, 1, 0)] == [expected[i] for i in (2, 0, 1, 0)]


def test_a_benchmark_sets_the_state_back_before_each_run_and_outside_of_its_time(model, monkeypatch, litert):
    calls: list[str] = []
    reset, invoke = Session.reset_state, Session.invoke_single
    monkeypatch.setattr(Session, "reset_state", lambda self: (calls.append("reset"), reset(self))[1])
    monkeypatch.setattr(Session, "invoke_single", lambda self, *a: (calls.append("run"), invoke(self, *a))[1])
    config = BenchmarkConfig(runs=3, min_time_s=0, warmup_runs=0, warmup_s=0, runtime=litert.name)
    assert benchmark(model("rnn"), config).summary.count == 3
    assert calls == ["reset", "run"] * 4
    calls.clear()
    benchmark(model("conv"), config)
    assert calls == ["run"] * 4


def test_a_model_without_variables_is_never_reset(model):
    class Counting(FakeInterpreter):
        resets = 0

        def reset_all_variables(self):
            self.resets += 1

    for name, resets in (("sums", 0), ("rnn", 2)):
        file, fake = read_model_file(model(name)), Counting(lambda tensor: np.zeros((1, 4), np.float32))
        session = Session(file, fake, Runtime("fake", "0"))
        for frame in FRAMES:
            session.invoke_single(frame[np.newaxis])
        assert (file.stateful, fake.resets) == (resets > 0, resets)


def test_a_session_takes_any_number_of_inputs_and_gives_all_outputs(model, runtime):
    session = Session.load(model("conv"), runtime=runtime.name)
    (scores,) = session.invoke([np.zeros((1, 8, 8, 1), np.uint8)])
    assert (scores.shape, scores.dtype) == ((1, 3), np.uint8)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ([], "0 tensors for 1 inputs: give one for each input"),
        ([np.zeros((1, 8, 8, 1), np.uint8)] * 2, "2 tensors for 1 inputs: give one for each input"),
        ([np.zeros((1, 8, 8, 1), np.float32)], "the tensor does not fit its input"),
        ([np.zeros((1, 9, 8, 1), np.uint8)], "the tensor does not fit its input"),
        ([np.zeros((8, 8, 1), np.uint8)], "the tensor does not fit its input"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_and_the_session_goes_on(tensors, message, model, runtime):
    session = Session.load(model("conv"), runtime=runtime.name)
    with pytest.raises(UsageError, match=message):
        session.invoke(tensors)
    assert session.invoke([np.zeros((1, 8, 8, 1), np.uint8)])[0].shape == (1, 3)


def test_a_state_is_set_back_after_a_run_that_failed(model):
    class Failing(FakeInterpreter):
        resets = 0

        def reset_all_variables(self):
            self.resets += 1

    def answer(tensor):
        raise RuntimeError("out of luck")

    session = Session(read_model_file(model("rnn")), fake := Failing(answer), Runtime("fake", "0"))
    for _ in range(2):
        with pytest.raises(ValueError, match="fake 0 fails in a run"):
            session.invoke_single(FRAMES[:1])
    assert fake.resets == 1


def test_the_path_of_a_session_is_that_of_its_file(model):
    assert Session.load(model("conv")).path == Path(model("conv"))


def test_a_name_that_is_no_text_is_the_files_fault(model, runtime, tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes(model("conv").read_bytes().replace(b"scores\0", b"\xffcores\0"))
    with pytest.raises(
        ModelFileError, match=rf"m\.tflite: the name of an input or output is no UTF-8, and {runtime.name}"
    ):
        Session.load(path, runtime=runtime.name)
