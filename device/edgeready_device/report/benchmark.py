"""A measurement and its delegate, as text and as plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from edgeready_device.benchmarking.benchmark import Acceleration, BenchmarkResult
from edgeready_device.benchmarking.benchmark_file import SCHEMA
from edgeready_device.benchmarking.latency import samples_needed, summarize
from edgeready_device.benchmarking.stages import Stages
from edgeready_device.benchmarking.sustained import Window
from edgeready_device.machine.tpu import Tpu
from edgeready_device.model_inputs import NOISE
from edgeready_device.report.machine import state_json, state_rows
from edgeready_device.text import duration, megabytes, rows, table


def benchmark_json(result: BenchmarkResult) -> dict[str, Any]:
    """Returns a measurement as plain data in seconds, with its raw latencies, its machine and its verdict."""
    return {
        "schema": SCHEMA,
        "model": str(result.model),
        "sha256": result.sha256,
        "runtime": str(result.runtime),
        "threads": result.threads,
        "kernels": result.kernels,
        "delegate": acceleration_json(result.acceleration),
        **({"inputs": result.inputs} if result.inputs else {}),
        "tuned": _tune_text(result) == "chosen by tune",
        "load_s": result.load_s,
        "first_run_s": result.first_run_s,
        "cold_start_s": result.cold_start_s,
        "warmup_runs": result.warmup_runs,
        **dataclasses.asdict(result.summary),
        "throughput_per_s": _throughput(result),
        "memory": dataclasses.asdict(result.memory),
        "steady": not result.unsteady,
        "unsteady": [reason._asdict() for reason in result.unsteady],
        "emulated": result.machine.emulated,
        "virtual": result.virtual,
        "machine": dataclasses.asdict(result.machine),
        "before": state_json(result.before),
        "after": state_json(result.after),
        "activity": dataclasses.asdict(result.busy) if result.busy else None,
        "windows": [_window_json(window) for window in result.windows],
        "stages": _stages_json(result.stages),
        "latencies_s": _round_to_ns(result.latencies_s),
    }


def benchmark_text(result: BenchmarkResult) -> str:
    """Returns a measurement for people; a percentile that the samples do not carry says so."""
    summary = result.summary
    first = f"load {duration(result.load_s)}, first run {duration(result.first_run_s)}"
    lines = [
        ("model", str(result.model)),
        ("runtime", _runtime(result)),
        *([("inputs", _inputs_text(result.inputs))] if result.inputs else []),
        *acceleration_rows(result.acceleration),
        ("machine", _machine(result)),
        ("cold start", f"{duration(result.cold_start_s)} ({first})"),
        ("median", f"{duration(summary.median_s)} +- {duration(summary.mad_s)} (MAD)"),
        ("p90", _percentile(summary.p90_s, 90, summary.count)),
        ("p95", _percentile(summary.p95_s, 95, summary.count)),
        ("p99", _percentile(summary.p99_s, 99, summary.count)),
        ("runs", f"{summary.count}, after {result.warmup_runs} warm-up runs"),
        *_optional(result),
    ]
    if result.machine.emulated:
        lines.append(("EMULATED", "not a measure of any board"))
    else:
        lines.append(("verdict", "NOT STEADY" if result.unsteady else "steady"))
        for kind, detail, advice in result.unsteady:
            lines += [(kind, detail), ("", advice)]
    windows = [_windows(result.windows)] if result.windows else []
    return "\n".join([*windows, rows(lines)])


def acceleration_json(acceleration: Acceleration | None) -> dict[str, Any] | None:
    """Returns a delegate as plain data; `trial` has its first two inferences, in a child process."""
    if acceleration is None:
        return None
    delegation = acceleration.delegation
    return {
        "name": delegation.name,
        "ops_taken": delegation.ops_taken,
        "ops_total": delegation.ops_total,
        "partitions": delegation.partitions,
        "trial": {"first_run_s": delegation.first_run_s, "second_run_s": delegation.second_run_s},
        "tpus": [dataclasses.asdict(tpu) for tpu in acceleration.tpus],
        "library": dataclasses.asdict(acceleration.library) if acceleration.library else None,
    }


def acceleration_rows(acceleration: Acceleration | None) -> list[tuple[str, str]]:
    """Returns a delegate for people, as names and values; none has no rows."""
    if acceleration is None:
        return []
    delegation, count = acceleration.delegation, acceleration.delegation.partitions
    parts = f"{count} part{'s' * (count != 1)}"
    lines = [("delegate", f"{delegation.name} took {delegation.ops_taken} of {delegation.ops_total} ops, in {parts}")]
    if delegation.first_run_s:
        times = f"first run {duration(delegation.first_run_s)}, second {duration(delegation.second_run_s)}"
        lines.append(("trial", times))
    lines += [("Edge TPU", _tpu_text(tpu)) for tpu in acceleration.tpus]
    if acceleration.library is not None:
        lines.append(("library", f"{acceleration.library.path} {acceleration.library.variant}".rstrip()))
    return lines


def _tpu_text(tpu: Tpu) -> str:
    facts = [f"{tpu.kind} {tpu.place}"]
    if tpu.speed_mbps is not None:
        facts.append(f"{tpu.speed_mbps} Mbit/s" + (", SLOW: plug it into a USB 3 port" if tpu.slow_link else ""))
    if tpu.temperature_c is not None:
        facts.append(f"{tpu.temperature_c:.0f} °C")
    return ", ".join(facts)


def _machine(result: BenchmarkResult) -> str:
    machine = result.machine
    cpus = f"{machine.cpus} CPUs{', virtual' * result.virtual}"
    return f"{machine.board or machine.processor}, {machine.architecture}, {cpus}"


def _runtime(result: BenchmarkResult) -> str:
    threads = f"{result.threads} thread{'s' * (result.threads > 1)}"
    text = f"{result.runtime}, {threads}, {result.kernels} kernels"
    return f"{text}, {choice}" if (choice := _tune_text(result)) else text


def _inputs_text(source: str) -> str:
    own = "; your own: --inputs FILE.npz" if source.startswith(NOISE) else ""
    return f"{source}{own}"


def _tune_text(result: BenchmarkResult) -> str:
    """Returns whether tune chose the runtime, or why its choice is not used; empty where there is none."""
    if result.tuned is None:
        return ""
    return f"tune's choice is not used: {result.tuned.note}" if result.tuned.choice is None else "chosen by tune"


def _optional(result: BenchmarkResult) -> list[tuple[str, str]]:
    """Returns the rows that only some measurements have."""
    pairs = []
    per_s = _throughput(result)
    if per_s is not None:
        pairs.append(("throughput", f"{per_s:,.3g} a second"))
    if result.stages is not None:
        medians = [f"{name} {duration(summarize(values).median_s)}" for name, values in _stage_series(result.stages)]
        pairs.append(("stages", ", ".join(medians)))
    if result.memory.peak_bytes is not None:
        added = result.memory.added_bytes
        more = "" if added is None else f", of which the model added {megabytes(added)}"
        pairs.append(("memory", f"at most {megabytes(result.memory.peak_bytes)}{more}"))
    return pairs + state_rows(result.after)


def _stage_series(stages: Stages) -> list[tuple[str, Sequence[float]]]:
    return [
        ("preprocess", stages.preprocess_s),
        ("invoke", stages.invoke_s),
        ("postprocess", stages.postprocess_s),
        ("end to end", stages.end_to_end_s),
    ]


def _windows(windows: Sequence[Window]) -> str:
    lines = []
    for window in windows:
        now = [clock.current_khz for clock in window.state.clocks if clock.current_khz is not None]
        heat, bits = window.state.temperature_c, window.state.throttled
        lines.append(
            [
                f"{window.start_s / 60:.1f}",
                duration(window.summary.median_s),
                _short(window.summary.p90_s),
                "-" if heat is None else f"{heat:.0f} °C",
                f"{max(now) / 1000:,.0f} MHz" if now else "-",
                "-" if bits is None else f"{bits:#x}",
            ]
        )
    return table(["minute", "median", "p90", "heat", "clock", "throttled"], lines)


def _short(value_s: float | None) -> str:
    return "-" if value_s is None else duration(value_s)


def _percentile(value: float | None, percentile: int, count: int) -> str:
    if value is not None:
        return duration(value)
    return f"not supported by {count} samples (it takes {samples_needed(percentile)})"


def _throughput(result: BenchmarkResult) -> float | None:
    """Returns frames a second, one after the other, from end to end where that was measured."""
    series = result.stages.end_to_end_s if result.stages else result.latencies_s
    total_s = sum(series)
    return len(series) / total_s if total_s else None


def _window_json(window: Window) -> dict[str, Any]:
    return {
        "start_s": window.start_s,
        **dataclasses.asdict(window.summary),
        "kept": len(window.sample.invoke_s),
        "state": state_json(window.state),
    }


def _stages_json(stages: Stages | None) -> dict[str, Any] | None:
    """Returns each stage's summary and raw values; those of invoke are the document's `latencies_s`."""
    if stages is None:
        return None
    raw = {"preprocess": stages.preprocess_s, "postprocess": stages.postprocess_s}
    return {
        name.replace(" ", "_"): {
            **dataclasses.asdict(summarize(values)),
            **({"latencies_s": _round_to_ns(raw[name])} if name in raw else {}),
        }
        for name, values in _stage_series(stages)
    }


def _round_to_ns(values: Sequence[float]) -> list[float]:
    """Returns seconds rounded to the nanosecond, which is finer than a clock and halves the file."""
    return [round(value, 9) for value in values]
