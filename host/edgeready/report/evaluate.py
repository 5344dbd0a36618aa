"""Accuracy of a file."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from edgeready_device.evaluation import EvaluationReport
from edgeready_device.report.predictions import evaluation_json, evaluation_text
from edgeready_device.runtime.runtime import Runtime

accuracy_json = evaluation_json


def accuracy_view(report: EvaluationReport, runtime: Runtime) -> RenderableType:
    """Accuracy for people, the classes below it."""
    return Text(evaluation_text(report, runtime))
