"""The command `networks`: the networks by name, and what each costs."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from edgeready.cli.arguments import Json
from edgeready.cli.terminal import print_json, print_view
from edgeready.config.option import parse_image_size


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command()(networks)


def networks(
    image_size: Annotated[
        str | None, typer.Option(help="for images of 96 or 96x128 (height x width) pixels (default: 32, or 224)")
    ] = None,
    channels: Annotated[int, typer.Option(help="for grey (1) or RGB (3) images")] = 3,
    classes: Annotated[int, typer.Option(help="for so many classes")] = 10,
    as_json: Json = False,
) -> None:
    """Lists the networks by name: parameters, bytes as uint8, multiply-accumulates, what fits the Edge TPU."""
    from edgeready.cli.progress import progress_bar
    from edgeready.report.networks import networks_view
    from edgeready.workflows.networks import list_networks

    size = None if image_size is None else parse_image_size(image_size)
    with progress_bar(Console(stderr=True)) as progress:
        listing = list_networks(size, channels=channels, classes=classes, progress=progress)
    if as_json:
        print_json(listing.to_dict())
    else:
        print_view(networks_view(listing))
