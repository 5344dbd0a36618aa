"""Are the answers on this machine those that the host recorded?"""

from __future__ import annotations

import argparse
from typing import Any

from edgeready_device.commands.opening import open_file
from edgeready_device.commands.terminal import NEGATIVE, budget, show, verb


def add(verbs: Any) -> None:
    """Declares the verb."""
    parser = verb(verbs, "verify", run, "are the answers on this machine those that the host recorded?", runs=True)
    parser.add_argument(
        "--min-agreement", type=float, metavar="PERCENT", help="exit 1 below this top-1 agreement with the recording"
    )


def run(options: argparse.Namespace) -> int:
    """Does it and returns the exit code."""
    from edgeready_device.report.verify import verify_json, verify_text
    from edgeready_device.runtime.runtime import KERNELS
    from edgeready_device.verification import verify

    file = open_file(options, *KERNELS)
    result = verify(file, options.runtime, options.delegate)
    show(options, verify_json(result), verify_text(result))
    kept = budget("top-1 agreement", 100 * result.agreement.value, "%", least=options.min_agreement)
    return kept if result.passed else NEGATIVE
