"""A machine and its state, as text and as plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from edgeready_device.machine.board import this_board
from edgeready_device.machine.board_state import BoardState, read_state
from edgeready_device.machine.machine import Machine
from edgeready_device.runtime.runtime import Runtime
from edgeready_device.text import rows


def machine_json(machine: Machine, runtimes: Sequence[Runtime], state: dict[str, Any]) -> dict[str, Any]:
    """Returns a machine, its runtimes, and its `state` (empty where it is not known), as plain data."""
    return {
        "machine": dataclasses.asdict(machine),
        **({"state": state} if state else {}),
        "runtimes": [str(runtime) for runtime in runtimes],
    }


def machine_text(machine: Machine, runtimes: Sequence[Runtime], state: Sequence[tuple[str, str]]) -> str:
    """Returns a machine, its `state` as rows, and its runtimes for people."""
    return rows(
        [
            ("machine", machine.board or machine.processor),
            ("architecture", machine.architecture + (", EMULATED" if machine.emulated else "")),
            ("CPUs", str(machine.cpus)),
            ("kernel", machine.kernel),
            ("Python", machine.python),
            *state,
            ("runtimes", runtimes_text(runtimes)),
        ]
    )


def runtimes_text(runtimes: Sequence[Runtime | str]) -> str:
    """Returns the installed runtimes in one line, or what to install."""
    return ", ".join(map(str, runtimes)) or "none: pip install ai-edge-litert"


def state_now() -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Returns the state of this machine now, as plain data and as rows for people."""
    state = read_state(this_board())
    return state_json(state), state_rows(state)


def state_json(state: BoardState) -> dict[str, Any]:
    """Returns a state as plain data: kHz, degrees Celsius, and None for what the kernel does not say."""
    data = dataclasses.asdict(state)
    return {**data, "clocks": list(data["clocks"]), "slowed_by": list(state.slowed_by)}


def state_rows(state: BoardState) -> list[tuple[str, str]]:
    """Returns a state for people, as names and values; only what the kernel says."""
    pairs = [("clock", "; ".join(lines))] if (lines := _clocks(state)) else []
    if state.temperature_c is not None:
        pairs.append(("heat", f"{state.temperature_c:.0f} °C"))
    if state.throttled is not None:
        pairs.append(("firmware", f"throttled={state.throttled:#x}"))
    if state.under_voltage:
        pairs.append(("supply", "UNDER-VOLTAGE"))
    if state.load is not None:
        pairs.append(("load", f"{state.load:g}"))
    return pairs


def _clocks(state: BoardState) -> list[str]:
    """Returns a line for each kind of clock; CPUs with the same settings share one."""
    lines: dict[str, list[int]] = {}
    for clock in state.clocks:
        limits = [khz for khz in (clock.least_khz, clock.most_khz) if khz is not None]
        span = " to ".join(f"{khz / 1000:,.0f}" for khz in limits)
        key = f"{clock.governor or 'governor unknown'}, {span or 'unknown'} MHz"
        lines.setdefault(key, []).extend([clock.current_khz] if clock.current_khz is not None else [])
    return [f"{key}, now {max(now) / 1000:,.0f}" if now else key for key, now in lines.items()]
