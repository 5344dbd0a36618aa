"""The terminal side of the verbs: one document out, one line for an error, a budget, a progress counter."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from edgeready_device.commands.verbosity import verbosity
from edgeready_device.progress import Progress, no_progress
from edgeready_device.standard_streams import write_message, write_output
from edgeready_device.text import json_text, plain, printable

NEGATIVE = 1  # the exit code of a negative verdict; errors have their own


def say(message: str) -> None:
    """Writes one line to standard error."""
    write_message(f"edgeready-device: {plain(' '.join(message.split()))}\n")


def say_stage(text: str) -> None:
    """Writes one line, with the seconds since the command began, to standard error, where -v asks for it."""
    if verbosity().verbose:
        say(f"{time.monotonic() - verbosity().started:.1f} s: {text}")


def print_traceback() -> None:
    """Writes the traceback of the error that is being handled to standard error."""
    import traceback

    write_message(printable(traceback.format_exc()))


def show(options: argparse.Namespace, data: Any, text: str) -> None:
    """Writes `data` with --json, else `text`, to standard output. Raises OutputError when that is impossible."""
    if options.json:
        write_json(data)
    else:
        write_line(text)


def write_json(data: Any) -> None:
    """Writes `data` as one line of JSON. Raises OutputError when that is impossible."""
    write_output(f"{json_text(data)}\n")


def write_line(line: str) -> None:
    """Writes `line`, cleaned, to standard output at once. Raises OutputError when that is impossible."""
    write_output(f"{printable(line)}\n")


def budget(name: str, value: float, unit: str, *, least: float | None = None, most: float | None = None) -> int:
    """Returns 0, or writes one line and returns 1 when `value` breaks its budget."""
    if least is not None and not value >= least:  # so that a budget of NaN is not met
        say(f"{name} is {value:.2f} {unit}, below the budget of {least:g} {unit}")
        return NEGATIVE
    if most is not None and not value <= most:
        say(f"{name} is {value:.3g} {unit}, above the budget of {most:g} {unit}")
        return NEGATIVE
    return 0


def progress() -> Progress:
    """Returns a Progress that draws a counter on a terminal, writes a line at each end with -v, else does nothing."""
    if verbosity().verbose:
        return _say_ends
    if not shows_counters():
        return no_progress

    def draw(label: str, done: int, total: int, /) -> None:
        write_message(f"\r{done} of {total} {plain(label)}" + ("\r\033[K" if done == total else ""))

    return draw


def shows_counters() -> bool:
    """Whether standard error is a terminal on which a line may change in its place."""
    calm = verbosity().quiet or verbosity().verbose
    return sys.stderr is not None and sys.stderr.isatty() and not calm


def _say_ends(label: str, done: int, total: int, /) -> None:
    if done == total:
        say_stage(f"{done} of {total} {label}")
