"""What every verb needs of the terminal: one document out, one line of complaint, a budget, a progress bar."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeready_device.commands.opening import add_opening_options
from edgeready_device.errors import OutputError
from edgeready_device.progress import Progress, no_progress

Handler = Callable[[argparse.Namespace], int]
NEGATIVE = 1  # a verdict that is no; errors bring their own code


def say(message: str) -> None:
    """Writes one line of complaint to standard error."""
    if sys.stderr is not None:  # None where the caller closed it
        sys.stderr.write(f"edgeready-device: {' '.join(message.split())}\n")


def verb(
    verbs: Any, name: str, handler: Handler, text: str, *, runs: bool = False, model: str | None = "1"
) -> argparse.ArgumentParser:
    """The parser of one more verb, with the options that all have; `runs` adds those of verbs that open a runtime.

    `model` is "1" for one .tflite file, "?" where it can be left out, None for a verb that takes none.
    """
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:])
    if model is not None:
        parser.add_argument("model", type=Path, nargs=None if model == "1" else model, help="a .tflite file")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--debug", action="store_true", help="a traceback with every error")
    if runs:
        add_opening_options(parser)
    parser.set_defaults(handler=handler)
    return parser


def show(options: argparse.Namespace, data: Any, text: str) -> None:
    """Writes the result to standard output: `data` with --json, else `text`; raises OutputError where it cannot."""
    write_line(json.dumps(data) if options.json else text)


def write_line(line: str) -> None:
    """Writes `line` to standard output, at once; raises OutputError where it cannot."""
    if sys.stdout is None:  # the caller closed it
        raise OutputError("standard output is closed: nothing can be written there")
    encoding = sys.stdout.encoding or "utf-8"
    flush(f"{line}\n".encode(encoding, "backslashreplace").decode(encoding))


def flush(text: str = "") -> None:
    """Writes `text` and what is held back; raises OutputError where standard output takes no more."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output()
        raise OutputError(f"standard output cannot be written ({error.strerror}): write elsewhere") from error


def discard_output() -> None:
    """Sends what is still to be written nowhere."""
    if sys.stdout is sys.__stdout__:  # and not a caller's own stream
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # so that the interpreter's last flush is silent, too


def budget(name: str, value: float, unit: str, least: float | None = None, most: float | None = None) -> int:
    """0, or 1 and one line when `value` breaks its budget."""
    if least is not None and not value >= least:  # so that a budget of NaN is not met
        say(f"{name} is {value:.2f} {unit}, below the budget of {least:g} {unit}")
        return NEGATIVE
    if most is not None and not value <= most:
        say(f"{name} is {value:.3g} {unit}, above the budget of {most:g} {unit}")
        return NEGATIVE
    return 0


def progress() -> Progress:
    """A Progress that draws a counter on a terminal, and does nothing elsewhere."""
    if sys.stderr is None or not sys.stderr.isatty():
        return no_progress

    def draw(label: str, done: int, total: int, /) -> None:
        sys.stderr.write(f"\r{done} of {total} {label}" + ("\r\033[K" if done == total else ""))
        sys.stderr.flush()

    return draw
