"""The command `modes`: what each mode is, and what it comes to on your model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from edgeready.cli.arguments import Json
from edgeready.cli.spread import spread
from edgeready.cli.terminal import print_json, print_view, say
from edgeready.config.build import BuildConfig, DataConfig, NetworkConfig, OutputConfig, SourceConfig
from edgeready.config.modes import MODES
from edgeready.errors import UsageError

_WITHOUT = ("calibration_samples", "calibration_data", "weights", "alpha")
_NO_DATA = ""


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    data = Annotated[str, typer.Option("--data", help="the data set: a name, a .npz or a folder", show_default=False)]
    app.command()(spread(modes, arguments={"source": data}, defaults={"source": _NO_DATA}, without=_WITHOUT))


def modes(
    data: DataConfig,
    network: NetworkConfig,
    source: SourceConfig,
    model: Annotated[
        str | None,
        typer.Argument(metavar="SOURCE", help="a trained model, as for convert; without it the modes are listed"),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="a mode to make; repeat for several (default: all)")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="the folder to write the files and modes.json to")
    ] = None,
    plots: Annotated[
        bool,
        typer.Option("--plots", help="write charts, confusion matrix and disagreements as PNG to OUT (extra plots)"),
    ] = False,
    as_json: Json = False,
) -> None:
    """Makes SOURCE in every mode and measures each on the test images of DATA; without SOURCE it lists the modes."""
    if model is None:
        _explain(data, out, as_json)
        return
    if data.source == _NO_DATA:
        raise UsageError(f"nothing to measure {model} on: give --data")
    if plots and out is None:
        raise UsageError("--plots has no folder to write to: give --out FOLDER")
    config = BuildConfig(
        data=data, model=model, network=network, source=source, output=OutputConfig(allow_cpu_ops=True)
    )
    _compare(config, only or list(MODES), out, plots=plots, as_json=as_json)


def _explain(data: DataConfig, out: Path | None, as_json: bool) -> None:
    from edgeready.report.modes import known_modes_json, known_modes_view

    if data.source != _NO_DATA or out is not None:
        raise UsageError("nothing to measure: name a trained model before --data and --out")
    if as_json:
        print_json(known_modes_json())
    else:
        print_view(known_modes_view())


def _compare(config: BuildConfig, names: list[str], out: Path | None, *, plots: bool, as_json: bool) -> None:
    from edgeready.cli.progress import progress_bar
    from edgeready.report.modes import modes_view, write_modes
    from edgeready.report.plots.canvas import require_plots
    from edgeready.workflows.modes import compare_modes
    from edgeready_device.images.fonts import missing_letters

    if plots:
        require_plots()
    with progress_bar(Console(stderr=True)) as progress:
        report = compare_modes(config, names, progress, out)
    for note in report.notes:
        say(note)
    if out is not None:
        for path in write_modes(report, out, plots=plots):
            say(f"wrote {path}")
        note = missing_letters(report.test.classes) if plots else ""
        if note:
            say(f"{out}: {note}")
    if as_json:
        print_json(report.to_dict())
    else:
        print_view(modes_view(report))
