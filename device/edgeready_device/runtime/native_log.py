"""Holds back what native libraries write to standard error while they load."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edgeready_device.text import printable

_lock = threading.Lock()


@contextmanager
def hold_native_log(keep: Callable[[bytes], bool]) -> Iterator[None]:
    """Collects file descriptor 2 during the block, then writes out the lines for which `keep` is true.

    When the block raises, every line is written out: it may say why.
    """
    with _lock, tempfile.TemporaryFile() as log:
        try:
            saved = os.dup(2)
        except OSError:  # standard error is closed: nothing to hold back
            yield
            return
        os.dup2(log.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            os.dup2(saved, 2)
            log.seek(0)
            for line in log.read().splitlines(keepends=True):
                if failed or keep(line):
                    os.write(saved, _cleaned(line))
            os.close(saved)


def _cleaned(line: bytes) -> bytes:
    """Returns a line of a native library, which may hold a name from a model file, as a terminal may see it."""
    return printable(line.decode("utf-8", "backslashreplace")).encode("utf-8", "backslashreplace")


def not_info(line: bytes) -> bool:
    """Whether a line of a TFLite runtime's log is more than information."""
    return not line.startswith((b"INFO:", b"I0000 "))
