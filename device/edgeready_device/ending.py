"""How a command ends on SIGINT, SIGTERM and SIGHUP: soon, with a line, and with 128 + the signal as its exit code."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

GRACE_S = 2.0  # chosen: time to end children and remove files; who presses Ctrl-C waits no longer
MEANINGS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
if hasattr(signal, "SIGHUP"):  # Windows has none
    MEANINGS[signal.SIGHUP] = "terminated: the terminal or the session was closed"


_held: set[int] = set()


def hold_signals() -> None:
    """Holds signals back until SignalHandlers can take them: an import that is interrupted shows its traceback."""
    if hasattr(signal, "pthread_sigmask"):  # Windows has none
        _held.update(set(MEANINGS) - signal.pthread_sigmask(signal.SIG_BLOCK, set(MEANINGS)))


class SignalExit(SystemExit):
    """Raised in the main thread by SIGTERM and SIGHUP."""


class Interruption(KeyboardInterrupt):
    """Raised in the main thread by SIGINT.

    CPython marks a plain KeyboardInterrupt in some places, and dies of the signal at its end although it was caught.
    Measured: 4 of 60 commands did that were interrupted in their first second, and none with a class of its own.
    """


class SignalHandlers:
    """Raises SignalExit or Interruption on a signal during the block, and keeps its `number`.

    Who catches neither, because C code has replaced it by an error of its own, looks at the number. A signal that the
    process was started to ignore stays ignored. Where the main thread does not come to its end within `grace_s`,
    because native code does not return, the process ends without it, after `say` has told why.
    """

    def __init__(self, say: Callable[[str], None], grace_s: float = GRACE_S) -> None:
        self._say, self._grace_s = say, grace_s
        self._before: dict[int, Any] = {}
        self._done = threading.Event()
        self._pipe: tuple[int, int] | None = None
        self._watcher: threading.Thread | None = None
        self.number = 0

    @property
    def meaning(self) -> str:
        """What the signal means, for people."""
        return MEANINGS[signal.Signals(self.number or signal.SIGINT)]

    @property
    def code(self) -> int:
        """The exit code."""
        return 128 + (self.number or signal.SIGINT)

    def __enter__(self) -> SignalHandlers:
        if threading.current_thread() is not threading.main_thread():  # no other thread may set handlers
            return self
        for number in MEANINGS:
            before = signal.getsignal(number)
            if before in (signal.SIG_DFL, signal.default_int_handler):
                self._before[number] = before
                signal.signal(number, self._raise)
        self._watch_over()
        if _held:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _held)
            _held.clear()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._done.set()
        for number, before in self._before.items():
            signal.signal(number, before)
        if self._pipe is not None:
            receiver, sender = self._pipe
            signal.set_wakeup_fd(self._former)
            os.close(sender)
            if self._watcher is not None:
                self._watcher.join()
            os.close(receiver)

    def _raise(self, number: int, frame: object) -> None:
        for other in self._before:
            signal.signal(other, signal.SIG_IGN)  # a second one must not interrupt the tidying
        self.number = number
        raise Interruption if number == signal.SIGINT else SignalExit(128 + number)

    def _watch_over(self) -> None:
        """Has a thread read the numbers of signals, which the interpreter writes whatever the main thread does."""
        self._pipe = os.pipe()
        receiver, sender = self._pipe
        os.set_blocking(sender, False)  # as set_wakeup_fd wants it
        self._former = signal.set_wakeup_fd(sender, warn_on_full_buffer=False)
        watcher = threading.Thread(target=self._end_in_time, args=(receiver,), daemon=True)
        with suppress(RuntimeError):  # no thread is left: only the prompt end is lost
            watcher.start()
            self._watcher = watcher

    def _end_in_time(self, receiver: int) -> None:
        while data := os.read(receiver, 64):
            number = next((number for number in data if number in MEANINGS), None)
            if number is not None and not self._done.wait(self._grace_s):
                self._say(MEANINGS[signal.Signals(number)])
                os._exit(128 + number)
