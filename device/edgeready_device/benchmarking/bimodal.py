"""Whether latencies fall into two groups, as those of a clock that jumps or of two kinds of cores do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Chosen; the tests hold them against nine shapes of one group, at 64 to 2,000 runs, and nine pairs of two.
LEAST_SHARE = 0.15  # of the runs in each group
LEAST_GAP = 0.05  # between the medians
_MOST_BETWEEN = 0.05  # of the runs in the middle third
_LEAST_GROUP = 16  # runs in each group
_SHORTEST_S = 1e-12  # below the resolution of any clock: a run of 0 s has a logarithm, too
_LEAST_SAMPLES = 64  # fewer fall apart by chance: of 20 exponential ones 28 series of 100 did


@dataclass(frozen=True)
class TwoModes:
    """The medians of the faster and the slower group in seconds, and the share of runs in the slower."""

    fast_s: float
    slow_s: float
    slow_share: float


def two_modes(latencies_s: Sequence[float]) -> TwoModes | None:
    """Returns the two groups of `latencies_s`, or None when they are one.

    The runs are cut where the variance between the halves is largest (Otsu 1979). They are two groups when each
    has 15 % of the runs and 16 of them, their medians lie 5 % apart, hardly a run (1 in 20) falls into the middle
    third between these, and half of each group's runs are within an eighth of that distance: a long tail is no group.
    """
    values = np.sort(np.log(np.maximum(np.asarray(latencies_s, np.float64), _SHORTEST_S)))
    n = len(values)
    if n < _LEAST_SAMPLES:
        return None
    below = np.arange(1, n)
    sums = np.cumsum(values)
    means = sums[:-1] / below, (sums[-1] - sums[:-1]) / (n - below)
    between = below * (n - below) * (means[1] - means[0]) ** 2
    least = max(LEAST_SHARE * n, _LEAST_GROUP)
    inside = (below >= least) & (n - below >= least)
    cut = int(np.argmax(np.where(inside, between, -1.0))) + 1
    fast, slow = float(np.median(values[:cut])), float(np.median(values[cut:]))
    gap = slow - fast
    middle = int(np.sum((values > fast + gap / 3) & (values < slow - gap / 3)))
    wide = max(float(np.median(np.abs(values[:cut] - fast))), float(np.median(np.abs(values[cut:] - slow))))
    if gap < np.log1p(LEAST_GAP) or middle > _MOST_BETWEEN * n or wide > gap / 8:
        return None
    return TwoModes(float(np.exp(fast)), float(np.exp(slow)), (n - cut) / n)
