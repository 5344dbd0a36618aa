"""A delegate and its hardware, as text and as plain data."""

from __future__ import annotations

import dataclasses
from typing import Any

from edgeready_device.benchmarking.acceleration import Acceleration
from edgeready_device.machine.tpu import Tpu
from edgeready_device.report.quantity import duration


def acceleration_json(found: Acceleration | None) -> dict[str, Any] | None:
    """A delegate as plain data; its trial in a child process has the first inference and the one after it."""
    if found is None:
        return None
    delegation = found.delegation
    return {
        "name": delegation.name,
        "ops_taken": delegation.ops_taken,
        "ops_total": delegation.ops_total,
        "partitions": delegation.partitions,
        "trial": {"first_run_s": delegation.first_run_s, "second_run_s": delegation.second_run_s},
        "tpus": [dataclasses.asdict(tpu) for tpu in found.tpus],
        "library": dataclasses.asdict(found.library) if found.library else None,
    }


def acceleration_rows(found: Acceleration | None) -> list[tuple[str, str]]:
    """A delegate for people; none has no rows."""
    if found is None:
        return []
    one = found.delegation
    lines = [("delegate", f"{one.name} took {one.ops_taken} of {one.ops_total} ops, in {_parts(one.partitions)}")]
    if one.first_run_s:
        lines.append(("trial", f"first run {duration(one.first_run_s)}, second {duration(one.second_run_s)}"))
    lines += [("Edge TPU", _tpu(tpu)) for tpu in found.tpus]
    if found.library is not None:
        lines.append(("library", f"{found.library.path} {found.library.variant}".rstrip()))
    return lines


def _parts(count: int) -> str:
    return f"{count} part{'s' * (count != 1)}"


def _tpu(tpu: Tpu) -> str:
    found = [f"{tpu.kind} {tpu.place}"]
    if tpu.speed_mbps is not None:
        found.append(f"{tpu.speed_mbps} Mbit/s" + (", SLOW: plug it into a USB 3 port" if tpu.slow_link else ""))
    if tpu.temperature_c is not None:
        found.append(f"{tpu.temperature_c:.0f} °C")
    return ", ".join(found)
