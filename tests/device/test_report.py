from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from edgeready_device import report
from edgeready_device.benchmark import BenchmarkResult
from edgeready_device.contract import read_contract
from edgeready_device.evaluate import EvaluationReport
from edgeready_device.golden import GoldenVectors
from edgeready_device.machine import Machine
from edgeready_device.manifest import InputSpec
from edgeready_device.model_file import read_model_file
from edgeready_device.postprocess import Prediction
from edgeready_device.preprocess import Normalization
from edgeready_device.runtime import Runtime
from edgeready_device.statistics import Proportion
from edgeready_device.verify import PathResult, VerifyReport

LITERT = Runtime("ai-edge-litert", "2.3.0")
PI = Machine("aarch64", "CPU part 0xd0b", "Raspberry Pi 5", 4, "6.6.1", "3.11.2", False)
PC = Machine("x86_64", "Imaginary CPU", "", 2, "6.1", "3.13.0", False)


def test_a_machine_is_shown_by_its_board():
    assert report.machine_text(PI, [LITERT, Runtime("tflite-runtime", "2.14.0")]) == (
        "machine       Raspberry Pi 5\n"
        "architecture  aarch64\n"
        "CPUs          4\n"
        "kernel        6.6.1\n"
        "Python        3.11.2\n"
        "runtimes      ai-edge-litert 2.3.0, tflite-runtime 2.14.0"
    )


def test_a_machine_without_a_runtime_is_told_what_to_install():
    lines = report.machine_text(dataclasses.replace(PC, emulated=True), []).splitlines()
    assert lines[0] == "machine       Imaginary CPU"
    assert lines[1] == "architecture  x86_64, EMULATED"
    assert lines[-1] == "runtimes      none: pip install ai-edge-litert"


def test_a_machine_is_plain_data():
    assert report.machine_json(PI, [LITERT]) == {
        "machine": {
            "architecture": "aarch64",
            "processor": "CPU part 0xd0b",
            "board": "Raspberry Pi 5",
            "cpus": 4,
            "kernel": "6.6.1",
            "python": "3.11.2",
            "emulated": False,
        },
        "runtimes": ["ai-edge-litert 2.3.0"],
    }


def _info(path, runtimes=(LITERT,)):
    file = read_model_file(path)
    return report.info_json(file, read_contract(file), runtimes)


def test_a_bare_model_is_described(model):
    path = model("sums")
    size = path.stat().st_size
    found = _info(path)
    assert found == {
        "file": str(path),
        "name": "",
        "size_bytes": size,
        "flatbuffer_bytes": size,
        "input": {"name": "image", "dtype": "uint8", "shape": [1, 2, 2, 1], "scale": 1.0, "zero_point": 0},
        "output": {
            "name": "logits",
            "dtype": "uint8",
            "shape": [1, 3],
            "scale": 0.125,
            "zero_point": 10,
            "scores": "logits",
        },
        "frame": {"height": 2, "width": 2, "channels": 1, "resize": "stretch", "mean": None, "std": None},
        "labels": ["0", "1", "2"],
        "ops": {"QUANTIZE": 2, "RESHAPE": 1, "FULLY_CONNECTED": 1},
        "golden_vectors": 0,
        "provenance": {},
        "runtimes": ["ai-edge-litert 2.3.0"],
    }
    assert report.info_text(found) == (
        f"file            {path} ({size:,} bytes, {size:,} the model alone)\n"
        "name            -\n"
        "input           uint8 [1, 2, 2, 1] (scale 1, zero point 0)\n"
        "frame           2x2 grey, stretch; pixels as they are (the file names no normalization)\n"
        "output          uint8 [1, 3] (scale 0.125, zero point 10), logits\n"
        "labels          3: 0, 1, 2\n"
        "ops             2 QUANTIZE, 1 RESHAPE, 1 FULLY_CONNECTED\n"
        "golden vectors  0\n"
        "runtimes here   ai-edge-litert 2.3.0"
    )


def test_a_complete_model_is_described(complete):
    frame = InputSpec(2, 2, 3, "crop", Normalization((1.0, 2.0, 3.5), (4.0, 4.0, 4.0)))
    golden = GoldenVectors(np.zeros((7, 2, 2, 3), np.uint8), {"x": np.zeros((7, 12), np.uint8)})
    found = _info(complete("echo_rgb", labels=None, frame=frame, golden=golden), [])
    assert (found["name"], found["golden_vectors"]) == ("echo_rgb", 7)
    assert found["provenance"] == {"made_by": "a test"}
    lines = report.info_text(found).splitlines()
    assert lines[1] == "name            echo_rgb"
    assert lines[3] == "frame           2x2 RGB, crop; (pixel - [1, 2, 3.5]) / 4"
    assert lines[5] == "labels          12: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ..."
    assert lines[7] == "golden vectors  7"
    assert lines[8] == "runtimes here   none: pip install ai-edge-litert"


def test_a_float_model_is_described(model):
    lines = report.info_text(_info(model("echo_float"))).splitlines()
    assert lines[2] == "input           float32 [1, 2, 2, 1] (not quantized)"
    assert lines[3] == "frame           2x2 grey, stretch; (pixel - 0) / 255"


def test_a_name_cannot_write_control_characters_to_the_terminal(complete):
    found = {**_info(complete()), "name": "red\x1b[31m\nname", "ops": {"a\x1bb": 1}}
    assert "\x1b" not in report.info_text(found)
    assert len(report.info_text(found).splitlines()) == 9


def test_an_image_is_one_line():
    found = [Prediction("cat", 2, 0.876), Prediction("dog", 0, 0.1)]
    assert report.classify_text(Path("a/b.png"), found) == "a/b.png: cat 87.6 %, dog 10.0 %"
    assert report.classify_json(Path("a/b.png"), found) == {
        "image": "a/b.png",
        "predictions": [{"label": "cat", "index": 2, "score": 0.876}, {"label": "dog", "index": 0, "score": 0.1}],
    }


EVALUATED = EvaluationReport(
    ("cat", "dog", "owl"), np.array([0, 0, 1, 1]), np.array([[9, 0, 0], [0, 9, 0], [0, 9, 0], [0, 9, 0]], np.uint8)
)


def test_an_evaluation_is_shown_with_the_classes_that_have_frames():
    assert report.evaluation_text(EVALUATED, LITERT) == (
        "runtime  ai-edge-litert 2.3.0\n"
        "top-1    75.00 % (30.06 to 95.44, 3 of 4)\n"
        "top-5    100.00 % (51.01 to 100.00, 4 of 4)\n"
        "\n"
        "class     top-1  right  of\n"
        "cat     50.00 %      1   2\n"
        "dog    100.00 %      2   2"
    )


def test_an_evaluation_is_plain_data():
    found = report.evaluation_json(EVALUATED, LITERT)
    assert json.loads(json.dumps(found)) == found
    assert found["runtime"] == "ai-edge-litert 2.3.0"
    assert found["confusion"] == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert (found["top1"]["value"], found["top1"]["hits"], found["top1"]["count"]) == (0.75, 3, 4)
    assert list(found["per_class"]) == ["cat", "dog", "owl"]


def _measured(latencies, machine=PI, threads=1):
    return BenchmarkResult(Path("m.tflite"), LITERT, threads, "default", 0.02, 0.005, 10, tuple(latencies), machine)


def test_a_measurement_of_few_runs_says_what_it_does_not_carry():
    assert report.benchmark_text(_measured([0.001, 0.002, 0.003])) == (
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
    lines = report.benchmark_text(_measured([0.001] * 700, PC, threads=4)).splitlines()
    assert lines[1] == "runtime     ai-edge-litert 2.3.0, 4 threads, default kernels"
    assert lines[2] == "machine     Imaginary CPU, x86_64, 2 CPUs"
    assert lines[5:7] == ["p90         1 ms", "p99         1 ms"]


def test_an_emulated_measurement_says_that_it_counts_for_nothing():
    lines = report.benchmark_text(_measured([0.001], dataclasses.replace(PI, emulated=True))).splitlines()
    assert lines[-1] == "EMULATED    not a measure of any board"


def test_a_measurement_is_plain_data_in_seconds():
    found = report.benchmark_json(_measured([0.25, 0.5, 0.25]))
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
    assert report.benchmark_json(_measured([0.0]))["throughput_per_s"] is None


def _path(histogram, note=""):
    return PathResult("default", "a 1 default", 1, histogram, Proportion(3, 4), Proportion(2, 2), note)


@pytest.mark.parametrize(
    ("histogram", "verdict", "word", "steps"),
    [
        ((10, 2), "the answers are right on this machine", "pass", "1 of 1"),
        ((10, 0, 0, 1), "THE ANSWERS ARE WRONG ON THIS MACHINE", "FAIL", "3 of 1"),
    ],
)
def test_a_verification_says_its_verdict_first(histogram, verdict, word, steps):
    found = report.verify_text(VerifyReport(Path("m.tflite"), LITERT, (_path(histogram, "held against b"),)))
    assert found == (
        f"m.tflite on ai-edge-litert 2.3.0: {verdict}\n"
        "kernels  steps off  same top-1  verdict\n"
        f"default     {steps}      3 of 4     {word}\n"
        "held against b"
    )


def test_a_verification_is_plain_data():
    found = report.verify_json(VerifyReport(Path("m.tflite"), LITERT, (_path((10, 2)),)))
    assert json.loads(json.dumps(found)) == found
    assert (found["model"], found["runtime"], found["passed"]) == ("m.tflite", "ai-edge-litert 2.3.0", True)
    (path,) = found["paths"]
    assert (path["bound_steps"], path["largest_steps"], path["histogram"], path["passed"]) == (1, 1, [10, 2], True)
    assert (path["agreement"]["hits"], path["decisive"]["count"], path["note"]) == (3, 2, "")
