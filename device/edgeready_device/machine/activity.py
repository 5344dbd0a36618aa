"""Who used the processors during a measurement: this process, others, the hypervisor."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass

from edgeready_device.machine.board import Board, whole_number


@dataclass(frozen=True)
class Counters:
    """Readings that only grow, in seconds; None is what this system does not count."""

    wall_s: float
    own_s: float  # with the children that have ended
    busy_s: float | None  # of all CPUs, this process and the hypervisor's other guests included
    stolen_s: float | None  # by the hypervisor's other guests
    interruptions: int | None  # how often this process lost a CPU that it still wanted


@dataclass(frozen=True)
class Activity:
    """What happened between two readings; `others_cpus` is how many CPUs the other programs kept busy on average."""

    wall_s: float
    others_cpus: float | None
    stolen_cpus: float | None
    interruptions_per_s: float | None


def read_counters(board: Board) -> Counters:
    """The readings now."""
    busy_s, stolen_s = _processors(board)
    times = os.times()
    return Counters(time.monotonic(), sum(times[:4]), busy_s, stolen_s, _interruptions())


def activity(before: Counters, after: Counters) -> Activity:
    """What happened between `before` and `after`."""
    wall_s = max(after.wall_s - before.wall_s, 1e-9)

    def rate(start: float | None, end: float | None, less: float = 0.0) -> float | None:
        return None if start is None or end is None else max(0.0, end - start - less) / wall_s

    stolen_s = 0.0
    if before.stolen_s is not None and after.stolen_s is not None:
        stolen_s = after.stolen_s - before.stolen_s
    return Activity(
        wall_s,
        rate(before.busy_s, after.busy_s, less=after.own_s - before.own_s + stolen_s),
        rate(before.stolen_s, after.stolen_s),
        rate(before.interruptions, after.interruptions),
    )


def _processors(board: Board) -> tuple[float | None, float | None]:
    """Busy and stolen seconds of all CPUs, from the first line of /proc/stat."""
    line = board.text("proc/stat").partition("\n")[0].split()
    ticks = [whole_number(word) for word in line[1:9]]
    known = [tick for tick in ticks if tick is not None and tick >= 0]
    if line[:1] != ["cpu"] or len(known) < 4 or len(known) != len(ticks):
        return None, None
    per_s = os.sysconf("SC_CLK_TCK")
    idle = sum(known[3:5])  # idle, and waiting for a disk
    return (sum(known) - idle) / per_s, known[7] / per_s if len(known) > 7 else None


def _interruptions() -> int | None:
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415  (Windows has none)

    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
