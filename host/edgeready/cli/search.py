"""The command `search`: the best network for a budget."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from edgeready.cli.arguments import DataArgument, Json
from edgeready.cli.spread import spread
from edgeready.cli.terminal import print_json, print_view, say
from edgeready.config.build import DataConfig, TrainConfig
from edgeready.config.search import EPOCHS, BudgetConfig, SearchConfig
from edgeready.errors import OutputError, UsageError

_WITHOUT = ("image_size", "calibration_samples", "calibration_data", "fine_tune", "epochs")


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command()(spread(search, arguments={"source": DataArgument}, without=_WITHOUT))


def search(
    data: DataConfig,
    budget: BudgetConfig,
    search: SearchConfig,
    train: TrainConfig,
    epochs: Annotated[int, typer.Option(help="passes over the training images of a final")] = EPOCHS,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="the folder for the files; a search in it goes on")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show the candidates and what they cost, and train nothing")
    ] = False,
    plots: Annotated[bool, typer.Option("--plots", help="write search.png to the folder, too (extra plots)")] = False,
    as_json: Json = False,
) -> None:
    """Finds the network with the best accuracy on DATA that keeps a budget of bytes, MACs or milliseconds."""
    train = replace(train, seed=data.seed, epochs=epochs)
    if dry_run:
        _plan(data, budget, search, as_json)
        return
    if output is None:
        raise UsageError("nowhere to write the models to: give --output FOLDER, or --dry-run to see the candidates")
    _search(data, budget, search, train=train, output=output, plots=plots, as_json=as_json)


def _plan(data: DataConfig, budget: BudgetConfig, search: SearchConfig, as_json: bool) -> None:
    from edgeready.cli.progress import progress_bar
    from edgeready.report.search import plan_view
    from edgeready.workflows.search_plan import plan_search

    with progress_bar(Console(stderr=True)) as progress:
        plan = plan_search(data, budget, search, progress)
    if as_json:
        print_json(plan.to_dict())
    else:
        print_view(plan_view(plan))


def _search(
    data: DataConfig,
    budget: BudgetConfig,
    search: SearchConfig,
    *,
    train: TrainConfig,
    output: Path,
    plots: bool,
    as_json: bool,
) -> None:
    from edgeready.cli.progress import progress_bar
    from edgeready.report.plots.canvas import require_plots
    from edgeready.report.search import search_view, write_search
    from edgeready.workflows import search as workflow

    if plots:
        require_plots()
    with explain_rest(output), progress_bar(Console(stderr=True)) as progress:
        result = workflow.search(data, budget, output, search=search, train=train, progress=progress)
    for note in result.notes:
        say(note)
    for path in write_search(result, plots=plots):
        say(f"wrote {path}")
    if as_json:
        print_json(result.to_dict())
    else:
        print_view(search_view(result))
    if result.doubts:
        raise typer.Exit(1)


@contextmanager
def explain_rest(output: Path) -> Iterator[None]:
    """Says how a search goes on that does not come to its end in the block."""
    from edgeready.network_search.state import count_trainings

    try:
        yield
    except OutputError:  # the folder is not this search's, or takes no more
        raise
    except BaseException:
        if count := count_trainings(output):
            fact = f"1 training is kept in {output}" if count == 1 else f"{count} trainings are kept in {output}"
            say(f"{fact}: the same command goes on from there")
        raise
