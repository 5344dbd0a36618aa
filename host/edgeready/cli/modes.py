"""The command `modes`: what each mode is, and what it comes to on your model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from edgeready.cli.options.arguments import (
    Channels,
    Fix,
    Json,
    Links,
    Mean,
    Seed,
    Size,
    Std,
    image_size_of,
    normalization_of,
)
from edgeready.cli.options.conversion import SourceOptions
from edgeready.cli.options.group import spread
from edgeready.cli.terminal import print_json, print_view, say
from edgeready.config.build import BuildConfig, DataConfig
from edgeready.config.modes import MODES
from edgeready.errors import UsageError

_SOURCES = SourceOptions()


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command()(spread(modes))


def modes(
    source: Annotated[
        str | None, typer.Argument(help="a trained model, as for convert; without it, the table of the modes")
    ] = None,
    data: Annotated[str | None, typer.Option("--data", help="the data set: a name, a .npz or a folder")] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="a mode to make; once for each; default all")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="a FOLDER for the files and modes.json")] = None,
    plots: Annotated[
        bool, typer.Option("--plots", help="charts, confusion matrix and disagreements as PNG in OUT (extra plots)")
    ] = False,
    seed: Seed = 1,
    image_size: Size = None,
    channels: Channels = None,
    follow_links: Links = False,
    mean: Mean = None,
    std: Std = None,
    fix: Fix = True,
    sources: SourceOptions = _SOURCES,
    as_json: Json = False,
) -> None:
    """Makes SOURCE in every mode and measures each on the test images of DATA; without SOURCE, what the modes are."""
    if source is None:
        _explain(data, out, as_json)
        return
    if data is None:
        raise UsageError(f"nothing to measure {source} on: give --data")
    if plots and out is None:
        raise UsageError("--plots has no folder to write to: give --out FOLDER")
    config = BuildConfig(
        DataConfig(data, image_size_of(image_size), channels, seed, follow_links),
        source,
        (out or Path()) / "model.tflite",
        normalization=normalization_of(mean, std),
        allow_cpu_ops=True,
        fix=fix,
        source=sources.config(),
    )
    _compare(config, only or list(MODES), out, plots, as_json)


def _explain(data: str | None, out: Path | None, as_json: bool) -> None:
    from edgeready.report.modes import known_modes_json, known_modes_view  # noqa: PLC0415

    if data is not None or out is not None:
        raise UsageError("nothing to measure: name a trained model before --data and --out")
    if as_json:
        print_json(known_modes_json())
    else:
        print_view(known_modes_view())


def _compare(config: BuildConfig, names: list[str], out: Path | None, plots: bool, as_json: bool) -> None:
    from edgeready.cli.progress import progress_bar  # noqa: PLC0415
    from edgeready.report.modes import modes_json, modes_view, write_modes  # noqa: PLC0415
    from edgeready.report.plots.canvas import require_plots  # noqa: PLC0415
    from edgeready.workflows.modes import compare_modes  # noqa: PLC0415

    if plots:
        require_plots()
    with progress_bar(Console(stderr=True)) as progress:
        report = compare_modes(config, names, progress, out)
    if out is not None:
        for path in write_modes(report, out, plots=plots):
            say(f"wrote {path}")
    if as_json:
        print_json(modes_json(report))
    else:
        print_view(modes_view(report))
