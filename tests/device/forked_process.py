"""Runs work of a test in a forked process, as another user if need be."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

LIMIT_S = 20  # after which a child that hangs is ended


def in_child(work: Callable[[], Any], *, user: int | None = None) -> str:
    """What `work` returned or raised in a forked process; empty for None, and where it did not end.

    The process becomes `user`, who has no rights, where one is named and this is root.
    """
    receiver, sender = os.pipe()
    child = os.fork()
    if not child:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(LIMIT_S)
        try:
            if user is not None and os.geteuid() == 0:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            result = work()
            text = "" if result is None else str(result)
        except BaseException as error:  # noqa: BLE001  (it is told to the test)
            text = f"{type(error).__name__}: {error}"
        os.write(sender, text.encode())
        os._exit(0)
    os.close(sender)
    with os.fdopen(receiver) as lines:
        text = lines.read()
    os.waitpid(child, 0)
    return text
