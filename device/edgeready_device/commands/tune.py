"""`tune`: finds the fastest runtime and number of threads, and writes the choice beside the model."""

from __future__ import annotations

import argparse
from typing import Any

from edgeready_device.commands.options import add_inputs_option, add_threads_option, add_verb, apply_size, read_file
from edgeready_device.commands.terminal import NEGATIVE, progress, say, say_stage, show
from edgeready_device.errors import OutputError, UsageError


def add(verbs: Any) -> None:
    """Declares `tune` and its options."""
    summary = "finds the fastest runtime and number of threads here, and writes the choice beside the model"
    parser = add_verb(verbs, "tune", run, summary=summary, opens=True)
    add_threads_option(parser, several=True)
    add_inputs_option(parser)
    parser.add_argument("--seconds", type=float, default=20.0, help="time to measure for in all (default 20)")
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the order of the candidates in each round (default 0)"
    )
    parser.add_argument("--dry-run", action="store_true", help="show the choice, and do not write it")


def run(options: argparse.Namespace) -> int:
    """Tunes and returns the exit code: 1 when nothing is chosen."""
    from edgeready_device.answers import sized_as
    from edgeready_device.model_file.input_size import open_inputs
    from edgeready_device.model_inputs import read_inputs
    from edgeready_device.report.tune import candidate_json, tune_json, tune_text
    from edgeready_device.tune_file import write_tune_file
    from edgeready_device.tuning.tune import TuneConfig, tune

    if not options.dry_run and options.model.is_fifo():
        raise UsageError(
            f"{options.model} is a pipe, and the choice goes beside the model: name a file, or --dry-run"
        )
    file, inputs = apply_size(options, read_file(options)), None
    if options.inputs is not None:
        file, inputs = read_inputs(options.inputs, file)
    elif open_inputs(file) and file.golden is not None:
        file = sized_as(file, file.golden.all_inputs)  # its open sizes are those of what was recorded
    config = TuneConfig(
        runtime=options.runtime,
        threads=options.threads,
        delegates=() if options.delegate is None else (options.delegate,),
        seconds=options.seconds,
        seed=options.seed,
    )
    say_stage(f"measures for {config.seconds:g} s")
    result = tune(file, config, progress(), inputs=inputs)
    path = None
    if result.choice is not None and not options.dry_run:
        candidates = [candidate_json(candidate) for candidate in result.candidates]
        try:
            path = write_tune_file(file, result.choice, reason=result.reason, candidates=candidates)
        except OutputError as error:  # what was measured is shown all the same
            show(options, tune_json(result, None), tune_text(result, None))
            raise error
    show(options, tune_json(result, path), tune_text(result, path))
    if result.choice is not None:
        return 0
    say(result.reason)
    return NEGATIVE
