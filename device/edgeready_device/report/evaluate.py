"""Accuracy, as text and as plain data."""

from __future__ import annotations

from typing import Any

from edgeready_device.evaluate import EvaluationReport
from edgeready_device.report.proportion import proportion_json
from edgeready_device.runtime import Runtime
from edgeready_device.text import percent, rows, table


def evaluation_json(report: EvaluationReport, runtime: Runtime) -> dict[str, Any]:
    """Accuracy as plain data."""
    return {
        "runtime": str(runtime),
        "top1": proportion_json(report.top1),
        "top5": proportion_json(report.top5),
        "per_class": {label: proportion_json(p) for label, p in zip(report.labels, report.per_class)},
        "confusion": report.confusion.tolist(),
    }


def evaluation_text(report: EvaluationReport, runtime: Runtime) -> str:
    """Accuracy for people, the classes below it."""
    head = rows([("runtime", str(runtime)), ("top-1", percent(report.top1)), ("top-5", percent(report.top5))])
    lines = [
        [label, f"{100 * share.value:.2f} %", str(share.hits), str(share.count)]
        for label, share in zip(report.labels, report.per_class)
        if share.count
    ]
    return head + "\n\n" + table(["class", "top-1", "right", "of"], lines)
