from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from boards import lay
from report_cases import LITERT, PC, PI

from edgeready_device.benchmarking.benchmark import Acceleration, BenchmarkResult, read_acceleration
from edgeready_device.benchmarking.benchmark_file import read_measurement, write_measurement
from edgeready_device.benchmarking.latency import LatencySummary
from edgeready_device.benchmarking.stages import Stages
from edgeready_device.benchmarking.sustained import Window
from edgeready_device.machine.board import Board
from edgeready_device.machine.board_state import BoardState, Clock
from edgeready_device.machine.tpu import Tpu, TpuLibrary
from edgeready_device.machine.usage import Activity, MemoryUse
from edgeready_device.report.benchmark import acceleration_rows, benchmark_json, benchmark_text
from edgeready_device.runtime.delegate import DelegateSpec, Delegation
from edgeready_device.tune_file import Choice, TuneRecord


def _measured(latencies, machine=PI, threads=1):
    return BenchmarkResult(Path("m.tflite"), LITERT, threads, "default", 0.02, 0.005, 10, tuple(latencies), machine)


def test_a_measurement_of_few_runs_says_what_it_does_not_carry():
    assert benchmark_text(_measured([0.001, 0.002, 0.003])) == (
        "model       m.tflite\n"
        "runtime     ai-edge-litert 2.3.0, 1 thread, default kernels\n"
        "machine     Raspberry Pi 5, aarch64, 4 CPUs\n"
        "cold start  25 ms (load 20 ms, first run 5 ms)\n"
        "median      2 ms +- 1 ms (MAD)\n"
        "p90         not supported by 3 samples (it takes 64)\n"
        "p95         not supported by 3 samples (it takes 130)\n"
        "p99         not supported by 3 samples (it takes 662)\n"
        "runs        3, after 10 warm-up runs\n"
        "throughput  500 a second\n"
        "verdict     NOT STEADY\n"
        "too-few     3 runs, it takes 64\n"
        "            ask for --runs 64 or more"
    )


def test_a_measurement_of_many_runs_has_its_percentiles():
    lines = benchmark_text(_measured([0.001] * 700, PC, threads=4)).splitlines()
    assert lines[1] == "runtime     ai-edge-litert 2.3.0, 4 threads, default kernels"
    assert lines[2] == "machine     Imaginary CPU, x86_64, 2 CPUs"
    assert lines[5:8] == ["p90         1 ms", "p95         1 ms", "p99         1 ms"]
    assert lines[-1] == "verdict     steady"


def test_a_virtual_machine_is_called_so():
    measured = dataclasses.replace(_measured([0.001], PC), virtual=True)
    assert benchmark_text(measured).splitlines()[2] == "machine     Imaginary CPU, x86_64, 2 CPUs, virtual"
    assert benchmark_json(measured)["virtual"] is True


def test_an_emulated_measurement_says_that_it_counts_for_nothing():
    lines = benchmark_text(_measured([0.001], dataclasses.replace(PI, emulated=True))).splitlines()
    assert lines[-1] == "EMULATED    not a measure of any board"


def test_a_measurement_is_plain_data_in_seconds():
    found = benchmark_json(_measured([0.25, 0.5, 0.25]))
    assert json.loads(json.dumps(found)) == found
    unknown = {"temperature_c", "throttled", "under_voltage", "throttle_count", "load"}
    nothing = {"clocks": [], "slowed_by": [], **dict.fromkeys(unknown)}
    assert (found.pop("before"), found.pop("after")) == (nothing, nothing)
    assert {key: value for key, value in found.items() if key != "machine"} == {
        "schema": "edgeready-benchmark 1",
        "sha256": "",
        "delegate": None,
        "tuned": False,
        "p95_s": None,
        "memory": {"added_bytes": None, "peak_bytes": None},
        "steady": False,
        "unsteady": [
            {"kind": "too-few", "detail": "3 runs, it takes 64", "advice": "ask for --runs 64 or more"},
        ],
        "activity": None,
        "windows": [],
        "stages": None,
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
        "throughput_per_s": 3.0,
        "emulated": False,
        "virtual": False,
        "latencies_s": [0.25, 0.5, 0.25],
    }


def test_a_clock_too_coarse_to_see_a_run_gives_no_throughput():
    assert benchmark_json(_measured([0.0]))["throughput_per_s"] is None


CORAL_USB = {
    f"sys/bus/usb/devices/2-1/{name}": text
    for name, text in {"idVendor": "18d1", "idProduct": "9302", "busnum": "2", "devnum": "3", "speed": "5000"}.items()
}
HOT = BoardState((Clock("policy0", "ondemand", 900_000, 600_000, 1_800_000, 1_800_000),), 81.0, 0x20002, False)


def _complete():
    """A measurement with everything that a board tells, of an Edge TPU over two windows."""
    stages = Stages((0.001,) * 70, (0.002,) * 70, (0.0005,) * 70)
    windows = (
        Window(0.0, LatencySummary(35, 0.002, 0.0, None, None, None), BoardState(throttled=0), stages.thin(35)),
        Window(90.0, LatencySummary(70, 0.0025, 0.0, 0.003, None, None), HOT, stages.thin(35)),
    )
    spec = DelegateSpec("edgetpu:usb", "libedgetpu.so.1", {"device": "usb"})
    tpus = (
        Tpu("usb", "2-1", "/dev/bus/usb/002/003", started=True, usable=True, speed_mbps=480),
        Tpu("pci", "apex_0", "/dev/apex_0", started=True, usable=True, temperature_c=48.3),
    )
    library = TpuLibrary("/usr/lib/aarch64-linux-gnu/libedgetpu.so.1", "std")
    return dataclasses.replace(
        _measured(stages.invoke_s),
        stages=stages,
        before=BoardState(throttled=0),
        after=HOT,
        busy=Activity(2.0, 0.1, 0.0, 1.0),
        memory=MemoryUse(12_300_000, 61_200_000),
        acceleration=Acceleration(Delegation(spec, 66, 64, 1, 1.2, 0.0025), tpus, library),
        sha256="ab" * 32,
        windows=windows,
    )


def test_a_measurement_on_a_board_shows_everything():
    assert benchmark_text(_complete()).splitlines() == [
        "minute  median   p90   heat    clock  throttled",
        "0.0       2 ms     -      -        -        0x0",
        "1.5     2.5 ms  3 ms  81 °C  900 MHz    0x20002",
        "model       m.tflite",
        "runtime     ai-edge-litert 2.3.0, 1 thread, default kernels",
        "delegate    edgetpu:usb took 64 of 66 ops, in 1 part",
        "trial       first run 1.2 s, second 2.5 ms",
        "Edge TPU    usb 2-1, 480 Mbit/s, SLOW: plug it into a USB 3 port",
        "Edge TPU    pci apex_0, 48 °C",
        "library     /usr/lib/aarch64-linux-gnu/libedgetpu.so.1 std",
        "machine     Raspberry Pi 5, aarch64, 4 CPUs",
        "cold start  25 ms (load 20 ms, first run 5 ms)",
        "median      2 ms +- 0 µs (MAD)",
        "p90         2 ms",
        "p95         not supported by 70 samples (it takes 130)",
        "p99         not supported by 70 samples (it takes 662)",
        "runs        70, after 10 warm-up runs",
        "throughput  286 a second",
        "stages      preprocess 1 ms, invoke 2 ms, postprocess 0.5 ms, end to end 3.5 ms",
        "memory      at most 61.2 MB, of which the model added 12.3 MB",
        "clock       ondemand, 600 to 1,800 MHz, now 900",
        "heat        81 °C",
        "firmware    throttled=0x20002",
        "verdict     NOT STEADY",
        "throttled   clock capped, at 81 °C",
        "            let it cool, add a heat sink or a fan, and measure again",
        "governor    the governor is ondemand",
        "            run echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
    ]


def test_a_measurement_on_a_board_keeps_everything(tmp_path):
    found = benchmark_json(_complete())
    assert json.loads(json.dumps(found)) == found
    assert {key: found["delegate"][key] for key in ("name", "ops_taken", "ops_total", "partitions", "trial")} == {
        "name": "edgetpu:usb",
        "ops_taken": 64,
        "ops_total": 66,
        "partitions": 1,
        "trial": {"first_run_s": 1.2, "second_run_s": 0.0025},
    }
    assert [tpu["place"] for tpu in found["delegate"]["tpus"]] == ["2-1", "apex_0"]
    assert found["delegate"]["library"] == {"path": "/usr/lib/aarch64-linux-gnu/libedgetpu.so.1", "variant": "std"}
    assert [(w["start_s"], w["median_s"], w["kept"]) for w in found["windows"]] == [
        (0.0, 0.002, 35),
        (90.0, 0.0025, 35),
    ]
    assert found["windows"][1]["state"]["throttled"] == 0x20002
    assert found["stages"]["preprocess"]["latencies_s"] == [0.001] * 70
    assert (found["stages"]["end_to_end"]["median_s"], found["stages"]["end_to_end"]["p90_s"]) == (0.0035, 0.0035)
    assert [key for key, stage in found["stages"].items() if "latencies_s" in stage] == ["preprocess", "postprocess"]
    assert found["activity"] == {
        "wall_s": 2.0,
        "others_cpus": 0.1,
        "stolen_cpus": 0.0,
        "interruptions_per_s": 1.0,
    }
    assert [reason["kind"] for reason in found["unsteady"]] == ["throttled", "governor"]


def test_what_is_written_can_be_compared(tmp_path):
    write_measurement(tmp_path / "a.json", benchmark_json(_complete()))
    found = read_measurement(tmp_path / "a.json")
    assert (found.model, found.machine, found.delegate, found.threads) == (
        "m.tflite",
        "Raspberry Pi 5",
        "edgetpu:usb",
        1,
    )
    assert (found.unsteady, found.latencies_s) == (("throttled", "governor"), (0.002,) * 70)


def test_latencies_are_kept_to_the_nanosecond():
    assert benchmark_json(_measured([0.0012345678912]))["latencies_s"] == [0.001234568]


@pytest.mark.parametrize(
    ("tuned", "said"),
    [
        (None, ""),
        (TuneRecord(Path("m.tflite.tune.json"), Choice("ai-edge-litert", 1)), ", chosen by tune"),
        (
            TuneRecord(Path("t"), None, "it was made for another model"),
            ", tune's choice is not used: it was made for another model",
        ),
    ],
)
def test_what_tune_chose_is_said(tuned, said):
    result = dataclasses.replace(_measured([0.001] * 3), tuned=tuned)
    assert (
        benchmark_text(result).splitlines()[1] == f"runtime     ai-edge-litert 2.3.0, 1 thread, default kernels{said}"
    )
    assert benchmark_json(result)["tuned"] is (tuned is not None and tuned.choice is not None)


def test_a_delegate_that_is_no_edge_tpu_has_no_hardware_to_show(faked, tmp_path):
    model = faked("rank3", lambda tensor: tensor)
    assert read_acceleration(model, Board(tmp_path)) is None
    model.session.delegate = Delegation(DelegateSpec("./libx.so", "./libx.so"), 5, 3, 2)
    found = read_acceleration(model, Board(lay(tmp_path, CORAL_USB)))
    assert found == Acceleration(model.delegate)
    assert acceleration_rows(found) == [("delegate", "./libx.so took 3 of 5 ops, in 2 parts")]
    model.session.delegate = Delegation(DelegateSpec("edgetpu", "libedgetpu.so.1"), 5, 5, 1)
    assert [tpu.speed_mbps for tpu in read_acceleration(model, Board(tmp_path)).tpus] == [5000]
