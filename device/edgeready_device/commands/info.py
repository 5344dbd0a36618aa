"""What a model file is, or what this machine is."""

from __future__ import annotations

import argparse
from typing import Any

from edgeready_device.commands.terminal import show, verb


def add(verbs: Any) -> None:
    """Declares the verb."""
    verb(verbs, "info", run, "what a model file is, or without one what this machine is", model="?")


def run(options: argparse.Namespace) -> int:
    """Does it and returns the exit code."""
    from edgeready_device import tune_file as tuned
    from edgeready_device.machine import machine
    from edgeready_device.model_file import reader as model_file
    from edgeready_device.report.info import info_json, info_text
    from edgeready_device.report.machine import machine_json, machine_text, state_now
    from edgeready_device.runtime import runtime

    if options.model is None:
        here, runtimes = machine.read_machine(), runtime.installed_runtimes()
        state, shown = state_now()
        show(options, machine_json(here, runtimes, state), machine_text(here, runtimes, shown))
        return 0
    file = model_file.read_model_file(options.model)
    data = info_json(file, file.contract, runtime.installed_runtimes(), tuned.read_tuned(file))
    show(options, data, info_text(data))
    return 0
