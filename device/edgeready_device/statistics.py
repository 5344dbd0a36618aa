"""A share of trials and its confidence interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z_95 = 1.959963984540054  # two-sided 95 % of the normal distribution


@dataclass(frozen=True)
class Proportion:
    """`hits` of `count` trials."""

    hits: int
    count: int

    @property
    def value(self) -> float:
        """The share from 0 to 1; 0 when nothing was tried."""
        return self.hits / self.count if self.count else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % score interval (Wilson 1927)."""
        if not self.count:
            return 0.0, 1.0
        n, p, z2 = self.count, self.value, Z_95 * Z_95
        middle = p + z2 / (2 * n)
        half = Z_95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        return max(0.0, (middle - half) / (1 + z2 / n)), min(1.0, (middle + half) / (1 + z2 / n))
