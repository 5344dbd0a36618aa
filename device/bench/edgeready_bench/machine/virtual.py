"""Whether the machine is a virtual one, whose speed depends on what its host does besides."""

from __future__ import annotations

from edgeready_bench.machine.board import Board

_TOLD_BY = ("sys/hypervisor/type", "proc/device-tree/hypervisor/compatible")  # Xen, and arm64 guests


def is_virtual(board: Board) -> bool:
    """Whether kernel or processor name a hypervisor; one that hides itself is not seen."""
    for line in board.text("proc/cpuinfo").splitlines():
        name, _, flags = line.partition(":")
        if name.strip() == "flags":  # of x86: the bit that hypervisors set
            return "hypervisor" in flags.split()
    return any(board.text(path) for path in _TOLD_BY)
