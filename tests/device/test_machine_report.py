from __future__ import annotations

import dataclasses

from report_cases import LITERT, PC, PI

from edgeready_device.machine.board_state import BoardState, Clock
from edgeready_device.report.machine import machine_json, machine_text, state_json, state_rows
from edgeready_device.runtime.runtime import Runtime

CLOCK = Clock("policy0", "ondemand", 600_000, 600_000, 1_800_000, 1_800_000)
STATE = BoardState((CLOCK,), 51.5, 0x50000, True, (), None, 0.25)


def test_a_machine_is_shown_by_its_board():
    assert machine_text(PI, [LITERT, Runtime("tflite-runtime", "2.14.0")], []) == (
        "machine       Raspberry Pi 5\n"
        "architecture  aarch64\n"
        "CPUs          4\n"
        "kernel        6.6.1\n"
        "Python        3.11.2\n"
        "runtimes      ai-edge-litert 2.3.0, tflite-runtime 2.14.0"
    )


def test_a_machine_without_a_runtime_is_told_what_to_install():
    lines = machine_text(dataclasses.replace(PC, emulated=True), [], []).splitlines()
    assert lines[0] == "machine       Imaginary CPU"
    assert lines[1] == "architecture  x86_64, EMULATED"
    assert lines[-1] == "runtimes      none: pip install ai-edge-litert"


def test_a_machine_is_plain_data():
    assert machine_json(PI, [LITERT], state_json(STATE)) == {
        "machine": {
            "architecture": "aarch64",
            "processor": "CPU part 0xd0b",
            "board": "Raspberry Pi 5",
            "cpus": 4,
            "kernel": "6.6.1",
            "python": "3.11.2",
            "emulated": False,
        },
        "state": {
            "clocks": [
                {
                    "name": "policy0",
                    "governor": "ondemand",
                    "current_khz": 600_000,
                    "least_khz": 600_000,
                    "most_khz": 1_800_000,
                    "built_for_khz": 1_800_000,
                }
            ],
            "temperature_c": 51.5,
            "throttled": 0x50000,
            "under_voltage": True,
            "slowed_by": [],
            "throttle_count": None,
            "load": 0.25,
        },
        "runtimes": ["ai-edge-litert 2.3.0"],
    }


def test_a_state_is_shown_as_far_as_it_is_known():
    lines = machine_text(PI, [LITERT], state_rows(STATE)).splitlines()
    assert lines[5:-1] == [
        "clock         ondemand, 600 to 1,800 MHz, now 600",
        "heat          52 °C",
        "firmware      throttled=0x50000",
        "supply        UNDER-VOLTAGE",
        "load          0.25",
    ]


def test_clocks_that_are_alike_share_a_line():
    fast = Clock("policy4", "performance", None, None, None, None)
    state = BoardState((CLOCK, dataclasses.replace(CLOCK, name="policy1", current_khz=700_000), fast))
    lines = machine_text(PI, [LITERT], state_rows(state)).splitlines()
    assert lines[5] == "clock         ondemand, 600 to 1,800 MHz, now 700; performance, unknown MHz"
