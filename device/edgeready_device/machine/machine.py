"""What machine this is, as its kernel says; tests hand in a recorded tree."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 65_536  # of one file: /proc/cpuinfo of a large server is the longest


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
    architecture = platform.machine()
    return Machine(
        architecture,
        _processor(kernel_text(root, "proc/cpuinfo")),
        kernel_text(root, "proc/device-tree/model"),
        available_cpus(),
        platform.release(),
        platform.python_version(),
        is_emulated(architecture, root),
    )


def kernel_text(root: Path, path: str) -> str:
    """The file `path` of /proc or /sys below `root` without the ends' blanks and NULs; empty when there is none."""
    try:
        with (root / path).open("rb") as stream:
            return stream.read(MOST_BYTES).decode("utf-8", "replace").strip("\0\n\r\t ")
    except OSError:
        return ""


def available_cpus() -> int:
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_emulated(architecture: str, root: Path = Path("/")) -> bool:
    """Whether a program of `architecture` runs by emulation: the kernel's own CPU is of another family.

    QEMU before version 8 shows an Arm program the cpuinfo of the x86 that it runs on, which tells it even where
    a container hides /sys.
    """
    modalias = kernel_text(root, "sys/devices/system/cpu/modalias")
    if architecture.startswith(("aarch64", "arm")):
        return modalias.startswith("cpu:type:x86") or "vendor_id" in cpu_fields(kernel_text(root, "proc/cpuinfo"))
    return architecture == "x86_64" and "type:aarch64" in modalias


def cpu_fields(cpuinfo: str) -> dict[str, str]:
    """The first value of each field of /proc/cpuinfo."""
    fields: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    return fields


def _processor(cpuinfo: str) -> str:
    fields = cpu_fields(cpuinfo)
    part = f"CPU part {fields['CPU part']}" if fields.get("CPU part") else "unknown"
    return fields.get("model name", part)
