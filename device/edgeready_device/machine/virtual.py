"""Whether the machine is a virtual one, whose speed depends on what its host does besides."""

from __future__ import annotations

from edgeready_device.machine.board import Board
from edgeready_device.machine.machine import cpu_fields

_TOLD_BY = ("sys/hypervisor/type", "proc/device-tree/hypervisor/compatible")  # Xen, and arm64 guests


def is_virtual(board: Board) -> bool:
    """Whether kernel or processor name a hypervisor; one that hides itself is not seen."""
    flags = cpu_fields(board.text("proc/cpuinfo")).get("flags", "")  # of x86: a bit that hypervisors set
    return "hypervisor" in flags.split() or any(board.text(path) for path in _TOLD_BY)
