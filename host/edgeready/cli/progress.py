"""A progress bar for long work, on a terminal only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from edgeready_device.progress import Progress
from edgeready_device.text import plain


@contextmanager
def progress_bar(console: Console) -> Iterator[Progress]:
    """A Progress that draws a bar on `console` during the block; it draws nothing where that is no terminal."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("starting")

        def show(stage: str, done: int, total: int) -> None:
            bar.update(task, description=plain(stage), completed=done, total=total or None)

        yield show
