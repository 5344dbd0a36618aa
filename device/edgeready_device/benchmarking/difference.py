"""The difference between the medians of two series of latencies, and its interval where runs depend on each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.99  # chosen: one comparison of the same thing in a hundred may be called different
# By so much, as one standard deviation, two measurements of one thing differ although each is steady. Measured with
# benchmarks/compare.py on a virtual machine with two CPUs (docs/benchmarking.md): a model interleaved with itself
# came out between -0.73 and +0.24 % (16 pairs), and six files of one model spread by up to 2.9 %.
BETWEEN_RUNS = 0.004
BETWEEN_VIRTUAL_RUNS = 0.03
LEAST_SAMPLES = 20  # chosen: two runs in each of the fewest blocks
_MOST_SAMPLES = 20_000  # of a longer series every k-th is used; chosen: it bounds the time of the bootstrap
_FEWEST_BLOCKS = 10  # chosen: at 9 degrees of freedom Student's t is a quarter wider than the normal distribution
_RESAMPLES = 500  # chosen: the bootstrap's own error of a spread is then 1 / sqrt(2 * 500), 3 % of it
_Z = 2.5758293035489004  # two-sided 99 % of the normal distribution: CONFIDENCE


@dataclass(frozen=True)
class Difference:
    """The second median is `percent` above the first, with a 99 % interval that rests on `blocks` blocks."""

    percent: float
    low_percent: float
    high_percent: float
    blocks: int

    @property
    def shown(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low_percent > 0 or self.high_percent < 0


def difference(
    first: Sequence[float], second: Sequence[float], *, between_runs: float = BETWEEN_RUNS, seed: int = 0
) -> Difference:
    """Returns the Difference of two series of LEAST_SAMPLES or more positive latencies in the order of their runs.

    The spread of each median comes from a circular block bootstrap (Politis and Romano 1992). A block is as long as
    the runs depend on each other, and Student's t makes up for few blocks. `between_runs` widens the interval by what
    two steady measurements of one thing differ by, which no single measurement shows.
    """
    random = np.random.default_rng(seed)
    spreads = [_spread(np.asarray(series, np.float64), random) for series in (first, second)]
    blocks = min(blocks for _, blocks in spreads)
    middle = math.log(float(np.median(second)) / float(np.median(first)))
    return _around(middle, math.hypot(*(spread for spread, _ in spreads)), blocks, between_runs=between_runs)


def paired_difference(ratios: Sequence[float], *, between_runs: float = BETWEEN_RUNS, seed: int = 0) -> Difference:
    """Returns the Difference of two interleaved series, from LEAST_SAMPLES or more ratios, second to first, in order.

    The machine's other work is in both sides of a ratio and cancels. Everything else is as in `difference`.
    """
    values = np.asarray(ratios, np.float64)
    spread, blocks = _spread(values, np.random.default_rng(seed))
    return _around(math.log(float(np.median(values))), spread, blocks, between_runs=between_runs)


def _around(middle: float, spread: float, blocks: int, *, between_runs: float) -> Difference:
    """Returns the Difference whose logarithm is `middle` with the standard error `spread`."""
    half = math.hypot(student(blocks - 1) * spread, _Z * math.sqrt(2) * between_runs)
    low, high = (100 * math.expm1(middle + sign * half) for sign in (-1, 1))
    return Difference(100 * math.expm1(middle), low, high, blocks=blocks)


def block_length(values: NDArray[np.float64]) -> int:
    """Returns how many runs in a row depend on each other: at least the cube root of their number, at most a tenth.

    The length is twice the lag beyond which the autocorrelation stays inside its noise (after Politis and White
    2004). The autocorrelation is that of the signs, above or below the median: they alone move a median.
    """
    n = len(values)
    signs = np.where(values > np.median(values), 1.0, -1.0)
    signs -= signs.mean()
    spectrum = np.fft.rfft(signs, 2 * n)
    correlation = np.fft.irfft(spectrum * np.conj(spectrum))[:n]
    if correlation[0] <= 0:
        return max(1, n // _FEWEST_BLOCKS)
    within = np.abs(correlation / correlation[0]) < 2 * math.sqrt(math.log10(n) / n)
    streak = max(5, round(math.sqrt(math.log10(n))))  # both limits are those of Politis and White 2004
    run = 0
    for lag in range(1, n):
        run = run + 1 if within[lag] else 0
        if run == streak:
            return _limit_length(2 * (lag - streak + 1), n)
    return _limit_length(n, n)


def _limit_length(length: int, n: int) -> int:
    return max(1, min(max(length, math.ceil(math.pow(n, 1 / 3))), n // _FEWEST_BLOCKS))


def _spread(values: NDArray[np.float64], random: np.random.Generator) -> tuple[float, int]:
    """Returns the standard error of the logarithm of the median, and the number of blocks that it rests on."""
    values = values[:: -(-len(values) // _MOST_SAMPLES)]
    n, length = len(values), block_length(values)
    blocks = math.ceil(n / length)
    order = np.argsort(values, kind="stable")
    medians = np.empty(_RESAMPLES)
    for i in range(_RESAMPLES):
        weights = block_weights(random.integers(0, n, blocks, dtype=np.intp), length, n)
        totals = np.cumsum(weights[order])
        medians[i] = values[order[int(np.searchsorted(totals, totals[-1] / 2))]]
    return float(np.std(np.log(medians / float(np.median(values))))), n // length


def block_weights(starts: NDArray[np.intp], length: int, n: int) -> NDArray[np.intp]:
    """Returns how often each of `n` runs is in the blocks of `length` from `starts`, which wrap around the end."""
    steps = np.bincount(starts, minlength=n + length) - np.bincount(starts + length, minlength=n + length)
    counts: NDArray[np.intp] = np.cumsum(steps)
    weights = counts[:n]
    weights[:length] += counts[n:]
    return weights


def student(freedom: int) -> float:
    """Returns the two-sided 99 % point of Student's t, by the expansion 26.7.5 of Abramowitz and Stegun."""
    z, v = _Z, max(freedom, 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return z + sum(term / math.pow(v, power + 1) for power, term in enumerate(terms))
