"""Machines and runtimes that the tests of the reports show."""

from __future__ import annotations

from edgeready_device.machine.machine import Machine
from edgeready_device.runtime.runtime import Runtime

LITERT = Runtime("ai-edge-litert", "2.3.0")
PI = Machine("aarch64", "CPU part 0xd0b", "Raspberry Pi 5", 4, "6.6.1", "3.11.2", False)
PC = Machine("x86_64", "Imaginary CPU", "", 2, "6.1", "3.13.0", False)
