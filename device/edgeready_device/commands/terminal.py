"""The terminal side of the verbs: one document out, one line for an error, a budget, a progress counter."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from edgeready_device.errors import OutputError
from edgeready_device.progress import Progress, no_progress
from edgeready_device.text import json_text, plain, printable

NEGATIVE = 1  # the exit code of a negative verdict; errors have their own


def say(message: str) -> None:
    """Writes one line to standard error."""
    if sys.stderr is not None:  # None where the caller closed it
        sys.stderr.write(f"edgeready-device: {plain(' '.join(message.split()))}\n")


def print_traceback() -> None:
    """Writes the traceback of the error that is being handled to standard error."""
    import traceback

    if sys.stderr is not None:
        sys.stderr.write(printable(traceback.format_exc()))


def show(options: argparse.Namespace, data: Any, text: str) -> None:
    """Writes `data` with --json, else `text`, to standard output. Raises OutputError when that is impossible."""
    if options.json:
        write_json(data)
    else:
        write_line(text)


def write_json(data: Any) -> None:
    """Writes `data` as one line of JSON. Raises OutputError when that is impossible."""
    _write_line(json_text(data))


def write_line(line: str) -> None:
    """Writes `line`, cleaned, to standard output at once. Raises OutputError when that is impossible."""
    _write_line(printable(line))


def _write_line(line: str) -> None:
    if sys.stdout is None:  # the caller closed it
        raise OutputError("standard output is closed: nothing can be written there")
    encoding = sys.stdout.encoding or "utf-8"
    flush(f"{line}\n".encode(encoding, "backslashreplace").decode(encoding))


def flush(text: str = "") -> None:
    """Writes `text` and everything in the buffer. Raises OutputError when standard output takes no more."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output()
        raise OutputError(f"standard output cannot be written ({error.strerror}): write elsewhere") from error


def discard_output() -> None:
    """Discards everything that is still in the buffer of standard output."""
    if sys.stdout is sys.__stdout__:  # and not a caller's own stream
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # so that the interpreter's last flush is silent, too


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
    """Returns a Progress that draws a counter on a terminal and does nothing elsewhere."""
    if sys.stderr is None or not sys.stderr.isatty():
        return no_progress

    def draw(label: str, done: int, total: int, /) -> None:
        sys.stderr.write(f"\r{done} of {total} {plain(label)}" + ("\r\033[K" if done == total else ""))
        sys.stderr.flush()

    return draw
