"""Standard output and standard error that are closed, full or gone: a result is an error there, a message is not."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from edgeready_device.errors import OutputError

_NUMBERS = range(3)  # of standard input, output and error


def occupy_closed_streams() -> None:
    """Opens the null device under the numbers of closed standard streams, so that no file of ours gets them.

    What native libraries write to standard error would else go into that file.
    """
    for number in _NUMBERS:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # which takes the lowest free number


def write_output(text: str = "") -> None:
    """Writes `text`, and what the buffer holds, to standard output; raises OutputError when that is impossible."""
    if sys.stdout is None:  # the caller closed it
        raise OutputError("standard output is closed: nothing can be written there")
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output()
        raise OutputError(f"standard output cannot be written ({error.strerror}): write elsewhere") from error


def write_message(text: str) -> None:
    """Writes `text` to standard error, where that is possible: no work is lost over a message."""
    if sys.stderr is None:  # the caller closed it
        return
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr, sys.__stderr__, 2)


def discard_output() -> None:
    """Discards everything that is still in the buffer of standard output."""
    _discard(sys.stdout, sys.__stdout__, 1)


def _discard(stream: TextIO, own: TextIO | None, number: int) -> None:
    """Leads the process's own stream to the null device: the interpreter's last flush would change the exit code."""
    if stream is own:  # and not a caller's
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)
