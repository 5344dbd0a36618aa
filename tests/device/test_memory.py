from __future__ import annotations

import mmap
import os

import pytest
from boards import lay

from edgeready_device.machine.board import Board
from edgeready_device.machine.firmware import this_board
from edgeready_device.machine.memory import Memory, MemoryUse, memory_use, read_memory


def test_memory_is_read_in_bytes(tmp_path):
    status = "Name:\tpython\nVmPeak:\t  99999 kB\nVmHWM:\t   2000 kB\nVmRSS:\t   1500 kB\n"
    assert read_memory(Board(lay(tmp_path, {"proc/self/status": status}))) == Memory(1500 * 1024, 2000 * 1024)


@pytest.mark.parametrize("status", ["", "VmRSS: much\n", "VmRSS:\t12 MB\n"])
def test_a_kernel_that_does_not_say_is_unknown(tmp_path, status):
    assert read_memory(Board(lay(tmp_path, {"proc/self/status": status}))) == Memory(None, None)


def test_the_model_added_what_was_held_more_after_its_first_run():
    assert memory_use(Memory(10, 20), Memory(17, 21), Memory(15, 30)) == MemoryUse(7, 30)


def test_memory_that_was_given_back_is_no_negative_addition():
    assert memory_use(Memory(10, 20), Memory(9, 21), Memory(9, 21)).added_bytes == 0


def test_an_unknown_start_gives_an_unknown_addition():
    assert memory_use(Memory(None, None), Memory(9, 21), Memory(9, 21)) == MemoryUse(None, 21)


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
