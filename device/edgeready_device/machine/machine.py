"""What machine a measurement was made on, and whether it is emulated."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from edgeready_device.machine.board import Board


@dataclass(frozen=True)
class Machine:
    """A machine as its kernel describes it; `emulated` means that no time measured on it counts."""

    architecture: str
    processor: str
    board: str
    cpus: int
    kernel: str
    python: str
    emulated: bool


def read_machine(root: Path = Path("/")) -> Machine:
    """This machine; `root` is where /proc and /sys are read below."""
    architecture, board = platform.machine(), Board(root)
    return Machine(
        architecture,
        _processor(board.text("proc/cpuinfo")),
        board.text("proc/device-tree/model"),
        available_cpus(),
        platform.release(),
        platform.python_version(),
        is_emulated(architecture, root),
    )


def available_cpus() -> int:
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_emulated(architecture: str, root: Path = Path("/")) -> bool:
    """Whether a program of `architecture` runs by emulation: the kernel's own CPU is of another family.

    QEMU before version 8 shows an Arm program the cpuinfo of the x86 that it runs on, which tells it even where
    a container hides /sys.
    """
    board = Board(root)
    modalias = board.text("sys/devices/system/cpu/modalias")
    if architecture.startswith(("aarch64", "arm")):
        return modalias.startswith("cpu:type:x86") or "vendor_id" in _fields(board.text("proc/cpuinfo"))
    return architecture == "x86_64" and "type:aarch64" in modalias


def _fields(cpuinfo: str) -> dict[str, str]:
    """The first value of each field."""
    fields: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    return fields


def _processor(cpuinfo: str) -> str:
    fields = _fields(cpuinfo)
    if "model name" in fields:
        return fields["model name"]
    part = fields.get("CPU part", "")
    return f"CPU part {part}" if part else "unknown"
