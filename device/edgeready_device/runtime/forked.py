"""Interpreters in a forked process: a runtime's threads stay in the parent, so that what waits for them hangs.

Measured: tflite-runtime 2.14 with two threads never answers in a child that was forked after its first inference.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Any, Protocol

from edgeready_device.runtime.runtime import Interpreter


class Forkable(Protocol):
    """What opens its interpreter again in a forked process."""

    def leave_interpreter(self) -> None:
        """Lets go of the parent's interpreter, without a call to it."""


_forkables: weakref.WeakSet[Forkable] = weakref.WeakSet()
_left: list[Interpreter] = []


def follow_forks(owner: Forkable) -> None:
    """Has `owner` let go of its interpreter in every process that is forked from this one, as long as it lives."""
    _forkables.add(owner)


class Reopening:
    """Stands in for an interpreter that was left behind: what is first asked of it opens another one."""

    def __init__(self, left: Interpreter, reopen: Callable[[], Interpreter]) -> None:
        _keep_forever(left)
        self._reopen = reopen
        self._interpreter: Interpreter | None = None

    def __getattr__(self, name: str) -> Any:
        if self._interpreter is None:
            self._interpreter = self._reopen()
        return getattr(self._interpreter, name)


def is_native(interpreter: Interpreter) -> bool:
    """Whether the interpreter is a runtime's, and no stand-in of a test."""
    return type(interpreter).__module__.partition(".")[0] in ("ai_edge_litert", "tflite_runtime")


def _keep_forever(left: Interpreter) -> None:
    """Keeps the parent's interpreter alive to the end of the process: its end would wait for its threads."""
    import ctypes  # noqa: PLC0415  (only in a forked process)

    _left.append(left)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(left))  # the list goes with the module, before the process


def _leave_interpreters() -> None:
    for owner in list(_forkables):
        owner.leave_interpreter()


if hasattr(os, "register_at_fork"):  # where processes fork
    os.register_at_fork(after_in_child=_leave_interpreters)
