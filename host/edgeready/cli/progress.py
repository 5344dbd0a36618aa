"""Progress of long work: a bar on a terminal, a line an epoch elsewhere, every stage with -v, nothing with -q."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from edgeready.cli.terminal import Verbosity, say, verbosity
from edgeready_device.progress import Progress, no_progress
from edgeready_device.text import plain

_EPOCH = re.compile(r"epoch \d+ of (at most )?\d+")
_FIGURES = re.compile(r", loss .*$")  # what changes from step to step within a stage


@contextmanager
def progress_bar(console: Console) -> Iterator[Progress]:
    """A Progress that shows work during the block: a bar on `console`, or lines where that is no terminal."""
    if verbosity() is Verbosity.QUIET:
        yield no_progress
    elif verbosity() is Verbosity.VERBOSE or not console.is_terminal:
        lines = StageLines(verbose=verbosity() is Verbosity.VERBOSE)
        yield lines.show
        lines.end()
    else:
        with _bar(console) as show:
            yield show


class StageLines:
    """Writes a line when an epoch has ended, with its last loss; `verbose` also one when another stage begins."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._stage = self._label = ""
        self._started = time.monotonic()

    def show(self, label: str, done: int, total: int, /) -> None:
        """Takes note of the progress."""
        stage = _FIGURES.sub("", label)
        if stage != self._stage:
            self.end()
            self._stage = stage
            if self._verbose and not _EPOCH.search(stage):
                self._write(stage)
        self._label = label

    def end(self) -> None:
        """Writes the line of an epoch that has ended."""
        if _EPOCH.search(self._stage):
            self._write(self._label)
        self._stage = self._label = ""

    def _write(self, text: str) -> None:
        say(f"{time.monotonic() - self._started:.1f} s: {text}" if self._verbose else text)


@contextmanager
def _bar(console: Console) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Bars(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting")

        def show(stage: str, done: int, total: int) -> None:
            bar.update(task, description=plain(stage), completed=done, total=total or None)

        yield show
