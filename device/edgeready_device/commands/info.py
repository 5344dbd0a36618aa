"""`info`: describes a model file, or this machine."""

from __future__ import annotations

import argparse
from typing import Any

from edgeready_device.commands.options import add_verb
from edgeready_device.commands.terminal import show


def add(verbs: Any) -> None:
    """Declares `info` and its options."""
    add_verb(verbs, "info", run, summary="describes a model file; without MODEL, describes this machine", model="?")


def run(options: argparse.Namespace) -> int:
    """Describes the model file, or this machine, and returns the exit code."""
    from edgeready_device import tune_file
    from edgeready_device.machine import machine
    from edgeready_device.model_file import reader
    from edgeready_device.report.info import info_json, info_text
    from edgeready_device.report.machine import machine_json, machine_text, state_now
    from edgeready_device.runtime import runtime

    runtimes = runtime.installed_runtimes()
    if options.model is None:
        here, (state, state_lines) = machine.read_machine(), state_now()
        show(options, machine_json(here, runtimes, state), machine_text(here, runtimes, state_lines))
        return 0
    file = reader.read_model_file(options.model)
    data = info_json(file, runtimes, tune_file.read_tune_file(file))
    show(options, data, info_text(data))
    return 0
