"""What machine this is, according to its kernel; tests pass a recorded tree."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from edgeready_device.machine.board import Board, kernel_text

_HYPERVISOR_FILES = ("sys/hypervisor/type", "proc/device-tree/hypervisor/compatible")  # Xen, and arm64 guests


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
    """Returns this machine; `root` is the folder above /proc and /sys."""
    architecture = platform.machine()
    return Machine(
        architecture=architecture,
        processor=_processor(kernel_text(root, "proc/cpuinfo")),
        board=kernel_text(root, "proc/device-tree/model"),
        cpus=available_cpus(),
        kernel=platform.release(),
        python=platform.python_version(),
        emulated=is_emulated(architecture, root),
    )


def available_cpus() -> int:
    """Returns the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def bound_threads(count: int) -> int:
    """Returns `count`, or the number of CPUs that this process may use where that is less: more only share them."""
    return min(count, available_cpus())


def is_emulated(architecture: str, root: Path = Path("/")) -> bool:
    """Returns whether programs of `architecture` are emulated: the kernel's own CPU is of another family.

    QEMU before version 8 shows an Arm program the cpuinfo of the x86 machine below it. That reveals the emulation
    even where a container hides /sys.
    """
    modalias = kernel_text(root, "sys/devices/system/cpu/modalias")
    if architecture.startswith(("aarch64", "arm")):
        return modalias.startswith("cpu:type:x86") or "vendor_id" in cpu_fields(kernel_text(root, "proc/cpuinfo"))
    return architecture == "x86_64" and "type:aarch64" in modalias


def is_virtual(board: Board) -> bool:
    """Returns whether kernel or processor name a hypervisor, so that the host's other work changes the speed.

    A hypervisor that hides itself is not detected.
    """
    flags = cpu_fields(board.text("proc/cpuinfo")).get("flags", "")  # of x86: a bit that hypervisors set
    return "hypervisor" in flags.split() or any(board.text(path) for path in _HYPERVISOR_FILES)


def cpu_fields(cpuinfo: str) -> dict[str, str]:
    """Returns the first value of each field of /proc/cpuinfo."""
    fields: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    return fields


def _processor(cpuinfo: str) -> str:
    fields = cpu_fields(cpuinfo)
    part = f"CPU part {fields['CPU part']}" if fields.get("CPU part") else "unknown"
    return fields.get("model name", part)
