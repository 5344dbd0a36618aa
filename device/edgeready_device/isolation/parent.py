"""A child process's side of the bond with its parent: it ends when the parent does, whatever ended that."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

PARENT_VARIABLE = "EDGEREADY_PARENT"  # set in a child's environment to its parent's number
_PR_SET_PDEATHSIG = 1  # of Linux's prctl
_POLL_S = 0.5  # chosen: a process that nobody waits for may run so long, and a watch so rare costs nothing


def is_child() -> bool:
    """Whether this process was started by edgeready to try something that may crash."""
    return PARENT_VARIABLE in os.environ


def is_frozen() -> bool:
    """Whether this program was packed by PyInstaller or the like: `sys.executable` is the program, and no Python."""
    return bool(getattr(sys, "frozen", False))


def follow_parent() -> None:
    """Ends this process as soon as its parent is gone, also in the middle of native code."""
    parent = int(os.environ[PARENT_VARIABLE])
    if is_frozen() or not end_with_parent():  # a frozen program can have a launcher of its own in between
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if _is_gone(parent):  # before the lines above
        os._exit(1)


def end_with_parent(number: int = signal.SIGKILL) -> bool:
    """Asks Linux to send this process a signal, also after an exec, when its parent ends; returns whether it will."""
    if sys.platform != "linux":
        return False
    try:
        import ctypes  # noqa: PLC0415  (a Python may be built without it)

        return bool(ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def _watch(parent: int) -> None:
    while not _is_gone(parent):
        time.sleep(_POLL_S)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _is_gone(parent: int) -> bool:
    if not is_frozen():
        return os.getppid() != parent
    try:
        os.kill(parent, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it lives, as another user
        return False
    return False
