"""What a model file is, or what this machine is."""

from __future__ import annotations

import argparse
from typing import Any

from edgeready_device.bench import bench_installed, bench_module
from edgeready_device.commands.terminal import show, verb


def add(verbs: Any) -> None:
    """Declares the verb."""
    verb(verbs, "info", run, "what a model file is, or without one what this machine is", model="?")


def run(options: argparse.Namespace) -> int:
    """Does it and returns the exit code."""
    from edgeready_device import contract, machine, model_file, runtime, tuned
    from edgeready_device.report.info import info_json, info_text, machine_json, machine_text

    if options.model is None:
        here, runtimes = machine.read_machine(), runtime.installed_runtimes()
        state, shown = bench_module("report.state", "the state").state_now() if bench_installed() else ({}, [])
        show(options, machine_json(here, runtimes, state), machine_text(here, runtimes, shown))
        return 0
    file = model_file.read_model_file(options.model)
    data = info_json(file, contract.read_contract(file), runtime.installed_runtimes(), tuned.read_tuned(file))
    show(options, data, info_text(data))
    return 0
