"""What one inference takes on this machine, and whether the figure can be relied on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeready_device.commands.opening import open_file
from edgeready_device.commands.terminal import NEGATIVE, budget, say, show, verb

if TYPE_CHECKING:
    from edgeready_device.benchmarking.benchmark import BenchmarkConfig, BenchmarkResult


def add(verbs: Any) -> None:
    """Declares the verb."""
    parser = verb(verbs, "benchmark", run, "what one inference takes on this machine", runs=True)
    parser.add_argument("--threads", type=int, help="threads of the runtime (default: what tune chose, else 1)")
    parser.add_argument("--runs", type=int, default=100, help="fewest measured runs (default 100)")
    parser.add_argument("--min-time", type=float, default=2.0, metavar="SECONDS", help="fewest seconds (default 2)")
    parser.add_argument("--warmup-runs", type=int, default=10, help="fewest runs ahead of it (default 10)")
    parser.add_argument(
        "--warmup-time", type=float, default=0.3, metavar="SECONDS", help="fewest seconds ahead of it (default 0.3)"
    )
    parser.add_argument(
        "--sustained",
        type=float,
        default=0.0,
        metavar="MINUTES",
        help="measure for so long, in windows: does it hold?",
    )
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="keep everything, for compare")
    parser.add_argument("--max-p90-ms", type=float, help="exit 1 above this 90th percentile in milliseconds")
    parser.add_argument("--require-steady", action="store_true", help="exit 1 when the measurement is not steady")


def run(options: argparse.Namespace) -> int:
    """Does it and returns the exit code."""
    from edgeready_device.benchmarking import benchmark
    from edgeready_device.benchmarking.benchmark_file import write_measurement
    from edgeready_device.report.benchmark import benchmark_json, benchmark_text

    open_file(options)  # a foreign file runs in a child process first
    result = benchmark.benchmark(options.model, _config(options))
    document = benchmark_json(result)
    if options.out is not None:
        write_measurement(options.out, document)
    show(options, document, benchmark_text(result))
    return max(_latency(options, result), _steadiness(options, result))


def _config(options: argparse.Namespace) -> BenchmarkConfig:
    from edgeready_device.benchmarking.benchmark import BenchmarkConfig

    return BenchmarkConfig(
        runs=options.runs,
        min_time_s=options.min_time,
        max_time_s=max(BenchmarkConfig.max_time_s, options.min_time, options.warmup_time),
        warmup_runs=options.warmup_runs,
        warmup_s=options.warmup_time,
        runtime=options.runtime,
        threads=options.threads,
        delegate=getattr(options, "delegate", None),
        sustained_s=options.sustained * 60,
        trusted=options.trusted,
    )


def _latency(options: argparse.Namespace, result: BenchmarkResult) -> int:
    """The exit code of the latency budget."""
    if options.max_p90_ms is None:
        return 0
    if result.machine.emulated:
        say("emulated: no latency budget can be judged here")
        return NEGATIVE
    p90_s = result.summary.p90_s
    if p90_s is None:
        say(f"{result.summary.count} runs do not carry a p90: ask for more --runs")
        return NEGATIVE
    return budget("p90", p90_s * 1e3, "ms", most=options.max_p90_ms)


def _steadiness(options: argparse.Namespace, result: BenchmarkResult) -> int:
    """The exit code of --require-steady."""
    if not options.require_steady or not result.unsteady:
        return 0
    say(f"the measurement is not steady: {', '.join(reason.kind for reason in result.unsteady)}")
    return NEGATIVE
