"""What one inference takes on this machine."""

from __future__ import annotations

import argparse
from typing import Any

from edgeready_device.commands.terminal import NEGATIVE, budget, say, show, verb


def add(verbs: Any) -> None:
    """Declares the verb."""
    parser = verb(verbs, "benchmark", run, "what one inference takes on this machine", runs=True)
    parser.add_argument("--threads", type=int, default=1, help="threads of the runtime (default 1)")
    parser.add_argument("--runs", type=int, default=100, help="fewest measured runs (default 100)")
    parser.add_argument("--min-time", type=float, default=2.0, metavar="SECONDS", help="fewest seconds (default 2)")
    parser.add_argument("--max-p90-ms", type=float, help="exit 1 above this 90th percentile in milliseconds")


def run(options: argparse.Namespace) -> int:
    """Does it and returns the exit code."""
    from edgeready_device import benchmark  # noqa: PLC0415
    from edgeready_device.report.benchmark import benchmark_json, benchmark_text  # noqa: PLC0415

    config = benchmark.BenchmarkConfig(
        runs=options.runs,
        min_time_s=options.min_time,
        max_time_s=max(benchmark.BenchmarkConfig.max_time_s, options.min_time),
        runtime=options.runtime,
        threads=options.threads,
    )
    result = benchmark.benchmark(options.model, config)
    show(options, benchmark_json(result), benchmark_text(result))
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
