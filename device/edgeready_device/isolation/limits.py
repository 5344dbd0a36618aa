"""Limits of a child process, so that a hostile model takes neither the machine's memory nor its time."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

try:
    import resource
except ImportError:  # no POSIX
    resource = None  # type: ignore[assignment]

# What a child may take beyond the model's own need: chosen, with the 50 MB of Python, numpy and a runtime it stays
# below half a gigabyte. The allocator and the thread pools of the runtimes take at most 30 MB of it (measured).
SLACK_BYTES = 256 << 20
# Of each thread: its stack (glibc's 8 MiB), and the addresses that its allocator reserves (glibc's 64 MiB, aligned).
_STACK_BYTES, _RESERVED_BYTES = 8 << 20, 128 << 20
_LEAST_SECONDS = 2.0  # on the machine of _LOOP_S; chosen: a hundred times what a small model takes there
_OPERATIONS_PER_SECOND = 40e6  # on that machine; reference kernels reach 2 to 4 thousand million there (measured)
_LOOP_ROUNDS, _LOOP_S = 100_000, 0.0025  # a bare loop of so many rounds, and its time on a 2.x GHz x86-64 (measured)
_MOST_FILE_BYTES = 1 << 20  # of a file that the child writes: a runtime's log; chosen: a thousand lines
_MORE_TASKS = 1024  # threads that other programs may start meanwhile; chosen: a fork bomb stays harmless
_TASKS = Path("/proc/loadavg")
_MEMORY = Path("/proc/self/statm")


@dataclass(frozen=True)
class Limits:
    """What one model may take in a child: `memory_bytes` and `processor_s`, beyond what the process has taken."""

    memory_bytes: int
    processor_s: float


def measure_slowness() -> float:
    """Returns how many times as long as on the machine of the constants above this one takes for the same loop."""
    started = time.process_time()
    for _ in range(_LOOP_ROUNDS):
        pass
    return max(1.0, (time.process_time() - started) / _LOOP_S)


def limits_for(memory_bytes: int, operations: int, *, threads: int = 1, slowness: float = 1.0) -> Limits:
    """Returns the limits for a model that needs so much, on a machine of this `slowness`."""
    seconds = slowness * (_LEAST_SECONDS + operations / _OPERATIONS_PER_SECOND) * threads
    return Limits(memory_bytes + SLACK_BYTES + threads * _STACK_BYTES, processor_s=seconds)


def limit_this_process(limits: Limits, *, threads: int = 1) -> None:
    """Limits what this process takes from now on: memory, processor time, tasks, the size of files, no core dump.

    Where the system has no such limits, or states no figures for them, they are left out.
    """
    if resource is None:
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seconds = math.ceil(usage.ru_utime + usage.ru_stime + limits.processor_s)
    values = {resource.RLIMIT_CPU: seconds, resource.RLIMIT_FSIZE: _MOST_FILE_BYTES, resource.RLIMIT_CORE: 0}
    if sys.platform == "linux":
        values.update(_linux_limits(limits, threads))
    for kind, value in values.items():
        soft, hard = resource.getrlimit(kind)
        if soft == resource.RLIM_INFINITY or value < soft:  # never above the one in force
            resource.setrlimit(kind, (value, hard))


def lift_processor_limit() -> None:
    """Takes the limit on processor time back; for a process that has shown that its model ends."""
    if resource is not None:
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))


def _linux_limits(limits: Limits, threads: int) -> dict[int, int]:
    """The limits that count from what the process and the system have now; none where /proc is closed."""
    assert resource is not None
    try:
        pages = [int(word) for word in _MEMORY.read_text("ascii").split()]
        tasks = int(_TASKS.read_text("ascii").split()[3].partition("/")[2])
    except (OSError, ValueError, IndexError):
        return {}
    address, data = pages[0] * resource.getpagesize(), pages[5] * resource.getpagesize()
    return {
        resource.RLIMIT_DATA: data + limits.memory_bytes,
        # Twice as much: mapped files and reserved addresses, which are no memory yet, count here.
        resource.RLIMIT_AS: address + 2 * limits.memory_bytes + threads * _RESERVED_BYTES,
        resource.RLIMIT_NPROC: tasks + _MORE_TASKS,
    }
