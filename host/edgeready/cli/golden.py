"""The command `golden`: golden vectors for a file that has none."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeready.cli.arguments import Json, SkipDamaged
from edgeready.cli.terminal import print_json, print_view


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command()(golden)


def golden(
    file: Annotated[Path, typer.Argument(help="a .tflite from anywhere")],
    data: Annotated[
        str | None, typer.Option(help="pictures for an image classifier: a folder, a .npz, or a name such as mnist")
    ] = None,
    inputs: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npz",
            help="samples for any model: an array for each input (default: seeded noise for what takes no pictures)",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="the file to write (default: FILE with _golden in its name)")
    ] = None,
    vectors: Annotated[
        int | None, typer.Option(help="number of golden vectors (default: 1 to 32, as suit the model's size)")
    ] = None,
    skip_damaged: SkipDamaged = False,
    as_json: Json = False,
) -> None:
    """Adds golden vectors to FILE: its answers here, which `edgeready-device verify` compares on the board."""
    from edgeready.report.golden import golden_view
    from edgeready.workflows.golden import add_golden

    result = add_golden(file, data, out, vectors, inputs=inputs, skip_damaged=skip_damaged)
    if as_json:
        print_json(result.to_dict())
    else:
        print_view(golden_view(result))
