"""The command `check`: what the Edge TPU compiler would map, or what it left behind."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeready.cli.arguments import EdgeTpuRuntime, Json
from edgeready.cli.terminal import NEGATIVE, print_json, print_text, print_view, say
from edgeready.config.edgetpu import NEWEST_RUNTIME
from edgeready.errors import UsageError

if TYPE_CHECKING:
    from edgeready.workflows.check import Inspection


class Format(str, Enum):
    """The formats that `check` writes."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command()(check)


def check(
    files: Annotated[list[Path], typer.Argument(help=".tflite files, compiled ones, or compiler logs (.log, .txt)")],
    as_json: Json = False,
    form: Annotated[
        Format, typer.Option("--format", help="format of the report; --json is --format json")
    ] = Format.TEXT,
    runtime: EdgeTpuRuntime = NEWEST_RUNTIME,
    max_size_kb: Annotated[float | None, typer.Option(help="exit with 1 above this size (1 kB = 1000 bytes)")] = None,
    profile: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json", help="add what its ops cost on a board, of edgeready-device profile --json"
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="exit with 1 also when a file is only probably ready")
    ] = False,
) -> None:
    """Predicts which ops of FILES the Edge TPU compiler maps; ends with 1 if one stays on the CPU.

    Of several files each is looked at; where some cannot be read, the exit code is that of the first of these.
    """
    from edgeready.report.readiness import warning_lines
    from edgeready.workflows.check import add_costs, inspect_all

    if as_json and form not in (Format.TEXT, Format.JSON):
        raise UsageError(f"--json and --format {form.value} exclude each other: give one")
    if profile is not None and (len(files) > 1 or form in (Format.SARIF, Format.GITHUB)):
        raise UsageError("--profile is for one FILE, as text or JSON: give one, and leave --format out")
    results = inspect_all(files, runtime)
    if profile is not None:
        results = [add_costs(results[0], profile)]
    _write(results, Format.JSON if as_json else form)
    accepted = {"ready"} if strict else {"ready", "probably ready"}
    code = 0 if all(result.verdict in accepted for result in results) else NEGATIVE
    for line in warning_lines(result.report for result in results if result.report is not None):
        say(f"{line}; exit code 1 because of --strict" if strict else f"{line}; --strict makes this exit code 1")
    for result in results:
        size_kb = result.size_bytes / 1000
        if max_size_kb is not None and not size_kb <= max_size_kb:  # so that a budget of NaN is not met
            say(f"{result.file} has {size_kb:.1f} kB, above the budget of {max_size_kb:g} kB")
            code = NEGATIVE
    errors = [result.error for result in results if result.error is not None]
    for error in errors:
        say(str(error))
    raise typer.Exit(errors[0].exit_code if errors else code)


def _write(results: Sequence[Inspection], form: Format) -> None:
    from edgeready.report import annotations

    if form is Format.JSON:
        print_json([result.to_dict() for result in results])
        return
    if form is Format.TEXT:
        for result in results:
            _show(result)
        return
    reports = [result.report for result in results if result.report is not None]
    unreadable = {result.file: str(result.error) for result in results if result.error is not None}
    if len(reports) + len(unreadable) < len(results):
        raise UsageError(f"--format {form.value} is for .tflite files, not for a compiler log")
    if form is Format.SARIF:
        print_json(annotations.format_sarif(reports, unreadable))
    else:
        print_text("".join(f"{line}\n" for line in annotations.format_github(reports, unreadable)))


def _show(result: Inspection) -> None:
    from edgeready.report import readiness as view
    from edgeready.report.op_costs import costs_view

    if result.packages:
        blockers = () if result.report is None else result.report.blockers
        print_view(view.package_view(result.file, result.packages, result.on_cpu, blockers=blockers))
    elif result.report is not None:
        print_view(view.readiness_view(result.report))
        if result.costs is not None:
            print_view(costs_view(result.costs, *result.split_ops()))
    elif result.log is not None:
        print_view(view.log_view(result.file, result.log))
