"""Tells which files in a folder were opened, made or changed, by whatever program and library: inotify of Linux."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from pathlib import Path


class Watch:
    """Who opened, made or changed what in a folder, as the kernel tells it, in C++ too."""

    _OPEN, _MODIFY, _CREATE, _DELETE, _MOVED = 0x20, 0x2, 0x100, 0x200, 0xC0

    def __init__(self, *folders: Path):
        self.libc = ctypes.CDLL(None)
        self.handle = self.libc.inotify_init1(os.O_NONBLOCK)
        for folder in folders:
            mask = self._OPEN | self._MODIFY | self._CREATE | self._DELETE | self._MOVED
            assert self.libc.inotify_add_watch(self.handle, os.fsencode(folder), mask) >= 0

    def events(self) -> list[str]:
        """The names that were touched since the last call."""
        names = []
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.handle, 1 << 16):
                while data:
                    _, _, _, size = struct.unpack_from("=iIII", data)
                    name = data[16 : 16 + size].rstrip(b"\0").decode()
                    names += [name] if name else []  # opening the folder itself shows nothing of a file
                    data = data[16 + size :]
        return sorted(set(names))
