"""`info`: describes a model file, or this machine."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from edgeready_device.commands.options import add_verb, read_file
from edgeready_device.commands.terminal import show

if TYPE_CHECKING:
    from edgeready_device.model_file.reader import TfliteModel


def add(verbs: Any) -> None:
    """Declares `info` and its options."""
    add_verb(verbs, "info", run, summary="describes a model file; without MODEL, describes this machine", model="?")


def run(options: argparse.Namespace) -> int:
    """Describes the model file, or this machine, and returns the exit code."""
    from edgeready_device import tune_file
    from edgeready_device.machine import machine
    from edgeready_device.report.info import info_json, info_text
    from edgeready_device.report.machine import machine_json, machine_text, state_now
    from edgeready_device.report.model_info import model_json, model_text
    from edgeready_device.runtime import runtime

    runtimes = runtime.installed_runtimes()
    if options.model is None:
        here, (state, state_lines) = machine.read_machine(), state_now()
        show(options, machine_json(here, runtimes, state), machine_text(here, runtimes, state_lines))
        return 0
    file = read_file(options)
    tuned, note = tune_file.read_tune_file(file), _why_no_classifier(file)
    if note is None:
        data = info_json(file, runtimes, tuned)
        show(options, data, info_text(data))
    else:
        data = model_json(file, runtimes, tuned, note)
        show(options, data, model_text(data))
    return 0


def _why_no_classifier(file: TfliteModel) -> str | None:
    """Returns why `file` is no image classifier, in a sentence that may be empty; None where it is one."""
    from edgeready_device.errors import ModelFileError
    from edgeready_device.model_file.input_size import open_inputs
    from edgeready_device.tflite.accelerators import EDGETPU, accelerator_of
    from edgeready_device.tflite.kind import kind_of

    try:
        _ = file.contract
    except ModelFileError as error:
        return str(error).removeprefix(f"{file.path}: ")
    if open_inputs(file):
        return ""
    compiled = accelerator_of(file.graph)
    if compiled is not None and compiled[0] is not EDGETPU:
        return ""
    return None if kind_of(file.graph).classifier or file.labels else ""
