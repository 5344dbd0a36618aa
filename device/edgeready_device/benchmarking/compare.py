"""The comparison of two measurements: the second is slower, faster, or no difference is shown."""

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
    "which are then measured interleaved"
)
SLOWER, FASTER, SAME, UNJUDGED = "slower", "faster", "no difference shown", "not judged"


@dataclass(frozen=True)
class Comparison:
    """Two measurements compared; `differs` says what else is different between them, `doubts` why no verdict."""

    first: Measurement
    second: Measurement
    difference: Difference
    max_slowdown_percent: float
    differs: tuple[str, ...]
    doubts: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """SLOWER, FASTER, SAME or UNJUDGED: the second beside the first."""
        if self.doubts:
            return UNJUDGED
        if not self.difference.shown:
            return SAME
        return SLOWER if self.difference.percent > 0 else FASTER

    @property
    def note(self) -> str:
        """How to compare more precisely; empty where there is no better way."""
        return _VIRTUAL if self.first.virtual or self.second.virtual else ""

    @property
    def passed(self) -> bool:
        """Whether there is a verdict, and no slowdown of more than `max_slowdown_percent` is shown."""
        return not self.doubts and not self.difference.low_percent > self.max_slowdown_percent


def compare(first: Measurement, second: Measurement, max_slowdown_percent: float = 0.0) -> Comparison:
    """Returns the Comparison of two measurements.

    Raises MeasurementError when only one of them is emulated, or one has fewer runs than LEAST_SAMPLES.
    """
    if first.emulated != second.emulated:
        emulated, real = (first, second) if first.emulated else (second, first)
        raise MeasurementError(
            f"{emulated.path} was measured under emulation and {real.path} was not: the times cannot be compared"
        )
    for measurement in (first, second):
        count = len(measurement.latencies_s)
        if count < LEAST_SAMPLES:
            raise MeasurementError(
                f"{measurement.path}: {count} runs are too few to compare: measure {LEAST_SAMPLES} or more"
            )
    between = BETWEEN_VIRTUAL_RUNS if first.virtual or second.virtual else BETWEEN_RUNS
    return Comparison(
        first=first,
        second=second,
        difference=difference(first.latencies_s, second.latencies_s, between_runs=between),
        max_slowdown_percent=max_slowdown_percent,
        differs=tuple(list_differences(first, second)),
        doubts=tuple(list_doubts(first, second)),
    )


def list_differences(first: Measurement, second: Measurement) -> list[str]:
    """Returns a sentence for each thing besides the latencies in which the measurements differ."""
    names = ("machine", "runtime", "threads", "kernels", "delegate")
    sentences = [
        f"{name}: {getattr(first, name) or 'none'}, then {getattr(second, name) or 'none'}"
        for name in names
        if getattr(first, name) != getattr(second, name)
    ]
    if first.sha256 != second.sha256:
        sentences.append(f"model: {first.model} ({first.sha256[:8]}), then {second.model} ({second.sha256[:8]})")
    return sentences


def list_doubts(first: Measurement, second: Measurement) -> list[str]:
    """Returns a sentence for each reason why two measurements cannot be judged."""
    if first.emulated:
        return ["both were measured under emulation, where times say nothing of any board"]
    return [
        f"{measurement.path} is not steady: {', '.join(kinds)}"
        for measurement in (first, second)
        if (kinds := [kind for kind in measurement.unsteady if kind in DOUBTFUL])
    ]
