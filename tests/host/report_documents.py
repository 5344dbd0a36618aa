"""The documents that the commands write with --json, made by the same code from small results."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from search_cases import result as search_result
from test_ladder import judgement
from test_modes_report import report as modes_report
from test_report import MACHINE, RUNTIME, measured, result
from tflite_models import conv_classifier

from edgeready.budget.ladder import Attempt, Trail
from edgeready.config.method import Method
from edgeready.edgetpu.outcome import Outcome
from edgeready.layer_analysis import LayerError, LayerReport
from edgeready.layer_analysis.layer_error import Damage, TensorError
from edgeready.readiness import check_graph
from edgeready.workflows.check import Inspection
from edgeready.workflows.deploy import BoardResult, Deployment
from edgeready.workflows.evaluate import Evaluation
from edgeready.workflows.gate import BudgetCheck, GateReport
from edgeready_device.benchmarking.benchmark_file import Measurement
from edgeready_device.benchmarking.compare import compare
from edgeready_device.profiling.profile import OpTime, Profile
from edgeready_device.report.benchmark import benchmark_json
from edgeready_device.report.compare import compare_json
from edgeready_device.report.profile import profile_json
from edgeready_device.tflite.graph import read_graph


def plain_data(value: Any) -> Any:
    """What a reader of the file gets."""
    return json.loads(json.dumps(value))


@cache
def _build_text() -> str:
    return json.dumps(result().to_dict())


def build_document(**changes: Any) -> dict[str, Any]:
    return {**json.loads(_build_text()), **changes}


@cache
def _check_text() -> str:
    report = check_graph(read_graph(conv_classifier(leaky=True)), file="leaky.tflite")
    return json.dumps([Inspection(file="leaky.tflite", report=report).to_dict()])


def check_document() -> list[dict[str, Any]]:
    return json.loads(_check_text())


def search_document() -> dict[str, Any]:
    """The search.json of three networks, of which two were trained to the end."""
    document = plain_data(search_result(Path("found")).to_dict())
    document["trials"][2]["failure"] = "it diverged"
    return document


def evaluate_document(model: str = "m.tflite") -> dict[str, Any]:
    report = measured([0, 1, 2, 0, 1, 1], 1).accuracy
    return plain_data(Evaluation(report=report, runtime=RUNTIME, file=model, data="pets").to_dict())


def layers_document() -> dict[str, Any]:
    exact = TensorError(sqnr_db=float("inf"), bias=0.0, largest=0.0)
    lost = TensorError(sqnr_db=float("-inf"), bias=0.0, largest=2.0)
    noisy = TensorError(sqnr_db=12.34, bias=0.1, largest=0.5)
    layers = (
        _layer("conv", own=noisy, damage=Damage(sqnr_db=10.0, changed=3, images=8), share=0.9, cause="weights"),
        _layer("relu", own=exact, damage=Damage(sqnr_db=40.0, changed=0, images=8), share=0.1, cause=""),
        _layer("silent", own=lost, damage=None, share=0.0, cause="inherited"),
        _layer("pool", own=None, damage=None, share=0.0, cause=""),
    )
    report = LayerReport(
        float32="float32.tflite", integer="uint8.tflite", images=8, scores=noisy, changed=3, layers=layers
    )
    return plain_data(report.to_dict())


def _layer(name: str, *, own: TensorError | None, damage: Damage | None, share: float, cause: str) -> LayerError:
    return LayerError(
        layer=name,
        op=0,
        kind="CONV_2D",
        tensor=name,
        total=own or TensorError(sqnr_db=20.0, bias=0.0, largest=0.1),
        own=own,
        damage=damage,
        range=None,
        weights=None,
        share=share,
        cause=cause,
        remedy=f"the remedy of {name}" if cause else "",
    )


def benchmark_document() -> dict[str, Any]:
    return plain_data(benchmark_json(measured([0, 1, 2], 1).latency))


def deploy_document() -> dict[str, Any]:
    slow = {**benchmark_document(), "steady": False, "median_s": 0.0123, "unsteady": [_THROTTLED]}
    emulated = {**benchmark_document(), "emulated": True}
    boards = (
        BoardResult(host="pi4", system="Debian 12, aarch64", version="1", answers={"tune": None, "benchmark": slow}),
        BoardResult(host="qemu", version="1", answers={"tune": None, "benchmark": emulated}),
        BoardResult(host="pi5", failure="its disk is full"),
    )
    return plain_data(Deployment(boards=boards).to_dict())


_THROTTLED = {"kind": "throttled", "detail": "the clock fell to 600 MHz", "advice": "cool it"}


def gate_document() -> dict[str, Any]:
    checks = (
        BudgetCheck(name="size", value=25.256, budget=500.0, unit="kB", passed=True),
        BudgetCheck(name="readiness", value="not ready", budget="ready", passed=False, note="op 3 ELU; use ReLU"),
        BudgetCheck(name="p90", value=None, budget=20.0, unit="ms", passed=False, note="emulated"),
    )
    return plain_data(GateReport(file="m.tflite", checks=checks).to_dict())


def verify_document() -> dict[str, Any]:
    share = {"value": 1.0, "interval95": [0.8, 1.0], "hits": 16, "count": 16}
    path = {"kernels": "default", "bound_steps": 4, "largest_steps": 1, "histogram": [15, 1], "passed": True}
    paths = [path, {**path, "kernels": "reference", "largest_steps": 0}]
    return {"model": "m.tflite", "runtime": str(RUNTIME), "passed": True, "agreement": share, "paths": paths}


def compile_document() -> dict[str, Any]:
    outcome = Outcome(mapped=2, total=3, differences=(), rows=())
    log = {"mapped": 2, "total": 3, "rows": [], "streamed_bytes": 128, "failure": None}
    return {"out": "m_edgetpu.tflite", "proved": False, "outcome": outcome.to_dict(), "log": log, "compiled": []}


def tensors_document() -> dict[str, Any]:
    readiness = check_graph(read_graph(conv_classifier()), file="t.tflite").to_dict()
    outputs = [
        {"output": "boxes", "snr_db": 31.25, "largest_error": 0.125, "largest_value": 2.0},
        {"output": "mask", "snr_db": None, "largest_error": 0.0, "largest_value": 1.0},
    ]
    sizes = {"size_bytes": 2000, "float32_bytes": 8000, "test_rows": 12}
    return plain_data({"out": "t.tflite", "mode": "int8", **sizes, "outputs": outputs, "readiness": readiness})


def compare_document() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    files = ("before.json", "after.json")
    series = [tuple(factor * 0.004 * np.exp(rng.normal(0, 0.01, 400))) for factor in (1.0, 1.5)]
    first, second = (
        Measurement(Path(file), "m.tflite", "ab" * 32, str(RUNTIME), threads, "default", "", "Pi 5", False, (), times)
        for file, threads, times in zip(files, (1, 2), series)
    )
    return plain_data(compare_json(compare(first, second)))


def trail_document() -> dict[str, Any]:
    first = Attempt(name="better", method=Method(), judgement=judgement(90, 0, 10_000), size_bytes=1000, seconds=1.5)
    second = Attempt(
        name="equalized",
        method=Method(),
        judgement=judgement(20, 10, 10_000),
        size_bytes=1100,
        seconds=20.0,
        test=judgement(5, 0, 1000),
    )
    trail = Trail(
        budget=0.005,
        judged_on="10,000 images held out",
        attempts=(first, second),
        choice=1,
        skipped=("training: no Keras model",),
    )
    return plain_data(trail.to_dict())


def profile_document() -> dict[str, Any]:
    ops = (
        OpTime(
            ops=(1,),
            operator="CONV_2D",
            layer="net_1/relu_1/Relu;net_1/conv_1/convolution",
            kernels=("k",),
            xnnpack=True,
            time_s=1e-5,
        ),
        OpTime(ops=(2, 3, 4), operator="ADD", layer="sum", kernels=("k",), xnnpack=False, time_s=3e-5),
    )
    profile = Profile(
        model=Path("m.tflite"),
        sha256="ab" * 32,
        runtime=RUNTIME,
        threads=1,
        machine=MACHINE,
        inputs="noise",
        runs=100,
        run_s=5e-5,
        profiled_run_s=6e-5,
        same_outputs=True,
        ops=ops,
    )
    return plain_data(profile_json(profile))


def modes_document() -> dict[str, Any]:
    return plain_data(modes_report().to_dict())


def every_document() -> dict[str, Any]:
    return json.loads(_every_text())


@cache
def _every_text() -> str:
    every = {
        "build": build_document(),
        "check": check_document(),
        "evaluate": evaluate_document(),
        "layers": layers_document(),
        "benchmark": benchmark_document(),
        "deploy": deploy_document(),
        "gate": gate_document(),
        "verify": verify_document(),
        "compile": compile_document(),
        "convert": tensors_document(),
        "modes": modes_document(),
        "profile": profile_document(),
        "compare": compare_document(),
        "search": search_document(),
    }
    return json.dumps(every)
