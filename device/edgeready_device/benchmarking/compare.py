"""Two measurements: is the second slower, faster, or is no difference shown?"""

from __future__ import annotations

from dataclasses import dataclass

from edgeready_device.benchmarking.benchmark_file import Measurement
from edgeready_device.benchmarking.difference import (
    BETWEEN_RUNS,
    BETWEEN_VIRTUAL_RUNS,
    LEAST_SAMPLES,
    Difference,
    difference,
)
from edgeready_device.errors import MeasurementError

# Kinds of stability.RULES with which a median says more about the moment than about the model.
DOUBTFUL = ("throttled", "under-voltage", "busy", "drifting")
_VIRTUAL = (
    "a virtual machine's speed changes by some percent from one measurement to the next: give the two .tflite files, "
    "which then take turns"
)
SLOWER, FASTER, SAME, UNJUDGED = "slower", "faster", "no difference shown", "not judged"


@dataclass(frozen=True)
class Comparison:
    """`first` held against `second`; `differs` says what else is different between them, `doubts` why no verdict."""

    first: Measurement
    second: Measurement
    difference: Difference
    max_slowdown_percent: float
    differs: tuple[str, ...]
    doubts: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """SLOWER, FASTER, SAME or UNJUDGED, said of the second."""
        if self.doubts:
            return UNJUDGED
        if not self.difference.shown:
            return SAME
        return SLOWER if self.difference.percent > 0 else FASTER

    @property
    def note(self) -> str:
        """What would tell more; empty where nothing would."""
        return _VIRTUAL if self.first.virtual or self.second.virtual else ""

    @property
    def passed(self) -> bool:
        """Whether the second is not shown to be slower by more than the slowdown that is allowed."""
        return not self.doubts and not self.difference.low_percent > self.max_slowdown_percent


def compare(first: Measurement, second: Measurement, max_slowdown_percent: float = 0.0) -> Comparison:
    """The Comparison of two measurements; raises MeasurementError when one alone is emulated, or too short."""
    if first.emulated != second.emulated:
        emulated, real = (first, second) if first.emulated else (second, first)
        raise MeasurementError(
            f"{emulated.path} was measured under emulation and {real.path} was not: the times cannot be compared"
        )
    for each in (first, second):
        if len(each.latencies_s) < LEAST_SAMPLES:
            raise MeasurementError(
                f"{each.path}: {len(each.latencies_s)} runs are too few to compare: measure {LEAST_SAMPLES} or more"
            )
    between = BETWEEN_VIRTUAL_RUNS if first.virtual or second.virtual else BETWEEN_RUNS
    return Comparison(
        first,
        second,
        difference(first.latencies_s, second.latencies_s, between_runs=between),
        max_slowdown_percent,
        tuple(differs(first, second)),
        tuple(doubts(first, second)),
    )


def differs(first: Measurement, second: Measurement) -> list[str]:
    """What else is not the same in two measurements, a sentence each."""
    names = ("machine", "runtime", "threads", "kernels", "delegate")
    found = [
        f"{name}: {getattr(first, name) or 'none'}, then {getattr(second, name) or 'none'}"
        for name in names
        if getattr(first, name) != getattr(second, name)
    ]
    if first.sha256 != second.sha256:
        found.append(f"model: {first.model} ({first.sha256[:8]}), then {second.model} ({second.sha256[:8]})")
    return found


def doubts(first: Measurement, second: Measurement) -> list[str]:
    """Why two measurements cannot be judged, a sentence each."""
    if first.emulated:
        return ["both were measured under emulation, where times say nothing of any board"]
    return [
        f"{each.path} is not steady: {', '.join(kinds)}"
        for each in (first, second)
        if (kinds := [kind for kind in each.unsteady if kind in DOUBTFUL])
    ]
