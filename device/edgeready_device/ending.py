"""How a command ends on SIGINT, SIGTERM and SIGHUP: soon, with a line, and with 128 + the signal as its exit code."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

GRACE_S = 2.0  # chosen: time to end children and remove files; who presses Ctrl-C waits no longer
MEANINGS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
if hasattr(signal, "SIGHUP"):  # Windows has none
    MEANINGS[signal.SIGHUP] = "terminated: the terminal or the session was closed"


class SignalExit(SystemExit):
    """Raised in the main thread by SIGTERM and SIGHUP; `code` is 128 + the signal, `meaning` what to tell."""

    code: int

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.meaning = MEANINGS[signal.Signals(number)]


@contextmanager
def signal_handlers(say: Callable[[str], None], grace_s: float = GRACE_S) -> Iterator[None]:
    """Raises SignalExit on SIGTERM and SIGHUP, and KeyboardInterrupt on SIGINT, during the block.

    A signal that the process was started to ignore stays ignored. Where the main thread does not come to its end
    within `grace_s`, because native code does not return, the process ends without it, after `say` has told why.
    """
    if threading.current_thread() is not threading.main_thread():  # no other thread may set handlers
        yield
        return
    before = {number: signal.getsignal(number) for number in MEANINGS if number != signal.SIGINT}
    ours = [number for number, handler in before.items() if handler == signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _raise_exit)
    try:
        with _deadline(say, grace_s):
            yield
    finally:
        for number in ours:
            signal.signal(number, before[number])


def _raise_exit(number: int, frame: object) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)  # a second one must not interrupt the tidying
    raise SignalExit(number)


@contextmanager
def _deadline(say: Callable[[str], None], grace_s: float) -> Iterator[None]:
    """Ends the process `grace_s` after a signal that the block has not ended on."""
    receiver, sender = os.pipe()
    os.set_blocking(sender, False)  # as set_wakeup_fd wants it
    done = threading.Event()
    former = signal.set_wakeup_fd(sender, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(receiver, done, say, grace_s), daemon=True)
    try:
        with suppress(RuntimeError):  # no thread is left: only the prompt end is lost
            watcher.start()
        yield
    finally:
        done.set()
        signal.set_wakeup_fd(former)
        os.close(sender)
        if watcher.ident is not None:
            watcher.join()
        os.close(receiver)


def _watch(receiver: int, done: threading.Event, say: Callable[[str], None], grace_s: float) -> None:
    """Reads the numbers of signals that the interpreter writes from its C handler, whatever the main thread does."""
    while data := os.read(receiver, 64):
        number = next((number for number in data if number in MEANINGS), None)
        if number is not None and not done.wait(grace_s):
            say(MEANINGS[signal.Signals(number)])
            os._exit(128 + number)
