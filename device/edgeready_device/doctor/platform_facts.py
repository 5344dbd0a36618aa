"""The Python, processor and C library of this machine, and the runtimes' wheels that are published for them."""

from __future__ import annotations

import platform
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

_MANAGED = "EXTERNALLY-MANAGED"  # the file of PEP 668


@dataclass(frozen=True)
class PlatformFacts:
    """What decides which wheel fits: CPython's version, the machine that Python is built for, and the C library.

    `machine` is armv7l on a 32-bit system, whatever 64-bit kernel is below it. `libc` is glibc, musl or empty.
    `managed` says that the system manages this Python (Debian 12, Raspberry Pi OS): pip refuses to install into it.
    """

    implementation: str
    python: tuple[int, int]
    system: str
    machine: str
    libc: str
    libc_version: tuple[int, int]
    kernel_machine: str = ""
    managed: bool = False

    @property
    def pip(self) -> str:
        """The pip that installs here: that of a new virtual environment where the system manages this Python."""
        make = "python3 -m venv --system-site-packages ~/edgeready && ~/edgeready/bin/pip"
        return make if self.managed else "pip"

    @property
    def text(self) -> str:
        """The facts in words, such as CPython 3.11 on Linux aarch64 with glibc 2.36."""
        libc = f" with {self.libc} {dotted(self.libc_version)}" if self.libc else ""
        return f"{self.implementation} {dotted(self.python)} on {self.system} {self.machine}{libc}"


@dataclass(frozen=True)
class Wheels:
    """The published wheels of one release: for CPython `first` to `last`, on `machine`, from `glibc` on."""

    requirement: str
    runtime: str
    first: tuple[int, int]
    last: tuple[int, int]
    machine: str
    glibc: tuple[int, int]


# Linux; read from the package indexes in November 2026. The last tflite-runtime is of 2023.
# requirement, runtime, first and last CPython, machine, oldest glibc
WHEELS = tuple(
    Wheels(*row)
    for row in (
        ("ai-edge-litert", "ai-edge-litert", (3, 10), (3, 14), "x86_64", (2, 27)),
        ("ai-edge-litert", "ai-edge-litert", (3, 10), (3, 14), "aarch64", (2, 27)),
        ("ai-edge-litert==2.1.0", "ai-edge-litert", (3, 9), (3, 9), "x86_64", (2, 27)),
        ("ai-edge-litert==2.1.0", "ai-edge-litert", (3, 9), (3, 9), "aarch64", (2, 27)),
        ("tflite-runtime 'numpy<2'", "tflite-runtime", (3, 9), (3, 11), "x86_64", (2, 17)),
        ("tflite-runtime 'numpy<2'", "tflite-runtime", (3, 9), (3, 11), "aarch64", (2, 34)),
        ("tflite-runtime 'numpy<2'", "tflite-runtime", (3, 9), (3, 11), "armv7l", (2, 34)),
        ("tflite-runtime==2.13.0 'numpy<2'", "tflite-runtime", (3, 9), (3, 11), "aarch64", (2, 17)),
    )
)


def read_platform() -> PlatformFacts:
    """Returns the facts about the Python of this process."""
    kernel = platform.machine()
    narrow = sys.maxsize < 1 << 32
    machine = {"aarch64": "armv7l", "armv8l": "armv7l", "x86_64": "i686"}.get(kernel, kernel) if narrow else kernel
    libc, version = platform.libc_ver()
    if "musl" in str(sysconfig.get_config_var("SOABI")) or libc == "musl":
        libc = "musl"
    return PlatformFacts(
        implementation=platform.python_implementation(),
        python=sys.version_info[:2],
        system=platform.system(),
        machine=machine,
        libc=libc,
        libc_version=_pair(version),
        kernel_machine=kernel,
        managed=sys.prefix == sys.base_prefix and Path(sysconfig.get_path("stdlib"), _MANAGED).is_file(),
    )


def wheels_for(facts: PlatformFacts) -> tuple[Wheels, ...]:
    """Returns the wheels that fit, the preferred first; none outside Linux, of which the table says nothing."""
    if facts.system != "Linux" or facts.implementation != "CPython" or facts.libc != "glibc":
        return ()
    return tuple(
        wheels
        for wheels in WHEELS
        if wheels.machine == facts.machine
        and wheels.first <= facts.python <= wheels.last
        and wheels.glibc <= facts.libc_version
    )


def dotted(version: tuple[int, ...]) -> str:
    """Returns a version with dots."""
    return ".".join(map(str, version))


def _pair(version: str) -> tuple[int, int]:
    numbers = [int(part) for part in version.split(".")[:2] if part.isdigit()]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)
