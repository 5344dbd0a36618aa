"""What was used during a measurement: processors, by this process and by others, and this process's memory."""

from __future__ import annotations

import os
import re
import sys
import time
from dataclasses import dataclass

from edgeready_device.machine.board import Board, whole_number

_SHORTEST_WALL_S = 1e-9  # chosen: against a division by zero where the clock did not move


@dataclass(frozen=True)
class Counters:
    """Readings that only grow, in seconds; None is what this system does not count."""

    wall_s: float
    own_s: float  # with the children that have ended
    busy_s: float | None  # of all CPUs, this process and the hypervisor's other guests included
    stolen_s: float | None  # by the hypervisor's other guests
    interruptions: int | None  # how often this process lost a CPU that it still needed


@dataclass(frozen=True)
class Activity:
    """What happened between two readings; `others_cpus` is the mean number of CPUs that other programs kept busy."""

    wall_s: float
    others_cpus: float | None
    stolen_cpus: float | None
    interruptions_per_s: float | None


@dataclass(frozen=True)
class Memory:
    """Physical memory of this process in bytes, now and at its peak; None where the kernel does not say."""

    resident_bytes: int | None
    peak_bytes: int | None


@dataclass(frozen=True)
class MemoryUse:
    """`added_bytes` is what loading a model and its first run added, `peak_bytes` the process's peak."""

    added_bytes: int | None
    peak_bytes: int | None


UNKNOWN_USE = MemoryUse(None, None)


def read_counters(board: Board) -> Counters:
    """Returns the counters' values now."""
    busy_s, stolen_s = _processor_seconds(board)
    times = os.times()
    return Counters(
        wall_s=time.monotonic(),
        own_s=sum(times[:4]),
        busy_s=busy_s,
        stolen_s=stolen_s,
        interruptions=_interruptions(),
    )


def compare_counters(before: Counters, after: Counters) -> Activity:
    """Returns what happened between `before` and `after`."""
    wall_s = max(after.wall_s - before.wall_s, _SHORTEST_WALL_S)

    def rate(start: float | None, end: float | None, less: float = 0.0) -> float | None:
        return None if start is None or end is None else max(0.0, end - start - less) / wall_s

    stolen_s = 0.0
    if before.stolen_s is not None and after.stolen_s is not None:
        stolen_s = after.stolen_s - before.stolen_s
    return Activity(
        wall_s=wall_s,
        others_cpus=rate(before.busy_s, after.busy_s, less=after.own_s - before.own_s + stolen_s),
        stolen_cpus=rate(before.stolen_s, after.stolen_s),
        interruptions_per_s=rate(before.interruptions, after.interruptions),
    )


def read_memory(board: Board) -> Memory:
    """Returns the memory of this process, from /proc/self/status."""
    status = board.text("proc/self/status")

    def field(name: str) -> int | None:
        line = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
        return int(line[1]) * 1024 if line else None

    return Memory(field("VmRSS"), field("VmHWM"))


def compare_memory(before: Memory, with_model: Memory, after: Memory) -> MemoryUse:
    """Returns what the model added between `before` and `with_model`, and the peak at `after`."""
    if before.resident_bytes is None or with_model.resident_bytes is None:
        return MemoryUse(None, after.peak_bytes)
    return MemoryUse(max(0, with_model.resident_bytes - before.resident_bytes), after.peak_bytes)


def _processor_seconds(board: Board) -> tuple[float | None, float | None]:
    """Returns busy and stolen seconds of all CPUs, from the first line of /proc/stat."""
    line = board.text("proc/stat").partition("\n")[0].split()
    words = [whole_number(word) for word in line[1:9]]
    ticks = [tick for tick in words if tick is not None and tick >= 0]
    if line[:1] != ["cpu"] or len(ticks) < 4 or len(ticks) != len(words):
        return None, None
    per_s = os.sysconf("SC_CLK_TCK")
    idle = sum(ticks[3:5])  # idle, and waiting for a disk
    return (sum(ticks) - idle) / per_s, ticks[7] / per_s if len(ticks) > 7 else None


def _interruptions() -> int | None:
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415  (Windows has none)

    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
