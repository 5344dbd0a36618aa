"""The summary of latencies: the median, the percentiles, and how many samples carry them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_CONFIDENCE = 0.99  # that of the early-stopping rule of MLPerf LoadGen


def samples_needed(percentile: float) -> int:
    """Returns how many samples carry the `percentile` (50 to below 100): 11 for p50, 64 for p90, 662 for p99.

    The early-stopping rule of MLPerf LoadGen: the fewest n for which seeing at most one slower sample has a
    probability of at most 1 - 0.99 if more than the claimed share were slower.
    """
    slow = 1 - percentile / 100
    n = 2
    while (1 - slow) ** n + n * slow * (1 - slow) ** (n - 1) > 1 - _CONFIDENCE:
        n += 1
    return n


@dataclass(frozen=True)
class LatencySummary:
    """Median, MAD and percentiles in seconds; a percentile is None when the samples are too few to carry it."""

    count: int
    median_s: float
    mad_s: float
    p90_s: float | None
    p95_s: float | None
    p99_s: float | None


def summarize(latencies_s: Sequence[float]) -> LatencySummary:
    """Returns the LatencySummary of at least one latency; mad_s is the median absolute deviation."""
    values = np.asarray(latencies_s, np.float64)
    median = float(np.median(values))

    def percentile(q: int) -> float | None:
        return float(np.percentile(values, q)) if len(values) >= samples_needed(q) else None

    mad = float(np.median(np.abs(values - median)))
    return LatencySummary(
        count=len(values),
        median_s=median,
        mad_s=mad,
        p90_s=percentile(90),
        p95_s=percentile(95),
        p99_s=percentile(99),
    )
