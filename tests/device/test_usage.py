from __future__ import annotations

import dataclasses
import mmap
import os

import pytest
from boards import lay

from edgeready_device.machine.board import Board, this_board
from edgeready_device.machine.usage import (
    Activity,
    Counters,
    Memory,
    MemoryUse,
    compare_counters,
    compare_memory,
    read_counters,
    read_memory,
)

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
    assert compare_counters(before, after) == Activity(10.0, 0.6, 0.2, 2.0)


def test_counters_that_round_never_give_less_than_nothing():
    before, after = Counters(0.0, 0.0, 10.0, 0.0, 0), Counters(1.0, 1.0, 10.99, 0.0, 0)
    assert compare_counters(before, after).others_cpus == 0.0


def test_what_one_reading_lacks_is_unknown():
    known, unknown = Counters(0.0, 0.0, 1.0, 1.0, 1), Counters(1.0, 0.0, None, None, None)
    assert dataclasses.astuple(compare_counters(known, unknown))[1:] == (None, None, None)
    assert dataclasses.astuple(compare_counters(unknown, known))[1:] == (None, None, None)


@pytest.mark.skipif(not os.path.exists("/proc/stat"), reason="this system has no /proc")
def test_this_machine_counts_the_work_of_this_process():
    before = read_counters(this_board())
    total = sum(i * i for i in range(300_000))
    after = read_counters(this_board())
    assert total > 0
    assert after.own_s >= before.own_s
    assert compare_counters(before, after).wall_s > 0
    assert compare_counters(before, after).others_cpus is not None


# -- memory --------------------------------------------------------------------------------------------------


def test_memory_is_read_in_bytes(tmp_path):
    status = "Name:\tpython\nVmPeak:\t  99999 kB\nVmHWM:\t   2000 kB\nVmRSS:\t   1500 kB\n"
    assert read_memory(Board(lay(tmp_path, {"proc/self/status": status}))) == Memory(1500 * 1024, 2000 * 1024)


@pytest.mark.parametrize("status", ["", "VmRSS: much\n", "VmRSS:\t12 MB\n"])
def test_a_kernel_that_does_not_say_is_unknown(tmp_path, status):
    assert read_memory(Board(lay(tmp_path, {"proc/self/status": status}))) == Memory(None, None)


def test_the_model_added_what_was_held_more_after_its_first_run():
    assert compare_memory(Memory(10, 20), Memory(17, 21), Memory(15, 30)) == MemoryUse(7, 30)


def test_memory_that_was_given_back_is_no_negative_addition():
    assert compare_memory(Memory(10, 20), Memory(9, 21), Memory(9, 21)).added_bytes == 0


def test_an_unknown_start_gives_an_unknown_addition():
    assert compare_memory(Memory(None, None), Memory(9, 21), Memory(9, 21)) == MemoryUse(None, 21)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="this system has no /proc")
def test_sixteen_more_megabytes_are_seen():
    some, held = os.urandom(1 << 20), mmap.mmap(-1, 1 << 24)  # memory that no earlier test has given back to Python
    before = read_memory(this_board())
    for _ in range(16):
        held.write(some)
    after = read_memory(this_board())
    held.close()
    assert after.resident_bytes - before.resident_bytes > 1 << 23
    assert after.peak_bytes >= after.resident_bytes
