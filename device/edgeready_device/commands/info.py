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
    from edgeready_device import contract, model_file, runtime  # noqa: PLC0415
    from edgeready_device.machine import board, board_state, machine  # noqa: PLC0415
    from edgeready_device.report.info import info_json, info_text  # noqa: PLC0415
    from edgeready_device.report.machine import machine_json, machine_text  # noqa: PLC0415
    from edgeready_device.tuning import tuned  # noqa: PLC0415

    if options.model is None:
        here, runtimes = machine.read_machine(), runtime.installed_runtimes()
        state = board_state.read_state(board.this_board())
        show(options, machine_json(here, runtimes, state), machine_text(here, runtimes, state))
        return 0
    file = model_file.read_model_file(options.model)
    data = info_json(file, contract.read_contract(file), runtime.installed_runtimes(), tuned.read_tuned(file))
    show(options, data, info_text(data))
    return 0
