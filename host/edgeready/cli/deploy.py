"""The commands `deploy` and `rollback`: a model to boards over ssh, and back to the one before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from edgeready.cli.arguments import Json
from edgeready.cli.terminal import NEGATIVE, print_json, print_view
from edgeready.config.deploy import MOST_VERSIONS_KEPT, VERSIONS_KEPT

Hosts = Annotated[list[str] | None, typer.Argument(metavar="HOST...", help="boards, as in pi@raspberrypi.local")]
Inventory = Annotated[
    Path | None, typer.Option("--inventory", help="a file with one host a line, or Ansible's INI; also with HOST")
]
SshConfig = Annotated[Path | None, typer.Option("--ssh-config", help="in place of ~/.ssh/config (ssh -F)")]
VersionsKept = Annotated[
    int,
    typer.Option(
        "--version-kept", help="how many versions stay on a board, for rollback", min=1, max=MOST_VERSIONS_KEPT
    ),
]


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command()(deploy)
    app.command()(rollback)


def deploy(
    file: Annotated[Path, typer.Argument(metavar="MODEL", help="a .tflite file")],
    hosts: Hosts = None,
    inventory: Inventory = None,
    ssh_config: SshConfig = None,
    versions_kept: VersionsKept = VERSIONS_KEPT,
    profile: Annotated[
        bool, typer.Option("--profile", help="measure what each op costs there as well, where LiteRT runs")
    ] = False,
    as_json: Json = False,
) -> None:
    """Installs MODEL on boards over ssh, verifies, tunes and measures it there; ends with 1 if a board failed."""
    from edgeready.boards.hosts import read_hosts
    from edgeready.cli.progress import progress_bar
    from edgeready.report.deploy import deployment_view
    from edgeready.workflows.deploy import deploy as run

    boards = read_hosts(hosts or [], inventory)
    with progress_bar(Console(stderr=True)) as progress:
        result = run(
            file, boards, ssh_config=ssh_config, versions_kept=versions_kept, profile=profile, progress=progress
        )
    if as_json:
        print_json(result.to_dict())
    else:
        print_view(deployment_view(result))
    if result.failures:
        raise typer.Exit(NEGATIVE)


def rollback(
    hosts: Hosts = None, inventory: Inventory = None, ssh_config: SshConfig = None, as_json: Json = False
) -> None:
    """Makes the version before the current one current on boards; ends with 1 if a board failed."""
    from edgeready.boards.hosts import read_hosts
    from edgeready.cli.progress import progress_bar
    from edgeready.report.deploy import rollback_view
    from edgeready.workflows.deploy import rollback as run

    boards = read_hosts(hosts or [], inventory)
    with progress_bar(Console(stderr=True)) as progress:
        result = run(boards, ssh_config=ssh_config, progress=progress)
    if as_json:
        print_json(result.to_dict())
    else:
        print_view(rollback_view(result))
    if result.failures:
        raise typer.Exit(NEGATIVE)
