"""Why a model does not run here, and what mends it."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any

from edgeready_device.commands.terminal import show, verb

if TYPE_CHECKING:
    from edgeready_device.doctor.environment import Subject

NOTHING_RAN = 6


def add(verbs: Any) -> None:
    """Declares the verb."""
    text = "why a model does not run on this machine, and the command that mends it"
    parser = verb(verbs, "doctor", run, text, model="?")
    parser.add_argument("--delegate", default="", metavar="NAME|LIB,KEY=VALUE", help="try this delegate, too")


def run(options: argparse.Namespace) -> int:
    """Does it and returns the exit code: 0 only if a model really ran."""
    from edgeready_device.doctor.diagnosis import diagnose
    from edgeready_device.doctor.environment import read_environment
    from edgeready_device.report.doctor import diagnosis_json, diagnosis_text

    environment = read_environment(delegate=options.delegate)
    if environment.inventory.numpy:  # without numpy neither a model nor a delegate's name can be read
        _check(options.delegate)
        environment = (
            environment if options.model is None else dataclasses.replace(environment, subject=_subject(options))
        )
    result = diagnose(environment)
    show(options, diagnosis_json(result), diagnosis_text(result))
    return 0 if result.ran else NOTHING_RAN


def _check(delegate: str) -> None:
    from edgeready_device.runtime.delegate import parse_delegate

    if delegate:
        parse_delegate(delegate)


def _subject(options: argparse.Namespace) -> Subject:
    from edgeready_device.doctor.environment import Subject
    from edgeready_device.model_file.reader import read_model_file
    from edgeready_device.runtime.delegate import EDGETPU_OP

    file = read_model_file(options.model)
    compiled = sum(op.custom_code == EDGETPU_OP for op in file.graph.ops)
    return Subject(str(file.path), file.flatbuffer, len(file.graph.ops), compiled)
