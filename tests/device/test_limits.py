from __future__ import annotations

import sys

import pytest

from edgeready_device.isolation.child import run_child
from edgeready_device.isolation.limits import SLACK_BYTES, limits_for, measure_slowness
from edgeready_device.isolation.trial import TrialRequest, try_model, with_need
from edgeready_device.tflite.graph import read_subgraphs
from edgeready_device.tflite.structure.need import read_need

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits are Linux's")
LIMITED = """
import mmap, os, resource, sys, threading
from edgeready_device.isolation.limits import Limits, limit_this_process, lift_processor_limit
limit_this_process(Limits(memory_bytes=64 << 20, processor_s=0))
"""


def ended(code: str):
    return run_child(["-c", f"import sys; sys.path[:] = {sys.path!r}" + LIMITED + code], timeout_s=30)


def test_a_child_gets_the_memory_that_it_is_allowed_and_no_more():
    assert ended("bytearray(32 << 20); print('fits')").output == "fits\n"
    died = ended("bytearray(80 << 20)")
    assert died.code == 1
    assert "MemoryError" in died.errors
    died = ended("mmap.mmap(-1, 300 << 20, mmap.MAP_SHARED)")  # what is shared is no data: the addresses are bounded
    assert "Cannot allocate memory" in died.errors


def test_a_child_that_computes_on_is_ended_with_its_sentence():
    died = ended("\nwhile True: pass")
    assert died.signal == "SIGXCPU"
    assert "it loops without an end, or is damaged" in died.sentence


def test_the_limit_on_processor_time_can_be_lifted_and_threads_are_no_fault():
    code = """
lift_processor_limit()
import time
while time.process_time() < 1.1: pass
threads = [threading.Thread(target=time.sleep, args=(0.05,)) for _ in range(4)]
[thread.start() for thread in threads]
print('alive')"""
    assert ended(code).output == "alive\n"


def test_a_child_writes_no_large_file_and_no_core(tmp_path):
    died = ended(f"open({str(tmp_path / 'large')!r}, 'wb').write(bytes(2 << 20))")
    assert "File too large" in died.errors
    assert ended("print(resource.getrlimit(resource.RLIMIT_CORE)[0])").output == "0\n"


def test_a_limit_is_never_above_the_one_in_force():
    code = "limit_this_process(Limits(memory_bytes=1 << 40, processor_s=99)); bytearray(80 << 20)"
    assert "MemoryError" in ended(code).errors


def test_limits_follow_from_the_need_the_threads_and_the_machine():
    small = limits_for(1000, 0)
    assert (small.memory_bytes, small.processor_s) == (1000 + SLACK_BYTES + (8 << 20), 2.0)
    assert limits_for(1000, 40_000_000, threads=2, slowness=10).processor_s == 60
    assert measure_slowness() >= 1


def test_the_need_of_a_model_follows_from_its_tensors_and_ops(model):
    data = model("conv").read_bytes()
    need = read_need(read_subgraphs(data), len(data))
    tensors = 64 + 64 + 256 + 64 + 64 + 3 + 3 + 3  # bytes of what is no constant
    assert need.memory_bytes == 6 * len(data) + 3 * tensors + 64 * 9 * 8  # a pointer for each pixel of each window
    assert (
        need.operations
        == 20 * (2 * 64 + 256 + 64 + 64 + 64 + 2 + 3 + 3 + 3 + 3)
        + (256 + 64 + 36 + 4)
        + 256 * 9
        + (64 + 192 + 3 + 3)
        + 3 * 64
    )


def test_a_delegate_and_a_structure_that_nobody_reads_get_no_limits(model):
    data = model("conv").read_bytes()
    assert with_need(TrialRequest("x", delegate="./libx.so"), data).memory_bytes == 0
    assert with_need(TrialRequest("x"), b"no model").memory_bytes == 0
    assert with_need(TrialRequest("x"), data).memory_bytes > 0


def test_a_trial_says_what_it_was_allowed(model, litert):
    result = try_model(TrialRequest(litert.name, more_inputs=True), model("conv").read_bytes())
    assert result.ran
    assert result.processor_s >= 2
    assert SLACK_BYTES < result.memory_bytes < SLACK_BYTES + (16 << 20)
