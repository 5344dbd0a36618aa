"""What machine a measurement was made on, and whether it is emulated."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path


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
        _processor(_text(root / "proc/cpuinfo")),
        _text(root / "proc/device-tree/model").strip("\0\n "),
        available_cpus(),
        platform.release(),
        platform.python_version(),
        is_emulated(architecture, root),
    )


def available_cpus() -> int:
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_emulated(architecture: str, root: Path = Path("/")) -> bool:
    """Whether a program of `architecture` runs by emulation: the kernel's own CPU is of another family."""
    modalias = _text(root / "sys/devices/system/cpu/modalias")
    arm = architecture.startswith(("aarch64", "arm"))
    return (arm and modalias.startswith("cpu:type:x86")) or (architecture == "x86_64" and "type:aarch64" in modalias)


def _processor(cpuinfo: str) -> str:
    fields: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    if "model name" in fields:
        return fields["model name"]
    part = fields.get("CPU part", "")
    return f"CPU part {part}" if part else "unknown"


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:  # not every kernel has every file
        return ""
