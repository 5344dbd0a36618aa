"""`benchmark`: measures one inference on this machine, and says whether the figure can be relied on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeready_device.commands.options import add_inputs_option, add_threads_option, add_verb, open_any
from edgeready_device.commands.terminal import NEGATIVE, budget, say, show

if TYPE_CHECKING:
    from edgeready_device.benchmarking.benchmark import BenchmarkConfig, BenchmarkResult


def add(verbs: Any) -> None:
    """Declares `benchmark` and its options."""
    summary = "measures one inference on this machine and says whether the figure can be relied on"
    parser = add_verb(verbs, "benchmark", run, summary=summary, opens=True)
    add_threads_option(parser)
    add_inputs_option(parser)
    parser.add_argument(
        "--runs", type=int, default=100, metavar="N", help="least number of runs to measure (default 100)"
    )
    parser.add_argument(
        "--min-time", type=float, default=2.0, metavar="SECONDS", help="least time to measure for (default 2)"
    )
    parser.add_argument(
        "--warmup-runs", type=int, default=10, metavar="N", help="least number of warm-up runs (default 10)"
    )
    parser.add_argument(
        "--warmup-time", type=float, default=0.3, metavar="SECONDS", help="least time to warm up for (default 0.3)"
    )
    parser.add_argument(
        "--sustained",
        type=float,
        default=0.0,
        metavar="MINUTES",
        help="time to measure for, in windows that show whether the latency holds",
    )
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="write the whole measurement, for compare")
    parser.add_argument(
        "--max-p90-ms", type=float, metavar="MS", help="exit with 1 when the 90th percentile is above it"
    )
    parser.add_argument(
        "--require-steady", action="store_true", help="exit with 1 when the measurement is not steady"
    )


def run(options: argparse.Namespace) -> int:
    """Measures and returns the exit code: 1 when a budget is broken or --require-steady is not met."""
    from edgeready_device.benchmarking import benchmark
    from edgeready_device.benchmarking.benchmark_file import write_measurement
    from edgeready_device.report.benchmark import benchmark_json, benchmark_text

    file, _ = open_any(options)  # a foreign file runs in a child process first
    # A file is read again, so that the cold start counts in full; a pipe can be read once only.
    result = benchmark.benchmark(options.model if options.model.is_file() else file, _config(options))
    document = benchmark_json(result)
    try:
        if options.out is not None:
            write_measurement(options.out, document)
    finally:  # a measurement of minutes is not lost with the file
        show(options, document, benchmark_text(result))
    return max(_judge_latency(options, result), _judge_steadiness(options, result))


def _config(options: argparse.Namespace) -> BenchmarkConfig:
    from edgeready_device.benchmarking.benchmark import BenchmarkConfig
    from edgeready_device.model_file.input_size import parse_size

    return BenchmarkConfig(
        runs=options.runs,
        min_time_s=options.min_time,
        max_time_s=max(BenchmarkConfig.max_time_s, options.min_time, options.warmup_time),
        warmup_runs=options.warmup_runs,
        warmup_s=options.warmup_time,
        runtime=options.runtime,
        threads=options.threads,
        delegate=options.delegate,
        sustained_s=options.sustained * 60,
        trusted=options.trusted,
        inputs=options.inputs,
        input_size=None if options.input_size is None else parse_size(options.input_size),
    )


def _judge_latency(options: argparse.Namespace, result: BenchmarkResult) -> int:
    """Returns the exit code of the latency budget."""
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


def _judge_steadiness(options: argparse.Namespace, result: BenchmarkResult) -> int:
    """Returns the exit code of --require-steady."""
    if not options.require_steady or not result.unsteady:
        return 0
    say(f"the measurement is not steady: {', '.join(reason.kind for reason in result.unsteady)}")
    return NEGATIVE
