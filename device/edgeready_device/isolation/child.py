"""Runs work in a child process with a time limit, so that its crash becomes an error message of this process."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

MEANINGS = {
    "SIGILL": "an instruction that this processor does not have: the library was built for a newer one",
    "SIGSEGV": "it read memory that is not its own: a damaged file, or a library that does not fit",
    "SIGBUS": "it read memory that is not there: a damaged or truncated file, or a wrong alignment",
    "SIGFPE": "it divided by zero: a size or a stride in the file is 0",
    "SIGABRT": "it gave up by itself: a check inside the library failed",
    "SIGKILL": "it was killed, mostly because the memory ran out",
}


@dataclass(frozen=True)
class ChildExit:
    """How a child process ended: its exit `code` (None after a signal or the time limit), and what it wrote."""

    code: int | None
    signal: str = ""
    timed_out: bool = False
    output: str = ""
    errors: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether it ended with exit code 0."""
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
) -> ChildExit:
    """Runs this Python with `arguments` (as ["-m", module] or ["-c", code]); `environment` is added to this one's."""
    import subprocess  # noqa: PLC0415  (0.6 MB, which a model that runs in this process does not need)

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
        timed_out = False
    except subprocess.TimeoutExpired:
        end_child(child)
        output, errors = child.communicate()
        timed_out = True
    except BaseException:
        end_child(child)
        raise
    code = child.returncode
    return ChildExit(
        code=None if code < 0 else code,
        signal=signal_name(-code) if code < 0 and not timed_out else "",
        timed_out=timed_out,
        output=output.decode("utf-8", "replace"),
        errors=errors.decode("utf-8", "replace"),
    )


def end_child(child: subprocess.Popen[bytes]) -> None:
    """Ends a child that was started in a session of its own, with all that it started."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:  # it has just ended by itself
        child.kill()
    child.wait()


def signal_name(number: int) -> str:
    """The name of a signal, or its number where this Python knows none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def module_arguments(module: str, *arguments: str) -> list[str]:
    """The arguments of `run_child` that call `main()` of `module` with `arguments`, on this process's import path.

    `python -m` would put the current folder in front of it, where a file named as a standard module is imported.
    """
    code = f"import sys; sys.path[:] = {sys.path!r}; from {module} import main; raise SystemExit(main())"
    return ["-c", code, *arguments]
