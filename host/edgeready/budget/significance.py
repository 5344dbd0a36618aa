"""Whether a drop in accuracy is real: two models on the same images, so that only the changed answers count."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeready_device.statistics import Z_95

_MOST_IMAGES = 10**9  # chosen: no test set is larger, and a budget that needs more is out of reach
_HALVINGS = 60  # halves an interval of length 2 below the resolution of float64 (2**-52)


@dataclass(frozen=True, kw_only=True)
class PairedDrop:
    """The drop in accuracy from one model to another on the same `count` images.

    The first model alone is right on `lost` of them, the second alone on `gained`.
    """

    lost: int
    gained: int
    count: int

    def __post_init__(self) -> None:
        if min(self.lost, self.gained) < 0 or self.lost + self.gained > self.count or not self.count:
            raise ValueError(f"{self.lost} lost and {self.gained} gained of {self.count} images: no such comparison")

    @property
    def value(self) -> float:
        """The drop in accuracy, from -1 to 1; negative where the accuracy rose."""
        return (self.lost - self.gained) / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """Tango's 95 % score interval of the drop (Tango 1998), which holds for few images and few changes, too."""
        return score_interval(self.lost, self.gained, self.count)

    @property
    def p_value(self) -> float:
        """The p-value of McNemar's exact test: the chance of a split into lost and gained at least this uneven."""
        changed, fewer = self.lost + self.gained, min(self.lost, self.gained)
        logs = [
            math.lgamma(changed + 1) - math.lgamma(k + 1) - math.lgamma(changed - k + 1) - changed * math.log(2)
            for k in range(fewer + 1)
        ]
        return min(1.0, 2 * math.fsum(map(math.exp, logs)))

    def verdict(self, budget: float) -> str:
        """Returns "kept" if the interval is within `budget` (0 to 1), "broken" if it is beyond, else "unclear"."""
        low, high = self.interval
        return "kept" if high <= budget else "broken" if low > budget else "unclear"

    def images_needed(self, budget: float) -> int | None:
        """Returns how many images, with the same share of changes, would show the drop within `budget`, if any do."""
        if self.value >= budget:
            return None

        def shown(count: float) -> bool:
            share = count / self.count
            return score_interval(self.lost * share, self.gained * share, count)[1] <= budget

        low, high = 1, 2
        while not shown(high):
            low, high = high, 2 * high
            if high > _MOST_IMAGES:
                return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if shown(middle) else (middle, high)
        return high


def chance_of_at_least(hits: int, count: int, share: float) -> float:
    """Returns the chance of `hits` or more in `count` trials, each with the chance `share` between 0 and 1."""
    logs = [
        math.lgamma(count + 1)
        - math.lgamma(k + 1)
        - math.lgamma(count - k + 1)
        + k * math.log(share)
        + (count - k) * math.log1p(-share)
        for k in range(hits, count + 1)
    ]
    return min(1.0, math.fsum(map(math.exp, logs)))


def paired_drop(before: NDArray[np.int64], after: NDArray[np.int64], truth: NDArray[np.int64]) -> PairedDrop:
    """Returns the PairedDrop between the predicted classes `before` and `after`, given the true ones, all (n,)."""
    first, second = before == truth, after == truth
    return PairedDrop(lost=int((first & ~second).sum()), gained=int((~first & second).sum()), count=len(truth))


def score_interval(lost: float, gained: float, count: float) -> tuple[float, float]:
    """Returns the lowest and the highest drop that a score test at 95 % does not reject."""
    middle = (lost - gained) / count

    def rejected(drop: float) -> bool:
        return abs(_score(lost, gained, count, drop)) > Z_95

    ends = []
    for bound in (-1.0, 1.0):
        inside, outside = middle, bound
        if rejected(bound):
            for _ in range(_HALVINGS):
                between = (inside + outside) / 2
                inside, outside = (inside, between) if rejected(between) else (between, outside)
        ends.append(outside)
    return ends[0], ends[1]


def _score(lost: float, gained: float, count: float, drop: float) -> float:
    """Returns the distance of the observed drop from `drop`, in standard errors under `drop`."""
    a, b, c = 2 * count, (2 * count - lost + gained) * drop - lost - gained, -gained * drop * (1 - drop)
    likely = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)  # the share gained, if the drop were `drop`
    variance = count * (2 * likely + drop * (1 - drop))
    distance = lost - gained - count * drop
    if variance <= 0:
        return 0.0 if distance == 0 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)
