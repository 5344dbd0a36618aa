"""Whether a drop in accuracy is real: McNemar's exact test and the interval of the paired difference."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edgeready.budget.significance import PairedDrop, paired_drop, score_interval


def test_the_drop_counts_only_the_answers_that_changed_between_right_and_wrong():
    truth = np.array([0, 0, 0, 1, 1, 1])
    before = np.array([0, 0, 1, 1, 0, 2])
    after = np.array([0, 1, 0, 1, 2, 1])
    drop = paired_drop(before, after, truth)
    assert drop == PairedDrop(lost=1, gained=2, count=6)
    assert drop.value == pytest.approx(-1 / 6)


@pytest.mark.parametrize(
    ("lost", "gained", "expected"),
    [(0, 0, 1.0), (1, 0, 1.0), (2, 0, 0.5), (5, 0, 2 / 32), (6, 0, 2 / 64), (0, 6, 2 / 64), (8, 1, 2 * 10 / 512)],
)
def test_the_p_value_is_that_of_the_binomial_by_hand(lost, gained, expected):
    assert PairedDrop(lost=lost, gained=gained, count=1000).p_value == pytest.approx(expected, rel=1e-9)


def test_the_p_value_of_many_changes_agrees_with_exact_integers():
    exact = 2 * sum(math.comb(900, k) for k in range(401)) / 2**900
    assert PairedDrop(lost=500, gained=400, count=10_000).p_value == pytest.approx(exact, rel=1e-9)


def likelihood_score(lost, gained, count, drop):
    """The score statistic with the nuisance share found by search, not by formula."""
    shares = np.linspace(max(0.0, -drop) + 1e-9, (1 - drop) / 2 - 1e-9, 400_001)
    rest = count - lost - gained
    logs = lost * np.log(shares + drop) + gained * np.log(shares) + rest * np.log1p(-2 * shares - drop)
    share = shares[np.argmax(logs)]
    return (lost - gained - count * drop) / math.sqrt(count * (2 * share + drop * (1 - drop)))


@pytest.mark.parametrize(("lost", "gained", "count"), [(12, 2, 50), (30, 10, 1000), (5, 1, 359), (3, 9, 200)])
def test_the_ends_of_the_interval_are_where_the_score_test_just_rejects(lost, gained, count):
    low, high = score_interval(lost, gained, count)
    assert likelihood_score(lost, gained, count, low) == pytest.approx(1.95996, abs=2e-3)
    assert likelihood_score(lost, gained, count, high) == pytest.approx(-1.95996, abs=2e-3)


def test_without_a_single_change_the_interval_still_has_a_width():
    low, high = PairedDrop(lost=0, gained=0, count=359).interval
    assert -low == pytest.approx(high)
    assert high == pytest.approx(1.96**2 / (359 + 1.96**2), rel=1e-3)


def test_the_interval_covers_the_true_drop_in_about_95_of_100_draws():
    draw = np.random.default_rng(1)
    lost_share, gained_share, count = 0.02, 0.01, 400
    lost, gained, _ = draw.multinomial(count, [lost_share, gained_share, 1 - lost_share - gained_share], 2000).T
    intervals = {pair: score_interval(*pair, count) for pair in {*zip(lost.tolist(), gained.tolist())}}
    covered = [
        low <= lost_share - gained_share <= high
        for low, high in (intervals[pair] for pair in zip(lost.tolist(), gained.tolist()))
    ]
    assert 0.935 <= np.mean(covered) <= 0.965


@pytest.mark.parametrize(
    ("lost", "gained", "count", "verdict"),
    [
        (10, 10, 10_000, "kept"),
        (60, 40, 10_000, "unclear"),
        (200, 10, 10_000, "broken"),
        (1, 0, 359, "unclear"),  # one image is 0.28 points: chance
        (6, 0, 359, "broken"),  # small sets do not pass blindly
        (0, 0, 10, "unclear"),
    ],
)
def test_the_interval_decides_whether_a_budget_of_0_3_points_is_kept(lost, gained, count, verdict):
    assert PairedDrop(lost=lost, gained=gained, count=count).verdict(0.003) == verdict


def test_how_many_images_would_show_it_is_the_least_number_that_does():
    needed = PairedDrop(lost=0, gained=0, count=359).images_needed(0.003)
    assert score_interval(0, 0, needed)[1] <= 0.003 < score_interval(0, 0, needed - 1)[1]


def test_no_number_of_images_shows_a_drop_within_a_budget_that_it_is_over():
    assert PairedDrop(lost=2, gained=0, count=359).images_needed(0.003) is None


@pytest.mark.parametrize(("lost", "gained", "count"), [(-1, 0, 10), (6, 5, 10), (0, 0, 0)])
def test_counts_that_cannot_be_are_refused(lost, gained, count):
    with pytest.raises(ValueError, match="no such comparison"):
        PairedDrop(lost=lost, gained=gained, count=count)
