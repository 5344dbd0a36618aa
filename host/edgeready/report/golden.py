"""A file with golden vectors."""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType
from rich.text import Text

from edgeready.workflows.golden import GoldenFile


def golden_view(written: GoldenFile) -> RenderableType:
    """What was recorded, for people, and what to do with it."""
    lines = [
        f"{written.out}: {written.vectors} golden vectors, {written.size_bytes:,} B in all, recorded on",
        *(f"  {name}" for name in written.recordings),
        *(f"not on {each.runtime}: {each.reason}" for each in written.refused),
        f"On the board: edgeready-device verify {written.out.name}",
    ]
    return Text("\n".join(lines))


def golden_json(written: GoldenFile) -> dict[str, Any]:
    """What was recorded, as plain data."""
    return {
        "out": str(written.out),
        "size_bytes": written.size_bytes,
        "vectors": written.vectors,
        "recordings": list(written.recordings),
        "refused": {str(each.runtime): each.reason for each in written.refused},
    }
