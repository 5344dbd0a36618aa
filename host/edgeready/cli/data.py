"""The command `data`: what is in a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from edgeready.cli.options.arguments import Channels, Data, Json, Links, Seed, Size, image_size_of
from edgeready.cli.terminal import print_json, print_view


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command()(data)


def data(
    source: Data,
    preview: Annotated[Path | None, typer.Option(help="write a PNG that shows samples with their labels")] = None,
    seed: Seed = 1,
    image_size: Size = None,
    channels: Channels = None,
    follow_links: Links = False,
    as_json: Json = False,
) -> None:
    """Shows what is in DATA and how it is split."""
    from edgeready import dataset  # noqa: PLC0415
    from edgeready.cli.progress import progress_bar  # noqa: PLC0415
    from edgeready.report.splits import splits_json, splits_view  # noqa: PLC0415

    with progress_bar(Console(stderr=True)) as progress:
        splits = dataset.load_splits(
            source,
            seed=seed,
            image_size=image_size_of(image_size),
            channels=channels,
            follow_links=follow_links,
            progress=lambda done, total: progress("reading data", done, total),
        )
    if preview is not None:
        dataset.preview(splits, preview)
    if as_json:
        print_json(splits_json(splits))
    else:
        print_view(splits_view(splits))
