"""`doctor`: says why a model does not run here, and which command fixes it."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any

from edgeready_device.commands.options import add_delegate_option, add_size_option, add_verb, apply_size, read_file
from edgeready_device.commands.terminal import say_stage, show
from edgeready_device.errors import RuntimeUnavailableError

if TYPE_CHECKING:
    from edgeready_device.doctor.environment import Subject


def add(verbs: Any) -> None:
    """Declares `doctor` and its options."""
    summary = "says why a model does not run here, and which command fixes it"
    parser = add_verb(verbs, "doctor", run, summary=summary, model="?")
    add_delegate_option(parser)
    add_size_option(parser)


def run(options: argparse.Namespace) -> int:
    """Diagnoses and returns the exit code: 0 only if a model really ran."""
    from edgeready_device.doctor.diagnosis import diagnose
    from edgeready_device.doctor.environment import read_environment
    from edgeready_device.report.doctor import diagnosis_json, diagnosis_text

    say_stage("looks at this machine")
    environment = read_environment(delegate=options.delegate or "")
    if environment.inventory.numpy:  # without numpy neither a model nor a delegate's name can be read
        _check_delegate(options)
        if options.model is not None:
            environment = dataclasses.replace(environment, subject=_subject(options))
    say_stage("tries it in child processes")
    result = diagnose(environment)
    show(options, diagnosis_json(result), diagnosis_text(result))
    return 0 if result.ran else RuntimeUnavailableError.exit_code


def _check_delegate(options: argparse.Namespace) -> None:
    from edgeready_device.runtime.delegate import parse_delegate

    if options.delegate:
        parse_delegate(options.delegate)


def _subject(options: argparse.Namespace) -> Subject:
    from edgeready_device.doctor.environment import Subject
    from edgeready_device.runnable import check_runnable
    from edgeready_device.tflite.accelerators import EDGETPU, accelerator_of

    file = apply_size(options, read_file(options))
    check_runnable(file, delegated=True)
    accelerator, compiled = accelerator_of(file.graph) or (EDGETPU, 0)
    return Subject(
        str(file.path),
        file.flatbuffer,
        ops=len(file.graph.ops),
        compiled_ops=compiled,
        accelerator=accelerator,
    )
