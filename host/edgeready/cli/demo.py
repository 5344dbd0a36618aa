"""The command `demo`: the whole job on data that are part of the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeready.cli.arguments import Json
from edgeready.cli.making import run_build
from edgeready.config.build import BuildConfig, DataConfig, OutputConfig, TrainConfig

DEMO_FOLDER = Path("edgeready-demo")


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command()(demo)


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="the folder to write")] = DEMO_FOLDER,
    as_json: Json = False,
) -> None:
    """Trains, converts, proves and measures a network for handwritten digits that need no download."""
    from edgeready.workflows import build as workflow

    config = BuildConfig(
        data=DataConfig(source="digits"),
        model="dropout-cnn",
        train=TrainConfig(epochs=15),
        output=OutputConfig(out=out / "digits.tflite", keeps_state=False),  # it has no --resume
    )
    run_build(workflow.build, config, as_json=as_json, samples=out / "images")
