"""Readiness for continuous integration: SARIF 2.1.0, and the annotations of GitHub's workflow commands."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from edgeready.readiness import Blocker, ReadinessReport, rule_sentences
from edgeready.readiness.operators import COMPILED
from edgeready_device import __version__
from edgeready_device.text import plain, printable

_NONE: Mapping[str, str] = {}
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def format_sarif(reports: Sequence[ReadinessReport], unreadable: Mapping[str, str] = _NONE) -> dict[str, Any]:
    """One SARIF run with a result for every blocker of every report, and a warning for every uncertain op.

    Files that are `unreadable`, with the reason, are notifications of a run without success.
    """
    rules = rule_sentences()
    numbers = {name: index for index, name in enumerate(rules)}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "edgeready",
                        "version": __version__,
                        "rules": [{"id": name, "shortDescription": {"text": text}} for name, text in rules.items()],
                    }
                },
                "results": [
                    _result(report, blocker, numbers[blocker.rule])
                    for report in reports
                    for blocker in (*report.blockers, *report.risks)
                ],
                **({"invocations": [_failed_invocation(unreadable)]} if unreadable else {}),
            }
        ],
    }


def _failed_invocation(unreadable: Mapping[str, str]) -> dict[str, Any]:
    notifications = [
        {"level": "error", "message": {"text": plain(reason)}, "locations": [{"physicalLocation": _place(file)}]}
        for file, reason in unreadable.items()
    ]
    return {"executionSuccessful": False, "toolExecutionNotifications": notifications}


def format_github(reports: Sequence[ReadinessReport], unreadable: Mapping[str, str] = _NONE) -> Iterator[str]:
    """Yields an ::error line for a blocker, a ::warning for an uncertain op, a ::notice for a file that is ready.

    A file that is `unreadable`, with the reason, is an ::error, too.
    """
    for file, reason in unreadable.items():
        yield annotation("error", file, title="no readable model", message=plain(reason))
    for report in reports:
        for blocker in (*report.blockers, *report.risks):
            kind = _level(blocker)
            yield annotation(kind, report.file, title=f"Edge TPU: {blocker.rule}", message=_message(blocker))
        if report.ready:
            compiled = all(op.custom_code == COMPILED for op in report.ops)
            ops = "the only op is" if len(report.ops) == 1 else f"all {len(report.ops)} ops are"
            text = f"{ops} compiled for the Edge TPU" if compiled else f"{ops} predicted to be mapped"
            yield annotation("notice", report.file, title="Edge-TPU ready", message=text)


def annotation(kind: str, file: str, *, title: str, message: str) -> str:
    """Returns the line that makes GitHub's runner show `message` at `file`; `kind` is error, warning or notice."""
    return f"::{kind} file={_escape_property(file)},title={_escape_property(title)}::{_escape(message)}"


def _level(blocker: Blocker) -> str:
    """The level of an annotation, the same word in SARIF and in GitHub's commands."""
    return "warning" if blocker.uncertain else "error"


def _message(blocker: Blocker) -> str:
    uncertain = "uncertain: " if blocker.uncertain else ""
    return plain(f"{uncertain}{blocker.detail}; remedy: {blocker.remedy}")


def _result(report: ReadinessReport, blocker: Blocker, number: int) -> dict[str, Any]:
    place: dict[str, Any] = {"physicalLocation": _place(report.file)}
    if blocker.op is not None:
        name = f"op {blocker.op} {report.ops[blocker.op].name}"
        place["logicalLocations"] = [{"name": name, "fullyQualifiedName": plain(blocker.tensor) or name}]
    return {
        "ruleId": blocker.rule,
        "ruleIndex": number,
        "level": _level(blocker),
        "message": {"text": _message(blocker)},
        "locations": [place],
    }


def _place(file: str) -> dict[str, Any]:
    return {"artifactLocation": {"uri": quote(os.fsencode(Path(file).as_posix()))}}


def _escape(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
