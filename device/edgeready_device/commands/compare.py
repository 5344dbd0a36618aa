"""`compare`: says whether the second of two measurements, or of two models, is slower."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeready_device.commands.options import add_inputs_option, add_verb, open_any
from edgeready_device.commands.terminal import NEGATIVE, say_stage, show
from edgeready_device.errors import UsageError

if TYPE_CHECKING:
    from edgeready_device.benchmarking.compare import Comparison
    from edgeready_device.benchmarking.workload import Workload


def add(verbs: Any) -> None:
    """Declares `compare` and its options."""
    summary = "says whether the second of two measurements, or of two models, is slower"
    parser = add_verb(verbs, "compare", run, summary=summary, model=None, opens=True)
    parser.add_argument("first", type=Path, help="a file of benchmark --out, or a .tflite file")
    parser.add_argument("second", type=Path, help="another one; two .tflite files are measured here, interleaved")
    add_inputs_option(parser)
    parser.add_argument(
        "--time", type=float, default=20.0, metavar="SECONDS", help="time to measure two models for (default 20)"
    )
    parser.add_argument(
        "--max-slowdown-percent",
        type=float,
        default=0.0,
        metavar="PERCENT",
        help="exit with 1 only when the second is shown to be slower by more than this (default 0)",
    )


def run(options: argparse.Namespace) -> int:
    """Compares and returns the exit code: 1 when the second is shown to be slower, or there is no verdict."""
    from edgeready_device.report.compare import compare_json, compare_text

    if not options.max_slowdown_percent >= 0:  # so that NaN is refused, too
        raise UsageError(f"the slowdown is {options.max_slowdown_percent:g} %: ask for 0 or more")
    models = [path.suffix == ".tflite" for path in (options.first, options.second)]
    if models[0] != models[1]:
        raise UsageError(f"{options.first} and {options.second} are a model and a measurement: give two of a kind")
    comparison = _compare_models(options) if models[0] else _compare_measurements(options)
    show(options, compare_json(comparison), compare_text(comparison))
    return 0 if comparison.passed else NEGATIVE


def _compare_measurements(options: argparse.Namespace) -> Comparison:
    from edgeready_device.benchmarking.benchmark_file import read_measurement
    from edgeready_device.benchmarking.compare import compare

    say_stage(f"reads {options.first} and {options.second}")
    first, second = read_measurement(options.first), read_measurement(options.second)
    return compare(first, second, options.max_slowdown_percent)


def _compare_models(options: argparse.Namespace) -> Comparison:
    from edgeready_device.benchmarking.interleaved import InterleavedConfig, compare_models

    config = InterleavedConfig(time_s=options.time)
    first, second = (
        _workload(argparse.Namespace(**{**vars(options), "model": path})) for path in (options.first, options.second)
    )
    say_stage(f"measures both in turns for {config.time_s:g} s")
    return compare_models(first, second, config, max_slowdown_percent=options.max_slowdown_percent)


def _workload(options: argparse.Namespace) -> Workload:
    """Returns what is measured of the model that `options` name: an image classifier takes frames, others tensors."""
    from edgeready_device.benchmarking.workload import takes_frames, workload_of
    from edgeready_device.model import Model
    from edgeready_device.session import Session

    file, inputs = open_any(options)
    opener = Model if inputs is None and takes_frames(file) else Session
    return workload_of(opener.from_file(file, runtime=options.runtime, delegate=options.delegate), inputs)
