"""The commands about the Edge TPU's compiler: `check` predicts it and reads what it left, `compile` runs it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeready.cli.options.arguments import Json
from edgeready.cli.terminal import NEGATIVE, print_json, print_text, print_view, say
from edgeready.errors import UsageError

if TYPE_CHECKING:
    from edgeready.workflows.check import Inspected

NEWEST_RUNTIME = 14


class Format(str, Enum):
    """How `check` writes what it found."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


Runtime = Annotated[int, typer.Option("--runtime", help="the Edge TPU runtime on the device", min=10, max=14)]


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command()(check)
    app.command("compile")(compile_model)


def check(
    files: Annotated[list[Path], typer.Argument(help=".tflite files, compiled ones, or compiler logs (.log, .txt)")],
    as_json: Json = False,
    form: Annotated[Format, typer.Option("--format", help="what to write; --json is --format json")] = Format.TEXT,
    runtime: Runtime = NEWEST_RUNTIME,
    max_size_kb: Annotated[float | None, typer.Option(help="exit 1 above this size (1 kB = 1000 bytes)")] = None,
) -> None:
    """Predicts which ops of FILES the Edge TPU compiler maps; exit 0 if all, 1 if not."""
    from edgeready.workflows.check import inspect  # noqa: PLC0415

    if as_json and form not in (Format.TEXT, Format.JSON):
        raise UsageError(f"--json and --format {form.value} exclude each other: give one")
    found = [inspect(path, runtime) for path in files]
    _write(found, Format.JSON if as_json else form)
    code = 0 if all(each.ready for each in found) else NEGATIVE
    for path in files if max_size_kb is not None else ():
        size_kb = path.stat().st_size / 1000
        if max_size_kb is not None and not size_kb <= max_size_kb:  # so that a budget of NaN is not met
            say(f"{path} has {size_kb:.1f} kB, above the budget of {max_size_kb:g} kB")
            code = NEGATIVE
    raise typer.Exit(code)


def compile_model(
    file: Annotated[Path, typer.Argument(help="a .tflite file, not compiled")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="the file to write; FILE_edgetpu.tflite")] = None,
    container: Annotated[
        str | None, typer.Option(help="a container image with edgetpu_compiler, run by docker")
    ] = None,
    runtime: Runtime = NEWEST_RUNTIME,
    as_json: Json = False,
) -> None:
    """Compiles FILE with edgetpu_compiler, keeps labels and metadata, compares with the prediction."""
    from edgeready.report import readiness as view  # noqa: PLC0415
    from edgeready.workflows.compile import compile_file  # noqa: PLC0415

    made = compile_file(file, out, container=container, runtime=runtime)
    if as_json:
        print_json(made.as_dict())
    else:
        print_view(view.compilation_view(made))
    if not made.proved:
        raise typer.Exit(NEGATIVE)


def _write(found: Sequence[Inspected], form: Format) -> None:
    from edgeready.report import annotations  # noqa: PLC0415

    if form is Format.JSON:
        print_json([each.as_dict() for each in found])
        return
    if form is Format.TEXT:
        for each in found:
            _show(each)
        return
    reports = [each.report for each in found if each.report is not None]
    if len(reports) < len(found):
        raise UsageError(f"--format {form.value} is for .tflite files, not for a compiler log")
    if form is Format.SARIF:
        print_json(annotations.sarif(reports))
    else:
        print_text("".join(f"{line}\n" for line in annotations.github(reports)))


def _show(each: Inspected) -> None:
    from edgeready.report import readiness as view  # noqa: PLC0415

    if each.packages:
        print_view(view.package_view(each.file, each.packages, each.on_cpu))
    elif each.report is not None:
        print_view(view.readiness_view(each.report))
    elif each.log is not None:
        print_view(view.log_view(each.file, each.log))
