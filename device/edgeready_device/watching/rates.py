"""How many frames a second are analyzed and captured, and how old an answer is; over the last frames only."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

_WINDOW = 100  # frames; chosen: seconds of a camera, so that a rate is steady and follows what changes
_LATENCIES = 1000  # of the last frames, for the summary; chosen: enough for a 95th percentile, and memory stays flat


@dataclass(frozen=True)
class Rates:
    """Frames a second over the last 100 analyzed frames; None until there are two."""

    analyzed_per_s: float | None
    captured_per_s: float | None


@dataclass(frozen=True)
class Summary:
    """What was done: frames captured, analyzed, dropped and unusable, and the latencies of the last 1000 frames."""

    seconds: float
    captured: int
    analyzed: int
    dropped: int
    unusable: int
    losses: int
    latency_median_s: float | None
    latency_p95_s: float | None

    @property
    def analyzed_per_s(self) -> float | None:
        """Analyzed frames a second of the whole run."""
        return self.analyzed / self.seconds if self.seconds > 0 else None


class RateMeter:
    """Counts frames; its memory does not grow."""

    def __init__(self) -> None:
        self._frames: deque[tuple[float, float, int]] = deque(maxlen=_WINDOW)  # analyzed at, captured at, number
        self._latencies_s: deque[float] = deque(maxlen=_LATENCIES)

    def add(self, *, analyzed: float, captured: float, number: int) -> Rates:
        """Adds a frame by the times of the same clock, and returns the rates."""
        self._frames.append((analyzed, captured, number))
        self._latencies_s.append(analyzed - captured)
        first, last = self._frames[0], self._frames[-1]
        return Rates(
            _per_second(len(self._frames) - 1, last[0] - first[0]),
            _per_second(last[2] - first[2], last[1] - first[1]),
        )

    def clear(self) -> None:
        """Forgets the frames of the rates: the source stood still."""
        self._frames.clear()

    def latency_s(self, share: float) -> float | None:
        """The latency that `share` of the last frames did not exceed (nearest rank); None without frames."""
        return _nearest_rank(sorted(self._latencies_s), share)


def _per_second(count: int, seconds: float) -> float | None:
    return count / seconds if count > 0 and seconds > 0 else None


def _nearest_rank(values: Sequence[float], share: float) -> float | None:
    return values[max(0, math.ceil(share * len(values)) - 1)] if values else None
