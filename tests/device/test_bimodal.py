from __future__ import annotations

import numpy as np
import pytest

from edgeready_device.benchmarking.bimodal import two_modes

ONE = {
    "normal": lambda random, n: random.normal(1, 0.05, n),
    "uniform": lambda random, n: random.uniform(0.8, 1.2, n),
    "a tail": lambda random, n: 1 + 0.3 * random.exponential(size=n),
    "a thin tail of a tenth": lambda random, n: np.where(random.random(n) < 0.1, 1 + random.random(n), 1.0),
    "a fat tail of a fifth": lambda random, n: np.where(random.random(n) < 0.2, 1 + random.random(n), 1.0),
    "a line": lambda random, n: np.linspace(1.0, 1.5, n),
    "constant": lambda random, n: np.ones(n),
    "two with a bridge": lambda random, n: np.where(
        np.arange(n) % 8 == 0, 1.22, np.where(np.arange(n) % 2, 1.0, 1.5)
    ),
    "two close ones": lambda random, n: np.where(random.random(n) < 0.5, 1.0, 1.04),
}


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("count", [64, 200, 2000])
def test_one_group_is_not_called_two(name, count):
    random = np.random.default_rng(1)
    assert [two_modes(ONE[name](random, count)) for _ in range(20)] == [None] * 20


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("slow", [1.08, 1.5, 4.0])
def test_two_groups_are_found_with_their_medians_and_shares(share, slow):
    random = np.random.default_rng(2)
    values = np.where(np.arange(1000) < 1000 * share, slow, 1.0) * np.exp(random.normal(0, 0.005, 1000))
    found = two_modes(values)
    assert found is not None
    assert (found.fast_s, found.slow_s) == (pytest.approx(1.0, rel=0.01), pytest.approx(slow, rel=0.01))
    assert found.slow_share == pytest.approx(share, abs=0.002)


def test_a_few_outliers_do_not_hide_two_groups():
    values = np.array([1.0] * 500 + [1.3] * 490 + [50.0] * 10)
    assert two_modes(values).slow_s == pytest.approx(1.3)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0] * 31])
def test_fewer_than_64_runs_are_never_called_two_groups(values):
    assert two_modes(values) is None


def test_a_clock_that_shows_nothing_is_one_group():
    assert two_modes([0.0] * 100) is None
