from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeready_device.benchmarking.latency import LatencySummary, samples_needed, summarize
from edgeready_device.statistics import Proportion


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17:857, table I, method 3 (Wilson, no continuity correction)
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons(hits, count, low, high):
    found = Proportion(hits, count).interval
    assert (round(found[0], 4), round(found[1], 4)) == (low, high)


def test_the_interval_of_all_hits_mirrors_that_of_none():
    none, every = Proportion(0, 20).interval, Proportion(20, 20).interval
    assert none[0] == 0.0
    assert every[1] == 1.0
    assert every[0] == pytest.approx(1 - none[1], abs=1e-15)


def test_nothing_tried_says_nothing():
    assert Proportion(0, 0).value == 0.0
    assert Proportion(0, 0).interval == (0.0, 1.0)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_its_value_and_stays_from_zero_to_one(pair):
    share = Proportion(*pair)
    low, high = share.interval
    assert 0.0 <= low <= share.value + 1e-12
    assert share.value - 1e-12 <= high <= 1.0


@pytest.mark.parametrize(("percentile", "samples"), [(50, 11), (90, 64), (95, 130), (99, 662)])
def test_samples_needed_are_those_of_loadgens_early_stopping(percentile, samples):
    assert samples_needed(percentile) == samples


@pytest.mark.parametrize("percentile", [50, 90, 95, 99])
def test_samples_needed_is_the_least_number_that_holds(percentile):
    def chance_of_one_slow_at_most(n: int) -> float:
        slow = 1 - percentile / 100
        return sum(math.comb(n, k) * slow**k * (1 - slow) ** (n - k) for k in (0, 1))

    n = samples_needed(percentile)
    assert chance_of_one_slow_at_most(n) <= 0.01 < chance_of_one_slow_at_most(n - 1)


def test_a_summary_of_few_samples_has_no_percentiles():
    assert summarize([3.0, 1.0, 2.0]) == LatencySummary(3, 2.0, 1.0, None, None, None)


def test_a_summary_of_one_sample_is_that_sample():
    assert summarize([0.25]) == LatencySummary(1, 0.25, 0.0, None, None, None)


def test_p90_appears_at_its_64th_sample():
    assert summarize([1.0] * 63).p90_s is None
    found = summarize([float(i) for i in range(64)])
    assert (found.p90_s, found.p99_s) == (pytest.approx(56.7), None)


def test_p95_appears_at_its_130th_sample():
    assert summarize([1.0] * 129).p95_s is None
    assert summarize([float(i) for i in range(130)]).p95_s == pytest.approx(122.55)


def test_p99_appears_at_its_662nd_sample():
    assert summarize([1.0] * 661).p99_s is None
    assert summarize([float(i) for i in range(662)]).p99_s == pytest.approx(654.39)


def test_the_median_and_the_deviation_ignore_one_outlier():
    found = summarize([1.0, 1.0, 2.0, 3.0, 1000.0])
    assert (found.median_s, found.mad_s) == (2.0, 1.0)
