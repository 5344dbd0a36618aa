"""The thread that reads a source: it keeps the newest frame at hand, and opens again what was lost."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from edgeready_device.errors import ImageError, NotFoundError, one_line
from edgeready_device.watching.frame import Back, End, Frame, Lost, Notice
from edgeready_device.watching.slot import Slot
from edgeready_device.watching.source import Reader, Source


@dataclass(frozen=True)
class Retry:
    """How a lost source is opened again: after `first_s`, then after twice as long each time, `most_s` at most.

    A source that neither gives a frame nor fails within `stall_s` hangs in its driver.
    """

    first_s: float = 1.0  # chosen: a USB camera that was plugged in again is there after about a second
    most_s: float = 60.0  # chosen: often enough to be noticed, rarely enough for a log
    stall_s: float = 40.0  # OpenCV itself gives up after 30 s (addresses) and 10 s (devices): longer is a hung driver


_THREAD = "edgeready capture"
# Who looks for a stall so rarely was stopped (Ctrl-Z) or busy itself, which says nothing of the driver. Chosen: far
# more than the 0.2 s from look to look, and far less than a stall.
_STOPPED_S = 5.0


def is_capturing() -> bool:
    """Returns whether a source is being read in this process: one whose driver hangs is so for ever."""
    return any(thread.name == _THREAD for thread in threading.enumerate())


class Capture:
    """Reads `source` in a thread of its own and hands the frames to `slot`."""

    def __init__(self, source: Source, slot: Slot, retry: Retry) -> None:
        self._source, self._slot, self._retry = source, slot, retry
        self._stop = threading.Event()
        self._count = 0
        self._lost_since: float | None = None
        self._last_check = self._awake_since = time.monotonic()
        self._busy_since: float | None = None  # when the thread last went into the source
        self._thread = threading.Thread(target=self._run, name=_THREAD, daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    @property
    def count(self) -> int:
        """How many frames the source gave so far."""
        return self._count

    def check_stall(self) -> bool:
        """Returns whether the thread hangs in the source's driver; to be called several times a second."""
        now = time.monotonic()
        if now - self._last_check > _STOPPED_S:
            self._awake_since = now
        self._last_check = now
        since = self._busy_since
        if since is None or not self._source.may_hang:
            return False
        return now - max(since, self._awake_since) > self._retry.stall_s

    def close(self, timeout_s: float) -> None:
        """Ends the thread, within `timeout_s`: one whose driver hangs is left behind."""
        self._stop.set()
        self._slot.wake()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._read_until_the_end()
        except Exception as error:  # noqa: BLE001  (the loop raises it again, in the thread of the caller)
            self._slot.announce(End(error))
        else:
            self._slot.announce(End())

    def _read_until_the_end(self) -> None:
        pause_s = self._retry.first_s
        while not self._stop.is_set():
            before = self._count
            try:
                self._read_once()
                return
            except (ImageError, NotFoundError) as error:
                if not self._source.reconnects or not self._count:
                    raise  # a mistake of whoever named it, which waiting does not mend
                self._busy_since = None
                if self._count > before:
                    pause_s = self._retry.first_s
                if self._lost_since is None:
                    self._lost_since = time.monotonic()
                self._slot.announce(Lost(time.time(), one_line(error), pause_s))
            self._stop.wait(pause_s)
            pause_s = min(2 * pause_s, self._retry.most_s)

    def _read_once(self) -> None:
        """Reads until the source ends; raises its error when it is lost."""
        self._busy_since = time.monotonic()
        reader = self._source.open()
        try:
            while not self._stop.is_set() and self._hand_over(reader):
                pass
        finally:
            self._busy_since = time.monotonic()
            reader.close()
            self._busy_since = None

    def _hand_over(self, reader: Reader) -> bool:
        """Reads one frame and hands it over; returns False after the last."""
        self._busy_since = time.monotonic()
        shot = reader.read(self._stop)
        self._busy_since = None
        for sentence in reader.take_notices():
            self._slot.announce(Notice(time.time(), sentence))
        if shot is None:
            return False
        if self._lost_since is not None:
            self._slot.announce(Back(time.time(), time.monotonic() - self._lost_since))
            self._lost_since = None
        self._count += shot.count
        moment = time.time() - (time.monotonic() - shot.clock)
        self._slot.put(Frame(self._count, moment, shot), self._stop)
        return True
