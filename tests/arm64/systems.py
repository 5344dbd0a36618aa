"""What is tested: systems (a base image and the runtimes that install there) and profiles of boards (a CPU each)."""

from __future__ import annotations

import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from engine import ROOT, Engine

# QEMU_CPU -> the part that /proc/cpuinfo must show.
CPU_PARTS = {
    "cortex-a72": "0xd08",  # Raspberry Pi 4
    "cortex-a53": "0xd03",  # Raspberry Pi 3, Zero 2 W; Coral Dev Board
    "cortex-a76": "0xd0b",  # Raspberry Pi 5
    "cortex-a7": "0xc07",  # Raspberry Pi 2 and 32-bit systems
    "arm1176": "0xb76",  # Raspberry Pi 1 and Zero
}
NATIVE = "native"
VERSION = (ROOT / "device" / "edgeready_device" / "VERSION").read_text("ascii").strip()
EMULATED = platform.machine() not in ("aarch64", "arm64")
OLDEST_QEMU = 10
_BINFMT = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")


@dataclass(frozen=True)
class System:
    """A base image; `runtimes` names each one's folder of packages, the first profile is that of the device tests."""

    name: str
    suite: str
    vendor: str  # the images' prefix on Docker Hub
    platform: str
    profiles: tuple[str, ...]
    runtimes: tuple[tuple[str, str], ...]

    @property
    def base(self) -> str:
        """The base image."""
        return f"{self.vendor}/debian:{self.suite}-slim"

    def tag(self, stage: str) -> str:
        """The name of a built image."""
        return f"edgeready-device-{self.vendor}-{self.suite}:{stage}"

    def arguments(self, engine: Engine) -> list[str]:
        """The build's arguments; the native base is what is already here under either of its names."""
        names = (f"debian:{self.suite}-slim", f"amd64/debian:{self.suite}-slim")
        native = next((name for name in names if engine.inspect(name, "{{.Id}}")), names[0])
        pairs = {"NATIVE": native, "BASE": self.base, "PLATFORM": self.platform, "VERSION": VERSION}
        return [option for key, value in pairs.items() for option in ("--build-arg", f"{key}={value}")]


BOOKWORM = System(
    "Debian 12 arm64",
    "bookworm",
    "arm64v8",
    "linux/arm64",
    ("cortex-a72",),
    (("tflite-runtime", "site"), ("ai-edge-litert", "litert")),
)
TRIXIE = System("Debian 13 arm64", "trixie", "arm64v8", "linux/arm64", ("cortex-a72",), (("ai-edge-litert", "site"),))
ARM32 = System(
    "Debian 12 32-bit", "bookworm", "arm32v7", "linux/arm/v7", ("cortex-a7",), (("tflite-runtime", "site"),)
)
# Debian's oldest port, armel: its armhf is ARMv7 down to /bin/true.
ARMV6 = System("Debian 12 ARMv6", "bookworm", "arm32v5", "linux/arm/v5", ("arm1176",), (("tflite-runtime", "site"),))


def environment(site: str, profile: str, *before: str) -> dict[str, str]:
    """A container's variables: the CPU, and the folders of packages, those in `before` first."""
    folders = [*before, "/opt/edgeready/app", f"/opt/edgeready/{site}", "/opt/edgeready/pytest"]
    cpu = {"QEMU_CPU": profile} if profile in CPU_PARTS else {}
    return {"PYTHONPATH": ":".join(folders), **cpu}


def qemu_version() -> str:
    """The version of the emulator that this kernel starts for arm64, as far as it can be read; else empty."""
    try:
        line = next(line for line in _BINFMT.read_text("utf-8").splitlines() if line.startswith("interpreter "))
        done = subprocess.run([line.split(" ", 1)[1], "--version"], capture_output=True, text=True, check=True)
    except (OSError, StopIteration, subprocess.CalledProcessError):
        return ""  # it need not be on this file system: the kernel holds it open
    found = re.search(r"version (\d[\d.]*)", done.stdout)
    return found[1] if found else ""
