from __future__ import annotations

import pytest

from edgeready_device import benchmark as under_test
from edgeready_device.benchmark import BenchmarkConfig, BenchmarkResult, benchmark
from edgeready_device.errors import ModelFileError, NotFoundError, UsageError
from edgeready_device.machine import read_machine
from edgeready_device.model import Model
from edgeready_device.runtime import Runtime


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

        def load(path, **options):
            clock.now_s += 2.0
            return faked("rank3", answer)

        monkeypatch.setattr(under_test.Model, "load", load)
        return benchmark(tmp, config, clock), count[0]

    tmp = "model.tflite"
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
    assert (found.model, found.threads, found.kernels) == ("model.tflite", 1, "default")


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
    assert (found.runtime, found.threads, found.summary.count) == (runtime, 2, 3)
    assert found.warmup_runs == 1
    assert all(latency > 0 for latency in (*found.latencies_s, found.load_s, found.first_run_s))


def test_reference_kernels_can_be_measured(model, monkeypatch):
    asked = {}
    real = Model.load
    monkeypatch.setattr(Model, "load", lambda path, **options: asked.update(options) or real(path, **options))
    config = BenchmarkConfig(runs=1, min_time_s=0.0, warmup_runs=0, warmup_s=0.0, kernels="reference")
    assert benchmark(model("conv"), config).kernels == "reference"
    assert asked == {"runtime": None, "threads": 1, "kernels": "reference"}


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
