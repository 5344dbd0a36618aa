"""The command `data`: what is in a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from edgeready.cli.arguments import DataArgument, Json
from edgeready.cli.spread import spread
from edgeready.cli.terminal import print_json, print_view, say
from edgeready.config.build import DataConfig

_CALIBRATION = ("calibration_samples", "calibration_data")


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command()(spread(data, arguments={"source": DataArgument}, without=_CALIBRATION))


def data(
    data: DataConfig,
    preview: Annotated[Path | None, typer.Option(help="write a PNG that shows samples with their labels")] = None,
    export_test: Annotated[
        Path | None, typer.Option(help="write the test images to this new folder, a subfolder for each class")
    ] = None,
    as_json: Json = False,
) -> None:
    """Shows what is in DATA and how it is split."""
    from edgeready import dataset
    from edgeready.cli.progress import progress_bar
    from edgeready.report.splits import splits_view
    from edgeready_device.images.fonts import missing_letters

    with progress_bar(Console(stderr=True)) as progress:
        splits = dataset.load_splits(
            data.source,
            seed=data.seed,
            image_size=data.image_size,
            channels=data.channels,
            follow_links=data.follow_links,
            skip_damaged=data.skip_damaged,
            keep=data.cache,
            test=data.test,
            progress=progress,
        )
    if preview is not None:
        dataset.preview(splits, preview)
        note = missing_letters((splits.train.name, *splits.train.classes))
        if note:
            say(f"{preview}: {note}")
    if export_test is not None:
        say(f"wrote {dataset.export_images(splits.test, export_test):,} test images to {export_test}")
    if as_json:
        print_json(splits.to_dict())
    else:
        print_view(splits_view(splits))
