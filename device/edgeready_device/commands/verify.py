"""`verify`: compares the answers on this machine with those that the host recorded."""

from __future__ import annotations

import argparse
from typing import Any

from edgeready_device.commands.options import add_verb, apply_size, read_file, try_file
from edgeready_device.commands.terminal import NEGATIVE, budget, say_stage, show
from edgeready_device.errors import UsageError


def add(verbs: Any) -> None:
    """Declares `verify` and its options."""
    summary = "compares the answers on this machine with those that the host recorded"
    parser = add_verb(verbs, "verify", run, summary=summary, opens=True)
    parser.add_argument(
        "--min-agreement",
        type=float,
        metavar="PERCENT",
        help="exit with 1 when the top-1 agreement with the recording is below it",
    )


def run(options: argparse.Namespace) -> int:
    """Verifies and returns the exit code: 1 when the answers are wrong here, or below --min-agreement."""
    from edgeready_device.answers import sized_as
    from edgeready_device.report.verify import verify_json, verify_text
    from edgeready_device.runtime.runtime import KERNELS
    from edgeready_device.verification import verify

    file = read_file(options)
    if file.golden is not None:
        file = sized_as(file, file.golden.all_inputs)  # its open sizes are those of what was recorded
    try_file(options, apply_size(options, file), *KERNELS)
    say_stage("compares the answers with the recorded ones")
    result = verify(file, options.runtime, options.delegate)
    show(options, verify_json(result), verify_text(result))
    code = 0
    if result.agreement is not None:
        code = budget("top-1 agreement", 100 * result.agreement.value, "%", least=options.min_agreement)
    elif options.min_agreement is not None:
        raise UsageError(
            f"{file.path}: no output is a row of class scores, so no winner can agree: leave --min-agreement out"
        )
    return code if result.passed else NEGATIVE
