"""Which runtime and how many threads are fastest on this machine, kept beside the model."""

from __future__ import annotations

import argparse
from typing import Any

from edgeready_device.commands.terminal import NEGATIVE, progress, say, show, verb


def add(verbs: Any) -> None:
    """Declares the verb."""
    text = "find the fastest runtime and number of threads for a model on this machine, and keep it beside the model"
    parser = verb(verbs, "tune", run, text, runs=True)
    parser.add_argument("--threads", type=_counts, help="as 1,2,4 (default: the powers of two up to all CPUs)")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to measure (default 20)")
    parser.add_argument("--seed", type=int, default=0, help="of the order in each round (default 0)")
    parser.add_argument("--dry-run", action="store_true", help="show the choice, do not keep it")


def run(options: argparse.Namespace) -> int:
    """Does it and returns the exit code."""
    from edgeready_device.model_file import reader as model_file
    from edgeready_device.report.tune import candidate_json, tune_json, tune_text
    from edgeready_device.runtime import runtime
    from edgeready_device.tuning import record, tune

    file = model_file.read_model_file(options.model, trusted=options.trusted)
    delegates = () if options.delegate is None else (options.delegate,)
    config = tune.TuneConfig(options.runtime, options.threads, delegates, options.seconds, seed=options.seed)
    result = tune.tune(file, config, progress())
    path = None
    if result.choice is not None and not options.dry_run:
        kept = record.Record(result.choice, result.reason, [candidate_json(each) for each in result.candidates])
        path = record.write_tuned(file, kept, runtime.installed_runtimes())
    show(options, tune_json(result, path), tune_text(result, path))
    if result.choice is not None:
        return 0
    say(result.reason)
    return NEGATIVE


def _counts(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: give numbers, as 1,2,4") from error
