"""Results as text for a terminal and as plain data for JSON; the only file that knows how things look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from edgeready.bundle import Bundle
from edgeready.comparison import Comparison, Measured
from edgeready.dataset import Dataset, Splits
from edgeready.pipeline import BuildResult
from edgeready.readiness_view import verdict
from edgeready_device.evaluate import EvaluationReport
from edgeready_device.report import benchmark_json, evaluation_json, evaluation_text, proportion_json
from edgeready_device.runtime import Runtime
from edgeready_device.text import duration, table


@contextmanager
def progress(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A callback (stage, done, total) that draws a bar on `console` during the block; nothing off a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("starting")

        def show(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total or None)

        yield show


def build_view(result: BuildResult, images: str) -> RenderableType:
    """A finished build for people: what was measured, the verdict, the file, and the commands for the board.

    `images` is what the printed `classify` command is given.
    """
    return Group(_comparison_table(result.comparison), _facts(result), _next_steps(result, images))


def build_json(result: BuildResult) -> dict[str, Any]:
    """A finished build as plain data."""
    return {
        "out": str(result.out),
        "float_out": None if result.float_out is None else str(result.float_out),
        "data": splits_json(result.splits),
        "epoch_losses": list(result.losses),
        "float32": _measured_json(result.comparison.float32),
        "uint8": _measured_json(result.comparison.uint8),
        "agreement": proportion_json(result.comparison.agreement),
        "mended": list(result.mended),
        "proposed": list(result.proposed),
        "readiness": result.readiness.as_dict(),
    }


def splits_json(splits: Splits) -> dict[str, Any]:
    """What is in the three parts of a data set, as plain data."""
    return {
        "name": splits.train.name,
        "classes": list(splits.train.classes),
        "image": {"height": splits.train.height, "width": splits.train.width, "channels": splits.train.channels},
        "train": splits.train.class_counts(),
        "calibration": splits.calibration.class_counts(),
        "test": splits.test.class_counts(),
        "removed": splits.removed,
        "majority_baseline": splits.test.majority_share(),
    }


def splits_view(splits: Splits) -> RenderableType:
    """What is in the three parts of a data set, for people."""
    first = splits.train
    table = _table("class", "train", "calibration", "test")
    parts = [part.class_counts() for part in (splits.train, splits.calibration, splits.test)]
    for name in first.classes:
        table.add_row(Text(name), *(f"{part[name]:,}" for part in parts))
    table.add_row("all", *(f"{sum(part.values()):,}" for part in parts), style="bold")
    pixels = f"{first.height}x{first.width} {'RGB' if first.channels == 3 else 'grey'}"
    removed = f"; {splits.removed} training images left out because the test set has them" if splits.removed else ""
    return Group(table, Text(f"{first.name}: images of {pixels}{removed}"))


def accuracy_view(report: EvaluationReport, runtime: Runtime) -> RenderableType:
    """Accuracy for people, the classes below it."""
    return Text(evaluation_text(report, runtime))


accuracy_json = evaluation_json


def bundle_view(bundle: Bundle) -> RenderableType:
    """A bundle for people: its files and the install line."""
    files = table(["file", "bytes"], [[str(path), f"{path.stat().st_size:,}"] for path in bundle.files])
    return Text(f"{files}\n\nCopy the folder to {bundle.target.system}, then there:\n  {bundle.install}")


def bundle_json(bundle: Bundle) -> dict[str, Any]:
    """A bundle as plain data."""
    return {
        "folder": str(bundle.folder),
        "system": bundle.target.system,
        "files": {str(path.relative_to(bundle.folder)): path.stat().st_size for path in bundle.files},
        "install": bundle.install,
    }


def _comparison_table(comparison: Comparison) -> Table:
    both = (comparison.float32, comparison.uint8)
    table = _table("", "float32", "uint8")
    table.add_row("top-1 accuracy", *(f"{100 * m.accuracy.top1.value:.2f} %" for m in both))
    table.add_row("  95 % interval", *(_interval(m) for m in both))
    table.add_row("model alone", *(f"{m.flatbuffer_bytes:,} B" for m in both))
    table.add_row("whole file", *(f"{m.size_bytes:,} B" for m in both))
    table.add_row("latency, median", *(duration(m.latency.summary.median_s) for m in both))
    return table


def _facts(result: BuildResult) -> RenderableType:
    same, uint8 = result.comparison.agreement, result.comparison.uint8
    test: Dataset = result.splits.test
    machine = uint8.latency.machine
    emulated = " EMULATED: no measure of any board" if machine.emulated else ""
    colour = "green" if result.readiness.ready else "red"
    return Text.assemble(
        f"\ntest         {len(test):,} images of {test.name}; the same answer on {100 * same.value:.2f} %",
        f"\nbaseline     {100 * test.majority_share():.2f} %, always the largest class",
        ("\nEdge TPU     ", ""),
        (verdict(result.readiness), colour),
        *(f"\nmended       {line}" for line in result.mended),
        *(f"\nproposed     {line}" for line in result.proposed),
        f"\nmeasured on  {machine.board or machine.processor}, {uint8.latency.runtime}, 1 thread{emulated}",
    )


def _next_steps(result: BuildResult, images: str) -> RenderableType:
    return Text.assemble(
        "\nThe one file to copy: ",
        (str(result.out), "bold"),
        '\nOn the board, after pip install "./device[images]" from a checkout '
        "(or edgeready bundle, without internet):\n"
        f"  edgeready-device classify {result.out} {images}\n"
        f"  edgeready-device verify {result.out}",
    )


def _measured_json(measured: Measured) -> dict[str, Any]:
    return {
        "size_bytes": measured.size_bytes,
        "flatbuffer_bytes": measured.flatbuffer_bytes,
        "accuracy": evaluation_json(measured.accuracy, measured.latency.runtime),
        "latency": benchmark_json(measured.latency),
    }


def _interval(measured: Measured) -> str:
    low, high = measured.accuracy.top1.interval
    return f"{100 * low:.2f} to {100 * high:.2f} %"


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table
