"""How much of its progress a command shows: -v writes a line for every stage, -q nothing but results and messages."""

from __future__ import annotations

import argparse
import time
from contextvars import ContextVar
from dataclasses import dataclass

from edgeready_device.errors import UsageError


@dataclass(frozen=True)
class Verbosity:
    """What -v and -q of a command ask for, and when it began."""

    verbose: bool = False
    quiet: bool = False
    started: float = 0.0


_VERBOSITY: ContextVar[Verbosity] = ContextVar("verbosity", default=Verbosity())  # noqa: B039  (it is frozen)


def add_verbosity_options(parser: argparse.ArgumentParser) -> None:
    """Declares -v and -q."""
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="print a line for every stage of the work, with seconds"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="show no progress")


def choose_verbosity(options: argparse.Namespace) -> None:
    """Takes note of what -v and -q in `options` ask for. Raises UsageError for both."""
    if options.verbose and options.quiet:
        raise UsageError("--verbose and --quiet exclude each other: give one")
    _VERBOSITY.set(Verbosity(verbose=options.verbose, quiet=options.quiet, started=time.monotonic()))


def verbosity() -> Verbosity:
    """Returns what this command's -v and -q ask for."""
    return _VERBOSITY.get()
