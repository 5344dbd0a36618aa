from __future__ import annotations

import gc
import hashlib
import sys
import time
from pathlib import Path

import pytest
from boards import lay

from edgeready_device.benchmarking import benchmark as under_test
from edgeready_device.benchmarking.benchmark import BenchmarkConfig, BenchmarkResult, benchmark
from edgeready_device.benchmarking.stages import Stages, Stop, measure
from edgeready_device.benchmarking.workload import seeded_frame, workload_of
from edgeready_device.errors import ModelFileError, NotFoundError, UsageError
from edgeready_device.machine.board import Board
from edgeready_device.machine.machine import bound_threads, read_machine
from edgeready_device.machine.usage import MemoryUse
from edgeready_device.model import Model
from edgeready_device.runtime.runtime import Runtime


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def measured(faked, monkeypatch):
    """Measures with a clock on which loading takes 2 s and inference i takes `takes(i)` s."""

    def make(config, takes):
        clock, count = Clock(), [0]

        def answer(tensor):
            clock.now_s += takes(count[0])
            count[0] += 1
            return tensor.reshape(1, 8)

        def read(path, **options):
            clock.now_s += 2.0
            return faked("rank3", answer).file

        monkeypatch.setattr(under_test, "read_model_file", read)
        monkeypatch.setattr(under_test.Model, "from_file", lambda file, **options: faked("rank3", answer))
        return benchmark(tmp, config, clock), count[0]

    tmp = "model.tflite"
    return make


@pytest.fixture
def measured_on(faked, monkeypatch, tmp_path):
    """Measures on a machine whose tree of files is `before` until a model runs, and `after` from then on."""

    def make(before, after):
        root = lay(tmp_path / "root", before)

        def answer(tensor):
            lay(root, after)
            return tensor.reshape(1, 8)

        monkeypatch.setattr(under_test, "read_model_file", lambda path, **options: faked("rank3", answer).file)
        monkeypatch.setattr(under_test.Model, "from_file", lambda file, **options: faked("rank3", answer))
        config = BenchmarkConfig(runs=1, min_time_s=0.0, warmup_runs=0, warmup_s=0.0)
        return benchmark("model.tflite", config, board=Board(root))

    return make


def test_load_first_run_warm_up_and_runs_are_kept_apart(measured):
    config = BenchmarkConfig(runs=4, min_time_s=0.0, warmup_runs=3, warmup_s=0.0)
    # run 0 is the first, 1 to 3 warm up, 4 to 7 count
    found, count = measured(config, lambda i: [8.0, 4.0, 4.0, 4.0, 0.5, 0.25, 1.0, 0.5][i])
    assert count == 8
    assert (found.load_s, found.first_run_s, found.cold_start_s) == (2.0, 8.0, 10.0)
    assert (found.warmup_runs, found.latencies_s) == (3, (0.5, 0.25, 1.0, 0.5))
    assert (found.summary.count, found.summary.median_s, found.summary.mad_s) == (4, 0.5, 0.125)
    assert (found.summary.p90_s, found.summary.p99_s) == (None, None)
    assert found.machine == read_machine()
    assert (found.model, found.threads, found.kernels) == (Path("model.tflite"), 1, "default")


def test_it_measures_until_the_least_time_is_over(measured):
    config = BenchmarkConfig(runs=2, min_time_s=3.0, warmup_runs=0, warmup_s=0.0)
    found, count = measured(config, lambda i: 0.5)
    assert (len(found.latencies_s), count, found.warmup_runs) == (6, 7, 0)


def test_it_measures_at_least_its_runs(measured):
    found, _ = measured(BenchmarkConfig(runs=12, min_time_s=3.0, warmup_runs=0, warmup_s=0.0), lambda i: 0.5)
    assert len(found.latencies_s) == 12


def test_it_warms_up_for_the_time_and_the_runs(measured):
    config = BenchmarkConfig(runs=1, min_time_s=0.0, warmup_runs=2, warmup_s=2.0)
    assert measured(config, lambda i: 0.5)[0].warmup_runs == 4


def test_it_stops_at_the_longest_time_with_what_it_has(measured):
    config = BenchmarkConfig(runs=100, min_time_s=0.0, max_time_s=2.0, warmup_runs=100, warmup_s=0.0)
    found, _ = measured(config, lambda i: 0.75)
    assert (found.warmup_runs, len(found.latencies_s)) == (3, 3)


def test_one_run_is_measured_however_long_it_takes(measured):
    config = BenchmarkConfig(runs=5, min_time_s=0.0, max_time_s=1.0, warmup_runs=0, warmup_s=0.0)
    assert measured(config, lambda i: 64.0)[0].latencies_s == (64.0,)


def test_a_real_model_is_measured(runtime, model):
    config = BenchmarkConfig(runs=3, min_time_s=0.0, warmup_runs=1, warmup_s=0.0, runtime=runtime.name, threads=2)
    found = benchmark(model("conv"), config)
    assert isinstance(found, BenchmarkResult)
    assert (found.runtime, found.threads, found.summary.count) == (runtime, bound_threads(2), 3)
    assert found.warmup_runs == 1
    assert all(latency > 0 for latency in (*found.latencies_s, found.load_s, found.first_run_s))


def test_reference_kernels_can_be_measured(model, monkeypatch):
    asked = {}
    real = Model.from_file
    monkeypatch.setattr(Model, "from_file", lambda file, **options: asked.update(options) or real(file, **options))
    config = BenchmarkConfig(runs=1, min_time_s=0.0, warmup_runs=0, warmup_s=0.0, kernels="reference")
    assert benchmark(model("conv"), config).kernels == "reference"
    assert asked == {"runtime": None, "threads": 1, "kernels": "reference", "delegate": None}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"runs": 0}, "runs is 0, warm-up runs 10: ask for at least 1 and 0"),
        ({"runs": -5}, "runs is -5"),
        ({"warmup_runs": -1}, "warm-up runs -1"),
        ({"min_time_s": -1.0}, "least time is -1.0 s"),
        ({"warmup_s": -0.5}, "warm-up -0.5 s"),
        ({"max_time_s": 0.0}, "longest time 0.0 s"),
        ({"min_time_s": float("nan")}, "least time is nan s"),
        ({"max_time_s": float("nan")}, "longest time nan s"),
    ],
)
def test_times_and_runs_that_cannot_be_meant_are_refused(options, message):
    with pytest.raises(UsageError, match=message) as caught:
        BenchmarkConfig(**options)
    assert caught.value.exit_code == 2


def test_a_missing_model_is_not_found(tmp_path):
    with pytest.raises(NotFoundError):
        benchmark(tmp_path / "none.tflite")


def test_a_file_that_is_no_classifier_is_refused(model):
    with pytest.raises(ModelFileError, match="one_class"):
        benchmark(model("one_class"))


def test_the_fake_runtime_is_named(measured):
    found, _ = measured(BenchmarkConfig(runs=1, min_time_s=0.0, warmup_runs=0, warmup_s=0.0), lambda i: 1.0)
    assert found.runtime == Runtime("fake", "0")


# -- stages ----------------------------------------------------------------------------------------------------


def test_each_stage_is_timed_apart_and_the_clock_is_read_four_times_a_run(faked):
    reads = []

    def clock():  # the stages of a run take 1, 2 and 4 s; 8 s pass between two runs
        reads.append(0)
        steps = [8.0, 1.0, 2.0, 4.0]
        return 100.0 + sum(steps[i % 4] for i in range(len(reads)))

    found = measure(workload_of(faked("rank3", lambda tensor: tensor.reshape(1, 8))), Stop(3, 0.0, 1e9), clock)
    assert len(reads) == 1 + 3 * 4
    # one read ahead of the runs turns the wheel by one
    assert found.preprocess_s == (2.0,) * 3
    assert found.invoke_s == (4.0,) * 3
    assert found.postprocess_s == (8.0,) * 3
    assert found.end_to_end_s == (14.0,) * 3


def test_the_stages_are_those_of_classify(faked):
    seen = []

    def answer(tensor):
        seen.append(tensor)
        return tensor.reshape(1, 8)

    model = faked("rank3", answer)
    measure(workload_of(model), Stop(1, 0.0, 1e9), iter(range(9)).__next__)
    model.classify(seeded_frame(model))
    assert (seen[0] == seen[1]).all()


def test_the_garbage_collector_waits_and_comes_back(faked):
    seen = []

    def answer(tensor):
        seen.append(gc.isenabled())
        return tensor.reshape(1, 8)

    def crash(tensor):
        raise RuntimeError("no")

    measure(workload_of(faked("rank3", answer)), Stop(2, 0.0, 1e9), time.perf_counter)
    assert (seen, gc.isenabled()) == ([False, False], True)
    with pytest.raises(ModelFileError, match=r"fails in a run \(no\)"):
        measure(workload_of(faked("rank3", crash)), Stop(2, 0.0, 1e9), time.perf_counter)
    assert gc.isenabled()
    gc.disable()
    try:
        measure(workload_of(faked("rank3", answer)), Stop(1, 0.0, 1e9), time.perf_counter)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_stages_of_other_runs_do_not_belong_together():
    with pytest.raises(ValueError, match="not of the same runs"):
        Stages((1.0,), (1.0, 2.0), (1.0,))


@pytest.mark.parametrize(("most", "kept"), [(10, 10), (5, 5), (4, 4), (3, 3), (1, 1), (99, 10)])
def test_thinned_stages_are_evenly_spread(most, kept):
    ten = tuple(map(float, range(10)))
    found = Stages(ten, ten, ten).thin(most)
    assert len(found.invoke_s) <= kept
    assert found.invoke_s[0] == 0.0
    assert len({b - a for a, b in zip(found.invoke_s, found.invoke_s[1:])}) <= 1


# -- state, memory and windows ---------------------------------------------------------------------------------


def test_the_state_is_read_before_and_after(measured_on):
    found = measured_on({"proc/loadavg": "0.50 0 0\n"}, {"proc/loadavg": "2.50 0 0\n"})
    assert (found.before.load, found.after.load) == (0.5, 2.5)


def test_memory_is_what_the_model_added_and_the_peak(measured_on):
    def status(resident, peak):
        return {"proc/self/status": f"VmHWM:\t{peak} kB\nVmRSS:\t{resident} kB\n"}

    found = measured_on(status(1000, 1500), status(3000, 4000))
    assert found.memory == MemoryUse(2000 * 1024, 4000 * 1024)


def test_windows_follow_each_other_until_the_time_is_over(measured):
    config = BenchmarkConfig(warmup_runs=0, warmup_s=0.0, sustained_s=120.0)
    found, _ = measured(config, lambda i: 0.5)
    assert len(found.windows) == 60  # of two seconds each
    assert [window.start_s for window in found.windows[:3]] == [0.0, 2.0, 4.0]
    assert {window.summary.count for window in found.windows} == {4}
    assert found.latencies_s == (0.5,) * 240
    assert found.stages.invoke_s == found.latencies_s


def test_a_window_is_a_second_at_least(measured):
    config = BenchmarkConfig(warmup_runs=0, warmup_s=0.0, sustained_s=3.0)
    assert [window.start_s for window in measured(config, lambda i: 0.25)[0].windows] == [0.0, 1.0, 2.0]


def test_a_window_keeps_evenly_spread_runs_only_and_sums_up_all(measured):
    config = BenchmarkConfig(warmup_runs=0, warmup_s=0.0, sustained_s=1.0)
    found, count = measured(config, lambda i: 2.0**-12)
    assert found.windows[0].summary.count == count - 1 == 4096
    assert len(found.latencies_s) == len(found.windows[0].sample.invoke_s) == 1366


def test_a_model_that_slows_down_over_the_windows_is_drifting(measured, monkeypatch):
    monkeypatch.setattr("edgeready_device.machine.machine.is_emulated", lambda *_: False)  # it would hide the rest
    config = BenchmarkConfig(warmup_runs=0, warmup_s=0.0, sustained_s=60.0)
    found, _ = measured(config, lambda i: 0.01 if i < 2000 else 0.013)
    assert [reason.kind for reason in found.unsteady if reason.kind in ("drifting", "throttled")] == ["drifting"]


def test_the_file_is_known_by_its_flatbuffer(measured, model):
    found, _ = measured(BenchmarkConfig(runs=1, min_time_s=0.0, warmup_runs=0, warmup_s=0.0), lambda i: 1.0)
    assert found.sha256 == hashlib.sha256(model("rank3").read_bytes()).hexdigest()


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), 86_401.0])
def test_a_sustained_time_that_cannot_be_meant_is_refused(seconds):
    with pytest.raises(UsageError, match="ask for 0 to 1440"):
        BenchmarkConfig(sustained_s=seconds)


def test_a_real_measurement_has_everything_that_this_machine_tells(runtime, model):
    config = BenchmarkConfig(runs=70, min_time_s=0.0, warmup_runs=1, warmup_s=0.0, runtime=runtime.name)
    found = benchmark(model("conv"), config)
    assert len(found.stages.preprocess_s) == len(found.latencies_s) == 70
    assert all(value > 0 for value in found.stages.end_to_end_s)
    assert found.stages.invoke_s == found.latencies_s
    assert found.busy.wall_s > 0
    if sys.platform == "linux":
        assert found.memory.peak_bytes > 1 << 20
        assert found.after.load is not None
