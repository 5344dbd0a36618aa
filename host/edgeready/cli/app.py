"""The command `edgeready`: parses, calls, renders, and ends with a documented exit code."""

from __future__ import annotations

from typing import Annotated

import typer

from edgeready.cli import (
    build,
    bundle,
    check,
    compile,
    completion,
    convert,
    data,
    demo,
    deploy,
    evaluate,
    gate,
    golden,
    layers,
    modes,
    networks,
    report,
    search,
)
from edgeready.cli.terminal import run
from edgeready_device import __version__

app = typer.Typer(
    epilog="Exit codes: 0 yes; 1 a negative verdict; 2 usage; 3 bad input; 4 not found; 5 conversion refused; "
    "6 runtime, extra or machine; 70 a bug of ours; 129 hung up; 130 interrupted; 143 terminated.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Runs the command and ends the process with its exit code."""
    run(app, "edgeready")


def _print_version(version: bool) -> None:
    if version:
        typer.echo(f"edgeready {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="print the version", is_eager=True, callback=_print_version)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="print a traceback with every error")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="print a line for every stage of the work, with seconds")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="show no progress")] = False,
) -> None:
    """Makes one uint8, integer-only, Edge-TPU ready .tflite file from an image classifier, and proves it."""


for commands in (
    demo,
    build,
    convert,
    check,
    compile,
    evaluate,
    gate,
    layers,
    modes,
    networks,
    search,
    data,
    bundle,
    deploy,
    golden,
    report,
    completion,
):
    commands.register(app)

if __name__ == "__main__":
    main()
