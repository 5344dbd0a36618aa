"""The command `gate`: all budgets of a model in one table, with one exit code."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from edgeready.cli.arguments import Json
from edgeready.cli.settings import ConfigFile
from edgeready.cli.spread import spread
from edgeready.cli.terminal import NEGATIVE, print_json, print_text, print_view
from edgeready.config.description import DescriptionConfig
from edgeready.config.gate import GateConfig
from edgeready.errors import UsageError


class GateFormat(str, Enum):
    """The formats that `gate` writes."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command()(spread(gate))


def gate(
    file: Annotated[Path, typer.Argument(metavar="MODEL", help="a .tflite file")],
    budgets: GateConfig,
    description: DescriptionConfig,
    form: Annotated[
        GateFormat, typer.Option("--format", help="github adds annotations to the table; --json is --format json")
    ] = GateFormat.TEXT,
    config_file: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Checks all budgets of MODEL: readiness, size, accuracy, agreement, latency; ends with 1 if one is broken."""
    from edgeready.cli.progress import progress_bar
    from edgeready.report.gate import gate_annotations, gate_view
    from edgeready.workflows.gate import check_budgets

    if as_json and form not in (GateFormat.TEXT, GateFormat.JSON):
        raise UsageError(f"--json and --format {form.value} exclude each other: give one")
    with progress_bar(Console(stderr=True)) as progress:
        report = check_budgets(file, budgets, description.description, progress)
    if as_json or form is GateFormat.JSON:
        print_json(report.to_dict())
    else:
        if form is GateFormat.GITHUB:
            print_text("".join(f"{line}\n" for line in gate_annotations(report)))
        print_view(gate_view(report))
    if not report.passed:
        raise typer.Exit(NEGATIVE)
