"""How far the medians of two series of latencies lie apart, and how sure that is where runs depend on each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.99
BETWEEN_RUNS = 0.004  # by so much (one standard deviation) two measurements of one thing differ: docs/benchmarking.md
BETWEEN_VIRTUAL_RUNS = 0.03  # the same where a virtual machine shares its host with others
LEAST_SAMPLES = 20
_MOST_SAMPLES = 20_000  # of a longer series every k-th is drawn from
_FEWEST_BLOCKS = 10
_RESAMPLES = 500
_Z = 2.5758293035489004  # two-sided 99 % of the normal distribution


@dataclass(frozen=True)
class Difference:
    """By how many percent the second median is above the first, with its 99 % interval, from `blocks` blocks."""

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
    """The Difference of two series of at least LEAST_SAMPLES positive latencies, each in the order of its runs.

    The spread of each median comes from a circular block bootstrap (Politis and Romano 1992), whose blocks are
    as long as the runs depend on each other; Student's t makes up for few blocks. `between_runs` is added to it:
    what two measurements differ by although each of them is steady, which neither can know.
    """
    random = np.random.default_rng(seed)
    spreads = [_spread(np.asarray(series, np.float64), random) for series in (first, second)]
    blocks = min(blocks for _, blocks in spreads)
    middle = math.log(float(np.median(second)) / float(np.median(first)))
    return _around(middle, math.hypot(*(spread for spread, _ in spreads)), blocks, between_runs)


def paired_difference(ratios: Sequence[float], *, between_runs: float = BETWEEN_RUNS, seed: int = 0) -> Difference:
    """The Difference of two things that took turns, from at least LEAST_SAMPLES ratios, second to first, in order.

    What the machine did meanwhile is in both sides of a ratio and cancels; the rest is as in `difference`.
    """
    values = np.asarray(ratios, np.float64)
    spread, blocks = _spread(values, np.random.default_rng(seed))
    return _around(math.log(float(np.median(values))), spread, blocks, between_runs)


def _around(middle: float, spread: float, blocks: int, between_runs: float) -> Difference:
    """The Difference with the logarithm `middle` and the standard error `spread`."""
    half = math.hypot(student(blocks - 1) * spread, _Z * math.sqrt(2) * between_runs)
    low, high = (100 * math.expm1(middle + sign * half) for sign in (-1, 1))
    return Difference(100 * math.expm1(middle), low, high, blocks)


def block_length(values: NDArray[np.float64]) -> int:
    """How many runs in a row depend on each other: at least the cube root of their number, at most a tenth.

    Twice the lag from which on the autocorrelation stays inside its noise (after Politis and White 2004), taken of
    which runs are above the median, for that is what moves a median.
    """
    n = len(values)
    signs = np.where(values > np.median(values), 1.0, -1.0)
    signs -= signs.mean()
    spectrum = np.fft.rfft(signs, 2 * n)
    correlation = np.fft.irfft(spectrum * np.conj(spectrum))[:n]
    if correlation[0] <= 0:
        return max(1, n // _FEWEST_BLOCKS)
    within = np.abs(correlation / correlation[0]) < 2 * math.sqrt(math.log10(n) / n)
    streak = max(5, round(math.sqrt(math.log10(n))))
    run = 0
    for lag in range(1, n):
        run = run + 1 if within[lag] else 0
        if run == streak:
            return _bounded(2 * (lag - streak + 1), n)
    return _bounded(n, n)


def _bounded(length: int, n: int) -> int:
    return max(1, min(max(length, math.ceil(math.pow(n, 1 / 3))), n // _FEWEST_BLOCKS))


def _spread(values: NDArray[np.float64], random: np.random.Generator) -> tuple[float, int]:
    """The standard error of the logarithm of the median, and the number of blocks it rests on."""
    values = values[:: -(-len(values) // _MOST_SAMPLES)]
    n, length = len(values), block_length(values)
    blocks = math.ceil(n / length)
    order = np.argsort(values, kind="stable")
    medians = np.empty(_RESAMPLES)
    for i in range(_RESAMPLES):
        weights = block_weights(random.integers(0, n, blocks, dtype=np.intp), length, n)
        reached = np.cumsum(weights[order])
        medians[i] = values[order[int(np.searchsorted(reached, reached[-1] / 2))]]
    return float(np.std(np.log(medians / float(np.median(values))))), n // length


def block_weights(starts: NDArray[np.intp], length: int, n: int) -> NDArray[np.intp]:
    """How often each of `n` runs is drawn by blocks of `length` from `starts`, which go round the end."""
    steps = np.bincount(starts, minlength=n + length) - np.bincount(starts + length, minlength=n + length)
    drawn: NDArray[np.intp] = np.cumsum(steps)
    once = drawn[:n]
    once[:length] += drawn[n:]
    return once


def student(freedom: int) -> float:
    """The two-sided 99 % point of Student's t, by Cornish-Fisher's expansion (Abramowitz and Stegun 26.7.5)."""
    z, v = _Z, max(freedom, 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return z + sum(term / math.pow(v, power + 1) for power, term in enumerate(terms))
