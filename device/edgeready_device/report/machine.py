"""A machine, its state and its runtimes, as text and as plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from edgeready_device.machine.board_state import BoardState
from edgeready_device.machine.machine import Machine
from edgeready_device.report.state import state_json, state_rows
from edgeready_device.runtime import Runtime
from edgeready_device.text import rows


def machine_json(machine: Machine, runtimes: Sequence[Runtime], state: BoardState) -> dict[str, Any]:
    """This machine, how it is doing, and its runtimes as plain data."""
    return {
        "machine": dataclasses.asdict(machine),
        "state": state_json(state),
        "runtimes": [str(runtime) for runtime in runtimes],
    }


def machine_text(machine: Machine, runtimes: Sequence[Runtime], state: BoardState) -> str:
    """This machine, how it is doing, and its runtimes for people."""
    return rows(
        [
            ("machine", machine.board or machine.processor),
            ("architecture", machine.architecture + (", EMULATED" if machine.emulated else "")),
            ("CPUs", str(machine.cpus)),
            ("kernel", machine.kernel),
            ("Python", machine.python),
            *state_rows(state),
            ("runtimes", ", ".join(map(str, runtimes)) or "none: pip install ai-edge-litert"),
        ]
    )
