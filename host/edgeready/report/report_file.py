"""Writes a report, as a page or as a model card, and shows what was written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType

from edgeready.files.atomic import write_files
from edgeready.report.card import format_card
from edgeready.report.lines import line
from edgeready.report.page import format_page
from edgeready.workflows.report import ReportContents


@dataclass(frozen=True, kw_only=True)
class ReportFile:
    """One report that was written, and the `sources` that it is made of: files, and the commands that wrote them."""

    out: Path
    form: str
    size_bytes: int
    sources: tuple[tuple[str, str], ...]

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            "out": str(self.out),
            "format": self.form,
            "size_bytes": self.size_bytes,
            "sources": [{"file": file, "command": command} for file, command in self.sources],
        }


def write_report(contents: ReportContents) -> ReportFile:
    """Writes the report, atomically; raises OutputError where that cannot be done."""
    show = format_card if contents.form == "md" else format_page
    data = show(contents.documents, contents.title).encode("utf-8")
    write_files({contents.out: data})
    return ReportFile(
        out=contents.out,
        form=contents.form,
        size_bytes=len(data),
        sources=tuple((document.file, document.command) for document in contents.documents),
    )


def report_view(result: ReportFile) -> RenderableType:
    """Returns where the report is, and what it is made of, as text."""
    lines = [f"  {file}: {command}" for file, command in result.sources]
    return Group(line(f"{result.out}: {result.size_bytes:,} B, made from"), *map(line, lines))
