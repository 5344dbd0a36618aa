"""The command `report`: one page, or a model card, of what the other commands wrote."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from edgeready.cli.arguments import Json
from edgeready.cli.terminal import print_json, print_view


class ReportFormat(str, Enum):
    """The formats of a report."""

    HTML = "html"
    MARKDOWN = "md"


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command()(report)


def report(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="the file to write: something.html, or something.md")],
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="what the commands wrote with --json, in any number")
    ],
    form: Annotated[
        ReportFormat | None,
        typer.Option("--format", help="html: one page; md: a model card (default: by the name of OUT)"),
    ] = None,
    title: Annotated[str, typer.Option(help="title of the report (default: the models' names)")] = "",
    as_json: Json = False,
) -> None:
    """Makes one page of what the other commands wrote: accuracy, confusion, size, readiness, boards, training."""
    from edgeready.report.report_file import report_view, write_report
    from edgeready.workflows.report import gather_report

    contents = gather_report(out, files, form=None if form is None else form.value, title=title)
    result = write_report(contents)
    if as_json:
        print_json(result.to_dict())
    else:
        print_view(report_view(result))
