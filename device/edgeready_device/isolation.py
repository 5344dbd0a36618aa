"""Runs a piece of work in a child process with a time limit, so that a crash there is a sentence here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MEANINGS = {
    "SIGILL": "an instruction that this processor does not have: the library was built for a newer one",
    "SIGSEGV": "it read memory that is not its own: a damaged file, or a library that does not fit",
    "SIGBUS": "it read memory that is not there: a damaged or truncated file, or a wrong alignment",
    "SIGFPE": "it divided by zero: a size or a stride in the file is 0",
    "SIGABRT": "it gave up by itself: a check inside the library failed",
    "SIGKILL": "it was killed, mostly because the memory ran out",
}


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit `code` (None when a signal or the time limit ended it), and what it wrote."""

    code: int | None
    signal: str = ""
    timed_out: bool = False
    output: str = ""
    errors: str = ""

    @property
    def well(self) -> bool:
        """Whether it came to its end with exit code 0."""
        return self.code == 0

    @property
    def sentence(self) -> str:
        """How it ended, for people."""
        if self.timed_out:
            return "it did not end within the time limit"
        if self.signal:
            return f"it was ended by {self.signal} ({MEANINGS.get(self.signal, 'a signal')})"
        return f"it ended with exit code {self.code}"


def run_child(
    arguments: Sequence[str], *, timeout_s: float, environment: Mapping[str, str] | None = None, stdin: bytes = b""
) -> Ended:
    """Runs this Python with `arguments` (as ["-m", module] or ["-c", code]); `environment` is added to this one's."""
    child = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
        start_new_session=True,  # so that what it starts ends with it
    )
    try:
        output, errors = child.communicate(stdin, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        _end(child)
        output, errors = child.communicate()
        return Ended(None, "", True, *_texts(output, errors))
    except BaseException:
        _end(child)
        raise
    if child.returncode < 0:
        return Ended(None, _signal_name(-child.returncode), False, *_texts(output, errors))
    return Ended(child.returncode, "", False, *_texts(output, errors))


def _end(child: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:  # it has just ended by itself
        child.kill()
    child.wait()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _texts(output: bytes, errors: bytes) -> tuple[str, str]:
    return output.decode("utf-8", "replace"), errors.decode("utf-8", "replace")
