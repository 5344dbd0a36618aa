"""The command `layers`: where quantization hurts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from edgeready.cli.arguments import Cache, DataOption, DebugReport, Json, Links, OtherTest, SkipDamaged
from edgeready.cli.terminal import print_json, print_view, say
from edgeready.config.layers import IMAGES


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command()(layers)


def layers(
    float32: Annotated[Path, typer.Argument(help="the float32 .tflite, as --save-float writes it")],
    integer: Annotated[Path, typer.Argument(help="the quantized .tflite of the same network")],
    data: DataOption,
    images: Annotated[int, typer.Option(help="test images to compare on")] = IMAGES,
    seed: Annotated[int | None, typer.Option(help="seed of the split (default: that of INTEGER's build)")] = None,
    test: OtherTest = None,
    follow_links: Links = False,
    skip_damaged: SkipDamaged = False,
    cache: Cache = True,
    debug_report: DebugReport = None,
    profile: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json", help="add what INTEGER's ops cost on a board, of edgeready-device profile --json"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measures the quantization error of each layer, what it does to the scores, and what helps."""
    from edgeready.cli.progress import progress_bar
    from edgeready.report.layers import layers_json, layers_view, write_debug_report
    from edgeready.report.plots.canvas import require_plots
    from edgeready.workflows.layers import diagnose_files
    from edgeready.workflows.op_costs import read_costs
    from edgeready_device.model_file.reader import read_model_file

    if debug_report is not None:
        require_plots()
    costs = None if profile is None else read_costs(profile, read_model_file(integer))
    with progress_bar(Console(stderr=True)) as progress:
        report = diagnose_files(
            float32,
            integer,
            data,
            seed=seed,
            images=images,
            follow_links=follow_links,
            skip_damaged=skip_damaged,
            cache=cache,
            test=test,
            progress=progress,
        )
    if debug_report is not None:
        for path in write_debug_report(report, debug_report):
            say(f"wrote {path}")
    if as_json:
        print_json(layers_json(report, costs))
    else:
        print_view(layers_view(report, costs))
