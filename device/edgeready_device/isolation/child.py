"""Runs work in a child process with a time limit, so that its crash becomes an error message of this process."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeready_device.errors import SurroundingsError, one_line
from edgeready_device.isolation.bootstrap import LACKS_BY_CODE, run_module
from edgeready_device.isolation.parent import PARENT_VARIABLE, is_child, is_frozen
from edgeready_device.surroundings import LACKS, explain

if TYPE_CHECKING:
    import subprocess

CHILD_FLAG = "--edgeready-child"  # a frozen program's first argument where it is started as a child
_OURS = __name__.partition(".")[0] + "."
_supports_freezing = False  # whether this program calls `freeze_support`

MEANINGS = {
    "SIGILL": "an instruction that this processor does not have: the library was built for a newer one",
    "SIGSEGV": "it read memory that is not its own: a damaged file, or a library that does not fit",
    "SIGBUS": "it read memory that is not there: a damaged or truncated file, or a wrong alignment",
    "SIGFPE": "it divided by zero: a size or a stride in the file is 0",
    "SIGABRT": "it gave up by itself: a check inside the library failed, or memory beyond its limit was asked for",
    "SIGKILL": "it was killed, mostly because the memory ran out",
    "SIGXCPU": "it took far more processor time than a model of its size: it loops without an end, or is damaged",
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
        if self.code in LACKS_BY_CODE:
            return LACKS[LACKS_BY_CODE[self.code]]
        return f"it ended with exit code {self.code}"


def run_child(
    arguments: Sequence[str], *, timeout_s: float, environment: Mapping[str, str] | None = None, stdin: bytes = b""
) -> ChildExit:
    """Runs this Python with `arguments` (as ["-m", module] or ["-c", code]); `environment` is added to this one's.

    Raises SurroundingsError where no child can be started, or the machine stops it.
    """
    import subprocess  # noqa: PLC0415  (0.6 MB, which a model that runs in this process does not need)

    child = start_child(arguments, errors=subprocess.PIPE, environment=environment)
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
    if code in LACKS_BY_CODE:
        raise SurroundingsError(LACKS[LACKS_BY_CODE[code]])
    return ChildExit(
        code=None if code < 0 else code,
        signal=signal_name(-code) if code < 0 and not timed_out else "",
        timed_out=timed_out,
        output=output.decode("utf-8", "replace"),
        errors=errors.decode("utf-8", "replace"),
    )


def start_child(
    arguments: Sequence[str], *, errors: int, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Starts this Python with `arguments`, its standard input and output as unbuffered pipes, and `errors` as stderr.

    Raises SurroundingsError where no child can be started.
    """
    import subprocess  # noqa: PLC0415  (as above)

    if is_child():  # whose program is not this Python, and would start itself without end
        raise SurroundingsError(
            f"{sys.executable} starts the whole program again in place of a child process: call "
            "edgeready_device.freeze_support() first in it"
        )
    if not sys.executable:
        raise SurroundingsError(
            "this Python does not know its own program (sys.executable is empty), so that no child process can be "
            "started: set sys.executable to a Python"
        )
    try:
        return subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            bufsize=0,  # no bytes wait here that closing a pipe would send to a dead process
            env={**os.environ, PARENT_VARIABLE: str(os.getpid()), **(environment or {})},
            start_new_session=True,  # so that what it starts ends with it
        )
    except OSError as error:
        cause = explain(error)
        raise SurroundingsError(f"no child process can be started: {cause or one_line(error)}") from error


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
    Raises SurroundingsError in a frozen program that has not called `freeze_support`.
    """
    if is_frozen():
        if not _supports_freezing:
            raise SurroundingsError(
                "this is a frozen program, which would start itself in place of a child process: call "
                "edgeready_device.freeze_support() first of all in it"
            )
        return [CHILD_FLAG, module, *arguments]
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; from {run_module.__module__} import run_module; "
        f"raise SystemExit(run_module({module!r}))"
    )
    return ["-c", code, *arguments]


def freeze_support() -> None:
    """Does the work of a child process, and ends, where a frozen program was started for that; else returns at once.

    A frozen program (PyInstaller, cx_Freeze) calls it first of all, before it reads its arguments.
    """
    global _supports_freezing
    _supports_freezing = True
    flag, module = [*sys.argv[1:3], "", ""][:2]
    if not is_child() or flag != CHILD_FLAG or not module.startswith(_OURS):
        return
    del sys.argv[1:3]
    raise SystemExit(run_module(module))
