"""The command `evaluate`: accuracy of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from edgeready.cli.arguments import Cache, DataOption, Json, Links, OtherTest, SkipDamaged
from edgeready.cli.spread import spread
from edgeready.cli.terminal import NEGATIVE, print_json, print_view, say
from edgeready.config.description import DescriptionConfig


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command()(spread(evaluate))


def evaluate(
    file: Annotated[Path, typer.Argument(help="a .tflite file")],
    data: DataOption,
    description: DescriptionConfig,
    seed: Annotated[int | None, typer.Option(help="seed of the split (default: that of FILE's build)")] = None,
    min_accuracy: Annotated[
        float | None, typer.Option(help="exit with 1 below this top-1 accuracy in percent")
    ] = None,
    test: OtherTest = None,
    follow_links: Links = False,
    skip_damaged: SkipDamaged = False,
    cache: Cache = True,
    as_json: Json = False,
) -> None:
    """Measures the top-1 accuracy of FILE on the test images of DATA, through the device package."""
    from edgeready.cli.progress import progress_bar
    from edgeready.report.evaluate import evaluation_view
    from edgeready.workflows.evaluate import evaluate_file

    with progress_bar(Console(stderr=True)) as progress:
        evaluation = evaluate_file(
            file,
            data,
            description.description,
            seed=seed,
            follow_links=follow_links,
            skip_damaged=skip_damaged,
            cache=cache,
            test=test,
            progress=progress,
        )
    for note in evaluation.notes:
        say(f"{file}: {note}")
    for note in evaluation.data_notes:
        say(note)
    if as_json:
        print_json(evaluation.to_dict())
    else:
        print_view(evaluation_view(evaluation))
    accuracy = 100 * evaluation.top1.value
    if min_accuracy is not None and not accuracy >= min_accuracy:
        say(f"top-1 accuracy is {accuracy:.2f} %, below the budget of {min_accuracy:g} %")
        raise typer.Exit(NEGATIVE)
