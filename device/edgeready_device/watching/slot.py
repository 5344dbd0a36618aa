"""Hands frames from the thread that captures to the loop that analyzes: the newest only, or each of them."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from edgeready_device.watching.frame import Frame

if TYPE_CHECKING:
    from edgeready_device.watching.frame import Message

    Item = Frame | Message


class Slot:
    """Holds at most one frame that waits, and the source's messages, in their order.

    A live frame replaces the one that waits; for another one `put` waits until that was taken.
    """

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()

    def put(self, frame: Frame, stop: threading.Event) -> None:
        """Hands `frame` over, unless `stop` is set."""
        with self._changed:
            if not frame.shot.is_live:
                while self._waiting() and not stop.is_set():
                    self._changed.wait()
            elif self._items and isinstance(self._items[-1], Frame):
                self._items.pop()
            if not stop.is_set():
                self._items.append(frame)
                self._changed.notify_all()

    def announce(self, message: Message) -> None:
        """Hands `message` over; it never waits, and none is lost."""
        with self._changed:
            self._items.append(message)
            self._changed.notify_all()

    def take(self, timeout_s: float, *, frames: bool = True) -> Item | None:
        """The next item within `timeout_s`, else None; without `frames` it leaves a frame, and what follows it."""

        def is_ready() -> bool:
            return bool(self._items) and (frames or not isinstance(self._items[0], Frame))

        with self._changed:
            if not self._changed.wait_for(is_ready, timeout_s):
                return None
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def wake(self) -> None:
        """Lets a `put` that waits look at its `stop`."""
        with self._changed:
            self._changed.notify_all()

    def _waiting(self) -> bool:
        return any(isinstance(item, Frame) for item in self._items)
