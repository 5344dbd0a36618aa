from __future__ import annotations

import dataclasses
import os

import pytest
from boards import lay

from edgeready_device.machine.activity import Activity, Counters, activity, read_counters
from edgeready_device.machine.board import Board
from edgeready_device.machine.firmware import this_board

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@pytest.fixture
def counters(tmp_path):
    return lambda stat: read_counters(Board(lay(tmp_path, {"proc/stat": stat})))


def test_busy_is_all_but_idle_and_waiting(counters):
    found = counters(f"cpu  {3 * TICKS} {TICKS} {2 * TICKS} 999 777 0 {TICKS} {5 * TICKS} 0 0\ncpu0 1 1 1 1\n")
    assert (found.busy_s, found.stolen_s) == (12.0, 5.0)


def test_an_old_kernel_counts_no_stolen_time(counters):
    found = counters(f"cpu  {3 * TICKS} 0 0 999\n")
    assert (found.busy_s, found.stolen_s) == (3.0, None)


@pytest.mark.parametrize("stat", ["", "cpu", "cpu 1 2", "cpu0 1 2 3 4", "cpu a b c d", "cpu 1 2 3 -4", "\0" * 50])
def test_a_file_that_counts_nothing_says_nothing(counters, stat):
    found = counters(stat)
    assert (found.busy_s, found.stolen_s) == (None, None)


def test_what_this_process_used_is_not_the_others():
    before = Counters(100.0, 5.0, 50.0, 1.0, 7)
    after = Counters(110.0, 14.0, 67.0, 3.0, 27)
    # 17 s busy, of which 9 s are ours and 2 s the hypervisor's
    assert activity(before, after) == Activity(10.0, 0.6, 0.2, 2.0)


def test_counters_that_round_never_give_less_than_nothing():
    before, after = Counters(0.0, 0.0, 10.0, 0.0, 0), Counters(1.0, 1.0, 10.99, 0.0, 0)
    assert activity(before, after).others_cpus == 0.0


def test_what_one_reading_lacks_is_unknown():
    known, unknown = Counters(0.0, 0.0, 1.0, 1.0, 1), Counters(1.0, 0.0, None, None, None)
    assert dataclasses.astuple(activity(known, unknown))[1:] == (None, None, None)
    assert dataclasses.astuple(activity(unknown, known))[1:] == (None, None, None)


@pytest.mark.skipif(not os.path.exists("/proc/stat"), reason="this system has no /proc")
def test_this_machine_counts_the_work_of_this_process():
    before = read_counters(this_board())
    total = sum(i * i for i in range(300_000))
    after = read_counters(this_board())
    assert total > 0
    assert after.own_s >= before.own_s
    assert activity(before, after).wall_s > 0
    assert activity(before, after).others_cpus is not None
