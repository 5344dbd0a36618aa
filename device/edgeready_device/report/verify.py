"""A verification, as text and as plain data."""

from __future__ import annotations

from typing import Any

from edgeready_device.report.proportion import proportion_json
from edgeready_device.text import table
from edgeready_device.verify import VerifyReport


def verify_json(report: VerifyReport) -> dict[str, Any]:
    """A verification as plain data."""
    return {
        "model": str(report.model),
        "runtime": str(report.runtime),
        "passed": report.passed,
        "paths": [
            {
                "kernels": result.kernels,
                "recording": result.recording,
                "bound_steps": result.bound_steps,
                "largest_steps": result.largest_steps,
                "histogram": list(result.histogram),
                "agreement": proportion_json(result.agreement),
                "decisive": proportion_json(result.decisive),
                "passed": result.passed,
                "note": result.note,
            }
            for result in report.results
        ],
    }


def verify_text(report: VerifyReport) -> str:
    """A verification for people."""
    lines = [
        [
            result.kernels,
            f"{result.largest_steps} of {result.bound_steps}",
            f"{result.agreement.hits} of {result.agreement.count}",
            "pass" if result.passed else "FAIL",
        ]
        for result in report.results
    ]
    notes = [result.note for result in report.results if result.note]
    verdict = "the answers are right on this machine" if report.passed else "THE ANSWERS ARE WRONG ON THIS MACHINE"
    head = f"{report.model} on {report.runtime}: {verdict}"
    return "\n".join([head, table(["kernels", "steps off", "same top-1", "verdict"], lines), *notes])
