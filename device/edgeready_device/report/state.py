"""How a machine is doing, as text and as plain data."""

from __future__ import annotations

import dataclasses
from typing import Any

from edgeready_device.machine.board_state import BoardState, read_state
from edgeready_device.machine.firmware import this_board


def state_now() -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The state of this machine now, as plain data and for people."""
    state = read_state(this_board())
    return state_json(state), state_rows(state)


def state_json(state: BoardState) -> dict[str, Any]:
    """A state as plain data: kHz, degrees Celsius, and None for what the kernel does not say."""
    data = dataclasses.asdict(state)
    return {**data, "clocks": list(data["clocks"]), "slowed_by": list(state.slowed_by)}


def state_rows(state: BoardState) -> list[tuple[str, str]]:
    """A state for people: only what the kernel says."""
    found = [("clock", "; ".join(lines))] if (lines := _clocks(state)) else []
    if state.temperature_c is not None:
        found.append(("heat", f"{state.temperature_c:.0f} °C"))
    if state.throttled is not None:
        found.append(("firmware", f"throttled={state.throttled:#x}"))
    if state.under_voltage:
        found.append(("supply", "UNDER-VOLTAGE"))
    if state.load is not None:
        found.append(("load", f"{state.load:g}"))
    return found


def _clocks(state: BoardState) -> list[str]:
    """A line for each kind of clock; CPUs that are alike share one."""
    lines: dict[str, list[int]] = {}
    for clock in state.clocks:
        limits = [khz for khz in (clock.least_khz, clock.most_khz) if khz is not None]
        span = " to ".join(f"{khz / 1000:,.0f}" for khz in limits)
        key = f"{clock.governor or 'governor unknown'}, {span or 'unknown'} MHz"
        lines.setdefault(key, []).extend([clock.current_khz] if clock.current_khz is not None else [])
    return [f"{key}, now {max(now) / 1000:,.0f}" if now else key for key, now in lines.items()]
