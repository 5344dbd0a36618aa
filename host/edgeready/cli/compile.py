"""The command `compile`: one file through Google's compiler."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeready.cli.arguments import EdgeTpuRuntime, Json
from edgeready.cli.terminal import NEGATIVE, print_json, print_view
from edgeready.config.edgetpu import NEWEST_RUNTIME


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("compile")(compile_model)


def compile_model(
    file: Annotated[Path, typer.Argument(help="a .tflite file, not compiled")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="the file to write (default: FILE_edgetpu.tflite)")
    ] = None,
    container: Annotated[
        str | None, typer.Option(help="a container image with edgetpu_compiler, run by docker")
    ] = None,
    runtime: EdgeTpuRuntime = NEWEST_RUNTIME,
    as_json: Json = False,
) -> None:
    """Compiles FILE with edgetpu_compiler, keeps labels and metadata, and compares with the prediction."""
    from edgeready.report.readiness import compilation_view
    from edgeready.workflows.compile import compile_file

    compilation = compile_file(file, out, container=container, runtime=runtime)
    if as_json:
        print_json(compilation.to_dict())
    else:
        print_view(compilation_view(compilation))
    if not compilation.proved:
        raise typer.Exit(NEGATIVE)
