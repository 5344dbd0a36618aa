"""Shows the accuracy of a file."""

from __future__ import annotations

from rich.console import RenderableType

from edgeready.report.lines import block
from edgeready.workflows.evaluate import Evaluation
from edgeready_device.report.predictions import evaluation_text


def evaluation_view(evaluation: Evaluation) -> RenderableType:
    """Returns the accuracy as text, with the classes below."""
    return block(evaluation_text(evaluation.report, evaluation.runtime))
