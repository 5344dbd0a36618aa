"""Shows a file with golden vectors."""

from __future__ import annotations

from rich.console import Group, RenderableType

from edgeready.report.lines import line
from edgeready.workflows.golden import GoldenFile


def golden_view(result: GoldenFile) -> RenderableType:
    """Returns the recorded runtimes as text, with the command for the board."""
    lines = [
        f"{result.out}: {result.vectors} golden vectors, {result.size_bytes:,} B in all, recorded on",
        *(f"  {name}" for name in result.recordings),
        *(f"not on {trial.runtime}: {trial.reason}" for trial in result.refusals),
        f"On the board: edgeready-device verify {result.out.name}",
    ]
    return Group(*map(line, lines))
