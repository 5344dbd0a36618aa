from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from edgeready_device.benchmark import BenchmarkResult
from edgeready_device.report.benchmark import benchmark_json, benchmark_text

from .report_cases import LITERT, PC, PI  # noqa: TID252  (the package depends on pytest's root)


def _measured(latencies, machine=PI, threads=1):
    return BenchmarkResult(Path("m.tflite"), LITERT, threads, "default", 0.02, 0.005, 10, tuple(latencies), machine)


def test_a_measurement_of_few_runs_says_what_it_does_not_carry():
    assert benchmark_text(_measured([0.001, 0.002, 0.003])) == (
        "model       m.tflite\n"
        "runtime     ai-edge-litert 2.3.0, 1 thread, default kernels\n"
        "machine     Raspberry Pi 5, aarch64, 4 CPUs\n"
        "cold start  25 ms (load 20 ms)\n"
        "median      2 ms +- 1 ms (MAD)\n"
        "p90         not supported by 3 samples (it takes 64)\n"
        "p99         not supported by 3 samples (it takes 662)\n"
        "runs        3, after 10 warm-up runs"
    )


def test_a_measurement_of_many_runs_has_its_percentiles():
    lines = benchmark_text(_measured([0.001] * 700, PC, threads=4)).splitlines()
    assert lines[1] == "runtime     ai-edge-litert 2.3.0, 4 threads, default kernels"
    assert lines[2] == "machine     Imaginary CPU, x86_64, 2 CPUs"
    assert lines[5:7] == ["p90         1 ms", "p99         1 ms"]


def test_an_emulated_measurement_says_that_it_counts_for_nothing():
    lines = benchmark_text(_measured([0.001], dataclasses.replace(PI, emulated=True))).splitlines()
    assert lines[-1] == "EMULATED    not a measure of any board"


def test_a_measurement_is_plain_data_in_seconds():
    found = benchmark_json(_measured([0.25, 0.5, 0.25]))
    assert json.loads(json.dumps(found)) == found
    assert {key: value for key, value in found.items() if key != "machine"} == {
        "model": "m.tflite",
        "runtime": "ai-edge-litert 2.3.0",
        "threads": 1,
        "kernels": "default",
        "load_s": 0.02,
        "first_run_s": 0.005,
        "cold_start_s": 0.025,
        "warmup_runs": 10,
        "count": 3,
        "median_s": 0.25,
        "mad_s": 0.0,
        "p90_s": None,
        "p99_s": None,
        "throughput_per_s": 4.0,
        "emulated": False,
        "latencies_s": [0.25, 0.5, 0.25],
    }


def test_a_clock_too_coarse_to_see_a_run_gives_no_throughput():
    assert benchmark_json(_measured([0.0]))["throughput_per_s"] is None
