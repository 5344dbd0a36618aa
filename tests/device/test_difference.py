from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeready_device.benchmarking.difference import (
    Difference,
    block_length,
    block_weights,
    difference,
    paired_difference,
    student,
)


def dependent(random, count, rho, spread=0.02):
    """Latencies whose logarithms follow each other with the correlation `rho` (AR(1))."""
    steps = random.normal(0, spread * math.sqrt(1 - rho * rho), count)
    values = np.empty(count)
    values[0] = random.normal(0, spread)
    for i in range(1, count):
        values[i] = rho * values[i - 1] + steps[i]
    return 0.003 * np.exp(values)


@pytest.mark.parametrize(("freedom", "t"), [(5, 4.0321), (9, 3.2498), (19, 2.8609), (60, 2.6603), (10**6, 2.5758)])
def test_students_t_is_that_of_the_tables(freedom, t):
    assert student(freedom) == pytest.approx(t, abs=0.005)


def test_equal_constant_series_differ_by_nothing():
    found = difference([0.5] * 50, [0.5] * 50, between_runs=0.0)
    assert (found.percent, found.low_percent, found.high_percent, found.shown) == (0.0, 0.0, 0.0, False)


def test_a_constant_series_twice_as_slow_is_100_percent_slower():
    found = difference([0.5] * 50, [1.0] * 50)
    assert found.percent == pytest.approx(100.0)
    assert found.shown
    assert found.low_percent < 100.0 < found.high_percent


def test_the_interval_between_runs_is_there_even_without_noise():
    found = difference([0.5] * 50, [0.505] * 50, between_runs=0.004)
    assert found.percent == pytest.approx(1.0)
    assert not found.shown
    assert difference([0.5] * 50, [0.505] * 50, between_runs=0.002).shown


def test_the_other_way_round_is_the_same_with_the_sign_turned():
    random = np.random.default_rng(1)
    first, second = dependent(random, 400, 0.5), 1.05 * dependent(random, 400, 0.5)
    there, back = difference(first, second), difference(second, first)
    assert there.percent > 0 > back.percent
    assert (1 + there.percent / 100) * (1 + back.percent / 100) == pytest.approx(1.0)
    assert there.shown
    assert back.shown


def test_the_same_series_give_the_same_interval_each_time():
    random = np.random.default_rng(2)
    first, second = dependent(random, 300, 0.3), dependent(random, 300, 0.3)
    assert difference(first, second) == difference(first, second)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_runs_that_depend_on_each_other_give_few_false_alarms(rho):
    random = np.random.default_rng(3)
    alarms = sum(
        difference(dependent(random, 700, rho), dependent(random, 700, rho), between_runs=0.0).shown
        for _ in range(20)
    )
    assert alarms <= 1


def test_a_bootstrap_without_blocks_would_give_many():
    """That the blocks matter: with its runs shuffled the same series has far too narrow an interval."""
    random = np.random.default_rng(4)
    series = dependent(random, 700, 0.95)
    shuffled = random.permutation(series)
    kept, lost = (difference(each, each, between_runs=0.0) for each in (series, shuffled))
    assert kept.high_percent > 2 * lost.high_percent


def test_three_percent_are_found():
    random = np.random.default_rng(5)
    assert all(
        difference(dependent(random, 2000, 0.9), 1.03 * dependent(random, 2000, 0.9)).low_percent > 0
        for _ in range(10)
    )


def test_blocks_grow_with_the_dependence():
    random = np.random.default_rng(6)
    lengths = [block_length(dependent(random, 4000, rho)) for rho in (0.0, 0.9, 0.98)]
    assert lengths[0] == math.ceil(4000 ** (1 / 3))
    assert lengths[0] < lengths[1] < lengths[2]


def test_a_drift_takes_the_longest_blocks():
    assert block_length(np.linspace(1.0, 2.0, 1000)) == 100


@pytest.mark.parametrize("count", [20, 21, 99, 1000])
def test_blocks_are_never_longer_than_a_tenth(count):
    random = np.random.default_rng(7)
    assert 1 <= block_length(dependent(random, count, 0.99)) <= count // 10


def test_a_long_series_is_drawn_from_evenly():
    found = difference(np.tile([0.9, 1.0, 1.1], 20_000), np.tile([0.9, 1.0, 1.1], 20_000), between_runs=0.0)
    assert found.percent == 0.0
    assert not found.shown


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(1e-6, 10.0), min_size=20, max_size=60), st.floats(0.5, 2.0))
def test_the_interval_holds_its_estimate(values, factor):
    found = difference(values, [value * factor for value in values])
    assert isinstance(found, Difference)
    assert found.low_percent <= found.percent <= found.high_percent
    assert found.percent == pytest.approx(100 * (factor - 1), abs=1e-6)


def test_blocks_go_round_the_end():
    assert block_weights(np.array([8]), 4, 10).tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 1, 1]
    assert block_weights(np.array([0, 1, 9]), 2, 10).tolist() == [2, 2, 1, 0, 0, 0, 0, 0, 0, 1]
    assert block_weights(np.array([3, 3]), 10, 10).tolist() == [2] * 10


def test_pairs_that_differ_by_a_factor_are_shown_to():
    random = np.random.default_rng(9)
    found = paired_difference(1.03 * np.exp(random.normal(0, 0.02, 200)))
    assert found.percent == pytest.approx(3.0, abs=0.5)
    assert found.low_percent > 0
    assert found.high_percent < 6


def test_what_meets_both_of_a_pair_cancels():
    machine = np.repeat([1.0, 2.0, 0.7, 3.0], 50)
    first, second = machine * 0.5, machine * 0.515
    assert not difference(first, second).shown
    assert paired_difference(second / first).shown


def test_pairs_alike_show_no_difference():
    random = np.random.default_rng(10)
    alarms = sum(paired_difference(np.exp(random.normal(0, 0.05, 100)), between_runs=0.0).shown for _ in range(20))
    assert alarms <= 1
