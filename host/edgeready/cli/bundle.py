"""The command `bundle`: a folder for a board without internet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeready.cli.arguments import Json
from edgeready.cli.terminal import print_json, print_view


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command()(bundle)


def bundle(
    file: Annotated[Path, typer.Argument(help="a .tflite file")],
    target: Annotated[str, typer.Option(help="system of the board: pi-os-12, pi-os-13 or armv7")] = "pi-os-12",
    out: Annotated[Path, typer.Option("--out", "-o", help="the new folder to write")] = Path("edgeready-bundle"),
    as_json: Json = False,
) -> None:
    """Puts wheels, FILE and an install line for a board without internet into one folder."""
    from edgeready.report.bundle import bundle_view
    from edgeready.workflows.bundle import make_bundle

    result = make_bundle(file, target, out)
    if as_json:
        print_json(result.to_dict())
    else:
        print_view(bundle_view(result))
