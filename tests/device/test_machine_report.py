from __future__ import annotations

import dataclasses

from edgeready_device.report.machine import machine_json, machine_text
from edgeready_device.runtime import Runtime

from .report_cases import LITERT, PC, PI  # noqa: TID252  (the package depends on pytest's root)


def test_a_machine_is_shown_by_its_board():
    assert machine_text(PI, [LITERT, Runtime("tflite-runtime", "2.14.0")]) == (
        "machine       Raspberry Pi 5\n"
        "architecture  aarch64\n"
        "CPUs          4\n"
        "kernel        6.6.1\n"
        "Python        3.11.2\n"
        "runtimes      ai-edge-litert 2.3.0, tflite-runtime 2.14.0"
    )


def test_a_machine_without_a_runtime_is_told_what_to_install():
    lines = machine_text(dataclasses.replace(PC, emulated=True), []).splitlines()
    assert lines[0] == "machine       Imaginary CPU"
    assert lines[1] == "architecture  x86_64, EMULATED"
    assert lines[-1] == "runtimes      none: pip install ai-edge-litert"


def test_a_machine_is_plain_data():
    assert machine_json(PI, [LITERT]) == {
        "machine": {
            "architecture": "aarch64",
            "processor": "CPU part 0xd0b",
            "board": "Raspberry Pi 5",
            "cpus": 4,
            "kernel": "6.6.1",
            "python": "3.11.2",
            "emulated": False,
        },
        "runtimes": ["ai-edge-litert 2.3.0"],
    }
