"""A measurement, as text and as plain data."""

from __future__ import annotations

import dataclasses
from typing import Any

from edgeready_device.benchmark import BenchmarkResult
from edgeready_device.statistics import samples_needed
from edgeready_device.text import duration, rows


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


def _percentile(value: float | None, percentile: int, count: int) -> str:
    if value is not None:
        return duration(value)
    return f"not supported by {count} samples (it takes {samples_needed(percentile)})"
