"""A diagnosis, as text and as plain data."""

from __future__ import annotations

import dataclasses
from typing import Any

from edgeready_device.doctor.finding import Diagnosis
from edgeready_device.text import plain

MARKS = {"ok": "ok  ", "note": "note", "problem": "FIX "}


def diagnosis_json(result: Diagnosis) -> dict[str, Any]:
    """Returns a diagnosis as plain data."""
    return {
        "subject": result.subject,
        "ran": list(result.ran),
        "findings": [dataclasses.asdict(finding) for finding in result.findings],
    }


def diagnosis_text(result: Diagnosis) -> str:
    """Returns a diagnosis for people: each finding with its remedy below it, and at the end whether a model ran."""
    lines = []
    for finding in result.findings:
        lines.append(f"{MARKS[finding.level]}  {plain(finding.sentence)}")
        if finding.remedy:
            lines.append(f"        -> {plain(finding.remedy)}")
    if result.ran:
        lines.append(f"{plain(result.subject)} runs here: {', '.join(result.ran)}")
    else:
        lines.append(f"{plain(result.subject)} DOES NOT RUN HERE; things to fix: {len(result.problems)}")
    return "\n".join(lines)
