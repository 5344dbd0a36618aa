"""Are the answers on this machine those that the host recorded?"""

from __future__ import annotations

import argparse
from typing import Any

from edgeready_device.commands.terminal import NEGATIVE, show, verb


def add(verbs: Any) -> None:
    """Declares the verb."""
    verb(verbs, "verify", run, "are the answers on this machine those that the host recorded?", runs=True)


def run(options: argparse.Namespace) -> int:
    """Does it and returns the exit code."""
    from edgeready_device import model_file, verify  # noqa: PLC0415
    from edgeready_device.report.verify import verify_json, verify_text  # noqa: PLC0415

    result = verify.verify(model_file.read_model_file(options.model), options.runtime)
    show(options, verify_json(result), verify_text(result))
    return 0 if result.passed else NEGATIVE
