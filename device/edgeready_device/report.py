"""Results as text and as plain data for JSON; the only place that knows how they look."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeready_device.benchmark import BenchmarkResult
from edgeready_device.contract import Contract, TensorSpec
from edgeready_device.evaluate import EvaluationReport
from edgeready_device.machine import Machine
from edgeready_device.model_file import ModelFile
from edgeready_device.postprocess import Prediction
from edgeready_device.runtime import Runtime
from edgeready_device.statistics import Proportion, samples_needed
from edgeready_device.text import duration, percent, plain, rows, table
from edgeready_device.verify import VerifyReport


def proportion_json(share: Proportion) -> dict[str, Any]:
    """A proportion and its 95 % interval, from 0 to 1."""
    return {
        "value": share.value,
        "interval95": list(share.interval),
        "hits": share.hits,
        "count": share.count,
    }


def machine_json(machine: Machine, runtimes: Sequence[Runtime]) -> dict[str, Any]:
    """This machine and its runtimes as plain data."""
    return {"machine": dataclasses.asdict(machine), "runtimes": [str(runtime) for runtime in runtimes]}


def machine_text(machine: Machine, runtimes: Sequence[Runtime]) -> str:
    """This machine and its runtimes for people."""
    return rows(
        [
            ("machine", machine.board or machine.processor),
            ("architecture", machine.architecture + (", EMULATED" if machine.emulated else "")),
            ("CPUs", str(machine.cpus)),
            ("kernel", machine.kernel),
            ("Python", machine.python),
            ("runtimes", ", ".join(map(str, runtimes)) or "none: pip install ai-edge-litert"),
        ]
    )


def info_json(file: ModelFile, contract: Contract, runtimes: Sequence[Runtime]) -> dict[str, Any]:
    """What a model file is, as plain data."""
    provenance = dict(file.manifest.provenance) if file.manifest else {}
    frame = contract.frame
    return {
        "file": str(file.path),
        "name": file.manifest.name if file.manifest else file.metadata.name,
        "size_bytes": file.size_bytes,
        "flatbuffer_bytes": len(file.flatbuffer),
        "input": _tensor_json(contract.input),
        "output": {**_tensor_json(contract.output), "scores": contract.scores},
        "frame": {
            "height": frame.height,
            "width": frame.width,
            "channels": frame.channels,
            "resize": frame.resize,
            "mean": None if contract.raw_pixels else list(frame.normalization.mean),
            "std": None if contract.raw_pixels else list(frame.normalization.std),
        },
        "labels": list(contract.labels),
        "ops": _counts([op.custom_code or op.name for op in file.graph.ops]),
        "golden_vectors": len(file.golden.inputs) if file.golden else 0,
        "provenance": provenance,
        "runtimes": [str(runtime) for runtime in runtimes],
    }


def info_text(data: dict[str, Any]) -> str:
    """`info_json` for people."""
    frame, taken, given = data["frame"], data["input"], data["output"]
    pixels = f"{frame['height']}x{frame['width']} {'RGB' if frame['channels'] == 3 else 'grey'}, {frame['resize']}"
    labels = data["labels"]
    return rows(
        [
            (
                "file",
                f"{data['file']} ({data['size_bytes']:,} bytes, {data['flatbuffer_bytes']:,} the model alone)",
            ),
            ("name", plain(data["name"]) or "-"),
            ("input", f"{taken['dtype']} {taken['shape']} {_quant_text(taken)}"),
            ("frame", f"{pixels}; {_normalization_text(frame)}"),
            ("output", f"{given['dtype']} {given['shape']} {_quant_text(given)}, {given['scores']}"),
            ("labels", f"{len(labels)}: {', '.join(labels[:10])}{', ...' if len(labels) > 10 else ''}"),
            ("ops", ", ".join(f"{count} {plain(name)}" for name, count in data["ops"].items())),
            ("golden vectors", str(data["golden_vectors"])),
            ("runtimes here", ", ".join(data["runtimes"]) or "none: pip install ai-edge-litert"),
        ]
    )


def classify_text(path: Path | str, predictions: Sequence[Prediction]) -> str:
    """One line an image: its labels and scores, best first."""
    return f"{path}: " + ", ".join(f"{p.label} {100 * p.score:.1f} %" for p in predictions)


def classify_json(path: Path | str, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """One image's predictions as plain data."""
    return {"image": str(path), "predictions": [dataclasses.asdict(p) for p in predictions]}


def evaluation_json(report: EvaluationReport, runtime: Runtime) -> dict[str, Any]:
    """Accuracy as plain data."""
    return {
        "runtime": str(runtime),
        "top1": proportion_json(report.top1),
        "top5": proportion_json(report.top5),
        "per_class": {label: proportion_json(p) for label, p in zip(report.labels, report.per_class)},
        "confusion": report.confusion.tolist(),
    }


def evaluation_text(report: EvaluationReport, runtime: Runtime) -> str:
    """Accuracy for people, the classes below it."""
    head = rows([("runtime", str(runtime)), ("top-1", percent(report.top1)), ("top-5", percent(report.top5))])
    lines = [
        [label, f"{100 * share.value:.2f} %", str(share.hits), str(share.count)]
        for label, share in zip(report.labels, report.per_class)
        if share.count
    ]
    return head + "\n\n" + table(["class", "top-1", "right", "of"], lines)


def benchmark_json(result: BenchmarkResult) -> dict[str, Any]:
    """A measurement with its raw latencies and its machine, in seconds."""
    summary = result.summary
    return {
        "model": str(result.model),
        "runtime": str(result.runtime),
        "threads": result.threads,
        "kernels": result.kernels,
        "load_s": result.load_s,
        "first_run_s": result.first_run_s,
        "cold_start_s": result.cold_start_s,
        "warmup_runs": result.warmup_runs,
        **dataclasses.asdict(summary),
        "throughput_per_s": 1 / summary.median_s if summary.median_s else None,
        "emulated": result.machine.emulated,
        "machine": dataclasses.asdict(result.machine),
        "latencies_s": list(result.latencies_s),
    }


def benchmark_text(result: BenchmarkResult) -> str:
    """A measurement for people; a percentile that the samples do not carry says so."""
    s, machine = result.summary, result.machine
    lines = [
        ("model", str(result.model)),
        (
            "runtime",
            f"{result.runtime}, {result.threads} thread{'s' * (result.threads > 1)}, {result.kernels} kernels",
        ),
        ("machine", f"{machine.board or machine.processor}, {machine.architecture}, {machine.cpus} CPUs"),
        ("cold start", f"{duration(result.cold_start_s)} (load {duration(result.load_s)})"),
        ("median", f"{duration(s.median_s)} +- {duration(s.mad_s)} (MAD)"),
        ("p90", _percentile(s.p90_s, 90, s.count)),
        ("p99", _percentile(s.p99_s, 99, s.count)),
        ("runs", f"{s.count}, after {result.warmup_runs} warm-up runs"),
    ]
    if machine.emulated:
        lines.append(("EMULATED", "not a measure of any board"))
    return rows(lines)


def verify_json(report: VerifyReport) -> dict[str, Any]:
    """A verification as plain data."""
    return {
        "model": str(report.model),
        "runtime": str(report.runtime),
        "passed": report.passed,
        "paths": [
            {
                "kernels": result.kernels,
                "recording": result.recording,
                "bound_steps": result.bound_steps,
                "largest_steps": result.largest_steps,
                "histogram": list(result.histogram),
                "agreement": proportion_json(result.agreement),
                "decisive": proportion_json(result.decisive),
                "passed": result.passed,
                "note": result.note,
            }
            for result in report.results
        ],
    }


def verify_text(report: VerifyReport) -> str:
    """A verification for people."""
    lines = [
        [
            result.kernels,
            f"{result.largest_steps} of {result.bound_steps}",
            f"{result.agreement.hits} of {result.agreement.count}",
            "pass" if result.passed else "FAIL",
        ]
        for result in report.results
    ]
    notes = [result.note for result in report.results if result.note]
    verdict = "the answers are right on this machine" if report.passed else "THE ANSWERS ARE WRONG ON THIS MACHINE"
    head = f"{report.model} on {report.runtime}: {verdict}"
    return "\n".join([head, table(["kernels", "steps off", "same top-1", "verdict"], lines), *notes])


def _percentile(value: float | None, percentile: int, count: int) -> str:
    if value is not None:
        return duration(value)
    return f"not supported by {count} samples (it takes {samples_needed(percentile)})"


def _tensor_json(spec: TensorSpec) -> dict[str, Any]:
    quant = spec.quant
    return {
        "name": spec.name,
        "dtype": spec.dtype,
        "shape": list(spec.shape),
        "scale": quant.scale if quant else None,
        "zero_point": quant.zero_point if quant else None,
    }


def _quant_text(tensor: dict[str, Any]) -> str:
    if tensor["scale"] is None:
        return "(not quantized)"
    return f"(scale {tensor['scale']:.6g}, zero point {tensor['zero_point']})"


def _normalization_text(frame: dict[str, Any]) -> str:
    if frame["mean"] is None:
        return "pixels as they are (the file names no normalization)"
    return f"(pixel - {_numbers(frame['mean'])}) / {_numbers(frame['std'])}"


def _numbers(values: Sequence[float]) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else "[" + ", ".join(f"{value:g}" for value in values) + "]"


def _counts(names: Sequence[str]) -> dict[str, int]:
    return {name: names.count(name) for name in dict.fromkeys(names)}
