"""`profile`: says what each op of a model costs on this machine."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from edgeready_device.commands.options import (
    add_inputs_option,
    add_size_option,
    add_threads_option,
    add_trust_option,
    add_verb,
    apply_size,
    read_file,
)
from edgeready_device.commands.terminal import say_stage, show

if TYPE_CHECKING:
    from edgeready_device.profiling.profile import ProfileConfig


def add(verbs: Any) -> None:
    """Declares `profile` and its options."""
    summary = "says what each op of a model costs on this machine, the hottest first"
    parser = add_verb(verbs, "profile", run, summary=summary)
    add_trust_option(parser)
    add_size_option(parser)
    add_threads_option(parser)
    add_inputs_option(parser)
    parser.add_argument(
        "--runs", type=int, default=100, metavar="N", help="least number of runs to measure (default 100)"
    )
    parser.add_argument(
        "--min-time", type=float, default=2.0, metavar="SECONDS", help="least time to measure for (default 2)"
    )
    parser.add_argument("--rows", type=int, default=20, metavar="N", help="ops in the table (default 20)")


def run(options: argparse.Namespace) -> int:
    """Profiles and returns the exit code."""
    from edgeready_device.errors import UsageError
    from edgeready_device.model_inputs import read_inputs
    from edgeready_device.profiling.profile import find_library, profile
    from edgeready_device.report.profile import profile_json, profile_text

    if options.rows < 1:
        raise UsageError(f"--rows is {options.rows}: ask for at least 1")
    config = profile_config(options)
    find_library()  # before the file is read: without it there is nothing to do
    file, inputs = apply_size(options, read_file(options)), None
    if options.inputs is not None:
        file, inputs = read_inputs(options.inputs, file)
    say_stage("profiles in a child process")
    result = profile(file, config, inputs=inputs)
    show(options, profile_json(result), profile_text(result, options.rows))
    return 0


def profile_config(options: argparse.Namespace) -> ProfileConfig:
    """Returns the ProfileConfig that `options` ask for."""
    from edgeready_device.profiling.profile import ProfileConfig

    return ProfileConfig(
        runs=options.runs,
        min_time_s=options.min_time,
        max_time_s=max(ProfileConfig.max_time_s, options.min_time),
        threads=options.threads,
    )
