"""What the commands that make a model file share: progress, the result, and the attempts of a budget that broke."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from edgeready.cli.terminal import print_json, print_text, print_view, say
from edgeready.config.build import BuildConfig, OutputConfig
from edgeready.config.worker_group import WorkerGroup
from edgeready.errors import BudgetError, CheckpointError

if TYPE_CHECKING:
    from edgeready.budget.ladder import Trail
    from edgeready.workflows.build import BuildResult
    from edgeready_device.progress import Progress

SAMPLES = 5  # chosen: enough to try `classify` on, and few to look at


def run_build(
    workflow: Callable[[BuildConfig, Progress], BuildResult],
    config: BuildConfig,
    *,
    as_json: bool,
    samples: Path | None = None,
    debug_report: Path | None = None,
) -> None:
    """Runs `workflow` on `config` and shows its result; some test images are written into the folder `samples`.

    Ends with exit code 1 where something speaks against the file.
    """
    from edgeready import dataset
    from edgeready.budget.ladder import Trail
    from edgeready.cli.debug_report import build_with_report
    from edgeready.cli.progress import progress_bar
    from edgeready.report.build import build_view
    from edgeready.report.readiness import warning_lines
    from edgeready.workflows.resume import describe_replaced

    if replaced := describe_replaced(config.output):
        say(replaced)
    try:
        with _rest_of_training(config.output), progress_bar(Console(stderr=True)) as progress:
            result = build_with_report(workflow, config, debug_report, progress)
    except BudgetError as error:
        if isinstance(error.trail, Trail):
            _print_trail(error.trail, as_json)
        raise
    if samples is not None:
        dataset.save_samples(result.splits.test, samples, min(SAMPLES, len(result.splits.test)))
    for note in result.splits.notes:
        say(note)
    for line in warning_lines([result.readiness]):
        say(f"warning: {line}")
    if as_json:
        print_json(result.to_dict())
    else:
        print_view(build_view(result, "IMAGE" if samples is None else f"{samples}/*.png"))
    if result.doubts:
        raise typer.Exit(1)


def run_share(config: BuildConfig, group: WorkerGroup, *, as_json: bool) -> None:
    """Trains with the other machines of `group`, of which this is not the chief, and says so."""
    from edgeready.cli.progress import progress_bar
    from edgeready.workflows.training_group import train_share

    with progress_bar(Console(stderr=True)) as progress:
        share = train_share(config, group, progress)
    if as_json:
        print_json(share.to_dict())
    else:
        print_text(
            f"machine {group.index + 1} of {len(group.workers)} has trained its share; {group.name(0)} writes "
            f"{share.out}\n"
        )


@contextmanager
def _rest_of_training(output: OutputConfig) -> Iterator[None]:
    """Says how a training goes on that ends in the block before its model file is there."""
    from edgeready.workflows.resume import describe_rest

    started = time.time()
    try:
        yield
    except CheckpointError:  # which says what to do
        raise
    except BaseException:
        if rest := describe_rest(output, started):
            say(rest)
        raise


def _print_trail(trail: Trail, as_json: bool) -> None:
    """What was tried for a budget that no attempt keeps."""
    from edgeready.report.budget import trail_view

    if as_json:
        print_json({"out": None, "budget": trail.to_dict()})
    else:
        print_view(trail_view(trail))
