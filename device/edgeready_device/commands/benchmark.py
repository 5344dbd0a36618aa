"""`benchmark`: measures one inference on this machine, and says whether the figure can be relied on."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeready_device.commands.options import add_inputs_option, add_threads_option, add_verb, open_any
from edgeready_device.commands.terminal import NEGATIVE, budget, say, say_stage, show

if TYPE_CHECKING:
    from edgeready_device.benchmarking.benchmark import BenchmarkConfig, BenchmarkResult
    from edgeready_device.model_file.reader import TfliteModel
    from edgeready_device.model_inputs import ModelInputs
    from edgeready_device.profiling.profile import Profile

_PROFILE_ROWS = 5  # chosen: the ops that are worth a thought fit below a measurement


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
        "--profile", action="store_true", help="measure what each op costs as well, with ai-edge-litert 2.3 or newer"
    )
    parser.add_argument(
        "--require-steady", action="store_true", help="exit with 1 when the measurement is not steady"
    )


def run(options: argparse.Namespace) -> int:
    """Measures and returns the exit code: 1 when a budget is broken or --require-steady is not met."""
    from edgeready_device.benchmarking import benchmark
    from edgeready_device.benchmarking.benchmark_file import write_measurement
    from edgeready_device.report.benchmark import benchmark_json, benchmark_text

    if options.profile:
        _refuse_profile(options)
    file, inputs = open_any(options)  # a foreign file runs in a child process first
    say_stage(f"measures for {max(options.min_time, options.sustained * 60):g} s or more")
    # A file is read again, so that the cold start counts in full; a pipe can be read once only.
    result = benchmark.benchmark(options.model if options.model.is_file() else file, _config(options))
    document, text = benchmark_json(result), benchmark_text(result)
    if options.profile:
        from edgeready_device.report.profile import profile_json, profile_text

        say_stage("profiles in a child process")
        ops = _profile(file, inputs, result)
        document, text = {**document, "profile": profile_json(ops)}, f"{text}\n\n{profile_text(ops, _PROFILE_ROWS)}"
    try:
        if options.out is not None:
            write_measurement(options.out, document)
    finally:  # a measurement of minutes is not lost with the file
        show(options, document, text)
    return max(_judge_latency(options, result), _judge_steadiness(options, result))


def _refuse_profile(options: argparse.Namespace) -> None:
    """Raises UsageError or RuntimeUnavailableError, before anything is measured, where no op could be timed."""
    from edgeready_device.errors import UsageError
    from edgeready_device.profiling.profile import find_library

    if options.delegate is not None or options.runtime not in (None, "ai-edge-litert"):
        other = options.delegate or options.runtime
        raise UsageError(
            f"--profile with {other}: only ai-edge-litert on the CPU says what its ops take; leave --profile out, or "
            "measure that"
        )
    find_library()


def _profile(file: TfliteModel, inputs: ModelInputs | None, result: BenchmarkResult) -> Profile:
    """Returns what the ops take with as many threads as in `result`, or with one where that is another runtime's."""
    from edgeready_device.profiling.profile import ProfileConfig, profile

    if result.runtime.name == "ai-edge-litert" and result.acceleration is None:
        return profile(file, ProfileConfig(threads=result.threads), inputs=inputs)
    other = result.runtime if result.acceleration is None else result.acceleration.delegation.name
    note = f"measured above is {other}, which does not say what its ops take: this is ai-edge-litert on the CPU"
    return dataclasses.replace(profile(file, ProfileConfig(threads=1), inputs=inputs), note=note)


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
