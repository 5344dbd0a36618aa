"""Holds back what native libraries write to standard error while they load."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from edgeready_device.text import printable

_lock = threading.Lock()


def _renew_lock() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # a thread that held it at the fork is not there to release it
    os.register_at_fork(after_in_child=_renew_lock)
# What TFLite, its delegates and LiteRT report on a load that went well; a program's own lines are not among them.
_INFORMATION = re.compile(
    rb"INFO: (Created TensorFlow Lite |Applying \d+ TensorFlow Lite |Initialized TensorFlow Lite |"
    rb"TfLite\w+Delegate|Replacing \d+ out of \d+ node|Variable ops support |\[[\w./-]+\.(cc|h|mm):\d+\])|"
    rb"I0000 00:00:\d+(\.\d+)? +(\d+ )?[\w./-]+\.(cc|h|mm):\d+\] "
)


@contextmanager
def hold_native_log(keep: Callable[[bytes], bool]) -> Iterator[None]:
    """Collects file descriptor 2 during the block, then writes out the lines for which `keep` is true.

    When the block raises, every line is written out: it may say why. Nothing is held back where standard error is
    closed, or where there is neither memory nor a file to collect in.
    """
    with _lock, ExitStack() as stack:
        try:
            saved = os.dup(2)
            stack.callback(os.close, saved)
            log = _open_memory()
            stack.callback(os.close, log)
        except OSError:
            yield
            return
        os.dup2(log, 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            os.dup2(saved, 2)
            _write_kept(log, saved, lambda line: failed or keep(line))


def _open_memory() -> int:
    """Returns the descriptor of a file in memory; raises OSError where there can be none."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("edgeready-log")
    import tempfile  # noqa: PLC0415  (macOS: every program has a temporary folder there)

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _write_kept(log: int, target: int, keep: Callable[[bytes], bool]) -> None:
    os.lseek(log, 0, os.SEEK_SET)
    with os.fdopen(os.dup(log), "rb") as lines:
        for line in lines:
            if keep(line):
                with suppress(OSError):  # standard error is full or gone: no work is lost over a message
                    os.write(target, _cleaned(line))


def _cleaned(line: bytes) -> bytes:
    """Returns a line of a native library, which may hold a name from a model file, as a terminal may see it."""
    return printable(line.decode("utf-8", "backslashreplace")).encode("utf-8", "backslashreplace")


def not_info(line: bytes) -> bool:
    """Whether a line is anything but what a TFLite runtime says of a load that went well."""
    return _INFORMATION.match(line) is None
