"""How much memory this process holds, and has held at most."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgeready_device.machine.board import Board


@dataclass(frozen=True)
class Memory:
    """Bytes of physical memory of this process: now, and at most so far; None where the kernel does not say."""

    resident_bytes: int | None
    peak_bytes: int | None


@dataclass(frozen=True)
class MemoryUse:
    """`added_bytes` is what loading a model and its first run added, `peak_bytes` the process's most of all."""

    added_bytes: int | None
    peak_bytes: int | None


UNKNOWN_USE = MemoryUse(None, None)


def read_memory(board: Board) -> Memory:
    """The memory of this process, from /proc/self/status."""
    status = board.text("proc/self/status")

    def field(name: str) -> int | None:
        found = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
        return int(found[1]) * 1024 if found else None

    return Memory(field("VmRSS"), field("VmHWM"))


def memory_use(before: Memory, loaded: Memory, after: Memory) -> MemoryUse:
    """What the model added between `before` and `loaded`, and the peak `after` all."""
    if before.resident_bytes is None or loaded.resident_bytes is None:
        return MemoryUse(None, after.peak_bytes)
    return MemoryUse(max(0, loaded.resident_bytes - before.resident_bytes), after.peak_bytes)
